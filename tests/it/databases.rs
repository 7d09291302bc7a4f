//! Workspaces with databases of their own, and the database that remembers erasures for all servers.

use std::{fs, path::Path};

use deskhand::{
    api::pb,
    config::{Config, WorkspaceConfig},
    ids::Workspace,
    keys::Scope,
    server::Server,
};
use prost::Message;
use sqlx::{AssertSqlSafe, Connection, Executor};
use tonic::Code;

use crate::{
    keys::key_for,
    support::{
        desk::{Desk, Kept, Opening, customer_says, event, refused},
        postgres::Postgres,
    },
};

const OPENING: Opening = Opening { with_model: false, with_shop: false, change: |_| {} };

async fn chats_in(url: &str) -> Vec<String> {
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(url).await.unwrap();
    let chats = sqlx::query_scalar("SELECT workspace || '/' || chat_id FROM chat ORDER BY 1").fetch_all(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    chats
}

async fn append(desk: &Desk, key: &str, chat_id: &str) -> Result<(), tonic::Status> {
    let request = pb::AppendEventsRequest { chat_id: chat_id.into(), events: vec![customer_says("e1", "Where is my parcel?")] };
    desk.call("ChatService/AppendEvents", &request.encode_to_vec(), Some(key)).await.map(drop)
}

async fn found(desk: &Desk, key: &str) -> Vec<String> {
    let request = pb::ListChatsRequest { query: "parcel".into(), page_size: 10, ..pb::ListChatsRequest::default() };
    let answer = desk.call("ChatService/ListChats", &request.encode_to_vec(), Some(key)).await.unwrap();
    let listed = pb::ListChatsResponse::decode(answer.as_slice()).unwrap();
    listed.chats.into_iter().map(|chat| chat.chat_id).collect()
}

#[tokio::test]
async fn a_workspace_keeps_its_chats_in_a_database_of_its_own() {
    let postgres = Postgres::start();
    let mut connection = sqlx::PgConnection::connect(&postgres.url("postgres")).await.unwrap();
    connection.execute("CREATE DATABASE rose").await.unwrap();
    connection.close().await.unwrap();
    let urls = [postgres.url("postgres"), postgres.url("rose")];
    let set = |config: &mut Config| {
        config.database_url = Some(urls[0].clone());
        let workspace = |name: &str| WorkspaceConfig {
            name: Workspace::new(name).unwrap(),
            knowledge_base: None,
            desk: config.desk.clone(),
            models: None,
            embedding: config.embedding.clone(),
        };
        config.workspaces = vec![workspace("rose"), workspace("oak")];
        config.workspace_databases = [(Workspace::new("rose").unwrap(), urls[1].clone())].into();
    };
    let desk = OPENING.open_with(Kept::new(tempfile::tempdir().unwrap(), Some(urls[0].clone())), set).await;
    let mut keys = Vec::new();
    for name in ["default", "rose", "oak"] {
        keys.push(desk.make_key(key_for(name, &[Scope::Agent, Scope::Author, Scope::Admin])).await);
    }
    for key in &keys {
        append(&desk, key, "c").await.unwrap();
        assert_eq!(found(&desk, key).await, ["c"]);
        let article =
            pb::Article { id: "a".into(), language: "en".into(), title: "Parcels".into(), body: "Two days.".into(), ..Default::default() };
        let put = pb::PutArticlesRequest { articles: vec![article] };
        desk.call("KnowledgeService/PutArticles", &put.encode_to_vec(), Some(key)).await.unwrap();
        let search = pb::SearchRequest { query: "parcels".into(), language: "en".into(), ..Default::default() };
        let hits = desk.call("KnowledgeService/Search", &search.encode_to_vec(), Some(key)).await.unwrap();
        assert_eq!(pb::SearchResponse::decode(hits.as_slice()).unwrap().total, 1);
    }
    assert_eq!(chats_in(&urls[0]).await, ["default/c", "oak/c"]);
    assert_eq!(chats_in(&urls[1]).await, ["rose/c"]);

    // While its database is away, the workspace fails and the others are served.
    let mut connection = sqlx::PgConnection::connect(&urls[0]).await.unwrap();
    connection.execute("ALTER DATABASE rose ALLOW_CONNECTIONS false").await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'rose'";
    connection.execute(end).await.unwrap();
    let failed = append(&desk, &keys[1], "d").await.unwrap_err();
    assert_eq!(failed.code(), Code::Unavailable, "{failed:?}");
    append(&desk, &keys[0], "d").await.unwrap();
    assert!(desk.page("/readyz").await == "ok\n", "the server is ready for the others");
    connection.execute("ALTER DATABASE rose ALLOW_CONNECTIONS true").await.unwrap();
    crate::support::desk::eventually("it is back", async || append(&desk, &keys[1], "d").await.is_ok()).await;
    let kept = desk.close_and_keep().await;
    let desk = OPENING.open_with(kept, set).await;
    assert_eq!(found(&desk, &keys[1]).await.len(), 2);
    desk.close().await;
}

fn customer(customer_id: &str) -> pb::Event {
    event("who", pb::event::Body::Customer(pb::Customer { customer_id: customer_id.into(), ..pb::Customer::default() }))
}

#[tokio::test]
async fn who_was_erased_at_one_server_does_not_come_back_with_a_restore_at_another() {
    let folder = tempfile::tempdir().unwrap();
    let erasures_url = format!("sqlite:{}?mode=rwc", folder.path().join("erasures.sqlite").display());
    let set = |config: &mut Config| {
        config.database_url = None;
        config.erasures_url = Some(erasures_url.clone());
    };
    let open = async |kept: Kept| OPENING.open_with(kept, set).await;
    let mut desk = open(Kept::new(tempfile::tempdir().unwrap(), None)).await;
    for (chat, person) in [("a", "ada"), ("b", "berta")] {
        desk.append(chat, vec![customer_says("e1", "Hello"), customer(person)]).await.unwrap();
    }
    let kept = desk.close_and_keep().await;
    let database = |folder: &Path| folder.join("data/deskhand.sqlite");
    let backup = folder.path().join("backup.sqlite");
    fs::copy(database(kept.path()), &backup).unwrap();

    let mut desk = open(kept).await;
    desk.chats.erase_customer(pb::EraseCustomerRequest { customer_id: "ada".into() }).await.unwrap();
    desk.close().await;

    // Another machine, with the backup and without the first one's data folder.
    let other = tempfile::tempdir().unwrap();
    fs::create_dir(other.path().join("data")).unwrap();
    fs::copy(&backup, database(other.path())).unwrap();
    let mut desk = open(Kept::new(other, None)).await;
    refused(&desk.chat("a").await.unwrap_err(), Code::NotFound, "CHAT_NOT_FOUND");
    assert!(desk.chat("b").await.is_ok());
    desk.close().await;
}

#[tokio::test]
async fn a_second_server_that_would_remember_erasures_elsewhere_is_refused_beyond_loopback() {
    let postgres = Postgres::start();
    let one = OPENING.open_set(|config| config.database_url = Some(postgres.url("postgres"))).await;
    let data = tempfile::tempdir().unwrap();
    let config = |erasures_url: Option<String>| Config {
        listen: ([0, 0, 0, 0], 0).into(),
        data: data.path().to_owned(),
        database_url: Some(postgres.url("postgres")),
        erasures_url,
        knowledge_base: None,
        allow_remote_without_keys: true,
        ..Config::default()
    };
    let error = Box::pin(Server::start(config(None))).await.err().expect("it is refused");
    assert!(format!("{error:#}").contains("give all servers the same `erasures_url`"), "{error:#}");
    let shared = format!("sqlite:{}?mode=rwc", data.path().join("erasures.sqlite").display());
    Box::pin(Server::start(config(Some(shared)))).await.unwrap().stop().await;
    one.close().await;
    let mut connection = sqlx::AnyConnection::connect(&postgres.url("postgres")).await.unwrap();
    let homes: i64 = sqlx::query_scalar(AssertSqlSafe("SELECT COUNT(*) FROM erasure_home")).fetch_one(&mut connection).await.unwrap();
    assert_eq!(homes, 1);
}
