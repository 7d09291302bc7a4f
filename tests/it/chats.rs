//! ChatService on the plain path.

use deskhand::api::pb::{self, event::Body};
use tonic::Code;

use crate::desk::{Desk, agent_says, at, customer_says, event, refused};

fn topic(event_id: &str, topic: &str) -> pb::Event {
    event(event_id, Body::Topic(pb::Topic { topic: topic.into() }))
}

fn customer(event_id: &str, customer_id: &str) -> pb::Event {
    let customer = pb::Customer { customer_id: customer_id.into(), name: "Elif Kaya".into(), ..pb::Customer::default() };
    event(event_id, Body::Customer(customer))
}

#[tokio::test]
async fn every_kind_of_event_comes_back_as_it_was_told() {
    let mut desk = Desk::empty().await;
    for sample in
        ["01-elif-web.json", "02-elif-instagram.json", "03-gergely-email.json", "04-anna-contact-form.json", "05-james-whatsapp.json"]
    {
        let path = format!("{}/sample-chats/{sample}", env!("CARGO_MANIFEST_DIR"));
        let told: pb::AppendEventsRequest =
            crate::desk::from_json("deskhand.v1.AppendEventsRequest", &std::fs::read_to_string(path).unwrap());
        let chat_id = desk.append_sample(sample).await;
        let reply = desk.chat(&chat_id).await.unwrap();
        assert_eq!(reply.chat.unwrap().last_sequence, told.events.len() as i64);
        for (sequence, (kept, told)) in (1..).zip(reply.events.into_iter().zip(told.events)) {
            assert_eq!(kept, pb::Event { sequence, ..told });
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
async fn what_was_named_before_a_login_is_erased_too() {
    let mut desk = Desk::empty().await;
    desk.append("c", vec![customer("a", "visitor-1"), customer_says("e", "hello"), customer("b", "customer-9")]).await.unwrap();
    let erased = desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: "visitor-1".into() }).await.unwrap().into_inner();
    assert_eq!(erased.chats, 1);
    desk.close().await;
}

#[tokio::test]
async fn chats_are_listed_by_every_filter() {
    let mut desk = Desk::empty().await;
    for sample in [
        "01-elif-web.json",
        "02-elif-instagram.json",
        "03-gergely-email.json",
        "04-anna-contact-form.json",
        "05-james-whatsapp.json",
        "06-deniz-web.json",
    ] {
        desk.append_sample(sample).await;
    }
    let mut ids = async |request: pb::ListChatsRequest| -> Vec<String> {
        desk.chats.list_chats(request).await.unwrap().into_inner().chats.into_iter().map(|chat| chat.chat_id).collect()
    };
    let all = ids(pb::ListChatsRequest::default()).await;
    assert_eq!(all.len(), 6);
    assert_eq!(all[5], "chat-elif-instagram", "newest opened first");
    let any = pb::ListChatsRequest::default;
    assert_eq!(ids(pb::ListChatsRequest { customer_id: "customer-1001".into(), ..any() }).await.len(), 2);
    assert_eq!(ids(pb::ListChatsRequest { status: pb::ChatStatus::Ticket.into(), ..any() }).await, ["chat-anna-contact-form"]);
    assert_eq!(ids(pb::ListChatsRequest { channel: pb::Channel::Instagram.into(), ..any() }).await, ["chat-elif-instagram"]);
    assert_eq!(ids(pb::ListChatsRequest { agent_id: "agent-zsofia".into(), ..any() }).await, ["chat-gergely-email"]);
    assert_eq!(ids(pb::ListChatsRequest { topic: "Ölçü değişimi".into(), ..any() }).await, ["chat-elif-instagram"]);
    assert_eq!(ids(pb::ListChatsRequest { query: "MISAFIRLERIM gelicek".into(), ..any() }).await, ["chat-elif-web"]);
    assert_eq!(ids(pb::ListChatsRequest { query: "misafir".into(), ..any() }).await, ["chat-elif-web"], "a form of misafirlerim");
    assert_eq!(ids(pb::ListChatsRequest { query: "misaf".into(), ..any() }).await.len(), 0, "whole words");
    let noon = Some(prost_types::Timestamp { seconds: 1_795_089_600, nanos: 0 });
    let before = ids(pb::ListChatsRequest { opened_before: noon, ..any() }).await;
    let after = ids(pb::ListChatsRequest { opened_after: noon, ..any() }).await;
    assert_eq!(before.len() + after.len(), 6);
    desk.close().await;
}

#[tokio::test]
async fn pages_of_chats_hold_still_while_chats_arrive() {
    let mut desk = Desk::empty().await;
    for number in 0..7 {
        desk.append(&format!("c{number}"), vec![at(number, customer_says("e", "x"))]).await.unwrap();
    }
    let mut seen: Vec<String> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = pb::ListChatsRequest { page_size: 3, page_token, ..pb::ListChatsRequest::default() };
        let page = desk.chats.list_chats(request).await.unwrap().into_inner();
        seen.extend(page.chats.into_iter().map(|chat| chat.chat_id));
        desk.append(&format!("new{}", seen.len()), vec![at(60, customer_says("e", "x"))]).await.unwrap();
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, ["c6", "c5", "c4", "c3", "c2", "c1", "c0"]);
    desk.close().await;
}

