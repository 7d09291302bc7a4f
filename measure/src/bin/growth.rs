//! Growth: how fast chats are loaded, what is kept of each, and what calls take, with few chats and with many.
//!
//!     cargo run --release -p deskhand-measure --bin growth -- [FOLDER] [postgres://…] [--partitions=COUNT] [CHATS CHATS …]
//!
//! Into SQLite in FOLDER (a temporary one, if none is named), or into an empty PostgreSQL database. Chats of 18 events each, 12 of them messages, are appended by many callers
//! at once through the log, up to each number of CHATS in turn (10,000 and 1,000,000, if none is named: 18 million events, 10 GB), and measured through gRPC. What is to be
//! learned from them is marked as learned before that: learning works through a million chats for hours, and would be measured with them. With
//! `--partitions` the log of PostgreSQL has so many more partitions, which are empty: what they cost a call does not depend on what is in them.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use deskhand::{
    api::pb::{self, chat_service_client::ChatServiceClient, reply_service_client::ReplyServiceClient},
    chats::{Author, Channel as ChatChannel, ChatLog, Customer, EventBody, Message, NewEvent, Opened, PageView, Record},
    config::Config,
    ids::{Id, Workspace},
    replies::on_redaction,
    server::Server,
    store::Store,
    text::Language,
};
use deskhand_measure::{Draws, articles::Vocabulary, percentile, resident_megabytes, root};
use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Connection};
use tonic::transport::{Channel, Endpoint};

const EVENTS_A_CHAT: usize = 18;
/// Chats that are written to at once while they are generated.
const WRITERS: usize = 2048;
const SAMPLES: usize = 1000;
const LISTS: usize = 200;
/// Chats that are marked as learned in one write.
const LEARNED_AT_ONCE: usize = 20_000;
/// Appends go to chats of the last days, as they do in life, and to any chat.
const RECENT: usize = 5000;
const FIRST_DAY: &str = "2023-01-01T00:00:00Z";
const VOCABULARY: usize = 20_000;

/// Few words are frequent, most are rare (Zipf's law).
fn drawn_word(draws: &mut Draws) -> String {
    word(draws.rank(VOCABULARY))
}

fn sentence(draws: &mut Draws) -> String {
    (0..6 + draws.below(14)).map(|_| drawn_word(draws)).collect::<Vec<_>>().join(" ")
}

/// The word of a rank: two to four syllables.
fn word(mut rank: usize) -> String {
    const SYLLABLES: [&str; 24] = [
        "ka", "le", "mi", "no", "ru", "sa", "te", "vi", "zo", "da", "be", "fi", "go", "hu", "ja", "ke", "lo", "ma", "ne", "po", "ra", "si",
        "to", "wu",
    ];
    let mut word = String::new();
    rank += SYLLABLES.len();
    while rank > 0 {
        word.push_str(SYLLABLES[rank % SYLLABLES.len()]);
        rank /= SYLLABLES.len();
    }
    word
}

#[tokio::main]
async fn main() {
    let partitions: i64 = std::env::args().find_map(|argument| argument.strip_prefix("--partitions=")?.parse().ok()).unwrap_or_default();
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let mut sizes: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 1_000_000];
    }
    let temporary = tempfile::tempdir().expect("a folder");
    let (urls, named): (Vec<&String>, Vec<&String>) =
        arguments.iter().filter(|argument| argument.parse::<usize>().is_err()).partition(|argument| argument.starts_with("postgres"));
    let data = named.first().map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    fs::create_dir_all(&data).expect("the folder can be made");
    let database_url = urls.first().map(|url| (*url).clone());

    let vocabulary = Arc::new(Vocabulary::of_sample_shop());
    let mut measured: Vec<(usize, Vec<Figure>)> = Vec::new();
    for chats in sizes {
        generate(&data, database_url.as_deref(), chats, &vocabulary).await;
        if let Some(url) = &database_url {
            add_partitions(url, partitions).await;
        }
        tell_size(&data, database_url.as_deref(), chats).await;
        mark_as_learned(&data, database_url.as_deref()).await;
        measured.push((chats, measure(&data, database_url.as_deref(), chats).await));
        tell_growth(&measured);
    }
}

/// What a call takes, in milliseconds.
struct Figure {
    call: &'static str,
    p50: f64,
    p99: f64,
    /// Of this process's processor: of caller and server, and with SQLite of the database. Unlike the others it stays the same beside other programs.
    processor: f64,
}

/// Calls of one kind.
struct Calls {
    samples: Vec<Duration>,
    used_before: f64,
}

impl Calls {
    fn begin() -> Calls {
        Calls { samples: Vec::new(), used_before: processor_seconds() }
    }

