//! A model that dies under load and recovers: how soon callers are rejected, whether searches and suggestions notice, how soon it is in use
//! again. People click, search and read at a fixed pace (an open loop), so that the load is the same whether the model answers or not.
//!
//!     cargo run --release -p deskhand-measure --bin outage [-- SECONDS]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use deskhand::{
    api::pb::{
        self, chat_service_client::ChatServiceClient, knowledge_service_client::KnowledgeServiceClient,
        reply_service_client::ReplyServiceClient,
    },
    config::{Config, DeskSettings, ModelConfig},
    server::Server,
};
use deskhand_measure::paced_model::paced_model;
use deskhand_measure::{percentile, root};
use tokio::{
    net::{TcpListener, TcpStream},
    time::{Interval, MissedTickBehavior, interval_at},
};
use tonic::transport::{Channel, Endpoint};

/// Agents who retone, and people who search and have answers suggested, and how often each does.
const AGENTS: usize = 16;
const CLICK: Duration = Duration::from_millis(150);
const SEARCHERS: usize = 2;
const SEARCH: Duration = Duration::from_millis(25);

/// The measurements of a phase.
#[derive(Default)]
struct Phase {
    answered: Vec<Duration>,
    refused: Vec<Duration>,
    searched: Vec<Duration>,
    suggested: Vec<Duration>,
}

#[tokio::main]
async fn main() {
    let seconds = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(60);
    let model = paced_model(Duration::from_millis(20), Duration::from_millis(5), 20, |_| {}).await;
    let up = Arc::new(AtomicBool::new(true));
    let address = switch(model, Arc::clone(&up)).await;
    let data = tempfile::tempdir().expect("a temporary folder");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: data.path().to_owned(),
        knowledge_base: Some(root().join("knowledge-base")),
        models: vec![ModelConfig { name: "paced".into(), base_url: format!("http://{address}/v1"), ..ModelConfig::default() }],
        // A draft is one call.
        desk: DeskSettings { choose_timeout: Duration::ZERO, ..DeskSettings::default() },
        ..Config::default()
    };
    let server = Server::start(config).await.expect("the server starts");
    let channel = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect().await.expect("it listens");
    let chat = pb::AppendEventsRequest {
        chat_id: "bench".into(),
        events: vec![pb::Event {
            event_id: "e".into(),
            body: Some(pb::event::Body::Message(pb::Message {
                author: pb::Author::Customer.into(),
                text: "Where is my parcel?".into(),
                ..pb::Message::default()
            })),
            ..pb::Event::default()
        }],
    };
    ChatServiceClient::new(channel.clone()).append_events(chat).await.expect("the chat is taken");

    println!(
        "{:>6} | {:>8} {:>8} {:>8} | {:>8} {:>8} {:>8} | {:>9} {:>9} | {:>9} {:>9}",
        "model", "answered", "p50 ms", "p99 ms", "refused", "p50 ms", "p99 ms", "search50", "search99", "suggest50", "suggest99"
    );
    phase(&channel, Duration::from_secs(2)).await;
    for (name, is_up, length) in [("up", true, 10), ("dead", false, seconds), ("up", true, 10)] {
        up.store(is_up, Ordering::SeqCst);
        let began = Instant::now();
        if is_up && name == "up" {
            while retone(&channel).await.is_err() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        let back = began.elapsed();
        let mut phase = phase(&channel, Duration::from_secs(length)).await;
        let Phase { answered, refused, searched, suggested } = &mut phase;
        let of = |samples: &mut Vec<Duration>, share: f64| if samples.is_empty() { 0.0 } else { percentile(samples, share) };
        println!(
            "{name:>6} | {:>8} {:>8.1} {:>8.1} | {:>8} {:>8.2} {:>8.2} | {:>9.2} {:>9.2} | {:>9.2} {:>9.2}   in use after {:.2} s",
            answered.len(),
            of(answered, 0.5),
            of(answered, 0.99),
            refused.len(),
            of(refused, 0.5),
            of(refused, 0.99),
            of(searched, 0.5),
            of(searched, 0.99),
            of(suggested, 0.5),
            of(suggested, 0.99),
            back.as_secs_f64(),
        );
    }
    server.stop().await;
}

/// A proxy to the model that can be cut: meanwhile every connection is reset at once.
async fn switch(model: SocketAddr, up: Arc<AtomicBool>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("a bound listener");
    tokio::spawn(async move {
        loop {
            let Ok((mut caller, _)) = listener.accept().await else { return };
            let up = Arc::clone(&up);
            tokio::spawn(async move {
                if !up.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(mut server) = TcpStream::connect(model).await else { return };
                let (_, _) = (caller.set_nodelay(true), server.set_nodelay(true));
                let cut = async {
                    while up.load(Ordering::SeqCst) {
                        tokio::time::sleep(Duration::from_millis(10)).await;
                    }
                };
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut caller, &mut server) => {}
                    () = cut => {}
                }
            });
        }
    });
    address
}

/// Runs the load for this long.
async fn phase(channel: &Channel, length: Duration) -> Phase {
    let begin = Instant::now();
    let until = begin + length;
    let mut people = tokio::task::JoinSet::new();
    for number in 0..AGENTS {
        let (channel, mut pace) = (channel.clone(), pace(begin, CLICK, number, AGENTS));
        people.spawn(async move {
            let mut phase = Phase::default();
            while Instant::now() < until {
                // A click that had to wait for the one before it counts from when it was due.
                let due = pace.tick().await.into_std();
                match retone(&channel).await {
                    Ok(()) => phase.answered.push(due.elapsed()),
                    Err(()) => phase.refused.push(due.elapsed()),
                }
            }
            phase
        });
    }
    for number in 0..SEARCHERS {
        let (channel, mut pace) = (channel.clone(), pace(begin, SEARCH, number, SEARCHERS));
        people.spawn(async move {
            let mut phase = Phase::default();
            while Instant::now() < until {
                pace.tick().await;
                let began = Instant::now();
                let search = pb::SearchRequest { query: "how do I return".into(), language: "en".into(), ..Default::default() };
                KnowledgeServiceClient::new(channel.clone()).search(search).await.expect("it finds");
                phase.searched.push(began.elapsed());
                let began = Instant::now();
                let suggest = pb::SuggestAnswersRequest { chat_id: "bench".into(), ..Default::default() };
                ReplyServiceClient::new(channel.clone()).suggest_answers(suggest).await.expect("it suggests");
                phase.suggested.push(began.elapsed());
            }
            phase
        });
    }
    let mut all = Phase::default();
    for phase in people.join_all().await {
        all.answered.extend(phase.answered);
        all.refused.extend(phase.refused);
        all.searched.extend(phase.searched);
        all.suggested.extend(phase.suggested);
    }
    all
}

/// One of several who do something at equal steps, each at another moment.
fn pace(begin: Instant, step: Duration, number: usize, of: usize) -> Interval {
    let mut pace = interval_at((begin + step * number as u32 / of as u32).into(), step);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pace
}

async fn retone(channel: &Channel) -> Result<(), ()> {
    let request = pb::RetoneReplyRequest {
        text: "Your parcel is late.".into(),
        tone: pb::Tone::Friendly.into(),
        language: "en".into(),
        ..Default::default()
    };
    let mut stream = ReplyServiceClient::new(channel.clone()).retone_reply(request).await.map_err(drop)?.into_inner();
    while stream.message().await.map_err(drop)?.is_some() {}
    Ok(())
}
