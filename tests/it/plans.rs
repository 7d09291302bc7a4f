//! Query plans: no statement scans a table that grows with the shop, or joins lookups into combinations; each is planned by both databases.
//!
//! Complete statements in the source are taken from there; generated ones are taken from the log of a server in use. One that neither finds
//! fails the test, unless `UNUSED` names it.

use std::{collections::BTreeSet, fs, path::Path};

use deskhand::api::pb::{self, event::Body, reply_service_client::ReplyServiceClient};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

use crate::support::{
    desk::{agent_says, at, customer_says, event, eventually, from_json, selin},
    process::Process,
};

/// Tables whose length is bounded by what the operator does: keys, counters, erasures.
const SMALL: [&str; 7] = ["api_key", "chat_change_counter", "document_counter", "lesson_counter", "erasure", "wipe", "_sqlx_migrations"];

/// Statements that may read a table whole, and why.
const WHOLE: [(&str, &str); 1] = [(
    "SELECT DISTINCT workspace, customer_id FROM chat_customer",
    "at start, and only if a restored backup holds people who had been erased",
)];

/// Beginnings of statements that are put together and that the flow below does not reach, and why.
const UNUSED: [(&str, &str); 2] = [
    ("SELECT COUNT(*) FROM ", "a command's, after a backup"),
    ("SELECT pgno, data FROM (VALUES ", "SQLite's own pages, so many at a time"),
];

