//! Which chats have something to teach: how far each one's events were read for it stands in its row, so that none is read twice and none
//! is missed, whatever ends in between.

use sqlx::{AssertSqlSafe, Row};

use crate::{
    chats::{Chats, error::ChatError},
    store::{Write, sql},
};

/// A chat that has something to teach.
#[derive(Debug, Clone)]
pub struct Teaching {
    pub number: i64,
    pub chat_id: String,
    /// Events up to this sequence were read.
    pub taught_to: i64,
}

impl Chats {
    /// Chats that have something to teach, the first begun first.
    pub async fn teaching(&self, most: usize) -> Result<Vec<Teaching>, ChatError> {
        let statement =
            format!("SELECT number, chat_id, taught_to FROM chat WHERE workspace = $1 AND teaches = 1 ORDER BY number LIMIT {most}");
        let rows = sqlx::query(AssertSqlSafe(statement)).bind(self.workspace.as_str().to_owned()).fetch_all(self.log.store.reads()).await?;
        let chat = |row: &sqlx::any::AnyRow| Ok(Teaching { number: row.try_get(0)?, chat_id: row.try_get(1)?, taught_to: row.try_get(2)? });
        rows.iter().map(chat).collect()
    }

    /// Remembers that a chat's events were read up to a sequence, its last, and takes its row for the rest of the write. `false` if the chat
    /// is not there any more, went on, lost text, or was read by another meanwhile.
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

    /// Says that a chat has something to teach that is not in its events.
    pub async fn teaches(write: &mut Write, workspace: &str, chat_id: &str) -> Result<(), ChatError> {
        sqlx::query("UPDATE chat SET teaches = 1 WHERE workspace = $1 AND chat_id = $2")
            .bind(workspace.to_owned())
            .bind(chat_id.to_owned())
            .execute(&mut **write)
            .await?;
        Ok(())
    }
}

/// Says that chats have new events that may teach.
pub async fn teach(write: &mut Write, numbers: &[i64]) -> Result<(), ChatError> {
    for numbers in sql::pieces(numbers, 1) {
        let statement =
            format!("UPDATE chat SET teaches = 1 WHERE teaches = 0 AND number IN (VALUES {})", sql::placeholders(1, numbers.len(), 1));
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for number in numbers {
            query = query.bind(*number);
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

/// Has a chat that lost text read anew from its beginning.
pub async fn unteach(write: &mut Write, number: i64) -> Result<(), ChatError> {
    sqlx::query("UPDATE chat SET teaches = 1, taught_to = 0 WHERE number = $1").bind(number).execute(&mut **write).await?;
    Ok(())
}