    fn end(mut self, call: &'static str) -> Figure {
        let processor = (processor_seconds() - self.used_before) * 1000.0 / self.samples.len() as f64;
        Figure { call, p50: percentile(&mut self.samples, 0.5), p99: percentile(&mut self.samples, 0.99), processor }
    }
}

fn tell_growth(measured: &[(usize, Vec<Figure>)]) {
    let Some((_, first)) = measured.first() else { return };
    let sizes: Vec<String> = measured.iter().map(|(chats, _)| format!("{chats} chats: p50 | p99 | processor")).collect();
    println!("| ms | {} | p50 grows | processor grows |\n|{}", sizes.join(" | "), " --- |".repeat(3 * measured.len() + 3));
    for (at, few) in first.iter().enumerate() {
        let cell =
            |(_, figures): &(usize, Vec<Figure>)| format!("{:.2} | {:.2} | {:.2}", figures[at].p50, figures[at].p99, figures[at].processor);
        let cells: Vec<String> = measured.iter().map(cell).collect();
        let many = measured.last().map_or(few, |(_, figures)| &figures[at]);
        println!("| {} | {} | {:.2} | {:.2} |", few.call, cells.join(" | "), many.p50 / few.p50, many.processor / few.processor);
    }
}

async fn open(data: &Path, database_url: Option<&str>) -> Store {
    let url = database_url.map_or_else(|| Store::sqlite_url(data), str::to_owned);
    Store::open(&url).await.expect("a database")
}

/// Adds chats until there are `chats`.
async fn generate(data: &Path, database_url: Option<&str>, chats: usize, vocabulary: &Arc<Vocabulary>) {
    let store = open(data, database_url).await;
    let have: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM chat").fetch_one(store.reads()).await.expect("a count");
    let log = ChatLog::start(store.clone(), Config::default().languages(), on_redaction);
    let of_log = log.of(&Workspace::default());
    let (began, used) = (Instant::now(), processor_seconds());
    let mut writers = tokio::task::JoinSet::new();
    for number in have as usize..chats {
        if writers.len() >= WRITERS {
            writers.join_next().await.expect("there are writers").expect("it is written");
        }
        let (log, vocabulary) = (of_log.clone(), Arc::clone(vocabulary));
        writers.spawn(async move {
            let id = Id::new(chat_id(number)).expect("an id");
            log.append(&id, events(number, &vocabulary)).await.expect("it is taken");
        });
        if number % 10_000 == 0 {
            eprintln!("{number} of {chats} chats, {:.0} s", began.elapsed().as_secs_f64());
        }
    }
    writers.join_all().await;
    let added = chats.saturating_sub(have as usize);
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{chats} chats are there; {added} new ones in {seconds:.0} s, {:.0} chats and {:.0} events a second, {} commits, {:.2} ms of this process's processor a chat",
        added as f64 / seconds,
        (added * EVENTS_A_CHAT) as f64 / seconds,
        log.counts().commits.load(std::sync::atomic::Ordering::Relaxed),
        (processor_seconds() - used) * 1000.0 / added.max(1) as f64,
    );
    store.close().await;
}

/// Takes what is to be learned from the chats for learned.
async fn mark_as_learned(data: &Path, database_url: Option<&str>) {
    let store = open(data, database_url).await;
    let statement = format!(
        "UPDATE chat SET teaches = 0, taught_to = last_sequence WHERE number IN
           (SELECT number FROM chat WHERE workspace = 'default' AND teaches = 1 ORDER BY number LIMIT {LEARNED_AT_ONCE})"
    );
    loop {
        let mut write = store.begin().await.expect("a write");
        let marked = sqlx::query(AssertSqlSafe(statement.clone())).execute(&mut *write).await.expect("they are marked").rows_affected();
        write.commit().await.expect("a commit");
        if marked == 0 {
            break;
        }
    }
    store.close().await;
    if let Some(url) = database_url {
        vacuum(url).await;
    }
}

/// The processor time of this process and its threads.
fn processor_seconds() -> f64 {
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.rsplit(") ").next().unwrap_or_default().split(' ').map(|field| field.parse().unwrap_or(0.0)).collect();
    fields.get(11..13).map_or(0.0, |used| used.iter().sum::<f64>() / TICKS_A_SECOND)
}

fn chat_id(number: usize) -> String {
    format!("chat-{number:07}")
}

