//! What an honest client notices of hostile ones, and how much memory they cost: its calls without an attack and under each.
//!
//!     cargo run --release -p deskhand-measure --bin hostile [-- SECONDS [CONNECTIONS]]
//!
//! The server is a process of its own, without keys, so that attackers have every right that anybody may have. Attackers and the honest
//! client share the server's machine, each with threads of its own, so the honest client's times are upper bounds. Each attack comes from
//! one address, or where stated from 200 of them. An attacker whose connection is closed reconnects after a second.

use std::{
    future::Future,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
    sync::LazyLock,
    time::{Duration, Instant},
};

use bytes::Bytes;
use deskhand::api::pb::{
    self, chat_service_client::ChatServiceClient, event::Body, knowledge_service_client::KnowledgeServiceClient,
    reply_service_client::ReplyServiceClient,
};
use deskhand_measure::floods::{FLOODS, Flood};
use deskhand_measure::paced_model::paced_model;
use deskhand_measure::{deskhand, percentile, root};
use http::Request;
use prost::Message;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    runtime::Runtime,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tonic::transport::{Channel, Endpoint};

/// How often the honest client calls.
const PACE: Duration = Duration::from_millis(20);
/// A call that takes longer counts as failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long an attacker waits before it connects again.
const AGAIN: Duration = Duration::from_secs(1);
/// Messages of 32,000 characters that fill a chat.
const FILLED: usize = 2000;

/// The attackers' threads.
static ATTACKERS: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let seconds = Duration::from_secs(numbers.next().unwrap_or(10));
    let connections = numbers.next().unwrap_or(5000) as usize;
    let files = rlimit::increase_nofile_limit(rlimit::INFINITY).unwrap_or_default();
    println!("{connections} connections where it says many; {files} file descriptors; {} s an attack", seconds.as_secs());

    let model = paced_model(Duration::from_millis(20), Duration::from_millis(5), 20, |_| {}).await;
    let server = Served::start(model);
    let to = server.address;
    let few = |count: usize| (count * connections).div_ceil(5000);
    server.prepare(few(FILLED)).await;
    println!(
        "{:>44} | {:>8} {:>8} {:>8} | {:>7} {:>7} | {:>7} {:>7}",
        "", "p50 ms", "p99 ms", "most ms", "calls", "failed", "MB", "most MB"
    );
    let measure = async |name: &str, time: Duration, attack: JoinSet<()>| server.measure(name, time, attack).await;
    measure("nothing", seconds, JoinSet::new()).await;
    for (whence, addresses) in [("one address", 1), ("200 addresses", 200)] {
        let from = move |number: usize| address(number % addresses);
        let attack = spawn(connections, move |number| again(move || idle(to, from(number))));
        measure(&format!("idle HTTP/2 connections, {whence}"), seconds, attack).await;
        let attack = spawn(connections, move |number| again(move || reads_nothing(to, from(number))));
        measure(&format!("HTTP/1.1 readers of nothing, {whence}"), seconds, attack).await;
        let calls = move |count: usize, method: &'static str, length: usize, sent: usize| {
            spawn(count.div_ceil(100), move |number| again(move || unfinished(to, from(number), count.min(100), method, length, sent)))
        };
        measure(&format!("500 bodies that never come, {whence}"), seconds, calls(few(500), "deskhand.v1.KnowledgeService/Search", 100, 0))
            .await;
        let most = (4 << 20) - 1;
        measure(
            &format!("200 unfinished messages, {whence}"),
            seconds,
            calls(few(200), "deskhand.v1.ChatService/AppendEvents", most + 1, most),
        )
        .await;
        let unread = spawn(2, move |number| again(move || unread(to, from(number))));
        measure(&format!("120 replies that nobody reads, {whence}"), seconds, unread).await;
    }
    for flood in &FLOODS {
        let attack = spawn(4, move |number| again(move || flood_with(to, address(number), flood)));
        measure(&format!("flood: {}", flood.name), (seconds / 5).max(Duration::from_secs(1)), attack).await;
    }
    let pages = spawn(4, move |number| again(move || pages(to, address(number))));
    measure("four readers of pages", seconds, pages).await;
    measure("four searches of 64 words", seconds, spawn(4, move |number| again(move || searches(to, number)))).await;
    measure("40 appends of Thai", seconds, spawn(few(40), move |number| again(move || thai(to, number)))).await;
    measure("20 drafts of a filled chat", seconds, spawn(few(20), move |_| again(move || draft(to)))).await;
    measure("four chat searches of 64 words", seconds, spawn(4, move |number| again(move || chat_searches(to, number)))).await;
    measure("nothing, afterwards", seconds, JoinSet::new()).await;
}

/// The server, in a process of its own.
struct Served {
    child: Child,
    address: SocketAddr,
    channel: Channel,
    _data: tempfile::TempDir,
}

