//! One person's chats, exported and erased; and the erasure of expired chats.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    chats::{
        Chats, chat_rows,
        error::ChatError,
        promise_rows, running_summary_rows,
        stored_promise::{StoredPromise, StoredStatus},
    },
    ids::Id,
    store::{StoreError, Write},
};

/// The result of erasing a person's chats.
#[derive(Debug, Default)]
pub struct ErasedChats {
    /// The erased chats.
    pub chat_ids: Vec<String>,
    /// The numbers that they had.
    pub numbers: Vec<i64>,
    /// How many events they had in all.
    pub events: u64,
}

fn exported(promise: &StoredPromise) -> Value {
    let StoredPromise { sequence: _, place: _, event_id, agent_id, agent_name, text, made_at, due_at, status } = promise;
    json!({
        "event_id": event_id,
        "agent_id": agent_id,
        "agent_name": agent_name,
        "text": text,
        "made_at": made_at.to_string(),
        "due": due_at.map(|due_at| due_at.to_string()),
        "status": match status {
            StoredStatus::Open => "open",
            StoredStatus::Kept => "kept",
            StoredStatus::Withdrawn => "withdrawn",
        },
    })
}

impl Chats {
    /// Returns all chats of a customer with all their events, as JSON of at most `max_bytes`.
    pub async fn export(&self, customer_id: &Id, max_bytes: usize) -> Result<Vec<Value>, ChatError> {
        let mut chats = Vec::new();
        let mut bytes = 0;
        for (number, chat_id) in chat_rows::of_customer(self.log.store.reads(), self.workspace.as_str(), customer_id.as_str()).await? {
            let read = self.whole(&chat_id, max_bytes).await?;
            let events = read.ok_or(ChatError::TooLarge("customer's data"))?;
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
            let promises: Vec<Value> = promise_rows::of_chat(self.log.store.reads(), number).await?.iter().map(exported).collect();
            let summary = running_summary_rows::text_of(self.log.store.reads(), number).await?;
            let chat = json!({ "chat_id": chat_id, "events": events, "promises": promises, "running_summary": summary });
            bytes += chat.to_string().len();
            if bytes > max_bytes {
                return Err(ChatError::TooLarge("customer's data"));
            }
            chats.push(chat);
        }
        if chats.is_empty() { Err(ChatError::CustomerNotFound(customer_id.to_string())) } else { Ok(chats) }
    }

    /// Erases the chats that ever named a customer, inside a write that the caller commits.
    pub async fn erase_customer(&self, write: &mut Write, customer_id: &str) -> Result<ErasedChats, ChatError> {
        let mut erased = ErasedChats::default();
        for (number, chat_id) in chat_rows::of_customer(&mut **write, self.workspace.as_str(), customer_id).await? {
            if let Some(events) = chat_rows::erase(write, number, None).await? {
                erased.events += events;
                erased.chat_ids.push(chat_id);
                erased.numbers.push(number);
            }
        }
        Ok(erased)
    }

    /// Returns the chats of a workspace whose last event is older than `time`, the oldest first: their numbers and ids.
    pub async fn idle_since(&self, time: Timestamp, limit: usize) -> Result<Vec<(i64, String)>, ChatError> {
        chat_rows::idle_since(&self.log.store, self.workspace.as_str(), time, limit).await
    }

    /// Erases one chat inside a write that the caller commits, unless it continued since `time`; returns whether it was erased.
    pub async fn erase_idle(&self, write: &mut Write, number: i64, time: Timestamp) -> Result<bool, ChatError> {
        Ok(chat_rows::erase(write, number, Some(time)).await?.is_some())
    }

    /// Returns the number of a chat, which it has from its first event to its erasure; `None` if there is none.
    pub async fn number(&self, chat_id: &Id) -> Result<Option<i64>, ChatError> {
        chat_rows::number(&self.log.store, self.workspace.as_str(), chat_id.as_str()).await
    }

    /// Locks a chat for the rest of a write, and returns its number; `None` if there is none.
    pub async fn hold(write: &mut Write, workspace: &str, chat_id: &str) -> Result<Option<i64>, StoreError> {
        chat_rows::hold(write, workspace, chat_id).await
    }
}
