//! Rows of the audit log.

use jiff::Timestamp;
use sqlx::Row;

use crate::store::{Store, StoreError, nanoseconds, timestamp};

/// An entry of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When.
    pub at: Timestamp,
    /// The workspace; empty for what concerns all.
    pub workspace: String,
    /// The id of the key; `command` for a command on the machine, empty for a caller without a key.
    pub key_id: String,
    /// What was done, such as `erase_customer`.
    pub action: String,
    /// A keyed hash of the customer or chat, or the names of documents, keys or settings.
    pub subject: String,
}

/// Writes an entry.
pub async fn insert(store: &Store, entry: &AuditEntry) -> Result<(), StoreError> {
    let AuditEntry { at, workspace, key_id, action, subject } = entry;
    let mut write = store.begin().await?;
    sqlx::query("INSERT INTO audit (at, entry_id, workspace, key_id, action, subject) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(nanoseconds(*at))
        .bind(uuid::Uuid::now_v7().simple().to_string())
        .bind(workspace.clone())
        .bind(key_id.clone())
        .bind(action.clone())
        .bind(subject.clone())
        .execute(&mut *write)
        .await?;
    write.commit().await
}

/// The newest entries since a time, at most `limit`, oldest first.
pub async fn since(store: &Store, start: Timestamp, limit: i64) -> Result<Vec<AuditEntry>, StoreError> {
    let rows =
        sqlx::query("SELECT at, workspace, key_id, action, subject FROM audit WHERE at >= $1 ORDER BY at DESC, entry_id DESC LIMIT $2")
            .bind(nanoseconds(start))
            .bind(limit)
            .fetch_all(store.reads())
            .await?;
    let read = |row: &sqlx::any::AnyRow| {
        Ok(AuditEntry {
            at: timestamp(row.try_get(0)?)?,
            workspace: row.try_get(1)?,
            key_id: row.try_get(2)?,
            action: row.try_get(3)?,
            subject: row.try_get(4)?,
        })
    };
    rows.iter().rev().map(read).collect()
}

/// Deletes the entries before a time.
pub async fn delete_before(store: &Store, end: Timestamp) -> Result<(), StoreError> {
    let mut write = store.begin().await?;
    sqlx::query("DELETE FROM audit WHERE at < $1").bind(nanoseconds(end)).execute(&mut *write).await?;
    write.commit().await
}
