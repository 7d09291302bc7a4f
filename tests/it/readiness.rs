//! What a load balancer sees: a server is ready once its search index has caught up, and until it is to stop; old connections end, and no call
//! that they took is lost.

use std::time::Duration;

use deskhand::{api::pb, config::Limits};
use tonic::Code;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::support::{
    desk::{Desk, Opening, eventually, refused, refused_fields},
    postgres::Postgres,
    raw_client::{closed, says},
};

/// More documents than a server indexes before it listens.
const DOCUMENTS: usize = 6000;

fn opening() -> Opening {
    Opening { with_model: false, with_shop: false, change: |_| {} }
}

/// The status line of a probe, on a connection of its own.
async fn probe(address: &str, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let heard = closed(says(address, request.as_bytes()).await).await;
    String::from_utf8_lossy(&heard).lines().next().unwrap_or_default().to_owned()
}

async fn serves(desk: &Desk) -> bool {
    let check = HealthCheckRequest { service: "deskhand.v1.KnowledgeService".into() };
    HealthClient::new(desk.channel.clone()).check(check).await.unwrap().into_inner().status() == ServingStatus::Serving
}

#[tokio::test]
async fn a_server_is_not_ready_before_its_index_has_every_document() {
    let mut desk = opening().open().await;
    for from in (0..DOCUMENTS).step_by(1000) {
        let articles = (from..from + 1000).map(|number| pb::Article {
            id: format!("article-{number}"),
            title: format!("About towel number{number}"),
            body: "It is soft.".into(),
            language: "en".into(),
            ..pb::Article::default()
        });
        desk.knowledge.put_articles(pb::PutArticlesRequest { articles: articles.collect() }).await.unwrap();
    }
    let kept = desk.close_and_keep().await;
    std::fs::remove_dir_all(kept.path().join("data/index")).unwrap();

    let mut desk = opening().open_in(kept).await;
    let address = desk.address();
    let last = format!("number{}", DOCUMENTS - 1);
    let (mut waited, mut ready) = (false, false);
    while !ready {
        assert_eq!(probe(&address, "/healthz").await, "HTTP/1.1 200 OK");
        let served = serves(&desk).await;
        ready = probe(&address, "/readyz").await == "HTTP/1.1 200 OK";
        waited |= !served && !ready;
        assert!(!served || ready, "both say the same, the later one at most more");
        if ready {
            assert_eq!(desk.search(&last, "en").await.hits.len(), 1);
        }
    }
    assert!(waited, "it said at no time that it was not ready");
    desk.close().await;
}

#[tokio::test]
async fn what_one_server_wrote_another_finds_at_once_by_its_revision() {
    let postgres = Postgres::start();
    let (mut one, mut other) = (
        opening().open_set(|config| config.database_url = Some(postgres.url("postgres"))).await,
        opening().open_set(|config| config.database_url = Some(postgres.url("postgres"))).await,
    );
    let search = |query: String, min_revision: i64| pb::SearchRequest { query, min_revision, ..pb::SearchRequest::default() };
    for number in 0..20 {
        let article = pb::Article {
            id: format!("a{number}"),
            title: format!("About towel number{number}"),
            body: "It is soft.".into(),
            language: "en".into(),
            ..pb::Article::default()
        };
        let put = pb::PutArticlesRequest { articles: vec![article] };
        let revision = one.knowledge.put_articles(put).await.unwrap().into_inner().revision;
        let found = other.knowledge.search(search(format!("number{number}"), revision)).await.unwrap().into_inner();
        assert_eq!(found.hits[0].id, format!("a{number}"));
        if number % 2 == 0 {
            let delete = pb::DeleteArticlesRequest { ids: vec![format!("a{number}")], language: String::new() };
            let revision = one.knowledge.delete_articles(delete).await.unwrap().into_inner().revision;
            let found = other.knowledge.search(search(format!("number{number}"), revision)).await.unwrap().into_inner();
            // Without it, what differs by a letter is found.
            assert!(found.hits.iter().all(|hit| hit.id != format!("a{number}")), "{number}");
        }
    }
    refused(&other.knowledge.search(search("towel".into(), 1 << 40)).await.unwrap_err(), Code::Unavailable, "INDEX_BEHIND");
    refused_fields(&other.knowledge.search(search("towel".into(), -1)).await.unwrap_err(), &["min_revision"]);
    one.close().await;
    other.close().await;
}

#[tokio::test]
async fn a_server_that_is_to_stop_says_so_and_goes_on_until_it_is_left() {
    let limits = Limits { drain_delay: Duration::from_secs(2), ..Limits::default() };
    let desk = opening().open_set(|config| config.limits = limits).await;
    let address = desk.address();
    eventually("it is ready", async || probe(&address, "/readyz").await == "HTTP/1.1 200 OK").await;
    let mut knowledge = desk.knowledge.clone();
    let stopping = tokio::spawn(desk.close());
    eventually("it says that it stops", async || probe(&address, "/readyz").await == "HTTP/1.1 503 Service Unavailable").await;
    assert_eq!(probe(&address, "/healthz").await, "HTTP/1.1 200 OK");
    let request = pb::SearchRequest { query: "towel".into(), ..pb::SearchRequest::default() };
    knowledge.search(request).await.expect("calls are served as before");
    stopping.await.unwrap();
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}

#[tokio::test]
async fn an_old_connection_is_closed_and_no_call_that_it_took_is_lost() {
    let limits = Limits { max_connection_age: Duration::from_millis(200), ..Limits::default() };
    let mut desk = opening().open_set(|config| config.limits = limits).await;
    let request = "GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let heard = closed(says(&desk.address(), request.as_bytes()).await).await;
    assert!(heard.starts_with(b"HTTP/1.1 200 OK"), "it is answered, and closed though it is kept alive");
    let until = tokio::time::Instant::now() + Duration::from_secs(2);
    let mut calls = 0;
    while tokio::time::Instant::now() < until {
        let request = pb::SearchRequest { query: "towel".into(), ..pb::SearchRequest::default() };
        if let Err(status) = desk.knowledge.search(request.clone()).await {
            // The client's own: its connection was closed before it sent the call.
            assert!(status.code() == Code::Cancelled && status.details().is_empty(), "{status:?}");
            desk.knowledge.search(request).await.expect("sent again it is answered");
        }
        calls += 1;
    }
    assert!(calls > 10, "{calls}");
    desk.close().await;
}
