//! The learning queue: a chat's row records how far its events were read for learning, so that none is read twice or missed, whatever ends
//! in between.

use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::{Chats, error::ChatError},
    store::Write,
};

/// A chat with unread events for learning.
#[derive(Debug, Clone)]
pub struct Teaching {
    /// The chat's own number in the database, by which its events are keyed.
    pub number: i64,
    /// The chat's id within its workspace.
    pub chat_id: String,
    /// Events up to this sequence were read.
    pub taught_to: i64,
}

impl Chats {
    /// Returns the chats with unread events for learning, oldest first.
    pub async fn teaching(&self, most: usize) -> Result<Vec<Teaching>, ChatError> {
        let statement =
            format!("SELECT number, chat_id, taught_to FROM chat WHERE workspace = $1 AND teaches = 1 ORDER BY number LIMIT {most}");
        let rows = sqlx::query(AssertSqlSafe(statement)).bind(self.workspace.as_str().to_owned()).fetch_all(self.log.store.reads()).await?;
        let chat = |row: &sqlx::any::AnyRow| Ok(Teaching { number: row.try_get(0)?, chat_id: row.try_get(1)?, taught_to: row.try_get(2)? });
        rows.iter().map(chat).collect()
    }

    /// Records that a chat's events were read up to a sequence, its last, and locks its row for the rest of the write. Returns `false` if
    /// the chat was deleted, got new events, was redacted, or was read by another meanwhile.
    pub async fn taught(write: &mut Write, chat: &Teaching, to: i64) -> Result<bool, ChatError> {
        let done = sqlx::query(
            "UPDATE chat SET taught_to = $1, teaches = 0 WHERE number = $2 AND taught_to = $3 AND teaches = 1 AND last_sequence = $1",
        )
        .bind(to)
        .bind(chat.number)
        .bind(chat.taught_to)
        .execute(&mut **write)
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Marks a chat as having something to learn that is not in its events.
    pub async fn teaches(write: &mut Write, workspace: &str, chat_id: &str) -> Result<(), ChatError> {
        sqlx::query("UPDATE chat SET teaches = 1 WHERE workspace = $1 AND chat_id = $2")
            .bind(workspace.to_owned())
            .bind(chat_id.to_owned())
            .execute(&mut **write)
            .await?;
        Ok(())
    }
}

/// Makes learning reread a redacted chat from its beginning.
pub async fn unteach(write: &mut Write, number: i64) -> Result<(), ChatError> {
    sqlx::query("UPDATE chat SET teaches = 1, taught_to = 0 WHERE number = $1").bind(number).execute(&mut **write).await?;
    Ok(())
}
