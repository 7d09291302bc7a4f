//! Three servers on one PostgreSQL behind HAProxy, with callers that go on while servers are killed and drained and the database restarts.
//!
//! It runs for `SECONDS`, or as long as DESKHAND_CLUSTER_SECONDS says: five minutes are the proof of docs/benchmarks.md.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use deskhand::api::pb::{
    self, chat_service_client::ChatServiceClient, knowledge_service_client::KnowledgeServiceClient,
    reply_service_client::ReplyServiceClient,
};
use sqlx::{Connection, PgConnection};
use tonic::{
    Code, Status,
    transport::{Channel, Endpoint},
};
use tonic_types::StatusExt;

use crate::support::{
    desk::{agent_says, customer_says, eventually, selin, shop},
    model::ScriptedModel,
    postgres::{Postgres, free_port},
    proxy::Proxy,
};

const SECONDS: u64 = 30;
const SERVERS: usize = 3;
const CALLERS: usize = 64;
/// How long a caller tries again.
const PATIENCE: Duration = Duration::from_secs(60);
/// Tokens of a day for each second that it runs, fewer than callers ask for; and those of one answer of the scripted model.
const BUDGET_A_SECOND: u64 = 300;
const ANSWER: u64 = 127;
/// What balancers see of a server that drains before it refuses anything.
const DRAIN_DELAY: &str = "700ms";

/// The configuration that we give out, for these ports.
fn configuration(port: u16, servers: [u16; SERVERS]) -> String {
    let given = include_str!("../../deploy/proxy/haproxy.cfg");
    let ports = [port].into_iter().chain(servers);
    (50050..).zip(ports).fold(given.to_owned(), |text, (from, to)| text.replace(&format!("127.0.0.1:{from}"), &format!("127.0.0.1:{to}")))
}

/// One of the servers, which can be killed and started again at the same port.
struct Member {
    port: u16,
    data: PathBuf,
    database_url: String,
    model: String,
    tokens_per_day: u64,
    child: Option<Child>,
}

impl Member {
    fn start(&mut self) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
        command.args(["serve", "--log", "off", "--database-url", &self.database_url, "--data"]).arg(&self.data);
        command.args(["--listen", &format!("127.0.0.1:{}", self.port), "--knowledge-base"]).arg(shop());
        command.args(["--drain-delay", DRAIN_DELAY, "--max-connection-age", "8s", "--tokens-per-day", &self.tokens_per_day.to_string()]);
        command.args(["--choose-timeout", "0", "--context-tokens", "1000"]);
        command.envs([("OPENAI_BASE_URL", self.model.as_str()), ("DESKHAND_MODEL", "scripted"), ("DESKHAND_MODEL_MAX_TOKENS", "200")]);
        self.child = Some(command.current_dir(self.data.parent().unwrap()).stdout(Stdio::null()).spawn().unwrap());
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it again if it has ended, as a supervisor does: a server that starts while the database restarts ends with an error.
    fn supervise(&mut self) {
        if self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
            self.start();
        }
    }

    /// Asks it to stop, and waits until it has.
    fn drain(&mut self) {
        if let Some(mut child) = self.child.take() {
            Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
            let _ = child.wait();
        }
    }

    async fn until_ready(&self) {
        let url = format!("http://127.0.0.1:{}/readyz", self.port);
        let client = reqwest::Client::new();
        eventually("a server is ready", async || client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success())).await;
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What callers were told.
#[derive(Default)]
struct Told {
    /// Acknowledged events of each chat.
    events: Mutex<BTreeMap<String, Vec<String>>>,
    /// Acknowledged outcomes.
    outcomes: AtomicU64,
    calls: AtomicU64,
    tried_again: Mutex<BTreeMap<String, u64>>,
    /// Calls that no retry mended.
    failed: Mutex<Vec<String>>,
}

