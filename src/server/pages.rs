//! The pages: the help page with its search box, the reply box, the agents' console, the authors' page, the reports, and the OpenAPI document. They
//! are embedded in the binary; browsers revalidate them by ETag.

use std::sync::{LazyLock, OnceLock};

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use rust_embed::Embed;
use tonic::body::Body;

use crate::{
    api,
    server::{
        compression::{Encodings, encoded},
        responses::{JSON, matches, plain_response, unchanged},
    },
};

/// HTML and CSS.
#[derive(Embed)]
#[folder = "web/pages"]
struct Pages;

/// The built scripts.
#[derive(Embed)]
#[folder = "web/dist"]
struct Scripts;

/// Content security policy: pages may load from and call only their own server.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; \
                           base-uri 'none'; form-action 'none'; frame-ancestors 'self'";
/// Most other origins that a page names as allowed to frame it, which bounds the header.
const MAX_FRAMING_ORIGINS: usize = 50;

/// An embedded file and its path.
pub struct Page {
    path: &'static str,
    name: &'static str,
    content_type: &'static str,
    /// Whether it belongs to the console or the authors' page, which are served only if `console` is set.
    pub of_console: bool,
    content: OnceLock<Option<Content>>,
}

/// A page's ETag and body, compressed once, so that a flood of requests for it costs little.
struct Content {
    tag: HeaderValue,
    body: Encodings,
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

static PAGES: [Page; 14] = [
    Page::new("/reply.js", "reply.js", SCRIPT, false),
    Page::new("/help", "help.html", HTML, false),
    Page::new("/help/search.js", "search.js", SCRIPT, false),
    Page::new("/help/help.js", "help.js", SCRIPT, false),
    Page::new("/help/help.css", "help.css", STYLE, false),
    Page::new("/console", "console.html", HTML, true),
    Page::new("/console/console.js", "console.js", SCRIPT, true),
    Page::new("/console/console.css", "console.css", STYLE, true),
    Page::new("/authors", "authors.html", HTML, true),
    Page::new("/authors/authors.js", "authors.js", SCRIPT, true),
    Page::new("/authors/authors.css", "authors.css", STYLE, true),
    Page::new("/reports", "reports.html", HTML, true),
    Page::new("/reports/reports.js", "reports.js", SCRIPT, true),
    Page::new("/reports/reports.css", "reports.css", STYLE, true),
];

/// Returns the page at a path.
pub fn at(path: &str) -> Option<&'static Page> {
    let path = if matches!(path, "/help/" | "/console/" | "/authors/" | "/reports/") { path.trim_end_matches('/') } else { path };
    PAGES.iter().find(|page| page.path == path && page.content().is_some())
}

/// Redirects the root to the help page.
pub fn redirect_to_help() -> Response<Body> {
    let mut response = plain_response(StatusCode::FOUND, "text/plain; charset=utf-8", "the help page is at /help\n");
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/help"));
    response
}

/// The API's OpenAPI document, which pages of others may read, too.
pub fn openapi(request_headers: &HeaderMap) -> Response<Body> {
    static BODY: LazyLock<Encodings> = LazyLock::new(|| Encodings::best(api::openapi().as_bytes().to_vec()));
    let mut response = encoded(request_headers, JSON, &BODY);
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

impl Page {
    const fn new(path: &'static str, name: &'static str, content_type: &'static str, of_console: bool) -> Page {
        Page { path, name, content_type, of_console, content: OnceLock::new() }
    }

    fn content(&self) -> Option<&Content> {
        let read = || {
            let file = Pages::get(self.name).or_else(|| Scripts::get(self.name))?;
            let hash = file.metadata.sha256_hash();
            let tag = format!("W/\"{}\"", hash[..12].iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            Some(Content { tag: HeaderValue::from_str(&tag).ok()?, body: Encodings::best(file.data.into_owned()) })
        };
        self.content.get_or_init(read).as_ref()
    }

    /// The response to a request for the page, which pages of `framing_origins` may show in a frame.
    pub fn response(&self, request_headers: &HeaderMap, framing_origins: &[String]) -> Response<Body> {
        let Some(Content { tag, body }) = self.content() else { return unchanged() };
        let is_cached = tag.to_str().is_ok_and(|tag| matches(request_headers, tag));
        let mut response = if is_cached { unchanged() } else { encoded(request_headers, self.content_type, body) };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, tag.clone());
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, policy(framing_origins));
        // The key may be in the URL.
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
        if !self.of_console {
            // Shops' own pages load the search box from here, and consoles the reply box.
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
            headers.insert("cross-origin-resource-policy", HeaderValue::from_static("cross-origin"));
        }
        response
    }
}

fn policy(framing_origins: &[String]) -> HeaderValue {
    let origins = framing_origins.iter().take(MAX_FRAMING_ORIGINS).map(|origin| format!(" {origin}"));
    HeaderValue::from_str(&format!("{PAGE_POLICY}{}", origins.collect::<String>())).unwrap_or(HeaderValue::from_static(PAGE_POLICY))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn a_page_is_compressed_once_and_not_for_each_request() {
        let headers = HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))]);
        for path in ["/help", "/help/search.js", "/reply.js", "/console/console.js", "/reports/reports.js"] {
            let mut sent = Vec::new();
            for _ in 0..2 {
                let response = at(path).unwrap().response(&headers, &[]);
                assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip", "{path}");
                sent.push(response.into_body().frame().await.unwrap().unwrap().into_data().unwrap());
            }
            assert_eq!(sent[0].as_ptr(), sent[1].as_ptr(), "{path}: the same buffer, not a copy");
        }
    }
}
