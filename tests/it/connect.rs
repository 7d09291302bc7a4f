//! The Connect protocol, by plain HTTP: JSON and protobuf, unary calls and streams, GET, errors, limits; and the OpenAPI document.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use deskhand::{
    api::pb::{self, event::Body},
    config::{Config, Limits},
    keys::Scope,
};
use prost::Message;
use prost_reflect::{DescriptorPool, MethodDescriptor};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt, time::timeout};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    keys::key_for,
    support::{
        desk::{Desk, Opening, customer_says, event, refused},
        model::Answer,
        raw_client::{closed, says},
    },
};

const PATIENCE: Duration = Duration::from_secs(20);
const SEARCH: &str = "deskhand.v1.KnowledgeService/Search";
const RETONE: &str = "deskhand.v1.ReplyService/RetoneReply";

fn client() -> Client {
    // Only the first one counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

fn methods() -> Vec<MethodDescriptor> {
    let pool = DescriptorPool::decode(deskhand::api::DESCRIPTORS).unwrap();
    pool.services().flat_map(|service| service.methods().collect::<Vec<_>>()).collect()
}

fn path_of(method: &MethodDescriptor) -> String {
    format!("{}/{}", method.parent_service().full_name(), method.name())
}

fn envelope(flags: u8, message: &[u8]) -> Vec<u8> {
    [&[flags][..], &(message.len() as u32).to_be_bytes(), message].concat()
}

/// The envelopes of a whole reply: flags and message.
fn envelopes(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut envelopes = Vec::new();
    while let Some((head, rest)) = bytes.split_first_chunk::<5>() {
        let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
        envelopes.push((head[0], rest[..length].to_vec()));
        bytes = &rest[length..];
    }
    assert!(bytes.is_empty(), "a reply ends with a whole envelope");
    envelopes
}

impl Desk {
    fn post(&self, path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> RequestBuilder {
        client().post(format!("http://{}/{path}", self.address())).header("content-type", content_type).body(body.into())
    }

    /// A unary call with JSON.
    async fn json(&self, path: &str, message: &Value) -> (u16, Value) {
        read(self.post(path, "application/json", message.to_string()).send().await.unwrap()).await
    }

    /// A call of a stream with JSON; what comes back is each message, and the end.
    async fn json_stream(&self, path: &str, message: &Value) -> (Vec<Value>, Value) {
        let body = envelope(0, message.to_string().as_bytes());
        ended(self.post(path, "application/connect+json", body).send().await.unwrap()).await
    }
}

async fn read(response: Response) -> (u16, Value) {
    let status = response.status().as_u16();
    assert_eq!(response.headers()["content-type"], "application/json");
    (status, serde_json::from_slice(&response.bytes().await.unwrap()).unwrap())
}

/// The messages of a stream and its end, which says whether it failed: the HTTP status does not.
async fn ended(response: Response) -> (Vec<Value>, Value) {
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "application/connect+json"));
    let mut envelopes = envelopes(&response.bytes().await.unwrap());
    let (flags, end) = envelopes.pop().expect("a stream has an end");
    assert!(flags == 2 && envelopes.iter().all(|(flags, _)| *flags == 0), "the last envelope alone is the end");
    let message = |bytes: Vec<u8>| serde_json::from_slice(&bytes).unwrap();
    (envelopes.into_iter().map(|(_, bytes)| message(bytes)).collect(), message(end))
}

/// Asserts that an error is the one that gRPC tells.
#[track_caller]
fn same_error(error: &Value, status: &Status, what: &str) {
    let code = format!("{:?}", status.code());
    assert_eq!(error["code"].as_str().unwrap().replace('_', ""), code.to_lowercase(), "{what}: {error}");
    assert_eq!(error["message"], status.message(), "{what}");
    let details: Vec<&Value> = error["details"].as_array().unwrap().iter().collect();
    let told = tonic_types::pb::Status::decode(status.details()).unwrap().details;
    assert_eq!(details.len(), told.len(), "{what}");
    for (detail, any) in details.into_iter().zip(told) {
        assert_eq!(format!("type.googleapis.com/{}", detail["type"].as_str().unwrap()), any.type_url, "{what}");
        assert_eq!(STANDARD_NO_PAD.decode(detail["value"].as_str().unwrap()).unwrap(), any.value, "{what}");
        assert!(detail["debug"].is_object(), "{what}: {detail}");
    }
}