/// The first message has words of the sample shop, so that suggestions find something. A customer has two or three chats.
fn events(number: usize, vocabulary: &Vocabulary) -> Vec<NewEvent> {
    let mut draws = Draws(number as u64);
    let opened: Timestamp = FIRST_DAY.parse().expect("a constant time");
    let opened = opened + SignedDuration::from_secs(90 * number as i64);
    let mut bodies = vec![
        EventBody::Opened(Opened {
            channel: [ChatChannel::WebChat, ChatChannel::Email, ChatChannel::Whatsapp, ChatChannel::Instagram][draws.below(4)],
            channel_name: String::new(),
            group: format!("team-{}", draws.below(8)),
            subject: sentence(&mut draws),
        }),
        EventBody::Customer(Customer {
            customer_id: format!("customer-{}", draws.below(number * 2 / 5 + 1)),
            name: drawn_word(&mut draws),
            email: format!("{}@example.com", drawn_word(&mut draws)),
            ..Customer::default()
        }),
        EventBody::Record(Record {
            source: "order".into(),
            reference: format!("KE-{number:07}"),
            values: [("status".to_owned(), drawn_word(&mut draws)), ("carrier".to_owned(), drawn_word(&mut draws))].into(),
            url: String::new(),
        }),
        EventBody::PageView(PageView {
            url: format!("https://shop.example/{}", drawn_word(&mut draws)),
            title: sentence(&mut draws),
            seconds: 20,
        }),
        EventBody::Topic { topic: format!("topic-{}", draws.below(200)) },
    ];
    while bodies.len() < EVENTS_A_CHAT - 1 {
        let customer = bodies.len() % 2 == 1;
        let text =
            if bodies.len() == 5 { format!("order KE-{number:07} {}", vocabulary.sentence(&mut draws, 13)) } else { sentence(&mut draws) };
        bodies.push(EventBody::Message(Message {
            author: if customer { Author::Customer } else { Author::Agent },
            author_id: if customer { String::new() } else { format!("agent-{}", number % 40) },
            author_name: String::new(),
            text,
            language: Language::parse("en").ok(),
            attachments: Vec::new(),
            quoted_text: String::new(),
        }));
    }
    // One in fifty stays open.
    bodies.push(if number.is_multiple_of(50) { EventBody::Reopened } else { EventBody::Resolved });
    (0..)
        .zip(bodies)
        .map(|(index, body)| NewEvent {
            event_id: Id::new(format!("event-{index}")).expect("an id"),
            at: Some(opened + SignedDuration::from_secs(20 * index)),
            body,
        })
        .collect()
}

async fn measure(data: &Path, database_url: Option<&str>, chats: usize) -> Vec<Figure> {
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: data.to_owned(),
        database_url: database_url.map(str::to_owned),
        knowledge_base: Some(root().join("knowledge-base")),
        ..Config::default()
    };
    let server = Server::start(config).await.expect("the server starts");
    let channel = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect_lazy();
    let mut client = ChatServiceClient::new(channel.clone());
    let mut replies = ReplyServiceClient::new(channel);
    let mut draws = Draws(chats as u64);
    let mut figures = Vec::new();
    // Once to warm up, once to count.
    for _ in 0..2 {
        figures.clear();
        for (call, from) in [("append to a recent chat", chats - RECENT.min(chats)), ("append to any chat", 0)] {
            let mut calls = Calls::begin();
            for _ in 0..SAMPLES {
                let chat_id = chat_id(from + draws.below(chats - from));
                let text = sentence(&mut draws);
                let message = pb::Message { author: pb::Author::Customer.into(), text, language: "en".into(), ..pb::Message::default() };
                // New in each run, also on a folder of an earlier one.
                let event_id = format!("more-{}", uuid::Uuid::new_v4());
                let event = pb::Event { event_id, body: Some(pb::event::Body::Message(message)), ..pb::Event::default() };
                let began = Instant::now();
                client.append_events(pb::AppendEventsRequest { chat_id, events: vec![event] }).await.expect("it is taken");
                calls.samples.push(began.elapsed());
            }
            figures.push(calls.end(call));
        }
        let mut calls = Calls::begin();
        for _ in 0..SAMPLES {
            let request = pb::GetChatRequest { chat_id: chat_id(draws.below(chats)), after_sequence: 0, page_size: 1000 };
            let began = Instant::now();
            client.get_chat(request).await.expect("it is there");
            calls.samples.push(began.elapsed());
        }
        figures.push(calls.end("`GetChat`"));
        let mut calls = Calls::begin();
        for _ in 0..SAMPLES {
            let request = pb::SuggestAnswersRequest { chat_id: chat_id(draws.below(chats)), ..pb::SuggestAnswersRequest::default() };
            let began = Instant::now();
            replies.suggest_answers(request).await.expect("it is answered");
            calls.samples.push(began.elapsed());
        }
        figures.push(calls.end("`SuggestAnswers`"));
        list(&mut client, chats, &mut figures, &mut draws).await;
    }
    println!("{chats} chats: resident memory {} MB", resident_megabytes());
    server.stop().await;
    figures
}

