//! Context selection: is a fact from anywhere in a long chat in the prompt when the last question needs it?
//!
//! Chats of 50 to 2,000 messages are joined from real dialogues; an order number, a change of address or a promise with a date is planted
//! at a random place, and the last message asks for it in other words. A draft is requested through gRPC, and the prompt that reaches the
//! scripted model is searched for the fact. For comparison: whether the newest messages that fit the budget contain it.
//!
//!     cargo run --release -p deskhand-measure --bin context -- [FACTS.json] DIALOGUES.jsonl…
//!
//! A line of a file of dialogues is `{"turns": [{"role": "customer" | "agent", "text": "…"}]}`; without files, the sample chats are joined.
//! A file of facts is a list of `{"kind", "customer": true | false, "says", "needed", "asked", "language"}`; without one, the facts below
//! are planted.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use deskhand::{
    api::pb::{self, chat_service_client::ChatServiceClient, reply_service_client::ReplyServiceClient},
    chats::{Author, Chat, Choice, Event, EventBody, Message, choose},
    config::{Config, DeskSettings, ModelConfig, PersonalData},
    ids::Id,
    server::Server,
};
use deskhand_measure::paced_model::paced_model;
use deskhand_measure::{Draws, newest, percentile, root};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use tonic::transport::Endpoint;

const CHATS: usize = 100;
const SEED: u64 = 20261122;

#[derive(Clone)]
struct Turn {
    customer: bool,
    text: String,
    language: String,
}

/// What is planted: who says it, the words, the part that must be in the prompt, and the question that needs it.
#[derive(serde::Deserialize)]
struct Fact {
    kind: String,
    customer: bool,
    says: String,
    needed: String,
    asked: String,
    language: String,
}

fn fact(kind: &str, customer: bool, says: &str, needed: &str, asked: &str) -> Fact {
    let text = str::to_owned;
    Fact { kind: text(kind), customer, says: text(says), needed: text(needed), asked: text(asked), language: text("en") }
}

fn own_facts() -> Vec<Fact> {
    vec![
        fact("order number", true, "My order number is KE-204815.", "KE-204815", "Has my order been shipped yet?"),
        fact("order number", true, "it's 8841207 by the way", "8841207", "so where is my parcel now?"),
        fact(
            "order number",
            true,
            "The confirmation mail says #A7-33190, if that helps you.",
            "A7-33190",
            "Can you look the order up again please?",
        ),
        fact(
            "order number",
            true,
            "I have it here: RMA20261190.",
            "RMA20261190",
            "Did you receive the package that I sent back? You have the number.",
        ),
        fact("order number", false, "Your new parcel travels under the code JJD000390012.", "JJD000390012", "Which tracking code was it?"),
        fact("order number", true, "Tracking says 00340434161094 all the time.", "00340434161094", "Any news about my delivery?"),
        fact(
            "address",
            true,
            "I have moved, please send it to 14 Rose Lane, Bath BA1 2QT.",
            "14 Rose Lane",
            "Did you change where it goes?",
        ),
        fact("address", true, "My new address is Bahçe Sokak 27, Kadıköy.", "Bahçe Sokak 27", "Which address will it be delivered to?"),
        fact("address", true, "We live at 8 Mill Road now, flat 3.", "8 Mill Road", "Is it coming to the right address?"),
        fact(
            "address",
            true,
            "Ship it to Lindenstraße 5, 10969 Berlin instead.",
            "Lindenstraße 5",
            "To where did you send my things in the end?",
        ),
        fact("address", true, "The flat is on 220 Baker Avenue, second floor.", "220 Baker Avenue", "You do have my new address, right?"),
        fact("address", true, "Az új címem: Rózsa utca 12, Szeged.", "Rózsa utca 12", "Can you confirm the delivery address?"),
        fact("promise", false, "We will refund you the full amount by 12 December.", "12 December", "When do I get my money back?"),
        fact(
            "promise",
            false,
            "I promise that a replacement leaves our warehouse on 3 March.",
            "3 March",
            "You said you would send another one, when?",
        ),
        fact(
            "promise",
            false,
            "You'll have the voucher in your inbox before 2026-12-24.",
            "2026-12-24",
            "What about the voucher that you promised?",
        ),
        fact("promise", false, "I will personally call you on Thursday 19th at noon.", "Thursday 19th", "Weren't you going to call me?"),
        fact(
            "promise",
            false,
            "Our courier is going to pick it up on 7 January, I guarantee it.",
            "7 January",
            "When will it be picked up?",
        ),
        fact("promise", false, "The technician will be at your door on 30.11.2026.", "30.11.2026", "When is the technician coming?"),
    ]
}

