//! The reply of a gRPC call as the Connect protocol has it: of one message, or of a stream, whose messages are sent on as they come.

use std::sync::Arc;

use async_stream::stream;
use bytes::{Buf, BufMut, Bytes, BytesMut};
use futures::StreamExt;
use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use serde_json::{Map, Value, json};
use tokio::time::{Duration, Instant};
use tonic::{Code, Status, body::Body};

use crate::{
    api::{Rpc, error_json, status},
    server::{
        call::Call,
        compression::{Encodings, encoded},
        connect::codec::{Codec, transcoded},
        connection::Active,
        grpc_guard::GuardedBody,
        reply_body::{MAX_CHUNK, ReplyBody},
        request_body::PREFIX_BYTES,
    },
};

/// Longest time to read a reply of one message.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// The flag of a stream's last envelope.
const END_STREAM: u8 = 2;
/// Headers of gRPC's own framing; all others are metadata.
const OF_GRPC: [&str; 8] = [
    "content-type",
    "content-length",
    "grpc-status",
    "grpc-message",
    "grpc-status-details-bin",
    "grpc-encoding",
    "grpc-accept-encoding",
    "date",
];

/// The reply of a call with one message. `Err`: how it failed.
pub(super) async fn unary(
    response: Response<Body>,
    rpc: &Rpc,
    codec: Codec,
    asked: &HeaderMap,
    active: Active,
) -> Result<Response<Body>, Status> {
    let (parts, body) = response.into_parts();
    let whole = body.collect().await?;
    let trailers = whole.trailers().cloned().unwrap_or_default();
    ended(&parts.headers, &trailers)?;
    let mut message = whole.to_bytes();
    if message.len() < PREFIX_BYTES {
        return Err(status::broken(false));
    }
    message.advance(PREFIX_BYTES);
    let message = to_codec(message, rpc, codec).await?;
    let connection = Arc::clone(active.connection());
    let mut response = encoded(asked, codec.content_type(rpc), &Encodings::fast(message.to_vec())).map(|body| {
        let body = Body::new(ReplyBody::new(body, connection.bytes(connection.trust()), active, None));
        Body::new(GuardedBody::new(body, Instant::now() + READ_TIMEOUT, connection, Call::recorded(&rpc.path())))
    });
    let headers = response.headers_mut();
    headers.extend(metadata(&parts.headers).map(|(name, value)| (name.clone(), value.clone())));
    let prefixed = |name: &HeaderName| HeaderName::try_from(format!("trailer-{name}")).ok();
    headers.extend(metadata(&trailers).filter_map(|(name, value)| Some((prefixed(name)?, value.clone()))));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.append(header::VARY, HeaderValue::from_static("authorization, accept-encoding"));
    Ok(response)
}

/// The reply of a call with a stream. Dropping it drops the call.
pub(super) fn stream(response: Response<Body>, rpc: Rpc, codec: Codec) -> Response<Body> {
    let (parts, mut body) = response.into_parts();
    let leading: HeaderMap = metadata(&parts.headers).map(|(name, value)| (name.clone(), value.clone())).collect();
    let content_type = codec.content_type(&rpc);
    let sent = stream! {
        let (mut received, mut trailers, mut failure) = (BytesMut::new(), HeaderMap::new(), None);
        while let Some(frame) = body.frame().await {
            match frame.map(Frame::into_data) {
                Ok(Ok(data)) => received.extend_from_slice(&data),
                Ok(Err(frame)) => trailers = frame.into_trailers().unwrap_or_default(),
                Err(status) => failure = Some(status),
            }
            while let Some(message) = next_message(&mut received) {
                match to_codec(message, &rpc, codec).await {
                    // In pieces, so that the transport never buffers a large message that nobody reads.
                    Ok(message) => for piece in envelope(0, &message).chunks(MAX_CHUNK) {
                        yield Bytes::copy_from_slice(piece);
                    },
                    Err(status) => failure = Some(status),
                }
            }
            if failure.is_some() {
                break;
            }
        }
        let failure = failure.or_else(|| ended(&parts.headers, &trailers).err());
        yield end(failure.as_ref(), &trailers);
    };
    let mut response = stream_response(content_type, Body::new(StreamBody::new(sent.map(|bytes| Ok::<_, Status>(Frame::data(bytes))))));
    response.headers_mut().extend(leading);
    response
}

