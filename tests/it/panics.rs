//! Panics are `INTERNAL` with their location in the log, affect only their own call, and leak nothing.

use std::{
    fs::File,
    process::{Command, Stdio},
};

use deskhand::{
    api::pb::{self, record_outcome_request::Offer},
    failpoint::arm,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::{
    desk::{Desk, Opening, agent_says, customer_says, event, eventually, refused, selin},
    model::Answer,
    process::Process,
};

const ALWAYS: usize = usize::MAX;

fn says(id: &str) -> Vec<pb::Event> {
    vec![customer_says(id, "Where is my parcel?")]
}

/// Asserts that a call says that it broke: nothing invites it to try again, and nothing of its text is in the error.
#[track_caller]
fn broke(status: &Status, text: &str) {
    refused(status, Code::Internal, "INTERNAL");
    assert!(status.get_error_details().retry_info().is_none(), "{status:?}");
    assert!(!format!("{status:?}").contains(text), "{status:?}");
}

#[tokio::test]
async fn a_panic_in_a_handler_or_a_task_is_internal_and_hits_one_call() {
    let mut desk = Desk::empty().await;
    for point in ["append", "write"] {
        let chat_id = format!("one by {point}");
        arm(point, &chat_id, 1);
        broke(&desk.append(&chat_id, says("a")).await.unwrap_err(), &chat_id);
        assert_eq!(desk.append(&chat_id, says("a")).await.unwrap().appended, 1);
    }
    arm("prepare", "many", 1);
    let many: Vec<pb::Event> = (0..40).map(|number| customer_says(&format!("e{number}"), "Hello")).collect();
    broke(&desk.append("many", many.clone()).await.unwrap_err(), "many");
    assert_eq!(desk.append("many", many).await.unwrap().appended, 40);

    arm("erasure", "customer of a panic", 1);
    let customer = pb::Customer { customer_id: "customer of a panic".into(), ..pb::Customer::default() };
    desk.append("theirs", vec![event("c", pb::event::Body::Customer(customer))]).await.unwrap();
    let erase = || pb::EraseCustomerRequest { customer_id: "customer of a panic".into() };
    broke(&desk.chats.erase_customer(erase()).await.unwrap_err(), "customer of a panic");
    assert_eq!(desk.chats.erase_customer(erase()).await.unwrap().into_inner().chats, 1);

    arm("outcome", "judged", 1);
    desk.append("judged", says("a")).await.unwrap();
    let outcome = pb::RecordOutcomeRequest {
        chat_id: "judged".into(),
        outcome_id: "o".into(),
        agent: selin(),
        offer: Some(Offer::DraftId("d".into())),
        action: pb::OutcomeAction::Sent.into(),
        final_text: String::new(),
    };
    broke(&desk.replies.record_outcome(outcome.clone()).await.unwrap_err(), "judged");
    refused(&desk.replies.record_outcome(outcome).await.unwrap_err(), Code::NotFound, "DRAFT_NOT_FOUND");
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_always_panics_fails_alone_however_many_are_written_with_it() {
    let mut desk = Desk::empty().await;
    arm("write", "poison", ALWAYS);
    for round in 0..5 {
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..24 {
            let mut chats = desk.chats.clone();
            let chat_id = if number % 6 == 3 { "poison".to_owned() } else { format!("chat-{number}") };
            calls.spawn(async move {
                let request = pb::AppendEventsRequest { chat_id: chat_id.clone(), events: says(&format!("e{round}-{number}")) };
                (chat_id, chats.append_events(request).await)
            });
        }
        for (chat_id, answered) in calls.join_all().await {
            match answered {
                Ok(answered) => assert_eq!((answered.into_inner().appended, chat_id == "poison"), (1, false)),
                Err(status) => {
                    assert_eq!(chat_id, "poison");
                    broke(&status, "poison");
                }
            }
        }
    }
    assert_eq!(desk.chat("chat-0").await.unwrap().events.len(), 5);
    refused(&desk.chat("poison").await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    desk.close().await;
}

#[tokio::test]
async fn a_panic_in_a_stream_says_that_it_is_partial_and_frees_its_place() {
    let one_at_a_time = Opening { with_model: true, with_shop: true, change: |model| model.most_calls = 1 };
    let mut desk = one_at_a_time.open().await;
    let draft_of = |chat_id: &str| pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), ..pb::DraftReplyRequest::default() };
    desk.append("stream of a panic", says("a")).await.unwrap();
    desk.append("another stream", says("a")).await.unwrap();
    arm("draft stream", "stream of a panic", 3);
    for _ in 0..3 {
        desk.model.will(Answer::says(&["Hello, ", "it is on ", "its way."]));
        broke(&desk.draft(draft_of("stream of a panic")).await.unwrap_err(), "stream of a panic");
        assert!(!desk.draft(draft_of("another stream")).await.unwrap().finished.text.is_empty(), "the model's one place is free");
    }
    assert!(!desk.draft(draft_of("stream of a panic")).await.unwrap().finished.text.is_empty());
    desk.close().await;
}

#[tokio::test]
async fn a_write_of_documents_that_panics_is_no_fault_of_the_built_in_engine() {
    let mut desk = Desk::empty().await;
    let article = pb::Article { id: "a".into(), language: "en".into(), title: "A".into(), body: "B".into(), ..pb::Article::default() };
    arm("put", "article of a panic", 1);
    let broken = pb::Article { id: "article of a panic".into(), ..article.clone() };
    let status = desk.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![broken] }).await.unwrap_err();
    broke(&status, "article of a panic");
    assert!(status.message().contains("the write of the documents"), "{status:?}");
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![article] }).await.unwrap();
    desk.close().await;
}

/// The program itself: its hook writes the log.
#[tokio::test]
async fn a_panic_is_logged_with_its_place_and_without_its_text_and_background_work_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
    command.env("DESKHAND_FAILPOINTS", "write=chat of Elif Kaya;learning=default").stderr(Stdio::from(File::create(&log).unwrap()));
    let mut process = Process::begin_logging(&mut command, &folder.path().join("data")).await;
    let mut chats = process.chats();
    let append = |chat_id: &str| pb::AppendEventsRequest { chat_id: chat_id.into(), events: says("a") };
    broke(&chats.append_events(append("chat of Elif Kaya")).await.unwrap_err(), "Elif");
    chats.append_events(append("another")).await.unwrap();
    let logged = || std::fs::read_to_string(&log).unwrap();
    eventually("learning begins again and again", async || logged().matches("task=\"learning\"").count() >= 2).await;
    chats.append_events(pb::AppendEventsRequest { chat_id: "another".into(), events: vec![agent_says("b", "Hi")] }).await.unwrap();
    process.kill();
    let logged = logged();
    assert!(logged.contains("src/chats/append.rs:") && logged.contains("src/replies/learning/mod.rs:"), "{logged}");
    assert!(!logged.contains("Elif") && !logged.contains("was armed for"), "{logged}");
}
