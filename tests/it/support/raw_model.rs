//! A model server that writes given bytes: for what an HTTP library would not send.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

/// What it does with a connection, one after the other.
#[derive(Clone, Debug)]
pub enum Step {
    Write(Vec<u8>),
    /// Writes these again and again until the caller leaves, with a pause between.
    Repeat(Vec<u8>, Duration),
    Pause(Duration),
    /// Breaks the connection with a reset.
    Reset,
    /// Says nothing more, until the caller leaves.
    Hang,
}

/// A script for each connection; the last one for all further ones.
pub struct RawModel {
    pub address: SocketAddr,
    state: Arc<State>,
    _serving: AbortOnDropHandle<()>,
}

#[derive(Default)]
struct State {
    open: AtomicUsize,
    /// The heads of the requests.
    asked: Mutex<Vec<String>>,
}

struct Open(Arc<State>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl RawModel {
    pub async fn start(scripts: Vec<Vec<Step>>) -> RawModel {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let serving = tokio::spawn(async move {
            let mut scripts = scripts.into_iter().peekable();
            let mut tasks = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let next = scripts.next();
                let Some(script) = next else { return };
                if scripts.peek().is_none() {
                    scripts = vec![script.clone(), script.clone()].into_iter().peekable();
                    scripts.next();
                }
                shared.open.fetch_add(1, Ordering::SeqCst);
                let open = Open(Arc::clone(&shared));
                tasks.spawn(async move {
                    play(stream, script, &open.0).await;
                });
            }
        });
        RawModel { address, state, _serving: AbortOnDropHandle::new(serving) }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    /// Heads and bodies of the requests so far.
    pub fn asked(&self) -> Vec<String> {
        self.state.asked.lock().unwrap().clone()
    }
}

async fn play(mut stream: TcpStream, script: Vec<Step>, state: &State) {
    stream.set_nodelay(true).unwrap();
    if !matches!(script.first(), Some(Step::Reset)) {
        match request(&mut stream).await {
            Some(request) => state.asked.lock().unwrap().push(request),
            None => return,
        }
    }
    for step in script {
        let went = match step {
            Step::Write(bytes) => stream.write_all(&bytes).await.is_ok(),
            Step::Repeat(bytes, pause) => {
                while stream.write_all(&bytes).await.is_ok() {
                    sleep(pause).await;
                }
                false
            }
            Step::Pause(time) => {
                sleep(time).await;
                true
            }
            Step::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Step::Hang => {
                // Ends when the caller closes.
                let mut rest = [0; 64];
                while stream.read(&mut rest).await.is_ok_and(|read| read > 0) {}
                return;
            }
        };
        if !went {
            return;
        }
    }
    let _ = stream.shutdown().await;
}

/// The head and body of the request; `None` if there is none.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut read = Vec::new();
    let mut buffer = [0; 8192];
    loop {
        let count = stream.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
    }
}
