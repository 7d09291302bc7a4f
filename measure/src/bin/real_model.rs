//! Drafts and rewrites by a real model, with default settings: how long the first token takes, how many tokens the model's server reads anew,
//! how many calls come whole, and what the server still does after a cancel.
//!
//!     scripts/try-model --figures                                                               (installs and serves a small model)
//!     cargo run -p deskhand-measure --bin real_model -- http://127.0.0.1:8080/v1 MODEL [--short] [--patient]
//!
//! The server is llama.cpp's, started with `--metrics`: tokens read anew and calls in work are its own counts. In each sample chat, one after
//! the other: a draft, a second draft, a draft after one more message, a rewrite, a draft after that, and more of them. Ends with exit code 1
//! if a call does not come whole, if a rewrite lost a fact, or if the server still works two seconds after a cancel. With `--short`, for machines that
//! do other work beside, one chat is enough, some of the calls may have come whole, and the server may take as long as a batch of a prompt.

use std::{
    fs,
    process::ExitCode,
    time::{Duration, Instant},
};

use deskhand::{
    api::{
        DESCRIPTORS,
        pb::{self, chat_service_client::ChatServiceClient, draft_reply_response::Event, reply_service_client::ReplyServiceClient},
    },
    config::{Config, ModelConfig},
    server::Server,
};
use deskhand_measure::{percentile, root};
use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use tonic::{
    Request, Status, Streaming,
    transport::{Channel, Endpoint},
};

/// A deadline that no call of a console has: only the service's own limits end a call.
const DEADLINE: Duration = Duration::from_secs(300);
/// How soon a call is cancelled, and after what time its work must have ended.
const CANCEL_AFTER: Duration = Duration::from_millis(400);
const WORK_ENDS_IN: Duration = Duration::from_secs(2);
const WORK_ENDS_IN_A_BATCH: Duration = Duration::from_secs(30);
/// A deadline that a slow model can't keep.
const SHORT_DEADLINE: Duration = Duration::from_millis(300);
/// What an agent wrote, with an order number, an amount, a date and a link that each rewrite must keep.
const WRITTEN: &str =
    "Hello, we recieved your order KE-204815. We will refund 1.249,90 TL by 14.12.2026, see https://ketenev.example/en/refunds.";
const FACTS: [&str; 4] = ["KE-204815", "1.249,90", "14.12.2026", "https://ketenev.example/en/refunds"];

/// What a step of the walk through a chat measures.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    First,
    Second,
    AfterMessage,
    AfterRewrite,
    Rewrite,
}

const STEPS: [(Step, &str); 5] = [
    (Step::First, "first draft of a chat"),
    (Step::Second, "second draft"),
    (Step::AfterMessage, "after one more message"),
    (Step::AfterRewrite, "draft after a rewrite"),
    (Step::Rewrite, "rewrite after a draft"),
];

struct Sample {
    step: Step,
    /// To the first delta; `None`: the call failed before.
    first: Option<Duration>,
    total: Duration,
    read: u64,
    outcome: Result<pb::Finished, Status>,
}

impl Sample {
    /// Whether the model's text came to its end.
    fn is_whole(&self) -> bool {
        self.outcome.as_ref().is_ok_and(|finished| finished.engine() == pb::Engine::Model)
    }
}

struct Walk {
    chats: ChatServiceClient<Channel>,
    replies: ReplyServiceClient<Channel>,
    server: ModelServer,
    samples: Vec<Sample>,
}

/// The model's server and its own counts.
struct ModelServer {
    http: reqwest::Client,
    metrics: String,
}

impl ModelServer {
    async fn count(&self, name: &str) -> u64 {
        let text = self.http.get(&self.metrics).send().await.expect("its metrics").text().await.expect("a text");
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no `{name}`: start it with --metrics"));
        line.trim().parse::<f64>().expect("a number") as u64
    }

    async fn read_anew(&self) -> u64 {
        self.count("llamacpp:prompt_tokens_total").await
    }

