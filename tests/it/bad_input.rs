//! Bad input at every RPC: the code, every field at once, and nothing written.

use deskhand::api::pb::{self, event::Body};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::support::desk::{Desk, customer_says, event, refused, refused_fields};

fn long(characters: usize) -> String {
    "ş".repeat(characters)
}

#[tokio::test]
async fn every_field_of_every_event_is_held_to_its_limit() {
    let mut desk = Desk::empty().await;
    let (name, text) = (long(101), long(32_001));
    let bad = vec![
        event(
            "",
            Body::Message(pb::Message {
                author: pb::Author::Customer.into(),
                text: text.clone(),
                language: "not a tag".into(),
                ..Default::default()
            }),
        ),
        event("e1", Body::Message(pb::Message { author: 0, text: " ".into(), author_id: name.clone(), ..Default::default() })),
        event("e2", Body::Message(pb::Message { author: 77, text: "nul\0".into(), ..Default::default() })),
        event("e3", Body::Opened(pb::Opened { channel: 99, group: name.clone(), subject: long(1001), channel_name: long(65) })),
        event("e4", Body::Note(pb::Note { text: String::new(), ..Default::default() })),
        event(
            "e5",
            Body::Customer(pb::Customer { customer_id: "a\u{7}".into(), language: "x".into(), email: long(200), ..Default::default() }),
        ),
        event("e6", Body::Form(pb::Form::default())),
        event("e7", Body::Record(pb::Record { values: [(String::new(), "v\0".into())].into(), ..Default::default() })),
        event("e8", Body::PageView(pb::PageView { url: String::new(), title: long(1001), seconds: -1 })),
        event("e9", Body::Transfer(pb::Transfer::default())),
        event("e10", Body::Topic(pb::Topic { topic: name.clone() })),
        event("e11", Body::Ticket(pb::Ticket::default())),
        event("e12", Body::Rating(pb::Rating { score: 6, comment: text.clone() })),
        event("e13", Body::Redaction(pb::Redaction::default())),
        pb::Event { event_id: "e14".into(), ..Default::default() },
        pb::Event { sequence: 3, redacted: true, ..customer_says("e15", "x") },
        pb::Event { at: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: -1 }), ..customer_says("e16", "x") },
        pb::Event { at: Some(prost_types::Timestamp { seconds: 4_102_444_800, nanos: 0 }), ..customer_says("e17", "x") },
    ];
    let status = desk.append("", bad).await.unwrap_err();
    refused_fields(
        &status,
        &[
            "chat_id",
            "events[0].event_id",
            "events[0].message.text",
            "events[0].message.language",
            "events[1].message.author",
            "events[1].message.text",
            "events[1].message.author_id",
            "events[2].message.author",
            "events[2].message.text",
            "events[3].opened.channel",
            "events[3].opened.channel_name",
            "events[3].opened.group",
            "events[3].opened.subject",
            "events[4].note.text",
            "events[5].customer.customer_id",
            "events[5].customer.email",
            "events[5].customer.language",
            "events[6].form.answers",
            "events[7].record.source",
            "events[7].record.reference",
            "events[7].record.values[\"\"]",
            "events[7].record.values[\"\"]",
            "events[8].page_view.seconds",
            "events[8].page_view.url",
            "events[8].page_view.title",
            "events[9].transfer.to_agent_id",
            "events[10].topic.topic",
            "events[11].ticket.ticket_id",
            "events[12].rating.score",
            "events[12].rating.comment",
            "events[13].redaction.event_id",
            "events[14].body",
            "events[15].sequence",
            "events[15].redacted",
            "events[16].at",
            "events[17].at",
        ],
    );

    refused_fields(&desk.append("c", Vec::new()).await.unwrap_err(), &["events"]);
    let many = (0..1001).map(|number| customer_says(&format!("e{number}"), "x")).collect();
    refused_fields(&desk.append("c", many).await.unwrap_err(), &["events"]);
    // One bad event refuses the good ones beside it.
    refused_fields(
        &desk.append("c", vec![customer_says("a", "x"), customer_says("b", "")]).await.unwrap_err(),
        &["events[1].message.text"],
    );
    refused(&desk.chat("c").await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    // What is just within the limits is taken.
    desk.append(&long(100), vec![customer_says(&long(100), &long(32_000))]).await.unwrap();
    desk.close().await;
}

