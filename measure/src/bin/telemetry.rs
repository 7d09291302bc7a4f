//! What metrics and traces cost of a search's processor time, on the sample shop.
//!
//!     cargo build --release --config profile.release.strip=false && cargo run --release -p deskhand-measure --bin telemetry -- [ROUNDS]
//!
//! Traces: two servers, one of which exports a span for each call to a collector here, are asked the same searches in turns; the figures are
//! medians over ROUNDS (100 by default) of 60 searches each. Metrics can't be switched off, so their share is what callgrind counts in the
//! functions that record a call, of the instructions of a search: that wants `valgrind`, and a program with its symbols. A minute, and five
//! for callgrind.

use std::{
    fs,
    path::Path,
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use deskhand::api::pb::{self, knowledge_service_client::KnowledgeServiceClient};
use deskhand_measure::{deskhand, root, served::Served};
use http_body_util::{BodyExt, Empty};
use hyper::{Request, Response, body::Bytes, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde::Deserialize;
use tokio::net::TcpListener;

const ROUNDS: usize = 100;
const SEARCHES: usize = 60;
/// Fewer under callgrind, which takes fifty times as long.
const COUNTED_SEARCHES: usize = 120;
/// The type whose functions record a call, and those functions: its metrics, its span where there are traces, its line of log.
const RECORDER: &str = "server::call::Call";
const RECORDING: [&str; 2] = ["new", "end"];

#[derive(Deserialize)]
struct Typed {
    lang: String,
    query: String,
}

#[tokio::main]
async fn main() {
    let rounds = std::env::args().nth(1).map_or(ROUNDS, |rounds| rounds.parse().expect("a number of rounds"));
    let text = fs::read_to_string(root().join("tests/suggestions/keten/typed.jsonl")).expect("the labelled searches");
    let searches: Vec<Typed> = text.lines().map(|line| serde_json::from_str(line).expect("a labelled search")).collect();
    let folder = tempfile::tempdir().expect("a folder");
    traces(&searches, rounds, folder.path()).await;
    metrics(&searches, folder.path()).await;
}

async fn traces(searches: &[Typed], rounds: usize, folder: &Path) {
    let (collector, received) = collector().await;
    let knowledge_base = root().join("knowledge-base");
    let shop = ("DESKHAND_KNOWLEDGE_BASE", knowledge_base.to_str().expect("a path in UTF-8"));
    let endpoint = format!("http://{collector}");
    let without = Served::start(&folder.join("without"), &[shop]);
    let with = Served::start(&folder.join("with"), &[shop, ("DESKHAND_OTLP_ENDPOINT", &endpoint)]);
    for server in [&without, &with] {
        server.ready().await;
        // Dictionaries and cues are read by the first searches that need them.
        search(server, searches, 0, searches.len()).await;
    }
    let mut taken: Vec<[f64; 2]> = Vec::new();
    for round in 0..rounds {
        let mut times = [0.0; 2];
        // Each is the first one in every other round.
        for turn in [round % 2, 1 - round % 2] {
            let server = [&without, &with][turn];
            let before = server.processor_time();
            search(server, searches, round * SEARCHES, SEARCHES).await;
            times[turn] = (server.processor_time() - before).as_secs_f64() * 1e6 / SEARCHES as f64;
        }
        taken.push(times);
    }
    let added: Vec<f64> = taken.iter().map(|[without, with]| 100.0 * (with / without - 1.0)).collect();
    let before = without.processor_time();
    for _ in 0..SEARCHES {
        without.metric("process_threads").await;
    }
    let scrape = (without.processor_time() - before).as_secs_f64() * 1e6 / SEARCHES as f64;
    println!("| | processor |\n| --- | --- |");
    println!("| a search, without traces | {:.0} µs |", median(taken.iter().map(|times| times[0])));
    println!("| a search, with a span exported | {:.0} µs |", median(taken.iter().map(|times| times[1])));
    println!("| added by traces, median of {rounds} pairs | {:.1} % |", median(added.iter().copied()));
    println!("| half of the pairs are between | {:.1} and {:.1} % |", quantile(&added, 0.25), quantile(&added, 0.75));
    println!("| a scrape of `/metrics` | {scrape:.0} µs |");
    println!("| bytes of spans that the collector got | {} |", received.load(Ordering::Relaxed));
}

/// Counts instructions of searches, and of what records them.
async fn metrics(searches: &[Typed], folder: &Path) {
    if Command::new("valgrind").arg("--version").output().is_err() {
        println!("\nthe share of metrics is not counted: it wants `apt-get install valgrind`");
        return;
    }
    let out = folder.join("callgrind");
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--tool=callgrind"]).arg(format!("--callgrind-out-file={}", out.display())).arg(deskhand());
    let knowledge_base = root().join("knowledge-base");
    let shop = ("DESKHAND_KNOWLEDGE_BASE", knowledge_base.to_str().expect("a path in UTF-8"));
    let server = Served::start_by(command, &folder.join("counted"), &[shop]);
    server.ready().await;
    search(&server, searches, 0, searches.len()).await;
    let control = |what: &str| {
        let done = Command::new("callgrind_control").args([what, &server.id().to_string()]).output().expect("valgrind has it");
        assert!(done.status.success(), "callgrind_control {what}: {}", String::from_utf8_lossy(&done.stderr));
    };
    control("--zero");
    search(&server, searches, 0, COUNTED_SEARCHES).await;
    control("--dump");
    let mut annotate = Command::new("callgrind_annotate");
    annotate.args(["--inclusive=yes", "--threshold=100", "--show-percs=no"]).arg(out.with_extension("1"));
    let told = annotate.output().expect("valgrind has it");
    let told = String::from_utf8_lossy(&told.stdout);
    let count = |line: &str| line.trim().split(' ').next().and_then(|count| count.replace(',', "").parse::<f64>().ok());
    let all = told.lines().find(|line| line.ends_with("PROGRAM TOTALS")).and_then(count).expect("a total");
    println!("\n| | instructions a search |\n| --- | --- |\n| all of it | {:.0} |", all / COUNTED_SEARCHES as f64);
    for name in RECORDING {
        // A name is followed by the object that it is in; one that was inlined everywhere is not there.
        let is_it = |line: &&str| line.contains(RECORDER) && line.contains(&format!("::{name} ["));
        match told.lines().find(is_it).and_then(count) {
            Some(counted) => println!("| `Call::{name}` | {:.0}, {:.2} % |", counted / COUNTED_SEARCHES as f64, 100.0 * counted / all),
            None => println!("| `Call::{name}` | not found: the program has no symbols, or it was inlined |"),
        }
    }
}

async fn search(server: &Served, searches: &[Typed], from: usize, count: usize) {
    for typed in searches.iter().cycle().skip(from % searches.len()).take(count) {
        let request = pb::SearchRequest { query: typed.query.clone(), language: typed.lang.clone(), ..pb::SearchRequest::default() };
        KnowledgeServiceClient::new(server.channel.clone()).search(request).await.expect("it is answered");
    }
}

/// A collector that takes whatever it is sent, and counts its bytes.
async fn collector() -> (std::net::SocketAddr, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("a bound listener");
    let received = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&received);
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let counted = Arc::clone(&counted);
            tokio::spawn(async move {
                let service = service_fn(move |request: Request<Incoming>| {
                    let counted = Arc::clone(&counted);
                    async move {
                        let body = request.into_body().collect().await?.to_bytes();
                        counted.fetch_add(body.len() as u64, Ordering::Relaxed);
                        Ok::<_, hyper::Error>(Response::new(Empty::<Bytes>::new()))
                    }
                });
                let http = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                let _ = http.serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    (address, received)
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[((values.len() as f64 * share) as usize).min(values.len() - 1)]
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    quantile(&values.collect::<Vec<_>>(), 0.5)
}
