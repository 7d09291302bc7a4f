//! The reports: what was done through the API is counted on its day, in its language and for its agent, and nothing else is.

use deskhand::{
    api::pb::{self, event::Body, record_outcome_request::Offer},
    store::Store,
};
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

use crate::support::{
    desk::{Desk, Kept, Opening, agent_says, customer_says, event, eventually, refused_fields, selin},
    postgres::Postgres,
};

const BERLIN: &str = "Europe/Berlin";

/// A desk of the sample shop on this database.
async fn open_on(database_url: Option<String>) -> Desk {
    let opening = Opening { with_model: true, with_shop: true, change: |_| {} };
    opening.open_with(Kept::new(tempfile::tempdir().unwrap(), database_url), |_| {}).await
}

/// The same, once it has erased what is older than 90 days: it does so as it starts, and then every ten minutes. What tests move into the past
/// stays until then.
async fn open_settled_on(database_url: Option<String>) -> Desk {
    let desk = open_on(database_url).await;
    run(&desk, "INSERT INTO article_rating VALUES ('default', 'old', 'refunds', 'en', 1, '', 1)").await;
    let opening = Opening { with_model: true, with_shop: true, change: |_| {} };
    let desk = opening.open_in(desk.close_and_keep().await).await;
    let url = desk.database_url();
    eventually("what is old is erased", async || {
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        let statement = "SELECT COUNT(*) FROM article_rating WHERE rating_id = 'old'";
        let old: i64 = sqlx::query_scalar(statement).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        old == 0
    })
    .await;
    desk
}

fn time(text: &str) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: text.parse::<jiff::Timestamp>().unwrap().as_second(), nanos: 0 })
}

fn stored(text: &str) -> i64 {
    i64::try_from(text.parse::<jiff::Timestamp>().unwrap().as_nanosecond()).unwrap()
}