/// The reason of an error, as a client without protobuf reads it.
#[track_caller]
fn reason(error: &Value) -> &str {
    let details = error["details"].as_array().unwrap_or_else(|| panic!("{error}"));
    details.iter().find(|detail| detail["type"] == "google.rpc.ErrorInfo").unwrap()["debug"]["reason"].as_str().unwrap()
}

/// The first field that an error names.
fn field(error: &Value) -> &str {
    let bad = error["details"].as_array().unwrap().iter().find(|detail| detail["type"] == "google.rpc.BadRequest").unwrap();
    bad["debug"]["fieldViolations"][0]["field"].as_str().unwrap()
}

#[tokio::test]
async fn every_rpc_answers_with_json_what_it_answers_over_grpc() {
    let desk = Desk::without_model().await;
    let mut worked = 0;
    // A watch does not end by itself; tests of its own read one.
    for method in methods().into_iter().filter(|method| method.name() != "Watch") {
        let path = path_of(&method);
        let grpc = desk.call(path.strip_prefix("deskhand.v1.").unwrap(), &[], None).await;
        let error = match method.is_server_streaming() {
            true => desk.json_stream(&path, &json!({})).await.1.get("error").cloned(),
            false => Some(desk.json(&path, &json!({})).await).filter(|(status, _)| *status != 200).map(|(_, error)| error),
        };
        match (grpc, error) {
            (Ok(_), None) => worked += 1,
            (Err(status), Some(error)) => same_error(&error, &status, &path),
            (grpc, error) => panic!("{path}: {grpc:?} over gRPC, {error:?} with JSON"),
        }
    }
    assert!(worked >= 4, "some need nothing: {worked}");
    desk.close().await;
}

#[tokio::test]
async fn a_chat_is_written_read_and_answered_with_json_alone() {
    let mut desk = Desk::open().await;
    let events = json!([
        { "eventId": "1", "customer": { "customerId": "c9", "name": "Elif Kaya", "language": "en" } },
        { "event_id": "2", "message": { "author": "AUTHOR_CUSTOMER", "text": "How do I return a towel? \u{1f600}" } },
    ]);
    let append = json!({ "chatId": "chat-json", "events": events });
    let (status, appended) = desk.json("deskhand.v1.ChatService/AppendEvents", &append).await;
    assert_eq!((status, &appended["appended"], &appended["lastSequence"]), (200, &json!(2), &json!("2")), "{appended}");
    assert_eq!(appended["duplicates"], 0, "defaults are written, too");
    let over_grpc = desk.chat("chat-json").await.unwrap();
    assert!(matches!(&over_grpc.events[1].body, Some(Body::Message(message)) if message.text.ends_with('\u{1f600}')));

    let suggest = json!({ "chatId": "chat-json", "agent": { "agentId": "a", "name": "Selin", "language": "en" }, "limit": 3 });
    let (status, suggested) = desk.json("deskhand.v1.ReplyService/SuggestAnswers", &suggest).await;
    assert_eq!((status, suggested["suggestions"].as_array().unwrap().len()), (200, 3), "{suggested}");

    desk.model.will(Answer::says(&["You have ", "30 days."]));
    let draft = json!({ "chatId": "chat-json", "agent": { "agentId": "a", "name": "Selin", "language": "en" } });
    let (messages, end) = desk.json_stream("deskhand.v1.ReplyService/DraftReply", &draft).await;
    assert_eq!(end, json!({}));
    let (finished, deltas) = messages.split_last().unwrap();
    let text: String = deltas.iter().map(|message| message["delta"].as_str().unwrap()).collect();
    assert_eq!(finished["finished"]["text"], "You have 30 days.");
    assert_eq!(text, "You have 30 days.");
    desk.close().await;
}

