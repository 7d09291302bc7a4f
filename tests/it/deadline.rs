//! The caller's deadline, as gRPC sends it.

use std::time::Duration;

use deskhand::api::pb::{self, reply_service_client::ReplyServiceClient};
use tonic::{Code, Request, transport::Endpoint};

use crate::support::{
    desk::{Desk, Opening, refused},
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
    let status = desk.fails_within("ReplyService/RetoneReply", &retone(), "150m").await;
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

/// A caller may open a stream and take nothing of it: then nothing asks for more, and the deadline holds all the same.
#[tokio::test]
async fn a_deadline_holds_for_a_caller_who_reads_nothing() {
    let desk = Desk::open().await;
    desk.model.will(Answer::hangs_after(&["Half"]));
    let endpoint = Endpoint::from_shared(format!("http://{}", desk.address())).unwrap();
    let channel = endpoint.initial_stream_window_size(0).connect().await.unwrap();
    let stream = ReplyServiceClient::new(channel).retone_reply(within("400m", retone())).await.unwrap().into_inner();
    desk.model.caller_left().await;
    drop(stream);
    desk.close().await;
}

#[tokio::test]
async fn a_deadline_ends_a_call_that_waits_for_its_turn() {
    let mut desk = Opening { with_model: true, with_shop: false, change: |model| model.most_calls = 1 }.open().await;
    desk.model.will(Answer::hangs_after(&["Half"]));
    let mut first = desk.replies.retone_reply(retone()).await.unwrap().into_inner();
    assert!(first.message().await.unwrap().is_some());
    let status = desk.fails_within("ReplyService/RetoneReply", &retone(), "200m").await;
    refused(&status, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    assert_eq!(desk.model.asked().len(), 1, "nobody is asked for a call that is over");
    // Its turn went with it: the next one has it when the first one leaves.
    drop(first);
    desk.model.caller_left().await;
    desk.model.will(Answer::says(&["Please wait."]));
    desk.retone("Wait.", pb::Tone::Formal).await.unwrap();
    desk.close().await;
}

#[tokio::test]
async fn a_malformed_deadline_is_the_callers_error() {
    let mut desk = Desk::empty().await;
    let status = desk.chats.get_chat(within("soon", pb::GetChatRequest { chat_id: "c".into(), ..Default::default() })).await.unwrap_err();
    refused(&status, Code::InvalidArgument, "INVALID_FIELD");
    desk.close().await;
}