#[tokio::test]
async fn chat_calls_reject_invalid_input() {
    let mut desk = Desk::empty().await;
    let get = pb::GetChatRequest { chat_id: "a\nb".into(), after_sequence: -1, page_size: -1 };
    refused_fields(&desk.chats.get_chat(get).await.unwrap_err(), &["chat_id", "after_sequence", "page_size"]);
    let list = pb::ListChatsRequest {
        status: 9,
        channel: 99,
        group: long(101),
        opened_after: Some(prost_types::Timestamp { seconds: 0, nanos: -1 }),
        query: long(2001),
        page_size: -5,
        ..Default::default()
    };
    refused_fields(&desk.chats.list_chats(list).await.unwrap_err(), &["status", "channel", "group", "opened_after", "query", "page_size"]);
    let list = pb::ListChatsRequest { page_token: "made up".into(), ..Default::default() };
    refused_fields(&desk.chats.list_chats(list).await.unwrap_err(), &["page_token"]);
    let export = pb::ExportTranscriptRequest {
        chat_id: String::new(),
        format: 42,
        language: "??".into(),
        time_zone: "Mars/Olympus".into(),
        ..Default::default()
    };
    refused_fields(&desk.chats.export_transcript(export).await.unwrap_err(), &["chat_id", "format", "language", "time_zone"]);
    let export = pb::ExportTranscriptRequest { chat_id: "no-such".into(), ..Default::default() };
    refused(&desk.chats.export_transcript(export).await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    refused_fields(&desk.chats.export_customer(pb::ExportCustomerRequest::default()).await.unwrap_err(), &["customer_id"]);
    refused_fields(&desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: long(101) }).await.unwrap_err(), &["customer_id"]);
    desk.close().await;
}

