//! What a server asks of PostgreSQL while nothing happens: one statement a second, however many workspaces it has.

use std::time::Duration;

use deskhand::{config::WorkspaceConfig, ids::Workspace};
use sqlx::{Connection, PgConnection};

use crate::support::{desk::Opening, postgres::Postgres};

const WORKSPACES: [&str; 5] = ["rose", "oak", "elm", "ash", "fir"];
/// As long as it takes to tell one statement a second from two.
const WATCHED: Duration = Duration::from_secs(8);
const MAX_STATEMENTS: i64 = 11;

/// The transactions of a database, each statement of an idle server one.
async fn transactions(url: &str, database: &str) -> i64 {
    let mut connection = PgConnection::connect(url).await.unwrap();
    let statement = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = $1";
    let count = sqlx::query_scalar(statement).bind(database).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    count
}

#[tokio::test]
async fn an_idle_server_asks_once_a_second_for_all_workspaces() {
    let postgres = Postgres::start();
    let other = postgres.url("template1");
    let opening = Opening { with_model: false, with_shop: true, change: |_| {} };
    let desk = opening
        .open_set(|config| {
            config.database_url = Some(postgres.url("postgres"));
            let workspace = |name: &&str| WorkspaceConfig {
                name: Workspace::new(name).unwrap(),
                knowledge_base: None,
                desk: config.desk.clone(),
                models: None,
                embedding: config.embedding.clone(),
            };
            config.workspaces = WORKSPACES.iter().map(workspace).collect();
        })
        .await;
    // The first windows see the folder being taken in.
    let mut asked = Vec::new();
    while asked.len() < 5 && asked.last().is_none_or(|last| *last > MAX_STATEMENTS) {
        let before = transactions(&other, "postgres").await;
        tokio::time::sleep(WATCHED).await;
        asked.push(transactions(&other, "postgres").await - before);
    }
    assert!((4..=MAX_STATEMENTS).contains(asked.last().unwrap()), "statements in {WATCHED:?}: {asked:?}");
    desk.close().await;
}