async fn run(desk: &Desk, statement: impl Into<String>) {
    let mut connection = AnyConnection::connect(&desk.database_url()).await.unwrap();
    sqlx::query(AssertSqlSafe(statement.into())).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// Gives a row another time, once it is written.
async fn move_to(desk: &Desk, table: &str, column: &str, id: &str, at: &str) {
    let url = desk.database_url();
    eventually("the row is written", async || {
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        let statement = format!("UPDATE {table} SET at = {} WHERE {column} = '{id}'", stored(at));
        let moved = sqlx::query(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap().rows_affected();
        connection.close().await.unwrap();
        moved == 1
    })
    .await;
}

async fn help_report(desk: &Desk, zone: &str, language: &str) -> pb::GetHelpReportResponse {
    help_report_of(desk, zone, language, "").await
}

async fn help_report_of(desk: &Desk, zone: &str, language: &str, document_id: &str) -> pb::GetHelpReportResponse {
    let request = pb::GetHelpReportRequest {
        start_time: time("2026-03-27T23:00:00Z"),
        end_time: time("2026-03-30T22:00:00Z"),
        time_zone: zone.into(),
        language: language.into(),
        document_id: document_id.into(),
    };
    desk.knowledge.clone().get_help_report(request).await.unwrap().into_inner()
}

/// Date, searches, searches without a hit, opens, helpful, unhelpful.
fn by_day(report: &pb::GetHelpReportResponse) -> Vec<(&str, [i32; 5])> {
    report.days.iter().map(|day| (day.date.as_str(), counted(day.counts.as_ref().unwrap()))).collect()
}

fn counted(counts: &pb::SearchCounts) -> [i32; 5] {
    [counts.searches, counts.searches_without_hit, counts.opens, counts.helpful, counts.unhelpful]
}

async fn search(desk: &mut Desk, query: &str, language: &str, at: &str) -> String {
    let request = pb::SearchRequest { query: query.into(), language: language.into(), session_id: "s1".into(), ..Default::default() };
    let search_id = desk.knowledge.search(request).await.unwrap().into_inner().search_id;
    move_to(desk, "search", "search_id", &search_id, at).await;
    search_id
}

async fn rate(desk: &mut Desk, rating_id: &str, helpful: bool, reason: &str, at: &str) {
    let request =
        pb::RateArticleRequest { id: "refunds".into(), language: "en".into(), helpful, reason: reason.into(), rating_id: rating_id.into() };
    desk.knowledge.rate_article(request).await.unwrap();
    move_to(desk, "article_rating", "rating_id", rating_id, at).await;
}

/// The clocks go forward on 29 March at 1:00 UTC.
async fn help_is_counted(mut desk: Desk) {
    let refund = search(&mut desk, "refund", "en", "2026-03-28T22:59:59Z").await;
    let open = pb::RecordOpenRequest { search_id: refund, id: "refunds".into() };
    desk.knowledge.record_open(open.clone()).await.unwrap();
    desk.knowledge.record_open(open).await.unwrap();
    move_to(&desk, "article_open", "article_id", "refunds", "2026-03-28T23:00:00Z").await;
    search(&mut desk, "gift voucher", "en", "2026-03-28T23:30:00Z").await;
    search(&mut desk, "qqqqqqqq", "en", "2026-03-29T21:59:59Z").await;
    search(&mut desk, "qqqqqqqq", "en", "2026-03-29T22:00:00Z").await;
    search(&mut desk, "iade", "tr", "2026-03-30T10:00:00Z").await;
    // Outside of the period.
    search(&mut desk, "zzzzzzzz", "en", "2026-03-27T22:59:59Z").await;
    search(&mut desk, "zzzzzzzz", "en", "2026-03-30T22:00:00Z").await;
    rate(&mut desk, "r1", false, "too long", "2026-03-29T12:00:00Z").await;
    rate(&mut desk, "r2", true, "clear", "2026-03-30T12:00:00Z").await;
    // Another workspace's rows are nobody's here.
    run(&desk, "INSERT INTO search SELECT 'other', search_id, session_id, query, hits, superseded, at, language FROM search").await;
    run(&desk, "INSERT INTO article_open SELECT 'other', search_id, article_id, at, language, session_id FROM article_open").await;
    run(&desk, "INSERT INTO article_rating SELECT 'other', rating_id, article_id, language, helpful, reason, at FROM article_rating").await;

    let report = help_report(&desk, BERLIN, "").await;
    assert_eq!(
        by_day(&report),
        [("2026-03-28", [1, 0, 0, 0, 0]), ("2026-03-29", [2, 1, 1, 0, 1]), ("2026-03-30", [2, 1, 0, 1, 0])],
        "a day begins at midnight, before and after the clocks are changed"
    );
    assert_eq!(counted(report.total.as_ref().unwrap()), [5, 2, 1, 1, 1]);
    let languages: Vec<_> = report.languages.iter().map(|line| (line.language.as_str(), counted(line.counts.as_ref().unwrap()))).collect();
    assert_eq!(languages, [("en", [4, 2, 1, 1, 1]), ("tr", [1, 0, 0, 0, 0])]);
    let missed: Vec<_> = report.queries_without_hit.iter().map(|line| (line.query.as_str(), line.searches, line.without_hit)).collect();
    assert_eq!(missed, [("qqqqqqqq", 2, 2)]);
    let [article] = &report.unhelpful_articles[..] else { panic!("{:?}", report.unhelpful_articles) };
    assert_eq!((article.id.as_str(), article.opens, article.searched_on, article.helpful, article.unhelpful), ("refunds", 1, 1, 1, 1));
    assert_eq!(article.reasons, ["too long"], "what was liked is no reason");
    assert_eq!(report.ratings[0].reasons, ["clear", "too long"]);
    assert_eq!(report.left_out, Some(pb::HelpReportLeftOut::default()));

    let in_utc = help_report(&desk, "UTC", "").await;
    let utc: Vec<i32> = by_day(&in_utc).into_iter().map(|(_, [searches, ..])| searches).collect();
    assert_eq!((in_utc.days[0].date.as_str(), utc), ("2026-03-27", vec![0, 2, 2, 1]));
    assert_eq!(by_day(&help_report(&desk, "", "").await), by_day(&in_utc), "the workspace's own zone");

    let turkish = help_report(&desk, BERLIN, "tr").await;
    assert_eq!(counted(turkish.total.as_ref().unwrap()), [1, 0, 0, 0, 0]);
    assert!(turkish.queries_without_hit.is_empty() && turkish.unhelpful_articles.is_empty() && turkish.ratings.is_empty());
    assert_eq!(turkish.days.len(), 3, "days on which nothing happened are there, too");

    // Of one article: what was opened and rated of it, and the searches that led to it.
    let of_article = help_report_of(&desk, BERLIN, "", "refunds").await;
    assert_eq!(by_day(&of_article), [("2026-03-28", [1, 0, 0, 0, 0]), ("2026-03-29", [0, 0, 1, 0, 1]), ("2026-03-30", [0, 0, 0, 1, 0])]);
    assert_eq!(of_article.languages.len(), 1);
    assert_eq!((&of_article.unhelpful_articles, &of_article.ratings), (&report.unhelpful_articles, &report.ratings));
    assert!(of_article.queries_without_hit.is_empty());
    let of_none = help_report_of(&desk, BERLIN, "", "exchanges").await;
    assert_eq!(counted(of_none.total.as_ref().unwrap()), [0; 5]);
    assert!(of_none.unhelpful_articles.is_empty() && of_none.ratings.is_empty() && of_none.languages.is_empty());

    // Within a second of midnight, and half an hour and more after it was opened.
    move_to(&desk, "search", "workspace = 'default' AND query", "gift voucher", "2026-03-28T23:30:01Z").await;
    assert!(help_report(&desk, BERLIN, "").await.unhelpful_articles[0].searched_on == 0);
    desk.close().await;
}

#[tokio::test]
async fn help_is_counted_by_day_and_language() {
    help_is_counted(open_settled_on(None).await).await;
}

#[tokio::test]
async fn help_is_counted_by_day_and_language_on_postgresql() {
    let postgres = Postgres::start();
    help_is_counted(open_settled_on(Some(postgres.url("postgres"))).await).await;
}

fn bo() -> Option<pb::Agent> {
    Some(pb::Agent { agent_id: "agent-bo".into(), name: "Bo".into(), groups: Vec::new(), language: "en".into() })
}

async fn suggest(desk: &mut Desk, chat_id: &str, agent: Option<pb::Agent>, at: &[&str]) -> Vec<pb::Suggestion> {
    let request = pb::SuggestAnswersRequest {
        chat_id: chat_id.into(),
        agent,
        query: if chat_id.is_empty() { "refund".into() } else { String::new() },
        language: "en".into(),
        limit: at.len() as i32,
        ..Default::default()
    };
    let suggestions = desk.suggest(request).await;
    assert_eq!(suggestions.len(), at.len());
    for (suggestion, at) in suggestions.iter().zip(at) {
        move_to(desk, "suggestion", "suggestion_id", &suggestion.suggestion_id, at).await;
    }
    suggestions
}

async fn draft(desk: &mut Desk, chat_id: &str, agent: Option<pb::Agent>, at: &str) -> String {
    let request = pb::DraftReplyRequest { chat_id: chat_id.into(), agent, language: "en".into(), ..Default::default() };
    let draft_id = desk.draft(request).await.unwrap().finished.draft_id;
    move_to(desk, "draft", "draft_id", &draft_id, at).await;
    draft_id
}

async fn record(desk: &mut Desk, chat_id: &str, outcome_id: &str, agent: Option<pb::Agent>, offer: Offer, action: pb::OutcomeAction) {
    let request = pb::RecordOutcomeRequest {
        chat_id: chat_id.into(),
        outcome_id: outcome_id.into(),
        agent,
        offer: Some(offer),
        action: action.into(),
        final_text: String::new(),
    };
    desk.replies.record_outcome(request).await.unwrap();
}

fn rated(event_id: &str, score: i32, at: &str) -> pb::Event {
    pb::Event { at: time(at), ..event(event_id, Body::Rating(pb::Rating { score, comment: "as it was".into() })) }
}

async fn reply_report(desk: &Desk, change: impl FnOnce(&mut pb::GetReplyReportRequest)) -> pb::GetReplyReportResponse {
    let mut request = pb::GetReplyReportRequest {
        start_time: time("2026-10-23T22:00:00Z"),
        end_time: time("2026-10-26T23:00:00Z"),
        time_zone: BERLIN.into(),
        ..Default::default()
    };
    change(&mut request);
    desk.replies.clone().get_reply_report(request).await.unwrap().into_inner()
}

/// Suggestions: shown, sent, edited, dismissed. Drafts: made, by a model, built in, sent, edited, dismissed. Ratings and their average.
fn became(counts: Option<&pb::ReplyCounts>) -> ([i32; 4], [i32; 6], (i32, f64)) {
    let counts = counts.unwrap();
    let suggestions = counts.suggestions.as_ref().unwrap();
    let drafts = counts.drafts.as_ref().unwrap();
    let ratings = counts.ratings.as_ref().unwrap();
    (
        [suggestions.shown, suggestions.sent, suggestions.edited, suggestions.dismissed],
        [drafts.made, drafts.by_model, drafts.built_in, drafts.sent, drafts.edited, drafts.dismissed],
        (ratings.count, ratings.average),
    )
}

const NONE: ([i32; 4], [i32; 6], (i32, f64)) = ([0; 4], [0; 6], (0, 0.0));

/// The clocks go back on 25 October at 1:00 UTC.
async fn replies_are_counted(mut desk: Desk) {
    use pb::OutcomeAction::{Dismissed, Edited, Sent};
    let customer = |id: &str| event("who", Body::Customer(pb::Customer { customer_id: id.into(), ..Default::default() }));
    let by_bo =
        pb::Message { author: pb::Author::Agent.into(), author_id: "agent-bo".into(), text: "One moment.".into(), ..Default::default() };
    let asked = || customer_says("e1", "How can I return a towel and get a refund?");
    desk.append("a", vec![customer("ann"), asked(), agent_says("e2", "One moment.")]).await.unwrap();
    desk.append("b", vec![customer("ben"), asked(), event("e2", Body::Message(by_bo))]).await.unwrap();

    // The first minute of 25 October and the last of it, 25 hours later.
    let of_selin = suggest(&mut desk, "a", selin(), &["2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z"]).await;
    let of_bo = suggest(&mut desk, "b", bo(), &["2026-10-24T21:59:59Z"]).await;
    let of_nobody = suggest(&mut desk, "", selin(), &["2026-10-26T08:00:00Z"]).await;
    let offer = |of: &[pb::Suggestion], place: usize| Offer::SuggestionId(of[place].suggestion_id.clone());
    record(&mut desk, "a", "o1", selin(), offer(&of_selin, 0), Dismissed).await;
    record(&mut desk, "a", "o2", selin(), offer(&of_selin, 0), Sent).await;
    record(&mut desk, "a", "o2", selin(), offer(&of_selin, 0), Sent).await;
    record(&mut desk, "a", "o3", selin(), offer(&of_selin, 1), Edited).await;
    record(&mut desk, "b", "o1", bo(), offer(&of_bo, 0), Dismissed).await;
    record(&mut desk, "a", "o4", selin(), offer(&of_nobody, 0), Sent).await;
    let drafted = draft(&mut desk, "a", selin(), "2026-10-25T12:00:00Z").await;
    record(&mut desk, "a", "o5", selin(), Offer::DraftId(drafted), Edited).await;
    draft(&mut desk, "b", bo(), "2026-10-26T22:59:59Z").await;
    desk.append("a", vec![rated("r1", 1, "2026-10-24T10:00:00Z"), rated("r2", 4, "2026-10-25T23:30:00Z")]).await.unwrap();
    desk.append("b", vec![rated("r1", 5, "2026-10-25T23:30:00Z")]).await.unwrap();
    // One whose customer said so, and one of whom nothing is known.
    let in_turkish = pb::Message { author: pb::Author::Customer.into(), text: "1".into(), language: "tr-TR".into(), ..Default::default() };
    desk.append("c", vec![event("e1", Body::Message(in_turkish)), rated("r1", 2, "2026-10-25T23:30:00Z")]).await.unwrap();
    desk.append("d", vec![rated("r1", 3, "2026-10-25T23:30:00Z")]).await.unwrap();
    let others = [
        "INSERT INTO suggestion SELECT 'other', suggestion_id, chat_id, kind, document_id, language, at, agent_id FROM suggestion",
        "INSERT INTO draft SELECT 'other', draft_id, chat_id, sources, kind, language, sketch, at, agent_id, engine, reply_language FROM draft",
        "INSERT INTO outcome SELECT 'other', chat_id, outcome_id, suggestion_id, draft_id, 3, agent_id, final_text, hash, at + 1 FROM outcome",
        "INSERT INTO chat (number, workspace, chat_id, last_sequence, status, channel, team, agent_id, topic, customer_id, ticket_id, opened_at,
         updated_at, summary, taught_to, teaches, language) SELECT number + 1000, 'other', chat_id, last_sequence, status, channel, team, agent_id, topic,
         customer_id, ticket_id, opened_at, updated_at, summary, taught_to, 0, language FROM chat",
        "INSERT INTO event SELECT chat + 1000, sequence, event_id, at, at_given, redacted, body FROM event",
    ];
    for statement in others {
        run(&desk, statement).await;
    }

    let report = reply_report(&desk, |_| {}).await;
    let days: Vec<_> = report.days.iter().map(|day| (day.date.as_str(), became(day.counts.as_ref()))).collect();
    assert_eq!(
        days,
        [
            ("2026-10-24", ([1, 0, 0, 1], [0; 6], (0, 0.0))),
            ("2026-10-25", ([2, 1, 1, 0], [1, 1, 0, 0, 1, 0], (0, 0.0))),
            ("2026-10-26", ([1, 1, 0, 0], [1, 1, 0, 0, 0, 0], (4, 3.5))),
        ]
    );
    let all = ([4, 2, 1, 1], [2, 2, 0, 0, 1, 0], (4, 3.5));
    assert_eq!(became(report.total.as_ref()), all);
    let languages: Vec<_> = report.languages.iter().map(|line| (line.language.as_str(), became(line.counts.as_ref()))).collect();
    // The language is found in what the customer wrote, or it is the reported one, as the workspace names it.
    let of_chats = |ratings| ([0; 4], [0; 6], ratings);
    assert_eq!(languages, [("en", (all.0, all.1, (2, 4.5))), ("", of_chats((1, 3.0))), ("tr", of_chats((1, 2.0)))]);
    let mut agents: Vec<_> = report.agents.iter().map(|line| (line.agent_id.as_str(), became(line.counts.as_ref()))).collect();
    agents.sort_by_key(|(agent, _)| *agent);
    let bos = ([1, 0, 0, 1], [1, 1, 0, 0, 0, 0], (1, 5.0));
    let expected = [
        // The agent of a suggestion without a chat is not kept.
        ("", ([1, 1, 0, 0], [0; 6], (2, 2.5))),
        ("agent-bo", bos),
        ("agent-selin", ([2, 1, 1, 0], [1, 1, 0, 0, 1, 0], (1, 4.0))),
    ];
    assert_eq!(agents, expected);
    assert!(!report.agents_withheld && report.left_out == Some(pb::ReplyReportLeftOut::default()));

    let only = reply_report(&desk, |request| request.agent_id = "agent-bo".into()).await;
    assert_eq!((became(only.total.as_ref()), only.agents.len()), (bos, 1));
    let turkish = reply_report(&desk, |request| request.language = "tr".into()).await;
    assert_eq!((became(turkish.total.as_ref()), turkish.languages.len()), (of_chats((1, 2.0)), 1));
    let none = reply_report(&desk, |request| request.language = "hu".into()).await;
    assert_eq!((became(none.total.as_ref()), none.days.len()), (NONE, 3));
    let document = of_selin[1].id.clone();
    let of_document = reply_report(&desk, |request| request.document_id = document).await;
    assert_eq!((became(of_document.total.as_ref()).0, became(of_document.total.as_ref()).2), ([1, 0, 1, 0], (0, 0.0)));

    // What goes with a person is counted no more, and an outcome that comes late brings nothing back.
    let mut chats = desk.chats.clone();
    chats.erase_customer(pb::EraseCustomerRequest { customer_id: "ann".into() }).await.unwrap();
    let late = pb::RecordOutcomeRequest {
        chat_id: "a".into(),
        outcome_id: "late".into(),
        offer: Some(offer(&of_selin, 0)),
        action: Sent.into(),
        ..Default::default()
    };
    desk.replies.record_outcome(late).await.unwrap_err();
    let after = reply_report(&desk, |_| {}).await;
    assert_eq!(became(after.total.as_ref()), ([2, 0, 0, 1], [1, 1, 0, 0, 0, 0], (3, 10.0 / 3.0)));
    assert!(after.agents.iter().all(|line| line.agent_id != "agent-selin"), "{:?}", after.agents);
    desk.close().await;
}

#[tokio::test]
async fn what_became_of_replies_is_counted_by_day_language_and_agent() {
    replies_are_counted(open_on(None).await).await;
}

#[tokio::test]
async fn what_became_of_replies_is_counted_by_day_language_and_agent_on_postgresql() {
    let postgres = Postgres::start();
    replies_are_counted(open_on(Some(postgres.url("postgres"))).await).await;
}

/// PostgreSQL takes two seconds to compile the report's statement, which runs for a fraction of that.
#[tokio::test]
async fn postgresql_compiles_no_statement() {
    let postgres = Postgres::start();
    for options in ["", "?pooler=transaction"] {
        let store = Store::open(&format!("{}{options}", postgres.url("postgres"))).await.unwrap();
        let setting = sqlx::query_scalar("SELECT setting FROM pg_settings WHERE name = 'jit'");
        assert_eq!(setting.fetch_one(store.reads()).await.map(|setting: String| setting).unwrap(), "off", "{options}");
        store.close().await;
    }
}

#[tokio::test]
async fn drafts_without_a_model_are_counted_apart_and_agents_may_be_left_out() {
    let opening = Opening { with_model: false, with_shop: true, change: |_| {} };
    let mut desk = opening.open_set(|config| config.desk.report_agents = false).await;
    desk.append("a", vec![customer_says("e1", "How can I return a towel?")]).await.unwrap();
    draft(&mut desk, "a", selin(), "2026-10-25T12:00:00Z").await;
    let report = reply_report(&desk, |_| {}).await;
    assert_eq!(became(report.total.as_ref()), ([0; 4], [1, 0, 1, 0, 0, 0], (0, 0.0)));
    assert!(report.agents_withheld && report.agents.is_empty());
    let request = pb::GetReplyReportRequest { agent_id: "agent-selin".into(), ..Default::default() };
    refused_fields(&desk.replies.get_reply_report(request).await.unwrap_err(), &["agent_id"]);
    desk.close().await;
}

#[tokio::test]
async fn what_is_left_out_is_told() {
    let desk = open_settled_on(None).await;
    let at = stored("2026-03-29T12:00:00Z");
    let rows = |row: &dyn Fn(usize) -> String| (0..1004).map(row).collect::<Vec<_>>().join(",");
    let searches = rows(&|number| format!("('default', 's{number}', '', 'q{number}', 0, 0, {at}, 'l{number}')"));
    run(&desk, format!("INSERT INTO search (workspace, search_id, session_id, query, hits, superseded, at, language) VALUES {searches}"))
        .await;
    let suggestions = rows(&|number| format!("('default', 's{number}', '', 1, 'd{number}', 'l{number}', {at}, 'a{number}')"));
    run(
        &desk,
        format!(
            "INSERT INTO suggestion (workspace, suggestion_id, chat_id, kind, document_id, language, at, agent_id) VALUES {suggestions}"
        ),
    )
    .await;
    let report = help_report(&desk, BERLIN, "").await;
    assert_eq!((report.queries_without_hit.len(), report.languages.len()), (1000, 1000));
    assert_eq!(report.left_out, Some(pb::HelpReportLeftOut { languages: 4, queries_without_hit: 4, ..Default::default() }));
    assert_eq!(counted(report.total.as_ref().unwrap()), [1004, 1004, 0, 0, 0], "the totals have all of it");
    let period = |request: &mut pb::GetReplyReportRequest| {
        (request.start_time, request.end_time) = (time("2026-03-27T23:00:00Z"), time("2026-03-30T22:00:00Z"));
    };
    let report = reply_report(&desk, period).await;
    assert_eq!((report.agents.len(), report.languages.len()), (1000, 1000));
    assert_eq!(report.left_out, Some(pb::ReplyReportLeftOut { languages: 4, agents: 4 }));
    assert_eq!(became(report.total.as_ref()).0, [1004, 0, 0, 0]);
    let request = pb::GetSearchReportRequest { start_time: time("2026-03-27T23:00:00Z"), end_time: time("2026-03-30T22:00:00Z") };
    let report = desk.knowledge.clone().get_search_report(request).await.unwrap().into_inner();
    assert_eq!((report.queries.len(), report.answers.len()), (1000, 1000));
    assert_eq!(report.left_out, Some(pb::SearchReportLeftOut { queries: 4, answers: 4, ..Default::default() }));
    desk.close().await;
}

#[tokio::test]
async fn a_report_on_what_cannot_be_is_refused_field_by_field() {
    let mut desk = Desk::empty().await;
    let (early, late) = (time("2025-01-01T00:00:00Z"), time("2026-01-03T00:00:00Z"));
    let request = pb::GetReplyReportRequest {
        start_time: early,
        end_time: late,
        time_zone: "Europe/Nowhere".into(),
        language: "?".into(),
        agent_id: "a\nb".into(),
        document_id: "x".repeat(201),
    };
    let status = desk.replies.get_reply_report(request).await.unwrap_err();
    refused_fields(&status, &["time_zone", "end_time", "language", "agent_id", "document_id"]);
    let request = |start_time, end_time, time_zone: &str, language: &str| pb::GetHelpReportRequest {
        start_time,
        end_time,
        time_zone: time_zone.into(),
        language: language.into(),
        document_id: String::new(),
    };
    let long = pb::GetHelpReportRequest { document_id: "x".repeat(201), ..request(late, early, "../../etc/passwd", "?") };
    let status = desk.knowledge.get_help_report(long).await.unwrap_err();
    refused_fields(&status, &["start_time", "time_zone", "language", "document_id"]);
    let never = Some(prost_types::Timestamp { seconds: -1, nanos: 0 });
    let status = desk.knowledge.get_help_report(request(never, never, &"x".repeat(100_000), "")).await.unwrap_err();
    refused_fields(&status, &["end_time", "start_time", "time_zone"]);
    // A day more than it may be, and as long as it may be.
    let status = desk.knowledge.get_help_report(request(early, time("2026-01-02T00:00:01Z"), "UTC", "")).await.unwrap_err();
    refused_fields(&status, &["end_time"]);
    let report = desk.knowledge.get_help_report(request(early, time("2026-01-02T00:00:00Z"), "UTC", "")).await.unwrap().into_inner();
    assert_eq!((report.days.len(), report.days[365].date.as_str()), (366, "2026-01-01"));
    // Nothing was done, and of no time there is no day.
    assert_eq!(counted(report.total.as_ref().unwrap()), [0; 5]);
    let report = desk.knowledge.get_help_report(request(early, early, "UTC", "")).await.unwrap().into_inner();
    assert!(report.days.is_empty());
    let report = desk.replies.get_reply_report(pb::GetReplyReportRequest::default()).await.unwrap().into_inner();
    assert_eq!((became(report.total.as_ref()), report.days.len()), (NONE, 31), "thirty days back touch thirty-one");
    desk.close().await;
}