#[tokio::main]
async fn main() {
    let files: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let (facts, files): (Vec<String>, Vec<String>) = files.into_iter().partition(|file| file.ends_with(".json"));
    let dialogues = if files.is_empty() { sample_chats() } else { files.iter().flat_map(|file| read_dialogues(file)).collect() };
    let facts: Vec<Fact> = match facts.first() {
        Some(file) => serde_json::from_str(&std::fs::read_to_string(file).expect("a file of facts")).expect("a list of facts"),
        None => own_facts(),
    };
    println!("{} dialogues, {} messages", dialogues.len(), dialogues.iter().map(Vec::len).sum::<usize>());

    println!("{:>8} {:>14} {:>8} {:>12} {:>14}", "tokens", "fact", "chats", "in prompt", "newest only");
    for budget in [2000, 8000] {
        let mut draws = Draws(SEED);
        let prompts: Arc<Mutex<String>> = Arc::default();
        let recorded = Arc::clone(&prompts);
        let model = paced_model(Duration::ZERO, Duration::ZERO, 1, move |body| {
            *recorded.lock().expect("nobody panics with it") = prompt_text(&body);
        })
        .await;
        let (server, _data) = serve(model, budget).await;
        let channel = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect_lazy();
        let (mut chats, mut replies) = (ChatServiceClient::new(channel.clone()), ReplyServiceClient::new(channel));

        let mut found: Vec<(&String, bool, bool)> = Vec::new();
        for number in 0..CHATS {
            let fact = &facts[number % facts.len()];
            let turns = joined(&dialogues, fact, &mut draws);
            let chat_id = format!("chat-{number}");
            for (batch, part) in turns.chunks(1000).enumerate() {
                let events = part.iter().enumerate().map(|(index, turn)| event(batch * 1000 + index, turn)).collect();
                chats.append_events(pb::AppendEventsRequest { chat_id: chat_id.clone(), events }).await.expect("it is taken");
            }
            let request = pb::DraftReplyRequest { chat_id, ..pb::DraftReplyRequest::default() };
            let mut stream = replies.draft_reply(request).await.expect("it streams").into_inner();
            while stream.message().await.expect("it goes on").is_some() {}
            let prompt = prompts.lock().expect("nobody panics with it").clone();
            let here = prompt.contains(&fact.needed);
            if !here {
                println!("  missing among {} messages: {} / {}", turns.len(), fact.says, fact.asked);
            }
            found.push((&fact.kind, here, newest(turns.iter().map(|turn| turn.text.as_str()), budget).contains(&fact.needed)));
        }
        for kind in ["order number", "address", "promise", "all"] {
            let of_kind: Vec<_> = found.iter().filter(|(of, ..)| kind == "all" || of.as_str() == kind).collect();
            let count = |hit: fn(&(&String, bool, bool)) -> bool| of_kind.iter().filter(|found| hit(found)).count();
            println!("{budget:>8} {kind:>14} {:>8} {:>12} {:>14}", of_kind.len(), count(|found| found.1), count(|found| found.2));
        }
        server.stop().await;
    }
    time_choice(&dialogues);
}

async fn serve(model: std::net::SocketAddr, budget: usize) -> (Server, tempfile::TempDir) {
    let data = tempfile::tempdir().expect("a temporary folder");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: data.path().to_owned(),
        knowledge_base: Some(root().join("knowledge-base")),
        models: vec![ModelConfig { name: "paced".into(), base_url: format!("http://{model}/v1"), ..ModelConfig::default() }],
        desk: DeskSettings {
            context_tokens: budget,
            personal_data: PersonalData { kinds: Vec::new(), ..PersonalData::default() }, // Addresses are looked for as they were written.
            choose_timeout: Duration::ZERO,
            running_summary_after: Duration::ZERO,
            ..Config::default().desk
        },
        ..Config::default()
    };
    (Server::start(config).await.expect("the server starts"), data)
}