#[tokio::test]
async fn protobuf_and_json_say_the_same() {
    let mut desk = Desk::without_model().await;
    let request = pb::SearchRequest { query: "return".into(), language: "en".into(), limit: 3, ..pb::SearchRequest::default() };
    let over_grpc: Vec<String> = desk.search("return", "en").await.hits.into_iter().take(3).map(|hit| hit.id).collect();
    let response = desk.post(SEARCH, "application/proto", request.encode_to_vec()).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["content-type"].to_str().unwrap()), (200, "application/proto"));
    let found = pb::SearchResponse::decode(response.bytes().await.unwrap()).unwrap();
    assert_eq!(found.hits.iter().map(|hit| hit.id.clone()).collect::<Vec<_>>(), over_grpc);
    let (_, json) = desk.json(SEARCH, &json!({ "query": "return", "language": "en", "limit": 3 })).await;
    let ids: Vec<&str> = json["hits"].as_array().unwrap().iter().map(|hit| hit["id"].as_str().unwrap()).collect();
    assert_eq!(ids, over_grpc);

    // A message of protobuf may be empty; an error of a call with protobuf is JSON all the same.
    let response = desk.post("deskhand.v1.ChatService/ListChats", "application/proto", Vec::new()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let (status, error) = read(desk.post(SEARCH, "application/proto", Vec::new()).send().await.unwrap()).await;
    assert_eq!((status, reason(&error), field(&error)), (400, "INVALID_FIELD", "query"));
    let (status, error) = read(desk.post(SEARCH, "application/proto", vec![0x0a, 1, 0xff]).send().await.unwrap()).await;
    assert_eq!((status, field(&error)), (400, "query"), "what is not UTF-8 is named");

    let request = pb::CorrectReplyRequest { text: "I recieve it.".into(), ..pb::CorrectReplyRequest::default() };
    let body = envelope(0, &request.encode_to_vec());
    let response = desk.post("deskhand.v1.ReplyService/CorrectReply", "application/connect+proto", body).send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/connect+proto");
    let envelopes = envelopes(&response.bytes().await.unwrap());
    let (end, messages) = envelopes.split_last().unwrap();
    let finished = pb::CorrectReplyResponse::decode(messages.last().unwrap().1.as_slice()).unwrap();
    assert!(matches!(finished.event, Some(pb::correct_reply_response::Event::Finished(_))), "{finished:?}");
    assert_eq!(*end, (2, b"{}".to_vec()));
    desk.close().await;
}

#[tokio::test]
async fn calls_that_only_read_are_made_with_get() {
    let desk = Desk::without_model().await;
    let get = async |path: &str, query: &[(&str, &str)]| {
        client().get(format!("http://{}/{path}", desk.address())).query(query).send().await.unwrap()
    };
    let message = r#"{"query": "gift card + voucher", "language": "en"}"#;
    let (status, found) = read(get(SEARCH, &[("connect", "v1"), ("encoding", "json"), ("message", message), ("other", "1")]).await).await;
    assert_eq!(status, 200);
    assert!(!found["hits"].as_array().unwrap().is_empty());
    let proto = pb::GetArticleRequest { id: found["hits"][0]["id"].as_str().unwrap().into(), language: "en".into() }.encode_to_vec();
    let proto = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(proto);
    let response = get("deskhand.v1.KnowledgeService/GetArticle", &[("message", &proto), ("base64", "1"), ("encoding", "proto")]).await;
    assert_eq!((response.status().as_u16(), response.headers()["cache-control"].to_str().unwrap()), (200, "no-store"));
    assert!(pb::GetArticleResponse::decode(response.bytes().await.unwrap()).unwrap().article.is_some());

    for (query, status, named) in [
        (&[("encoding", "json")][..], 400, "message"),
        (&[("message", "{}")], 415, "encoding"),
        (&[("encoding", "xml"), ("message", "{}")], 415, "encoding"),
        (&[("encoding", "json"), ("message", "{}"), ("connect", "v2")], 400, "connect"),
        (&[("encoding", "proto"), ("message", "***"), ("base64", "1")], 400, "message"),
        (&[("encoding", "json"), ("message", "{}")], 400, "query"),
    ] {
        let (code, error) = read(get(SEARCH, query).await).await;
        assert_eq!((code, field(&error)), (status, named), "{query:?}: {error}");
    }
    let compressed = get(SEARCH, &[("encoding", "json"), ("message", "x"), ("compression", "gzip")]).await;
    assert_eq!(reason(&read(compressed).await.1), "COMPRESSION_UNKNOWN");

    // What changes something, or streams, is not called by following a link.
    for method in methods() {
        let path = path_of(&method);
        let response = get(&path, &[("encoding", "json"), ("message", "{}")]).await;
        let reads = ["Get", "List", "Search", "ExportTranscript"].iter().any(|word| method.name().starts_with(word));
        let allow = response.headers().get("allow").map(|allow| allow.to_str().unwrap().to_owned());
        assert_eq!((response.status() == 405, allow.as_deref()), (!reads, (!reads).then_some("POST")), "{path}");
        let put = client().put(format!("http://{}/{path}", desk.address())).send().await.unwrap();
        assert_eq!(
            (put.status().as_u16(), put.headers()["allow"].to_str().unwrap()),
            (405, if reads { "GET, POST" } else { "POST" }),
            "{path}"
        );
    }
    desk.close().await;
}

