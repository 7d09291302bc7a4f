//! The log: durable appends through gRPC against the same writer called in process, in turns, and `GetChat` of 200 messages.
//!
//!     cargo run --release -p deskhand-measure --bin log

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use deskhand::{
    api::pb::{self, chat_service_client::ChatServiceClient},
    chats::{Author, ChatLog, Chats, EventBody, Message, NewEvent},
    config::Config,
    ids::{Id, Workspace},
    replies::on_redaction,
    server::Server,
    store::Store,
    text::Language,
};
use deskhand_measure::percentile;
use tonic::transport::{Channel, Endpoint};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(1500);
const TEXT: &str = "Hello, my parcel with the order number KE-204815 has not come yet; where is it, and can I still change the address?";

#[derive(Clone)]
enum Side {
    Rpc(ChatServiceClient<Channel>),
    InProcess(Box<Chats>),
}

#[tokio::main]
async fn main() {
    let (served, own) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let config = Config { listen: ([127, 0, 0, 1], 0).into(), data: served.path().to_owned(), knowledge_base: None, ..Config::default() };
    let languages = config.languages();
    let server = Server::start(config).await.expect("the server starts");
    let store = Store::open(&Store::sqlite_url(own.path())).await.expect("a database");
    let log = ChatLog::start(store, languages, on_redaction);
    let chats = log.of(&Workspace::default());
    let connect =
        || ChatServiceClient::new(Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect_lazy());

    println!("{:>8} {:>12} {:>10} {:>10} {:>12} {:>18}", "callers", "side", "p50 ms", "p99 ms", "appends/s", "events a commit");
    for callers in [1, 16, 64] {
        let mut samples: [Vec<Duration>; 2] = Default::default();
        let mut spent = [Duration::ZERO; 2];
        let counts = |log: &ChatLog| {
            let counts = log.counts();
            (counts.events.load(Ordering::Relaxed), counts.commits.load(Ordering::Relaxed))
        };
        let before = counts(&log);
        for round in 0..ROUNDS {
            for index in 0..2 {
                let mut running = tokio::task::JoinSet::new();
                let began = Instant::now();
                // A console holds a connection or a few, not one for each agent.
                let connections: Vec<_> = (0..4).map(|_| connect()).collect();
                for caller in 0..callers {
                    let side =
                        if index == 0 { Side::InProcess(Box::new(chats.clone())) } else { Side::Rpc(connections[caller % 4].clone()) };
                    running.spawn(append(side, format!("chat-{callers}-{round}-{caller}"), began + ROUND));
                }
                for of_caller in running.join_all().await {
                    samples[index].extend(of_caller);
                }
                spent[index] += began.elapsed();
            }
        }
        let after = counts(&log);
        let a_commit = (after.0 - before.0) as f64 / (after.1 - before.1).max(1) as f64;
        let mut rates = [0.0; 2];
        for (index, name) in ["in process", "rpc"].into_iter().enumerate() {
            rates[index] = samples[index].len() as f64 / spent[index].as_secs_f64();
            let (p50, p99) = (percentile(&mut samples[index], 0.5), percentile(&mut samples[index], 0.99));
            let a_commit = if index == 0 { format!("{a_commit:.1}") } else { "as above or more".to_owned() };
            println!("{callers:>8} {name:>12} {p50:>10.2} {p99:>10.2} {:>12.0} {a_commit:>18}", rates[index]);
        }
        println!("{callers:>8} rpc / in process: {:.2}", rates[1] / rates[0]);
    }

    get_chat(connect(), &chats).await;
    server.stop().await;
}

fn new_event(number: usize) -> NewEvent {
    let message = Message {
        author: if number.is_multiple_of(2) { Author::Customer } else { Author::Agent },
        author_id: String::new(),
        author_name: String::new(),
        text: format!("{TEXT} ({number})"),
        language: Language::parse("en").ok(),
        attachments: Vec::new(),
        quoted_text: String::new(),
    };
    NewEvent { event_id: Id::new(format!("event-{number:08}")).expect("an id"), at: None, body: EventBody::Message(message) }
}

fn event(number: usize) -> pb::Event {
    let author = if number.is_multiple_of(2) { pb::Author::Customer } else { pb::Author::Agent };
    let message =
        pb::Message { author: author.into(), text: format!("{TEXT} ({number})"), language: "en".into(), ..pb::Message::default() };
    pb::Event { event_id: format!("event-{number:08}"), body: Some(pb::event::Body::Message(message)), ..pb::Event::default() }
}

async fn append(side: Side, chat_id: String, until: Instant) -> Vec<Duration> {
    let mut samples = Vec::new();
    let id = Id::new(chat_id.clone()).expect("an id");
    while Instant::now() < until {
        let began = Instant::now();
        match &side {
            Side::Rpc(client) => {
                let request = pb::AppendEventsRequest { chat_id: chat_id.clone(), events: vec![event(samples.len())] };
                client.clone().append_events(request).await.expect("it is taken");
            }
            Side::InProcess(chats) => {
                chats.append(&id, vec![new_event(samples.len())]).await.expect("it is taken");
            }
        }
        samples.push(began.elapsed());
    }
    samples
}

/// The whole of a chat of 200 messages, in one page.
async fn get_chat(mut client: ChatServiceClient<Channel>, chats: &Chats) {
    let events = (0..200).map(event).collect();
    client.append_events(pb::AppendEventsRequest { chat_id: "two-hundred".into(), events }).await.expect("it is taken");
    let id = Id::new("two-hundred").expect("an id");
    chats.append(&id, (0..200).map(new_event).collect()).await.expect("it is taken");
    let mut samples: [Vec<Duration>; 2] = Default::default();
    let chats = Arc::new(chats.clone());
    for _ in 0..500 {
        let began = Instant::now();
        assert_eq!(chats.chat(&id).await.expect("it is there").turns.len(), 200);
        samples[0].push(began.elapsed());
        let began = Instant::now();
        let request = pb::GetChatRequest { chat_id: "two-hundred".into(), after_sequence: 0, page_size: 1000 };
        assert_eq!(client.get_chat(request).await.expect("it is there").into_inner().events.len(), 200);
        samples[1].push(began.elapsed());
    }
    for (index, name) in ["read and folded in process", "GetChat"].into_iter().enumerate() {
        let (p50, p99) = (percentile(&mut samples[index], 0.5), percentile(&mut samples[index], 0.99));
        println!("200 messages, {name}: p50 {p50:.2} ms, p99 {p99:.2} ms");
    }
}
