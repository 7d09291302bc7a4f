//! HTTP: help pages' JSON, gRPC-Web, CORS preflights, pages, TLS; and where a server may listen.

use std::time::Duration;

use deskhand::{
    api::pb,
    config::{Config, Limits, TokenLimits},
    ids::Workspace,
    keys::{NewKey, Scope},
    server::Server,
};
use prost::Message;
use rcgen::CertifiedKey;
use reqwest::{Client, ClientBuilder, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::support::{
    desk::{Desk, eventually},
    raw_client::{closed, says},
};

const SHOP: &str = "https://shop.example";

fn search_key(origins: &[&str]) -> NewKey {
    NewKey {
        workspace: Workspace::default(),
        scopes: vec![Scope::Search],
        origins: origins.iter().map(|origin| origin.parse().unwrap()).collect(),
        calls_per_second: None,
        token_limits: TokenLimits::default(),
    }
}

fn client() -> ClientBuilder {
    // Only the first one counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
}

async fn get(desk: &Desk, path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = client().build().unwrap().get(format!("http://{}{path}", desk.address()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

async fn post(desk: &Desk, path: &str, body: &Value) -> Response {
    client().build().unwrap().post(format!("http://{}{path}", desk.address())).json(body).send().await.unwrap()
}

fn header_of(response: &Response, name: &str) -> String {
    response.headers().get_all(name).iter().map(|value| value.to_str().unwrap()).collect::<Vec<_>>().join(", ")
}

#[tokio::test]
async fn a_help_page_searches_reads_opens_and_rates() {
    let mut desk = Desk::without_model().await;
    let found: Value = get(&desk, "/help/search?q=retur&language=en&limit=3", &[]).await.json().await.unwrap();
    let inside: Value = get(&desk, "/help/search?q=goodwill+vouchers&language=en", &[]).await.json().await.unwrap();
    let audiences = inside["hits"].as_array().unwrap().iter().map(|hit| hit["audience"].as_str().unwrap());
    assert!(audiences.collect::<Vec<_>>().iter().all(|audience| *audience == "AUDIENCE_PUBLIC"), "a help page is the public's");
    assert_eq!(get(&desk, "/help/articles/goodwill-vouchers?language=en", &[]).await.status(), StatusCode::NOT_FOUND);
    let by_grpc = desk.search("retur", "en").await;
    assert!(found["hits"].as_array().unwrap().len() <= 3);
    assert_eq!(found["hits"][0]["id"], by_grpc.hits[0].id);
    assert!(found["hits"][0]["title"].as_array().unwrap().iter().any(|segment| segment["kind"] == "SEGMENT_KIND_MATCHED"), "{found}");

    let id = found["hits"][0]["id"].as_str().unwrap();
    let article: Value = get(&desk, &format!("/help/articles/{id}?language=en"), &[]).await.json().await.unwrap();
    assert_eq!(article["article"]["id"], id);
    assert!(article["html"].as_str().unwrap().contains("<p>"), "{article}");

    let opened = post(&desk, "/help/opens", &json!({ "searchId": found["searchId"], "id": id })).await;
    assert_eq!(opened.status(), StatusCode::OK);
    let rating = json!({ "id": id, "language": "en", "helpful": false, "reason": "too long", "ratingId": "r-1" });
    assert_eq!(post(&desk, "/help/ratings", &rating).await.status(), StatusCode::OK);
    eventually("what was done is in the report", || {
        let mut knowledge = desk.knowledge.clone();
        async move {
            let report = knowledge.get_search_report(pb::GetSearchReportRequest::default()).await.unwrap().into_inner();
            report.opens.iter().any(|open| open.id == id) && report.ratings.iter().any(|rating| rating.reasons == ["too long"])
        }
    })
    .await;
    desk.close().await;
}

#[tokio::test]
async fn an_article_is_found_in_an_address_whatever_its_id() {
    let mut desk = Desk::without_model().await;
    let id = "Größe & Maß/50% +?#";
    let article = pb::Article {
        id: id.into(),
        language: "de".into(),
        title: "Größen".into(),
        body: "Messen.".into(),
        asked: vec!["welche nummer habe ich".into()],
        ..pb::Article::default()
    };
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles: vec![article] }).await.unwrap();
    let address = "/help/articles/Gr%C3%B6%C3%9Fe%20%26%20Ma%C3%9F%2F50%25%20%2B%3F%23?language=de";
    let result: Value = get(&desk, address, &[]).await.json().await.unwrap();
    assert_eq!(result["article"]["id"], id, "{result}");
    assert!(!result.to_string().contains("welche nummer"), "a help page does not get how customers ask: {result}");
    desk.close().await;
}

#[tokio::test]
async fn a_help_page_gets_the_error_details() {
    let desk = Desk::without_model().await;
    for (path, status, reason, field) in [
        ("/help/search?q=", 400, "INVALID_FIELD", "q"),
        ("/help/search?q=x&limit=many", 400, "INVALID_FIELD", "limit"),
        ("/help/search?q=x&language=%00", 400, "INVALID_FIELD", "language"),
        ("/help/articles/no-such", 404, "DOCUMENT_NOT_FOUND", ""),
        ("/help/articles/%00", 400, "INVALID_FIELD", "id"),
        ("/help/articles/%ff", 404, "DOCUMENT_NOT_FOUND", ""),
        ("/help/search?q=x&key=dh_a_b", 401, "KEY_UNKNOWN", ""),
    ] {
        let response = get(&desk, path, &[]).await;
        assert_eq!((response.status().as_u16(), header_of(&response, "cache-control").as_str()), (status, "no-store"), "{path}");
        let result: Value = response.json().await.unwrap();
        assert_eq!(result["error"]["reason"], reason, "{path}: {result}");
        assert_eq!(result["error"]["fields"][0]["field"].as_str().unwrap_or_default(), field, "{path}: {result}");
    }
    let result: Value = post(&desk, "/help/opens", &json!({ "searchId": "no-such", "id": "x" })).await.json().await.unwrap();
    assert_eq!(result["error"]["reason"], "SEARCH_NOT_FOUND");
    for body in [json!({ "nonsense": 1 }), json!([])] {
        let response = post(&desk, "/help/opens", &body).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    }
    let large = post(&desk, "/help/opens", &json!({ "searchId": "a", "id": "x".repeat(70_000) })).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(large.json::<Value>().await.unwrap()["error"]["reason"], "REQUEST_TOO_LARGE");
    // What a page may send anywhere without asking is not taken.
    let url = format!("http://{}/help/ratings", desk.address());
    let response = client().build().unwrap().post(url).header("content-type", "text/plain").body("{}").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    for (path, status) in [("/helpx", 404), ("/help/nothing", 404), ("/console", 404), ("/help/../etc/passwd", 404), ("/help", 200)] {
        assert_eq!(get(&desk, path, &[]).await.status().as_u16(), status, "{path}");
    }
    let response = client().build().unwrap().delete(format!("http://{}/help/search?q=x", desk.address())).send().await.unwrap();
    assert_eq!((response.status().as_u16(), header_of(&response, "allow").as_str()), (405, "GET"));
    assert_eq!(get(&desk, "/help/opens", &[]).await.status().as_u16(), 405);
    desk.close().await;
}

#[tokio::test]
async fn replies_are_compressed_and_kept_as_long_as_is_right() {
    let desk = Desk::without_model().await;
    let plain = get(&desk, "/help/search?q=return", &[]).await;
    assert_eq!(header_of(&plain, "content-encoding"), "");
    assert_eq!(header_of(&plain, "cache-control"), "private, max-age=30");
    let tag = header_of(&plain, "etag");
    let whole = plain.bytes().await.unwrap();
    let packed = get(&desk, "/help/search?q=return", &[("accept-encoding", "gzip, br")]).await;
    assert_eq!(header_of(&packed, "content-encoding"), "gzip");
    assert!(header_of(&packed, "vary").contains("origin"));
    let bytes = packed.bytes().await.unwrap();
    assert!(bytes.len() * 2 < whole.len(), "{} of {}", bytes.len(), whole.len());
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(bytes.as_ref()), &mut unpacked).unwrap();
    let ids = |json: &[u8]| serde_json::from_slice::<Value>(json).unwrap()["hits"].clone();
    assert_eq!(ids(&unpacked), ids(&whole));

    let again = get(&desk, "/help/search?q=return", &[("if-none-match", &tag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(get(&desk, "/help/search?q=refund", &[("if-none-match", &tag)]).await.status(), StatusCode::OK);
    let script = get(&desk, "/help/search.js", &[]).await;
    let tag = header_of(&script, "etag");
    assert_eq!(get(&desk, "/help/search.js", &[("if-none-match", &tag)]).await.status(), StatusCode::NOT_MODIFIED);
    desk.close().await;
}

#[tokio::test]
async fn pages_call_from_their_keys_origins_alone() {
    let desk = Desk::without_model().await;
    // Without a key, no page but the server's own.
    let own = format!("http://{}", desk.address());
    for (origin, status) in [(SHOP, 403), ("null", 403), (own.as_str(), 200)] {
        assert_eq!(get(&desk, "/help/search?q=x", &[("origin", origin)]).await.status().as_u16(), status, "{origin}");
    }
    // A name that leads here is not this machine's.
    let rebound = [("origin", "http://evil.example"), ("host", "evil.example")];
    assert_eq!(get(&desk, "/help/search?q=x", &rebound).await.status().as_u16(), 403);

    let key = desk.make_key(search_key(&[SHOP])).await;
    let path = format!("/help/search?q=return&key={key}");
    let response = get(&desk, &path, &[("origin", SHOP)]).await;
    assert_eq!((response.status().as_u16(), header_of(&response, "access-control-allow-origin").as_str()), (200, SHOP));
    let exposed = header_of(&response, "access-control-expose-headers");
    assert!(["grpc-status-details-bin", "etag", "retry-after"].iter().all(|name| exposed.contains(name)), "{exposed}");
    let response = get(&desk, &path, &[("origin", "https://evil.example")]).await;
    assert_eq!((response.status().as_u16(), header_of(&response, "access-control-allow-origin").as_str()), (403, ""));
    assert_eq!(get(&desk, &path, &[]).await.status().as_u16(), 200, "no page calls");
    assert_eq!(get(&desk, &path, &[("origin", &own)]).await.status().as_u16(), 200, "the server's own page calls");

    for (origin, status) in [(SHOP, 204), ("https://evil.example", 403)] {
        let request = client().build().unwrap().request(reqwest::Method::OPTIONS, format!("{own}/deskhand.v1.KnowledgeService/Search"));
        let request = request.header("origin", origin).header("access-control-request-method", "POST");
        let response = request.header("access-control-request-headers", "authorization,x-grpc-web").send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{origin}");
        assert_eq!(header_of(&response, "access-control-allow-headers").contains("x-grpc-web"), status == 204);
    }

    // A key that may do more has no place in an address.
    let agent = desk.make_key(NewKey { scopes: vec![Scope::Search, Scope::Agent], ..search_key(&[SHOP]) }).await;
    let response = get(&desk, &format!("/help/search?q=x&key={agent}"), &[]).await;
    assert_eq!(response.status().as_u16(), 403);
    let result: Value = response.json().await.unwrap();
    assert_eq!(result["error"]["reason"], "KEY_NOT_PUBLISHABLE");
    let bearer = format!("Bearer {agent}");
    assert_eq!(get(&desk, "/help/search?q=x", &[("authorization", &bearer)]).await.status().as_u16(), 200);

    let slow = desk.make_key(NewKey { calls_per_second: Some(1), ..search_key(&[]) }).await;
    let mut result = Vec::new();
    for _ in 0..5 {
        result.push(get(&desk, &format!("/help/search?q=x&key={slow}"), &[]).await);
    }
    let refused = result.iter().find(|response| response.status().as_u16() == 429).expect("five calls are more than two at once");
    assert_eq!(header_of(refused, "retry-after"), "1");
    desk.close().await;
}

#[tokio::test]
async fn a_browser_calls_by_grpc_web() {
    let desk = Desk::without_model().await;
    let key = desk.make_key(NewKey { scopes: vec![Scope::Agent], ..search_key(&[SHOP]) }).await;
    let ask = async |method: &str, message: Vec<u8>, key: &str| {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        let framed = [&[0], &length[..], &message].concat();
        let request = client().build().unwrap().post(format!("http://{}/deskhand.v1.{method}", desk.address()));
        let request = request.header("content-type", "application/grpc-web+proto").header("x-grpc-web", "1").header("origin", SHOP);
        request.header("authorization", format!("Bearer {key}")).body(framed).send().await.unwrap()
    };
    let search = pb::SearchRequest { query: "return".into(), language: "en".into(), ..pb::SearchRequest::default() };
    let response = ask("KnowledgeService/Search", search.encode_to_vec(), &key).await;
    assert_eq!((response.status().as_u16(), header_of(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN.as_str()).as_str()), (200, SHOP));
    assert!(header_of(&response, "content-type").starts_with("application/grpc-web"));
    let frames = frames(&response.bytes().await.unwrap());
    let [(0, message), (0x80, trailers)] = frames.as_slice() else { panic!("a message and trailers, not {frames:?}") };
    assert!(!pb::SearchResponse::decode(message.as_slice()).unwrap().hits.is_empty());
    assert!(String::from_utf8_lossy(trailers).contains("grpc-status:0"), "{}", String::from_utf8_lossy(trailers));

    // A stream, to its end.
    let correct = pb::CorrectReplyRequest { text: "we recieved you're parcel".into(), ..pb::CorrectReplyRequest::default() };
    let streamed = frames_of(ask("ReplyService/CorrectReply", correct.encode_to_vec(), &key).await).await;
    assert!(streamed.len() >= 2 && streamed.last().unwrap().0 == 0x80, "{streamed:?}");

    // An error has its details, and a wrong key its reason.
    let response =
        ask("ChatService/GetChat", pb::GetChatRequest { chat_id: "none".into(), ..Default::default() }.encode_to_vec(), &key).await;
    assert_eq!(header_of(&response, "grpc-status"), "5");
    assert!(!header_of(&response, "grpc-status-details-bin").is_empty());
    let response = ask("ChatService/ListChats", Vec::new(), "dh_a_b").await;
    assert_eq!(header_of(&response, "grpc-status"), "16");
    desk.close().await;
}

async fn frames_of(response: Response) -> Vec<(u8, Vec<u8>)> {
    frames(&response.bytes().await.unwrap())
}

fn frames(mut bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut frames = Vec::new();
    while let [kind, a, b, c, d, rest @ ..] = bytes {
        let (frame, rest) = rest.split_at(u32::from_be_bytes([*a, *b, *c, *d]) as usize);
        frames.push((*kind, frame.to_vec()));
        bytes = rest;
    }
    frames
}

#[tokio::test]
async fn counters_are_for_the_operator() {
    let desk = Desk::without_model().await;
    assert_eq!(get(&desk, "/metrics", &[]).await.status().as_u16(), 200);
    let (admin, agent) = (
        desk.make_key(NewKey { scopes: vec![Scope::Admin], ..search_key(&[]) }).await,
        desk.make_key(NewKey { scopes: vec![Scope::Agent], ..search_key(&[]) }).await,
    );
    for (key, status) in [("", 401), (agent.as_str(), 403), (admin.as_str(), 200)] {
        let bearer = format!("Bearer {key}");
        let headers: &[(&str, &str)] = if key.is_empty() { &[] } else { &[("authorization", &bearer)] };
        assert_eq!(get(&desk, "/metrics", headers).await.status().as_u16(), status);
    }
    desk.close().await;
}

fn certificate(folder: &std::path::Path, name: &str) -> reqwest::Certificate {
    let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("certificate.pem"), cert.pem()).unwrap();
    reqwest::Certificate::from_pem(cert.pem().as_bytes()).unwrap()
}

#[tokio::test]
async fn a_handshake_that_is_not_finished_is_closed() {
    let folder = tempfile::tempdir().unwrap();
    let trusted = certificate(folder.path(), "localhost");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: folder.path().join("data"),
        knowledge_base: None,
        tls_certificate: Some(folder.path().join("certificate.pem")),
        tls_key: Some(folder.path().join("key.pem")),
        limits: Limits { keyless_timeout: Duration::from_millis(300), ..Limits::default() },
        ..Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let mut open = Vec::new();
    for hello in [&b""[..], &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]].repeat(20) {
        open.push(says(&server.address.to_string(), hello).await);
    }
    let url = format!("https://localhost:{}/help", server.address.port());
    assert_eq!(client().tls_certs_only([trusted]).build().unwrap().get(&url).send().await.unwrap().status(), StatusCode::OK);
    for stream in open {
        closed(stream).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn tls_certificates_are_reloaded_when_their_files_change() {
    let folder = tempfile::tempdir().unwrap();
    let first = certificate(folder.path(), "localhost");
    let config = Config {
        listen: ([127, 0, 0, 1], 0).into(),
        data: folder.path().join("data"),
        knowledge_base: None,
        tls_certificate: Some(folder.path().join("certificate.pem")),
        tls_key: Some(folder.path().join("key.pem")),
        ..Config::default()
    };
    let server = Server::start(config).await.unwrap();
    let url = format!("https://localhost:{}/help", server.address.port());
    let trusting = |certificate: &reqwest::Certificate| client().tls_certs_only([certificate.clone()]).build().unwrap();
    let response = trusting(&first).get(&url).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.version()), (200, reqwest::Version::HTTP_2));
    assert!(client().build().unwrap().get(url.replace("https", "http")).send().await.is_err(), "what is not TLS is not answered");

    // Over gRPC, with the program's own client.
    let called = tokio::process::Command::new(env!("CARGO_BIN_EXE_deskhand"))
        .args(["call", "KnowledgeService/ListArticles", "--data", "{}", "--address", &url.replace("/help", "")])
        .arg("--ca")
        .arg(folder.path().join("certificate.pem"))
        .output();
    let called = called.await.unwrap();
    assert!(called.status.success(), "{}", String::from_utf8_lossy(&called.stderr));

    // Half of the files leaves the old ones in use.
    let kept = trusting(&first);
    std::fs::write(folder.path().join("certificate.pem"), "-----BEGIN").unwrap();
    kept.get(&url).send().await.unwrap();
    let second = certificate(folder.path(), "localhost");
    eventually("the new certificate is shown", || async { trusting(&second).get(&url).send().await.is_ok() }).await;
    assert!(trusting(&first).get(&url).send().await.is_err(), "the old one no longer is");
    server.stop().await;
}

#[tokio::test]
async fn beyond_loopback_needs_keys_and_tls_or_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config { listen: ([0, 0, 0, 0], 0).into(), data: folder.path().join("data"), knowledge_base: None, ..Config::default() };
    let refusal = |config: Config| async { Server::start(config).await.err().map(|error| format!("{error:#}")).unwrap_or_default() };
    let result = refusal(config.clone()).await;
    assert!(result.contains("deskhand keys create") && result.contains("allow_remote_without_keys"), "{result}");

    let store = deskhand::store::Store::open(&deskhand::store::Store::sqlite_url(&config.data)).await.unwrap();
    deskhand::keys::create(&store, search_key(&[])).await.unwrap();
    store.close().await;
    let result = refusal(config.clone()).await;
    assert!(result.contains("tls_certificate") && result.contains("allow_remote_without_tls"), "{result}");

    let server = Server::start(Config { allow_remote_without_tls: true, ..config.clone() }).await.unwrap();
    server.stop().await;
    certificate(folder.path(), "localhost");
    let tls = |name: &str| Some(folder.path().join(name));
    let with_tls = Config { tls_certificate: tls("certificate.pem"), tls_key: tls("key.pem"), ..config };
    let server = Server::start(with_tls.clone()).await.unwrap();
    server.stop().await;
    let result = refusal(Config { tls_key: tls("none.pem"), ..with_tls }).await;
    assert!(result.contains("none.pem"), "{result}");
}

#[tokio::test]
async fn the_root_leads_to_the_help_page_and_nothing_else_does() {
    let desk = Desk::without_model().await;
    let client = client().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let ask = async |method: reqwest::Method, path: &str| {
        client.request(method, format!("http://{}{path}", desk.address())).send().await.unwrap()
    };
    for method in [reqwest::Method::GET, reqwest::Method::HEAD] {
        let led = ask(method, "/").await;
        assert_eq!((led.status(), header_of(&led, "location")), (StatusCode::FOUND, "/help".to_owned()));
    }
    assert_eq!(get(&desk, "/", &[]).await.status(), StatusCode::OK, "a browser goes on by itself");
    for path in ["/nothing", "/help.html", "//", "/index.html", "/console"] {
        assert_eq!(ask(reqwest::Method::GET, path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
    assert!(ask(reqwest::Method::POST, "/").await.status().is_client_error());
    desk.close().await;
}

/// Pages are compressed once, as well as they can be, and the README says how large the boxes are.
#[tokio::test]
async fn the_boxes_are_as_small_as_the_readme_says() {
    let desk = Desk::empty().await;
    let wire = async || get(&desk, "/help/search.js", &[("accept-encoding", "gzip")]).await;
    let response = wire().await;
    assert_eq!((header_of(&response, "content-encoding"), response.status()), ("gzip".to_owned(), StatusCode::OK));
    let bytes = response.bytes().await.unwrap();
    assert_eq!(wire().await.bytes().await.unwrap(), bytes);
    let kilobytes = (bytes.len() as f64 / 1000.0).round();
    let readme = include_str!("../../README.md");
    assert!(readme.contains(&format!("one script of {kilobytes} KB")), "{} bytes on the wire", bytes.len());
    let reply = get(&desk, "/reply.js", &[("accept-encoding", "gzip")]).await.bytes().await.unwrap();
    let kilobytes = (reply.len() as f64 / 1000.0).round();
    assert!(readme.contains(&format!("one script of {kilobytes} KB on the wire, from nothing")), "{} bytes on the wire", reply.len());
    let plain = get(&desk, "/help/search.js", &[]).await.bytes().await.unwrap();
    let mut unpacked = Vec::new();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut unpacked).unwrap();
    assert_eq!(unpacked, plain);
    desk.close().await;
}
