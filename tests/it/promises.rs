//! Promises that agents made in open chats: found, listed by their day, kept, withdrawn, and gone with what they stand in.

use deskhand::{
    api::pb::{self, PromiseStatus, event::Body},
    keys::Scope,
};
use prost::Message;
use tonic::Code;

use crate::{
    keys::{key_for, three_workspaces},
    support::desk::{Desk, Opening, agent_says, at, customer_says, event, eventually, refused_fields},
};

/// The last second of 19 November 2025, a day after `at(0, …)`.
const NEXT_DAY: i64 = 1_763_596_799;

const SHIPS: &str = "The new lamp ships tomorrow.";
const CALLS: &str = "I'll call you back tomorrow.";
const PAYS: &str = "We will pay for the return label.";
const REPLACES: &str = "I'll send you a replacement tomorrow.";
const REFUNDS: &str = "Your refund will be on your card within 3 working days.";

fn all_statuses() -> Vec<i32> {
    [PromiseStatus::Open, PromiseStatus::Overdue, PromiseStatus::Kept, PromiseStatus::Withdrawn].map(i32::from).to_vec()
}

async fn list(desk: &mut Desk, request: pb::ListPromisesRequest) -> Vec<pb::Promise> {
    desk.chats.list_promises(request).await.unwrap().into_inner().promises
}

/// The texts and statuses of all promises.
async fn all(desk: &mut Desk) -> Vec<(String, PromiseStatus)> {
    let request = pb::ListPromisesRequest { status: all_statuses(), ..Default::default() };
    list(desk, request).await.into_iter().map(|promise| (promise.text.clone(), promise.status())).collect()
}

fn group(event_id: &str, group: &str) -> pb::Event {
    event(event_id, Body::Opened(pb::Opened { channel: pb::Channel::WebChat.into(), group: group.into(), ..Default::default() }))
}

fn record(event_id: &str, status: &str) -> pb::Event {
    let values = [("status".to_owned(), status.to_owned())].into();
    event(event_id, Body::Record(pb::Record { source: "payment".into(), reference: "P-1".into(), values, ..Default::default() }))
}

