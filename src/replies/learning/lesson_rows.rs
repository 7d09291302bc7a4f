//! The rows of lessons, stored apart from the chats and the documents.
//!
//! A lesson whose text no longer exists, because the document was deleted or rewritten, is a tombstone: it does not vote and is shown to
//! nobody, but it comes back with the text within [`TOMBSTONE_DAYS`].

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::Redacted,
    ids::{Id, Workspace},
    knowledge::{DocumentKey, Kind},
    replies::{
        error::ReplyError,
        learning::{outcome::Verdict, situation::Situation},
    },
    store::{Store, StoreError, Write, nanoseconds, sql, timestamp},
    text::Language,
};

/// Most lessons of one verdict on a document's version, and those of a workspace for documents and against them; the oldest are deleted.
/// A workspace keeps `MAX_LESSONS` tombstones, too.
const MAX_OF_DOCUMENT: i64 = 200;
pub const MAX_LESSONS: i64 = 20_000;
pub const MAX_LESSONS_AGAINST: i64 = 5_000;
/// How long a tombstone is kept.
const TOMBSTONE_DAYS: i64 = 30;
/// Tombstones removed in one write.
const REMOVED_AT_ONCE: u64 = 500;

/// A chat's words before a document answered in it, or was dismissed.
#[derive(Debug, Clone)]
pub struct Lesson {
    pub chat_id: String,
    pub document: DocumentKey,
    pub verdict: Verdict,
    /// How many of the chat's messages precede the answer.
    pub turn: i64,
    /// The hash of the document's text.
    pub hash: String,
    /// Identifies the customer.
    pub customer: String,
    pub at: Timestamp,
    pub situation: Situation,
}

/// How far lessons have been read, and checked against the catalog.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counter {
    /// The last lesson's number.
    pub number: i64,
    /// How often lessons were removed.
    pub removals: i64,
    /// The last change of the catalog that they were checked against.
    pub documents: i64,
}

/// Returns the counter of a workspace.
pub async fn counter(store: &Store, workspace: &Workspace) -> Result<Counter, ReplyError> {
    let row: Option<(i64, i64, i64)> = sqlx::query_as("SELECT number, removals, documents FROM lesson_counter WHERE workspace = $1")
        .bind(workspace.as_str().to_owned())
        .fetch_optional(store.reads())
        .await?;
    Ok(row.map(|(number, removals, documents)| Counter { number, removals, documents }).unwrap_or_default())
}

