//! The catalog's rows. Every change first takes the next number from the counter's row, so that numbers are in the order of commits.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row, any::AnyRow};

use crate::{
    ids::{Id, Workspace},
    knowledge::{
        documents::document::{Document, DocumentKey, Kind},
        error::KnowledgeError,
    },
    store::{Store, StoreError, Write, nanoseconds, sql, timestamp},
    text::Language,
};

/// The outcome of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutStatus {
    /// There was no such version, or it was deleted.
    Created,
    /// It replaced an older version.
    Updated,
    /// It was there with the same content; at most its time was moved forward.
    Unchanged,
    /// The stored version is newer by its author's clock; nothing was written.
    Stale,
}

/// A row without its text.
#[derive(Debug, Clone)]
pub struct StoredDocument {
    pub from_folder: bool,
    pub deleted: bool,
    pub updated_at: Timestamp,
    pub hash: String,
}

/// A change of the catalog.
#[derive(Debug)]
pub struct Change {
    pub number: i64,
    pub key: DocumentKey,
    /// `None`: deleted.
    pub document: Option<Document>,
}

/// Takes `count` numbers and returns the last. Locks the counter's row until the write ends.
pub async fn take_numbers(write: &mut Write, workspace: &Workspace, count: usize) -> Result<i64, KnowledgeError> {
    if count > 0 {
        write.wake_others().await?;
    }
    Ok(sqlx::query_scalar(
        "INSERT INTO document_counter (workspace, number) VALUES ($1, $2)
         ON CONFLICT (workspace) DO UPDATE SET number = document_counter.number + $2 RETURNING number",
    )
    .bind(workspace.as_str().to_owned())
    .bind(i64::try_from(count).unwrap_or(i64::MAX))
    .fetch_one(&mut **write)
    .await?)
}

/// Returns the last number taken.
pub async fn last_number(store: &Store, workspace: &Workspace) -> Result<i64, KnowledgeError> {
    let number: Option<i64> = sqlx::query_scalar("SELECT number FROM document_counter WHERE workspace = $1")
        .bind(workspace.as_str().to_owned())
        .fetch_optional(store.reads())
        .await?;
    Ok(number.unwrap_or(0))
}

/// Returns which of these documents exist, deleted ones included.
pub async fn kept(
    write: &mut Write,
    workspace: &Workspace,
    keys: &[DocumentKey],
) -> Result<HashMap<DocumentKey, StoredDocument>, KnowledgeError> {
    let mut found = HashMap::new();
    for keys in sql::pieces(keys, 3) {
        let statement = format!(
            "SELECT kind, id, language, origin, deleted, updated_at, hash FROM document
             WHERE workspace = $1 AND (kind, id, language) IN (VALUES {})",
            sql::placeholders(2, keys.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement)).bind(workspace.as_str().to_owned());
        for key in keys {
            query = query.bind(key.kind as i64).bind(key.id.as_str().to_owned()).bind(key.language.as_str().to_owned());
        }
        for row in query.fetch_all(&mut **write).await? {
            found.insert(key(&row, 0)?, stored_document(&row, 3)?);
        }
    }
    Ok(found)
}

/// Returns the versions of documents with these ids, in one language or all.
pub async fn versions(
    write: &mut Write,
    workspace: &Workspace,
    kind: Kind,
    ids: &[Id],
    language: Option<&Language>,
) -> Result<Vec<(DocumentKey, StoredDocument)>, KnowledgeError> {
    let mut found = Vec::new();
    for ids in sql::pieces(ids, 1) {
        let statement = format!(
            "SELECT kind, id, language, origin, deleted, updated_at, hash FROM document
             WHERE workspace = $1 AND kind = $2 AND deleted = 0 AND id IN (VALUES {})",
            sql::placeholders(3, ids.len(), 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement)).bind(workspace.as_str().to_owned()).bind(kind as i64);
        for id in ids {
            query = query.bind(id.as_str().to_owned());
        }
        for row in query.fetch_all(&mut **write).await? {
            found.push((key(&row, 0)?, stored_document(&row, 3)?));
        }
    }
    found.retain(|(key, _)| language.is_none_or(|language| key.language == *language));
    Ok(found)
}