#[tokio::test]
async fn promises_of_open_chats_are_listed_by_their_day() {
    let mut desk = Desk::empty().await;
    desk.append("a", vec![at(0, customer_says("q", "Where is my lamp?")), at(1, agent_says("e", SHIPS))]).await.unwrap();
    desk.append("b", vec![group("o", "returns"), agent_says("e", &format!("Thank you for waiting. {CALLS}"))]).await.unwrap();
    let mut other = agent_says("e", PAYS);
    if let Some(Body::Message(message)) = &mut other.body {
        (message.author_id, message.author_name) = ("agent-ada".into(), "Ada".into());
    }
    desk.append("c", vec![at(5, other)]).await.unwrap();

    let listed = list(&mut desk, pb::ListPromisesRequest::default()).await;
    let seen: Vec<(&str, &str, PromiseStatus)> =
        listed.iter().map(|promise| (promise.chat_id.as_str(), promise.text.as_str(), promise.status())).collect();
    assert_eq!(seen, [("a", SHIPS, PromiseStatus::Overdue), ("b", CALLS, PromiseStatus::Open), ("c", PAYS, PromiseStatus::Open)]);
    let first = &listed[0];
    assert_eq!((first.event_id.as_str(), first.agent_id.as_str(), first.agent_name.as_str()), ("e", "agent-selin", "Selin Aydın"));
    assert_eq!((first.due.unwrap().seconds, first.made_at), (NEXT_DAY, at(1, customer_says("x", "x")).at));
    assert_eq!((listed[1].group.as_str(), listed[2].due), ("returns", None));

    let mut chats = async |request: pb::ListPromisesRequest| -> Vec<String> {
        list(&mut desk, request).await.into_iter().map(|promise| promise.chat_id).collect()
    };
    let any = pb::ListPromisesRequest::default;
    let time = |seconds: i64| Some(prost_types::Timestamp { seconds, nanos: 0 });
    assert_eq!(chats(pb::ListPromisesRequest { status: vec![PromiseStatus::Overdue.into()], ..any() }).await, ["a"]);
    assert_eq!(chats(pb::ListPromisesRequest { status: vec![PromiseStatus::Open.into()], ..any() }).await, ["b", "c"]);
    assert_eq!(chats(pb::ListPromisesRequest { due_before: time(NEXT_DAY + 1), ..any() }).await, ["a"]);
    assert_eq!(chats(pb::ListPromisesRequest { due_before: time(NEXT_DAY), ..any() }).await, [""; 0]);
    assert_eq!(chats(pb::ListPromisesRequest { due_after: time(NEXT_DAY), ..any() }).await, ["a", "b"]);
    assert_eq!(chats(pb::ListPromisesRequest { due_after: time(NEXT_DAY + 1), ..any() }).await, ["b"]);
    assert_eq!(chats(pb::ListPromisesRequest { agent_id: "agent-ada".into(), ..any() }).await, ["c"]);
    assert_eq!(chats(pb::ListPromisesRequest { group: "returns".into(), ..any() }).await, ["b"]);
    assert_eq!(chats(pb::ListPromisesRequest { group: "returns".into(), agent_id: "agent-ada".into(), ..any() }).await, [""; 0]);

    let (mut pages, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = pb::ListPromisesRequest { page_size: 1, page_token, ..any() };
        let page = desk.chats.list_promises(request).await.unwrap().into_inner();
        pages.extend(page.promises.into_iter().map(|promise| promise.chat_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, ["a", "b", "c"]);
    desk.close().await;
}

#[tokio::test]
async fn what_is_no_agents_promise_is_not_listed() {
    let mut desk = Desk::empty().await;
    let bot = pb::Message { author: pb::Author::Bot.into(), text: CALLS.into(), ..Default::default() };
    let quoted = format!("Thank you, got it.\n\nOn Mon, 17 Nov 2025 at 10:00, Selin <selin@shop.example> wrote:\n> {CALLS}\n> {PAYS}");
    desk.append(
        "c",
        vec![
            customer_says("e1", CALLS),
            event("e2", Body::Message(bot)),
            agent_says("e3", "Shall I call you back tomorrow?"),
            agent_says("e4", "If you have any questions, feel free to write to us."),
            agent_says("e5", &quoted),
            event("e6", Body::Note(pb::Note { text: CALLS.into(), ..Default::default() })),
        ],
    )
    .await
    .unwrap();
    assert_eq!(all(&mut desk).await, []);
    desk.close().await;
}

#[tokio::test]
async fn a_promise_leaves_the_list_with_its_chat_and_comes_back_with_it() {
    let mut desk = Desk::empty().await;
    desk.append("c", vec![group("o", "returns"), agent_says("e", CALLS)]).await.unwrap();
    let resolved = vec![event("t", Body::Topic(pb::Topic { topic: "Lamps".into() })), event("r", Body::Resolved(pb::Resolved {}))];
    desk.append("c", resolved).await.unwrap();
    assert_eq!(all(&mut desk).await, []);
    let transfer = pb::Transfer { to_group: "orders".into(), ..Default::default() };
    desk.append("c", vec![customer_says("again", "Nobody called."), event("to", Body::Transfer(transfer))]).await.unwrap();
    let request = pb::ListPromisesRequest { group: "orders".into(), ..Default::default() };
    let listed = list(&mut desk, request).await;
    assert_eq!(listed.iter().map(|promise| (promise.text.as_str(), promise.group.as_str())).collect::<Vec<_>>(), [(CALLS, "orders")]);
    desk.close().await;
}

#[tokio::test]
async fn what_was_done_or_taken_back_is_told_whatever_the_order_of_arrival() {
    let mut desk = Desk::empty().await;
    let told = [
        ("kept", at(0, agent_says("p", REPLACES)), at(10, agent_says("l", "The replacement was sent this morning.")), PromiseStatus::Kept),
        (
            "back",
            at(0, agent_says("p", REPLACES)),
            at(10, agent_says("l", "Unfortunately we can't send a replacement.")),
            PromiseStatus::Withdrawn,
        ),
        ("paid", at(0, agent_says("p", REFUNDS)), at(10, record("l", "refunded")), PromiseStatus::Kept),
        ("else", at(0, agent_says("p", REPLACES)), at(10, agent_says("l", "I have checked the invoice.")), PromiseStatus::Overdue),
        ("asked", at(0, agent_says("p", REFUNDS)), at(10, record("l", "refund requested")), PromiseStatus::Overdue),
    ];
    for (chat_id, promise, later, _) in &told {
        desk.append(&format!("{chat_id}-1"), vec![promise.clone()]).await.unwrap();
        desk.append(&format!("{chat_id}-1"), vec![later.clone()]).await.unwrap();
        desk.append(&format!("{chat_id}-2"), vec![promise.clone(), later.clone()]).await.unwrap();
        desk.append(&format!("{chat_id}-3"), vec![later.clone()]).await.unwrap();
        desk.append(&format!("{chat_id}-3"), vec![promise.clone()]).await.unwrap();
    }
    let request = pb::ListPromisesRequest { status: all_statuses(), ..Default::default() };
    let listed = list(&mut desk, request).await;
    assert_eq!(listed.len(), 3 * told.len());
    for promise in &listed {
        let (_, _, _, status) = told.iter().find(|(chat_id, ..)| promise.chat_id.starts_with(chat_id)).unwrap();
        assert_eq!(promise.status(), *status, "{promise:?}");
    }

    // A record that says what it said before the promise tells nothing of it, and the last word counts.
    desk.append("again", vec![at(0, record("r0", "refunded")), at(1, agent_says("p", REFUNDS)), at(2, record("r1", "refunded"))])
        .await
        .unwrap();
    desk.append("last", vec![at(0, agent_says("p", REPLACES)), at(1, agent_says("no", "Unfortunately we can't send a replacement."))])
        .await
        .unwrap();
    desk.append("last", vec![at(2, agent_says("yes", "Good news, the replacement was sent after all."))]).await.unwrap();
    let request = pb::ListPromisesRequest { status: all_statuses(), ..Default::default() };
    let listed = list(&mut desk, request).await;
    let status = |chat_id: &str| listed.iter().find(|promise| promise.chat_id == chat_id).unwrap().status();
    assert_eq!((status("again"), status("last")), (PromiseStatus::Overdue, PromiseStatus::Kept));
    desk.close().await;
}

#[tokio::test]
async fn redaction_wipes_a_promise_and_undoes_what_was_said_of_one() {
    let mut desk = Desk::empty().await;
    let redact = |event_id: &str, what: &str| event(event_id, Body::Redaction(pb::Redaction { event_id: what.into() }));
    desk.append("c", vec![at(0, agent_says("p", REPLACES)), at(1, agent_says("done", "The replacement was sent this morning."))])
        .await
        .unwrap();
    assert_eq!(all(&mut desk).await, [(REPLACES.to_owned(), PromiseStatus::Kept)]);
    desk.append("c", vec![redact("x", "done")]).await.unwrap();
    assert_eq!(all(&mut desk).await, [(REPLACES.to_owned(), PromiseStatus::Overdue)]);
    desk.append("c", vec![redact("y", "p")]).await.unwrap();
    assert_eq!(all(&mut desk).await, [(String::new(), PromiseStatus::Withdrawn)]);
    // Nothing brings it back.
    desk.append("c", vec![agent_says("later", "The replacement was sent this morning.")]).await.unwrap();
    assert_eq!(all(&mut desk).await, [(String::new(), PromiseStatus::Withdrawn)]);
    // Both in one call.
    desk.append("d", vec![agent_says("p", CALLS), redact("x", "p")]).await.unwrap();
    assert_eq!(all(&mut desk).await.iter().filter(|(text, _)| text.is_empty()).count(), 2);
    desk.close().await;
}

#[tokio::test]
async fn a_persons_promises_are_exported_and_erased_with_them() {
    let mut desk = Desk::empty().await;
    let customer = |id: &str| event("who", Body::Customer(pb::Customer { customer_id: id.into(), ..Default::default() }));
    desk.append("c", vec![customer("one"), agent_says("p", CALLS)]).await.unwrap();
    desk.append("d", vec![customer("two"), agent_says("p", PAYS)]).await.unwrap();
    let request = pb::ExportCustomerRequest { customer_id: "one".into() };
    let json = desk.chats.export_customer(request).await.unwrap().into_inner().json;
    let exported: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(exported["chats"][0]["promises"][0]["text"], CALLS);
    assert_eq!(exported["chats"][0]["promises"][0]["status"], "open");
    desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: "one".into() }).await.unwrap();
    assert_eq!(all(&mut desk).await, [(PAYS.to_owned(), PromiseStatus::Open)]);
    desk.close().await;
}

