//! Streams and deadlines.

use super::{RETONE, ended, envelope, next, read, reason};
use crate::support::{desk::Desk, model::Answer};

#[tokio::test]
async fn a_stream_is_sent_on_as_it_comes_and_ends_with_its_reader() {
    let desk = Desk::open().await;
    let retone = || desk.post(RETONE, "application/connect+json", envelope(0, br#"{"text": "Wait a moment.", "tone": "TONE_FORMAL"}"#));
    desk.model.will(Answer::waits_after("Please ", "wait."));
    let (mut response, mut received) = (retone().send().await.unwrap(), Vec::new());
    let (flags, first) = next(&mut response, &mut received).await;
    assert!(flags == 0 && first["delta"].as_str().unwrap().starts_with("Please"), "it is there before the model goes on: {first}");
    desk.model.go_on();
    while next(&mut response, &mut received).await.0 == 0 {}
    assert!(response.chunk().await.unwrap().is_none());

    desk.model.will(Answer::hangs_after(&["Please "]));
    let (mut response, mut received) = (retone().send().await.unwrap(), Vec::new());
    assert_eq!(next(&mut response, &mut received).await.0, 0);
    drop(response);
    desk.model.caller_left().await;
    desk.close().await;
}

#[tokio::test]
async fn a_deadline_ends_calls_and_streams() {
    let desk = Desk::open().await;
    let (status, error) = read(
        desk.post("deskhand.v1.ChatService/GetChat", "application/json", r#"{"chatId": "c"}"#)
            .header("connect-timeout-ms", "0")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, error["code"].as_str().unwrap(), reason(&error)), (504, "deadline_exceeded", "DEADLINE_EXCEEDED"));
    let retone = |milliseconds: &str| {
        let body = envelope(0, br#"{"text": "Wait.", "tone": "TONE_FORMAL"}"#);
        desk.post(RETONE, "application/connect+json", body).header("connect-timeout-ms", milliseconds).send()
    };
    desk.model.will(Answer::hangs_after(&[]));
    let (messages, end) = ended(retone("150").await.unwrap()).await;
    assert!(messages.is_empty() && end["error"]["code"] == "deadline_exceeded", "{end}");
    desk.model.caller_left().await;
    desk.model.will(Answer::hangs_after(&["Half"]));
    let (messages, end) = ended(retone("600").await.unwrap()).await;
    assert_eq!((messages.len(), end["error"]["code"].as_str().unwrap()), (1, "deadline_exceeded"), "{messages:?}");
    let info = end["error"]["details"].as_array().unwrap().iter().find(|detail| detail["type"] == "google.rpc.ErrorInfo").unwrap();
    assert_eq!(info["debug"]["metadata"]["partial"], "true");
    desk.model.caller_left().await;
    desk.close().await;
}