#[tokio::test]
async fn no_statement_reads_a_growing_table_whole_or_multiplies_its_work() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let database = if crate::support::postgres::wanted() { Some(crate::support::postgres::new_database().await) } else { None };
    let log = folder.path().join("log");
    // Nothing is so old, and nothing answers there; what both read is read all the same.
    let settings = [
        ("DESKHAND_RETENTION_DAYS", "3000"),
        ("DESKHAND_EMBEDDING_MODEL", "none"),
        ("DESKHAND_EMBEDDING_BASE_URL", "http://127.0.0.1:9/v1"),
    ];
    let server = Process::start_logged(&data, database.as_deref(), &settings, "error,sqlx::query=debug", &log).await;
    use_everything(&server, &log).await;
    assert!(server.terminate(std::time::Duration::from_secs(30)).await.is_some(), "it does not stop");

    let (whole, built) = in_source(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")));
    let used = in_log(&log);
    assert!(whole.len() > 50 && built.len() > 20 && used.len() > 60, "{} {} {}", whole.len(), built.len(), used.len());
    let missed: Vec<&String> = built
        .iter()
        .filter(|head| !used.iter().any(|used| used.starts_with(head.as_str())) && !UNUSED.iter().any(|(unused, _)| head == unused))
        .collect();
    assert!(missed.is_empty(), "statements that the flow does not use: {missed:#?}");

    let ours = |sql: &&String| {
        let first = sql.split_whitespace().next().unwrap_or_default();
        matches!(first, "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "WITH")
            && !["sqlite", "pragma_", "pg_", "_setting", "_sqlx_migrations"].iter().any(|own| sql.contains(own))
    };
    let mut problems = Vec::new();
    let statements: BTreeSet<&String> = whole.iter().chain(&used).filter(ours).collect();
    match &database {
        None => {
            let url = format!("sqlite:{}", data.join("deskhand.sqlite").display());
            let mut connection = SqliteConnection::connect(&url).await.unwrap();
            for sql in BAD {
                assert!(!sqlite_problems(&mut connection, sql).await.is_empty(), "{sql}");
            }
            for sql in statements {
                problems.extend(sqlite_problems(&mut connection, sql).await);
            }
        }
        Some(_) => {
            // Tables that nothing was written to: what autovacuum tells of small ones would change the plans, once it comes by.
            let unused = crate::support::postgres::new_database().await;
            let maker = Process::start_logged(&folder.path().join("unused"), Some(&unused), &settings, "error", &log).await;
            assert!(maker.terminate(std::time::Duration::from_secs(30)).await.is_some(), "it does not stop");
            let mut connection = PgConnection::connect(&unused).await.unwrap();
            // Small tables are read whole; with this only those are that have to be.
            connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan").await.unwrap();
            assert!(!postgres_problems(&mut connection, BAD[0]).await.is_empty());
            for sql in statements {
                problems.extend(postgres_problems(&mut connection, sql).await);
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// What must be found: a table that is read whole, on both databases, and look-ups that SQLite joins.
const BAD: [&str; 2] = [
    "SELECT number FROM chat WHERE summary = $1",
    "SELECT 1 FROM chat_word AS places WHERE places.workspace = $1 AND places.word = $2 AND EXISTS (SELECT 1 FROM chat_word AS said
     WHERE said.workspace = $1 AND said.word IN ($3, $4) AND said.opened_at = places.opened_at AND said.chat = places.chat)",
];

fn is_allowed(sql: &str, table: &str) -> bool {
    SMALL.contains(&table) || WHOLE.iter().any(|(whole, _)| sql == *whole)
}

async fn sqlite_problems(connection: &mut SqliteConnection, sql: &str) -> Vec<String> {
    let rows =
        connection.fetch_all(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    let tables = tables();
    let bad = plan.iter().filter(|step| {
        let scanned = step.strip_prefix("SCAN ").and_then(|rest| rest.split(' ').next());
        let scans = scanned.is_some_and(|table| tables.iter().any(|known| known == table) && !is_allowed(sql, table));
        scans || step.contains(" EXISTS ")
    });
    bad.map(|step| format!("{sql}\n  {step}")).collect()
}

async fn postgres_problems(connection: &mut PgConnection, sql: &str) -> Vec<String> {
    let values = (1..=999).rev().find(|number| sql.contains(&format!("${number}"))).unwrap_or(0);
    let types = match value_types(sql, values) {
        Some(types) => format!("({})", types.join(",")),
        None => String::new(),
    };
    let prepared = connection.execute(AssertSqlSafe(format!("PREPARE planned{types} AS {sql}"))).await;
    prepared.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let values = if values == 0 { String::new() } else { format!("({})", vec!["NULL"; values].join(",")) };
    let rows = connection.fetch_all(AssertSqlSafe(format!("EXPLAIN EXECUTE planned{values}"))).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    connection.execute("DEALLOCATE planned").await.unwrap();
    let plan: Vec<String> = rows.iter().map(|row| row.get::<String, _>(0)).collect();
    let mut problems = Vec::new();
    for (at, step) in plan.iter().enumerate() {
        let table = |after: &str| step.split_once(after).map(|(_, rest)| rest.split(' ').next().unwrap_or_default().to_owned());
        let conditioned = plan.get(at + 1).is_some_and(|next| next.contains("Index Cond"));
        let whole = match table("Seq Scan on ") {
            Some(table) => Some(table),
            None if step.contains("Bitmap Heap Scan") || conditioned => None,
            None if step.contains("Index Scan using") || step.contains("Index Only Scan using") => table(" on "),
            None => None,
        };
        if whole.is_some_and(|table| !is_allowed(sql, &table)) {
            problems.push(format!("{sql}\n  {}", plan.join("\n  ")));
            break;
        }
    }
    problems
}

/// The types of what is bound, where the statement alone does not tell: in a list of values, which end it.
fn value_types(sql: &str, values: usize) -> Option<Vec<&'static str>> {
    let (before, after) = sql.split_once(" IN (VALUES ")?;
    let columns = before.strip_suffix(')').map_or_else(|| before.rsplit(' ').next(), |before| before.rsplit('(').next())?;
    let columns: Vec<&str> = columns.split(", ").map(|column| column.rsplit('.').next().unwrap_or(column)).collect();
    let first: usize = after.split('$').nth(1)?.split(|end: char| !end.is_ascii_digit()).next()?.parse().ok()?;
    let kind = |number: usize| match number.checked_sub(first).map(|at| columns[at % columns.len()]) {
        None => "unknown",
        Some("number" | "chat" | "kind" | "sequence" | "turn") => "bigint",
        Some(_) => "text",
    };
    Some((1..=values).map(kind).collect())
}

/// The tables that the migrations make.
fn tables() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store/migrations/sqlite");
    let mut tables = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        tables.extend(text.split("CREATE TABLE ").skip(1).map(|rest| rest.split_whitespace().next().unwrap().to_owned()));
    }
    tables
}

/// The statements in the source: those that stand whole, and the beginnings of those that are put together.
fn in_source(folder: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut whole, mut built) = (BTreeSet::new(), BTreeSet::new());
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            let (inner_whole, inner_built) = in_source(&path);
            whole.extend(inner_whole);
            built.extend(inner_built);
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.ends_with(".rs") || name.ends_with("_tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap();
        for begin in ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "WITH "] {
            for (at, _) in text.match_indices(&format!("\"{begin}")) {
                let literal: String = text[at + 1..].split('"').next().unwrap().to_owned();
                let sql = normal(&literal);
                match sql.split_once('{') {
                    // A text for people may begin so, too; a statement names a table.
                    None if sql.contains(" FROM ") || sql.contains(" INTO ") || sql.starts_with("UPDATE ") => drop(whole.insert(sql)),
                    None => {}
                    Some((head, _)) => drop(built.insert(head.to_owned())),
                }
            }
        }
    }
    (whole, built)
}

