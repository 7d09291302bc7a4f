//! Replies with pages: how long they are kept, and what is not sent again.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use jiff::{SignedDuration, Timestamp, fmt::rfc2822};
use tonic::body::Body;

use crate::{
    server::{
        compression::{Encodings, encoded},
        help_center::place::HelpCenter,
        responses::{matches, plain_response, unchanged},
    },
    text::fingerprint,
};

/// How long browsers and caches show a page without asking again.
const KEPT: &str = "public, max-age=60";
const FRESH: &str = "no-store";
/// A style sheet's address changes with it.
const KEPT_FOR_EVER: &str = "public, max-age=31536000, immutable";
const HTML: &str = "text/html; charset=utf-8";
const XML: &str = "application/xml; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// What is sent to a visitor.
#[derive(Debug)]
pub struct Reply {
    pub code: StatusCode,
    content_type: &'static str,
    text: String,
    /// Since when it is as it is; `None`: it is made for this visitor, and not kept.
    changed_at: Option<Timestamp>,
    /// Where a redirect leads, as a path.
    location: String,
}

impl Reply {
    /// A page that is kept for a moment.
    pub fn kept(html: String, changed_at: Timestamp) -> Reply {
        Reply { code: StatusCode::OK, content_type: HTML, text: html, changed_at: Some(changed_at), location: String::new() }
    }

    /// A page for this visitor.
    pub fn fresh(html: String) -> Reply {
        Reply { changed_at: None, ..Reply::kept(html, Timestamp::default()) }
    }

    /// A page that says why there is no other.
    pub fn failed(code: StatusCode, html: String) -> Reply {
        Reply { code, ..Reply::fresh(html) }
    }

    /// The list of addresses.
    pub fn sitemap(xml: String, changed_at: Timestamp) -> Reply {
        Reply { content_type: XML, ..Reply::kept(xml, changed_at) }
    }

    /// What search engines may read.
    pub fn robots(origin: &str) -> Reply {
        let text = format!("User-agent: *\nDisallow: /help/*/search\nDisallow: /*?search=\n\nSitemap: {origin}/help/sitemap.xml\n");
        Reply { content_type: TEXT, ..Reply::fresh(text) }
    }

    /// Leads to the page that a reader is shown.
    pub fn found(path: String) -> Reply {
        Reply { code: StatusCode::FOUND, content_type: TEXT, location: path, ..Reply::fresh("see the location\n".to_owned()) }
    }

    /// Leads to the same page at its own address.
    pub fn moved(path: String) -> Reply {
        Reply { code: StatusCode::MOVED_PERMANENTLY, ..Reply::found(path) }
    }

    /// Leads to a page after a form was sent.
    pub fn see_other(path: String) -> Reply {
        Reply { code: StatusCode::SEE_OTHER, ..Reply::found(path) }
    }

    /// The response to a request.
    pub fn response(self, request_headers: &HeaderMap, center: &HelpCenter) -> Response<Body> {
        let Reply { code, content_type, text, changed_at, location } = self;
        let tag = HeaderValue::from_str(&format!("W/\"{}\"", &fingerprint(&text)[..24])).ok();
        let modified = changed_at.and_then(last_modified);
        let is_current = changed_at.is_some() && tag.as_ref().is_some_and(|tag| is_current(request_headers, tag, modified));
        let mut response =
            if is_current { unchanged() } else { encoded(request_headers, content_type, &Encodings::fast(text.into_bytes())) };
        if !is_current {
            *response.status_mut() = code;
        }
        let headers = response.headers_mut();
        if changed_at.is_some() {
            tag.map(|tag| headers.insert(header::ETAG, tag));
            modified.and_then(http_date).map(|date| headers.insert(header::LAST_MODIFIED, date));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(if changed_at.is_some() { KEPT } else { FRESH }));
        if let Ok(location) = HeaderValue::from_str(&location)
            && !location.is_empty()
        {
            headers.insert(header::LOCATION, location);
        }
        with_policy(response, center)
    }
}

/// A help center's style sheet. `query`: that of the address, which names its content.
pub fn style(request_headers: &HeaderMap, query: &str, center: &HelpCenter) -> Response<Body> {
    let tag = format!("W/\"{}\"", center.style_tag);
    let mut response = if matches(request_headers, &tag) { unchanged() } else { encoded(request_headers, STYLE, &center.style) };
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    let is_its_own = query == format!("v={}", center.style_tag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(if is_its_own { KEPT_FOR_EVER } else { "no-cache" }));
    with_policy(response, center)
}

/// A refusal that no page can be made for.
pub fn refusal(code: StatusCode, center: &HelpCenter) -> Response<Body> {
    with_policy(plain_response(code, TEXT, "this page can't be shown now; try again in a moment\n"), center)
}

fn with_policy(mut response: Response<Body>, center: &HelpCenter) -> Response<Body> {
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, center.policy.clone());
    // The page's own forms tell where they come from, other sites are told nothing.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// The second at whose beginning a page had changed already; `None` until it is over.
fn last_modified(changed_at: Timestamp) -> Option<Timestamp> {
    let second = Timestamp::from_second(changed_at.as_second()).ok()? + SignedDuration::from_secs(1);
    (second <= Timestamp::now()).then_some(second)
}

fn http_date(time: Timestamp) -> Option<HeaderValue> {
    HeaderValue::from_str(&rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&time).ok()?).ok()
}

/// Whether what a client has is current. A tag counts before a time.
fn is_current(request_headers: &HeaderMap, tag: &HeaderValue, modified: Option<Timestamp>) -> bool {
    if request_headers.contains_key(header::IF_NONE_MATCH) {
        return tag.to_str().is_ok_and(|tag| matches(request_headers, tag));
    }
    let since = request_headers.get(header::IF_MODIFIED_SINCE).and_then(|since| since.to_str().ok());
    let since = since.and_then(|since| rfc2822::DateTimeParser::new().parse_timestamp(since).ok());
    since.zip(modified).is_some_and(|(since, modified)| modified <= since)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_current_since_the_second_after_its_change() {
        let changed: Timestamp = "2026-11-27T10:00:00.4Z".parse().unwrap();
        let modified = last_modified(changed).unwrap();
        assert_eq!(http_date(modified).unwrap(), "Fri, 27 Nov 2026 10:00:01 GMT");
        assert!(last_modified(Timestamp::now()).is_none(), "it may change again within this second");
        let tag = HeaderValue::from_static("W/\"a\"");
        let asked = |name: header::HeaderName, value: &'static str| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        for (since, expected) in [
            ("Fri, 27 Nov 2026 10:00:01 GMT", true),
            ("Fri, 27 Nov 2026 10:00:00 GMT", false),
            ("Sat, 28 Nov 2026 10:00:00 GMT", true),
            ("nonsense", false),
        ] {
            assert_eq!(is_current(&asked(header::IF_MODIFIED_SINCE, since), &tag, Some(modified)), expected, "{since}");
        }
        let mut both = asked(header::IF_MODIFIED_SINCE, "Sat, 28 Nov 2026 10:00:00 GMT");
        both.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"b\""));
        assert!(!is_current(&both, &tag, Some(modified)), "the tag counts");
        assert!(!is_current(&HeaderMap::new(), &tag, Some(modified)));
    }
}