/// Whether the status asks to try again, by gRPC's rules. A stream that breaks off has no status of its own: its client says what it saw.
fn is_transient(status: &Status) -> bool {
    let details = status.get_error_details();
    match status.code() {
        Code::Unavailable | Code::Aborted | Code::DeadlineExceeded => true,
        Code::ResourceExhausted => details.retry_info().is_some(),
        Code::Cancelled | Code::Unknown | Code::Internal => {
            let broke_off = ["h2 protocol error", "stream was terminated without a final status"];
            let by_client = std::error::Error::source(status).is_some_and(|source| source.is::<tonic::transport::Error>());
            details.error_info().is_none() && (by_client || broke_off.iter().any(|words| status.message().contains(words)))
        }
        _ => false,
    }
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[derive(Clone)]
struct Caller {
    number: usize,
    channel: Channel,
    told: Arc<Told>,
}

impl Caller {
    /// Calls until it is answered; `None` if no retry mends it.
    async fn call<T, F: Future<Output = Result<T, Status>>>(&self, what: &str, call: impl Fn(Channel) -> F) -> Option<T> {
        let until = Instant::now() + PATIENCE;
        loop {
            self.told.calls.fetch_add(1, Relaxed);
            let status = match call(self.channel.clone()).await {
                Ok(answer) => return Some(answer),
                // What the budget does not allow is no failure.
                Err(status) if reason(&status) == "TOKENS_SPENT" => return None,
                Err(status) => status,
            };
            if !is_transient(&status) || Instant::now() > until {
                self.told.failed.lock().unwrap().push(format!("{what}: {status:?}"));
                return None;
            }
            let why = match reason(&status) {
                without if without.is_empty() => format!("{:?}: {}", status.code(), status.message()),
                reason => reason,
            };
            *self.told.tried_again.lock().unwrap().entry(why).or_default() += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn append(&self, chat_id: &str, event: pb::Event) {
        let event_id = event.event_id.clone();
        let request = pb::AppendEventsRequest { chat_id: chat_id.into(), events: vec![event] };
        let append = |channel| {
            let request = request.clone();
            async move { ChatServiceClient::new(channel).append_events(request).await }
        };
        if self.call("append", append).await.is_some() {
            self.told.events.lock().unwrap().entry(chat_id.to_owned()).or_default().push(event_id);
        }
    }

    async fn go_on(self, stop: Arc<AtomicBool>) {
        let mut round = 0;
        while !stop.load(Relaxed) {
            round += 1;
            let chat_id = format!("chat-{}-{}", self.number, round / 20);
            match round % 10 {
                0 | 3 | 6 => self.append(&chat_id, customer_says(&format!("e{round}"), "How can I return a towel?")).await,
                1 | 7 => self.append(&chat_id, agent_says(&format!("e{round}"), "You can return it within thirty days.")).await,
                2 | 5 => {
                    let search = |channel| async move {
                        let request = pb::SearchRequest { query: "return".into(), language: "en".into(), ..Default::default() };
                        KnowledgeServiceClient::new(channel).search(request).await
                    };
                    self.call("search", search).await;
                }
                4 => self.suggest(&format!("chat-{}-0", self.number), round).await,
                8 => self.draft(&format!("chat-{}-0", self.number)).await,
                _ => {
                    let article = pb::Article {
                        id: format!("article-{}", self.number),
                        language: "en".into(),
                        title: format!("Cluster {}", self.number),
                        body: format!("Written in round {round}."),
                        ..pb::Article::default()
                    };
                    let put = |channel| {
                        let request = pb::PutArticlesRequest { articles: vec![article.clone()] };
                        async move { KnowledgeServiceClient::new(channel).put_articles(request).await }
                    };
                    self.call("put", put).await;
                }
            }
        }
    }

    async fn suggest(&self, chat_id: &str, round: usize) {
        let request = pb::SuggestAnswersRequest { chat_id: chat_id.into(), agent: selin(), ..Default::default() };
        let suggest = |channel| {
            let request = request.clone();
            async move { ReplyServiceClient::new(channel).suggest_answers(request).await }
        };
        let Some(suggested) = self.call("suggest", suggest).await else { return };
        let Some(first) = suggested.into_inner().suggestions.into_iter().next() else { return };
        let outcome = pb::RecordOutcomeRequest {
            chat_id: chat_id.into(),
            outcome_id: format!("outcome-{}-{round}", self.number),
            offer: Some(pb::record_outcome_request::Offer::SuggestionId(first.suggestion_id)),
            action: pb::OutcomeAction::Sent.into(),
            ..Default::default()
        };
        let record = |channel| {
            let outcome = outcome.clone();
            async move { ReplyServiceClient::new(channel).record_outcome(outcome).await }
        };
        if self.call("outcome", record).await.is_some() {
            self.told.outcomes.fetch_add(1, Relaxed);
        }
    }

    async fn draft(&self, chat_id: &str) {
        let draft = |channel| {
            let request = pb::DraftReplyRequest { chat_id: chat_id.into(), agent: selin(), ..Default::default() };
            async move {
                let mut stream = ReplyServiceClient::new(channel).draft_reply(request).await?.into_inner();
                while stream.message().await?.is_some() {}
                Ok(())
            }
        };
        self.call("draft", draft).await;
    }
}

fn channel(port: u16) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://127.0.0.1:{port}")).unwrap();
    endpoint.timeout(Duration::from_secs(20)).connect_timeout(Duration::from_secs(2)).connect_lazy()
}

#[tokio::test(flavor = "multi_thread")]
async fn three_servers_lose_nothing_while_servers_and_the_database_fail() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let seconds = std::env::var("DESKHAND_CLUSTER_SECONDS").ok().and_then(|given| given.parse().ok()).unwrap_or(SECONDS);
    let (total, budget) = (Duration::from_secs(seconds), seconds * BUDGET_A_SECOND);
    let mut postgres = Postgres::start();
    let model = ScriptedModel::start().await;
    let folder = tempfile::tempdir().unwrap();
    let ports = [free_port(), free_port(), free_port()];
    let mut members: Vec<Member> = (0..SERVERS)
        .map(|number| Member {
            port: ports[number],
            data: folder.path().join(format!("data-{number}")),
            database_url: postgres.url("postgres"),
            model: model.base_url(),
            tokens_per_day: budget,
            child: None,
        })
        .collect();
    for member in &mut members {
        member.start();
        member.until_ready().await;
    }
    let port = free_port();
    let _balancer = Proxy::haproxy(port, &configuration(port, ports));

    let (told, stop) = (Arc::new(Told::default()), Arc::new(AtomicBool::new(false)));
    let mut callers = tokio::task::JoinSet::new();
    for number in 0..CALLERS {
        let caller = Caller { number, channel: channel(port), told: Arc::clone(&told) };
        callers.spawn(caller.go_on(Arc::clone(&stop)));
    }

    // A fault every twentieth part or so: a server is killed, one is drained, and twice the database restarts.
    let began = Instant::now();
    let period = (total / 15).max(Duration::from_secs(5));
    let mut faults = 0;
    while began.elapsed() + period < total {
        tokio::time::sleep(period).await;
        let member = &mut members[faults % SERVERS];
        match faults {
            1 | 6 => {
                postgres.stop();
                postgres.start_again();
            }
            even if even % 2 == 0 => member.kill(),
            _ => member.drain(),
        }
        members.iter_mut().for_each(Member::supervise);
        faults += 1;
    }
    tokio::time::sleep(total.saturating_sub(began.elapsed())).await;
    stop.store(true, Relaxed);
    while let Some(ended) = callers.join_next().await {
        ended.unwrap();
    }
    let failed = told.failed.lock().unwrap().clone();
    assert!(failed.is_empty(), "{} calls that no retry mended, such as {:#?}", failed.len(), &failed[..failed.len().min(5)]);

    for member in &mut members {
        member.supervise();
        member.until_ready().await;
    }
    // Every acknowledged event is there, once.
    let (mut events, direct) = (0, ports.map(channel));
    let acknowledged = told.events.lock().unwrap().clone();
    for (number, (chat_id, acknowledged)) in acknowledged.iter().enumerate() {
        let mut client = ChatServiceClient::new(direct[number % SERVERS].clone());
        let request = pb::GetChatRequest { chat_id: chat_id.clone(), after_sequence: 0, page_size: 1000 };
        let chat = client.get_chat(request).await.unwrap().into_inner();
        let there: Vec<&str> = chat.events.iter().map(|event| event.event_id.as_str()).collect();
        let distinct: HashSet<&str> = there.iter().copied().collect();
        assert_eq!(there.len(), distinct.len(), "{chat_id} has an event twice");
        let lost: Vec<&String> = acknowledged.iter().filter(|event_id| !distinct.contains(event_id.as_str())).collect();
        assert!(lost.is_empty(), "{chat_id} lost {lost:?}");
        events += acknowledged.len();
    }
    let mut connection = PgConnection::connect(&postgres.url("postgres")).await.unwrap();
    let outcomes: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outcome").fetch_one(&mut connection).await.unwrap();
    let told_outcomes = told.outcomes.load(Relaxed);
    assert!(outcomes as u64 >= told_outcomes, "{outcomes} of {told_outcomes} outcomes are there");
    // Every server finds the same.
    for number in [0, 17, CALLERS - 1] {
        let request =
            pb::SearchRequest { query: format!("cluster {number} round"), language: "en".into(), limit: 20, ..Default::default() };
        let found = async || {
            let mut all = Vec::new();
            for channel in &direct {
                let hits = KnowledgeServiceClient::new(channel.clone()).search(request.clone()).await.unwrap().into_inner().hits;
                all.push(hits.iter().map(|hit| (hit.id.clone(), hit.snippet.clone())).collect::<Vec<_>>());
            }
            !all[0].is_empty() && all.iter().all(|one| *one == all[0])
        };
        eventually("all servers find the same", found).await;
    }
    let used = model.asked().iter().filter(|asked| asked["messages"].is_array()).count() as u64 * ANSWER;
    let calls = told.calls.load(Relaxed);
    println!(
        "{seconds} s, {faults} faults: {calls} calls, {events} events and {told_outcomes} outcomes acknowledged, none lost or doubled; {used} of {budget} tokens; \
         tried again: {:?}",
        told.tried_again.lock().unwrap()
    );
    assert!(used <= budget * 105 / 100, "{used} tokens of {budget}");
    assert!(faults >= 4 && events > 200 && told_outcomes > 20, "{faults} {events} {told_outcomes}");
}

/// Changes of documents for each seed, and seeds: 20,000 and 20 are the proof.
const CHANGES: usize = 120;
const SEEDS: usize = 1;
const IDS: usize = 200;

fn from_environment(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|given| given.parse().ok()).unwrap_or(default)
}

