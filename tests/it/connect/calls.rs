//! JSON and protobuf, unary calls and GET, compression.

use base64::Engine;
use deskhand::{
    api::pb::{self, event::Body},
    keys::Scope,
};
use prost::Message;
use serde_json::json;

use super::{SEARCH, client, envelope, envelopes, field, methods, next, path_of, read, reason, same_error};
use crate::{
    keys::key_for,
    support::{desk::Desk, model::Answer},
};

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
