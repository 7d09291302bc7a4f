//! What Deskhand adds to a stream: a direct call to a scripted model (20 ms to the first token, then 200 a second), the same model behind the
//! barest gRPC relay, and behind Deskhand, in turns, in one process. Each caller drafts in a chat of its own of 200 messages: once to begin with,
//! then again and again, as what was found in a chat's messages is kept. Then the same drafts with an event that comes along, against the slower
//! of a draft without one and that event's append alone.
//!
//!     cargo run --release -p deskhand-measure --bin first_token [-- events]    (the latter alone)

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use deskhand::{
    api::pb::{self, chat_service_client::ChatServiceClient, reply_service_client::ReplyServiceClient},
    config::{Config, Limits, ModelConfig, Task},
    server::Server,
};
use deskhand_measure::paced_model::paced_model;
use deskhand_measure::relay::relay;
use deskhand_measure::{percentile, resident_megabytes, root};
use futures::StreamExt;
use tonic::transport::{Channel, Endpoint};

const FIRST: Duration = Duration::from_millis(20);
const GAP: Duration = Duration::from_millis(5);
const SLOW_GAP: Duration = Duration::from_millis(500);
const TOKENS: u32 = 64;
const ROUNDS: usize = 5;
const CALLS_A_ROUND: usize = 6;
const MAX_STREAMS: usize = 64;
/// How many streams are open at once for the measure of memory, and on one connection of them: the server takes 128.
const MANY: usize = 1000;
const ON_A_CONNECTION: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Direct,
    Relay,
    Retone,
    Draft,
    Append,
    DraftWithEvent,
}

const SIDES: [(Side, &str); 4] = [(Side::Direct, "direct"), (Side::Relay, "relay"), (Side::Retone, "retone"), (Side::Draft, "draft")];

#[derive(Clone)]
struct Clients {
    http: reqwest::Client,
    model: String,
    chats: ChatServiceClient<Channel>,
    relay: ReplyServiceClient<Channel>,
    replies: ReplyServiceClient<Channel>,
}

/// One stream, measured.
struct Sample {
    first: Duration,
    total: Duration,
    /// How much later than the first token each other one came.
    late: Vec<Duration>,
}

/// The results of one side at a number of streams.
#[derive(Default)]
struct Measured {
    first: Vec<Duration>,
    total: Vec<Duration>,
    late: Vec<Duration>,
    streams: usize,
    took: Duration,
    processor: Duration,
}

