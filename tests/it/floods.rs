//! Floods of HTTP/2 frames on one connection, written frame by frame: the connection is closed or held within bounds, and others are served
//! meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use deskhand::api::pb::SearchRequest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    time::timeout,
};
use tokio_util::task::AbortOnDropHandle;

use crate::support::process::Process;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// Kinds of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
// Flags.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// HTTP/2's name for the size of a stream's window in a SETTINGS frame.
const INITIAL_WINDOW_SIZE: u16 = 4;

/// Most frames of a flood; none that ends in a closed connection needs as many.
const MAX_FRAMES: u32 = 300_000;
/// How long a flood may go on.
const MAX_TIME: Duration = Duration::from_secs(60);
const MAX_GROWTH_MEGABYTES: u64 = 32;

/// What becomes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It is closed.
    Closed,
    /// It goes on, and costs no more than one.
    Held,
}

struct Flood {
    name: &'static str,
    /// The settings that it begins with.
    settings: &'static [(u16, u32)],
    /// What is sent once, before the flood.
    first: fn() -> Vec<u8>,
    /// The nth frames of the flood.
    frames: fn(u32) -> Vec<u8>,
    /// Whether it reads what comes back.
    reads: bool,
    fate: Fate,
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A call's headers, in HPACK without its table.
fn call(path: &str) -> Vec<u8> {
    // `:method: POST`, `:scheme: http`, `:path`, `:authority`, `content-type`, `te`.
    let mut block = vec![0x83, 0x86, 0x04, path.len() as u8];
    block.extend(path.as_bytes());
    for (name, value) in [(&[0x01][..], "a"), (&[0x0f, 0x10], "application/grpc"), (b"\x00\x02te", "trailers")] {
        block.extend(name);
        block.push(value.len() as u8);
        block.extend(value.as_bytes());
    }
    block
}

fn check() -> Vec<u8> {
    call("/grpc.health.v1.Health/Check")
}

/// The nth stream of a client.
fn stream(nth: u32) -> u32 {
    2 * nth + 1
}

/// A call of an empty message.
fn whole_call(nth: u32, path: &str) -> Vec<u8> {
    [frame(HEADERS, END_HEADERS, stream(nth), &call(path)), frame(DATA, END_STREAM, stream(nth), &[0; 5])].concat()
}

/// Puts 4,000 bytes in HPACK's table and names them often: a block of 16 kB stands for 64 MB.
fn header_bomb(nth: u32) -> Vec<u8> {
    let mut block = check();
    if nth == 0 {
        // A literal with indexing, of a new name; its value's length is 3,900.
        block.extend(b"\x40\x01x\x7f");
        block.extend([0xbd, 0x1d]);
        block.extend([b'y'; 3900]);
    }
    block.resize(16_000, 0xbe);
    frame(HEADERS, END_HEADERS | END_STREAM, stream(nth), &block)
}

const FLOODS: [Flood; 16] = [
    Flood {
        name: "rapid reset",
        settings: &[],
        first: Vec::new,
        frames: |nth| {
            [frame(HEADERS, END_HEADERS, stream(nth), &check()), frame(RST_STREAM, 0, stream(nth), &8_u32.to_be_bytes())].concat()
        },
        reads: true,
        fate: Fate::Closed,
    },
    Flood {
        name: "made you reset: a window that grows by nothing",
        settings: &[],
        first: Vec::new,
        frames: |nth| [frame(HEADERS, END_HEADERS, stream(nth), &check()), frame(WINDOW_UPDATE, 0, stream(nth), &[0; 4])].concat(),
        reads: true,
        fate: Fate::Closed,
    },
    Flood {
        name: "made you reset: a window that grows too large",
        settings: &[],
        first: Vec::new,
        frames: |nth| {
            let grows = frame(WINDOW_UPDATE, 0, stream(nth), &0x7fff_ffff_u32.to_be_bytes());
            [frame(HEADERS, END_HEADERS, stream(nth), &check()), grows.clone(), grows].concat()
        },
        reads: true,
        fate: Fate::Closed,
    },
    Flood {
        name: "made you reset: data after the end",
        settings: &[],
        first: Vec::new,
        frames: |nth| [frame(HEADERS, END_HEADERS | END_STREAM, stream(nth), &check()), frame(DATA, 0, stream(nth), b"x")].concat(),
        reads: true,
        fate: Fate::Closed,
    },
    Flood {
        name: "more streams than may be open",
        settings: &[],
        first: Vec::new,
        frames: |nth| frame(HEADERS, END_HEADERS, stream(nth), &check()),
        reads: true,
        fate: Fate::Closed,
    },
    Flood {
        name: "headers that never end",
        settings: &[],
        first: || frame(HEADERS, 0, 1, &check()),
        frames: |_| frame(CONTINUATION, 0, 1, b"\x00\x01x\x01y"),
        reads: true,
        fate: Fate::Closed,
    },
    Flood {
        name: "headers that never end, of empty frames",
        settings: &[],
        first: || frame(HEADERS, 0, 1, &check()),
        frames: |_| frame(CONTINUATION, 0, 1, b""),
        reads: true,
        fate: Fate::Closed,
    },
    Flood {
        name: "empty data",
        settings: &[],
        first: || frame(HEADERS, END_HEADERS, 1, &check()),
        frames: |_| frame(DATA, 0, 1, b""),
        reads: true,
        fate: Fate::Closed,
    },
    Flood {
        name: "settings, whose acknowledgements nobody reads",
        settings: &[],
        first: Vec::new,
        frames: |_| frame(SETTINGS, 0, 0, b""),
        reads: false,
        fate: Fate::Held,
    },
    Flood {
        name: "pings, whose answers nobody reads",
        settings: &[],
        first: Vec::new,
        frames: |nth| frame(PING, 0, 0, &u64::from(nth).to_be_bytes()),
        reads: false,
        fate: Fate::Held,
    },
    Flood { name: "settings", settings: &[], first: Vec::new, frames: |_| frame(SETTINGS, 0, 0, b""), reads: true, fate: Fate::Held },
    Flood {
        name: "pings",
        settings: &[],
        first: Vec::new,
        frames: |nth| frame(PING, 0, 0, &u64::from(nth).to_be_bytes()),
        reads: true,
        fate: Fate::Held,
    },
    Flood {
        name: "priorities of streams that nobody opened",
        settings: &[],
        first: Vec::new,
        frames: |nth| frame(PRIORITY, 0, stream(nth), &[0, 0, 0, 0, 1]),
        reads: true,
        fate: Fate::Held,
    },
    Flood {
        name: "answers that a window of nothing keeps back",
        settings: &[(INITIAL_WINDOW_SIZE, 0)],
        first: Vec::new,
        frames: |nth| if nth < 100 { whole_call(nth, "/grpc.health.v1.Health/Check") } else { frame(PING, 0, 0, &[0; 8]) },
        reads: false,
        fate: Fate::Held,
    },
    Flood {
        name: "a connection's window that grows too large",
        settings: &[],
        first: Vec::new,
        frames: |_| frame(WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes()),
        reads: true,
        fate: Fate::Closed,
    },
    Flood { name: "header bomb", settings: &[], first: Vec::new, frames: header_bomb, reads: true, fate: Fate::Closed },
];

impl Flood {
    /// Floods a server; what became of the connection.
    async fn run(&self, address: &str) -> Fate {
        let (reading, mut writing) = TcpStream::connect(address).await.unwrap().into_split();
        let closed = Arc::new(AtomicBool::new(false));
        let reader = self.reads.then(|| AbortOnDropHandle::new(tokio::spawn(read_to_end(reading, Arc::clone(&closed)))));
        let settings: Vec<u8> =
            self.settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat()).collect();
        let begin = [PREFACE, &frame(SETTINGS, 0, 0, &settings), &(self.first)()].concat();
        let flood = self.write(&mut writing, &begin, &closed);
        // Whoever can't write any more for so long is held by the server, which reads no more of them than it answers.
        let written = timeout(MAX_TIME, flood).await;
        if written == Ok(Fate::Closed) {
            return Fate::Closed;
        }
        drop(reader);
        Fate::Held
    }