/// Changes made at three servers at once, while others' transactions hold the catalog for a while and one server is killed.
#[tokio::test(flavor = "multi_thread")]
async fn every_server_ends_with_the_same_documents() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (changes, seeds) = (from_environment("DESKHAND_CLUSTER_CHANGES", CHANGES), from_environment("DESKHAND_CLUSTER_SEEDS", SEEDS));
    let postgres = Postgres::start();
    let (model, folder) = (ScriptedModel::start().await, tempfile::tempdir().unwrap());
    let mut members: Vec<Member> = (0..SERVERS)
        .map(|number| Member {
            port: free_port(),
            data: folder.path().join(format!("data-{number}")),
            database_url: postgres.url("postgres"),
            model: model.base_url(),
            tokens_per_day: 1_000_000,
            child: None,
        })
        .collect();
    for member in &mut members {
        member.start();
        member.until_ready().await;
    }
    let channels: Vec<Channel> = members.iter().map(|member| channel(member.port)).collect();
    for seed in 0..seeds {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..6 {
            let client = KnowledgeServiceClient::new(channels[writer % SERVERS].clone());
            writers.spawn(change(client, seed * 6 + writer, changes / 6));
        }
        // A transaction of somebody else that holds the catalog's counter, and then takes nothing.
        for _ in 0..3 {
            let mut connection = PgConnection::connect(&postgres.url("postgres")).await.unwrap();
            let mut held = connection.begin().await.unwrap();
            sqlx::query("SELECT 1 FROM document_counter FOR UPDATE").execute(&mut *held).await.unwrap();
            tokio::time::sleep(Duration::from_millis(300)).await;
            held.rollback().await.unwrap();
        }
        let killed = seed % SERVERS;
        members[killed].kill();
        members[killed].start();
        while let Some(ended) = writers.join_next().await {
            ended.unwrap();
        }
        members[killed].until_ready().await;
        eventually("all servers have what the catalog has", async || {
            let mut all = Vec::new();
            for channel in &channels {
                all.push(documents(channel.clone()).await);
            }
            all.iter().all(|(listed, found)| *listed == all[0].0 && listed == found)
        })
        .await;
    }
    println!("{seeds} seeds of {changes} changes: all servers have the same documents");
}

