//! Idle and greedy connections don't shut out others.

use std::time::Duration;

use bytes::Bytes;
use deskhand::{api::pb, config::Limits};
use tokio::{io::AsyncWriteExt, time::timeout};
use tonic::Code;

use crate::support::{
    desk::{Desk, Opening, customer_says, refused},
    raw_client::{RawHttp2, closed, connect_from, says},
};

const ME: [u8; 4] = [127, 0, 0, 1];
const OTHER: [u8; 4] = [127, 0, 0, 2];
const WIDE: u32 = 1 << 20;
const SHORT: Duration = Duration::from_millis(300);
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

async fn desk_with(limits: Limits) -> Desk {
    Opening { with_model: true, with_shop: false, change: |model| model.most_calls = 1000 }.open_set(|config| config.limits = limits).await
}

fn impatient() -> Limits {
    Limits { keyless_timeout: SHORT, idle_timeout: SHORT, request_timeout: SHORT, write_timeout: SHORT, ..Limits::default() }
}

#[tokio::test]
async fn incomplete_requests_are_closed() {
    let desk = desk_with(impatient()).await;
    let half_settings = [PREFACE, &[0, 0, 6, 4, 0]].concat();
    let stalled =
        b"POST /grpc.health.v1.Health/Check HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\ncontent-length: 5\r\n\r\n\0\0";
    let said: [(&str, &[u8]); 7] = [
        ("nothing", b""),
        ("half of the preface", &PREFACE[..10]),
        ("the preface alone", PREFACE),
        ("half a frame", &half_settings),
        ("half a TLS hello", &[0x16, 3, 1, 2, 0, 1, 0]),
        ("half a header", b"GET /help HTTP/1.1\r\nhost: "),
        ("half a body", stalled),
    ];
    let mut open = Vec::new();
    for (name, bytes) in said {
        for _ in 0..20 {
            open.push((name, says(&desk.address(), bytes).await));
        }
    }
    desk.call("ChatService/ListChats", &[], None).await.unwrap();
    for (name, stream) in open {
        let heard = closed(stream).await;
        assert!(name != "half a body" || String::from_utf8_lossy(&heard).contains("grpc-status: 4"), "{}", String::from_utf8_lossy(&heard));
    }
    desk.close().await;
}

#[tokio::test]
async fn an_http2_body_that_never_comes_ends_its_call() {
    let desk = desk_with(Limits { request_timeout: SHORT, ..Limits::default() }).await;
    let mut client = RawHttp2::connect(ME, &desk.address(), WIDE).await;
    for sent in [0, 3] {
        let call = client.begin("deskhand.v1.ChatService/AppendEvents", 100, Bytes::from(vec![0; sent]), None).await;
        refused(&call.status().await, Code::DeadlineExceeded, "DEADLINE_EXCEEDED");
    }
    desk.close().await;
}

#[tokio::test]
async fn a_connection_that_answers_pings_and_makes_no_call_is_idle() {
    let desk = desk_with(impatient()).await;
    let mut client = RawHttp2::connect(ME, &desk.address(), WIDE).await;
    client.call("deskhand.v1.ChatService/ListChats", &pb::ListChatsRequest::default(), None).await.status().await;
    timeout(Duration::from_secs(20), client.connection).await.expect("it is closed").unwrap().unwrap();
    desk.close().await;
}

#[tokio::test]
async fn an_http1_client_that_reads_no_replies_is_closed() {
    let desk = desk_with(impatient()).await;
    let mut stream = connect_from(ME, &desk.address()).await;
    let written = timeout(Duration::from_secs(60), async {
        loop {
            if let Err(error) = stream.write_all(&b"GET /help/search.js HTTP/1.1\r\nhost: x\r\n\r\n".repeat(1000)).await {
                return error;
            }
        }
    });
    written.await.expect("the server closes it");
    desk.close().await;
}

#[tokio::test]
async fn one_address_never_holds_all_places() {
    let desk = desk_with(Limits { max_connections: 16, max_connections_per_peer: 8, ..Limits::default() }).await;
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(says(&desk.address(), PREFACE).await);
    }
    // The desk's own connection, a new one from there, and one from elsewhere.
    desk.call("ChatService/ListChats", &[], None).await.unwrap();
    for from in [ME, OTHER] {
        let mut client = RawHttp2::connect(from, &desk.address(), WIDE).await;
        let status = client.call("deskhand.v1.ChatService/ListChats", &pb::ListChatsRequest::default(), None).await.status().await;
        assert_eq!(status.code(), Code::Ok);
    }
    // The oldest of them gave their places up.
    closed(silent.swap_remove(0)).await;
    desk.close().await;
}

