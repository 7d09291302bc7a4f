//! Lessons: what chats taught, kept apart from the chats and from the documents.

use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use super::{ReplyError, learned::Situation};
use crate::{
    config::Workspace,
    knowledge::{DocumentKey, Kind},
    store::{Store, StoreError, Write, nanoseconds, sql, timestamp},
    text::{Id, Language},
};

/// Most lessons of a document's version, and of a workspace; the oldest go.
pub const MOST_OF_DOCUMENT: i64 = 200;
pub const MOST: i64 = 20_000;

/// A chat's words before a document answered in it.
#[derive(Debug, Clone)]
pub struct Lesson {
    pub chat_id: String,
    pub document: DocumentKey,
    /// How many of the chat's messages stand before the answer.
    pub turn: i64,
    /// Of the document's text.
    pub hash: String,
    /// Tells customers apart.
    pub customer: String,
    pub at: Timestamp,
    pub situation: Situation,
}

/// How far lessons have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counter {
    /// The last lesson's number.
    pub number: i64,
    /// How often lessons were taken away.
    pub removals: i64,
    /// The last change of the catalog that they were checked against.
    pub documents: i64,
}

/// How far lessons have come.
pub async fn counter(store: &Store, workspace: &Workspace) -> Result<Counter, ReplyError> {
    let row: Option<(i64, i64, i64)> = sqlx::query_as("SELECT number, removals, documents FROM lesson_counter WHERE workspace = $1")
        .bind(workspace.as_str().to_owned())
        .fetch_optional(store.reads())
        .await?;
    Ok(row.map(|(number, removals, documents)| Counter { number, removals, documents }).unwrap_or_default())
}

/// Writes lessons down; one that is known already stays as it is.
pub async fn insert(write: &mut Write, workspace: &Workspace, lessons: &[Lesson]) -> Result<(), ReplyError> {
    const COLUMNS: usize = 11;
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
    let numbered: Vec<(i64, &Lesson)> = (last - count + 1..).zip(lessons).collect();
    for lessons in sql::pieces(&numbered, COLUMNS) {
        let statement = format!(
            "INSERT INTO lesson (workspace, chat_id, kind, document_id, turn, number, language, hash, customer, at, words) VALUES {}
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
                .bind(lesson.hash.clone())
                .bind(lesson.customer.clone())
                .bind(nanoseconds(lesson.at))
                .bind(lesson.situation.lines());
        }
        query.execute(&mut **write).await?;
    }
    let documents: HashSet<&DocumentKey> = lessons.iter().map(|lesson| &lesson.document).collect();
    for document in documents {
        sqlx::query(
            "DELETE FROM lesson WHERE workspace = $1 AND kind = $2 AND document_id = $3 AND language = $4 AND number <=
               (SELECT number FROM lesson WHERE workspace = $1 AND kind = $2 AND document_id = $3 AND language = $4
                ORDER BY number DESC LIMIT 1 OFFSET $5)",
        )
        .bind(name.to_owned())
        .bind(document.kind as i64)
        .bind(document.id.to_string())
        .bind(document.language.to_string())
        .bind(MOST_OF_DOCUMENT)
        .execute(&mut **write)
        .await?;
    }
    sqlx::query(
        "DELETE FROM lesson WHERE workspace = $1 AND number <=
           (SELECT number FROM lesson WHERE workspace = $1 ORDER BY number DESC LIMIT 1 OFFSET $2)",
    )
    .bind(name.to_owned())
    .bind(MOST)
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Lessons after a number, in order, at most `most`, with their numbers.
pub async fn after(store: &Store, workspace: &Workspace, number: i64, most: i64) -> Result<Vec<(i64, Lesson)>, ReplyError> {
    let rows = sqlx::query(
        "SELECT number, chat_id, kind, document_id, language, turn, hash, customer, at, words FROM lesson
         WHERE workspace = $1 AND number > $2 ORDER BY number LIMIT $3",
    )
    .bind(workspace.as_str().to_owned())
    .bind(number)
    .bind(most)
    .fetch_all(store.reads())
    .await?;
    let lesson = |row: &sqlx::any::AnyRow| {
        let kind = if row.try_get::<i64, _>(2)? == Kind::Article as i64 { Kind::Article } else { Kind::CannedAnswer };
        let id = Id::new(row.try_get::<String, _>(3)?).map_err(StoreError::malformed)?;
        let language = Language::parse(row.try_get::<String, _>(4)?.as_str()).map_err(StoreError::malformed)?;
        let lesson = Lesson {
            chat_id: row.try_get(1)?,
            document: DocumentKey { kind, id, language },
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

/// Takes away what chats taught that are erased.
pub async fn erase(write: &mut Write, workspace: &Workspace, chat_ids: &[String]) -> Result<(), ReplyError> {
    let mut gone = 0;
    for chat_id in chat_ids {
        let query = sqlx::query("DELETE FROM lesson WHERE workspace = $1 AND chat_id = $2");
        gone += query.bind(workspace.as_str().to_owned()).bind(chat_id.clone()).execute(&mut **write).await?.rows_affected();
    }
    if gone > 0 { removed(write, workspace).await } else { Ok(()) }
}

/// Takes away what was learned for a document unless its text is still this one; tells whether there was something.
pub async fn drop_others(write: &mut Write, workspace: &Workspace, document: &DocumentKey, hash: Option<&str>) -> Result<bool, ReplyError> {
    let query = sqlx::query("DELETE FROM lesson WHERE workspace = $1 AND kind = $2 AND document_id = $3 AND language = $4 AND hash <> $5")
        .bind(workspace.as_str().to_owned())
        .bind(document.kind as i64)
        .bind(document.id.to_string())
        .bind(document.language.to_string())
        .bind(hash.unwrap_or_default().to_owned());
    Ok(query.execute(&mut **write).await?.rows_affected() > 0)
}

/// Says that lessons were taken away.
pub async fn removed(write: &mut Write, workspace: &Workspace) -> Result<(), ReplyError> {
    sqlx::query("UPDATE lesson_counter SET removals = removals + 1 WHERE workspace = $1")
        .bind(workspace.as_str().to_owned())
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Remembers that lessons were checked against the catalog's changes up to a number.
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