#[tokio::test]
async fn a_transcript_is_fit_for_the_customer() {
    let mut desk = Desk::empty().await;
    let chat_id = desk.append_sample("01-elif-web.json").await;
    for (format, media_type, ending) in [
        (pb::TranscriptFormat::Unspecified, "text/plain; charset=utf-8", ".txt"),
        (pb::TranscriptFormat::Markdown, "text/markdown; charset=utf-8", ".md"),
        (pb::TranscriptFormat::Html, "text/html; charset=utf-8", ".html"),
        (pb::TranscriptFormat::Json, "application/json", ".json"),
    ] {
        let request = pb::ExportTranscriptRequest {
            chat_id: chat_id.clone(),
            format: format.into(),
            time_zone: "Europe/Istanbul".into(),
            ..pb::ExportTranscriptRequest::default()
        };
        let transcript = desk.chats.export_transcript(request).await.unwrap().into_inner();
        assert_eq!(transcript.media_type, media_type);
        assert!(transcript.file_name.ends_with(ending));
        assert!(transcript.content.contains("12:15"), "{format:?}: 09:15 UTC in Istanbul");
        assert!(transcript.content.contains("Temsilci"), "{format:?}: in the customer's language");
        assert!(!transcript.content.contains("bant"), "{format:?}: a note's word");
    }
    let request = pb::ExportTranscriptRequest { chat_id: chat_id.clone(), include_notes: true, ..pb::ExportTranscriptRequest::default() };
    assert!(desk.chats.export_transcript(request).await.unwrap().into_inner().content.contains("bant"));
    let request = pb::ExportTranscriptRequest { chat_id, time_zone: "Mars/Olympus".into(), ..pb::ExportTranscriptRequest::default() };
    refused(&desk.chats.export_transcript(request).await.unwrap_err(), Code::InvalidArgument, "INVALID_FIELD");
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
        5 => Body::Reopened(pb::Reopened {}),
        _ => return at(draw(seed, 50) as i64, customer_says(&format!("e{number}"), &format!("text {number}"))),
    };
    at(draw(seed, 50) as i64, event(&format!("e{number}"), body))
}

#[tokio::test]
async fn any_batching_and_any_repeats_give_the_same_chat() {
    let mut desk = Desk::empty().await;
    for case in 0..20 {
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

#[tokio::test]
async fn a_chat_and_its_ticket_know_each_other() {
    let mut desk = Desk::empty().await;
    let ticket = |id: &str, ticket_id: &str| event(id, Body::Ticket(pb::Ticket { ticket_id: ticket_id.into(), ..pb::Ticket::default() }));
    desk.append("chat", vec![at(0, customer_says("e", "hello")), at(1, ticket("t", "T-7"))]).await.unwrap();
    desk.append("T-7", vec![at(2, customer_says("e", "any news?"))]).await.unwrap();
    desk.append("mail", vec![at(3, ticket("t", "T-7")), at(4, customer_says("e", "by mail"))]).await.unwrap();
    desk.append("other", vec![at(5, ticket("t", "T-8"))]).await.unwrap();
    let mut known = async |chat_id: &str| desk.chat(chat_id).await.unwrap().chat.unwrap().earlier_chat_ids;
    assert_eq!(known("chat").await, ["mail", "T-7"]);
    assert_eq!(known("T-7").await, ["mail", "chat"]);
    assert_eq!(known("mail").await, ["T-7", "chat"]);
    assert_eq!(known("other").await, Vec::<String>::new());
    desk.close().await;
}

#[tokio::test]
async fn an_event_that_comes_late_stands_at_its_time() {
    let mut desk = Desk::empty().await;
    desk.append("c", vec![at(10, customer_says("e1", "second words"))]).await.unwrap();
    desk.append("later", vec![at(8, customer_says("e1", "zwischen"))]).await.unwrap();
    desk.append("c", vec![at(5, customer_says("e2", "first words"))]).await.unwrap();
    let chat = desk.chat("c").await.unwrap();
    assert_eq!(chat.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2], "the order of arrival is kept");
    assert_eq!(chat.chat.unwrap().opened_at.unwrap().seconds, 1_763_424_000 + 300);
    let request = pb::ExportTranscriptRequest { chat_id: "c".into(), ..pb::ExportTranscriptRequest::default() };
    let transcript = desk.chats.export_transcript(request).await.unwrap().into_inner().content;
    assert!(transcript.find("first words").unwrap() < transcript.find("second words").unwrap());
    // It moved in the archive, and its words with it.
    for query in ["", "words"] {
        let list = pb::ListChatsRequest { query: query.into(), ..pb::ListChatsRequest::default() };
        let ids: Vec<String> = desk.chats.list_chats(list).await.unwrap().into_inner().chats.into_iter().map(|chat| chat.chat_id).collect();
        assert_eq!(ids, if query.is_empty() { vec!["later", "c"] } else { vec!["c"] });
    }
    desk.close().await;
}

#[tokio::test]
async fn words_are_found_in_every_form_and_page_by_page() {
    let mut desk = Desk::empty().await;
    for number in 0..30 {
        let mut said = customer_says("e", if number % 3 == 0 { "siparişlerim nerede kaldı" } else { "kargom gelmedi" });
        if let Some(Body::Message(message)) = said.body.as_mut() {
            message.language = if number % 2 == 0 { "tr".into() } else { String::new() };
        }
        desk.append(&format!("c{number:02}"), vec![at(number, said)]).await.unwrap();
    }
    for (query, expected) in [("siparis", 10), ("SİPARİŞİM nerede", 10), ("kargo", 20), ("siparis kargo", 0), ("…", 0), ("gelm", 0)] {
        let (mut found, mut page_token) = (Vec::new(), String::new());
        loop {
            let list = pb::ListChatsRequest { query: query.into(), page_size: 4, page_token, ..pb::ListChatsRequest::default() };
            let page = desk.chats.list_chats(list).await.unwrap().into_inner();
            found.extend(page.chats.into_iter().map(|chat| chat.chat_id));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(found.len(), expected, "{query}: {found:?}");
        assert!(found.windows(2).all(|pair| pair[0] > pair[1]), "newest first, each once: {found:?}");
    }
    desk.close().await;
}
