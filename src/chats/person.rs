//! One person's chats: exported, and erased.

use serde_json::{Value, json};

use super::{ChatError, Chats, event_rows};
use crate::{config::Workspace, store::Write, text::Id};

/// What was erased of a person's chats.
#[derive(Debug, Default)]
pub struct ErasedChats {
    pub chat_ids: Vec<String>,
    pub events: u64,
}

impl Chats {
    /// All chats of a customer with all their events, as JSON; at most `most_bytes` of it.
    pub async fn export(&self, workspace: &Workspace, customer_id: &Id, most_bytes: usize) -> Result<Vec<Value>, ChatError> {
        let mut chats = Vec::new();
        let mut bytes = 0;
        for chat_id in event_rows::chats_of_customer(&self.store, workspace, customer_id).await? {
            let events = event_rows::chat_events(self.store.reads(), &super::key(workspace, &chat_id), 0, i64::MAX).await?;
            let events: Vec<Value> = events
                .iter()
                .map(|event| {
                    json!({
                        "event_id": event.event_id.as_str(),
                        "sequence": event.sequence,
                        "at": event.at.to_string(),
                        "redacted": event.redacted,
                        "body": event.body,
                    })
                })
                .collect();
            let chat = json!({ "chat_id": chat_id, "events": events });
            bytes += chat.to_string().len();
            if bytes > most_bytes {
                return Err(ChatError::TooLarge("customer's data"));
            }
            chats.push(chat);
        }
        if chats.is_empty() { Err(ChatError::CustomerNotFound(customer_id.to_string())) } else { Ok(chats) }
    }

    /// Erases a customer's chats inside a write that the caller commits.
    pub async fn erase(&self, write: &mut Write, workspace: &Workspace, customer_id: &Id) -> Result<ErasedChats, ChatError> {
        let mut erased = ErasedChats { chat_ids: event_rows::chats_of_customer(&self.store, workspace, customer_id).await?, events: 0 };
        for chat_id in &erased.chat_ids {
            erased.events += event_rows::erase(write, workspace, chat_id).await?;
        }
        Ok(erased)
    }
}
