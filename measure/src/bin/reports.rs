//! Reports over a year of a busy shop: what each takes through gRPC, over 30 days and over a year.
//!
//!     cargo run --release -p deskhand-measure --bin reports -- [postgres://…]
//!
//! On SQLite, and with the URL of an empty database on PostgreSQL. The tables are filled by SQL: of a million searches the 90 days that are
//! kept, every other with an opened article, and 50,000 ratings of articles in those; 300,000 suggestions and 300,000 drafts with an outcome
//! each, and 50,000 rated chats.

use std::{
    path::Path,
    time::{Duration, Instant, SystemTime},
};

use deskhand::{
    api::pb::{self, knowledge_service_client::KnowledgeServiceClient, reply_service_client::ReplyServiceClient},
    config::Config,
    server::Server,
    store::Store,
};
use deskhand_measure::{Draws, percentile};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Connection};
use tonic::transport::{Channel, Endpoint};

/// A million in a year.
const SEARCHES: i64 = 1_000_000 / 365 * SEARCHED_DAYS;
const OFFERS: i64 = 300_000;
const RATINGS: i64 = 50_000;
/// Different queries, articles and documents: few are frequent, most are rare.
const QUERIES: usize = 200_000;
const DOCUMENTS: usize = 2000;
const AGENTS: usize = 40;
const LANGUAGES: [&str; 4] = ["en", "tr", "hu", "de"];
const MESSAGES_A_CHAT: i64 = 8;
/// Rows of a statement, and statements of a transaction.
const ROWS: usize = 500;
const STATEMENTS: usize = 100;
const SEARCHED_DAYS: i64 = 89;
const YEAR: i64 = 364;
const DAY: i64 = 86_400_000_000_000;
const CALLS: usize = 5;

#[tokio::main]
async fn main() {
    let build = if cfg!(debug_assertions) { "with debug assertions" } else { "release" };
    println!("build: {build}; the longest of {CALLS} calls in ms\n");
    let folder = tempfile::tempdir().expect("a folder");
    let mut measured = vec![("SQLite", measure(folder.path(), None).await)];
    if let Some(url) = std::env::args().nth(1) {
        measured.push(("PostgreSQL", measure(&folder.path().join("postgresql"), Some(url)).await));
    }
    let heads: Vec<String> = measured.iter().map(|(name, _)| format!("{name}, 30 days | a year")).collect();
    println!("| report | {} |\n| --- |{}", heads.join(" | "), " --- |".repeat(2 * measured.len()));
    for (at, (report, _)) in measured[0].1.iter().enumerate() {
        let cells: Vec<String> = measured.iter().map(|(_, times)| format!("{:.0} | {:.0}", times[at].1[0], times[at].1[1])).collect();
        println!("| {report} | {} |", cells.join(" | "));
    }
}

