//! Connect JSON.

use std::time::Duration;

use tokio::time::timeout;

use super::{OPENING, PATIENCE, append};
use crate::support::desk::customer_says;

/// A stream of Connect as a page reads it.
struct Envelopes {
    response: reqwest::Response,
    received: Vec<u8>,
}

impl Envelopes {
    async fn next(&mut self) -> (u8, serde_json::Value) {
        loop {
            if let Some((head, rest)) = self.received.split_first_chunk::<5>() {
                let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
                if rest.len() >= length {
                    let message = (head[0], serde_json::from_slice(&rest[..length]).unwrap());
                    self.received.drain(..5 + length);
                    return message;
                }
            }
            let more = timeout(PATIENCE, self.response.chunk()).await.expect("it comes at once").unwrap();
            self.received.extend(more.expect("it goes on"));
        }
    }
}

#[tokio::test]
async fn a_page_watches_with_json() {
    let desk = OPENING.open_set(|config| config.limits.watch_heartbeat = Duration::from_millis(300)).await;
    // Only the first one counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let open = async |request: serde_json::Value, timeout: Option<&str>| {
        let message = request.to_string();
        let body = [&[0][..], &(message.len() as u32).to_be_bytes(), message.as_bytes()].concat();
        let url = format!("http://{}/deskhand.v1.ChatService/Watch", desk.address());
        let mut request = reqwest::Client::new().post(url).header("content-type", "application/connect+json").body(body);
        request = request.header("accept-encoding", "gzip").header("connect-accept-encoding", "gzip");
        if let Some(timeout) = timeout {
            request = request.header("connect-timeout-ms", timeout);
        }
        let response = request.send().await.unwrap();
        assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "application/connect+json"));
        assert!(response.headers().get("content-encoding").is_none() && response.headers().get("connect-content-encoding").is_none());
        Envelopes { response, received: Vec::new() }
    };
    let mut stream = open(serde_json::json!({}), None).await;
    let (flags, message) = stream.next().await;
    assert!(flags == 0 && message["caughtUp"].is_object(), "{message}");
    append(&desk.channel, "chat", vec![customer_says("1", "Where is my parcel?")]).await;
    let (mut heartbeats, mut token) = (0, String::new());
    loop {
        let (_, message) = stream.next().await;
        if message["heartbeat"].is_object() {
            heartbeats += 1;
            continue;
        }
        assert_eq!(message["changed"]["events"][0]["message"]["text"], "Where is my parcel?");
        assert_eq!(message["changed"]["chat"]["chatId"], "chat");
        token.push_str(message["resumeToken"].as_str().unwrap());
        break;
    }
    assert!(heartbeats < 3, "the change was not held back");
    assert!(stream.next().await.1["heartbeat"]["intervalMilliseconds"] == 300);
    let mut again = open(serde_json::json!({ "resumeToken": token }), Some("700")).await;
    assert!(again.next().await.1["caughtUp"].is_object());
    let end = loop {
        let (flags, message) = again.next().await;
        if flags == 2 {
            break message;
        }
        assert!(message["heartbeat"].is_object());
    };
    assert_eq!(end["error"]["code"], "deadline_exceeded", "the caller's own deadline holds");
    desk.close().await;
}
