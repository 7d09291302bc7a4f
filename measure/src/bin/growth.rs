//! Growth: what appends, `GetChat` and `ListChats` take, and what is kept, with few chats and with many.
//!
//!     cargo run --release -p deskhand-measure --bin growth -- [FOLDER] [postgres://…] [CHATS CHATS …]
//!
//! Into SQLite in FOLDER, or into an empty PostgreSQL database. Chats of 18 events each, 12 of them messages, are generated into FOLDER (a temporary one, if none is named) through the log's own writer, up to each number
//! of CHATS in turn (10,000 and 1,000,000, if none is named: 18 million events, about half an hour and 20 GB), and measured through gRPC.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use deskhand::{
    api::pb::{self, chat_service_client::ChatServiceClient},
    chats::{Author, Channel as ChatChannel, ChatLog, Customer, EventBody, Message, NewEvent, Opened, PageView, Record},
    config::Config,
    ids::{Id, Workspace},
    replies::on_redaction,
    server::Server,
    store::Store,
    text::Language,
};
use deskhand_measure::{Draws, percentile, resident_megabytes};
use jiff::{SignedDuration, Timestamp};
use sqlx::Connection;
use tonic::transport::{Channel, Endpoint};

const EVENTS_A_CHAT: usize = 18;
/// Chats that are written to at once while they are generated.
const WRITERS: usize = 512;
const SAMPLES: usize = 2000;
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

    let mut first: Option<[f64; 3]> = None;
    for chats in sizes {
        generate(&data, database_url.as_deref(), chats).await;
        let figures = measure(&data, database_url.as_deref(), chats).await;
        match first {
            None => first = Some(figures),
            Some(first) => {
                for (name, (now, before)) in
                    ["append to a recent chat", "append to any chat", "GetChat"].into_iter().zip(figures.into_iter().zip(first))
                {
                    println!("{chats:>9} chats, {name}: p50 {:.2} times that of the first size", now / before);
                }
            }
        }
    }
}

/// Adds chats until there are `chats`.
async fn generate(data: &Path, database_url: Option<&str>, chats: usize) {
    let url = database_url.map_or_else(|| Store::sqlite_url(data), str::to_owned);
    let store = Store::open(&url).await.expect("a database");
    let have: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM chat").fetch_one(store.reads()).await.expect("a count");
    let log = ChatLog::start(store.clone(), Config::default().languages(), on_redaction).of(&Workspace::default());
    let began = Instant::now();
    let mut writers = tokio::task::JoinSet::new();
    for number in have as usize..chats {
        if writers.len() >= WRITERS {
            writers.join_next().await.expect("there are writers").expect("it is written");
        }
        let log = log.clone();
        writers.spawn(async move {
            let id = Id::new(chat_id(number)).expect("an id");
            log.append(&id, events(number)).await.expect("it is taken");
        });
        if number % 1000 == 0 {
            eprint!("\r{number} of {chats} chats, {:.0} s", began.elapsed().as_secs_f64());
        }
    }
    writers.join_all().await;
    let added = chats.saturating_sub(have as usize);
    let seconds = began.elapsed().as_secs_f64();
    eprintln!(
        "\r{chats} chats are there; {added} new ones in {seconds:.0} s, {:.0} chats and {:.0} events a second",
        added as f64 / seconds,
        (added * EVENTS_A_CHAT) as f64 / seconds
    );
    store.close().await;
}

fn chat_id(number: usize) -> String {
    format!("chat-{number:07}")
}

