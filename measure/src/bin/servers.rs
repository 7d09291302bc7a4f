//! One, two and three servers on one PostgreSQL: what they append and search together, what each costs idle, and how soon a fresh one answers.
//!
//!     cargo build --release && cargo run --release -p deskhand-measure --bin servers -- postgres://… [DOCUMENTS …]
//!
//! The database must be empty. A fresh server is started with each number of DOCUMENTS (12,000 and 100,000, if none is named), which are put
//! through the API.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use deskhand::api::pb::{self, chat_service_client::ChatServiceClient, event::Body, knowledge_service_client::KnowledgeServiceClient};
use deskhand_measure::{Draws, articles::Vocabulary, percentile, served::Served};
use futures::future::join_all;
use sqlx::Connection;

const CALLERS: usize = 64;
const SPAN: Duration = Duration::from_secs(15);
const IDLE: Duration = Duration::from_secs(20);
const PUT_AT_ONCE: usize = 100;
/// Documents while throughput is measured.
const SEARCHED: usize = 2000;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let url = arguments.first().expect("the URL of an empty PostgreSQL database");
    let mut sizes: Vec<usize> = arguments[1..].iter().map(|size| size.parse().expect("a number of documents")).collect();
    if sizes.is_empty() {
        sizes = vec![12_000, 100_000];
    }
    let vocabulary = Arc::new(Vocabulary::of_sample_shop());
    let folder = tempfile::tempdir().expect("a folder");
    let start = |name: &str| Served::start(&folder.path().join(name), &[("DESKHAND_DATABASE_URL", url)]);

    let mut servers = vec![start("first")];
    servers[0].ready().await;
    let mut put = put(&servers[0], &vocabulary, 0, SEARCHED).await;
    println!("| servers | appends/s | p99, ms | searches/s | p99, ms | idle: processor, ms/s a server | idle: statements/s, all |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for number in 1..=3 {
        while servers.len() < number {
            servers.push(start(&format!("server {}", servers.len())));
        }
        for server in &servers {
            server.ready().await;
        }
        let (appends, append_p99) = throughput(&servers, append).await;
        let words = Arc::clone(&vocabulary);
        let (searches, search_p99) = throughput(&servers, move |server, draws| search(server, words.query(draws.below(SEARCHED)))).await;
        let (processor, statements) = idle(&servers, url).await;
        println!("| {number} | {appends:.0} | {append_p99:.1} | {searches:.0} | {search_p99:.1} | {processor:.1} | {statements:.1} |");
    }
    println!("\n| documents | ready after, s | first answer after, s |\n| --- | --- | --- |");
    for size in sizes {
        put = self::put(&servers[0], &vocabulary, put, size).await;
        let began = Instant::now();
        let fresh = start(&format!("fresh {size}"));
        fresh.ready().await;
        let ready = began.elapsed();
        assert!(search(&fresh, vocabulary.query(1)).await, "a search finds something");
        println!("| {put} | {:.1} | {:.1} |", ready.as_secs_f64(), began.elapsed().as_secs_f64());
    }
}

/// Puts documents up to a number, and returns it.
async fn put(server: &Served, vocabulary: &Vocabulary, from: usize, to: usize) -> usize {
    for first in (from..to).step_by(PUT_AT_ONCE) {
        let articles = (first..to.min(first + PUT_AT_ONCE)).map(|number| vocabulary.article(number)).collect();
        KnowledgeServiceClient::new(server.channel.clone()).put_articles(pb::PutArticlesRequest { articles }).await.expect("they are put");
    }
    to.max(from)
}

/// What the callers do together in a second, each at one of the servers, and the time that 99 % of their calls don't exceed.
async fn throughput<F: Future<Output = bool>>(servers: &[Served], call: impl Fn(&Served, &mut Draws) -> F) -> (f64, f64) {
    let (done, until) = (AtomicU64::new(0), Instant::now() + SPAN);
    let callers = (0..CALLERS).map(|caller| {
        let (done, call, server) = (&done, &call, &servers[caller % servers.len()]);
        async move {
            let (mut draws, mut times) = (Draws(caller as u64), Vec::new());
            while Instant::now() < until {
                let began = Instant::now();
                call(server, &mut draws).await;
                times.push(began.elapsed());
                done.fetch_add(1, Ordering::Relaxed);
            }
            times
        }
    });
    let mut times: Vec<Duration> = join_all(callers).await.into_iter().flatten().collect();
    (done.into_inner() as f64 / SPAN.as_secs_f64(), percentile(&mut times, 0.99))
}

/// Appends a message to a chat of its own caller.
fn append(server: &Served, draws: &mut Draws) -> impl Future<Output = bool> + use<> {
    let (channel, chat, event) = (server.channel.clone(), draws.below(1000), draws.draw());
    async move {
        let message =
            pb::Message { author: pb::Author::Customer.into(), text: format!("Where is my parcel {event}?"), ..pb::Message::default() };
        let event = pb::Event { event_id: event.to_string(), body: Some(Body::Message(message)), ..pb::Event::default() };
        let request = pb::AppendEventsRequest { chat_id: format!("chat-{chat}"), events: vec![event] };
        ChatServiceClient::new(channel).append_events(request).await.expect("it is appended");
        true
    }
}

/// Searches, and returns whether anything was found.
fn search(server: &Served, query: String) -> impl Future<Output = bool> + use<> {
    let channel = server.channel.clone();
    async move {
        let request = pb::SearchRequest { query, language: "en".into(), ..pb::SearchRequest::default() };
        let found = KnowledgeServiceClient::new(channel).search(request).await.expect("it is searched");
        !found.into_inner().hits.is_empty()
    }
}

/// What a server uses of a processor while nobody calls, and the statements of all of them in a second.
async fn idle(servers: &[Served], url: &str) -> (f64, f64) {
    tokio::time::sleep(Duration::from_secs(3)).await;
    let used = async || join_all(servers.iter().map(|server| server.metric("process_cpu_seconds_total"))).await.iter().sum::<f64>();
    let (before, transactions) = (used().await, transactions(url).await);
    tokio::time::sleep(IDLE).await;
    let seconds = IDLE.as_secs_f64();
    let processor = (used().await - before) / seconds / servers.len() as f64 * 1000.0;
    (processor, (self::transactions(url).await - transactions) / seconds)
}

/// The transactions that the database has done; each idle statement is one. Its own count is a second late.
async fn transactions(url: &str) -> f64 {
    let mut connection = sqlx::PgConnection::connect(url).await.expect("the database");
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let query = "SELECT (xact_commit + xact_rollback)::float8 FROM pg_stat_database WHERE datname = current_database()";
    sqlx::query_scalar(query).fetch_one(&mut connection).await.expect("its statistics")
}
