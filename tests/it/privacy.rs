//! Erasure is complete: in rows, logs, and copies of the database, and when a backup is restored.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use deskhand::api::pb::{self, event::Body, record_outcome_request::Offer};
use tonic::Code;

use crate::support::desk::{Desk, Opening, agent_says, at, customer_says, event, eventually, refused};

/// Stands in everything that is reported of the person who is erased, and nowhere else.
const CANARY: &str = "kanarya7431";

fn canary_events(number: usize) -> Vec<pb::Event> {
    let id = |kind: &str| format!("{kind}-{CANARY}-{number}");
    let values = [("status".to_owned(), format!("shipped to {CANARY}"))].into();
    vec![
        event(
            &id("o"),
            Body::Opened(pb::Opened {
                channel: pb::Channel::WebChat.into(),
                subject: format!("subject {CANARY}"),
                ..pb::Opened::default()
            }),
        ),
        event(
            &id("c"),
            Body::Customer(pb::Customer {
                customer_id: format!("customer-{CANARY}"),
                name: format!("Name {CANARY}"),
                email: format!("{CANARY}@example.com"),
                attributes: [("note".to_owned(), CANARY.to_owned())].into(),
                ..pb::Customer::default()
            }),
        ),
        event(&id("f"), Body::Form(pb::Form { answers: [("order".to_owned(), CANARY.to_owned())].into() })),
        event(&id("r"), Body::Record(pb::Record { source: "order".into(), reference: CANARY.into(), values, ..pb::Record::default() })),
        event(&id("p"), Body::PageView(pb::PageView { url: format!("https://shop.example/{CANARY}"), ..pb::PageView::default() })),
        customer_says(&id("m"), &format!("my secret is {CANARY} {}", "and a long story about it ".repeat(number % 60))),
        event(
            &id("q"),
            Body::Message(pb::Message {
                author: pb::Author::Customer.into(),
                text: "see below and the picture".into(),
                quoted_text: format!("quoted {CANARY}"),
                attachments: vec![pb::Attachment { name: "photo.jpg".into(), text: format!("shown {CANARY}"), ..Default::default() }],
                ..Default::default()
            }),
        ),
        agent_says(&id("a"), &format!("thank you {CANARY}")),
        agent_says(&id("v"), &format!("I'll send {CANARY} a replacement tomorrow.")),
        event(&id("n"), Body::Note(pb::Note { text: format!("beware of {CANARY}"), ..pb::Note::default() })),
        event(&id("t"), Body::Topic(pb::Topic { topic: format!("topic {CANARY}") })),
        event(&id("s"), Body::Rating(pb::Rating { score: 5, comment: format!("fine {CANARY}") })),
    ]
}

/// Whether some file under a folder holds the canary's bytes; the log of the database too.
fn files_with_canary(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with_canary(&path));
        } else if fs::read(&path).is_ok_and(|bytes| bytes.windows(CANARY.len()).any(|bytes| bytes == CANARY.as_bytes())) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test]
