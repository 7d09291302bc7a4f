//! ChatService on the plain path.

use deskhand::api::pb::{self, event::Body};
use tonic::Code;

use crate::support::desk::{Desk, agent_says, at, customer_says, event, refused};

fn topic(event_id: &str, topic: &str) -> pb::Event {
    event(event_id, Body::Topic(pb::Topic { topic: topic.into() }))
}

fn customer(event_id: &str, customer_id: &str) -> pb::Event {
    let customer = pb::Customer { customer_id: customer_id.into(), name: "Elif Kaya".into(), ..pb::Customer::default() };
    event(event_id, Body::Customer(customer))
}

#[tokio::test]
async fn every_kind_of_event_is_returned_as_it_was_appended() {
    let mut desk = Desk::empty().await;
    for sample in
        ["01-elif-web.json", "02-elif-instagram.json", "03-gergely-email.json", "04-anna-contact-form.json", "05-james-whatsapp.json"]
    {
        let path = format!("{}/sample-chats/{sample}", env!("CARGO_MANIFEST_DIR"));
        let given: pb::AppendEventsRequest =
            crate::support::desk::from_json("deskhand.v1.AppendEventsRequest", &std::fs::read_to_string(path).unwrap());
        let chat_id = desk.append_sample(sample).await;
        let reply = desk.chat(&chat_id).await.unwrap();
        assert_eq!(reply.chat.unwrap().last_sequence, given.events.len() as i64);
        for (sequence, (kept, given)) in (1..).zip(reply.events.into_iter().zip(given.events)) {
            assert_eq!(kept, pb::Event { sequence, ..given });
        }
    }
    desk.close().await;
}

#[tokio::test]
async fn the_fold_is_what_the_events_say() {
    let mut desk = Desk::empty().await;
    desk.append_sample("02-elif-instagram.json").await;
    let chat_id = desk.append_sample("01-elif-web.json").await;
    let chat = desk.chat(&chat_id).await.unwrap().chat.unwrap();
    assert_eq!(chat.status(), pb::ChatStatus::Open);
    assert_eq!(chat.channel(), pb::Channel::WebChat);
    assert_eq!(chat.agent_id, "agent-selin");
    assert_eq!(chat.form_answers["order_number"], "KE-204815");
    assert_eq!(chat.records.len(), 1);
    assert_eq!(chat.customer.unwrap().name, "Elif Kaya");
    assert_eq!(chat.earlier_chat_ids, ["chat-elif-instagram"]);

    let earlier = desk.chat("chat-elif-instagram").await.unwrap().chat.unwrap();
    assert_eq!(earlier.status(), pb::ChatStatus::Resolved);
    assert_eq!(earlier.rating.unwrap().score, 5);

    let chat_id = desk.append_sample("04-anna-contact-form.json").await;
    let ticket = desk.chat(&chat_id).await.unwrap().chat.unwrap();
    assert_eq!(ticket.status(), pb::ChatStatus::Ticket);
    assert!(!ticket.ticket.unwrap().ticket_id.is_empty());
    desk.close().await;
}

#[tokio::test]
async fn the_same_event_again_has_no_further_effect() {
    let mut desk = Desk::empty().await;
    let first = desk.append("c", vec![customer_says("e1", "hi"), customer_says("e2", "there")]).await.unwrap();
    assert_eq!((first.last_sequence, first.appended, first.duplicates), (2, 2, 0));
    let again = desk.append("c", vec![customer_says("e2", "there"), customer_says("e3", "you"), customer_says("e3", "you")]).await.unwrap();
    assert_eq!((again.last_sequence, again.appended, again.duplicates), (3, 1, 2));

    let status = desk.append("c", vec![customer_says("e4", "new"), customer_says("e1", "other words")]).await.unwrap_err();
    refused(&status, Code::AlreadyExists, "EVENT_EXISTS");
    assert_eq!(desk.chat("c").await.unwrap().events.len(), 3, "nothing of the refused call was written");

    // A time that was given is content; one that was not is not.
    desk.append("c", vec![at(5, customer_says("e5", "timed"))]).await.unwrap();
    assert_eq!(desk.append("c", vec![customer_says("e5", "timed")]).await.unwrap().duplicates, 1);
    refused(&desk.append("c", vec![at(6, customer_says("e5", "timed"))]).await.unwrap_err(), Code::AlreadyExists, "EVENT_EXISTS");
    desk.close().await;
}

