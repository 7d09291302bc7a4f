//! How soon those who watch are told, and what a listener costs.
//!
//!     cargo build --release && cargo run --release -p deskhand-measure --bin watch -- [LISTENERS] [postgres://…]
//!
//! LISTENERS (2,000 if none is named) watch over connections of 50 streams each, first the chats of an agent each, then all chats. Appends come
//! at a rate, one message each, and the time is from the moment at which the call is sent to the moment at which a listener has the event. With
//! the URL of an empty PostgreSQL database, two servers share it: half of the listeners and half of the appends are at each.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use deskhand::api::pb::{self, chat_service_client::ChatServiceClient, event::Body, watch_response::What};
use deskhand_measure::{Draws, percentile, served::Served};
use futures::future::join_all;
use tokio::{task::JoinSet, time::interval};
use tonic::transport::{Channel, Endpoint};

const LISTENERS: usize = 2000;
const STREAMS_OF_CONNECTION: usize = 50;
/// Appends in a second: when each is told to one listener, and when each is told to all.
const RATES: [u64; 2] = [100, 5];
const SPAN: Duration = Duration::from_secs(20);
/// How long the last events get to arrive.
const REST: Duration = Duration::from_secs(3);
const CALLERS: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Watched {
    OwnChats,
    AllChats,
}

#[tokio::main]
async fn main() {
    let (urls, numbers): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|argument| argument.contains("://"));
    let listeners = numbers.first().map_or(LISTENERS, |number| number.parse().expect("a number of listeners"));
    let build = if cfg!(debug_assertions) { "with debug assertions" } else { "release" };
    println!("build: {build}\n");
    println!("| database | servers | listeners | each watches | appends/s | told/s | p50, ms | p99, ms | longest, ms | KiB a listener |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (watched, rate) in [Watched::OwnChats, Watched::AllChats].into_iter().zip(RATES) {
        measure("SQLite", 1, &[], listeners, watched, rate).await;
        if let Some(url) = urls.first() {
            measure("PostgreSQL", 2, &[("DESKHAND_DATABASE_URL", url)], listeners, watched, rate).await;
        }
    }
}