/// Returns the keys and hashes of the folder's documents.
pub async fn from_folder(write: &mut Write, workspace: &Workspace) -> Result<HashMap<DocumentKey, StoredDocument>, KnowledgeError> {
    let rows = sqlx::query(
        "SELECT kind, id, language, origin, deleted, updated_at, hash FROM document
         WHERE workspace = $1 AND origin = 1 AND deleted = 0",
    )
    .bind(workspace.as_str().to_owned())
    .fetch_all(&mut **write)
    .await?;
    rows.iter().map(|row| Ok((key(row, 0)?, stored_document(row, 3)?))).collect()
}

/// Returns a document as its author wrote it; `None` if it does not exist.
pub async fn written(write: &mut Write, workspace: &Workspace, key: &DocumentKey) -> Result<Option<Document>, KnowledgeError> {
    let row = sqlx::query(
        "SELECT origin, deleted, updated_at, hash, content FROM document
         WHERE workspace = $1 AND kind = $2 AND id = $3 AND language = $4 AND deleted = 0",
    )
    .bind(workspace.as_str().to_owned())
    .bind(key.kind as i64)
    .bind(key.id.as_str().to_owned())
    .bind(key.language.as_str().to_owned())
    .fetch_optional(&mut **write)
    .await?;
    row.map(|row| written_document(&row, 0, 4)).transpose()
}

/// Writes a version under a number, by which the index finds the change.
pub async fn store(write: &mut Write, workspace: &Workspace, document: &Document, number: i64) -> Result<(), KnowledgeError> {
    let key = document.key();
    store_row(
        write,
        workspace,
        &key,
        number,
        document.from_folder,
        false,
        document.updated_at,
        document.hash(),
        serde_json::to_string(document)?,
    )
    .await
}

/// Marks a version as deleted under a number, and erases its text.
pub async fn delete(
    write: &mut Write,
    workspace: &Workspace,
    key: &DocumentKey,
    number: i64,
    now: Timestamp,
) -> Result<(), KnowledgeError> {
    store_row(write, workspace, key, number, false, true, now, String::new(), String::new()).await
}

