//! Callers who hang up in the middle of an answer: how soon each model connection is closed, and what leaks.
//!
//!     cargo run --release -p deskhand-measure --bin leaving

use std::{
    collections::HashMap,
    net::{Shutdown, SocketAddr},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use deskhand::{
    api::pb::{self, reply_service_client::ReplyServiceClient},
    config::{Config, ModelConfig},
    server::Server,
};
use deskhand_measure::percentile;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::Handle,
};
use tonic::{
    Streaming,
    transport::{Channel, Endpoint},
};

const CALLERS: usize = 1000;
/// Concurrent callers.
const AT_ONCE: usize = 50;
const GOAL: Duration = Duration::from_millis(100);
/// The deadline of callers who leave by deadline: the last of them has its first piece by then.
const DEADLINE: Duration = Duration::from_millis(1000);
/// Longest wait for the last one.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Call,
    Connection,
    Deadline,
}

const WAYS: [(Way, &str); 3] = [(Way::Call, "drop the call"), (Way::Connection, "close the connection"), (Way::Deadline, "by deadline")];

/// When each caller's connection to the model was closed.
type Closed = Arc<Mutex<HashMap<String, Instant>>>;

#[tokio::main]
async fn main() {
    let closed = Closed::default();
    let model = half_said(Arc::clone(&closed)).await;
    let data = tempfile::tempdir().expect("a temporary folder");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: data.path().to_owned(),
        models: vec![ModelConfig {
            name: "half".into(),
            base_url: format!("http://{model}/v1"),
            most_calls: AT_ONCE,
            ..ModelConfig::default()
        }],
        ..Config::default()
    };
    let server = Server::start(config).await.expect("the server starts");
    round(server.address, Way::Connection, &closed, "warm").await;
    let before = left().await;

    println!("{CALLERS} callers a way, {AT_ONCE} at once; from leaving to the model's connection closed");
    println!("{:>22} | {:>8} {:>8} {:>8} | {:>12}", "", "p50 ms", "p99 ms", "most ms", "in 100 ms");
    for (way, name) in WAYS {
        let mut took = Vec::new();
        for number in 0..CALLERS / AT_ONCE {
            took.extend(round(server.address, way, &closed, &letters(number)).await);
        }
        let in_time = took.iter().filter(|took| **took <= GOAL).count();
        let [p50, p99, most] = [0.5, 0.99, 1.0].map(|share| percentile(&mut took, share));
        println!("{name:>22} | {p50:>8.2} {p99:>8.2} {most:>8.2} | {in_time:>5} of {}", took.len());
    }
    let after = left().await;
    println!("tasks before and after: {} and {}; sockets: {} and {}", before.0, after.0, before.1, after.1);
    server.stop().await;
}

/// The tasks and sockets of this process once it is idle.
async fn left() -> (usize, usize) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let sockets = std::fs::read_dir("/proc/self/fd").expect("it is Linux").filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let sockets = sockets.filter(|target| target.to_string_lossy().starts_with("socket:")).count();
    (Handle::current().metrics().num_alive_tasks(), sockets)
}

/// A number without digits: digits would be masked.
fn letters(number: usize) -> String {
    [number / 26, number % 26].map(|place| char::from(b'a' + place as u8)).iter().collect()
}