impl Served {
    fn start(model: SocketAddr) -> Served {
        let data = tempfile::tempdir().expect("a temporary folder");
        let mut command = Command::new(deskhand());
        command.args(["serve", "--listen", "127.0.0.1:0", "--log", "error", "--knowledge-base"]);
        command.arg(root().join("knowledge-base")).arg("--data").arg(data.path().join("data"));
        command.env("OPENAI_BASE_URL", format!("http://{model}/v1")).env("DESKHAND_MODEL", "paced");
        let mut child = command.current_dir(data.path()).stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.strip_prefix("listening on ")?.parse().ok()).expect("it listens");
        // Its remaining output is drained, so that it never blocks on us.
        std::thread::spawn(move || lines.for_each(drop));
        Served { child, address, channel: channel(address), _data: data }
    }

    /// A chat of a few messages, one whose reply is 4 MB, and one that its customer filled.
    async fn prepare(&self, filled: usize) {
        append(&self.channel, "honest", vec!["where is my parcel".to_owned(); 20]).await;
        append(&self.channel, "long", vec!["x ".repeat(16_000); 110]).await;
        let mut left = filled;
        while left > 0 {
            let batch = left.min(100);
            append(&self.channel, "filled", vec!["where is my parcel ".repeat(1684); batch]).await;
            left -= batch;
        }
    }

    /// Calls at its pace during an attack, and prints the results.
    async fn measure(&self, name: &str, time: Duration, attack: JoinSet<()>) {
        // A connection of its own, made under the attack, as the next customer's is.
        let honest = channel(self.address);
        let mut pace = interval(PACE);
        pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut took, mut failed, mut most) = (Vec::new(), 0, 0);
        let until = Instant::now() + time;
        let mut number = 0_u64;
        while Instant::now() < until {
            pace.tick().await;
            let began = Instant::now();
            let called = timeout(PATIENCE, call(&honest, number)).await;
            if matches!(called, Ok(true)) {
                took.push(began.elapsed())
            } else {
                failed += 1
            }
            number += 1;
            most = most.max(self.resident_megabytes());
        }
        let resident = self.resident_megabytes();
        drop(attack);
        let calls = took.len();
        took.push(Duration::ZERO);
        let [p50, p99, longest] = [0.5, 0.99, 1.0].map(|share| percentile(&mut took, share));
        println!("{name:>44} | {p50:>8.2} {p99:>8.2} {longest:>8.2} | {calls:>7} {failed:>7} | {resident:>7} {most:>7}");
    }

    fn resident_megabytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or_default() / 1000
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn channel(to: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{to}")).expect("an address").connect_lazy()
}

/// What the honest client does: a search, a look at a chat, an append.
async fn call(channel: &Channel, number: u64) -> bool {
    match number % 3 {
        0 => {
            let search = pb::SearchRequest { query: "return an item".into(), language: "en".into(), ..Default::default() };
            KnowledgeServiceClient::new(channel.clone()).search(search).await.is_ok()
        }
        1 => {
            let get = pb::GetChatRequest { chat_id: "honest".into(), after_sequence: 0, page_size: 20 };
            ChatServiceClient::new(channel.clone()).get_chat(get).await.is_ok()
        }
        _ => {
            let name = format!("honest-{number}-{:?}", Instant::now());
            let events = vec![said(&name, "thanks")];
            ChatServiceClient::new(channel.clone()).append_events(pb::AppendEventsRequest { chat_id: name, events }).await.is_ok()
        }
    }
}

fn said(event_id: &str, text: &str) -> pb::Event {
    let message = pb::Message { author: pb::Author::Customer.into(), text: text.into(), ..Default::default() };
    pb::Event { event_id: event_id.into(), body: Some(Body::Message(message)), ..Default::default() }
}

async fn append(channel: &Channel, chat_id: &str, texts: Vec<String>) {
    let name = format!("{:?}", Instant::now());
    let events = texts.iter().enumerate().map(|(number, text)| said(&format!("{name}-{number}"), text)).collect();
    let _ = ChatServiceClient::new(channel.clone()).append_events(pb::AppendEventsRequest { chat_id: chat_id.into(), events }).await;
}

fn spawn<F: Future<Output = ()> + Send + 'static>(count: usize, attacker: impl Fn(usize) -> F) -> JoinSet<()> {
    let mut attackers = JoinSet::new();
    for attack in (0..count).map(attacker) {
        attackers.spawn_on(attack, ATTACKERS.handle());
    }
    attackers
}

/// Another address of this machine: another peer.
fn address(number: usize) -> [u8; 4] {
    [127, 0, 1, 1 + number as u8]
}

/// Repeats an attack: an attacker whose connection is closed reconnects.
async fn again<F: Future<Output = Option<()>>>(attack: impl Fn() -> F) {
    loop {
        let _ = attack().await;
        sleep(AGAIN).await;
    }
}

async fn connect(to: SocketAddr, from: [u8; 4]) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.bind(SocketAddr::from((from, 0))).ok()?;
    timeout(PATIENCE, socket.connect(to)).await.ok()?.ok()
}

/// Answers PINGs, and makes no call.
async fn idle(to: SocketAddr, from: [u8; 4]) -> Option<()> {
    let (_send, connection) = h2::client::handshake(connect(to, from).await?).await.ok()?;
    connection.await.ok()
}

