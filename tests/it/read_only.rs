//! Commands that show something change nothing: no file, no row, whether the data folder is served or not.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
};

use deskhand::{
    api::pb,
    config::TokenLimits,
    ids::Workspace,
    keys::{self, NewKey, Scope},
    store::Store,
};
use sqlx::{AnyPool, AssertSqlSafe, Row};

use crate::support::{
    desk::{Desk, agent_says, customer_says},
    process::Process,
};

fn run(arguments: &[&str], at: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deskhand"));
    for variable in ["OPENAI_API_KEY", "OPENAI_BASE_URL", "DESKHAND_MODEL", "DESKHAND_KNOWLEDGE_BASE", "DESKHAND_DATA", "DESKHAND_CONFIG"] {
        command.env_remove(variable);
    }
    command.args(arguments).current_dir(at).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Every file below a folder, with its content. SQLite's table of locks is for who reads, too.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        found.insert(folder.display().to_string(), Vec::new());
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if !entry.to_string_lossy().ends_with("-shm") {
                found.insert(entry.display().to_string(), fs::read(&entry).unwrap());
            }
        }
    }
    found
}

/// Every row of every table, as far as it matters: how many there are, and where the counters stand.
async fn rows(url: &str) -> Vec<String> {
    let pool = AnyPool::connect(url).await.unwrap();
    let mut found = Vec::new();
    for table in [
        "chat",
        "event",
        "document",
        "suggestion",
        "draft",
        "wording",
        "outcome",
        "search",
        "lesson",
        "erasure",
        "wipe",
        "api_key",
        "_sqlx_migrations",
    ] {
        let count: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"))).fetch_one(&pool).await.unwrap();
        found.push(format!("{table} {count}"));
    }
    for (table, columns) in [("document_counter", "number + wording"), ("lesson_counter", "number + removals + documents")] {
        let statement = format!("SELECT workspace, {columns} FROM {table} ORDER BY workspace");
        for row in sqlx::query(AssertSqlSafe(statement)).fetch_all(&pool).await.unwrap() {
            found.push(format!("{table} {} {}", row.get::<String, _>(0), row.get::<i64, _>(1)));
        }
    }
    pool.close().await;
    found
}

/// A task for `eval`.
fn task(folder: &Path) {
    fs::create_dir(folder).unwrap();
    for (name, text) in [
        ("corpus.jsonl", "{\"id\":\"a\",\"title\":\"Refunds\",\"body\":\"Money back.\",\"lang\":\"en\"}\n"),
        ("queries.jsonl", "{\"id\":\"1\",\"text\":\"refund\",\"lang\":\"en\"}\n"),
        ("qrels.tsv", "1\ta\t1\n"),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }
}

/// Runs each command that shows something on a data folder and its database; what each prints.
fn show_everything(root: &Path, url: &str) -> Vec<String> {
    let (data, shop) = (root.join("data"), crate::support::desk::shop());
    let task = root.join("task");
    self::task(&task);
    let empty = root.join("empty");
    fs::create_dir(&empty).unwrap();
    let [data, shop, task, empty] = [&data, &shop, &task, &empty].map(|path| path.to_str().unwrap());
    let kept = ["--data", data, "--database-url", url];
    let commands: [(&[&str], &[&str]); 6] = [
        (&["prompt", "c-1", "--knowledge-base", shop], &kept),
        (&["prompt", "c-1", "--knowledge-base", empty], &kept),
        (&["keys", "list"], &kept),
        (&["models", "--model", "none", "--model-base-url", "http://127.0.0.1:9/v1"], &kept),
        (&["eval", task], &[]),
        (&["check", shop], &[]),
    ];
    let mut shown = Vec::new();
    for (command, kept) in commands {
        let output = run(&[command, kept].concat(), root);
        // No model answers; that is what is shown.
        assert!(output.status.success() || command[0] == "models", "{command:?}: {}", text(&output.stderr));
        shown.push(text(&output.stdout));
    }
    shown
}