/// The reply of a call with a stream that failed before it began.
pub(super) fn failed_stream(rpc: &Rpc, codec: Codec, status: &Status) -> Response<Body> {
    stream_response(codec.content_type(rpc), Body::new(Full::new(end(Some(status), &HeaderMap::new()))))
}

fn stream_response(content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// How a call ended, by its trailers; one without a message says it in its headers.
fn ended(headers: &HeaderMap, trailers: &HeaderMap) -> Result<(), Status> {
    match Status::from_header_map(trailers).or_else(|| Status::from_header_map(headers)) {
        Some(status) if status.code() == Code::Ok => Ok(()),
        Some(status) => Err(status),
        None => Err(status::broken(true)),
    }
}

async fn to_codec(message: Bytes, rpc: &Rpc, codec: Codec) -> Result<Bytes, Status> {
    match codec {
        Codec::Proto => Ok(message),
        Codec::Json => {
            let rpc = rpc.clone();
            transcoded(message, move |message| rpc.reply_to_json(message)).await
        }
    }
}

/// Takes the next whole message out of what was received.
fn next_message(received: &mut BytesMut) -> Option<Bytes> {
    let length = u32::from_be_bytes(*received.get(1..)?.first_chunk()?) as usize;
    if received.len() < PREFIX_BYTES + length {
        return None;
    }
    received.advance(PREFIX_BYTES);
    Some(received.split_to(length).freeze())
}

fn envelope(flags: u8, message: &[u8]) -> Bytes {
    let mut envelope = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    envelope.put_u8(flags);
    envelope.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    envelope.put(message);
    envelope.freeze()
}

/// The last envelope of a stream.
fn end(failure: Option<&Status>, trailers: &HeaderMap) -> Bytes {
    let mut end = json!({});
    if let Some(status) = failure {
        end["error"] = error_json(status);
    }
    let mut values = Map::new();
    for (name, value) in metadata(trailers) {
        if let (Value::Array(values), Ok(value)) = (values.entry(name.as_str()).or_insert_with(|| json!([])), value.to_str()) {
            values.push(json!(value));
        }
    }
    if !values.is_empty() {
        end["metadata"] = Value::Object(values);
    }
    envelope(END_STREAM, end.to_string().as_bytes())
}

fn metadata(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    headers.iter().filter(|(name, _)| !OF_GRPC.contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_out_however_they_came() {
        let whole = [envelope(0, b"one"), envelope(0, b""), envelope(0, &[7; 300])].concat();
        for piece in [1, 4, 5, 64, whole.len()] {
            let (mut received, mut messages) = (BytesMut::new(), Vec::new());
            for piece in whole.chunks(piece) {
                received.extend_from_slice(piece);
                messages.extend(std::iter::from_fn(|| next_message(&mut received)));
            }
            assert_eq!(messages, [&b"one"[..], b"", &[7; 300]], "in pieces of {piece}");
            assert!(received.is_empty());
        }
    }

    #[test]
    fn the_end_has_the_error_and_the_metadata() {
        let trailers = HeaderMap::from_iter([
            (HeaderName::from_static("grpc-status"), HeaderValue::from_static("0")),
            (HeaderName::from_static("cost"), HeaderValue::from_static("7")),
        ]);
        let read = |bytes: Bytes| -> Value { serde_json::from_slice(&bytes[PREFIX_BYTES..]).unwrap() };
        assert_eq!(end(None, &trailers)[0], END_STREAM);
        assert_eq!(read(end(None, &trailers)), json!({ "metadata": { "cost": ["7"] } }));
        assert_eq!(read(end(None, &HeaderMap::new())), json!({}));
        assert_eq!(read(end(Some(&status::busy()), &HeaderMap::new()))["error"]["code"], "resource_exhausted");
    }
}