async fn reads_nothing(to: SocketAddr, from: [u8; 4]) -> Option<()> {
    let mut stream = connect(to, from).await?;
    stream.write_all(&b"GET /help/search.js HTTP/1.1\r\nhost: x\r\n\r\n".repeat(60)).await.ok()?;
    // A line more every second shows whether it was closed.
    loop {
        sleep(Duration::from_secs(1)).await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.ok()?;
    }
}

/// Calls that announce `length` bytes, and send fewer.
async fn unfinished(to: SocketAddr, from: [u8; 4], count: usize, method: &str, length: usize, sent: usize) -> Option<()> {
    let (send, connection) = h2::client::handshake(connect(to, from).await?).await.ok()?;
    let calls = async {
        let mut calls = Vec::new();
        for _ in 0..count {
            let (response, mut body) = send.clone().ready().await.ok()?.send_request(request(to, method), false).ok()?;
            let mut bytes = vec![0];
            bytes.extend((length as u32).to_be_bytes());
            bytes.resize(5 + sent, b'x');
            if sent > 0 {
                body.send_data(Bytes::from(bytes), false).ok()?;
            }
            calls.push((response, body));
        }
        for (response, _body) in calls {
            let _ = response.await;
        }
        Some(())
    };
    tokio::select! {
        _ = connection => None,
        done = calls => done,
    }
}

/// Asks 60 times for 4 MB, and opens no window for it.
async fn unread(to: SocketAddr, from: [u8; 4]) -> Option<()> {
    let mut builder = h2::client::Builder::new();
    let handshake = builder.initial_window_size(0).handshake(connect(to, from).await?);
    let (send, connection): (h2::client::SendRequest<Bytes>, _) = handshake.await.ok()?;
    let calls = async {
        let get = pb::GetChatRequest { chat_id: "long".into(), after_sequence: 0, page_size: 1000 }.encode_to_vec();
        let mut calls = Vec::new();
        for _ in 0..60 {
            let method = "deskhand.v1.ChatService/GetChat";
            let (response, mut body) = send.clone().ready().await.ok()?.send_request(request(to, method), false).ok()?;
            let framed = [&[0][..], &(get.len() as u32).to_be_bytes(), &get].concat();
            body.send_data(Bytes::from(framed), true).ok()?;
            calls.push(response.await);
        }
        std::future::pending::<Option<()>>().await
    };
    tokio::select! {
        _ = connection => None,
        done = calls => done,
    }
}

fn request(to: SocketAddr, method: &str) -> Request<()> {
    let request = Request::post(format!("http://{to}/{method}")).header("content-type", "application/grpc").header("te", "trailers");
    request.body(()).expect("a request")
}

async fn flood_with(to: SocketAddr, from: [u8; 4], flood: &Flood) -> Option<()> {
    let mut stream = connect(to, from).await?;
    stream.write_all(&flood.opening()).await.ok()?;
    let mut number = 0;
    while number < 1 << 29 {
        stream.write_all(&flood.burst(&mut number)).await.ok()?;
    }
    None
}

async fn pages(to: SocketAddr, from: [u8; 4]) -> Option<()> {
    let mut stream = connect(to, from).await?;
    let mut heard = vec![0; 64 << 10];
    loop {
        stream.write_all(&b"GET /console/console.js HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n".repeat(10)).await.ok()?;
        stream.write_all(&b"GET /help/search.js HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n".repeat(10)).await.ok()?;
        let mut read = 0;
        while read < 32 << 10 {
            read += stream.read(&mut heard).await.ok().filter(|read| *read > 0)?;
        }
    }
}

const WORDS: [&str; 8] = ["return", "parcel", "refund", "delivery", "order", "size", "exchange", "xqzwv"];

fn words(number: usize) -> String {
    (0..64).map(|word| format!("{}{}", WORDS[(word + number) % WORDS.len()], ["", "s", "ed"][word % 3])).collect::<Vec<_>>().join(" ")
}

async fn searches(to: SocketAddr, number: usize) -> Option<()> {
    let mut client = KnowledgeServiceClient::new(channel(to));
    loop {
        let search = pb::SearchRequest { query: words(number), language: "en".into(), ..Default::default() };
        client.search(search).await.ok()?;
    }
}

async fn chat_searches(to: SocketAddr, number: usize) -> Option<()> {
    let mut client = ChatServiceClient::new(channel(to));
    loop {
        let mut list = tonic::Request::new(pb::ListChatsRequest { query: words(number), ..Default::default() });
        list.set_timeout(PATIENCE);
        client.list_chats(list).await.ok()?;
    }
}

async fn thai(to: SocketAddr, number: usize) -> Option<()> {
    let texts =
        vec!["สวัสดีครับพัสดุของฉันอยู่ที่ไหน".repeat(32_000 / 31); 16];
    append(&channel(to), &format!("thai-{number}-{:?}", Instant::now()), texts).await;
    Some(())
}

async fn draft(to: SocketAddr) -> Option<()> {
    let draft = pb::DraftReplyRequest { chat_id: "filled".into(), ..Default::default() };
    let mut stream = ReplyServiceClient::new(channel(to)).draft_reply(draft).await.ok()?.into_inner();
    while stream.message().await.ok()?.is_some() {}
    Some(())
}
