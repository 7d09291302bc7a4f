//! Plain HTTP responses: pages, errors, and 304 Not Modified.

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;
use tonic::{Status, body::Body};

use crate::api::retry_after;

/// The content type of JSON.
pub const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Whether the client's cached copy is current: `If-None-Match` has the ETag.
pub fn matches(request_headers: &HeaderMap, tag: &str) -> bool {
    let bare = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let known = request_headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
    known.split(',').any(|known| known.trim() == "*" || bare(known) == bare(tag))
}

/// 304 Not Modified: the client's cached copy is current.
pub fn unchanged() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    response
}

/// A response whose content type browsers do not guess (`nosniff`).
pub fn plain_response(code: StatusCode, content_type: &'static str, body: impl Into<bytes::Bytes>) -> Response<Body> {
    let mut response = Response::new(Body::new(Full::new(body.into())));
    *response.status_mut() = code;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// A plain-text response.
pub fn text_response(code: StatusCode, text: &'static str) -> Response<Body> {
    plain_response(code, TEXT, text)
}

/// An error as JSON, which is not to be kept. It says when a retry makes sense.
pub fn error_response(code: StatusCode, error: &Value, status: &Status) -> Response<Body> {
    let mut response = plain_response(code, JSON, error.to_string());
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(wait) = retry_after(status) {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs_f64().ceil().max(1.0) as u64));
    }
    response
}

/// 405 Method Not Allowed, with the method that is.
pub fn wrong_method(allowed: &Method) -> Response<Body> {
    let mut response = plain_response(StatusCode::METHOD_NOT_ALLOWED, TEXT, format!("method not allowed; use {allowed}\n"));
    if let Ok(allowed) = HeaderValue::from_str(allowed.as_str()) {
        response.headers_mut().insert(header::ALLOW, allowed);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_compared_as_caches_do() {
        let with = |tags: &'static str| HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(tags))]);
        for yes in ["W/\"a\"", "\"a\"", "\"b\", W/\"a\"", "*"] {
            assert!(matches(&with(yes), "W/\"a\""), "{yes}");
        }
        assert!(!matches(&with("\"b\""), "W/\"a\""));
        assert!(!matches(&HeaderMap::new(), "W/\"a\""));
    }
}