async fn no_byte_of_an_erased_person_is_left_in_the_data_folder() {
    if crate::support::postgres::wanted() {
        return;
    }
    let mut desk = Desk::without_model().await;
    // The person's chats stand between those of others, so that pages are shared, split and moved.
    for number in 0..120 {
        desk.append(&format!("{number:03}-{CANARY}"), canary_events(number)).await.unwrap();
        let others = (0..12).map(|event| customer_says(&format!("e{event}"), &format!("of others {}", "x".repeat(40 * event)))).collect();
        desk.append(&format!("{number:03}-other"), others).await.unwrap();
    }
    for number in (0..120).step_by(3) {
        // Chats grow later, between the pages that were full.
        let more =
            (0..20).map(|event| customer_says(&format!("late-{event}"), &format!("late {CANARY} {}", "y".repeat(30 * event)))).collect();
        desk.append(&format!("{number:03}-{CANARY}"), more).await.unwrap();
        let redaction = pb::Redaction { event_id: format!("m-{CANARY}-{number}") };
        desk.append(&format!("{number:03}-{CANARY}"), vec![event(&format!("x-{CANARY}"), Body::Redaction(redaction))]).await.unwrap();
    }
    let chat_id = format!("000-{CANARY}");
    let request = pb::SuggestAnswersRequest { chat_id: chat_id.clone(), query: "iade".into(), language: "tr".into(), ..Default::default() };
    let suggestions = desk.suggest(request).await;
    let outcome = pb::RecordOutcomeRequest {
        chat_id: chat_id.clone(),
        outcome_id: format!("outcome-{CANARY}"),
        offer: Some(Offer::SuggestionId(suggestions[0].suggestion_id.clone())),
        action: pb::OutcomeAction::Edited.into(),
        final_text: format!("as sent to {CANARY}"),
        ..pb::RecordOutcomeRequest::default()
    };
    desk.replies.record_outcome(outcome).await.unwrap();
    assert!(!files_with_canary(desk.folder.path()).is_empty(), "the scan sees what is there");

    let request = pb::EraseCustomerRequest { customer_id: format!("customer-{CANARY}") };
    let began = Instant::now();
    let erased = desk.chats.erase_customer(request).await.unwrap().into_inner();

    assert!(began.elapsed() < Duration::from_secs(60));
    assert_eq!((erased.chats, erased.outcomes), (120, 1));
    assert_eq!(files_with_canary(desk.folder.path()), Vec::<String>::new());
    refused(&desk.chat(&chat_id).await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    assert_eq!(desk.chat("000-other").await.unwrap().events.len(), 12);
    desk.close().await;
}

#[tokio::test]
async fn nothing_is_written_down_for_a_chat_that_was_erased() {
    let mut desk = Desk::without_model().await;
    desk.append("c", vec![canary_events(0).remove(1), customer_says("e", "iade etmek istiyorum")]).await.unwrap();
    let request = pb::SuggestAnswersRequest { chat_id: "c".into(), language: "tr".into(), ..Default::default() };
    let suggestion_id = desk.suggest(request).await[0].suggestion_id.clone();
    desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: format!("customer-{CANARY}") }).await.unwrap();
    let outcome = |outcome_id: &str| pb::RecordOutcomeRequest {
        chat_id: "c".into(),
        outcome_id: outcome_id.into(),
        offer: Some(Offer::SuggestionId(suggestion_id.clone())),
        action: pb::OutcomeAction::Sent.into(),
        ..pb::RecordOutcomeRequest::default()
    };
    refused(&desk.replies.record_outcome(outcome("o1")).await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");

    // The chat's id may be used again; it begins anew.
    assert_eq!(desk.append("c", vec![customer_says("e", "hello")]).await.unwrap().last_sequence, 1);
    refused(&desk.replies.record_outcome(outcome("o2")).await.unwrap_err(), Code::NotFound, "SUGGESTION_NOT_FOUND");
    desk.close().await;
}

