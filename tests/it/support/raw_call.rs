//! Calls any method by name, with messages as they are on the wire.

use deskhand::api::pb;
use prost::Message;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    metadata::MetadataValue,
};

use crate::support::desk::Desk;

impl Desk {
    /// Calls a method that fails before it says anything, within a deadline that the client does not watch: gRPC's own clients may answer
    /// before the server does.
    pub async fn fails_within(&self, method: &str, message: &impl Message, timeout: &str) -> Status {
        let message = message.encode_to_vec();
        let mut body = vec![0];
        body.extend((message.len() as u32).to_be_bytes());
        body.extend(message);
        let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
        let request = client.post(format!("http://{}/deskhand.v1.{method}", self.address())).header("content-type", "application/grpc");
        let response = request.header("te", "trailers").header("grpc-timeout", timeout).body(body).send().await.unwrap();
        Status::from_header_map(response.headers()).unwrap()
    }

    /// Calls a method with a body as it is on the wire, and further headers; the response's headers come back.
    pub async fn post_grpc(&self, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> http::HeaderMap {
        // Only the first one counts.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
        let mut request = client.post(format!("http://{}/{path}", self.address())).header("content-type", "application/grpc");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.header("te", "trailers").body(body).send().await.unwrap().headers().clone()
    }

    /// Calls a method with a message as it is on the wire; what comes back is too, a stream's messages one after the other.
    pub async fn call(&self, method: &str, message: &[u8], key: Option<&str>) -> Result<Vec<u8>, Status> {
        let mut client = Grpc::new(self.channel.clone());
        client.ready().await.unwrap();
        let mut request = Request::new(message.to_vec());
        if let Some(key) = key {
            request.metadata_mut().insert("authorization", MetadataValue::try_from(format!("Bearer {key}")).unwrap());
        }
        let path = format!("/deskhand.v1.{method}").parse().unwrap();
        let mut stream = client.server_streaming(request, path, Raw).await?.into_inner();
        let mut received = Vec::new();
        while let Some(message) = stream.message().await? {
            received.extend_from_slice(&message);
            // A watch goes on for good: what had happened is enough.
            if method == "ChatService/Watch" {
                use pb::watch_response::What;
                let what = pb::WatchResponse::decode(message.as_slice()).unwrap().what;
                if matches!(what, Some(What::CaughtUp(_) | What::Heartbeat(_))) {
                    break;
                }
            }
        }
        Ok(received)
    }
}

/// Messages as they are on the wire.
#[derive(Clone)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Raw;
    type Decoder = Raw;

    fn encoder(&mut self) -> Raw {
        Raw
    }

    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(buffer, &message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(bytes::Buf::copy_to_bytes(buffer, bytes::Buf::remaining(buffer)).to_vec()))
    }
}
