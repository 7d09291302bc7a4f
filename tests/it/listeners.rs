//! Listeners of their own: for operators, and for customers; and what `serve` says of a model before anybody calls it.

use std::net::SocketAddr;

use deskhand::{
    api::pb::{self, knowledge_service_client::KnowledgeServiceClient},
    config::Config,
    server::Server,
};
use tonic::transport::Endpoint;

use crate::support::{
    desk::{Opening, eventually},
    process::Process,
    raw_model::{RawModel, Step},
};

const LOOPBACK: [u8; 4] = [127, 0, 0, 1];

async fn status(address: SocketAddr, path: &str) -> u16 {
    reqwest::get(format!("http://{address}{path}")).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn each_listener_serves_what_it_is_for() {
    // Only the first one counts.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let opening = Opening { with_model: false, with_shop: true, change: |_| {} };
    let desk = opening
        .open_set(|config| {
            config.operations_listen = Some((LOOPBACK, 0).into());
            config.help_listen = Some((LOOPBACK, 0).into());
            config.console = true;
        })
        .await;
    let [operations, customers] = desk.addresses_beside().map(Option::unwrap);
    let everybody: SocketAddr = desk.address().parse().unwrap();
    for (path, expected) in [
        // For everybody, operators, customers.
        ("/metrics", [404, 200, 404]),
        ("/healthz", [200, 200, 404]),
        ("/readyz", [200, 200, 404]),
        ("/help", [200, 404, 200]),
        ("/console", [200, 404, 404]),
        ("/reports", [200, 404, 404]),
        ("/help/search.js", [200, 404, 200]),
        ("/help/search?q=towels&language=en", [200, 404, 200]),
        ("/help/origins", [200, 404, 200]),
        ("/help/featured", [200, 404, 200]),
        ("/help/en", [200, 404, 200]),
        ("/help/en/return-an-item", [200, 404, 200]),
        ("/help/sitemap.xml", [200, 404, 200]),
        ("/nothing", [404, 404, 404]),
    ] {
        for (address, expected) in [everybody, operations, customers].into_iter().zip(expected) {
            assert_eq!(status(address, path).await, expected, "{path} at {address}");
        }
    }
    // The API is where everybody is, and nowhere else.
    let search = pb::SearchRequest { query: "towels".into(), language: "en".into(), ..pb::SearchRequest::default() };
    for (address, is_served) in [(everybody, true), (operations, false), (customers, false)] {
        let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
        let answered = KnowledgeServiceClient::new(channel).search(search.clone()).await;
        assert_eq!(answered.is_ok(), is_served, "{address}: {answered:?}");
        let web = reqwest::Client::new().post(format!("http://{address}/deskhand.v1.KnowledgeService/Search"));
        let answered = web.header("content-type", "application/grpc-web+proto").body(vec![0; 5]).send().await.unwrap();
        assert_eq!(answered.status() == 200, is_served, "{address}");
    }
    desk.close().await;
}

#[tokio::test]
async fn a_listener_beyond_loopback_needs_keys_too() {
    let folder = tempfile::tempdir().unwrap();
    let config = Config {
        listen: (LOOPBACK, 0).into(),
        operations_listen: Some(([0, 0, 0, 0], 0).into()),
        data: folder.path().join("data"),
        knowledge_base: None,
        ..Config::default()
    };
    let refused = Server::start(config).await.map(|_| ()).unwrap_err().to_string();
    assert!(refused.contains("`operations_listen` is `0.0.0.0:") && refused.contains("there are no keys"), "{refused}");
}

/// What `serve` logs of a model whose server answers each request so.
async fn log_about_model(answer: &str, what: &str) -> String {
    log_about(&[("DESKHAND_MODEL", "gpt-5-mini")], answer, what).await
}

/// The same with settings that name a model beside the server's address and key.
async fn log_about(settings: &[(&str, &str)], answer: &str, what: &str) -> String {
    let model = RawModel::start(vec![vec![Step::Write(answer.into())]]).await;
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let url = model.base_url();
    let settings =
        [settings, &[("OPENAI_BASE_URL", url.as_str()), ("DESKHAND_EMBEDDING_BASE_URL", url.as_str()), ("OPENAI_API_KEY", "sk-wrong")]]
            .concat();
    let process = Process::start_logged(&folder.path().join("data"), None, &settings, "info", &log).await;
    eventually(what, async || std::fs::read_to_string(&log).unwrap().contains(what)).await;
    drop(process);
    std::fs::read_to_string(log).unwrap()
}

#[tokio::test]
async fn a_wrong_name_of_a_model_is_told_at_start() {
    let list = r#"{"object":"list","data":[{"id":"gpt-5-nano"},{"id":"o9"}]}"#;
    let answer = |status: &str, body: &str| {
        format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    };
    let log = log_about_model(&answer("200 OK", list), "does not serve the model `gpt-5-mini`").await;
    assert!(log.contains("it serves gpt-5-nano, o9; did you mean `gpt-5-nano`?"), "{log}");
    let log = log_about_model(&answer("401 Unauthorized", "{}"), "the model `gpt-5-mini` at ").await;
    assert!(log.contains("HTTP status 401") && !log.contains("sk-wrong"), "{log}");
    log_about_model(&answer("200 OK", &list.replace("nano", "mini")), "the model is there").await;
    let embedder = [("DESKHAND_EMBEDDING_MODEL", "o8")];
    let log = log_about(&embedder, &answer("404 Not Found", list), "the embedder `o8` at ").await;
    assert!(log.contains("HTTP status 404"), "{log}");
}