#[tokio::test]
async fn knowledge_calls_reject_invalid_input() {
    let mut desk = Desk::empty().await;
    let search = pb::SearchRequest {
        query: " ".into(),
        language: "english".into(),
        limit: -1,
        offset: 1001,
        tags: vec![String::new()],
        ..Default::default()
    };
    refused_fields(&desk.knowledge.search(search).await.unwrap_err(), &["query", "language", "tags[0]", "limit", "offset"]);
    let search = pb::SearchRequest { query: long(2001), ..Default::default() };
    refused_fields(&desk.knowledge.search(search).await.unwrap_err(), &["query"]);
    refused_fields(&desk.knowledge.get_article(pb::GetArticleRequest::default()).await.unwrap_err(), &["id"]);
    refused_fields(&desk.knowledge.record_open(pb::RecordOpenRequest::default()).await.unwrap_err(), &["search_id", "id"]);
    let rate = pb::RateArticleRequest { reason: long(2001), ..Default::default() };
    refused_fields(&desk.knowledge.rate_article(rate).await.unwrap_err(), &["id", "reason", "rating_id"]);
    let list = pb::ListArticlesRequest { language: "-".into(), audience: 7, page_size: -1, ..Default::default() };
    refused_fields(&desk.knowledge.list_articles(list).await.unwrap_err(), &["language", "audience", "page_size"]);
    let list = pb::ListCannedAnswersRequest { visibility: 7, page_token: "made up".into(), ..Default::default() };
    refused_fields(&desk.knowledge.list_canned_answers(list).await.unwrap_err(), &["visibility", "page_token"]);

    refused_fields(&desk.knowledge.put_articles(pb::PutArticlesRequest::default()).await.unwrap_err(), &["articles"]);
    let good = pb::Article { id: "good".into(), language: "en".into(), title: "Good".into(), body: "Text".into(), ..Default::default() };
    let bad = pb::Article {
        audience: 9,
        url: "javascript:alert(1)".into(),
        body: "x".repeat(200_001),
        title: " ".into(),
        tags: vec!["a\nb".into()],
        asked: vec!["x".into(), "x".repeat(201), "a\nb".into()],
        updated_at: Some(prost_types::Timestamp { seconds: -1, nanos: 0 }),
        ..Default::default()
    };
    let put = pb::PutArticlesRequest { articles: vec![good.clone(), bad, good] };
    refused_fields(
        &desk.knowledge.put_articles(put).await.unwrap_err(),
        &[
            "articles[1].audience",
            "articles[1].url",
            "articles[1].body",
            "articles[1].updated_at",
            "articles[1].id",
            "articles[1].language",
            "articles[1].title",
            "articles[1].tags[0]",
            "articles[1].asked[1]",
            "articles[1].asked[2]",
            "articles[2].id",
        ],
    );
    assert_eq!(desk.search("good", "en").await.total, 0, "nothing was written");
    let answer = pb::CannedAnswer {
        id: "a".into(),
        language: "en".into(),
        title: "A".into(),
        body: "B".into(),
        visibility: pb::Visibility::Group.into(),
        shortcut: long(101),
        asked: vec!["x".into(); 51],
        when: vec!["channel = email".into(), "recrod.order.status = shipped".into()],
        ..Default::default()
    };
    let put = pb::PutCannedAnswersRequest { canned_answers: vec![answer] };
    let status = desk.knowledge.put_canned_answers(put).await.unwrap_err();
    refused_fields(
        &status,
        &["canned_answers[0].owner_group", "canned_answers[0].shortcut", "canned_answers[0].when[1]", "canned_answers[0].asked"],
    );
    let problem = &status.get_details_bad_request().unwrap().field_violations[2].description;
    assert!(problem.starts_with("`recrod.order.status` is not known; conditions are about record.SOURCE.KEY, form.KEY"), "{problem}");
    refused_fields(&desk.knowledge.delete_articles(pb::DeleteArticlesRequest::default()).await.unwrap_err(), &["ids"]);
    let delete = pb::DeleteCannedAnswersRequest { ids: vec![String::new()], language: "?".into() };
    refused_fields(&desk.knowledge.delete_canned_answers(delete).await.unwrap_err(), &["ids[0]", "language"]);
    let report = pb::GetSearchReportRequest {
        start_time: Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 0 }),
        end_time: Some(prost_types::Timestamp { seconds: 1_780_000_000, nanos: 0 }),
    };
    refused_fields(&desk.knowledge.get_search_report(report).await.unwrap_err(), &["start_time"]);
    desk.close().await;
}

#[tokio::test]
async fn reply_calls_reject_invalid_input() {
    let mut desk = Desk::empty().await;
    let agent = Some(pb::Agent { agent_id: long(101), language: "?".into(), ..Default::default() });
    let draft = pb::DraftReplyRequest {
        agent: agent.clone(),
        events: vec![customer_says("", "x")],
        instruction: long(8001),
        previous_draft: long(8001),
        language: "?".into(),
        tone: 9,
        layout: 9,
        ..Default::default()
    };
    refused_fields(
        &desk.draft(draft).await.unwrap_err(),
        &[
            "chat_id",
            "agent.agent_id",
            "agent.language",
            "events[0].event_id",
            "instruction",
            "previous_draft",
            "language",
            "tone",
            "layout",
        ],
    );
    let correct = pb::CorrectReplyRequest { text: "\0".into(), chat_id: "a\u{1}".into(), language: "?".into() };
    refused_fields(&desk.correct(correct).await.unwrap_err(), &["text", "chat_id", "language"]);
    let correct = pb::CorrectReplyRequest { text: long(8001), ..Default::default() };
    refused_fields(&desk.correct(correct).await.unwrap_err(), &["text"]);
    refused_fields(&desk.retone("", pb::Tone::Unspecified).await.unwrap_err(), &["tone", "text"]);
    refused_fields(&desk.translate(pb::TranslateReplyRequest::default()).await.unwrap_err(), &["source"]);
    let translate = pb::TranslateReplyRequest {
        source: Some(pb::translate_reply_request::Source::EventId("e".into())),
        target_language: "?".into(),
        source_language: "?".into(),
        ..Default::default()
    };
    refused_fields(&desk.translate(translate).await.unwrap_err(), &["chat_id", "target_language", "source_language"]);
    let suggest = pb::SuggestAnswersRequest { kinds: vec![0], limit: -1, events: vec![customer_says("e", "x")], ..Default::default() };
    let status = desk.replies.suggest_answers(suggest).await.unwrap_err();
    refused_fields(&status, &["chat_id", "chat_id", "kinds[0]", "limit"]);
    refused_fields(&desk.summarize("", "?").await.unwrap_err(), &["chat_id", "language"]);
    let outcome = pb::RecordOutcomeRequest { final_text: long(32_001), ..Default::default() };
    let status = desk.replies.record_outcome(outcome).await.unwrap_err();
    refused_fields(&status, &["offer", "action", "chat_id", "outcome_id", "final_text"]);
    refused(
        &desk.correct(pb::CorrectReplyRequest { text: "x".into(), chat_id: "no-such".into(), ..Default::default() }).await.unwrap_err(),
        Code::NotFound,
        "CHAT_NOT_FOUND",
    );
    desk.close().await;
}

