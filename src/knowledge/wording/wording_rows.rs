//! Rows of what authors set. Every change first takes the next number from the counter's row, whose lock makes one write wait for another.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use crate::{
    ids::Workspace,
    knowledge::error::KnowledgeError,
    store::{Store, Write, nanoseconds, sql, timestamp},
};

/// Takes the next number of a change, and has the other servers woken once it is durable.
pub async fn take_number(write: &mut Write, workspace: &Workspace) -> Result<(), KnowledgeError> {
    write.wake_others().await?;
    sqlx::query(
        "INSERT INTO document_counter (workspace, number, wording) VALUES ($1, 0, 1)
         ON CONFLICT (workspace) DO UPDATE SET wording = document_counter.wording + 1",
    )
    .bind(workspace.as_str().to_owned())
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Returns the number of the last change.
pub async fn number(store: &Store, workspace: &Workspace) -> Result<i64, KnowledgeError> {
    let number: Option<i64> = sqlx::query_scalar("SELECT wording FROM document_counter WHERE workspace = $1")
        .bind(workspace.as_str().to_owned())
        .fetch_optional(store.reads())
        .await?;
    Ok(number.unwrap_or(0))
}

/// Returns the kind, content and time of all entries, ordered by kind and id.
pub async fn all(store: &Store, workspace: &Workspace) -> Result<Vec<(i64, String, Timestamp)>, KnowledgeError> {
    let rows = sqlx::query("SELECT kind, content, updated_at FROM wording WHERE workspace = $1 ORDER BY kind, id")
        .bind(workspace.as_str().to_owned())
        .fetch_all(store.reads())
        .await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?, timestamp(row.try_get(2)?)?))).collect()
}

/// Returns the contents of the entries of a kind with these ids.
pub async fn some(write: &mut Write, workspace: &Workspace, kind: i64, ids: &[String]) -> Result<HashMap<String, String>, KnowledgeError> {
    let mut found = HashMap::new();
    for ids in sql::pieces(ids, 1) {
        let statement = format!(
            "SELECT id, content FROM wording WHERE workspace = $1 AND kind = $2 AND id IN (VALUES {})",
            sql::placeholders(3, ids.len(), 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement)).bind(workspace.as_str().to_owned()).bind(kind);
        for id in ids {
            query = query.bind(id.clone());
        }
        for row in query.fetch_all(&mut **write).await? {
            found.insert(row.try_get(0)?, row.try_get(1)?);
        }
    }
    Ok(found)
}

/// Returns how many entries of a kind there are.
pub async fn count(write: &mut Write, workspace: &Workspace, kind: i64) -> Result<i64, KnowledgeError> {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM wording WHERE workspace = $1 AND kind = $2");
    Ok(count.bind(workspace.as_str().to_owned()).bind(kind).fetch_one(&mut **write).await?)
}

/// Writes an entry.
pub async fn store(
    write: &mut Write,
    workspace: &Workspace,
    kind: i64,
    id: &str,
    now: Timestamp,
    content: String,
) -> Result<(), KnowledgeError> {
    sqlx::query(
        "INSERT INTO wording (workspace, kind, id, updated_at, content) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (workspace, kind, id) DO UPDATE SET updated_at = excluded.updated_at, content = excluded.content",
    )
    .bind(workspace.as_str().to_owned())
    .bind(kind)
    .bind(id.to_owned())
    .bind(nanoseconds(now))
    .bind(content)
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Deletes an entry.
pub async fn delete(write: &mut Write, workspace: &Workspace, kind: i64, id: &str) -> Result<(), KnowledgeError> {
    sqlx::query("DELETE FROM wording WHERE workspace = $1 AND kind = $2 AND id = $3")
        .bind(workspace.as_str().to_owned())
        .bind(kind)
        .bind(id.to_owned())
        .execute(&mut **write)
        .await?;
    Ok(())
}