/// Tells how large the database is, and each large table of PostgreSQL.
async fn tell_size(data: &Path, database_url: Option<&str>, chats: usize) {
    let each = |bytes: i64| bytes as f64 / chats as f64;
    let Some(url) = database_url else {
        let files = ["deskhand.sqlite", "deskhand.sqlite-wal"].iter().filter_map(|file| fs::metadata(data.join(file)).ok());
        let bytes: u64 = files.map(|file| file.len()).sum();
        println!("{chats} chats: {:.2} GB on disk, {:.0} bytes a chat", bytes as f64 / 1e9, each(bytes as i64));
        return;
    };
    vacuum(url).await;
    let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
    let tables: Vec<(String, i64, i64)> = sqlx::query_as(
        // Partitions count as their table.
        "SELECT CAST(root.relname AS TEXT), CAST(SUM(pg_total_relation_size(pg_class.oid)) AS BIGINT), CAST(SUM(pg_indexes_size(pg_class.oid)) AS BIGINT)
         FROM pg_class JOIN pg_class AS root ON root.oid = COALESCE(pg_partition_root(pg_class.oid), pg_class.oid)
         WHERE pg_class.relkind = 'r' AND pg_class.relnamespace = 'public'::regnamespace GROUP BY root.relname ORDER BY 2 DESC",
    )
    .fetch_all(&mut connection)
    .await
    .expect("it has tables");
    for (table, bytes, indexes) in tables.iter().take(8) {
        println!("table {table}: {:.0} bytes a chat, {:.0} of them indexes", each(*bytes), each(*indexes));
    }
    let bytes: i64 = tables.iter().map(|(_, bytes, _)| bytes).sum();
    println!("{chats} chats: {:.2} GB in tables, {:.0} bytes a chat", bytes as f64 / 1e9, each(bytes));
}

/// Adds partitions for chats that begin in more than a hundred years.
async fn add_partitions(url: &str, count: i64) {
    const FIRST: i64 = 1 << 62;
    let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
    for number in FIRST..FIRST + count {
        let name = number - FIRST;
        let add = format!("CREATE TABLE IF NOT EXISTS event_more_{name} PARTITION OF event FOR VALUES FROM ({number}) TO ({})", number + 1);
        sqlx::raw_sql(AssertSqlSafe(add)).execute(&mut connection).await.expect("it is added");
    }
}

async fn vacuum(url: &str) {
    let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
    sqlx::query("VACUUM ANALYZE").execute(&mut connection).await.expect("it is vacuumed");
}

/// A page of the archive by each kind of filter.
async fn list(client: &mut ChatServiceClient<Channel>, chats: usize, figures: &mut Vec<Figure>, draws: &mut Draws) {
    let any = pb::ListChatsRequest::default;
    for (name, least) in [
        ("`ListChats`, newest", 0),
        ("`ListChats`, by topic", 1),
        ("`ListChats`, open ones", 2),
        ("`ListChats`, by team and channel", 3),
        ("`ListChats`, by agent and topic", 4),
        ("`ListChats`, by a frequent word", 5),
        ("`ListChats`, by an order number", 6),
        ("`ListChats`, by three words", 7),
        ("`ListChats`, by customer and word", 8),
        ("`ListChats`, by a word and topic", 9),
    ] {
        let mut calls = Calls::begin();
        for _ in 0..LISTS {
            let request = match least {
                0 => any(),
                1 => pb::ListChatsRequest { topic: format!("topic-{}", draws.below(200)), ..any() },
                2 => pb::ListChatsRequest { status: pb::ChatStatus::Open.into(), ..any() },
                3 => pb::ListChatsRequest { group: "team-3".into(), channel: pb::Channel::Instagram.into(), ..any() },
                4 => pb::ListChatsRequest { agent_id: "agent-7".into(), topic: format!("topic-{}", draws.below(200)), ..any() },
                5 => pb::ListChatsRequest { query: word(draws.below(20)), ..any() },
                6 => pb::ListChatsRequest { query: format!("KE-{:07}", draws.below(chats)), ..any() },
                7 => pb::ListChatsRequest { query: format!("{} {} {}", drawn_word(draws), drawn_word(draws), drawn_word(draws)), ..any() },
                8 => pb::ListChatsRequest { customer_id: format!("customer-{}", draws.below(chats * 2 / 5 + 1)), query: word(3), ..any() },
                _ => pb::ListChatsRequest { topic: "topic-17".into(), query: word(draws.below(200)), ..any() },
            };
            let began = Instant::now();
            client.list_chats(request).await.unwrap_or_else(|status| panic!("{name}: {status}"));
            calls.samples.push(began.elapsed());
        }
        figures.push(calls.end(name));
    }
}