#[tokio::test]
async fn promises_of_expired_chats_are_erased() {
    let mut desk = Desk::empty().await;
    desk.append("old", vec![at(0, agent_says("e", SHIPS))]).await.unwrap();
    desk.append("new", vec![agent_says("e", CALLS)]).await.unwrap();
    let kept = desk.close_and_keep().await;
    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    let desk = opening.open_with(kept, |config| config.desk.retention_days = Some(30)).await;
    eventually("the old promise is erased", || {
        let mut chats = desk.chats.clone();
        async move {
            let listed = chats.list_promises(pb::ListPromisesRequest::default()).await.unwrap().into_inner().promises;
            listed.iter().map(|promise| promise.chat_id.as_str()).eq(["new"])
        }
    })
    .await;
    desk.close().await;
}

#[tokio::test]
async fn a_workspace_lists_its_own_promises() {
    let desk = three_workspaces().await;
    let (oak, rose) = (desk.make_key(key_for("oak", &[Scope::Agent])).await, desk.make_key(key_for("rose", &[Scope::Agent])).await);
    let append = pb::AppendEventsRequest { chat_id: "c".into(), events: vec![agent_says("e", CALLS)] };
    desk.call("ChatService/AppendEvents", &append.encode_to_vec(), Some(&oak)).await.unwrap();
    for (key, count) in [(&oak, 1), (&rose, 0)] {
        let listed = desk.call("ChatService/ListPromises", &[], Some(key)).await.unwrap();
        assert_eq!(pb::ListPromisesResponse::decode(listed.as_slice()).unwrap().promises.len(), count);
    }
    desk.close().await;
}

#[tokio::test]
async fn bad_filters_are_named() {
    let mut desk = Desk::empty().await;
    let bad_time = Some(prost_types::Timestamp { seconds: 0, nanos: -1 });
    let request = pb::ListPromisesRequest {
        due_before: bad_time,
        due_after: bad_time,
        agent_id: "ş".repeat(101),
        group: "a\nb".into(),
        status: vec![1, 0, 9],
        page_size: -1,
        page_token: "made up".into(),
    };
    let status = desk.chats.list_promises(request).await.unwrap_err();
    refused_fields(&status, &["status[1]", "status[2]", "due_before", "due_after", "agent_id", "group", "page_size", "page_token"]);
    let request = pb::ListPromisesRequest { status: vec![1; 5], ..Default::default() };
    let status = desk.chats.list_promises(request).await.unwrap_err();
    refused_fields(&status, &["status"]);
    assert_eq!(status.code(), Code::InvalidArgument);
    desk.close().await;
}