fn events(number: usize) -> Vec<NewEvent> {
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
            customer_id: format!("customer-{}", draws.below(400_000)),
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
        let text = if bodies.len() == 5 { format!("order KE-{number:07} {}", sentence(&mut draws)) } else { sentence(&mut draws) };
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

async fn measure(data: &Path, database_url: Option<&str>, chats: usize) -> [f64; 3] {
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: data.to_owned(),
        database_url: database_url.map(str::to_owned),
        knowledge_base: None,
        ..Config::default()
    };
    let server = Server::start(config).await.expect("the server starts");
    let channel = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect_lazy();
    let mut client = ChatServiceClient::new(channel);
    let mut draws = Draws(chats as u64);
    println!("{chats:>9} chats of {EVENTS_A_CHAT} events");
    let mut p50s = [0.0; 3];
    // Once to warm up, once to count.
    for counted in [false, true] {
        for (index, from) in [chats - RECENT.min(chats), 0].into_iter().enumerate() {
            let mut samples = Vec::new();
            for _ in 0..SAMPLES {
                let chat_id = chat_id(from + draws.below(chats - from));
                let text = sentence(&mut draws);
                let message = pb::Message { author: pb::Author::Customer.into(), text, language: "en".into(), ..pb::Message::default() };
                // New in each run, also on a folder of an earlier one.
                let event_id = format!("more-{}", uuid::Uuid::new_v4());
                let event = pb::Event { event_id, body: Some(pb::event::Body::Message(message)), ..pb::Event::default() };
                let began = Instant::now();
                client.append_events(pb::AppendEventsRequest { chat_id, events: vec![event] }).await.expect("it is taken");
                samples.push(began.elapsed());
            }
            p50s[index] = tell(counted, ["append to a recent chat", "append to any chat"][index], &mut samples);
        }
        let mut samples = Vec::new();
        for _ in 0..SAMPLES {
            let request = pb::GetChatRequest { chat_id: chat_id(draws.below(chats)), after_sequence: 0, page_size: 1000 };
            let began = Instant::now();
            client.get_chat(request).await.expect("it is there");
            samples.push(began.elapsed());
        }
        p50s[2] = tell(counted, "GetChat", &mut samples);
        list(&mut client, chats, counted, &mut draws).await;
    }
    let bytes = size(data, database_url).await;
    println!(
        "{:>9} {:.2} GB on disk, {:.0} bytes a chat; resident memory {} MB",
        "",
        bytes as f64 / 1e9,
        bytes as f64 / chats as f64,
        resident_megabytes()
    );
    server.stop().await;
    p50s
}

/// How large the database is, in bytes. Each table of PostgreSQL is told.
async fn size(data: &Path, database_url: Option<&str>) -> u64 {
    let Some(url) = database_url else {
        let files = ["deskhand.sqlite", "deskhand.sqlite-wal"].iter().filter_map(|file| fs::metadata(data.join(file)).ok());
        return files.map(|file| file.len()).sum();
    };
    let mut connection = sqlx::PgConnection::connect(url).await.expect("a connection");
    sqlx::query("VACUUM ANALYZE").execute(&mut connection).await.expect("it is vacuumed");
    let tables: Vec<(String, i64)> = sqlx::query_as(
        "SELECT CAST(relname AS TEXT), pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
         ORDER BY 2 DESC LIMIT 6",
    )
    .fetch_all(&mut connection)
    .await
    .expect("it has tables");
    for (table, bytes) in &tables {
        println!("{:>9} table {table}: {:.2} GB", "", *bytes as f64 / 1e9);
    }
    tables.iter().map(|(_, bytes)| *bytes as u64).sum()
}

/// A page of the archive by each kind of filter.
async fn list(client: &mut ChatServiceClient<Channel>, chats: usize, counted: bool, draws: &mut Draws) {
    let any = pb::ListChatsRequest::default;
    for (name, least) in [
        ("ListChats, newest", 0),
        ("ListChats, by topic", 1),
        ("ListChats, open ones", 2),
        ("ListChats, by team and channel", 3),
        ("ListChats, by agent and topic", 4),
        ("ListChats, by a frequent word", 5),
        ("ListChats, by an order number", 6),
        ("ListChats, by three words", 7),
        ("ListChats, by customer and word", 8),
        ("ListChats, by a word and topic", 9),
    ] {
        let mut samples = Vec::new();
        for _ in 0..60 {
            let request = match least {
                0 => any(),
                1 => pb::ListChatsRequest { topic: format!("topic-{}", draws.below(200)), ..any() },
                2 => pb::ListChatsRequest { status: pb::ChatStatus::Open.into(), ..any() },
                3 => pb::ListChatsRequest { group: "team-3".into(), channel: pb::Channel::Instagram.into(), ..any() },
                4 => pb::ListChatsRequest { agent_id: "agent-7".into(), topic: format!("topic-{}", draws.below(200)), ..any() },
                5 => pb::ListChatsRequest { query: word(draws.below(20)), ..any() },
                6 => pb::ListChatsRequest { query: format!("KE-{:07}", draws.below(chats)), ..any() },
                7 => pb::ListChatsRequest { query: format!("{} {} {}", drawn_word(draws), drawn_word(draws), drawn_word(draws)), ..any() },
                8 => pb::ListChatsRequest { customer_id: format!("customer-{}", draws.below(400_000)), query: word(3), ..any() },
                _ => pb::ListChatsRequest { topic: "topic-17".into(), query: word(draws.below(200)), ..any() },
            };
            let began = Instant::now();
            client.list_chats(request).await.expect("it is listed");
            samples.push(began.elapsed());
        }
        tell(counted, name, &mut samples);
    }
}

fn tell(counted: bool, name: &str, samples: &mut [Duration]) -> f64 {
    let (p50, p99) = (percentile(samples, 0.5), percentile(samples, 0.99));
    if counted {
        println!("{:>9} {name}: p50 {p50:.2} ms, p99 {p99:.2} ms", "");
    }
    p50
}
