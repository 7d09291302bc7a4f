//! CORS: preflight requests, and the headers that let a page read a reply.

use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use tonic::body::Body;

use crate::server::responses::text_response;

/// How long browsers cache a CORS preflight, in seconds.
const PREFLIGHT_AGE: &str = "7200";
const ALLOWED_HEADERS: &str = "authorization, content-type, grpc-timeout, traceparent, tracestate, x-grpc-web, x-user-agent, if-none-match, \
                               connect-protocol-version, connect-timeout-ms, connect-content-encoding, connect-accept-encoding";
const EXPOSED_HEADERS: &str = "grpc-status, grpc-message, grpc-status-details-bin, etag, retry-after";

/// Answers a preflight request of a page whose origin is allowed, or not.
pub fn preflight(is_allowed: bool) -> Response<Body> {
    if !is_allowed {
        return text_response(
            StatusCode::FORBIDDEN,
            "this origin is not allowed; create a key for it with `deskhand keys create --origin`\n",
        );
    }
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(ALLOWED_HEADERS));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_AGE));
    response
}

/// Only the `Origin` header of a call. Whether that origin may read the reply is decided after the call, which may have loaded its key.
pub fn origin_alone(headers: &HeaderMap) -> HeaderMap {
    headers.get(header::ORIGIN).map(|origin| (header::ORIGIN, origin.clone())).into_iter().collect()
}

/// Adds the CORS headers that let pages from an origin read a response.
pub fn with_cors(origin: Option<HeaderValue>, mut response: Response<Body>) -> Response<Body> {
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED_HEADERS));
    }
    response
}
