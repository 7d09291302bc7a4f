//! PostgreSQL that stops, hangs, or rejects writes: callers learn it soon, and everything resumes when it is back.

use std::time::Duration;

use deskhand::{api::pb, store::Store};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
    time::Instant,
};
use tonic::{Code, Status};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::support::{
    desk::{Desk, Opening, customer_says, eventually, refused},
    postgres::{Postgres, execute},
};

/// What a call may take while the database is down: a second, and what a busy machine adds.
const SOON: Duration = Duration::from_secs(3);

async fn desk_on(database_url: String) -> Desk {
    let opening = Opening { with_model: false, with_shop: false, change: |_| {} };
    opening.open_set(|config| config.database_url = Some(database_url)).await
}

async fn serves(desk: &Desk) -> bool {
    let mut health = HealthClient::new(desk.channel.clone());
    let mut all = Vec::new();
    for service in ["", "deskhand.v1.ChatService", "deskhand.v1.ReplyService", "deskhand.v1.KnowledgeService"] {
        let status = health.check(HealthCheckRequest { service: service.into() }).await.unwrap().into_inner().status();
        all.push(status == ServingStatus::Serving);
    }
    all.iter().all(|serves| *serves)
}

/// Calls that need the database, each with what it comes to.
async fn calls(desk: &mut Desk) -> Vec<(&'static str, Result<(), Status>, Duration)> {
    let mut calls = Vec::new();
    let began = Instant::now();
    calls.push(("append", desk.append("c", vec![customer_says("e2", "More")]).await.map(drop), began.elapsed()));
    let began = Instant::now();
    calls.push(("get", desk.chat("c").await.map(drop), began.elapsed()));
    let began = Instant::now();
    calls.push(("list", desk.chats.list_chats(pb::ListChatsRequest::default()).await.map(drop), began.elapsed()));
    let began = Instant::now();
    let article = pb::Article { id: "a".into(), language: "en".into(), title: "A".into(), body: "B".into(), ..pb::Article::default() };
    let put = pb::PutArticlesRequest { articles: vec![article] };
    calls.push(("put", desk.knowledge.put_articles(put).await.map(drop), began.elapsed()));
    calls
}

#[tokio::test]
async fn a_stopped_database_is_reported_soon_and_reconnected() {
    let mut postgres = Postgres::start();
    let mut desk = desk_on(postgres.url("postgres")).await;
    desk.append("c", vec![customer_says("e1", "Hello")]).await.unwrap();
    assert!(serves(&desk).await);
    for _ in 0..2 {
        postgres.stop();
        for _ in 0..2 {
            for (name, called, took) in calls(&mut desk).await {
                refused(&called.expect_err(name), Code::Unavailable, "STORE_UNAVAILABLE");
                assert!(took < SOON, "{name} took {took:?}");
            }
        }
        eventually("health reports it", async || !serves(&desk).await).await;

        postgres.start_again();
        let back = Instant::now();
        eventually("it serves again", async || serves(&desk).await).await;
        assert!(back.elapsed() < Duration::from_secs(2) + SOON, "{:?}", back.elapsed());
        for (name, called, _) in calls(&mut desk).await {
            called.expect(name);
        }
    }
    assert_eq!(desk.chat("c").await.unwrap().events.len(), 2);
    desk.close().await;
}

#[tokio::test]
async fn a_database_that_restarted_is_met_by_new_connections_alone() {
    let mut postgres = Postgres::start();
    let mut desk = desk_on(postgres.url("postgres")).await;
    // Some connections are open.
    let mut appends = tokio::task::JoinSet::new();
    for number in 0..8 {
        let mut chats = desk.chats.clone();
        let request = pb::AppendEventsRequest { chat_id: format!("c{number}"), events: vec![customer_says("e", "x")] };
        appends.spawn(async move { chats.append_events(request).await });
    }
    assert!(appends.join_all().await.into_iter().all(|append| append.is_ok()));
    postgres.stop();
    postgres.start_again();
    eventually("the new server is met", async || desk.chats.clone().list_chats(pb::ListChatsRequest::default()).await.is_ok()).await;
    for _ in 0..20 {
        desk.chat("c1").await.expect("no connection of the former server is left");
    }
    desk.close().await;
}