/// Stores lessons; an existing one stays as it is, unless it is against a document that answered after all.
pub async fn insert(write: &mut Write, workspace: &Workspace, lessons: &[Lesson]) -> Result<(), ReplyError> {
    const COLUMNS: usize = 12;
    if lessons.is_empty() {
        return Ok(());
    }
    let name = workspace.as_str();
    let count = i64::try_from(lessons.len()).unwrap_or(i64::MAX);
    let last: i64 = sqlx::query_scalar(
        "INSERT INTO lesson_counter (workspace, number, removals, documents) VALUES ($1, $2, 0, 0)
         ON CONFLICT (workspace) DO UPDATE SET number = lesson_counter.number + $2 RETURNING number",
    )
    .bind(name.to_owned())
    .bind(count)
    .fetch_one(&mut **write)
    .await?;
    // A new lesson replaces its tombstone, and one for a document replaces one against it.
    let supporting: Vec<&Lesson> = lessons.iter().filter(|lesson| lesson.verdict == Verdict::For).collect();
    delete_same(write, name, &lessons.iter().collect::<Vec<&Lesson>>(), "deleted_at > 0").await?;
    if delete_same(write, name, &supporting, "verdict = 2").await? > 0 {
        removed(write, name).await?;
    }
    let numbered: Vec<(i64, &Lesson)> = (last - count + 1..).zip(lessons).collect();
    for lessons in sql::pieces(&numbered, COLUMNS) {
        let statement = format!(
            "INSERT INTO lesson (workspace, chat_id, kind, document_id, turn, number, language, verdict, hash, customer, at, words) VALUES {}
             ON CONFLICT (workspace, chat_id, kind, document_id, turn) DO NOTHING",
            sql::placeholders(1, lessons.len(), COLUMNS)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (number, lesson) in lessons {
            query = query
                .bind(name.to_owned())
                .bind(lesson.chat_id.clone())
                .bind(lesson.document.kind as i64)
                .bind(lesson.document.id.to_string())
                .bind(lesson.turn)
                .bind(*number)
                .bind(lesson.document.language.to_string())
                .bind(lesson.verdict as i64)
                .bind(lesson.hash.clone())
                .bind(lesson.customer.clone())
                .bind(nanoseconds(lesson.at))
                .bind(lesson.situation.lines());
        }
        query.execute(&mut **write).await?;
    }
    let judged: HashSet<(&DocumentKey, Verdict)> = lessons.iter().map(|lesson| (&lesson.document, lesson.verdict)).collect();
    for (document, verdict) in judged {
        sqlx::query(
            "DELETE FROM lesson WHERE workspace = $1 AND kind = $2 AND document_id = $3 AND language = $4 AND verdict = $5 AND deleted_at = 0
               AND number <=
               (SELECT number FROM lesson WHERE workspace = $1 AND kind = $2 AND document_id = $3 AND language = $4 AND verdict = $5
                AND deleted_at = 0 ORDER BY number DESC LIMIT 1 OFFSET $6)",
        )
        .bind(name.to_owned())
        .bind(document.kind as i64)
        .bind(document.id.to_string())
        .bind(document.language.to_string())
        .bind(verdict as i64)
        .bind(MAX_OF_DOCUMENT)
        .execute(&mut **write)
        .await?;
    }
    for (verdict, most) in [(Verdict::For, MAX_LESSONS), (Verdict::Against, MAX_LESSONS_AGAINST)] {
        sqlx::query(
            "DELETE FROM lesson WHERE workspace = $1 AND verdict = $2 AND deleted_at = 0 AND number <=
               (SELECT number FROM lesson WHERE workspace = $1 AND verdict = $2 AND deleted_at = 0 ORDER BY number DESC LIMIT 1 OFFSET $3)",
        )
        .bind(name.to_owned())
        .bind(verdict as i64)
        .bind(most)
        .execute(&mut **write)
        .await?;
    }
    Ok(())
}

/// Deletes lessons of which this holds that are about the same document at the same place as these; returns how many.
async fn delete_same(write: &mut Write, workspace: &str, lessons: &[&Lesson], holds: &'static str) -> Result<u64, ReplyError> {
    let mut deleted = 0;
    for lessons in sql::pieces(lessons, 4) {
        let statement = format!(
            "DELETE FROM lesson WHERE workspace = $1 AND {holds} AND (chat_id, kind, document_id, turn) IN (VALUES {})",
            sql::placeholders(2, lessons.len(), 4)
        );
        let mut query = sqlx::query(AssertSqlSafe(statement)).bind(workspace.to_owned());
        for lesson in lessons {
            let document = &lesson.document;
            query = query.bind(lesson.chat_id.clone()).bind(document.kind as i64).bind(document.id.to_string()).bind(lesson.turn);
        }
        deleted += query.execute(&mut **write).await?.rows_affected();
    }
    Ok(deleted)
}

/// Returns the lessons after a number, in order, at most `limit`, with their numbers; no tombstones.
pub async fn after(store: &Store, workspace: &Workspace, number: i64, limit: i64) -> Result<Vec<(i64, Lesson)>, ReplyError> {
    let rows = sqlx::query(
        "SELECT number, chat_id, kind, document_id, language, turn, hash, customer, at, words, verdict FROM lesson
         WHERE workspace = $1 AND number > $2 AND deleted_at = 0 ORDER BY number LIMIT $3",
    )
    .bind(workspace.as_str().to_owned())
    .bind(number)
    .bind(limit)
    .fetch_all(store.reads())
    .await?;
    let lesson = |row: &sqlx::any::AnyRow| {
        let kind = Kind::from_stored(row.try_get(2)?)?;
        let id = Id::new(row.try_get::<String, _>(3)?).map_err(StoreError::malformed)?;
        let language = Language::parse(row.try_get::<String, _>(4)?.as_str()).map_err(StoreError::malformed)?;
        let lesson = Lesson {
            chat_id: row.try_get(1)?,
            document: DocumentKey { kind, id, language },
            verdict: Verdict::from_stored(row.try_get(10)?)?,
            turn: row.try_get(5)?,
            hash: row.try_get(6)?,
            customer: row.try_get(7)?,
            at: timestamp(row.try_get(8)?)?,
            situation: Situation::read(&row.try_get::<String, _>(9)?),
        };
        Ok((row.try_get(0)?, lesson))
    };
    rows.iter().map(lesson).collect()
}

/// Deletes the lessons of a chat that was redacted.
pub async fn wipe_taught(write: &mut Write, redacted: &Redacted<'_>) -> Result<(), StoreError> {
    let gone = sqlx::query("DELETE FROM lesson WHERE workspace = $1 AND chat_id = $2")
        .bind(redacted.workspace.to_owned())
        .bind(redacted.chat_id.to_owned())
        .execute(&mut **write)
        .await?;
    if gone.rows_affected() > 0 { removed(write, redacted.workspace).await } else { Ok(()) }
}

/// Deletes the lessons of erased chats, tombstones included.
pub async fn erase(write: &mut Write, workspace: &Workspace, chat_ids: &[String]) -> Result<(), ReplyError> {
    let mut gone = 0;
    for chat_id in chat_ids {
        let query = sqlx::query("DELETE FROM lesson WHERE workspace = $1 AND chat_id = $2");
        gone += query.bind(workspace.as_str().to_owned()).bind(chat_id.clone()).execute(&mut **write).await?.rows_affected();
    }
    if gone > 0 {
        removed(write, workspace.as_str()).await?;
    }
    Ok(())
}

/// Updates which lessons of a document vote, now that its text is this one, or it has none: lessons of another text become tombstones, and
/// those of this text come back. Returns whether anything changed.
pub async fn settle(
    write: &mut Write,
    workspace: &Workspace,
    document: &DocumentKey,
    hash: Option<&str>,
    now: Timestamp,
) -> Result<bool, ReplyError> {
    let of_document = "workspace = $1 AND kind = $2 AND document_id = $3 AND language = $4";
    let bury = format!("UPDATE lesson SET deleted_at = $6 WHERE {of_document} AND hash <> $5 AND deleted_at = 0");
    let restore = format!("UPDATE lesson SET deleted_at = 0 WHERE {of_document} AND hash = $5 AND deleted_at > $6");
    let mut changed = 0;
    for (statement, time) in [(bury, nanoseconds(now)), (restore, nanoseconds(expired_at(now)))] {
        let query = sqlx::query(AssertSqlSafe(statement))
            .bind(workspace.as_str().to_owned())
            .bind(document.kind as i64)
            .bind(document.id.to_string())
            .bind(document.language.to_string())
            .bind(hash.unwrap_or_default().to_owned())
            .bind(time);
        changed += query.execute(&mut **write).await?.rows_affected();
    }
    Ok(changed > 0)
}

/// Returns the time up to which tombstones have expired.
fn expired_at(now: Timestamp) -> Timestamp {
    now - SignedDuration::from_hours(24 * TOMBSTONE_DAYS)
}

/// Removes tombstones that are too old, or too many, in small batches; returns how many.
pub async fn remove_tombstones(store: &Store, workspace: &Workspace, now: Timestamp) -> Result<u64, ReplyError> {
    let mut removed = 0;
    loop {
        let mut write = store.begin().await?;
        let statement = format!(
            "DELETE FROM lesson WHERE workspace = $1 AND number IN
               (SELECT number FROM lesson WHERE workspace = $1 AND deleted_at > 0 AND (deleted_at <= $2 OR deleted_at <
                  (SELECT deleted_at FROM lesson WHERE workspace = $1 AND deleted_at > 0 ORDER BY deleted_at DESC LIMIT 1 OFFSET $3))
                ORDER BY deleted_at LIMIT {REMOVED_AT_ONCE})"
        );
        let query = sqlx::query(AssertSqlSafe(statement)).bind(workspace.as_str().to_owned());
        let gone = query.bind(nanoseconds(expired_at(now))).bind(MAX_LESSONS).execute(&mut *write).await?.rows_affected();
        if gone > 0 {
            store.mark_wipe(&mut write).await?;
        }
        write.commit().await?;
        removed += gone;
        if gone < REMOVED_AT_ONCE {
            return Ok(removed);
        }
    }
}

/// Records that lessons were removed, or came back.
pub async fn removed(write: &mut Write, workspace: &str) -> Result<(), StoreError> {
    sqlx::query("UPDATE lesson_counter SET removals = removals + 1 WHERE workspace = $1")
        .bind(workspace.to_owned())
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Records that lessons were checked against the catalog's changes up to a number.
pub async fn checked(write: &mut Write, workspace: &Workspace, documents: i64) -> Result<(), ReplyError> {
    sqlx::query(
        "INSERT INTO lesson_counter (workspace, number, removals, documents) VALUES ($1, 0, 0, $2)
         ON CONFLICT (workspace) DO UPDATE SET documents = $2",
    )
    .bind(workspace.as_str().to_owned())
    .bind(documents)
    .execute(&mut **write)
    .await?;
    Ok(())
}
