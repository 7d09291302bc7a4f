//! A scripted model server with chat completions and embeddings. It records its requests, and can delay, fail and truncate answers.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures::StreamExt;
use http::HeaderMap;
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
};
use tokio_util::task::AbortOnDropHandle;

/// Words that mean the same to its embeddings.
const CONCEPTS: [&[&str]; 5] =
    [&["couch", "sofa", "divan"], &["bicycle", "cycling", "pedal"], &["lamp", "bulb"], &["carpet", "rug"], &["parcel", "package"]];

/// What a text means: how often it names each concept, and a little that is its own.
fn vector(text: &str) -> Vec<f32> {
    let text = text.to_lowercase();
    let named = |concept: &[&str]| concept.iter().map(|word| text.matches(word).count()).sum::<usize>() as f32;
    let own = text.bytes().map(usize::from).sum::<usize>() % 64;
    CONCEPTS.iter().map(|concept| named(concept)).chain((0..64).map(|place| if place == own { 0.1 } else { 0.0 })).collect()
}

/// What the model does when it is asked.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Bytes(String),
    /// Breaks the connection.
    Cut,
    /// Says nothing more, until the caller leaves.
    Hang,
    /// Goes on when it is asked to.
    Wait,
}

impl Answer {
    /// Streams these pieces, then ends as it should.
    pub fn says(pieces: &[&str]) -> Answer {
        Answer::says_and_counts(pieces, 120)
    }

    /// The same, with another count of the prompt's tokens.
    pub fn says_and_counts(pieces: &[&str], prompt_tokens: usize) -> Answer {
        let mut answer = Answer::begins(pieces);
        answer.push(json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": "stop" }] }));
        answer.push(json!({ "choices": [], "usage": { "prompt_tokens": prompt_tokens, "completion_tokens": 7 } }));
        answer.raw("data: [DONE]\n\n")
    }

    /// Streams these pieces, then ends for another reason.
    pub fn ends_for(pieces: &[&str], finish_reason: &str) -> Answer {
        let mut answer = Answer::begins(pieces);
        answer.push(json!({ "choices": [{ "index": 0, "delta": {}, "finish_reason": finish_reason }] }));
        answer.raw("data: [DONE]\n\n")
    }

    /// Streams these pieces and closes, without an end.
    pub fn stops_after(pieces: &[&str]) -> Answer {
        Answer::begins(pieces)
    }

    /// Streams these pieces, then breaks the connection.
    pub fn cut_after(pieces: &[&str]) -> Answer {
        let mut answer = Answer::begins(pieces);
        answer.body.push(Part::Cut);
        answer
    }

    /// Streams these pieces, then says nothing more.
    pub fn hangs_after(pieces: &[&str]) -> Answer {
        let mut answer = Answer::begins(pieces);
        answer.body.push(Part::Hang);
        answer
    }

    /// Streams a piece, and the rest when it is asked to go on.
    pub fn waits_after(piece: &str, rest: &str) -> Answer {
        let mut answer = Answer::begins(&[piece]);
        answer.body.push(Part::Wait);
        answer.body.extend(Answer::says(&[rest]).body);
        answer
    }

    /// Refuses with an HTTP status and a body.
    pub fn refuses(status: u16, body: &str) -> Answer {
        Answer { status, headers: vec![("content-type", "application/json".into())], body: vec![Part::Bytes(body.into())] }
    }

    /// Answers 200 with a body of another type.
    pub fn serves(content_type: &str, body: &str) -> Answer {
        Answer { status: 200, headers: vec![("content-type", content_type.into())], body: vec![Part::Bytes(body.into())] }
    }

    fn embeds(asked: &Value) -> Answer {
        let texts = asked["input"].as_array().unwrap().iter().enumerate();
        let data: Vec<Value> = texts.map(|(index, text)| json!({ "index": index, "embedding": vector(text.as_str().unwrap()) })).collect();
        Answer::serves("application/json", &json!({ "data": data }).to_string())
    }

    /// Begins, and says nothing.
    pub fn hangs() -> Answer {
        Answer { status: 200, headers: Vec::new(), body: vec![Part::Hang] }
    }

    pub fn with_header(mut self, name: &'static str, value: &str) -> Answer {
        self.headers.push((name, value.into()));
        self
    }

    fn begins(pieces: &[&str]) -> Answer {
        let mut answer = Answer { status: 200, headers: vec![("content-type", "text/event-stream".into())], body: Vec::new() };
        answer.push(json!({ "choices": [{ "index": 0, "delta": { "role": "assistant", "content": "" } }] }));
        for piece in pieces {
            answer.push(json!({ "choices": [{ "index": 0, "delta": { "content": piece }, "finish_reason": null }] }));
        }
        answer
    }

    fn push(&mut self, chunk: Value) {
        self.body.push(Part::Bytes(format!("data: {chunk}\n\n")));
    }

    fn raw(mut self, text: &str) -> Answer {
        self.body.push(Part::Bytes(text.into()));
        self
    }
}

/// The server.
pub struct ScriptedModel {
    address: SocketAddr,
    state: Arc<State>,
    _serving: AbortOnDropHandle<()>,
}

/// What it says to what it is asked.
type Usual = fn(&Value) -> String;

#[derive(Default)]
struct State {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<Value>>,
    headers: Mutex<Vec<HeaderMap>>,
    /// What it says where nothing is queued, by what it is asked.
    usual: Mutex<Option<Usual>>,
    /// What it does then instead.
    always: Mutex<Option<Answer>>,
    left: Notify,
    go_on: Notify,
}

impl ScriptedModel {
    pub async fn start() -> ScriptedModel {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let state = Arc::clone(&shared);
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(Arc::clone(&state), request));
                    // A caller that leaves ends its connection; that is what some tests are about.
                    let _ = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        ScriptedModel { address, state, _serving: AbortOnDropHandle::new(serving) }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Queues what to do at the next call that has nothing queued before it.
    pub fn will(&self, answer: Answer) {
        self.state.answers.lock().unwrap().push_back(answer);
    }

