//! The rows of chats' codes, by which a reply that has another customer's is known.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::AssertSqlSafe;
use tokio::task::spawn_blocking;

use crate::{
    chats::{Chat, Chats, MAX_READ_BYTES, codes::codes_of, error::ChatError, event_page_rows, newly_said::NewlySaid},
    store::{StoreError, Write, sql},
};

/// Chats with a code that are looked at: one that more have is no one customer's.
const MAX_CHATS: usize = 20;

/// Stores the codes of new events; of a chat that was redacted, those that are left.
pub async fn store_said(write: &mut Write, said: &[NewlySaid<'_>]) -> Result<(), ChatError> {
    let mut rows: Vec<(&str, String, i64)> = Vec::new();
    for chat in said {
        let codes = if chat.redactions.is_empty() {
            chat.new.iter().flat_map(|kept| &kept.prepared.said.codes).cloned().collect()
        } else {
            sqlx::query("DELETE FROM chat_code WHERE chat = $1").bind(chat.number).execute(&mut **write).await?;
            let events = event_page_rows::recent_of_locked(write, chat.number, MAX_READ_BYTES).await?;
            let left = move || events.iter().flat_map(|event| codes_of(&event.body)).collect::<BTreeSet<String>>();
            spawn_blocking(left).await.map_err(|_| StoreError::Busy)?
        };
        rows.extend(codes.into_iter().map(|code| (chat.workspace, code, chat.number)));
    }
    const COLUMNS: usize = 3;
    for rows in sql::insert_pieces(&rows, COLUMNS) {
        let into = "chat_code (workspace, code, chat)";
        let statement = sql::insert(write.dialect(), into, rows.len(), COLUMNS) + " ON CONFLICT (workspace, code, chat) DO NOTHING";
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (workspace, code, number) in rows {
            query = query.bind((*workspace).to_owned()).bind(code.clone()).bind(*number);
        }
        query.execute(&mut **write).await?;
    }
    Ok(())
}

impl Chats {
    /// Of codes, those that belong to one other customer: other chats have them, all of one customer who is not this chat's, and neither this
    /// chat nor another of its customer has them.
    pub async fn codes_of_another(&self, chat: &Chat, codes: &BTreeSet<String>) -> Result<BTreeSet<String>, ChatError> {
        let mut of_another = BTreeSet::new();
        for code in codes {
            let statement = format!(
                "SELECT chat.chat_id, chat.customer_id FROM chat_code JOIN chat ON chat.number = chat_code.chat
                 WHERE chat_code.workspace = $1 AND chat_code.code = $2 LIMIT {MAX_CHATS}"
            );
            let query = sqlx::query_as(AssertSqlSafe(statement)).bind(self.workspace.as_str().to_owned()).bind(code.clone());
            let chats: Vec<(String, String)> = query.fetch_all(self.log.store.reads()).await?;
            let own = &chat.summary.customer_id;
            let is_own = |(chat_id, customer_id): &(String, String)| *chat_id == chat.chat_id || (!own.is_empty() && customer_id == own);
            // A chat without a customer is somebody's of its own.
            let whose: BTreeMap<&str, ()> = chats
                .iter()
                .map(|(chat_id, customer_id)| (if customer_id.is_empty() { chat_id } else { customer_id }.as_str(), ()))
                .collect();
            if whose.len() == 1 && !chats.iter().any(is_own) {
                of_another.insert(code.clone());
            }
        }
        Ok(of_another)
    }
}