async fn desk() -> Desk {
    let mut desk = Desk::without_model().await;
    desk.append("c-1", vec![customer_says("e1", "How long does a refund take?"), agent_says("e2", "One moment.")]).await.unwrap();
    let articles = vec![pb::Article {
        id: "put".into(),
        language: "en".into(),
        title: "Refunds of gift cards".into(),
        body: "A refund of a gift card takes ten working days.".into(),
        ..pb::Article::default()
    }];
    desk.knowledge.put_articles(pb::PutArticlesRequest { articles }).await.unwrap();
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn showing_changes_no_file_and_no_row() {
    let desk = desk().await;
    let url = desk.database_url();
    let kept = desk.close_and_keep().await;
    let store = Store::open(&url).await.unwrap();
    let key = NewKey {
        workspace: Workspace::default(),
        scopes: vec![Scope::Admin],
        origins: Vec::new(),
        calls_per_second: None,
        token_limits: TokenLimits::default(),
    };
    keys::create(&store, key).await.unwrap();
    store.close().await;
    let (before, rows_before) = (files(&kept.path().join("data")), rows(&url).await);
    let shown = show_everything(kept.path(), &url);
    assert!(shown[0].contains("How long does a refund take?") && shown[0].contains("working days"), "{}", shown[0]);
    assert!(shown[2].contains("admin"), "{}", shown[2]);
    let after = files(&kept.path().join("data"));
    let changed: Vec<&String> = after.iter().filter(|(name, content)| before.get(*name) != Some(*content)).map(|(name, _)| name).collect();
    assert!(changed.is_empty() && after.len() == before.len(), "{changed:?}");
    assert_eq!(rows(&url).await, rows_before);

    // A folder that is not there is no reason to delete its documents.
    for command in [&["prompt", "c-1", "--knowledge-base", "/nowhere"][..], &["keys", "list"]] {
        let data = kept.path().join("data");
        run(&[command, &["--data", data.to_str().unwrap(), "--database-url", &url]].concat(), kept.path());
    }
    assert_eq!(rows(&url).await, rows_before);
    assert!(files(&kept.path().join("data")) == before);
}

#[tokio::test(flavor = "multi_thread")]
async fn showing_does_not_disturb_a_server() {
    let mut desk = desk().await;
    let url = desk.database_url();
    // What the server itself goes on to learn is its own affair.
    let documents = |rows: Vec<String>| rows.into_iter().filter(|row| !row.starts_with("lesson")).collect::<Vec<String>>();
    let before = documents(rows(&url).await);
    let shown = show_everything(desk.folder.path(), &url);
    assert!(shown[0].contains("How long does a refund take?"), "{}", shown[0]);
    assert!(shown[0].contains("gift card"), "what was put last is there: {}", shown[0]);
    assert_eq!(documents(rows(&url).await), before);
    assert!(desk.append("c-1", vec![customer_says("e3", "Hello?")]).await.is_ok());
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_absent_or_older_is_reported_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data_text = data.to_str().unwrap().to_owned();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let commands = [&["prompt", "c", "--knowledge-base", "empty"][..], &["keys", "list"]];
    for command in commands {
        let output = run(&[command, &["--data", &data_text]].concat(), folder.path());
        assert!(!output.status.success() && text(&output.stderr).contains("there is no database"), "{}", text(&output.stderr));
    }
    assert!(!data.exists(), "no folder is made");
    // One that was killed leaves its log behind; it is read, and left to the next server.
    drop(Process::start(&data, None).await);
    let before = files(&data);
    assert!(before.keys().any(|file| file.ends_with("-wal")));
    let output = run(&["keys", "list", "--data", &data_text], folder.path());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(files(&data) == before);
    let pool = AnyPool::connect(&Store::sqlite_url(&data)).await.unwrap();
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)").execute(&pool).await.unwrap();
    pool.close().await;
    let before = files(&data);
    for command in commands {
        let output = run(&[command, &["--data", &data_text]].concat(), folder.path());
        assert!(!output.status.success());
        assert!(text(&output.stderr).contains("start `deskhand serve` once"), "{}", text(&output.stderr));
    }
    assert!(files(&data) == before);
}
