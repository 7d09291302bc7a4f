//! The archive: lists, words, tickets, transcripts.

use std::time::Duration;

use deskhand::api::pb::{self, event::Body};
use tonic::Code;

use crate::support::{
    desk::{Desk, at, customer_says, event, refused},
    process::Process,
};

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

#[tokio::test]
async fn a_transcript_is_read_in_its_direction_and_names_no_team_to_the_customer() {
    let mut desk = Desk::empty().await;
    let transfer = pb::Transfer { to_group: "fraud-level-2".into(), ..Default::default() };
    desk.append("c", vec![at(1, customer_says("e1", "أين طلبي؟")), at(2, event("e2", Body::Transfer(transfer)))]).await.unwrap();
    for (language, include_notes, direction) in [("ar", false, "rtl"), ("he-IL", true, "rtl"), ("tr", false, "ltr")] {
        let request = pb::ExportTranscriptRequest {
            chat_id: "c".into(),
            format: pb::TranscriptFormat::Html.into(),
            language: language.into(),
            include_notes,
            ..pb::ExportTranscriptRequest::default()
        };
        let page = desk.chats.export_transcript(request).await.unwrap().into_inner().content;
        assert!(page.contains(&format!("<html lang=\"{language}\" dir=\"{direction}\">")), "{page}");
        assert_eq!(page.contains("fraud-level-2"), include_notes, "{page}");
    }
    desk.close().await;
}

#[tokio::test]
async fn a_late_event_is_listed_at_its_own_time() {
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
async fn a_page_that_finds_little_has_one_after_it() {
    let mut desk = Desk::empty().await;
    // Two words that are in thousands of chats each, and together in a hundred.
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..5100 {
        let text = match number {
            0..2500 => "alpha",
            2500..2600 => "alpha beta",
            _ => "beta",
        };
        let mut said = at(number, customer_says("e", text));
        if let Some(Body::Message(message)) = said.body.as_mut() {
            message.language = "en".into();
        }
        let mut chats = desk.chats.clone();
        calls.spawn(async move {
            chats.append_events(pb::AppendEventsRequest { chat_id: format!("c{number:04}"), events: vec![said] }).await.unwrap();
        });
        if calls.len() >= 64 {
            calls.join_next().await.unwrap().unwrap();
        }
    }
    calls.join_all().await;
    let (mut found, mut pages, mut page_token) = (Vec::new(), 0, String::new());
    loop {
        let list = pb::ListChatsRequest { query: "alpha beta".into(), page_size: 30, page_token, ..pb::ListChatsRequest::default() };
        let page = desk.chats.list_chats(list).await.unwrap().into_inner();
        found.extend(page.chats.into_iter().map(|chat| chat.chat_id));
        pages += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(found, (2500..2600).rev().map(|number| format!("c{number:04}")).collect::<Vec<_>>());
    assert!((4..10).contains(&pages), "{pages} pages");
    desk.close().await;
}

#[tokio::test]
async fn queries_with_an_unknown_word_stay_fast() {
    let folder = tempfile::tempdir().unwrap();
    let database = if crate::support::postgres::wanted() { Some(crate::support::postgres::new_database().await) } else { None };
    let server = Process::start(&folder.path().join("data"), database.as_deref()).await;
    let sentence = "hello everybody the parcels which were ordered yesterday evening have arrived damaged again and the towels inside are wet \
         could somebody please tell me whether returning them costs anything or not thanks kindly";
    for number in 0..30 {
        let event = customer_says("e", sentence);
        server.chats().append_events(pb::AppendEventsRequest { chat_id: format!("c{number}"), events: vec![event] }).await.unwrap();
    }
    let searches =
        [format!("{sentence} zzyzx"), sentence.replace("damaged", "damagedx"), format!("{sentence} {sentence}"), format!("qqq {sentence}")];
    let searching: Vec<_> = searches
        .into_iter()
        .map(|query| {
            let mut chats = server.chats();
            tokio::spawn(async move {
                let found = chats.list_chats(pb::ListChatsRequest { query, ..pb::ListChatsRequest::default() }).await;
                found.unwrap().into_inner().chats.len()
            })
        })
        .collect();
    let mut found = Vec::new();
    for search in searching {
        found.push(tokio::time::timeout(Duration::from_secs(30), search).await.expect("a search ends").unwrap());
    }
    assert_eq!(found, [0, 0, 30, 0]);
    assert_eq!(server.events("c1").await.len(), 1, "others are served");
    assert!(server.terminate(Duration::from_secs(20)).await.is_some(), "it does not stop");
}