/// Puts and deletes articles, and tries again until each change is taken.
async fn change(client: KnowledgeServiceClient<Channel>, seed: usize, changes: usize) {
    let mut random = seed as u64 * 7919 + 1;
    let mut below = |limit: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % limit
    };
    for number in 0..changes {
        let id = format!("doc-{}", below(IDS));
        let article = pb::Article {
            id: id.clone(),
            language: "en".into(),
            title: format!("Common {id}"),
            body: format!("Written by {seed} as its change {number}."),
            ..pb::Article::default()
        };
        let deletes = below(4) == 0;
        let until = Instant::now() + PATIENCE;
        loop {
            let mut client = client.clone();
            let done = if deletes {
                let request = pb::DeleteArticlesRequest { ids: vec![id.clone()], language: String::new() };
                client.delete_articles(request).await.map(drop)
            } else {
                client.put_articles(pb::PutArticlesRequest { articles: vec![article.clone()] }).await.map(drop)
            };
            match done {
                Ok(()) => break,
                Err(status) => assert!(is_transient(&status) && Instant::now() < until, "{status:?}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The articles of these tests that a server lists, from the catalog, and those that it finds, from its index, each with its text.
async fn documents(channel: Channel) -> (BTreeMap<String, String>, BTreeMap<String, String>) {
    let mut client = KnowledgeServiceClient::new(channel);
    let (mut listed, mut found, mut token) = (BTreeMap::new(), BTreeMap::new(), String::new());
    loop {
        let request = pb::ListArticlesRequest { page_size: 200, page_token: token, ..Default::default() };
        let page = client.list_articles(request).await.unwrap().into_inner();
        let ours = page.articles.into_iter().filter(|article| article.id.starts_with("doc-"));
        listed.extend(ours.map(|article| (article.id, article.body)));
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    let mut offset = 0;
    loop {
        let request = pb::SearchRequest { query: "common doc".into(), language: "en".into(), limit: 100, offset, ..Default::default() };
        let hits = client.search(request).await.unwrap().into_inner().hits;
        offset += hits.len() as i32;
        let is_last = hits.is_empty();
        for hit in hits.into_iter().filter(|hit| hit.id.starts_with("doc-")) {
            found.insert(hit.id, hit.snippet.iter().map(|segment| segment.text.as_str()).collect());
        }
        if is_last {
            return (listed, found);
        }
    }
}