    async fn in_work(&self) -> u64 {
        self.count("llamacpp:requests_processing").await + self.count("llamacpp:requests_deferred").await
    }

    /// How long it works on, at most `longest`.
    async fn works_for(&self, longest: Duration) -> Duration {
        let began = Instant::now();
        while began.elapsed() < longest && self.in_work().await > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        began.elapsed()
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [base_url, model, ..] = arguments.as_slice() else { panic!("expected the model's base URL and its name") };
    let short = arguments.iter().any(|argument| argument == "--short");
    let mut config = ModelConfig { name: model.clone(), base_url: base_url.clone(), ..ModelConfig::default() };
    if arguments.iter().any(|argument| argument == "--patient") {
        // Nothing is given up, so that what is read can be compared where a call would have ended.
        config = ModelConfig { first_token_timeout: DEADLINE, total_timeout: DEADLINE, ..config };
    }
    let data = tempfile::tempdir().expect("a temporary folder");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: data.path().to_owned(),
        knowledge_base: Some(root().join("knowledge-base")),
        models: vec![config],
        ..Config::default()
    };
    let server = Server::start(config).await.expect("the server starts");
    let channel = Endpoint::from_shared(format!("http://{}", server.address)).expect("an address").connect_lazy();
    let metrics = format!("{}/metrics", base_url.trim_end_matches('/').trim_end_matches("/v1"));
    let mut walk = Walk {
        chats: ChatServiceClient::new(channel.clone()),
        replies: ReplyServiceClient::new(channel),
        server: ModelServer { http: reqwest::Client::new(), metrics },
        samples: Vec::new(),
    };
    let chats = sample_chats();
    for chat in chats.iter().take(if short { 1 } else { chats.len() }) {
        walk.through(chat, short).await;
    }
    walk.print();
    let worked = walk.cancel(&chats[0].chat_id).await;
    println!("after a cancel the server works for {:.2} s", worked.as_secs_f64());
    let late = walk.pass_a_deadline(&chats[0].chat_id).await;
    println!("a deadline of {} ms: {late}", SHORT_DEADLINE.as_millis());
    let count = walk.samples.iter().filter(|sample| sample.is_whole()).count();
    let whole = if short { count > 0 } else { count == walk.samples.len() };
    let ends_in = if short { WORK_ENDS_IN_A_BATCH } else { WORK_ENDS_IN };
    let kept = walk.samples.iter().filter(|sample| sample.step == Step::Rewrite).all(keeps_facts);
    server.stop().await;
    println!("whole: {count} of {}; facts kept: {kept}; work ended: {}", walk.samples.len(), worked < ends_in);
    if whole && kept && worked < ends_in { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether a rewrite has each fact, whatever the model wrote.
fn keeps_facts(sample: &Sample) -> bool {
    // A call that failed wrote nothing.
    sample.outcome.as_ref().map_or(true, |finished| FACTS.iter().all(|fact| finished.text.contains(fact)))
}

/// The sample shop's chats, each an AppendEventsRequest.
fn sample_chats() -> Vec<pb::AppendEventsRequest> {
    let pool = DescriptorPool::decode(DESCRIPTORS).expect("the contract");
    let request = pool.get_message_by_name("deskhand.v1.AppendEventsRequest").expect("a message of the contract");
    let folder = fs::read_dir(root().join("sample-chats")).expect("the sample chats");
    let mut files: Vec<_> = folder.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    let read = |file: &std::path::PathBuf| {
        let json = fs::read_to_string(file).expect("a file");
        let message = DynamicMessage::deserialize(request.clone(), &mut serde_json::Deserializer::from_str(&json)).expect("a sample chat");
        pb::AppendEventsRequest::decode(message.encode_to_vec().as_slice()).expect("a sample chat")
    };
    files.iter().map(read).collect()
}

impl Walk {
    async fn through(&mut self, chat: &pb::AppendEventsRequest, short: bool) {
        self.chats.append_events(chat.clone()).await.expect("the chat is taken");
        let chat_id = &chat.chat_id;
        self.draft(Step::First, chat_id).await;
        self.draft(Step::Second, chat_id).await;
        self.append(chat_id, "m1", "Can you also tell me how long that takes?").await;
        self.draft(Step::AfterMessage, chat_id).await;
        self.retone(chat_id, pb::Tone::Formal).await;
        if short {
            return;
        }
        self.draft(Step::AfterRewrite, chat_id).await;
        self.correct(chat_id).await;
        self.translate(chat_id, "de").await;
        self.append(chat_id, "m2", "And do I have to print anything for it?").await;
        self.draft(Step::AfterMessage, chat_id).await;
        self.retone(chat_id, pb::Tone::Friendly).await;
        self.translate(chat_id, "tr").await;
    }

    async fn append(&mut self, chat_id: &str, event_id: &str, text: &str) {
        let message =
            pb::Message { author: pb::Author::Customer.into(), text: text.into(), language: "en".into(), ..pb::Message::default() };
        let event = pb::Event { event_id: event_id.into(), body: Some(pb::event::Body::Message(message)), ..pb::Event::default() };
        self.chats.append_events(pb::AppendEventsRequest { chat_id: chat_id.into(), events: vec![event] }).await.expect("it is taken");
    }

    async fn draft(&mut self, step: Step, chat_id: &str) {
        let began = Instant::now();
        let before = self.server.read_anew().await;
        let stream = self.replies.draft_reply(timed(draft_of(chat_id), DEADLINE)).await;
        self.measured(step, began, before, stream.map(tonic::Response::into_inner)).await;
    }

    async fn correct(&mut self, chat_id: &str) {
        let began = Instant::now();
        let before = self.server.read_anew().await;
        let request = pb::CorrectReplyRequest { text: WRITTEN.into(), chat_id: chat_id.into(), ..pb::CorrectReplyRequest::default() };
        let stream = self.replies.correct_reply(timed(request, DEADLINE)).await;
        self.measured(Step::Rewrite, began, before, stream.map(tonic::Response::into_inner)).await;
    }

    async fn retone(&mut self, chat_id: &str, tone: pb::Tone) {
        let began = Instant::now();
        let before = self.server.read_anew().await;
        let (text, tone) = (WRITTEN.into(), tone.into());
        let request = pb::RetoneReplyRequest { text, tone, chat_id: chat_id.into(), ..pb::RetoneReplyRequest::default() };
        let stream = self.replies.retone_reply(timed(request, DEADLINE)).await;
        self.measured(Step::Rewrite, began, before, stream.map(tonic::Response::into_inner)).await;
    }

    async fn translate(&mut self, chat_id: &str, target: &str) {
        let began = Instant::now();
        let before = self.server.read_anew().await;
        let request = pb::TranslateReplyRequest {
            source: Some(pb::translate_reply_request::Source::Text(WRITTEN.into())),
            chat_id: chat_id.into(),
            target_language: target.into(),
            ..pb::TranslateReplyRequest::default()
        };
        let stream = self.replies.translate_reply(timed(request, DEADLINE)).await;
        self.measured(Step::Rewrite, began, before, stream.map(tonic::Response::into_inner)).await;
    }

    /// Follows a stream to its end, and waits until the server has nothing left to do.
    async fn measured<M: Message + Default>(&mut self, step: Step, began: Instant, before: u64, stream: Result<Streaming<M>, Status>) {
        let mut first = None;
        let outcome = match stream {
            Err(status) => Err(status),
            Ok(mut stream) => loop {
                // All generating calls stream the same on the wire.
                let message = stream.message().await.map(|message| message.map(|message| message.encode_to_vec()));
                match message.map(|message| message.and_then(|bytes| pb::DraftReplyResponse::decode(bytes.as_slice()).ok()?.event)) {
                    Ok(Some(Event::Finished(finished))) => break Ok(finished),
                    Ok(Some(Event::Delta(_))) => first = first.or(Some(began.elapsed())),
                    Ok(None) => break Err(Status::internal("the stream ended without `finished`")),
                    Err(status) => break Err(status),
                }
            },
        };
        let total = began.elapsed();
        self.server.works_for(Duration::from_secs(60)).await;
        let read = self.server.read_anew().await - before;
        let said = match &outcome {
            Ok(finished) => format!(
                "{:?}, {} tokens of {}",
                finished.engine(),
                finished.context.as_ref().map_or(0, |context| context.tokens_used),
                finished.context.as_ref().map_or(0, |context| context.token_budget)
            ),
            Err(status) => format!("{:?}: {}", status.code(), status.message()),
        };
        let name = STEPS.iter().find(|(of, _)| *of == step).map_or("", |(_, name)| *name);
        println!(
            "  {name:<24} first {:>6.2} s, total {:>6.2} s, read {read:>5}: {said}",
            first.map_or(f64::NAN, |first| first.as_secs_f64()),
            total.as_secs_f64()
        );
        self.samples.push(Sample { step, first, total, read, outcome });
    }

    fn print(&self) {
        println!("{:<24} {:>6} {:>6} {:>10} {:>10} {:>12}", "", "calls", "whole", "first p50", "total p50", "tokens read");
        for (step, name) in STEPS {
            let of: Vec<&Sample> = self.samples.iter().filter(|sample| sample.step == step).collect();
            if of.is_empty() {
                continue;
            }
            let whole = of.iter().filter(|sample| sample.is_whole()).count();
            let mut first: Vec<Duration> = of.iter().map(|sample| sample.first.unwrap_or(sample.total)).collect();
            let mut total: Vec<Duration> = of.iter().map(|sample| sample.total).collect();
            let read = of.iter().map(|sample| sample.read).sum::<u64>() / of.len() as u64;
            let (first, total) = (percentile(&mut first, 0.5) / 1000.0, percentile(&mut total, 0.5) / 1000.0);
            println!("{name:<24} {:>6} {whole:>6} {first:>8.2} s {total:>8.2} s {read:>12}", of.len());
        }
    }

    /// Cancels a draft soon after it began; how long the server then still works.
    async fn cancel(&mut self, chat_id: &str) -> Duration {
        self.append(chat_id, "cancelled", "One more thing: does the shop in Izmir open on Sundays, and may I bring my dog along?").await;
        let call = self.replies.draft_reply(timed(draft_of(chat_id), DEADLINE));
        let _ = tokio::time::timeout(CANCEL_AFTER, async {
            let mut stream = call.await.expect("it begins").into_inner();
            while stream.message().await.expect("it goes on").is_some() {}
        })
        .await;
        self.server.works_for(Duration::from_secs(60)).await
    }

    /// A draft whose deadline passes, and the next one.
    async fn pass_a_deadline(&mut self, chat_id: &str) -> String {
        self.append(chat_id, "late", "And another question: which of the two sheets is the softer one?").await;
        let late = match self.replies.draft_reply(timed(draft_of(chat_id), SHORT_DEADLINE)).await {
            Ok(stream) => {
                let mut stream = stream.into_inner();
                loop {
                    match stream.message().await {
                        Ok(Some(_)) => {}
                        Ok(None) => break "kept".to_owned(),
                        Err(status) => break format!("{:?}", status.code()),
                    }
                }
            }
            Err(status) => format!("{:?}", status.code()),
        };
        self.draft(Step::Second, chat_id).await;
        format!("{late}; the next draft came whole: {}", self.samples.last().is_some_and(Sample::is_whole))
    }
}

fn draft_of(chat_id: &str) -> pb::DraftReplyRequest {
    let agent = Some(pb::Agent { agent_id: "agent-selin".into(), name: "Selin".into(), ..pb::Agent::default() });
    pb::DraftReplyRequest { chat_id: chat_id.into(), agent, ..pb::DraftReplyRequest::default() }
}

fn timed<T>(message: T, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}
