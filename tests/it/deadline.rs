//! The caller's deadline, as gRPC sends it.

use std::time::Duration;

use deskhand::api::pb;
use prost::Message;
use tonic::{Code, Request, Status};

use crate::{
    desk::{Desk, refused},
    model::Answer,
};

fn retone() -> pb::RetoneReplyRequest {
    pb::RetoneReplyRequest { text: "Wait.".into(), tone: pb::Tone::Formal.into(), ..Default::default() }
}

/// A request with a deadline that this client does not watch itself, so that the server's answer is seen.
fn within<T>(timeout: &'static str, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("grpc-timeout", timeout.parse().unwrap());
    request
}

#[tokio::test]
async fn a_deadline_ends_the_call_and_the_models_work() {
    let desk = Desk::open().await;
    desk.model.will(Answer::hangs_after(&[]));
    // A plain HTTP client, as gRPC clients watch the deadline themselves and may answer first.
    let message = retone().encode_to_vec();
    let mut body = vec![0];
    body.extend((message.len() as u32).to_be_bytes());
    body.extend(message);
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let url = format!("http://{}/deskhand.v1.ReplyService/RetoneReply", desk.address());
    let request = client.post(url).header("content-type", "application/grpc").header("te", "trailers").header("grpc-timeout", "150m");
    let response = request.body(body).send().await.unwrap();
    let status = Status::from_header_map(response.headers()).unwrap();
    refused(&status, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    desk.model.caller_left().await;
    desk.close().await;
}

#[tokio::test]
async fn a_deadline_ends_a_stream_that_has_begun() {
    let mut desk = Desk::open().await;
    desk.model.will(Answer::hangs_after(&["Half"]));
    let mut stream = desk.replies.retone_reply(within("400m", retone())).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let ended = tokio::time::timeout(Duration::from_secs(5), stream.message()).await.expect("it ends");
    let status = ended.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    desk.model.caller_left().await;
    desk.close().await;
}

#[tokio::test]
async fn a_malformed_deadline_is_the_callers_error() {
    let mut desk = Desk::empty().await;
    let status = desk.chats.get_chat(within("soon", pb::GetChatRequest { chat_id: "c".into(), ..Default::default() })).await.unwrap_err();
    refused(&status, Code::InvalidArgument, "INVALID_FIELD");
    desk.close().await;
}
