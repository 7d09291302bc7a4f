//! `Search` over the sample shop at 1 and 16 callers: the RPC against the same query in process, in turns.
//!
//!     cargo bench --bench search

mod parts;

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use deskhand::{
    api::pb::{self, knowledge_service_client::KnowledgeServiceClient},
    config::{Config, Workspace},
    knowledge::{Knowledge, Reader, Search},
    server::Server,
    store::Store,
    text::Language,
};
use parts::percentile;
use tonic::transport::{Channel, Endpoint};

const ROUNDS: usize = 5;
const CALLS_A_ROUND: usize = 200;
/// As people type them, half words included.
const QUERIES: [(&str, &str); 8] = [
    ("iade sur", "tr"),
    ("siparisim nerede", "tr"),
    ("taksit", "tr"),
    ("szallitasi ido", "hu"),
    ("Rückgabe Kosten", "de"),
    ("how do I return an item", "en"),
    ("gift ca", "en"),
    ("my parcel is damaged what now", "en"),
];

#[derive(Clone)]
enum Side {
    Rpc(KnowledgeServiceClient<Channel>),
    InProcess(Arc<Knowledge>),
}

#[tokio::main]
async fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("knowledge-base");
    let (served, own) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: served.path().to_owned(),
        knowledge_base: Some(folder.clone()),
        ..Config::default()
    };
    let server = Server::start(config).await.expect("the server starts");
    let store = Store::open(&Store::sqlite_url(own.path())).await.expect("a database");
    let knowledge = Knowledge::start(store, Workspace::default_name(), Some(folder), own.path()).await.expect("a knowledge base");
    let knowledge = Arc::new(knowledge);

    println!("{:>8} {:>12} {:>10} {:>10} {:>12}", "callers", "side", "p50 ms", "p99 ms", "searches/s");
    for callers in [1, 16] {
        let mut samples: [Vec<Duration>; 2] = Default::default();
        let mut spent = [Duration::ZERO; 2];
        for _ in 0..ROUNDS {
            for index in 0..2 {
                let mut running = tokio::task::JoinSet::new();
                let began = Instant::now();
                for caller in 0..callers {
                    let side = if index == 0 {
                        Side::InProcess(Arc::clone(&knowledge))
                    } else {
                        let address = format!("http://{}", server.address);
                        Side::Rpc(KnowledgeServiceClient::new(Endpoint::from_shared(address).expect("an address").connect_lazy()))
                    };
                    running.spawn(call(side, caller));
                }
                for of_caller in running.join_all().await {
                    samples[index].extend(of_caller);
                }
                spent[index] += began.elapsed();
            }
        }
        let mut p50s = [0.0; 2];
        for (index, name) in ["in process", "rpc"].into_iter().enumerate() {
            let a_second = samples[index].len() as f64 / spent[index].as_secs_f64();
            let (p50, p99) = (percentile(&mut samples[index], 0.5), percentile(&mut samples[index], 0.99));
            p50s[index] = p50;
            println!("{callers:>8} {name:>12} {p50:>10.2} {p99:>10.2} {a_second:>12.0}");
        }
        println!("{callers:>8} rpc / in process at p50: {:.2}", p50s[1] / p50s[0]);
    }
    server.stop().await;
}

async fn call(side: Side, caller: usize) -> Vec<Duration> {
    let mut samples = Vec::with_capacity(CALLS_A_ROUND);
    for number in 0..CALLS_A_ROUND {
        let (query, language) = QUERIES[(caller + number) % QUERIES.len()];
        let began = Instant::now();
        match &side {
            Side::Rpc(client) => {
                let request = pb::SearchRequest { query: query.into(), language: language.into(), ..pb::SearchRequest::default() };
                client.clone().search(request).await.expect("it is answered");
            }
            Side::InProcess(knowledge) => {
                let knowledge = Arc::clone(knowledge);
                let search = Search {
                    query: query.into(),
                    language: Language::parse(language).expect("a tag"),
                    category: String::new(),
                    tags: Vec::new(),
                    limit: 10,
                    offset: 0,
                    reader: Reader::agent(String::new(), Vec::new()),
                };
                let work = move || knowledge.search(&Workspace::default_name(), &search).expect("it is answered");
                tokio::task::spawn_blocking(work).await.expect("it ran");
            }
        }
        samples.push(began.elapsed());
    }
    samples
}
