//! A person's data: exported whole, erased whole.

use serde_json::json;

use super::{Replies, ReplyError, offer_rows};
use crate::{chats::ChatError, config::Workspace, text::Id};

/// What was erased.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Erased {
    pub chats: u64,
    pub events: u64,
    pub drafts: u64,
    pub suggestions: u64,
    pub outcomes: u64,
}

impl Replies {
    /// All that is kept of a customer, as a JSON document of at most `most_bytes`.
    pub async fn export_customer(&self, workspace: &Workspace, customer_id: &Id, most_bytes: usize) -> Result<String, ReplyError> {
        let mut chats = self.chats.export(workspace, customer_id, most_bytes).await?;
        for chat in &mut chats {
            let chat_id = chat["chat_id"].as_str().unwrap_or_default().to_owned();
            chat["offers"] = self.offers.export(workspace, &chat_id).await?;
        }
        let json = format!("{:#}\n", json!({ "customer_id": customer_id.as_str(), "chats": chats }));
        if json.len() > most_bytes {
            return Err(ChatError::TooLarge("customer's data").into());
        }
        Ok(json)
    }

    /// Erases a customer: their chats, and all that was made of them, in one write.
    pub async fn erase_customer(&self, workspace: &Workspace, customer_id: &Id) -> Result<Erased, ReplyError> {
        let mut write = self.store.begin().await?;
        let chats = self.chats.erase_customer(&mut write, workspace, customer_id.as_str()).await?;
        let offers = offer_rows::erase(&mut write, workspace, &chats.chat_ids).await?;
        write.commit().await?;
        self.store.empty_log().await;
        Ok(Erased {
            chats: chats.chat_ids.len() as u64,
            events: chats.events,
            drafts: offers.drafts,
            suggestions: offers.suggestions,
            outcomes: offers.outcomes,
        })
    }
}