/// The messages of a chat-completions request.
fn prompt_text(body: &[u8]) -> String {
    let request: Value = serde_json::from_slice(body).expect("the service sends JSON");
    let messages = request["messages"].as_array().expect("messages").iter();
    messages.map(|message| message["content"].as_str().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Dialogues joined to a chat of 50 to 2,000 messages, with the fact somewhere in it and the question at its end.
fn joined(dialogues: &[Vec<Turn>], fact: &Fact, draws: &mut Draws) -> Vec<Turn> {
    // As many chats of 50 to 100 messages as of 1,000 to 2,000.
    let length = (50.0 * 40_f64.powf(draws.below(1000) as f64 / 999.0)) as usize;
    let mut turns: Vec<Turn> = Vec::new();
    while turns.len() < length - 2 {
        turns.extend(dialogues[draws.below(dialogues.len())].iter().cloned());
    }
    turns.truncate(length - 2);
    turns.insert(draws.below(turns.len()), Turn { customer: fact.customer, text: fact.says.clone(), language: fact.language.clone() });
    turns.push(Turn { customer: true, text: fact.asked.clone(), language: fact.language.clone() });
    turns
}

fn event(number: usize, turn: &Turn) -> pb::Event {
    let author = if turn.customer { pb::Author::Customer } else { pb::Author::Agent };
    let message = pb::Message { author: author.into(), text: turn.text.clone(), language: turn.language.clone(), ..pb::Message::default() };
    pb::Event { event_id: format!("e{number}"), body: Some(pb::event::Body::Message(message)), ..pb::Event::default() }
}

fn read_dialogues(file: &str) -> Vec<Vec<Turn>> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("`{file}` can't be read: {error}"));
    let mut dialogues: Vec<Vec<Turn>> = Vec::new();
    for line in text.lines() {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("a line of `{file}` is no JSON: {error}"));
        let turns = value["turns"].as_array().unwrap_or_else(|| panic!("a line of `{file}` has no `turns`"));
        let turns = turns.iter().map(|turn| Turn {
            customer: turn["role"] == "customer",
            text: turn["text"].as_str().unwrap_or_default().to_owned(),
            language: "en".to_owned(),
        });
        dialogues.push(turns.filter(|turn| !turn.text.trim().is_empty()).collect());
    }
    dialogues
}

fn sample_chats() -> Vec<Vec<Turn>> {
    let folder = root().join("sample-chats");
    let mut files: Vec<_> = std::fs::read_dir(folder).expect("the sample chats").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let value: Value = serde_json::from_str(&std::fs::read_to_string(file).expect("a file")).expect("JSON");
        let messages = value["events"].as_array().expect("events").iter().filter_map(|event| event.get("message"));
        let turn = |message: &Value| Turn {
            customer: message["author"] == "AUTHOR_CUSTOMER",
            text: message["text"].as_str().unwrap_or_default().to_owned(),
            language: String::new(),
        };
        messages.map(turn).collect()
    };
    files.iter().map(read).collect()
}

/// How long selection itself takes for a chat of 2,000 messages.
fn time_choice(dialogues: &[Vec<Turn>]) {
    let mut draws = Draws(SEED);
    let turns: Vec<Turn> =
        std::iter::repeat_with(|| dialogues[draws.below(dialogues.len())].clone()).take(2000).flatten().take(2000).collect();
    let at = Timestamp::UNIX_EPOCH;
    let body = |turn: &Turn| {
        EventBody::Message(Message {
            author: if turn.customer { Author::Customer } else { Author::Agent },
            author_id: String::new(),
            author_name: String::new(),
            text: turn.text.clone(),
            language: None,
            attachments: Vec::new(),
            quoted_text: String::new(),
        })
    };
    let events: Vec<Event> = (1..)
        .zip(&turns)
        .map(|(sequence, turn)| Event {
            event_id: Id::new(format!("e{sequence}")).expect("an id"),
            at,
            sequence,
            redacted: false,
            body: body(turn),
        })
        .collect();
    let chat = Chat::fold("chat", &events);
    for budget in [2000, 8000] {
        let choice = Choice {
            chat: &chat,
            earlier: &[],
            earlier_total: 0,
            language: "en",
            use_notes: false,
            budget,
            context: budget,
            now: at,
            time_zone: &TimeZone::UTC,
            nearness: &[],
            running_summary: None,
        };
        let mut samples: Vec<Duration> = (0..200)
            .map(|_| {
                let began = Instant::now();
                assert!(!choose(choice).lines.is_empty());
                began.elapsed()
            })
            .collect();
        let (p50, p99) = (percentile(&mut samples, 0.5), percentile(&mut samples, 0.99));
        println!("choosing from 2,000 messages for {budget} tokens: p50 {p50:.2} ms, p99 {p99:.2} ms");
    }
}