async fn measure(database: &str, servers: usize, settings: &[(&str, &str)], listeners: usize, watched: Watched, rate: u64) {
    let folder = tempfile::tempdir().expect("a folder");
    // A caller without a key may have half of the streams.
    let (streams, connections) = ((2 * listeners).to_string(), (2 * listeners / STREAMS_OF_CONNECTION + 64).to_string());
    let limits = [
        ("DESKHAND_MAX_WATCHES", streams.as_str()),
        ("DESKHAND_MAX_CONNECTIONS", &connections),
        ("DESKHAND_MAX_CONNECTIONS_PER_PEER", &connections),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().copied().chain(limits).collect();
    let servers: Vec<Served> = (0..servers).map(|number| Served::start(&folder.path().join(number.to_string()), &settings)).collect();
    for server in &servers {
        server.ready().await;
    }
    let began = Instant::now();
    let times: Arc<Mutex<Vec<Duration>>> = Arc::default();
    for agents in (0..listeners).collect::<Vec<_>>().chunks(CALLERS) {
        join_all(agents.iter().map(|agent| assign(&servers[0].channel, *agent))).await;
    }
    let before: u64 = servers.iter().map(Served::resident_kilobytes).sum();
    let mut channels = Vec::new();
    for number in 0..listeners.div_ceil(STREAMS_OF_CONNECTION) {
        let address = &servers[number % servers.len()].address;
        channels.push(Endpoint::from_shared(format!("http://{address}")).expect("an address").connect().await.expect("it connects"));
    }
    let mut reading = JoinSet::new();
    for number in 0..listeners {
        let mut stream = open(&channels[number % channels.len()], number, watched).await;
        let times = Arc::clone(&times);
        reading.spawn(async move {
            while let Ok(Some(message)) = stream.message().await {
                let Some(What::Changed(change)) = message.what else { continue };
                let now = began.elapsed();
                let sent =
                    change.events.iter().map(|event| Duration::from_nanos(event.event_id.parse().expect("the time at which it was sent")));
                times.lock().expect("no panic").extend(sent.map(|sent| now.saturating_sub(sent)));
            }
        });
    }
    let after: u64 = servers.iter().map(Served::resident_kilobytes).sum();
    times.lock().expect("no panic").clear();

    let (sent, next, pace) = (AtomicU64::new(0), AtomicU64::new(0), Duration::from_secs(1) / u32::try_from(rate).expect("small"));
    let until = Instant::now() + SPAN;
    let ticks = tokio::sync::Mutex::new(interval(pace));
    let callers = (0..CALLERS).map(|caller| {
        let (sent, next, ticks, server) = (&sent, &next, &ticks, &servers[caller % servers.len()]);
        async move {
            let mut draws = Draws(caller as u64);
            while Instant::now() < until {
                ticks.lock().await.tick().await;
                append(&server.channel, draws.below(listeners), next.fetch_add(1, Relaxed), began).await;
                sent.fetch_add(1, Relaxed);
            }
        }
    });
    join_all(callers).await;
    tokio::time::sleep(REST).await;
    reading.abort_all();
    let (sent, mut times) = (sent.into_inner(), std::mem::take(&mut *times.lock().expect("no panic")));
    let expected = if watched == Watched::AllChats { sent * listeners as u64 } else { sent };
    assert_eq!(times.len() as u64, expected, "each listener is told what it watches");
    println!(
        "| {database} | {} | {listeners} | {} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.1} |",
        servers.len(),
        if watched == Watched::AllChats { "all chats" } else { "an agent's chats" },
        sent as f64 / SPAN.as_secs_f64(),
        times.len() as f64 / SPAN.as_secs_f64(),
        percentile(&mut times, 0.5),
        percentile(&mut times, 0.99),
        percentile(&mut times, 1.0),
        after.saturating_sub(before) as f64 / listeners as f64,
    );
}

/// Opens a stream, and reads until it has caught up.
async fn open(channel: &Channel, number: usize, watched: Watched) -> tonic::Streaming<pb::WatchResponse> {
    let agent_id = if watched == Watched::OwnChats { format!("agent-{number}") } else { String::new() };
    let request = pb::WatchRequest { agent_id, ..pb::WatchRequest::default() };
    let mut stream = ChatServiceClient::new(channel.clone()).watch(request).await.expect("it watches").into_inner();
    let first = stream.message().await.expect("it goes on").expect("a message");
    assert!(matches!(first.what, Some(What::CaughtUp(_))), "{first:?}");
    stream
}

/// Gives a chat to its agent.
async fn assign(channel: &Channel, agent: usize) {
    let transfer = pb::Transfer { to_agent_id: format!("agent-{agent}"), ..pb::Transfer::default() };
    let event = pb::Event { event_id: "assigned".into(), body: Some(Body::Transfer(transfer)), ..pb::Event::default() };
    let request = pb::AppendEventsRequest { chat_id: format!("chat-{agent}"), events: vec![event] };
    ChatServiceClient::new(channel.clone()).append_events(request).await.expect("it is appended");
}

/// Appends a message to a chat of an agent. Its id is the time at which it is sent.
async fn append(channel: &Channel, agent: usize, number: u64, began: Instant) {
    let message = pb::Message {
        author: pb::Author::Customer.into(),
        text: format!("My parcel {number} was to arrive yesterday before noon, and it is not here yet."),
        ..pb::Message::default()
    };
    let event = pb::Event { event_id: began.elapsed().as_nanos().to_string(), body: Some(Body::Message(message)), ..pb::Event::default() };
    let request = pb::AppendEventsRequest { chat_id: format!("chat-{agent}"), events: vec![event] };
    ChatServiceClient::new(channel.clone()).append_events(request).await.expect("it is appended");
}
