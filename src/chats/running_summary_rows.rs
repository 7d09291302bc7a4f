//! The running summaries of long chats: one row a chat, deleted with it and whenever a message of it is redacted.

use crate::{
    chats::{Chat, Chats, error::ChatError},
    store::Write,
};

/// How the stored body of a redaction begins.
const REDACTION: &str = r#"{"kind":"redaction""#;

/// What a model wrote of the older messages of a chat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunningSummary {
    /// Statements, one a line.
    pub text: String,
    /// The event of the last message that it covers.
    pub event_id: String,
    /// How many messages it covers.
    pub messages: usize,
}

impl Chats {
    /// Returns the running summary of a chat; `None` if it has none, or one of the time before its current customer.
    pub async fn running_summary(&self, chat: &Chat) -> Result<Option<RunningSummary>, ChatError> {
        let statement = "SELECT running_summary.text, running_summary.event_id, running_summary.messages
             FROM running_summary JOIN chat ON chat.number = running_summary.chat
             WHERE chat.workspace = $1 AND chat.chat_id = $2 AND running_summary.customer_id = $3";
        let row: Option<(String, String, i64)> = sqlx::query_as(statement)
            .bind(self.workspace.as_str().to_owned())
            .bind(chat.chat_id.clone())
            .bind(chat.summary.customer_id.clone())
            .fetch_optional(self.log.store.reads())
            .await?;
        Ok(row.map(|(text, event_id, messages)| RunningSummary { text, event_id, messages: usize::try_from(messages).unwrap_or(0) }))
    }

    /// Stores what was summarized of a chat as it was read. Returns `false`, and stores nothing, if the chat was erased meanwhile or one of its
    /// messages was redacted.
    pub async fn store_running_summary(&self, chat: &Chat, summary: &RunningSummary) -> Result<bool, ChatError> {
        let mut write = self.log.store.begin().await?;
        // Locks the row: an erasure or a redaction comes wholly before or wholly after.
        let statement = "UPDATE chat SET last_sequence = last_sequence WHERE workspace = $1 AND chat_id = $2 RETURNING number";
        let query = sqlx::query_scalar(statement).bind(self.workspace.as_str().to_owned()).bind(chat.chat_id.clone());
        let Some(number) = query.fetch_optional(&mut *write).await? else {
            write.roll_back().await?;
            return Ok(false);
        };
        let number: i64 = number;
        let redactions = "SELECT COUNT(*) FROM event WHERE chat = $1 AND sequence > $2 AND substr(body, 1, 19) = $3";
        let query = sqlx::query_scalar(redactions).bind(number).bind(chat.summary.last_sequence).bind(REDACTION);
        let redactions: i64 = query.fetch_one(&mut *write).await?;
        if redactions > 0 {
            write.roll_back().await?;
            return Ok(false);
        }
        let statement = "INSERT INTO running_summary (chat, customer_id, event_id, messages, text) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (chat) DO UPDATE SET customer_id = $2, event_id = $3, messages = $4, text = $5";
        sqlx::query(statement)
            .bind(number)
            .bind(chat.summary.customer_id.clone())
            .bind(summary.event_id.clone())
            .bind(i64::try_from(summary.messages).unwrap_or(i64::MAX))
            .bind(summary.text.clone())
            .execute(&mut *write)
            .await?;
        write.commit().await?;
        Ok(true)
    }
}

/// Returns the text of a chat's running summary, whoever its customer was; empty if it has none.
pub async fn text_of<'c>(from: impl sqlx::Executor<'c, Database = sqlx::Any>, number: i64) -> Result<String, ChatError> {
    let statement = "SELECT text FROM running_summary WHERE chat = $1";
    Ok(sqlx::query_scalar(statement).bind(number).fetch_optional(from).await?.unwrap_or_default())
}

/// Deletes the running summary of a chat.
pub async fn delete(write: &mut Write, number: i64) -> Result<(), ChatError> {
    sqlx::query("DELETE FROM running_summary WHERE chat = $1").bind(number).execute(&mut **write).await?;
    Ok(())
}
