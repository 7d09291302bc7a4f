//! What the check of a key costs: of a stored one, and of one that was minted for an agent, in process.
//!
//!     cargo run --release -p deskhand-measure --bin keys

use std::time::{Duration, Instant};

use deskhand::{
    config::TokenLimits,
    ids::Workspace,
    keys::{self, Keys, Minter, NewAgentKey, NewKey, Scope},
    store::Store,
};
use deskhand_measure::percentile;

const CHECKS: usize = 100_000;
/// The goal for a minted key, in microseconds.
const GOAL: f64 = 20.0;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::open(&Store::sqlite_url(folder.path())).await.expect("a database");
    let new = NewKey {
        workspace: Workspace::default(),
        scopes: vec![Scope::Agent],
        origins: Vec::new(),
        calls_per_second: None,
        token_limits: TokenLimits::default(),
    };
    let (parent, stored) = keys::create(&store, new).await.expect("a key");
    let agent = |chat_ids: Vec<String>| NewAgentKey {
        agent_id: "agent-selin".into(),
        name: "Selin Aksoy".into(),
        groups: vec!["support".into(), "returns".into()],
        chat_ids,
        lifetime: Duration::from_secs(3600),
    };
    let minter = Minter::new(&store);
    let mint = |chats: usize| minter.mint(&parent, agent((0..chats).map(|chat| format!("chat-{chat:06}")).collect())).expect("a key").0;
    let presented = [("stored", stored), ("minted", mint(0)), ("minted, for 100 chats", mint(100))];
    let (keys, _task) = Keys::start(store, 10).await.expect("keys");
    println!("{:>22} | {:>8} {:>8} µs a check", "key", "p50", "p99");
    for (name, key) in presented {
        let mut times = Vec::with_capacity(CHECKS);
        for _ in 0..CHECKS {
            let began = Instant::now();
            keys.check(&key).await.expect("it is a key");
            times.push(began.elapsed());
        }
        let [p50, p99] = [0.5, 0.99].map(|share| percentile(&mut times, share) * 1000.0);
        let told = if p50 <= GOAL { "" } else { ", over the goal of 20 µs" };
        println!("{name:>22} | {p50:>8.1} {p99:>8.1}{told}");
    }
    println!("{} look-ups in the database", keys.look_ups());
}
