//! What callers send, and responses that they don't read, take bounded memory.

use bytes::Bytes;
use deskhand::api::pb;
use tonic::Code;

use crate::support::{desk::customer_says, process::Process, raw_client::RawHttp2};

const ATTACKER: [u8; 4] = [127, 0, 0, 2];
/// Most that a connection may make the server grow by, in megabytes.
const MAX_GROWTH: u64 = 64;

async fn started_with(settings: &[(&str, &str)]) -> (tempfile::TempDir, Process) {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start_with(&folder.path().join("data"), "http://127.0.0.1:9/v1", settings).await;
    // What is loaded once is there before it is measured.
    let append = pb::AppendEventsRequest { chat_id: "c".into(), events: vec![customer_says("first", "hello")] };
    server.chats().append_events(append).await.unwrap();
    (folder, server)
}

async fn honest(server: &Process) {
    server.chats().list_chats(pb::ListChatsRequest::default()).await.unwrap();
    let search = pb::SearchRequest { query: "refund".into(), ..Default::default() };
    server.knowledge().search(search).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_messages_take_little_memory() {
    let (_folder, server) = started_with(&[("DESKHAND_REQUEST_TIMEOUT", "2s")]).await;
    for (method, length) in [
        ("grpc.health.v1.Health/Check", 4 << 10),
        ("deskhand.v1.KnowledgeService/Search", 64 << 10),
        ("deskhand.v1.ChatService/AppendEvents", 4 << 20),
        ("deskhand.v1.KnowledgeService/PutArticles", 8 << 20),
    ] {
        let before = server.most_resident_megabytes();
        let mut client = RawHttp2::connect(ATTACKER, &server.address, 1 << 20).await;
        let mut calls = Vec::new();
        for _ in 0..100 {
            // All but its last byte.
            calls.push(client.begin(method, length, Bytes::from(vec![b'x'; length - 1]), None).await);
        }
        honest(&server).await;
        // Those that got no room are refused, the others wait for their last byte until their time is over: both end.
        let mut refused = 0;
        for call in calls {
            let status = call.status().await;
            assert!(matches!(status.code(), Code::ResourceExhausted | Code::DeadlineExceeded), "{method}: {status:?}");
            refused += usize::from(status.code() == Code::ResourceExhausted);
        }
        assert!(refused > 0 || length < 1 << 20, "{method}");
        honest(&server).await;
        let grown = server.most_resident_megabytes() - before;
        assert!(grown < MAX_GROWTH, "{method}: {grown} MB");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_nobody_reads_take_little_memory() {
    let (_folder, server) = started_with(&[]).await;
    for batch in 0..11 {
        let events = (0..10).map(|number| customer_says(&format!("{batch}-{number}"), &"x ".repeat(16_000)));
        let append = pb::AppendEventsRequest { chat_id: "long".into(), events: events.collect() };
        server.chats().append_events(append).await.unwrap();
    }
    let get = pb::GetChatRequest { chat_id: "long".into(), after_sequence: 0, page_size: 1000 };
    server.chats().max_decoding_message_size(8 << 20).get_chat(get.clone()).await.unwrap();
    let before = server.most_resident_megabytes();
    let mut client = RawHttp2::connect(ATTACKER, &server.address, 0).await;
    let mut unread = Vec::new();
    for _ in 0..90 {
        unread.push(client.call("deskhand.v1.ChatService/GetChat", &get, None).await.begun().await);
        honest(&server).await;
    }
    let grown = server.most_resident_megabytes() - before;
    assert!(grown < MAX_GROWTH, "{grown} MB");
    drop(unread);
}
