//! Errors and limits.

use std::time::Duration;

use deskhand::{
    api::pb::{self, event::Body},
    config::{Config, Limits},
};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tonic::Code;
use tonic_types::StatusExt;

use super::{RETONE, SEARCH, client, ended, envelope, field, read, reason};
use crate::support::{
    desk::{Desk, Opening, customer_says, event, refused},
    model::Answer,
    raw_client::{closed, says},
};

#[tokio::test]
async fn what_is_not_a_call_is_refused_by_http() {
    let desk = Desk::without_model().await;
    for (path, content_type, status, accepted) in [
        (SEARCH, "text/plain", 415, "application/json, application/proto"),
        (SEARCH, "", 415, "application/json, application/proto"),
        (SEARCH, "application/connect+json", 415, "application/json, application/proto"),
        (RETONE, "application/json", 415, "application/connect+json, application/connect+proto"),
        ("deskhand.v1.KnowledgeService/NoSuch", "application/json", 404, ""),
        ("deskhand.v1.KnowledgeService/", "application/json", 404, ""),
    ] {
        let response = desk.post(path, content_type, "{}").send().await.unwrap();
        let accepts = response.headers().get("accept-post").map(|types| types.to_str().unwrap().to_owned()).unwrap_or_default();
        let (code, error) = read(response).await;
        assert_eq!((code, accepts.as_str()), (status, accepted), "{path} as `{content_type}`");
        assert_eq!(error["code"], if status == 404 { "unimplemented" } else { "invalid_argument" });
    }
    // Not a service at all; and gRPC stays gRPC.
    assert_eq!(desk.post("no.such.Service/Call", "application/json", "{}").send().await.unwrap().status(), 404);
    assert_eq!(desk.post(SEARCH, "application/grpc", "").send().await.unwrap().status(), 505);

    let with = async |name: &str, value: &str| {
        read(desk.post(SEARCH, "application/json; charset=utf-8", r#"{"query": "a"}"#).header(name, value).send().await.unwrap()).await
    };
    assert_eq!(with("connect-protocol-version", "1").await.0, 200);
    assert_eq!(with("connect-timeout-ms", "9999999999").await.0, 200);
    assert_eq!(with("content-encoding", "identity").await.0, 200);
    for (name, value) in [("connect-protocol-version", "2"), ("connect-timeout-ms", "5s"), ("connect-timeout-ms", "12345678901")] {
        let (status, error) = with(name, value).await;
        assert_eq!((status, field(&error)), (400, name), "{value}");
    }
    let (status, error) = with("content-encoding", "gzip").await;
    assert_eq!((status, reason(&error)), (501, "COMPRESSION_UNKNOWN"));
    assert!(error["message"].as_str().unwrap().contains("identity"), "it says what is supported: {error}");
    desk.close().await;
}

#[tokio::test]
async fn a_message_that_is_not_the_calls_own_names_what_is_wrong() {
    let desk = Desk::without_model().await;
    for (body, named) in [
        ("", "request"),
        ("{", "request"),
        ("{} {}", "request"),
        ("[1]", "request"),
        (r#"{"query": 1}"#, "request"),
        (r#"{"query": "a", "qeury": "b"}"#, "qeury"),
        (r#"{"query": "", "language": "\u0000"}"#, "query"),
    ] {
        let (status, error) = read(desk.post(SEARCH, "application/json", body).send().await.unwrap()).await;
        assert_eq!((status, error["code"].as_str().unwrap(), field(&error)), (400, "invalid_argument", named), "{body}");
        let localized = error["details"].as_array().unwrap().iter().any(|detail| detail["type"] == "google.rpc.LocalizedMessage");
        assert!(localized, "every error has a text for the agent");
    }
    let retone = br#"{"text": "Wait.", "tone": "TONE_FORMAL"}"#;
    for (what, body) in [
        ("nothing", Vec::new()),
        ("half a head", vec![0, 0]),
        ("half a message", envelope(0, retone)[..20].to_vec()),
        ("two messages", [envelope(0, retone), envelope(0, retone)].concat()),
        ("an end", envelope(2, b"{}")),
        ("unknown flags", envelope(0x80, retone)),
        ("no message of JSON", envelope(0, b"nonsense")),
    ] {
        let (messages, end) = ended(desk.post(RETONE, "application/connect+json", body).send().await.unwrap()).await;
        assert!(messages.is_empty(), "{what}");
        assert_eq!((end["error"]["code"].as_str().unwrap(), field(&end["error"])), ("invalid_argument", "request"), "{what}: {end}");
    }
    let compressed = desk.post(RETONE, "application/connect+json", envelope(1, retone)).send().await.unwrap();
    assert_eq!(reason(&ended(compressed).await.1["error"]), "COMPRESSION_UNKNOWN");
    let declared = desk.post(RETONE, "application/connect+json", envelope(0, retone)).header("connect-content-encoding", "br");
    assert_eq!(reason(&ended(declared.send().await.unwrap()).await.1["error"]), "COMPRESSION_UNKNOWN");
    desk.close().await;
}

#[tokio::test]
async fn the_limits_of_requests_hold() {
    let desk = Opening { with_model: false, with_shop: false, change: |_| {} }
        .open_set(|config: &mut Config| config.limits = Limits { request_timeout: Duration::from_millis(300), ..Limits::default() })
        .await;
    let large = json!({ "query": "x".repeat(70_000) }).to_string();
    let (status, error) = read(desk.post(SEARCH, "application/json", large.clone()).send().await.unwrap()).await;
    assert_eq!((status, reason(&error)), (429, "REQUEST_TOO_LARGE"));
    // Its length is not said before.
    let pieces =
        futures::stream::iter(large.into_bytes().chunks(1000).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect::<Vec<_>>());
    let request = client().post(format!("http://{}/{SEARCH}", desk.address())).header("content-type", "application/json");
    let (status, error) = read(request.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap()).await;
    assert_eq!((status, reason(&error)), (429, "REQUEST_TOO_LARGE"));
    // 8 MiB for a Put, and as much of it as there may be is taken.
    let article = json!({ "id": "a", "language": "en", "title": "t", "body": "x".repeat(199_000) });
    let put = json!({ "articles": vec![article; 40] }).to_string();
    assert!(put.len() > 7 << 20);
    let (status, error) = read(desk.post("deskhand.v1.KnowledgeService/PutArticles", "application/json", put).send().await.unwrap()).await;
    assert_eq!((status, reason(&error)), (400, "INVALID_FIELD"), "the same id twice, and not its size");

    let head = format!("POST /{SEARCH} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\nconnection: close\r\n", desk.address());
    // Never whole.
    let slow = says(&desk.address(), format!("{head}content-length: 100\r\n\r\n{{\"query\":").as_bytes()).await;
    let heard = String::from_utf8(closed(slow).await).unwrap();
    assert!(heard.starts_with("HTTP/1.1 504") && heard.contains("deadline_exceeded"), "{heard}");
    // Cut off.
    let mut cut = says(&desk.address(), format!("{head}transfer-encoding: chunked\r\n\r\n9\r\n{{\"query\":\r\n").as_bytes()).await;
    cut.shutdown().await.unwrap();
    let heard = String::from_utf8(closed(cut).await).unwrap();
    assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 4"), "{heard}");
    // No HTTP chunks.
    let wrong = says(&desk.address(), format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\n").as_bytes()).await;
    let heard = String::from_utf8(closed(wrong).await).unwrap();
    assert!(heard.is_empty() || heard.starts_with("HTTP/1.1 4"), "{heard}");
    assert_eq!(desk.json(SEARCH, &json!({ "query": "a" })).await.0, 200, "it serves on");
    desk.close().await;
}

#[tokio::test]
async fn an_error_is_told_in_the_agents_language_and_when_to_retry() {
    let desk = Desk::open().await;
    let missing =
        desk.post("deskhand.v1.ChatService/GetChat", "application/json", r#"{"chatId": "no-such"}"#).header("accept-language", "hu");
    let (status, error) = read(missing.send().await.unwrap()).await;
    let localized = error["details"].as_array().unwrap().iter().find(|detail| detail["type"] == "google.rpc.LocalizedMessage").unwrap();
    assert_eq!((status, reason(&error), localized["debug"]["locale"].as_str().unwrap()), (404, "CHAT_NOT_FOUND", "hu"));

    let mut desk_of_one = Opening { with_model: true, with_shop: false, change: |model| model.most_calls = 1 }.open().await;
    desk_of_one
        .append(
            "chat",
            vec![event("1", Body::Customer(pb::Customer { customer_id: "c".into(), ..Default::default() })), customer_says("2", "Hi")],
        )
        .await
        .unwrap();
    desk_of_one.model.always(Some(Answer::refuses(503, "down")));
    let retone = json!({ "text": "Wait.", "tone": "TONE_FORMAL" });
    let (_, end) = desk_of_one.json_stream(RETONE, &retone).await;
    let status = desk_of_one.retone("Wait.", pb::Tone::Formal).await.unwrap_err();
    refused(&status, Code::Unavailable, "MODEL_UNAVAILABLE");
    assert_eq!((end["error"]["code"].as_str().unwrap(), reason(&end["error"])), ("unavailable", "MODEL_UNAVAILABLE"));
    let retry = end["error"]["details"].as_array().unwrap().iter().find(|detail| detail["type"] == "google.rpc.RetryInfo").unwrap();
    assert!(retry["debug"]["retryDelay"].is_string() && status.get_error_details().retry_info().is_some());
    desk_of_one.close().await;
    desk.close().await;
}

#[tokio::test]
async fn help_pages_get_errors_in_the_same_shape() {
    let desk = Desk::without_model().await;
    let response = client().get(format!("http://{}/help/search?q=", desk.address())).send().await.unwrap();
    let (status, error) = read(response).await;
    assert_eq!((status, error["code"].as_str().unwrap(), reason(&error), field(&error)), (400, "invalid_argument", "INVALID_FIELD", "q"));
    assert_eq!(
        (error["error"]["code"].as_str().unwrap(), error["error"]["reason"].as_str().unwrap()),
        ("INVALID_ARGUMENT", "INVALID_FIELD")
    );
    desk.close().await;
}