/// The statements in a server's log.
fn in_log(log: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(log).unwrap();
    text.lines()
        .filter_map(|line| {
            let field = |name: &str| {
                let from = line.split_once(name)?.1;
                serde_json::Deserializer::from_str(from).into_iter::<String>().next()?.ok()
            };
            field("db.statement=").filter(|sql| !sql.is_empty()).or_else(|| field("summary="))
        })
        .map(|sql| normal(&sql))
        .collect()
}

/// A statement on one line.
fn normal(sql: &str) -> String {
    sql.replace("\\\n", " ").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Calls whatever there is to call.
async fn use_everything(server: &Process, log: &Path) {
    let (mut chats, mut knowledge) = (server.chats(), server.knowledge());
    let mut replies = ReplyServiceClient::new(server.channel.clone());
    let texts =
        ["Your parcel comes two days after it was sent.", "We are open from nine to five.", "Your voucher can be used at the checkout."];
    let answer = |number: usize| pb::CannedAnswer {
        id: format!("a{number}"),
        language: "en".into(),
        title: ["When does my parcel come?", "Opening hours", "Vouchers"][number].into(),
        body: texts[number].into(),
        ..pb::CannedAnswer::default()
    };
    let put = pb::PutCannedAnswersRequest { canned_answers: (0..3).map(answer).collect() };
    for _ in 0..2 {
        knowledge.put_canned_answers(put.clone()).await.unwrap();
    }
    let mut newer = put.canned_answers[0].clone();
    newer.updated_at = Some((std::time::SystemTime::now() + std::time::Duration::from_secs(3600)).into());
    knowledge.put_canned_answers(pb::PutCannedAnswersRequest { canned_answers: vec![newer] }).await.unwrap();
    let article = pb::Article {
        id: "parcels".into(),
        language: "en".into(),
        title: "Parcels".into(),
        body: "Parcels take two days.".into(),
        ..pb::Article::default()
    };
    knowledge.put_articles(pb::PutArticlesRequest { articles: vec![article.clone()] }).await.unwrap();
    knowledge.list_articles(pb::ListArticlesRequest { page_size: 1, ..Default::default() }).await.unwrap();
    let page = pb::ListCannedAnswersRequest { page_size: 1, ..Default::default() };
    let token = knowledge.list_canned_answers(page.clone()).await.unwrap().into_inner().next_page_token;
    knowledge.list_canned_answers(pb::ListCannedAnswersRequest { page_token: token, ..page }).await.unwrap();

    for sample in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/sample-chats")).unwrap() {
        let json = fs::read_to_string(sample.unwrap().path()).unwrap();
        let request: pb::AppendEventsRequest = from_json("deskhand.v1.AppendEventsRequest", &json);
        chats.append_events(request.clone()).await.unwrap();
        chats.append_events(request).await.unwrap();
    }
    let append = |events| pb::AppendEventsRequest { chat_id: "c".into(), events };
    let customer = pb::Customer { customer_id: "someone".into(), ..pb::Customer::default() };
    chats.append_events(append(vec![at(5, customer_says("e1", "When does my parcel come?"))])).await.unwrap();
    chats.append_events(append(vec![at(6, agent_says("e2", texts[0])), event("who", Body::Customer(customer))])).await.unwrap();
    // One that comes late, one that is wiped, one that is refused.
    chats.append_events(append(vec![at(1, customer_says("e0", "Good morning, order 4711"))])).await.unwrap();
    let redaction = pb::Redaction { event_id: "e0".into() };
    chats.append_events(append(vec![event("gone", Body::Redaction(redaction))])).await.unwrap();
    let resolved = pb::AppendEventsRequest { chat_id: "new".into(), events: vec![event("r", Body::Resolved(pb::Resolved {}))] };
    chats.append_events(resolved).await.unwrap_err();
    for after_sequence in [0, 2] {
        chats.get_chat(pb::GetChatRequest { chat_id: "c".into(), after_sequence, page_size: 1 }).await.unwrap();
    }
    // Listeners read the log of changes, and one of them its chat.
    let mut all = chats.watch(pb::WatchRequest::default()).await.unwrap().into_inner();
    all.message().await.unwrap();
    let one = pb::WatchRequest { chat_id: "c".into(), ..Default::default() };
    chats.watch(one).await.unwrap().into_inner().message().await.unwrap();
    let redaction = pb::Redaction { event_id: "w".into() };
    chats.append_events(append(vec![customer_says("w", "4711"), event("wiped", Body::Redaction(redaction))])).await.unwrap();
    all.message().await.unwrap();
    chats.export_transcript(pb::ExportTranscriptRequest { chat_id: "c".into(), format: 1, ..Default::default() }).await.unwrap();

    // One that is read from its end, and not whole.
    let long = |number: usize| customer_says(&format!("l{number}"), &"when ".repeat(if number < 100 { 1600 } else { 4 }));
    for part in [0..50, 50..100, 100..170] {
        let request = pb::AppendEventsRequest { chat_id: "long".into(), events: part.map(long).collect() };
        chats.append_events(request).await.unwrap();
    }
    chats.get_chat(pb::GetChatRequest { chat_id: "long".into(), after_sequence: 2, page_size: 10 }).await.unwrap();

    let any = || pb::ListChatsRequest { page_size: 2, ..Default::default() };
    let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    for request in [
        any(),
        pb::ListChatsRequest { status: 1, channel: 1, ..any() },
        pb::ListChatsRequest { group: "orders".into(), agent_id: "agent-selin".into(), ..any() },
        pb::ListChatsRequest { topic: "Returns".into(), customer_id: "customer-1001".into(), ..any() },
        pb::ListChatsRequest { query: "parcel come".into(), opened_after: time(1), opened_before: time(4_000_000_000), ..any() },
        pb::ListChatsRequest { query: "parcel when come".into(), status: 1, customer_id: "someone".into(), ..any() },
    ] {
        let token = chats.list_chats(request.clone()).await.unwrap().into_inner().next_page_token;
        chats.list_chats(pb::ListChatsRequest { page_token: token, ..request }).await.unwrap();
    }

    // A promise that is made, kept and redacted, in a chat that is transferred.
    let promise = vec![at(7, agent_says("p", "I'll send you a replacement tomorrow."))];
    chats.append_events(append(promise)).await.unwrap();
    chats.append_events(append(vec![at(8, agent_says("k", "The replacement was sent this morning."))])).await.unwrap();
    let transfer = pb::Transfer { to_group: "returns".into(), ..Default::default() };
    chats.append_events(append(vec![event("to", Body::Transfer(transfer))])).await.unwrap();
    let list = pb::ListPromisesRequest { status: vec![1, 2, 3, 4], page_size: 1, ..Default::default() };
    chats.list_promises(list).await.unwrap();
    let text = "Your order KE-999123 is on its way.";
    let check = pb::CheckReplyRequest { text: text.into(), chat_id: "c".into(), agent: selin(), ..Default::default() };
    replies.check_reply(check).await.unwrap();

    let suggest = pb::SuggestAnswersRequest { chat_id: "c".into(), agent: selin(), ..Default::default() };
    let offered = replies.suggest_answers(suggest).await.unwrap().into_inner().suggestions;
    let outcome = pb::RecordOutcomeRequest {
        chat_id: "c".into(),
        outcome_id: "o1".into(),
        agent: selin(),
        action: pb::OutcomeAction::Sent.into(),
        final_text: texts[0].into(),
        offer: Some(pb::record_outcome_request::Offer::SuggestionId(offered[0].suggestion_id.clone())),
    };
    replies.record_outcome(outcome.clone()).await.unwrap();
    replies.record_outcome(outcome.clone()).await.unwrap();
    let asked = customer_says("q", "When does my parcel come?");
    let request =
        pb::DraftReplyRequest { chat_id: "asked".into(), agent: selin(), events: vec![asked], language: "en".into(), ..Default::default() };
    let mut draft = replies.draft_reply(request).await.unwrap().into_inner();
    while let Some(message) = draft.message().await.unwrap() {
        if let Some(pb::draft_reply_response::Event::Finished(finished)) = message.event {
            let offer = Some(pb::record_outcome_request::Offer::DraftId(finished.draft_id));
            let outcome = pb::RecordOutcomeRequest { outcome_id: "o2".into(), offer, chat_id: "asked".into(), ..outcome.clone() };
            replies.record_outcome(outcome).await.unwrap();
        }
    }

    let term = pb::GlossaryTerm { term: "refund".into(), keep: true, ..Default::default() };
    knowledge.put_glossary_terms(pb::PutGlossaryTermsRequest { terms: vec![term] }).await.unwrap();
    knowledge.delete_glossary_terms(pb::DeleteGlossaryTermsRequest { terms: vec!["refund".into()] }).await.unwrap();

    let search = pb::SearchRequest { query: "parc".into(), session_id: "s".into(), ..Default::default() };
    knowledge.search(search.clone()).await.unwrap();
    let found = knowledge.search(pb::SearchRequest { query: "parcels".into(), ..search }).await.unwrap().into_inner();
    let open = pb::RecordOpenRequest { search_id: found.search_id, id: "parcels".into() };
    knowledge.record_open(open).await.unwrap();
    for helpful in [true, false] {
        let rate = pb::RateArticleRequest {
            id: "parcels".into(),
            language: "en".into(),
            helpful,
            reason: "because".into(),
            rating_id: format!("r{helpful}"),
        };
        knowledge.rate_article(rate).await.unwrap();
    }
    let linking = pb::Article { body: "See [parcels](parcels.md).".into(), ..article.clone() };
    knowledge.check_documents(pb::CheckDocumentsRequest { articles: vec![linking], ..Default::default() }).await.unwrap();
    let report = pb::GetSearchReportRequest { start_time: time(1), end_time: time(4_000_000_000) };
    knowledge.get_search_report(report).await.unwrap();
    let zone = || "Europe/Berlin".to_owned();
    knowledge.get_help_report(pb::GetHelpReportRequest { time_zone: zone(), ..Default::default() }).await.unwrap();
    replies.get_reply_report(pb::GetReplyReportRequest { time_zone: zone(), ..Default::default() }).await.unwrap();

    eventually("lessons are learned", async || in_log(log).iter().any(|sql| sql.starts_with("INSERT INTO lesson ("))).await;
    let redaction = pb::Redaction { event_id: "e1".into() };
    chats.append_events(append(vec![event("gone too", Body::Redaction(redaction))])).await.unwrap();
    chats.export_customer(pb::ExportCustomerRequest { customer_id: "someone".into() }).await.unwrap();
    chats.erase_customer(pb::EraseCustomerRequest { customer_id: "someone".into() }).await.unwrap();
    knowledge.delete_articles(pb::DeleteArticlesRequest { ids: vec!["parcels".into()], language: String::new() }).await.unwrap();
    let delete = pb::DeleteCannedAnswersRequest { ids: vec!["a0".into()], language: "en".into() };
    knowledge.delete_canned_answers(delete).await.unwrap();
}