#[tokio::test]
async fn a_database_that_takes_no_writes_says_so_and_reads_go_on() {
    let postgres = Postgres::start();
    let url = postgres.url("postgres");
    let mut desk = desk_on(url.clone()).await;
    desk.append("c", vec![customer_says("e1", "Hello")]).await.unwrap();
    execute(&url, &["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"]).await;

    eventually("health reports it", async || !serves(&desk).await).await;
    for (name, called, took) in calls(&mut desk).await {
        if matches!(name, "append" | "put") {
            refused(&called.expect_err(name), Code::Unavailable, "STORE_UNAVAILABLE");
            assert!(took < SOON, "{name} took {took:?}");
        } else {
            called.expect(name);
        }
    }
    let primary =
        ["SET default_transaction_read_only = off", "ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"];
    execute(&url, &primary).await;
    eventually("it serves again", async || serves(&desk).await).await;
    for (name, called, _) in calls(&mut desk).await {
        called.expect(name);
    }
    desk.close().await;
}

/// Passes bytes on to a server, until it is frozen: then nothing passes, and nothing ends.
struct Line {
    port: u16,
    frozen: watch::Sender<bool>,
}

impl Line {
    async fn to(port: u16) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let line = Line { port: listener.local_addr().unwrap().port(), frozen: watch::Sender::new(false) };
        let frozen = line.frozen.subscribe();
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let mut frozen = frozen.clone();
                tokio::spawn(async move {
                    frozen.wait_for(|frozen| !frozen).await.unwrap();
                    let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    let mut passing = Box::pin(copy_bidirectional(&mut client, &mut server));
                    loop {
                        frozen.wait_for(|frozen| !frozen).await.unwrap();
                        tokio::select! {
                            // Asked first, so that not one byte passes once the line is frozen.
                            biased;
                            _ = frozen.wait_for(|frozen| *frozen) => {}
                            _ = &mut passing => return,
                        }
                    }
                });
            }
        });
        line
    }
}

#[tokio::test]
async fn a_hanging_database_is_reported_soon_and_reconnected() {
    let postgres = Postgres::start();
    let line = Line::to(postgres.port()).await;
    let mut desk = desk_on(postgres.url("postgres").replace(&postgres.port().to_string(), &line.port.to_string())).await;
    desk.append("c", vec![customer_says("e1", "Hello")]).await.unwrap();
    line.frozen.send_replace(true);
    for (name, called, took) in calls(&mut desk).await {
        refused(&called.expect_err(name), Code::Unavailable, "STORE_UNAVAILABLE");
        assert!(took < SOON, "{name} took {took:?}");
    }
    eventually("health reports it", async || !serves(&desk).await).await;
    line.frozen.send_replace(false);
    eventually("it serves again", async || serves(&desk).await).await;
    for (name, called, _) in calls(&mut desk).await {
        called.expect(name);
    }
    desk.close().await;
}

#[tokio::test]
async fn a_statement_on_the_server_ends_when_its_caller_leaves() {
    let postgres = Postgres::start();
    let url = postgres.url("postgres");
    let store = Store::open(&url).await.unwrap();
    for _ in 0..8 {
        let endless = sqlx::query("SELECT 1 FROM pg_sleep(1000)").execute(store.reads());
        tokio::time::timeout(Duration::from_millis(50), endless).await.unwrap_err();
    }
    eventually("no statement runs on", async || {
        let running =
            "SELECT COUNT(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep%' AND pid <> pg_backend_pid()";
        sqlx::query_scalar::<_, i64>(running).fetch_one(store.reads()).await.unwrap() == 0
    })
    .await;
    store.close().await;
}