/// Runs a command of the program on a data folder.
fn run(data: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
    let output = command.args(arguments).arg("--data").arg(data).current_dir(data.parent().unwrap()).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn a_backup_made_while_serving_comes_back_without_who_was_erased() {
    if crate::support::postgres::wanted() {
        return;
    }
    let mut desk = Desk::empty().await;
    let data = desk.folder.path().join("data");
    let backup = desk.folder.path().join("copy.sqlite");
    desk.append("gone", canary_events(0)).await.unwrap();
    desk.append("kept", vec![customer_says("e", "hello")]).await.unwrap();
    // Appends go on while the copy is made; it is the database of one moment.
    let mut chats = desk.chats.clone();
    let writer = tokio::spawn(async move {
        for number in 0.. {
            let events = vec![customer_says("a", "one"), customer_says("b", "two")];
            if chats.append_events(pb::AppendEventsRequest { chat_id: format!("while-{number}"), events }).await.is_err() {
                return;
            }
        }
    });
    let (folder, file) = (data.clone(), backup.clone());
    let (done, printed) = tokio::task::spawn_blocking(move || run(&folder, &["backup", file.to_str().unwrap()])).await.unwrap();
    assert!(done && printed.contains("chats with") && printed.contains("was verified"), "{printed}");
    writer.abort();
    let (again, printed) = run(&data, &["backup", backup.to_str().unwrap()]);
    assert!(!again && printed.contains("already exists"), "{printed}");

    desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: format!("customer-{CANARY}") }).await.unwrap();
    desk.append("later", vec![customer_says("e", "after the backup")]).await.unwrap();
    let (served, printed) = run(&data, &["restore", backup.to_str().unwrap(), "--replace"]);
    assert!(!served && printed.contains("another deskhand uses"), "{printed}");
    let folder = desk.close_and_keep().await;

    let (unasked, printed) = run(&data, &["restore", backup.to_str().unwrap()]);
    assert!(!unasked && printed.contains("--replace"), "{printed}");
    fs::write(folder.path().join("damaged"), &fs::read(&backup).unwrap()[..8192]).unwrap();
    let (damaged, printed) = run(&data, &["restore", folder.path().join("damaged").to_str().unwrap(), "--replace"]);
    assert!(!damaged && printed.contains("nothing was replaced"), "{printed}");
    let (done, printed) = run(&data, &["restore", backup.to_str().unwrap(), "--replace"]);
    assert!(done && printed.contains("erased again: 1"), "{printed}");
    assert_eq!(files_with_canary(&data), Vec::<String>::new());

    let mut desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_in(folder).await;
    assert_eq!(desk.chat("kept").await.unwrap().events.len(), 1);
    refused(&desk.chat("gone").await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    refused(&desk.chat("later").await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    assert_eq!(desk.chat("while-0").await.map_or(2, |chat| chat.events.len()), 2, "calls are in it whole or not at all");
    // Who comes back after the erasure is somebody new, whom no start erases.
    desk.append("back", canary_events(1)).await.unwrap();
    let folder = desk.close_and_keep().await;
    let mut desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_in(folder).await;
    assert!(desk.chat("back").await.is_ok());
    desk.close().await;
}

#[tokio::test]
async fn expired_data_is_erased() {
    let mut desk = Desk::empty().await;
    desk.append("old", vec![at(0, customer_says("e", "hello"))]).await.unwrap();
    desk.append("new", vec![at(1, customer_says("e1", "hello")), customer_says("e2", "and now")]).await.unwrap();
    let folder = desk.close_and_keep().await;

    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    let mut desk = opening.open_with(folder, |config| config.desk.retention_days = Some(30)).await;
    let chats = desk.chats.clone();
    eventually("the old chat is erased", || {
        let mut chats = chats.clone();
        async move { chats.get_chat(pb::GetChatRequest { chat_id: "old".into(), ..Default::default() }).await.is_err() }
    })
    .await;
    assert_eq!(desk.chat("new").await.unwrap().events.len(), 2, "its last event is young");
    desk.close().await;
}

#[tokio::test]
async fn redacted_text_is_wiped_from_the_files_and_from_outcomes() {
    let mut desk = Desk::without_model().await;
    for number in 0..40 {
        let events = (0..10).map(|event| customer_says(&format!("e{event}"), &format!("of others {}", "x".repeat(30 * event)))).collect();
        desk.append(&format!("other-{number}"), events).await.unwrap();
        desk.append(&format!("chat-{number}"), vec![customer_says("e0", "iade"), agent_says("e1", &format!("card {CANARY}"))])
            .await
            .unwrap();
    }
    let request = pb::SuggestAnswersRequest { chat_id: "chat-7".into(), query: "iade".into(), language: "tr".into(), ..Default::default() };
    let suggestion_id = desk.suggest(request).await[0].suggestion_id.clone();
    let outcome = pb::RecordOutcomeRequest {
        chat_id: "chat-7".into(),
        outcome_id: "o".into(),
        offer: Some(Offer::SuggestionId(suggestion_id)),
        action: pb::OutcomeAction::Edited.into(),
        final_text: format!("card {CANARY}"),
        ..pb::RecordOutcomeRequest::default()
    };
    desk.replies.record_outcome(outcome.clone()).await.unwrap();
    for number in 0..40 {
        let redaction = event("x", Body::Redaction(pb::Redaction { event_id: "e1".into() }));
        desk.append(&format!("chat-{number}"), vec![redaction]).await.unwrap();
    }
    assert!(!format!("{:?}", desk.chat("chat-7").await.unwrap()).contains(CANARY));
    desk.replies.record_outcome(outcome).await.unwrap();
    let kept = desk.close_and_keep().await;
    if !crate::support::postgres::wanted() {
        // The next process goes on where this one was stopped.
        let desk = Opening { with_model: false, with_shop: true, change: |_| {} }.open_in(kept).await;
        let data = desk.folder.path().join("data");
        eventually("no byte of it is left", || async { files_with_canary(&data).is_empty() }).await;
        desk.close().await;
    }
}

#[tokio::test]
async fn a_customer_who_returns_after_an_erasure_is_kept() {
    let mut desk = Desk::empty().await;
    let erase = || pb::EraseCustomerRequest { customer_id: format!("customer-{CANARY}") };
    desk.append("c", canary_events(0)).await.unwrap();
    // A caller that leaves at once; then one that waits.
    let mut left = tonic::Request::new(erase());
    left.set_timeout(Duration::from_nanos(1));
    let _ = desk.chats.erase_customer(left).await;
    desk.chats.erase_customer(erase()).await.unwrap();
    desk.append("back", canary_events(1)).await.unwrap();
    let kept = desk.close_and_keep().await;
    let mut desk = Opening { with_model: false, with_shop: false, change: |_| {} }.open_in(kept).await;
    assert!(desk.chat("back").await.is_ok());
    desk.close().await;
}
