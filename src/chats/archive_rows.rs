//! The archive's rows: chats by filter.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};

use super::{ChatError, Summary};
use crate::{
    config::Workspace,
    store::{Store, nanoseconds},
};

/// What chats are asked for. What is `None` or empty filters nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status: Option<super::Status>,
    pub channel: Option<super::Channel>,
    pub group: String,
    pub agent_id: String,
    pub topic: String,
    pub customer_id: String,
    pub opened_after: Option<Timestamp>,
    pub opened_before: Option<Timestamp>,
    /// Every one of these words stands in a message.
    pub words: Vec<String>,
}

/// Chats that pass the filter, newest opened first, after the one that `after` names.
pub async fn list(
    store: &Store,
    workspace: &Workspace,
    filter: &Filter,
    after: Option<(i64, String)>,
    most: usize,
) -> Result<Vec<(String, Summary)>, ChatError> {
    let mut conditions = vec!["workspace = $1".to_owned()];
    let mut texts: Vec<String> = Vec::new();
    // Numbers are ours, so they may stand in the statement; texts are always bound.
    for (column, value) in
        [("status", filter.status.map(|status| status as i64)), ("channel", filter.channel.map(|channel| channel as i64))]
    {
        if let Some(value) = value {
            conditions.push(format!("{column} = {value}"));
        }
    }
    if let Some(time) = filter.opened_after {
        conditions.push(format!("opened_at >= {}", nanoseconds(time)));
    }
    if let Some(time) = filter.opened_before {
        conditions.push(format!("opened_at < {}", nanoseconds(time)));
    }
    for (column, value) in
        [("team", &filter.group), ("agent_id", &filter.agent_id), ("topic", &filter.topic), ("customer_id", &filter.customer_id)]
    {
        if !value.is_empty() {
            texts.push(value.clone());
            conditions.push(format!("{column} = ${}", texts.len() + 1));
        }
    }
    for word in &filter.words {
        texts.push(word.clone());
        conditions.push(format!(
            "EXISTS (SELECT 1 FROM chat_word WHERE chat_word.workspace = $1 AND chat_word.word = ${} AND chat_word.chat_id = chat.chat_id)",
            texts.len() + 1
        ));
    }
    if let Some((opened_at, chat_id)) = after {
        texts.push(chat_id);
        conditions.push(format!("(opened_at < {opened_at} OR (opened_at = {opened_at} AND chat_id < ${}))", texts.len() + 1));
    }
    let statement =
        format!("SELECT chat_id, summary FROM chat WHERE {} ORDER BY opened_at DESC, chat_id DESC LIMIT {most}", conditions.join(" AND "));
    let mut query = sqlx::query(AssertSqlSafe(statement)).bind(workspace.as_str().to_owned());
    for text in texts {
        query = query.bind(text);
    }
    let rows = query.fetch_all(store.reads()).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, serde_json::from_str(&row.try_get::<String, _>(1)?)?))).collect()
}