    async fn write(&self, writing: &mut OwnedWriteHalf, begin: &[u8], closed: &AtomicBool) -> Fate {
        if writing.write_all(begin).await.is_err() {
            return Fate::Closed;
        }
        for nth in (0..MAX_FRAMES).step_by(50) {
            let frames: Vec<u8> = (nth..nth + 50).flat_map(self.frames).collect();
            match timeout(Duration::from_secs(2), writing.write_all(&frames)).await {
                Ok(Ok(())) if !closed.load(Ordering::Relaxed) => {}
                Ok(_) => return Fate::Closed,
                Err(_) => return Fate::Held,
            }
        }
        Fate::Held
    }
}

async fn read_to_end(mut reading: OwnedReadHalf, closed: Arc<AtomicBool>) {
    let mut buffer = vec![0; 64 << 10];
    while reading.read(&mut buffer).await.is_ok_and(|read| read > 0) {}
    closed.store(true, Ordering::Relaxed);
}

#[tokio::test]
async fn floods_are_closed_or_held_and_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::start(&folder.path().join("data"), None).await;
    let mut knowledge = process.knowledge();
    let search = || SearchRequest { query: "where is my parcel".into(), language: "en".into(), ..SearchRequest::default() };
    // What is loaded once is loaded now.
    knowledge.search(search()).await.unwrap();
    for flood in &FLOODS {
        let before = process.most_resident_megabytes();
        let mut served = 0;
        let fate = {
            let flooding = flood.run(&process.address);
            tokio::pin!(flooding);
            loop {
                tokio::select! {
                    fate = &mut flooding => break fate,
                    found = knowledge.search(search()) => {
                        found.unwrap_or_else(|status| panic!("{}: {status:?}", flood.name));
                        served += 1;
                    }
                }
            }
        };
        knowledge.search(search()).await.unwrap_or_else(|status| panic!("{}: {status:?}", flood.name));
        let growth = process.most_resident_megabytes().saturating_sub(before);
        println!("{}: {fate:?}, {served} served meanwhile, {growth} MB more", flood.name);
        assert_eq!(fate, flood.fate, "{}", flood.name);
        assert!(growth <= MAX_GROWTH_MEGABYTES, "{}: {growth} MB more", flood.name);
    }
}