#[tokio::test]
async fn many_writers_leave_one_gapless_order() {
    let mut desk = Desk::empty().await;
    let mut writers = tokio::task::JoinSet::new();
    for writer in 0..16 {
        let mut chats = desk.chats.clone();
        writers.spawn(async move {
            for number in 0..10 {
                let events = vec![customer_says(&format!("e{writer}-{number}"), "x")];
                chats.append_events(pb::AppendEventsRequest { chat_id: "shared".into(), events }).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let sequences: Vec<i64> = desk.chat("shared").await.unwrap().events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=160).collect::<Vec<i64>>());
    desk.close().await;
}

#[tokio::test]
async fn resolving_needs_a_topic_and_a_customer_reopens() {
    let mut desk = Desk::empty().await;
    let resolved = || event("r", Body::Resolved(pb::Resolved {}));
    let status = desk.append("c", vec![customer_says("e1", "hi"), resolved()]).await.unwrap_err();
    refused(&status, Code::FailedPrecondition, "TOPIC_MISSING");
    refused(&desk.chat("c").await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");

    desk.append("c", vec![customer_says("e1", "hi"), topic("t", "shipping"), resolved()]).await.unwrap();
    assert_eq!(desk.chat("c").await.unwrap().chat.unwrap().status(), pb::ChatStatus::Resolved);
    desk.append("c", vec![customer_says("e2", "one more thing")]).await.unwrap();
    assert_eq!(desk.chat("c").await.unwrap().chat.unwrap().status(), pb::ChatStatus::Open);
    desk.close().await;
}

#[tokio::test]
async fn a_redaction_wipes_text_and_keeps_the_place() {
    let mut desk = Desk::empty().await;
    let card = "my card is 4111111111111111";
    desk.append("c", vec![customer_says("e1", card), agent_says("e2", "thanks")]).await.unwrap();
    let redaction = |id: &str, target: &str| event(id, Body::Redaction(pb::Redaction { event_id: target.into() }));
    desk.append("c", vec![redaction("x", "e1")]).await.unwrap();

    let events = desk.chat("c").await.unwrap().events;
    assert!(events[0].redacted);
    assert!(!format!("{events:?}").contains("4111"));
    let list = pb::ListChatsRequest { query: "4111111111111111".into(), ..pb::ListChatsRequest::default() };
    assert_eq!(desk.chats.list_chats(list).await.unwrap().into_inner().chats.len(), 0);
    assert_eq!(desk.append("c", vec![customer_says("e1", card)]).await.unwrap().duplicates, 1, "a repeat does not bring it back");
    refused(&desk.append("c", vec![topic("e1", "cards")]).await.unwrap_err(), Code::AlreadyExists, "EVENT_EXISTS");
    assert!(!format!("{:?}", desk.chat("c").await.unwrap()).contains("4111"));

    refused(&desk.append("c", vec![redaction("y", "no-such")]).await.unwrap_err(), Code::NotFound, "EVENT_NOT_FOUND");
    refused(&desk.append("c", vec![redaction("y", "x")]).await.unwrap_err(), Code::InvalidArgument, "INVALID_FIELD");
    desk.close().await;
}

#[tokio::test]
async fn pages_of_events_go_on_where_they_stopped() {
    let mut desk = Desk::empty().await;
    let events = (0..120).map(|number| customer_says(&format!("e{number}"), "x")).collect();
    desk.append("c", events).await.unwrap();
    let mut seen = 0;
    loop {
        let request = pb::GetChatRequest { chat_id: "c".into(), after_sequence: seen, page_size: 0 };
        let page = desk.chats.get_chat(request).await.unwrap().into_inner();
        assert!(page.events.len() <= 50, "the default page");
        assert_eq!(page.events[0].sequence, seen + 1);
        seen = page.events.last().unwrap().sequence;
        if seen == page.chat.unwrap().last_sequence {
            break;
        }
    }
    assert_eq!(seen, 120);
    desk.close().await;
}

#[tokio::test]
async fn a_reply_stays_under_its_limit() {
    let mut desk = Desk::empty().await;
    let long = "ş".repeat(32_000);
    for number in 0..100 {
        desk.append("c", vec![customer_says(&format!("e{number}"), &long)]).await.unwrap();
    }
    let page = desk.chat("c").await.unwrap();
    assert!((50..100).contains(&page.events.len()), "{} events of 64 kB", page.events.len());
    let request = pb::ExportTranscriptRequest { chat_id: "c".into(), ..pb::ExportTranscriptRequest::default() };
    refused(&desk.chats.export_transcript(request).await.unwrap_err(), Code::ResourceExhausted, "REPLY_TOO_LARGE");
    desk.close().await;
}

#[tokio::test]
async fn a_chat_with_more_answers_than_a_reply_holds_can_be_read() {
    let mut desk = Desk::without_model().await;
    for number in 0..200 {
        let answers = [(format!("question {number}"), "y".repeat(31_000))].into();
        desk.append("c", vec![event(&format!("e{number}"), Body::Form(pb::Form { answers }))]).await.unwrap();
    }
    let reply = desk.chat("c").await.unwrap();
    assert!(reply.chat.unwrap().form_answers.is_empty() && !reply.events.is_empty());
    let summary = desk.summarize("c", "ja").await.unwrap().finished;
    assert!(summary.text.len() < 40_000 && summary.text.contains('…'));
    assert_eq!(summary.language, "en", "it says which language it has");
    desk.close().await;
}

#[tokio::test]
async fn data_from_before_a_login_is_erased_too() {
    let mut desk = Desk::empty().await;
    desk.append("c", vec![customer("a", "visitor-1"), customer_says("e", "hello"), customer("b", "customer-9")]).await.unwrap();
    let erased = desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: "visitor-1".into() }).await.unwrap().into_inner();
    assert_eq!(erased.chats, 1);
    desk.close().await;
}

#[tokio::test]
async fn a_person_is_exported_and_erased_whole() {
    let mut desk = Desk::without_model().await;
    desk.append_sample("02-elif-instagram.json").await;
    desk.append_sample("01-elif-web.json").await;
    desk.append("other", vec![customer("c", "customer-7"), customer_says("e", "hello")]).await.unwrap();
    let suggest =
        pb::SuggestAnswersRequest { chat_id: "chat-elif-web".into(), query: "kargo".into(), ..pb::SuggestAnswersRequest::default() };
    let suggestions = desk.suggest(suggest).await;
    let outcome = pb::RecordOutcomeRequest {
        chat_id: "chat-elif-web".into(),
        outcome_id: "o1".into(),
        offer: Some(pb::record_outcome_request::Offer::SuggestionId(suggestions[0].suggestion_id.clone())),
        action: pb::OutcomeAction::Sent.into(),
        ..pb::RecordOutcomeRequest::default()
    };
    desk.replies.record_outcome(outcome).await.unwrap();

    let request = pb::ExportCustomerRequest { customer_id: "customer-1001".into() };
    let json = desk.chats.export_customer(request.clone()).await.unwrap().into_inner().json;
    let export: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(export["chats"].as_array().unwrap().len(), 2);
    assert!(json.contains("annemin 60."));

    let erase = pb::EraseCustomerRequest { customer_id: "customer-1001".into() };
    let erased = desk.chats.erase_customer(erase.clone()).await.unwrap().into_inner();
    assert_eq!((erased.chats, erased.events, erased.outcomes), (2, 39, 1));
    assert_eq!(erased.suggestions as usize, suggestions.len());
    refused(&desk.chat("chat-elif-web").await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    refused(&desk.chats.export_customer(request).await.unwrap_err(), Code::NotFound, "CUSTOMER_NOT_FOUND");
    assert_eq!(desk.chats.erase_customer(erase).await.unwrap().into_inner().chats, 0);
    assert!(desk.chat("other").await.is_ok());
    desk.close().await;
}

/// Numbers that look drawn at random and are the same in each run.
fn draw(seed: &mut u64, below: usize) -> usize {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) as usize % below
}

fn any_event(number: usize, seed: &mut u64) -> pb::Event {
    let body = match draw(seed, 8) {
        0 => Body::Topic(pb::Topic { topic: format!("topic {number}") }),
        1 => Body::Record(pb::Record {
            source: "order".into(),
            reference: format!("KE-{}", draw(seed, 3)),
            values: [("status".to_owned(), number.to_string())].into(),
            ..pb::Record::default()
        }),
        2 => Body::Customer(pb::Customer {
            customer_id: format!("customer-{}", draw(seed, 2)),
            name: format!("Name {number}"),
            ..Default::default()
        }),
        3 => Body::Transfer(pb::Transfer { to_agent_id: format!("agent-{number}"), ..pb::Transfer::default() }),
        4 => Body::Ticket(pb::Ticket { ticket_id: format!("T-{number}"), ..pb::Ticket::default() }),
        5 if draw(seed, 2) == 0 => Body::Reopened(pb::Reopened {}),
        5 => Body::Opened(pb::Opened { channel: pb::Channel::Email.into(), group: format!("team {number}"), ..pb::Opened::default() }),
        6 => {
            let message = pb::Message {
                author: pb::Author::Agent.into(),
                author_id: format!("agent-{}", draw(seed, 2)),
                author_name: format!("Name {}", draw(seed, 3)),
                text: format!("text {number}"),
                ..pb::Message::default()
            };
            Body::Message(message)
        }
        _ => return at(draw(seed, 50) as i64, customer_says(&format!("e{number}"), &format!("text {number}"))),
    };
    at(draw(seed, 50) as i64, event(&format!("e{number}"), body))
}

#[tokio::test]
async fn any_batching_and_any_repeats_give_the_same_chat() {
    let mut desk = Desk::empty().await;
    const CASES: usize = 60;
    for case in 0..CASES {
        let mut seed = case as u64;
        let events: Vec<pb::Event> = (0..1 + draw(&mut seed, 30)).map(|number| any_event(number, &mut seed)).collect();
        desk.append(&format!("whole-{case}"), events.clone()).await.unwrap();
        let mut from = 0;
        while from < events.len() {
            // A call may begin before the last one ended, and be made again.
            let start = from.saturating_sub(draw(&mut seed, 4));
            let end = (from + 1 + draw(&mut seed, 6)).min(events.len());
            for _ in 0..1 + draw(&mut seed, 2) {
                desk.append(&format!("parts-{case}"), events[start..end].to_vec()).await.unwrap();
            }
            from = end;
        }
        let whole = desk.chat(&format!("whole-{case}")).await.unwrap();
        let parts = desk.chat(&format!("parts-{case}")).await.unwrap();
        assert_eq!(whole.events, parts.events, "case {case}");
        let named = |chat: Option<pb::Chat>| pb::Chat { chat_id: String::new(), earlier_chat_ids: Vec::new(), ..chat.unwrap() };
        assert_eq!(named(whole.chat), named(parts.chat), "case {case}");
    }
    // Lists show what is kept beside each chat: it must be what the events fold to.
    let list = pb::ListChatsRequest { page_size: 1000, ..pb::ListChatsRequest::default() };
    let listed = desk.chats.list_chats(list).await.unwrap().into_inner().chats;
    assert_eq!(listed.len(), 2 * CASES);
    for listed in listed {
        let folded = desk.chat(&listed.chat_id).await.unwrap().chat.unwrap();
        let customer = folded.customer.unwrap_or_default();
        let customer = pb::Customer { customer_id: customer.customer_id, name: customer.name, ..pb::Customer::default() };
        let shown = pb::Chat {
            customer: Some(customer),
            form_answers: Default::default(),
            records: Vec::new(),
            rating: None,
            earlier_chat_ids: Vec::new(),
            ..folded
        };
        assert_eq!(listed, shown);
    }
    desk.close().await;
}

#[tokio::test]
async fn a_call_that_fails_does_not_fail_its_neighbours() {
    let mut desk = Desk::empty().await;
    desk.append("shared", vec![customer_says("known", "as it was")]).await.unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for caller in 0..60 {
        let mut chats = desk.chats.clone();
        calls.spawn(async move {
            let events = match caller % 3 {
                0 => vec![customer_says(&format!("new-{caller}"), "x"), customer_says("known", "other words")],
                1 => vec![customer_says("known", "as it was")],
                _ => vec![customer_says(&format!("new-{caller}"), "x")],
            };
            (caller % 3, chats.append_events(pb::AppendEventsRequest { chat_id: "shared".into(), events }).await)
        });
    }
    for (kind, reply) in calls.join_all().await {
        match kind {
            0 => refused(&reply.unwrap_err(), Code::AlreadyExists, "EVENT_EXISTS"),
            1 => assert_eq!(reply.unwrap().into_inner().duplicates, 1),
            _ => assert_eq!(reply.unwrap().into_inner().appended, 1),
        }
    }
    let sequences: Vec<i64> = desk.chat("shared").await.unwrap().events.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, (1..=21).collect::<Vec<i64>>());
    desk.close().await;
}