#[tokio::main]
async fn main() {
    let model = paced_model(FIRST, GAP, TOKENS, |_| {}).await;
    let data = tempfile::tempdir().expect("a temporary folder");
    let root = root();
    let paced = ModelConfig {
        name: "paced".into(),
        base_url: format!("http://{model}/v1"),
        most_calls: MANY,
        tasks: vec![Task::Retone, Task::Draft],
        ..ModelConfig::default()
    };
    // A model that is still writing when a thousand callers have arrived.
    let slow = paced_model(FIRST, SLOW_GAP, TOKENS, |_| {}).await;
    let slow = ModelConfig { name: "slow".into(), base_url: format!("http://{slow}/v1"), tasks: vec![Task::Correct], ..paced.clone() };
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: data.path().to_owned(),
        knowledge_base: Some(root.join("knowledge-base")),
        models: vec![paced, slow],
        limits: Limits { max_calls: 4 * MANY, ..Limits::default() },
        ..Config::default()
    };
    let server = Server::start(config).await.expect("the server starts");
    let channel = connect(server.address).await;
    let chats = ChatServiceClient::new(channel.clone());
    for caller in 0..MAX_STREAMS {
        append_chat(chats.clone(), caller).await;
    }
    let completions = format!("http://{model}/v1/chat/completions");
    let clients = Clients {
        http: reqwest::Client::builder().tcp_nodelay(true).build().expect("a client"),
        relay: ReplyServiceClient::new(connect(relay(completions.clone()).await).await),
        model: completions,
        chats,
        replies: ReplyServiceClient::new(channel),
    };
    for (side, _) in SIDES {
        stream(&clients, side, 0).await;
    }

    let [mut direct, mut first_drafts] = [Vec::new(), Vec::new()];
    for caller in 1..MAX_STREAMS {
        direct.push(stream(&clients, Side::Direct, caller).await.first);
        first_drafts.push(stream(&clients, Side::Draft, caller).await.first);
    }
    println!("the first draft of a chat adds {:.2} ms (p50)", percentile(&mut first_drafts, 0.5) - percentile(&mut direct, 0.5));

    many_open(server.address).await;
    println!(
        "{:>7} {:>7} | {:>8} {:>8} {:>9} {:>9} | {:>9} {:>9} | {:>6} | {:>9} {:>9} | {:>11}",
        "streams", "side", "first50", "first99", "added50", "added99", "late50", "late99", "total", "streams/s", "cpu ms", "38-45 late"
    );
    let only_events = std::env::args().any(|argument| argument == "events");
    for streams in [1, 16, MAX_STREAMS].into_iter().filter(|_| !only_events) {
        let mut all: [Measured; 4] = Default::default();
        for _ in 0..ROUNDS {
            for (place, (side, _)) in SIDES.into_iter().enumerate() {
                round(&clients, side, streams, &mut all[place]).await;
            }
        }
        let direct = [0.5, 0.99].map(|share| percentile(&mut all[0].first, share));
        let total = percentile(&mut all[0].total, 0.5);
        for (measured, (_, name)) in all.iter_mut().zip(SIDES) {
            let first = [0.5, 0.99].map(|share| percentile(&mut measured.first, share));
            let late = [0.5, 0.99].map(|share| percentile(&mut measured.late, share));
            // The delay that a kernel without TCP_NODELAY makes.
            let nagled = measured.first.iter().filter(|first| (38..=45).contains(&first.saturating_sub(FIRST).as_millis())).count();
            println!(
                "{streams:>7} {name:>7} | {:>8.2} {:>8.2} {:>9.2} {:>9.2} | {:>9.2} {:>9.2} | {:>6.3} | {:>9.1} {:>9.2} | {:>11}",
                first[0],
                first[1],
                first[0] - direct[0],
                first[1] - direct[1],
                late[0],
                late[1],
                percentile(&mut measured.total, 0.5) / total,
                measured.streams as f64 / measured.took.as_secs_f64(),
                measured.processor.as_secs_f64() * 1000.0 / measured.streams as f64,
                nagled,
            );
        }
    }

    println!("\nwith an event: first50 of a draft, of the event's append alone, and of both together; and what that adds to the slower");
    for streams in [1, 16] {
        let mut all: [Measured; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (side, measured) in [Side::Draft, Side::Append, Side::DraftWithEvent].into_iter().zip(&mut all) {
                round(&clients, side, streams, measured).await;
            }
        }
        let cpu = all.each_ref().map(|measured| measured.processor.as_secs_f64() * 1000.0 / measured.streams as f64);
        let [draft, append, both] = all.map(|mut measured| percentile(&mut measured.first, 0.5));
        println!("{streams:>7} streams | {draft:>8.2} {append:>8.2} {both:>8.2} | {:>8.2} | cpu ms {cpu:.2?}", both - draft.max(append));
    }

    server.stop().await;
}

/// The cost of a thousand open streams, each read as it arrives.
async fn many_open(server: std::net::SocketAddr) {
    let mut connections = Vec::new();
    for _ in 0..MANY / ON_A_CONNECTION {
        connections.push(ReplyServiceClient::new(connect(server).await));
    }
    let before = resident_megabytes();
    let (begun, mut all_begun) = tokio::sync::mpsc::channel(MANY);
    let mut open = tokio::task::JoinSet::new();
    for number in 0..MANY {
        let (mut client, begun) = (connections[number / ON_A_CONNECTION].clone(), begun.clone());
        open.spawn(async move {
            let request = pb::CorrectReplyRequest { text: "Your parcel is delayed.".into(), language: "en".into(), ..Default::default() };
            let mut stream = client.correct_reply(request).await.expect("it streams").into_inner();
            stream.message().await.expect("it goes on");
            begun.send(()).await.expect("somebody counts");
            while let Ok(Some(_)) = stream.message().await {}
        });
    }
    for _ in 0..MANY {
        all_begun.recv().await.expect("every stream begins");
    }
    let more = resident_megabytes().saturating_sub(before);
    println!("{MANY} open streams: {more} MB more, with their callers and their model in the same process");
    open.shutdown().await;
}

async fn connect(address: std::net::SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).expect("an address").connect().await.expect("it listens")
}