/// A page under a foreign name that leads to this machine calls "its own" server, and its browser names no origin with GET.
#[tokio::test]
async fn without_keys_a_foreign_name_may_not_read_with_get() {
    let desk = Desk::empty().await;
    let url = format!("http://{}/deskhand.v1.ChatService/ListChats?encoding=json&message=%7B%7D", desk.address());
    assert_eq!(client().get(&url).send().await.unwrap().status(), 200);
    let (status, error) = read(client().get(&url).header("host", "evil.example").send().await.unwrap()).await;
    assert_eq!((status, reason(&error)), (403, "ORIGIN_NOT_ALLOWED"));
    let post = desk.post("deskhand.v1.ChatService/ListChats", "application/json", "{}").header("origin", "https://evil.example");
    let (status, error) = read(post.send().await.unwrap()).await;
    assert_eq!((status, reason(&error)), (403, "ORIGIN_NOT_ALLOWED"));
    desk.close().await;
}

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
async fn keys_scopes_and_workspaces_are_those_of_grpc() {
    let desk = Desk::without_model().await;
    let search = desk.make_key(key_for("default", &[Scope::Search])).await;
    let agent = desk.make_key(key_for("default", &[Scope::Agent])).await;
    let with = async |key: Option<&str>| {
        let request = desk.post(SEARCH, "application/json", r#"{"query": "goodwill vouchers", "language": "en"}"#);
        let request = key.into_iter().fold(request, |request, key| request.header("authorization", format!("Bearer {key}")));
        read(request.send().await.unwrap()).await
    };
    let (status, error) = with(None).await;
    assert_eq!((status, error["code"].as_str().unwrap(), reason(&error)), (401, "unauthenticated", "KEY_UNKNOWN"));
    let (status, error) = with(Some("dh_a_b")).await;
    assert_eq!((status, reason(&error)), (401, "KEY_UNKNOWN"));
    let chats = async |key: &str| {
        let request =
            desk.post("deskhand.v1.ChatService/ListChats", "application/json", "{}").header("authorization", format!("bearer {key}"));
        read(request.send().await.unwrap()).await
    };
    let (status, error) = chats(&search).await;
    assert_eq!((status, error["code"].as_str().unwrap(), reason(&error)), (403, "permission_denied", "SCOPE_MISSING"));
    assert_eq!(chats(&agent).await.0, 200);
    // Agents find what is for agents, the public does not.
    let found = async |key: &str| with(Some(key)).await.1["hits"].to_string();
    assert!(found(&agent).await.contains("AUDIENCE_AGENTS") && !found(&search).await.contains("AUDIENCE_AGENTS"));
    // A key in the address is the help pages' alone.
    let url = format!("http://{}/{SEARCH}?encoding=json&message=%7B%22query%22:%22a%22%7D&key={search}", desk.address());
    assert_eq!(client().get(url).send().await.unwrap().status(), 401);
    // Of a stream, a refusal is its end.
    let response = desk.post(RETONE, "application/connect+json", envelope(0, b"{}")).header("authorization", format!("Bearer {search}"));
    assert_eq!(reason(&ended(response.send().await.unwrap()).await.1["error"]), "SCOPE_MISSING");
    desk.close().await;
}

#[tokio::test]
async fn pages_of_an_allowed_origin_may_call() {
    let desk = Desk::without_model().await;
    let origin = "https://shop.example";
    let mut new = key_for("default", &[Scope::Search]);
    new.origins = vec![origin.parse().unwrap()];
    let key = desk.make_key(new).await;
    let preflight = client().request(reqwest::Method::OPTIONS, format!("http://{}/{SEARCH}", desk.address())).header("origin", origin);
    let response = preflight.header("access-control-request-method", "POST").send().await.unwrap();
    let allowed = response.headers()["access-control-allow-headers"].to_str().unwrap().to_owned();
    for header in ["authorization", "content-type", "connect-protocol-version", "connect-timeout-ms"] {
        assert!(allowed.contains(header), "{header} in {allowed}");
    }
    let from = async |origin: &str| {
        let request = desk.post(SEARCH, "application/json", r#"{"query": "return"}"#).header("authorization", format!("Bearer {key}"));
        request.header("origin", origin).send().await.unwrap()
    };
    let response = from(origin).await;
    assert_eq!((response.status().as_u16(), response.headers()["access-control-allow-origin"].to_str().unwrap()), (200, origin));
    let response = from("https://other.example").await;
    assert!(response.status() == 403 && !response.headers().contains_key("access-control-allow-origin"));
    desk.close().await;
}

#[tokio::test]
async fn a_large_reply_is_compressed_for_who_takes_it() {
    let desk = Desk::without_model().await;
    let path = "deskhand.v1.KnowledgeService/ListArticles";
    let plain = desk.post(path, "application/json", "{}").send().await.unwrap();
    assert!(!plain.headers().contains_key("content-encoding"));
    let plain = plain.bytes().await.unwrap();
    let packed = desk.post(path, "application/json", "{}").header("accept-encoding", "br, gzip").send().await.unwrap();
    assert_eq!(
        (packed.headers()["content-encoding"].to_str().unwrap(), packed.headers()["content-type"].to_str().unwrap()),
        ("gzip", "application/json")
    );
    let packed = packed.bytes().await.unwrap();
    assert!(packed.len() * 2 < plain.len());
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(packed.as_ref()), &mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    desk.close().await;
}

/// Reads the next envelope as it arrives.
async fn next(response: &mut Response, received: &mut Vec<u8>) -> (u8, Value) {
    loop {
        if let Some(head) = received.first_chunk::<5>() {
            let length = u32::from_be_bytes(head[1..].try_into().unwrap()) as usize;
            if received.len() >= 5 + length {
                let envelope: Vec<u8> = received.drain(..5 + length).collect();
                return (envelope[0], serde_json::from_slice(&envelope[5..]).unwrap());
            }
        }
        let chunk = timeout(PATIENCE, response.chunk()).await.expect("something comes").unwrap();
        received.extend(chunk.expect("the stream goes on"));
    }
}

#[tokio::test]
async fn a_stream_is_sent_on_as_it_comes_and_ends_with_its_reader() {
    let desk = Desk::open().await;
    let retone = || desk.post(RETONE, "application/connect+json", envelope(0, br#"{"text": "Wait a moment.", "tone": "TONE_FORMAL"}"#));
    desk.model.will(Answer::waits_after("Please ", "wait."));
    let (mut response, mut received) = (retone().send().await.unwrap(), Vec::new());
    let (flags, first) = next(&mut response, &mut received).await;
    assert!(flags == 0 && first["delta"].as_str().unwrap().starts_with("Please"), "it is there before the model goes on: {first}");
    desk.model.go_on();
    while next(&mut response, &mut received).await.0 == 0 {}
    assert!(response.chunk().await.unwrap().is_none());

    desk.model.will(Answer::hangs_after(&["Please "]));
    let (mut response, mut received) = (retone().send().await.unwrap(), Vec::new());
    assert_eq!(next(&mut response, &mut received).await.0, 0);
    drop(response);
    desk.model.caller_left().await;
    desk.close().await;
}

#[tokio::test]
async fn a_deadline_ends_calls_and_streams() {
    let desk = Desk::open().await;
    let (status, error) = read(
        desk.post("deskhand.v1.ChatService/GetChat", "application/json", r#"{"chatId": "c"}"#)
            .header("connect-timeout-ms", "0")
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!((status, error["code"].as_str().unwrap(), reason(&error)), (504, "deadline_exceeded", "DEADLINE_EXCEEDED"));
    let retone = |milliseconds: &str| {
        let body = envelope(0, br#"{"text": "Wait.", "tone": "TONE_FORMAL"}"#);
        desk.post(RETONE, "application/connect+json", body).header("connect-timeout-ms", milliseconds).send()
    };
    desk.model.will(Answer::hangs_after(&[]));
    let (messages, end) = ended(retone("150").await.unwrap()).await;
    assert!(messages.is_empty() && end["error"]["code"] == "deadline_exceeded", "{end}");
    desk.model.caller_left().await;
    desk.model.will(Answer::hangs_after(&["Half"]));
    let (messages, end) = ended(retone("600").await.unwrap()).await;
    assert_eq!((messages.len(), end["error"]["code"].as_str().unwrap()), (1, "deadline_exceeded"), "{messages:?}");
    let info = end["error"]["details"].as_array().unwrap().iter().find(|detail| detail["type"] == "google.rpc.ErrorInfo").unwrap();
    assert_eq!(info["debug"]["metadata"]["partial"], "true");
    desk.model.caller_left().await;
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
async fn health_is_asked_with_json() {
    let desk = Desk::without_model().await;
    // Without a key, though the server needs keys.
    desk.make_key(key_for("default", &[Scope::Agent])).await;
    let (status, health) = desk.json("grpc.health.v1.Health/Check", &json!({ "service": "" })).await;
    assert_eq!((status, health["status"].as_str().unwrap()), (200, "SERVING"));
    let (status, error) = desk.json("grpc.health.v1.Health/Check", &json!({ "service": "no.such" })).await;
    assert_eq!((status, error["code"].as_str().unwrap()), (404, "not_found"));
    let request = desk.post("grpc.health.v1.Health/Watch", "application/connect+json", envelope(0, br#"{"service": ""}"#));
    let (mut response, mut received) = (request.send().await.unwrap(), Vec::new());
    assert_eq!(next(&mut response, &mut received).await, (0, json!({ "status": "SERVING" })));
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

#[tokio::test]
async fn the_openapi_document_has_every_rpc_as_it_is_called() {
    let desk = Desk::without_model().await;
    desk.make_key(key_for("default", &[Scope::Agent])).await;
    let response = client().get(format!("http://{}/openapi.json", desk.address())).send().await.unwrap();
    let (status, document) = read(response).await;
    assert_eq!((status, document["openapi"].as_str().unwrap()), (200, "3.1.0"));
    let mut paths: Vec<String> = methods().iter().map(|method| format!("/{}", path_of(method))).collect();
    paths.extend(["/grpc.health.v1.Health/Check".to_owned(), "/grpc.health.v1.Health/Watch".to_owned()]);
    paths.sort();
    let mut told: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    told.sort();
    assert_eq!(told, paths.iter().collect::<Vec<_>>());
    for method in methods() {
        let operations = &document["paths"][format!("/{}", path_of(&method))];
        let post = &operations["post"];
        assert!(post["description"].as_str().unwrap().len() > 20 && post["summary"].as_str().unwrap().ends_with('.'), "{}", method.name());
        let content_type = if method.is_server_streaming() { "application/connect+json" } else { "application/json" };
        let request = post["requestBody"]["content"][content_type]["schema"]["$ref"].as_str().unwrap();
        assert_eq!(request, format!("#/components/schemas/{}", method.input().full_name()));
        assert!(post["responses"]["200"]["content"][content_type]["schema"].is_object());
        assert_eq!(post["responses"]["default"]["$ref"], "#/components/responses/error");
        // What the document says about GET is what the server does.
        let url = format!("http://{}/{}?encoding=json&message=%7B%7D", desk.address(), path_of(&method));
        let with_get = client().get(url).send().await.unwrap().status() != 405;
        assert_eq!(operations["get"].is_object(), with_get, "{}", method.name());
    }
    for method in methods() {
        for message in [method.input(), method.output()] {
            let properties = &document["components"]["schemas"][message.full_name()]["properties"];
            for field in message.fields() {
                assert!(properties[field.json_name()]["description"].is_string(), "{} of {}", field.name(), message.full_name());
            }
        }
    }
    desk.close().await;
}