    /// What to say from now on where nothing is queued, made of what is asked.
    pub fn answers_with(&self, answers: Usual) {
        *self.state.usual.lock().unwrap() = Some(answers);
    }

    /// What to do from now on where nothing is queued.
    pub fn always(&self, answer: Option<Answer>) {
        *self.state.always.lock().unwrap() = answer;
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Value> {
        self.state.asked.lock().unwrap().clone()
    }

    /// The texts that were to be embedded so far.
    pub fn embedded(&self) -> Vec<String> {
        let asked = self.asked();
        asked.iter().flat_map(|asked| asked["input"].as_array().unwrap()).map(|text| text.as_str().unwrap().to_owned()).collect()
    }

    /// The `authorization` headers so far.
    pub fn authorizations(&self) -> Vec<String> {
        self.headers("authorization")
    }

    /// A header of the requests so far; empty where it was missing.
    pub fn headers(&self, name: &str) -> Vec<String> {
        let value = |headers: &HeaderMap| headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
        self.state.headers.lock().unwrap().iter().map(value).collect()
    }

    /// The last request's messages: system, user.
    pub fn last_messages(&self) -> (String, String) {
        let asked = self.state.asked.lock().unwrap();
        let message = |index: usize| asked.last().unwrap()["messages"][index]["content"].as_str().unwrap().to_owned();
        (message(0), message(1))
    }

    /// Forgets what it was asked so far: a test of thousands of calls need not keep it.
    pub fn forget(&self) {
        self.state.asked.lock().unwrap().clear();
    }

    /// Lets an answer that waits go on.
    pub fn go_on(&self) {
        self.state.go_on.notify_one();
    }

    /// Waits until a caller has left a hanging answer.
    pub async fn caller_left(&self) {
        tokio::time::timeout(std::time::Duration::from_secs(10), self.state.left.notified()).await.expect("the caller left");
    }
}

async fn answer(state: Arc<State>, request: Request<Incoming>) -> Result<Response<BoxBody<Bytes, std::io::Error>>, Infallible> {
    let embeds = request.uri().path() == "/v1/embeddings";
    assert!(embeds || request.uri().path() == "/v1/chat/completions", "{}", request.uri());
    let headers = request.headers().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    state.headers.lock().unwrap().push(headers);
    let asked: Value = serde_json::from_slice(&body).unwrap();
    state.asked.lock().unwrap().push(asked.clone());
    let usual = || match *state.usual.lock().unwrap() {
        _ if embeds => Answer::embeds(&asked),
        Some(answers) => Answer::says(&answers(&asked).split_inclusive(' ').collect::<Vec<_>>()),
        None => Answer::says(&["ok"]),
    };
    let always = state.always.lock().unwrap().clone();
    let answer = state.answers.lock().unwrap().pop_front().or(always).unwrap_or_else(usual);

    let mut response = Response::builder().status(answer.status);
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    let (send, receive) = mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(1);
    tokio::spawn(async move {
        for part in answer.body {
            let sent = match part {
                Part::Bytes(text) => send.send(Ok(Frame::data(Bytes::from(text)))).await.is_ok(),
                Part::Cut => send.send(Err(std::io::Error::other("cut"))).await.is_ok(),
                Part::Wait => {
                    state.go_on.notified().await;
                    true
                }
                Part::Hang => {
                    send.closed().await;
                    state.left.notify_one();
                    false
                }
            };
            if !sent {
                return;
            }
        }
    });
    let frames = tokio_stream::wrappers::ReceiverStream::new(receive).boxed();
    Ok(response.body(BodyExt::boxed(StreamBody::new(SyncStream(Mutex::new(frames))))).unwrap())
}

/// `BoxBody` wants `Sync`; a stream that only one task polls can give it.
struct SyncStream<S>(Mutex<S>);

impl<S: futures::Stream + Unpin> futures::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(self: std::pin::Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Option<S::Item>> {
        self.0.lock().unwrap().poll_next_unpin(context)
    }
}