/// Runs this many callers at once, each with a few calls in sequence.
async fn round(clients: &Clients, side: Side, streams: usize, measured: &mut Measured) {
    let (began, processor) = (Instant::now(), processor_time());
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..streams {
        let clients = clients.clone();
        callers.spawn(async move {
            let mut samples = Vec::new();
            for _ in 0..CALLS_A_ROUND {
                samples.push(stream(&clients, side, caller).await);
            }
            samples
        });
    }
    for sample in callers.join_all().await.into_iter().flatten() {
        measured.first.push(sample.first);
        measured.total.push(sample.total);
        measured.late.extend(sample.late);
        measured.streams += 1;
    }
    measured.took += began.elapsed();
    measured.processor += processor_time().saturating_sub(processor);
}

/// The CPU time of this process: callers, model and the service between them.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// A caller's chat of 200 messages, as a busy one is.
async fn append_chat(mut chats: ChatServiceClient<Channel>, caller: usize) {
    let event = |number: usize| {
        let author = if number.is_multiple_of(2) { pb::Author::Agent } else { pb::Author::Customer };
        let text = format!("Message {number} to {caller}: where is my parcel, and how do I return the towels that came with it?");
        message(format!("e{number}"), author, text)
    };
    let request = pb::AppendEventsRequest { chat_id: chat_of(caller), events: (0..200).map(event).collect() };
    chats.append_events(request).await.expect("the chat is taken");
}

fn chat_of(caller: usize) -> String {
    format!("bench-{caller}")
}

fn message(event_id: String, author: pb::Author, text: String) -> pb::Event {
    let message = pb::Message { author: author.into(), text, language: "en".into(), ..pb::Message::default() };
    pb::Event { event_id, body: Some(pb::event::Body::Message(message)), ..pb::Event::default() }
}

/// A message that is new to the chat.
fn next_message() -> pb::Event {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    message(format!("n{number}"), pb::Author::Customer, format!("And message {number}: when will it be here?"))
}

fn retone() -> pb::RetoneReplyRequest {
    pb::RetoneReplyRequest {
        text: "Your parcel is delayed. Wait until Friday.".into(),
        tone: pb::Tone::Friendly.into(),
        language: "en".into(),
        ..pb::RetoneReplyRequest::default()
    }
}

/// One call, read to its end.
async fn stream(clients: &Clients, side: Side, caller: usize) -> Sample {
    let began = Instant::now();
    let mut clock = Clock { began, words: 0, first: None, late: Vec::new() };
    match side {
        Side::Direct => {
            let request = clients.http.post(&clients.model).header("content-type", "application/json").body("{\"stream\": true}");
            let mut body = request.send().await.expect("the model answers").bytes_stream();
            while let Some(piece) = body.next().await {
                clock.came(piece.expect("it goes on").windows(9).filter(|part| part == b"\"content\"").count());
            }
        }
        Side::Relay | Side::Retone => {
            use pb::retone_reply_response::Event;
            let mut client = if side == Side::Relay { clients.relay.clone() } else { clients.replies.clone() };
            let mut stream = client.retone_reply(retone()).await.expect("it streams").into_inner();
            while let Some(message) = stream.message().await.expect("it goes on") {
                if let Some(Event::Delta(delta)) = message.event {
                    clock.came(delta.split_whitespace().count());
                }
            }
        }
        Side::Append => {
            let request = pb::AppendEventsRequest { chat_id: chat_of(caller), events: vec![next_message()] };
            clients.chats.clone().append_events(request).await.expect("it is taken");
            clock.came(1);
        }
        Side::Draft | Side::DraftWithEvent => {
            use pb::draft_reply_response::Event;
            let events = if side == Side::Draft { Vec::new() } else { vec![next_message()] };
            let request = pb::DraftReplyRequest { chat_id: chat_of(caller), events, ..pb::DraftReplyRequest::default() };
            let mut stream = clients.replies.clone().draft_reply(request).await.expect("it streams").into_inner();
            while let Some(message) = stream.message().await.expect("it goes on") {
                if let Some(Event::Delta(delta)) = message.event {
                    clock.came(delta.split_whitespace().count());
                }
            }
        }
    }
    Sample { first: clock.first.expect("a stream has a first piece"), total: began.elapsed(), late: clock.late }
}

/// When each token came.
struct Clock {
    began: Instant,
    words: u32,
    first: Option<Duration>,
    late: Vec<Duration>,
}

impl Clock {
    fn came(&mut self, words: usize) {
        if words == 0 {
            return;
        }
        let first = *self.first.get_or_insert_with(|| self.began.elapsed());
        self.words += words as u32;
        self.late.push(self.began.elapsed().saturating_sub(first + GAP * (self.words - 1)));
    }
}
