//! Ids of suggestions, drafts and searches carry what they name: an outcome needs no row that was written before it.

use deskhand::api::pb::{self, record_outcome_request::Offer};
use sqlx::{AssertSqlSafe, Connection};
use tonic::{Code, Status};

use crate::support::{
    desk::{Desk, Opening, customer_says, eventually, refused, selin},
    postgres::Postgres,
};

async fn suggestion_of(desk: &mut Desk, chat_id: &str) -> String {
    let request = pb::SuggestAnswersRequest { chat_id: chat_id.into(), agent: selin(), ..pb::SuggestAnswersRequest::default() };
    desk.suggest(request).await.first().expect("the sample shop has an answer").suggestion_id.clone()
}

async fn draft_of(desk: &mut Desk, chat_id: &str) -> String {
    let request = pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), ..pb::DraftReplyRequest::default() };
    desk.draft(request).await.unwrap().finished.draft_id
}

async fn search_of(desk: &mut Desk) -> String {
    desk.search("return", "en").await.search_id
}

async fn record(desk: &mut Desk, chat_id: &str, outcome_id: &str, offer: Offer) -> Result<(), Status> {
    let request = pb::RecordOutcomeRequest {
        chat_id: chat_id.into(),
        outcome_id: outcome_id.into(),
        offer: Some(offer),
        action: pb::OutcomeAction::Sent.into(),
        ..pb::RecordOutcomeRequest::default()
    };
    desk.replies.record_outcome(request).await.map(drop)
}

async fn open(desk: &mut Desk, search_id: &str) -> Result<(), Status> {
    let articles = desk.search("return", "en").await.hits;
    let request = pb::RecordOpenRequest { search_id: search_id.into(), id: articles[0].id.clone() };
    desk.knowledge.record_open(request).await.map(drop)
}

async fn count(url: &str, table: &str) -> i64 {
    let mut connection = sqlx::AnyConnection::connect(url).await.unwrap();
    sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"))).fetch_one(&mut connection).await.unwrap()
}

#[tokio::test]
async fn an_outcome_of_an_offer_that_was_never_written_is_kept_with_it() {
    let mut desk = Desk::open().await;
    desk.append("a", vec![customer_says("e1", "How can I return a towel?")]).await.unwrap();
    let (suggestion, draft, search) = (suggestion_of(&mut desk, "a").await, draft_of(&mut desk, "a").await, search_of(&mut desk).await);
    // As if the server had ended before it wrote them.
    let url = desk.database_url();
    let tables = ["suggestion", "draft", "search"];
    eventually("all are written", async || {
        let counts = [count(&url, tables[0]).await, count(&url, tables[1]).await, count(&url, tables[2]).await];
        counts.into_iter().all(|count| count > 0)
    })
    .await;
    let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
    for table in tables {
        sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();

    record(&mut desk, "a", "o1", Offer::SuggestionId(suggestion.clone())).await.unwrap();
    record(&mut desk, "a", "o1", Offer::SuggestionId(suggestion)).await.expect("a repeat changes nothing");
    record(&mut desk, "a", "o2", Offer::DraftId(draft)).await.unwrap();
    open(&mut desk, &search).await.unwrap();
    let report = desk.knowledge.get_search_report(pb::GetSearchReportRequest::default()).await.unwrap().into_inner();
    assert_eq!(report.answers.iter().map(|answer| (answer.shown, answer.sent)).collect::<Vec<_>>(), [(1, 1)]);
    assert_eq!(report.opens.len(), 1);
    desk.close().await;
}

#[tokio::test]
async fn an_id_holds_in_its_own_chat_and_as_it_was_given_out() {
    let mut desk = Desk::open().await;
    for chat_id in ["a", "b"] {
        desk.append(chat_id, vec![customer_says("e1", "How can I return a towel?")]).await.unwrap();
    }
    let (suggestion, draft) = (suggestion_of(&mut desk, "a").await, draft_of(&mut desk, "a").await);
    refused(
        &record(&mut desk, "b", "o", Offer::SuggestionId(suggestion.clone())).await.unwrap_err(),
        Code::NotFound,
        "SUGGESTION_NOT_FOUND",
    );
    refused(&record(&mut desk, "b", "o", Offer::DraftId(draft.clone())).await.unwrap_err(), Code::NotFound, "DRAFT_NOT_FOUND");
    refused(&record(&mut desk, "a", "o", Offer::DraftId(suggestion.clone())).await.unwrap_err(), Code::NotFound, "DRAFT_NOT_FOUND");
    let forged = format!("{}{}", &suggestion[1..], &suggestion[..1]);
    refused(&record(&mut desk, "a", "o", Offer::SuggestionId(forged)).await.unwrap_err(), Code::NotFound, "SUGGESTION_NOT_FOUND");
    refused(&open(&mut desk, &draft).await.unwrap_err(), Code::NotFound, "SEARCH_NOT_FOUND");
    let long = "x".repeat(401);
    assert_eq!(record(&mut desk, "a", "o", Offer::SuggestionId(long)).await.unwrap_err().code(), Code::InvalidArgument);
    desk.close().await;
}

#[tokio::test]
async fn an_outcome_that_reaches_another_server_at_once_is_kept() {
    let postgres = Postgres::start();
    let mut desks = Vec::new();
    for _ in 0..2 {
        let opening = Opening { with_model: false, with_shop: true, change: |_| {} };
        desks.push(opening.open_set(|config| config.database_url = Some(postgres.url("postgres"))).await);
    }
    let [one, other] = &mut desks[..] else { unreachable!() };
    one.append("a", vec![customer_says("e1", "How can I return a towel?")]).await.unwrap();
    for number in 0..100 {
        let (from, to) = if number % 2 == 0 { (&mut *one, &mut *other) } else { (&mut *other, &mut *one) };
        let (suggestion, search) = (suggestion_of(from, "a").await, search_of(from).await);
        record(to, "a", &format!("o{number}"), Offer::SuggestionId(suggestion)).await.unwrap();
        open(to, &search).await.unwrap();
    }
    for desk in desks {
        desk.close().await;
    }
}