async fn send(desk: &Desk, method: &str, bytes: Vec<u8>) -> Status {
    desk.call(method, &bytes, None).await.unwrap_err()
}

#[tokio::test]
async fn bytes_that_are_no_message_are_the_callers_error() {
    let desk = Desk::empty().await;
    // chat_id = <0xff>
    let status = send(&desk, "ChatService/GetChat", vec![0x0a, 1, 0xff]).await;
    refused_fields(&status, &["chat_id"]);
    let status = send(&desk, "KnowledgeService/Search", vec![0x0a, 2, 0xc3, 0x28]).await;
    refused_fields(&status, &["query"]);
    let status = send(&desk, "ChatService/GetChat", vec![0x0a, 200]).await;
    refused(&status, Code::InvalidArgument, "INVALID_FIELD");
    let status = send(&desk, "ReplyService/SuggestAnswers", vec![0xff; 64]).await;
    refused(&status, Code::InvalidArgument, "INVALID_FIELD");
    desk.close().await;
}

#[tokio::test]
async fn a_request_has_a_greatest_size() {
    let desk = Desk::empty().await;
    let request = |bytes: usize| pb::GetChatRequest { chat_id: "x".repeat(bytes), ..Default::default() }.encode_to_vec();
    let status = send(&desk, "ChatService/GetChat", request((4 << 20) + 1)).await;
    refused(&status, Code::ResourceExhausted, "REQUEST_TOO_LARGE");
    let status = send(&desk, "ChatService/GetChat", request((4 << 20) - 100)).await;
    refused_fields(&status, &["chat_id"]);
    let status = send(&desk, "KnowledgeService/PutArticles", request(6 << 20)).await;
    assert_ne!(status.code(), Code::ResourceExhausted, "a Put may have 8 MiB");
    let status = send(&desk, "KnowledgeService/PutArticles", request((8 << 20) + 1)).await;
    refused(&status, Code::ResourceExhausted, "REQUEST_TOO_LARGE");
    desk.close().await;
}

#[tokio::test]
async fn no_query_is_syntax() {
    let mut desk = Desk::without_model().await;
    let deep = "(".repeat(1000);
    for query in [
        deep.as_str(),
        "title:refund AND (body:",
        "\"",
        "-",
        "NOT NOT NOT",
        "*",
        "refund~9",
        "[a TO z]",
        "'; DROP TABLE chat;--",
        "{{7*7}}",
        "%s%n",
        "\u{202e}refund",
        "🧵🧵",
        &long(2000),
    ] {
        let reply = desk.knowledge.search(pb::SearchRequest { query: query.into(), language: "en".into(), ..Default::default() }).await;
        assert!(reply.is_ok(), "{query}: {reply:?}");
    }
    desk.close().await;
}