#[tokio::test]
async fn streams_without_a_key_are_few() {
    let desk = desk_with(Limits::default()).await;
    let mut client = RawHttp2::connect(ME, &desk.address(), WIDE).await;
    let mut watches = Vec::new();
    for _ in 0..8 {
        let watch = tonic_health::pb::HealthCheckRequest::default();
        watches.push(client.call("grpc.health.v1.Health/Watch", &watch, None).await.begun().await);
    }
    let watch = tonic_health::pb::HealthCheckRequest::default();
    let more = client.call("grpc.health.v1.Health/Watch", &watch, None).await.status().await;
    refused(&more, Code::ResourceExhausted, "SERVER_BUSY");
    drop(watches);
    desk.close().await;
}

#[tokio::test]
async fn a_request_is_refused_by_what_it_says_before_it_is_gathered() {
    let desk = desk_with(Limits::default()).await;
    let mut client = RawHttp2::connect(ME, &desk.address(), WIDE).await;
    for (method, most) in [
        ("grpc.health.v1.Health/Check", 4 << 10),
        ("grpc.reflection.v1.ServerReflection/ServerReflectionInfo", 4 << 10),
        ("deskhand.v1.KnowledgeService/Search", 64 << 10),
        ("deskhand.v1.ChatService/AppendEvents", 4 << 20),
        ("deskhand.v1.KnowledgeService/PutArticles", 8 << 20),
    ] {
        let status = client.begin(method, most + 1, Bytes::new(), None).await.status().await;
        refused(&status, Code::ResourceExhausted, "REQUEST_TOO_LARGE");
    }
    let long =
        format!("POST /help/ratings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", (64 << 10) + 1);
    let mut stream = says(&desk.address(), long.as_bytes()).await;
    stream.shutdown().await.unwrap();
    let heard = closed(stream).await;
    assert!(heard.starts_with(b"HTTP/1.1 413"), "{}", String::from_utf8_lossy(&heard));
    desk.close().await;
}

#[tokio::test]
async fn malformed_grpc_web_is_the_callers_error() {
    let desk = desk_with(Limits::default()).await;
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::new();
    let binary = "application/grpc-web+proto";
    for (kind, body) in [
        (binary, &b""[..]),
        (binary, b"\0\0\0"),
        (binary, b"\0\0\0\0\x05ab"),
        (binary, b"\x01\0\0\0\x01a"),
        (binary, b"\x80\0\0\0\x00"),
        (binary, b"\x7f\0\0\0\x01a"),
        (binary, b"\0\0\0\0\0\0\0\0\0\0"),
        (binary, b"\0\0\0\0\0\x80\0\0\0\x0fgrpc-status:0\r\n"),
        ("application/grpc-web-text", b"***"),
        ("application/grpc-web-text", b"AAAA"),
    ] {
        let request = client.post(format!("http://{}/deskhand.v1.ChatService/ListChats", desk.address()));
        let response = request.header("content-type", kind).body(body).send().await.unwrap();
        let status = tonic::Status::from_header_map(response.headers()).unwrap_or_else(|| panic!("{body:?}: {response:?}"));
        refused(&status, Code::InvalidArgument, "INVALID_FIELD");
    }
    desk.close().await;
}

#[tokio::test]
async fn calls_over_the_concurrency_limit_are_rejected_at_once_and_the_others_succeed() {
    let mut desk = desk_with(Limits { max_calls: 64, ..Limits::default() }).await;
    desk.append("c", vec![customer_says("1", "hello")]).await.unwrap();
    // Of callers who need no key, one peer has a quarter.
    const RUN: usize = 16;
    for _ in 0..RUN {
        desk.model.will(crate::support::model::Answer::hangs_after(&["Half"]));
    }
    let retone = pb::RetoneReplyRequest { text: "Wait.".into(), tone: pb::Tone::Formal.into(), ..Default::default() };
    let mut running = Vec::new();
    for _ in 0..RUN {
        let mut stream = desk.replies.retone_reply(retone.clone()).await.unwrap().into_inner();
        assert!(stream.message().await.unwrap().is_some());
        running.push(stream);
    }
    let mut clients = Vec::new();
    for _ in 0..4 {
        clients.push(RawHttp2::connect(ME, &desk.address(), WIDE).await);
    }
    for number in 0..20 * RUN {
        let call = clients[number % 4].call("deskhand.v1.ReplyService/RetoneReply", &retone, None).await;
        refused(&call.status().await, Code::ResourceExhausted, "SERVER_BUSY");
    }
    let mut other = RawHttp2::connect(OTHER, &desk.address(), WIDE).await;
    let list = pb::ListChatsRequest::default();
    assert_eq!(other.call("deskhand.v1.ChatService/ListChats", &list, None).await.status().await.code(), Code::Ok);
    drop(running);
    crate::support::desk::eventually("places are given back", || async {
        desk.chats.clone().list_chats(pb::ListChatsRequest::default()).await.is_ok()
    })
    .await;
    desk.close().await;
}
