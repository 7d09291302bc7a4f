//! What an agent's click and a customer's key press cost on a shop of ordinary size: `SuggestAnswers` for the chats and `Search` for the
//! searches of `tests/suggestions/keten`, on the sample knowledge base, and `CheckReply` of their agents' messages in a chat of 200 messages:
//! times at one and at 16 callers, and the server's processor time a call. The server is a process of its own.
//!
//!     cargo run --release -p deskhand-measure --bin shop -- [CALLS]
//!
//! CALLS of each kind and number of callers, 1,000 by default: about half a minute.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use deskhand::api::pb::{
    self, chat_service_client::ChatServiceClient, knowledge_service_client::KnowledgeServiceClient,
    reply_service_client::ReplyServiceClient,
};
use deskhand_measure::{deskhand, percentile, root};
use serde::Deserialize;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

const CALLS: usize = 1000;
const CALLERS: usize = 16;
/// Messages of the chat that replies are checked for.
const LONG_CHAT: usize = 200;

#[derive(Deserialize)]
struct Chat {
    id: String,
    turns: Vec<Turn>,
}

#[derive(Deserialize)]
struct Turn {
    role: String,
    text: String,
}

#[derive(Deserialize)]
struct Typed {
    lang: String,
    query: String,
}

#[tokio::main]
async fn main() {
    let calls = std::env::args().skip(1).find_map(|argument| argument.parse().ok()).unwrap_or(CALLS);
    let root = root();
    let chats: Vec<Chat> = lines(&root.join("tests/suggestions/keten/chats.jsonl"));
    let searches: Vec<Typed> = lines(&root.join("tests/suggestions/keten/typed.jsonl"));
    let data = tempfile::tempdir().expect("a temporary folder");
    let served = Served::start(data.path(), &root.join("knowledge-base"));
    for chat in &chats {
        append(&served.channel().await, chat).await;
    }
    let check = long_chat(&served.channel().await, &chats).await;
    let suggest: Vec<Call> = chats.into_iter().map(|chat| Call::Suggest(chat.id)).collect();
    let search: Vec<Call> = searches.into_iter().map(Call::Search).collect();
    println!("{:>28} | {:>8} {:>8} | {:>9}", "", "p50 ms", "p99 ms", "cpu ms");
    for (name, list) in [("Search", search), ("SuggestAnswers", suggest), ("CheckReply", check)] {
        let list: &'static [Call] = list.leak();
        // Dictionaries and cues are read by the first calls that need them.
        served.run(list, 1, list.len()).await;
        for callers in [1, CALLERS] {
            let (mut samples, processor) = served.run(list, callers, calls).await;
            let name = format!("{name}, {callers:>2} caller(s)");
            println!("{name:>28} | {:>8.2} {:>8.2} | {processor:>9.3}", percentile(&mut samples, 0.5), percentile(&mut samples, 0.99));
        }
    }
}

enum Call {
    Suggest(String),
    Search(Typed),
    Check(String),
}

impl Call {
    async fn make(&self, channel: &Channel) {
        match self {
            Call::Suggest(chat_id) => {
                let request = pb::SuggestAnswersRequest { chat_id: chat_id.clone(), ..pb::SuggestAnswersRequest::default() };
                ReplyServiceClient::new(channel.clone()).suggest_answers(request).await.expect("it is answered");
            }
            Call::Search(Typed { lang, query }) => {
                let request = pb::SearchRequest { query: query.clone(), language: lang.clone(), ..pb::SearchRequest::default() };
                KnowledgeServiceClient::new(channel.clone()).search(request).await.expect("it is answered");
            }
            Call::Check(text) => {
                let request = pb::CheckReplyRequest { text: text.clone(), chat_id: "long".into(), ..pb::CheckReplyRequest::default() };
                ReplyServiceClient::new(channel.clone()).check_reply(request).await.expect("it is answered");
            }
        }
    }
}

/// The server, in a process of its own.
struct Served {
    child: Child,
    address: String,
}

impl Served {
    fn start(data: &Path, knowledge_base: &Path) -> Served {
        let mut command = Command::new(deskhand());
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--knowledge-base"]).arg(knowledge_base);
        command.arg("--data").arg(data.join("data")).current_dir(data).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.strip_prefix("listening on ")?.to_owned())).expect("it listens");
        // Its remaining output is drained, so that it never blocks on us.
        std::thread::spawn(move || lines.for_each(drop));
        Served { child, address }
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(format!("http://{}", self.address)).expect("an address").connect().await.expect("it listens")
    }

    /// Makes calls from a list in turn, by several callers, and returns their times, and the server's processor time for each in
    /// milliseconds.
    async fn run(&self, list: &'static [Call], callers: usize, calls: usize) -> (Vec<Duration>, f64) {
        let before = self.processor_milliseconds();
        let mut running = JoinSet::new();
        for caller in 0..callers {
            let channel = self.channel().await;
            running.spawn(async move {
                let mut samples = Vec::new();
                for number in (caller..calls).step_by(callers) {
                    let began = Instant::now();
                    list[number % list.len()].make(&channel).await;
                    samples.push(began.elapsed());
                }
                samples
            });
        }
        let samples: Vec<Duration> = running.join_all().await.into_iter().flatten().collect();
        let processor = (self.processor_milliseconds() - before) / samples.len() as f64;
        (samples, processor)
    }

    /// The processor time that the server has taken. Linux counts it in hundredths of a second.
    fn processor_milliseconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
        let ticks = |place: usize| fields.get(place).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or_default();
        10.0 * (ticks(11) + ticks(12))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines<T: for<'a> Deserialize<'a>>(file: &Path) -> Vec<T> {
    let text = fs::read_to_string(file).expect("the labelled set");
    text.lines().map(|line| serde_json::from_str(line).expect("a labelled line")).collect()
}

/// Appends one chat of the messages of many, and returns the checks of what their agents wrote.
async fn long_chat(channel: &Channel, chats: &[Chat]) -> Vec<Call> {
    let turns: Vec<&Turn> = chats.iter().flat_map(|chat| &chat.turns).cycle().take(LONG_CHAT).collect();
    let long = Chat {
        id: "long".into(),
        turns: turns.into_iter().map(|turn| Turn { role: turn.role.clone(), text: turn.text.clone() }).collect(),
    };
    append(channel, &long).await;
    let written = chats.iter().flat_map(|chat| &chat.turns).filter(|turn| turn.role == "agent");
    written.map(|turn| Call::Check(turn.text.clone())).collect()
}

async fn append(channel: &Channel, chat: &Chat) {
    let event = |(number, turn): (usize, &Turn)| pb::Event {
        event_id: format!("e{number}"),
        body: Some(pb::event::Body::Message(pb::Message {
            author: if turn.role == "agent" { pb::Author::Agent } else { pb::Author::Customer }.into(),
            text: turn.text.clone(),
            ..pb::Message::default()
        })),
        ..pb::Event::default()
    };
    let events = chat.turns.iter().enumerate().map(event).collect();
    let request = pb::AppendEventsRequest { chat_id: chat.id.clone(), events };
    ChatServiceClient::new(channel.clone()).append_events(request).await.expect("the chat is taken");
}
