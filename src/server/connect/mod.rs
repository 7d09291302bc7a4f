//! The Connect protocol: every RPC over plain HTTP, with JSON or protobuf in the body. A call is transcoded to gRPC and answered by the same
//! guard and handlers, and its reply is transcoded back.

mod codec;
mod reply;
mod request;

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header, request::Parts};
use http_body_util::Full;
use hyper::body::Incoming;
use tonic::{Status, body::Body};
use tower::Service;

use crate::{
    api::{Rpc, error_json, http_code, status},
    server::{connect::codec::Codec, connection::Active, grpc_guard::GrpcGuard, responses::error_response},
};

const VERSION: &str = "connect-protocol-version";
const TIMEOUT: &str = "connect-timeout-ms";
const STREAM_ENCODING: &str = "connect-content-encoding";
/// The longest timeout that gRPC's header can say in milliseconds. The server's own limit is far below.
const MAX_TIMEOUT: u64 = 99_999_999;
/// Headers that say how a message is sent. They are not those of the call that is made of it.
const OF_TRANSPORT: [&str; 5] = ["grpc-timeout", "grpc-encoding", "grpc-accept-encoding", "content-encoding", "accept-encoding"];

/// A call's message, as it was sent.
struct Sent {
    rpc: Rpc,
    codec: Codec,
    body: Body,
}

/// Answers a call of a path that belongs to a service.
pub async fn answer(mut grpc: GrpcGuard, request: Request<Incoming>, active: Active) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    let language = grpc.language(&parts.headers);
    let connection = Arc::clone(active.connection());
    let Sent { rpc, codec, body } = match sent(&parts, body) {
        Ok(sent) => sent,
        Err(Refusal { code, status, headers }) => {
            let mut response = error_response(code, &error_json(&language.tell(&status)), &status);
            response.headers_mut().extend(headers);
            return response;
        }
    };
    let asked = parts.headers.clone();
    if let Err(status) = to_grpc(&mut parts, &rpc) {
        return failed(&rpc, codec, &language.tell(&status));
    }
    let body = request::grpc_body(body, rpc.clone(), codec, connection);
    let Ok(response) = grpc.call(Request::from_parts(parts, body)).await;
    match rpc.streams() {
        true => reply::stream(response, rpc, codec),
        false => match Box::pin(reply::unary(response, &rpc, codec, &asked, active)).await {
            Ok(response) => response,
            Err(status) => failed(&rpc, codec, &status),
        },
    }
}

/// A call that HTTP alone refuses, before anything of it is read.
struct Refusal {
    code: StatusCode,
    status: Status,
    headers: HeaderMap,
}

impl Refusal {
    fn new(code: StatusCode, status: Status, header: Option<(HeaderName, String)>) -> Refusal {
        let header = header.and_then(|(name, value)| Some((name, HeaderValue::from_str(&value).ok()?)));
        Refusal { code, status, headers: header.into_iter().collect() }
    }
}

/// Finds out which RPC is called, in which codec, and where its message is.
fn sent(parts: &Parts, body: Incoming) -> Result<Sent, Refusal> {
    let invalid = |field: &str, problem: String| status::invalid(&[(field.to_owned(), problem)], 0);
    let Some(rpc) = Rpc::at(parts.uri.path()) else {
        let status = status::method_unknown();
        return Err(Refusal::new(http_code(&status), status, None));
    };
    let types = Codec::ALL.map(|codec| codec.content_type(&rpc)).join(", ");
    let of_other_type = |field: &str, allowed: &str| {
        let status = invalid(field, format!("must be one of {allowed}"));
        let accepted = (HeaderName::from_static("accept-post"), types.clone());
        Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, status, Some(accepted))
    };
    match parts.method {
        Method::POST => match Codec::of_type(parts.headers.get(header::CONTENT_TYPE), &rpc) {
            Some(codec) => Ok(Sent { rpc, codec, body: Body::new(body) }),
            None => Err(of_other_type("content-type", &types)),
        },
        Method::GET if rpc.is_safe() => {
            let message = match request::Query::read(parts.uri.query().unwrap_or_default()) {
                Ok(Some(query)) => query,
                Ok(None) => return Err(of_other_type("encoding", "json, proto")),
                Err(status) => return Err(Refusal::new(http_code(&status), status, None)),
            };
            Ok(Sent { rpc, codec: message.codec, body: Body::new(Full::new(message.bytes)) })
        }
        _ => {
            let allowed = if rpc.is_safe() { "GET, POST" } else { "POST" };
            let status = invalid("method", format!("must be {allowed}"));
            Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, status, Some((header::ALLOW, allowed.to_owned()))))
        }
    }
}

/// Makes the head of a gRPC call of that of a Connect call. `authorization`, `accept-language` and the like stay.
fn to_grpc(parts: &mut Parts, rpc: &Rpc) -> Result<(), Status> {
    let headers = &mut parts.headers;
    let invalid = |field: &str, problem: &str| status::invalid(&[(field.to_owned(), problem.to_owned())], 0);
    if headers.get(VERSION).is_some_and(|version| version != "1") {
        return Err(invalid(VERSION, "must be 1"));
    }
    let encoding = if rpc.streams() { STREAM_ENCODING } else { header::CONTENT_ENCODING.as_str() };
    if headers.get(encoding).is_some_and(|encoding| encoding != "identity") {
        return Err(status::compression_unknown());
    }
    let timeout =
        headers.get(TIMEOUT).map(|value| timeout(value).ok_or_else(|| invalid(TIMEOUT, "must be at most ten digits"))).transpose()?;
    for name in OF_TRANSPORT {
        headers.remove(name);
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.extend(timeout.map(|timeout| (HeaderName::from_static("grpc-timeout"), timeout)));
    if parts.method == Method::GET && !headers.contains_key(header::ORIGIN) {
        // Browsers name the origin of a page with each POST, but not with GET from the server's own. Under a foreign name that leads to this
        // machine, a page is not the server's own: so its name is checked here, too.
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = parts.uri.authority().map(http::uri::Authority::as_str).or(host).unwrap_or_default();
        if let Ok(origin) = HeaderValue::from_str(&format!("http://{host}")) {
            headers.insert(header::ORIGIN, origin);
        }
    }
    parts.method = Method::POST;
    Ok(())
}

/// The same timeout as gRPC says it.
fn timeout(value: &HeaderValue) -> Option<HeaderValue> {
    let digits = value.to_str().ok().filter(|text| (1..=10).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit()))?;
    let milliseconds: u64 = digits.parse().ok()?;
    HeaderValue::from_str(&format!("{}m", milliseconds.min(MAX_TIMEOUT))).ok()
}

/// The answer to a call that failed: an HTTP status, or of a stream its last envelope.
fn failed(rpc: &Rpc, codec: Codec, status: &Status) -> Response<Body> {
    match rpc.streams() {
        true => reply::failed_stream(rpc, codec, status),
        false => error_response(http_code(status), &error_json(status), status),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_handed_on_in_grpcs_words() {
        for (sent, expected) in [("0", "0m"), ("5000", "5000m"), ("99999999", "99999999m"), ("9999999999", "99999999m")] {
            assert_eq!(timeout(&HeaderValue::from_static(sent)).unwrap(), expected);
        }
        for bad in ["", "-1", "1.5", "5s", "12345678901", "１"] {
            assert_eq!(timeout(&HeaderValue::from_bytes(bad.as_bytes()).unwrap()), None, "{bad}");
        }
    }
}