#[expect(clippy::too_many_arguments, reason = "one row's columns, named at both call sites just above")]
async fn store_row(
    write: &mut Write,
    workspace: &Workspace,
    key: &DocumentKey,
    number: i64,
    from_folder: bool,
    deleted: bool,
    updated_at: Timestamp,
    hash: String,
    content: String,
) -> Result<(), KnowledgeError> {
    sqlx::query(
        "INSERT INTO document (workspace, kind, id, language, number, origin, deleted, updated_at, hash, content)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (workspace, kind, id, language) DO UPDATE SET number = excluded.number, origin = excluded.origin,
         deleted = excluded.deleted, updated_at = excluded.updated_at, hash = excluded.hash, content = excluded.content",
    )
    .bind(workspace.as_str().to_owned())
    .bind(key.kind as i64)
    .bind(key.id.as_str().to_owned())
    .bind(key.language.as_str().to_owned())
    .bind(number)
    .bind(i64::from(from_folder))
    .bind(i64::from(deleted))
    .bind(nanoseconds(updated_at))
    .bind(hash)
    .bind(content)
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Records that the same content was put at a later time.
pub async fn touch(write: &mut Write, workspace: &Workspace, key: &DocumentKey, updated_at: Timestamp) -> Result<(), KnowledgeError> {
    sqlx::query("UPDATE document SET updated_at = $1 WHERE workspace = $2 AND kind = $3 AND id = $4 AND language = $5")
        .bind(nanoseconds(updated_at))
        .bind(workspace.as_str().to_owned())
        .bind(key.kind as i64)
        .bind(key.id.as_str().to_owned())
        .bind(key.language.as_str().to_owned())
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Returns the changes after a number, in order, at most `limit`.
pub async fn changes(store: &Store, workspace: &Workspace, after: i64, limit: i64) -> Result<Vec<Change>, KnowledgeError> {
    let rows = sqlx::query(
        "SELECT kind, id, language, origin, deleted, updated_at, hash, number, content FROM document
         WHERE workspace = $1 AND number > $2 ORDER BY number LIMIT $3",
    )
    .bind(workspace.as_str().to_owned())
    .bind(after)
    .bind(limit)
    .fetch_all(store.reads())
    .await?;
    rows.iter()
        .map(|row| {
            let document = if stored_document(row, 3)?.deleted { None } else { Some(document(row, 3, 8)?) };
            Ok(Change { number: row.try_get(7)?, key: key(row, 0)?, document })
        })
        .collect()
}

/// Returns how many documents changed after a number.
pub async fn count_changes(store: &Store, workspace: &Workspace, after: i64) -> Result<i64, KnowledgeError> {
    let count = sqlx::query_scalar("SELECT COUNT(*) FROM document WHERE workspace = $1 AND number > $2");
    Ok(count.bind(workspace.as_str().to_owned()).bind(after).fetch_one(store.reads()).await?)
}

/// Returns documents of a kind as their authors wrote them, in order of id and language, after the one that `after` names.
pub async fn list(
    store: &Store,
    workspace: &Workspace,
    kind: Kind,
    after: &(String, String),
    limit: i64,
) -> Result<Vec<Document>, KnowledgeError> {
    let rows = sqlx::query(
        "SELECT kind, id, language, origin, deleted, updated_at, hash, number, content FROM document
         WHERE workspace = $1 AND kind = $2 AND deleted = 0 AND (id, language) > ($3, $4) ORDER BY id, language LIMIT $5",
    )
    .bind(workspace.as_str().to_owned())
    .bind(kind as i64)
    .bind(after.0.clone())
    .bind(after.1.clone())
    .bind(limit)
    .fetch_all(store.reads())
    .await?;
    rows.iter().map(|row| written_document(row, 3, 8)).collect()
}

/// Returns the versions of documents with these ids, without their texts.
pub async fn keys(store: &Store, workspace: &Workspace, kind: Kind, ids: &[String]) -> Result<Vec<DocumentKey>, KnowledgeError> {
    let mut found = Vec::new();
    for ids in sql::pieces(ids, 1) {
        let statement = format!(
            "SELECT kind, id, language FROM document WHERE workspace = $1 AND kind = $2 AND deleted = 0 AND id IN (VALUES {})",
            sql::placeholders(3, ids.len(), 1)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement)).bind(workspace.as_str().to_owned()).bind(kind as i64);
        for id in ids {
            query = query.bind(id.clone());
        }
        for row in query.fetch_all(store.reads()).await? {
            found.push(key(&row, 0)?);
        }
    }
    Ok(found)
}

/// Returns every language version of one document.
pub async fn document_versions(store: &Store, workspace: &Workspace, kind: Kind, id: &Id) -> Result<Vec<Document>, KnowledgeError> {
    let rows = sqlx::query(
        "SELECT kind, id, language, origin, deleted, updated_at, hash, number, content FROM document
         WHERE workspace = $1 AND kind = $2 AND id = $3 AND deleted = 0 ORDER BY language",
    )
    .bind(workspace.as_str().to_owned())
    .bind(kind as i64)
    .bind(id.as_str().to_owned())
    .fetch_all(store.reads())
    .await?;
    rows.iter().map(|row| document(row, 3, 8)).collect()
}

pub fn key(row: &AnyRow, first: usize) -> Result<DocumentKey, KnowledgeError> {
    let kind = Kind::from_stored(row.try_get(first)?)?;
    let id = Id::new(row.try_get::<String, _>(first + 1)?).map_err(StoreError::malformed)?;
    let language = Language::parse(row.try_get::<String, _>(first + 2)?.as_str()).map_err(StoreError::malformed)?;
    Ok(DocumentKey { kind, id, language })
}

fn stored_document(row: &AnyRow, first: usize) -> Result<StoredDocument, KnowledgeError> {
    Ok(StoredDocument {
        from_folder: row.try_get::<i64, _>(first)? != 0,
        deleted: row.try_get::<i64, _>(first + 1)? != 0,
        updated_at: timestamp(row.try_get(first + 2)?)?,
        hash: row.try_get(first + 3)?,
    })
}

/// Returns a row's document as readers see it: see [`Document::visible`].
pub fn document(row: &AnyRow, kept: usize, content: usize) -> Result<Document, KnowledgeError> {
    Ok(written_document(row, kept, content)?.visible())
}

fn written_document(row: &AnyRow, kept: usize, content: usize) -> Result<Document, KnowledgeError> {
    let kept = stored_document(row, kept)?;
    let mut document: Document = serde_json::from_str(&row.try_get::<String, _>(content)?)?;
    document.from_folder = kept.from_folder;
    document.updated_at = kept.updated_at;
    Ok(document)
}
