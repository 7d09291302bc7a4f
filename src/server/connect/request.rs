//! A Connect request as the body of a gRPC call: gathered within the limits of its RPC once the call is allowed, transcoded and framed.

use std::sync::Arc;

use base64::{
    Engine,
    alphabet::URL_SAFE,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::{BufMut, Bytes, BytesMut};
use futures::stream;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use tonic::{Status, body::Body};

use crate::{
    api::{Rpc, max_request_bytes, status},
    server::{
        connect::codec::{Codec, transcoded},
        connection::Connection,
        query::parameters,
        request_body::PREFIX_BYTES,
    },
};

const BASE64: GeneralPurpose =
    GeneralPurpose::new(&URL_SAFE, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));
/// The flag of an envelope whose message is compressed.
const COMPRESSED: u8 = 1;

/// The message in the query of a GET.
pub(super) struct Query {
    pub codec: Codec,
    pub bytes: Bytes,
}

impl Query {
    /// `None`: there is no such encoding.
    pub fn read(query: &str) -> Result<Option<Query>, Status> {
        let invalid = |field: &str, problem: &str| status::invalid(&[(field.to_owned(), problem.to_owned())], 0);
        let parameters = parameters(query);
        let value = |name: &str| parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if value("connect").is_some_and(|version| version != "v1") {
            return Err(invalid("connect", "must be v1"));
        }
        if value("compression").is_some_and(|compression| !matches!(compression, "" | "identity")) {
            return Err(status::compression_unknown());
        }
        let codec = match value("encoding") {
            Some("json") => Codec::Json,
            Some("proto") => Codec::Proto,
            _ => return Ok(None),
        };
        let message = value("message").ok_or_else(|| invalid("message", "is required"))?;
        let bytes = match value("base64") {
            Some("1") => BASE64.decode(message).map_err(|_| invalid("message", "is not base64 for URLs"))?,
            _ => message.as_bytes().to_vec(),
        };
        Ok(Some(Query { codec, bytes: bytes.into() }))
    }
}

/// The body of a gRPC call with the message of a Connect call. Nothing is read before it is asked for: the guard does so once the call is
/// allowed.
pub(super) fn grpc_body(body: Body, rpc: Rpc, codec: Codec, connection: Arc<Connection>) -> Body {
    let frame = async move { grpc_frame(body, rpc, codec, &connection).await.map(Frame::data) };
    Body::new(StreamBody::new(stream::once(Box::pin(frame))))
}

async fn grpc_frame(mut body: Body, rpc: Rpc, codec: Codec, connection: &Connection) -> Result<Bytes, Status> {
    let max_bytes = max_request_bytes(&rpc.path());
    let with_envelope = max_bytes + if rpc.streams() { PREFIX_BYTES } else { 0 };
    // Counted until it is transcoded; from then on, the guard counts what it became.
    let mut in_flight = connection.bytes(connection.trust());
    let mut sent = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| status::malformed("was cut off"))?.into_data() else { continue };
        if sent.len() + data.len() > with_envelope {
            return Err(status::request_too_large(max_bytes));
        }
        if !in_flight.grow(data.len()) {
            return Err(status::busy());
        }
        sent.extend_from_slice(&data);
    }
    let sent = if rpc.streams() { unwrapped(sent.freeze(), max_bytes)? } else { sent.freeze() };
    let message = match codec {
        Codec::Proto => sent,
        Codec::Json => transcoded(sent, move |json| rpc.request_of_json(json)).await?,
    };
    let length = u32::try_from(message.len()).map_err(|_| status::request_too_large(max_bytes))?;
    let mut frame = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    frame.put_u8(0);
    frame.put_u32(length);
    frame.put(message);
    Ok(frame.freeze())
}

/// The message of the one envelope of a request.
fn unwrapped(mut sent: Bytes, max_bytes: usize) -> Result<Bytes, Status> {
    let problem = match sent.split_to(sent.len().min(PREFIX_BYTES)).as_ref() {
        [] => "has no envelope",
        [0, length @ ..] if length.len() == 4 => {
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            match sent.len() {
                _ if length > max_bytes => return Err(status::request_too_large(max_bytes)),
                present if present == length => return Ok(sent),
                present if present < length => "ends inside an envelope",
                _ => "has more than one envelope",
            }
        }
        [flags, ..] if flags & COMPRESSED != 0 => return Err(status::compression_unknown()),
        [0, ..] => "ends inside an envelope",
        _ => "has an envelope with flags that requests do not have",
    };
    Err(status::malformed(problem))
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::*;

    #[test]
    fn a_query_has_a_message() {
        for (query, codec, bytes) in [
            ("encoding=json&message=%7B%7D", Codec::Json, &b"{}"[..]),
            ("message=%7B%22q%22:%20%22a%2Bb%22%7D&other=1&connect=v1&encoding=json", Codec::Json, b"{\"q\": \"a+b\"}"),
            ("encoding=proto&base64=1&message=-_8", Codec::Proto, &[0xfb, 0xff]),
            ("encoding=proto&base64=1&message=-_8%3D&compression=identity", Codec::Proto, &[0xfb, 0xff]),
            ("encoding=proto&base64=1&message=", Codec::Proto, b""),
        ] {
            let read = Query::read(query).unwrap().unwrap();
            assert_eq!((read.codec, read.bytes.as_ref()), (codec, bytes), "{query}");
        }
        for query in ["", "message=%7B%7D", "encoding=xml&message=x"] {
            assert!(Query::read(query).unwrap().is_none(), "{query}");
        }
        for (query, code) in [
            ("encoding=json", Code::InvalidArgument),
            ("encoding=json&message=x&connect=v2", Code::InvalidArgument),
            ("encoding=proto&base64=1&message=*", Code::InvalidArgument),
            ("encoding=json&message=x&compression=gzip", Code::Unimplemented),
        ] {
            assert_eq!(Query::read(query).err().map(|status| status.code()), Some(code), "{query}");
        }
    }

    #[test]
    fn a_request_is_one_envelope() {
        let sent = |bytes: &[u8]| unwrapped(Bytes::copy_from_slice(bytes), 100);
        assert_eq!(sent(b"\0\0\0\0\x02{}").unwrap(), "{}");
        assert_eq!(sent(&[0; 5]).unwrap(), "");
        for bad in [&b""[..], b"\0\0", b"\0\0\0\0\x03{}", b"\0\0\0\0\x01{}", b"\x02\0\0\0\x02{}", b"\x80\0\0\0\x02{}"] {
            assert_eq!(sent(bad).unwrap_err().code(), Code::InvalidArgument, "{bad:?}");
        }
        assert_eq!(sent(b"\x01\0\0\0\x02{}").unwrap_err().code(), Code::Unimplemented);
        assert_eq!(sent(b"\0\xff\xff\xff\xff").unwrap_err().code(), Code::ResourceExhausted);
    }
}
