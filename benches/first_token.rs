//! Time to the first token: a direct call to a scripted model (20 ms to the first token, then 200 a second) against the same model behind
//! Deskhand, in turns, in one process.
//!
//!     cargo bench --bench first_token

#[path = "parts/paced_model.rs"]
mod paced_model;
mod parts;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use deskhand::{
    api::pb::{self, chat_service_client::ChatServiceClient, reply_service_client::ReplyServiceClient},
    config::{Config, ModelConfig},
    server::Server,
};
use futures::StreamExt;
use paced_model::paced_model;
use parts::percentile;
use tonic::transport::{Channel, Endpoint};

const FIRST: Duration = Duration::from_millis(20);
const GAP: Duration = Duration::from_millis(5);
const TOKENS: u32 = 32;
const ROUNDS: usize = 5;
const CALLS_A_ROUND: usize = 12;

#[derive(Clone, Copy)]
enum Side {
    Direct,
    Retone,
    Draft,
}

#[derive(Clone)]
struct Clients {
    http: reqwest::Client,
    model: String,
    replies: ReplyServiceClient<Channel>,
}

#[tokio::main]
async fn main() {
    let model = paced_model(FIRST, GAP, TOKENS, |_| {}).await;
    let data = tempfile::tempdir().expect("a temporary folder");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: data.path().to_owned(),
        knowledge_base: Some(root.join("knowledge-base")),
        models: vec![ModelConfig { name: "paced".into(), base_url: format!("http://{model}/v1"), ..ModelConfig::default() }],
        ..Config::default()
    };
    let server = Server::start(config).await.expect("the server starts");
    let channel = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect().await.expect("it listens");
    append_chat(channel.clone()).await;
    let clients = Clients {
        http: reqwest::Client::builder().tcp_nodelay(true).build().expect("a client"),
        model: format!("http://{model}/v1/chat/completions"),
        replies: ReplyServiceClient::new(channel),
    };
    for side in [Side::Direct, Side::Retone, Side::Draft] {
        first_token(&clients, side).await;
    }

    println!("{:>8} {:>10} {:>10} {:>10} {:>12} {:>12}", "streams", "side", "p50 ms", "p99 ms", "added p50", "added p99");
    for streams in [1, 16] {
        let mut samples: [Vec<Duration>; 3] = Default::default();
        for _ in 0..ROUNDS {
            for (index, side) in [Side::Direct, Side::Retone, Side::Draft].into_iter().enumerate() {
                let mut callers = tokio::task::JoinSet::new();
                for _ in 0..streams {
                    let clients = clients.clone();
                    callers.spawn(async move {
                        let mut samples = Vec::new();
                        for _ in 0..CALLS_A_ROUND {
                            samples.push(first_token(&clients, side).await);
                        }
                        samples
                    });
                }
                for callers in callers.join_all().await {
                    samples[index].extend(callers);
                }
            }
        }
        let direct = (percentile(&mut samples[0], 0.5), percentile(&mut samples[0], 0.99));
        for (index, name) in ["direct", "retone", "draft"].into_iter().enumerate() {
            let (p50, p99) = (percentile(&mut samples[index], 0.5), percentile(&mut samples[index], 0.99));
            println!("{streams:>8} {name:>10} {p50:>10.2} {p99:>10.2} {:>12.2} {:>12.2}", p50 - direct.0, p99 - direct.1);
        }
    }
    server.stop().await;
}

/// A chat of 200 messages, as a busy one is.
async fn append_chat(channel: Channel) {
    let event = |number: usize| pb::Event {
        event_id: format!("e{number}"),
        body: Some(pb::event::Body::Message(pb::Message {
            author: if number.is_multiple_of(2) { pb::Author::Agent } else { pb::Author::Customer }.into(),
            text: format!("Message {number}: where is my parcel, and how do I return the towels that came with it?"),
            language: "en".into(),
            ..pb::Message::default()
        })),
        ..pb::Event::default()
    };
    let request = pb::AppendEventsRequest { chat_id: "bench".into(), events: (0..200).map(event).collect() };
    ChatServiceClient::new(channel).append_events(request).await.expect("the chat is taken");
}

/// One call, read to its end; how long its first token took.
async fn first_token(clients: &Clients, side: Side) -> Duration {
    let began = Instant::now();
    let mut first = None;
    match side {
        Side::Direct => {
            let request = clients.http.post(&clients.model).header("content-type", "application/json").body("{\"stream\": true}");
            let mut body = request.send().await.expect("the model answers").bytes_stream();
            while body.next().await.is_some() {
                first.get_or_insert_with(|| began.elapsed());
            }
        }
        Side::Retone => {
            let request = pb::RetoneReplyRequest {
                text: "Your parcel is delayed. Wait until Friday.".into(),
                tone: pb::Tone::Friendly.into(),
                language: "en".into(),
                ..pb::RetoneReplyRequest::default()
            };
            let mut stream = clients.replies.clone().retone_reply(request).await.expect("it streams").into_inner();
            while stream.message().await.expect("it goes on").is_some() {
                first.get_or_insert_with(|| began.elapsed());
            }
        }
        Side::Draft => {
            let request = pb::DraftReplyRequest { chat_id: "bench".into(), ..pb::DraftReplyRequest::default() };
            let mut stream = clients.replies.clone().draft_reply(request).await.expect("it streams").into_inner();
            while stream.message().await.expect("it goes on").is_some() {
                first.get_or_insert_with(|| began.elapsed());
            }
        }
    }
    first.expect("a stream has a first piece")
}