/// So many callers who have their first piece, and leave; how long each one's connection to the model stayed.
async fn round(server: SocketAddr, way: Way, closed: &Closed, name: &str) -> Vec<Duration> {
    let shared = connect(server).await;
    let mut begun = tokio::task::JoinSet::new();
    for number in 0..AT_ONCE {
        let caller = format!("caller{name}{}", letters(number));
        let shared = shared.clone();
        begun.spawn(async move {
            let (channel, socket) = if way == Way::Connection {
                let (channel, socket) = connect_alone(server).await;
                (channel, Some(socket))
            } else {
                (shared, None)
            };
            let (stream, deadline) = begin(channel, &caller, way).await;
            (caller, stream, deadline, socket)
        });
    }
    let begun = begun.join_all().await;
    let mut leaving = tokio::task::JoinSet::new();
    for (caller, mut stream, deadline, socket) in begun {
        leaving.spawn(async move {
            if way == Way::Deadline {
                while let Ok(Some(_)) = stream.message().await {}
                return (caller, deadline);
            }
            let left = Instant::now();
            // Without a word of HTTP.
            if let Some(socket) = socket {
                socket.shutdown(Shutdown::Both).expect("it was open");
            }
            drop(stream);
            (caller, left)
        });
    }
    let left = leaving.join_all().await;
    let until = Instant::now() + PATIENCE;
    let mut took = Vec::new();
    for (caller, left) in left {
        loop {
            let at = closed.lock().expect("nobody panicked").remove(&caller);
            if let Some(at) = at {
                took.push(at.saturating_duration_since(left));
                break;
            }
            assert!(Instant::now() < until, "{caller}'s connection is still open");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    took
}

async fn connect(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).expect("an address").connect().await.expect("it listens")
}

/// A connection of its own, and the socket under it.
async fn connect_alone(address: SocketAddr) -> (Channel, std::net::TcpStream) {
    let stream = TcpStream::connect(address).await.expect("it listens").into_std().expect("a socket");
    let socket = stream.try_clone().expect("a second handle");
    let mut once = Some(stream);
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = once.take();
        async move {
            let stream = stream.ok_or_else(|| std::io::Error::other("it is gone"))?;
            Ok::<_, std::io::Error>(TokioIo::new(TcpStream::from_std(stream)?))
        }
    });
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    (endpoint.connect_with_connector(connector).await.expect("it speaks"), socket)
}

/// Asks, and waits for the first piece.
async fn begin(channel: Channel, caller: &str, way: Way) -> (Streaming<pb::RetoneReplyResponse>, Instant) {
    let mut request = tonic::Request::new(pb::RetoneReplyRequest {
        text: format!("Please wait, {caller}."),
        tone: pb::Tone::Formal.into(),
        language: "en".into(),
        ..Default::default()
    });
    if way == Way::Deadline {
        // By hand: the client's own timer would leave first.
        let wait = format!("{}m", DEADLINE.as_millis());
        request.metadata_mut().insert("grpc-timeout", wait.parse().expect("a header"));
    }
    let deadline = Instant::now() + DEADLINE;
    let mut stream = ReplyServiceClient::new(channel).retone_reply(request).await.expect("it streams").into_inner();
    stream.message().await.expect("it goes on");
    (stream, deadline)
}

/// A model that says half a text, and notes when the caller whom the prompt names has closed the connection.
async fn half_said(closed: Closed) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback");
    let address = listener.local_addr().expect("a bound listener");
    tokio::spawn(async move {
        loop {
            let Ok((stream, _)) = listener.accept().await else { return };
            let closed = Arc::clone(&closed);
            tokio::spawn(async move {
                if let Some(caller) = half_an_answer(stream).await {
                    closed.lock().expect("nobody panicked").insert(caller, Instant::now());
                }
            });
        }
    });
    address
}

/// Who was answered, once the connection is closed.
async fn half_an_answer(mut stream: TcpStream) -> Option<String> {
    let _ = stream.set_nodelay(true);
    let (mut asked, mut buffer) = (String::new(), [0; 8192]);
    let caller = loop {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        asked.push_str(&String::from_utf8_lossy(&buffer[..count]));
        if let Some((_, named)) = asked.rsplit_once("caller")
            && let Some(end) = named.find('.')
        {
            break format!("caller{}", &named[..end]);
        }
    };
    let half = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"choices\":[{\"delta\":{\"content\":\"Half a\"}}]}\n\n";
    stream.write_all(half.as_bytes()).await.ok()?;
    while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
    Some(caller)
}