/// The name of a report, and what it takes over 30 days and over a year, in ms.
type Times = Vec<(&'static str, [f64; 2])>;

async fn measure(data: &Path, database_url: Option<String>) -> Times {
    std::fs::create_dir_all(data).expect("a folder");
    let store = Store::open(&database_url.clone().unwrap_or_else(|| Store::sqlite_url(data))).await.expect("a database");
    let began = Instant::now();
    fill(&store).await;
    eprintln!("filled in {:.0} s", began.elapsed().as_secs_f64());
    store.close().await;
    if let Some(url) = &database_url {
        let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
        sqlx::query("VACUUM ANALYZE").execute(&mut connection).await.expect("it is vacuumed");
    }
    let config =
        Config { listen: ([127, 0, 0, 1], 0).into(), data: data.to_owned(), database_url, knowledge_base: None, ..Config::default() };
    let server = Server::start(config).await.expect("the server starts");
    let channel = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect_lazy();
    let mut times = Times::new();
    for (name, report) in REPORTS {
        let mut of_periods = [0.0; 2];
        for (longest, days) in of_periods.iter_mut().zip([30, YEAR as u64]) {
            let mut samples = Vec::new();
            for _ in 0..CALLS {
                samples.push(call(&channel, report, days).await);
            }
            *longest = percentile(&mut samples, 1.0);
        }
        eprintln!("{name}: {of_periods:.0?}");
        times.push((name, of_periods));
    }
    server.stop().await;
    times
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Report {
    Help { language: &'static str, document_id: &'static str },
    Reply { language: &'static str, agent_id: &'static str, document_id: &'static str },
    Search,
}

const REPORTS: [(&str, Report); 8] = [
    ("`GetHelpReport`", Report::Help { language: "", document_id: "" }),
    ("of a language", Report::Help { language: "hu", document_id: "" }),
    ("of an article", Report::Help { language: "", document_id: "document-7" }),
    ("`GetReplyReport`", Report::Reply { language: "", agent_id: "", document_id: "" }),
    ("of a language", Report::Reply { language: "hu", agent_id: "", document_id: "" }),
    ("of an agent", Report::Reply { language: "", agent_id: "agent-7", document_id: "" }),
    ("of a document", Report::Reply { language: "", agent_id: "", document_id: "document-7" }),
    ("`GetSearchReport`", Report::Search),
];

async fn call(channel: &Channel, report: Report, days: u64) -> Duration {
    let start_time = Some((SystemTime::now() - Duration::from_secs(86_400 * days)).into());
    let time_zone = "Europe/Berlin".to_owned();
    let mut knowledge = KnowledgeServiceClient::new(channel.clone());
    let began = Instant::now();
    match report {
        Report::Help { language, document_id } => {
            let (language, document_id) = (language.to_owned(), document_id.to_owned());
            let request = pb::GetHelpReportRequest { start_time, time_zone, language, document_id, ..Default::default() };
            let counted = knowledge.get_help_report(request).await.expect("a report").into_inner().total.expect("a total");
            assert!(counted.searches > 0 && counted.opens > 0 && counted.unhelpful > 0, "{counted:?}");
        }
        Report::Reply { language, agent_id, document_id } => {
            let (language, agent_id, document_id) = (language.to_owned(), agent_id.to_owned(), document_id.to_owned());
            let request = pb::GetReplyReportRequest { start_time, time_zone, language, agent_id, document_id, ..Default::default() };
            let counted = ReplyServiceClient::new(channel.clone()).get_reply_report(request).await.expect("a report").into_inner();
            let counted = counted.total.expect("a total");
            assert!(counted.suggestions.is_some_and(|counted| counted.shown > 0 && counted.sent > 0), "{counted:?}");
        }
        Report::Search => {
            let request = pb::GetSearchReportRequest { start_time, ..Default::default() };
            assert!(knowledge.get_search_report(request).await.expect("a report").into_inner().searches > 0);
        }
    }
    began.elapsed()
}

/// The time of one of so many things that are spread over the last days, the first one first.
fn at(number: i64, of: i64, days: i64) -> i64 {
    let now = i64::try_from(Timestamp::now().as_nanosecond()).expect("a time of this century");
    now - days * DAY + days * DAY / of * number
}

/// An id of the length that the service's have, in the order of time.
fn id(number: i64) -> String {
    format!("{number:012}{:048x}", number.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

async fn fill(store: &Store) {
    let mut draws = Draws(11);
    let language = |draws: &mut Draws| LANGUAGES[draws.rank(LANGUAGES.len() + 1).min(LANGUAGES.len() - 1)];
    let document = |draws: &mut Draws| format!("document-{}", draws.rank(DOCUMENTS));
    let searches = (0..SEARCHES).map(|number| {
        let hits = i64::from(draws.below(8) > 0) * 5;
        let (query, language) = (draws.rank(QUERIES), language(&mut draws));
        let at = at(number, SEARCHES, SEARCHED_DAYS);
        format!("('default', '{}', 'session-{:016}', 'parcel {query} late', {hits}, 0, {at}, '{language}')", id(number), number / 2)
    });
    insert(store, "search (workspace, search_id, session_id, query, hits, superseded, at, language)", searches).await;
    let mut draws = Draws(12);
    let opens = (0..SEARCHES).step_by(2).map(|number| {
        let (at, language) = (at(number, SEARCHES, SEARCHED_DAYS) + DAY / 10_000, language(&mut draws));
        format!("('default', '{}', '{}', {at}, '{language}', 'session-{:016}')", id(number), document(&mut draws), number / 2)
    });
    insert(store, "article_open (workspace, search_id, article_id, at, language, session_id)", opens).await;
    let mut draws = Draws(13);
    let ratings = (0..RATINGS).map(|number| {
        let (helpful, at) = (i64::from(draws.below(3) > 0), at(number, RATINGS, SEARCHED_DAYS));
        let reason = if draws.below(5) == 0 { "I could not find what it costs to send it back from abroad." } else { "" };
        format!("('default', '{}', '{}', '{}', {helpful}, '{reason}', {at})", id(number), document(&mut draws), language(&mut draws))
    });
    insert(store, "article_rating (workspace, rating_id, article_id, language, helpful, reason, at)", ratings).await;

    let mut draws = Draws(14);
    let suggestions = (0..OFFERS).map(|number| {
        let (agent, at) = (draws.below(AGENTS), at(number, OFFERS, YEAR));
        let (document, language) = (document(&mut draws), language(&mut draws));
        format!("('default', '{}', 'chat-{}', 1, '{document}', '{language}', {at}, 'agent-{agent}')", id(number), number / 6)
    });
    insert(store, "suggestion (workspace, suggestion_id, chat_id, kind, document_id, language, at, agent_id)", suggestions).await;
    let drafts = (0..OFFERS).map(|number| {
        let (agent, at, engine) = (draws.below(AGENTS), at(number, OFFERS, YEAR), 1 + draws.below(2));
        let (sources, language) = (format!("{}\n{}", document(&mut draws), document(&mut draws)), language(&mut draws));
        let (id, sketch) = (id(number), "0123456789abcdef".repeat(16));
        format!(
            "('default', '{id}', 'chat-{}', '{sources}', 1, '{language}', '{sketch}', {at}, 'agent-{agent}', {engine}, '{language}')",
            number / 6
        )
    });
    let into = "draft (workspace, draft_id, chat_id, sources, kind, language, sketch, at, agent_id, engine, reply_language)";
    insert(store, into, drafts).await;
    let outcomes = (0..2 * OFFERS).map(|number| {
        let (of, action) = (number / 2, 1 + number / 2 % 3);
        let (suggestion, draft) = if number % 2 == 0 { (id(of), String::new()) } else { (String::new(), id(of)) };
        let (at, text) = (at(of, OFFERS, YEAR) + DAY / 1000, "Your parcel is on its way and comes tomorrow. ".repeat(4));
        format!("('default', 'chat-{}', '{}', '{suggestion}', '{draft}', {action}, 'agent-1', '{text}', '', {at})", of / 6, id(number))
    });
    let into = "outcome (workspace, chat_id, outcome_id, suggestion_id, draft_id, action, agent_id, final_text, hash, at)";
    insert(store, into, outcomes).await;

    let mut draws = Draws(15);
    let chats = (0..RATINGS).map(|number| {
        let (agent, language, at) = (draws.below(AGENTS), language(&mut draws), at(number, RATINGS, YEAR));
        let state = format!("{}, 2, 1, '', 'agent-{agent}', 'Delivery', 'customer-{number}', '', {at}, {at}", MESSAGES_A_CHAT + 2);
        format!("({}, 'default', 'chat-{number}', {state}, '{{}}', '{language}')", number + 1)
    });
    let into = "chat (number, workspace, chat_id, last_sequence, status, channel, team, agent_id, topic, customer_id, ticket_id, opened_at,
        updated_at, summary, language)";
    insert(store, into, chats).await;
    // Each chat is rated twice: the last rating counts.
    let of_chat = MESSAGES_A_CHAT + 2;
    let events = (0..RATINGS * of_chat).map(|number| {
        let (chat, sequence) = (number / of_chat, 1 + number % of_chat);
        let at = at(chat, RATINGS, YEAR) + sequence * DAY / 10_000;
        let body = match MESSAGES_A_CHAT < sequence {
            true => format!(r#"{{"kind":"rating","score":{}}}"#, 1 + (chat + sequence) % 5),
            false => format!(r#"{{"kind":"message","author":"customer","text":"{}"}}"#, "Where is my parcel? ".repeat(6)),
        };
        format!("({}, {sequence}, 'event-{sequence}', {at}, 1, 0, '{body}')", chat + 1)
    });
    insert(store, "event (chat, sequence, event_id, at, at_given, redacted, body)", events).await;
}

async fn insert(store: &Store, into: &str, mut rows: impl Iterator<Item = String>) {
    let mut more = true;
    while more {
        let mut write = store.begin().await.expect("a write");
        for _ in 0..STATEMENTS {
            let values: Vec<String> = rows.by_ref().take(ROWS).collect();
            more = !values.is_empty();
            if !more {
                break;
            }
            let statement = AssertSqlSafe(format!("INSERT INTO {into} VALUES {}", values.join(",")));
            sqlx::query(statement).persistent(false).execute(&mut *write).await.expect("they are taken");
        }
        write.commit().await.expect("a commit");
    }
}
