//! The Connect protocol, by plain HTTP: JSON and protobuf, unary calls and streams, GET, errors, limits; and the OpenAPI document.

mod callers;
mod calls;
mod openapi;
mod refusals;
mod streams;

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use prost::Message;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::Value;
use tokio::time::timeout;
use tonic::Status;

use crate::support::desk::Desk;
const PATIENCE: Duration = Duration::from_secs(20);
const SEARCH: &str = "deskhand.v1.KnowledgeService/Search";
const RETONE: &str = "deskhand.v1.ReplyService/RetoneReply";

fn client() -> Client {
    // Only the first one counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(deskhand::api::DESCRIPTORS).unwrap();
    pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

fn path_of(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

fn envelope(flags: u8, message: &[u8]) -> Vec<u8> {
    [&[flags][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

/// The envelopes of a whole reply: flags and message.
fn envelopes(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut envelopes = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<5>() {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        envelopes.push((head[0], rest[..length].to_vec()));
        bytes = &rest[length..];
    }
    assert!(bytes.is_empty(), "a reply ends with a whole envelope");
    envelopes
}

impl Desk {
    fn post(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
        client().post(format!("http://{}/{path}", self.address())).header("content-type", content_type).body(body.into())
    }

    /// A unary call with JSON.
    async fn json(&self, path: &str, message: &Value) -> (u16, Value) {
        read(self.post(path, "application/json", message.to_string()).send().await.unwrap()).await
    }

    /// A call of a stream with JSON; what comes back is each message, and the end.
    async fn json_stream(&self, path: &str, message: &Value) -> (Vec<Value>, Value) {
        let body = envelope(0, message.to_string().as_bytes());
        ended(self.post(path, "application/connect+json", body).send().await.unwrap()).await
    }
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json");
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

/// The messages of a stream and its end, which says whether it failed: the HTTP status does not.
async fn ended(response: Response) -> (Vec<Value>, Value) {
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "application/connect+json"));
    let mut envelopes = envelopes(&response.bytes().await.unwrap());
    let (flags, end) = envelopes.pop().expect("a stream has an end");
    assert!(flags == 2 && envelopes.iter().all(|(flags, _)| *flags == 0), "the last envelope alone is the end");
    let message = |bytes: Vec<u8>| serde_json::from_slice(&bytes).unwrap();
    (envelopes.into_iter().map(|(_, bytes)| message(bytes)).collect(), message(end))
}

/// Asserts that an error is the one that gRPC tells.
#[track_caller]
fn same_error(error: &Value, status: &Status, what: &str) {
    let code = format!("{:?}", status.code());
    assert_eq!(error["code"].as_str().unwrap().replace('_', ""), code.to_lowercase(), "{what}: {error}");
    assert_eq!(error["message"], status.message(), "{what}");
    let details: Vec<&Value> = error["details"].as_array().unwrap().iter().collect();
    let told = tonic_types::pb::Status::decode(status.details()).unwrap().details;
    assert_eq!(details.len(), told.len(), "{what}");
    for (detail, any) in details.into_iter().zip(told) {
        assert_eq!(format!("type.googleapis.com/{}", detail["type"].as_str().unwrap()), any.type_url, "{what}");
        assert_eq!(STANDARD_NO_PAD.decode(detail["value"].as_str().unwrap()).unwrap(), any.value, "{what}");
        assert!(detail["debug"].is_object(), "{what}: {detail}");
    }
}

/// The reason of an error, as a client without protobuf reads it.
#[track_caller]
fn reason(error: &Value) -> &str {
    let details = error["details"].as_array().unwrap_or_else(|| panic!("{error}"));
    details.iter().find(|detail| detail["type"] == "google.rpc.ErrorInfo").unwrap()["debug"]["reason"].as_str().unwrap()
}

/// The first field that an error names.
fn field(error: &Value) -> &str {
    let bad = error["details"].as_array().unwrap().iter().find(|detail| detail["type"] == "google.rpc.BadRequest").unwrap();
    bad["debug"]["fieldViolations"][0]["field"].as_str().unwrap()
}

/// Reads the next envelope as it arrives.
async fn next(response: &mut Response, received: &mut Vec<u8>) -> (u8, Value) {
    loop {
        if let Some(head) = received.first_chunk::<5>() {
            let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
            if received.len() >= 5 + length {
                let envelope: Vec<u8> = received.drain(..5 + length).collect();
                return (envelope[0], serde_json::from_slice(&envelope[5..]).unwrap());
            }
        }
        let chunk = timeout(PATIENCE, response.chunk()).await.expect("something comes").unwrap();
        received.extend(chunk.expect("the stream goes on"));
    }
}
