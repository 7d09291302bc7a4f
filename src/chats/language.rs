//! The language of a chat's customer.

use std::borrow::Cow;

use crate::{
    chats::{
        Chats, MIN_READ_BYTES,
        error::ChatError,
        event::{Author, EventBody, NewEvent},
        fold::Chat,
    },
    ids::Id,
    text::{Language, detect, lookup},
};

/// Messages of the customer, the latest ones, that a language is detected in.
const DETECTED_IN: usize = 10;

impl Chat {
    /// Returns the reported language of the customer: the shop's, or that of their latest message.
    pub fn reported_language(&self) -> Option<&Language> {
        let by_message = self.turns_with_customer().iter().rev().find(|turn| turn.message.author == Author::Customer);
        by_message.and_then(|turn| turn.message.language.as_ref()).or(self.customer.language.as_ref())
    }

    /// Returns the language of the customer: the reported one, as a variant of the workspace's `languages` if it is one; else the detected one.
    pub fn language(&self, languages: &[Language]) -> Option<Language> {
        if let Some(reported) = self.reported_language() {
            return Some(lookup(reported, languages.iter()).unwrap_or(reported).clone());
        }
        let of_customer = self.turns_with_customer().iter().rev().filter(|turn| turn.message.author == Author::Customer);
        let written: Vec<Cow<'_, str>> = of_customer.map(|turn| turn.message.asked()).take(DETECTED_IN).collect();
        detect(&written.join("\n"), languages)
    }
}

impl Chats {
    /// Returns the language in which a chat is counted that these events rate, as a tag; empty if they do not, or if it is not known.
    pub async fn language_of_rated(&self, chat_id: &Id, new: &[NewEvent], languages: &[Language]) -> Result<String, ChatError> {
        if !new.iter().any(|event| matches!(event.body, EventBody::Rating(_))) {
            return Ok(String::new());
        }
        let chat = Chats { max_read_bytes: MIN_READ_BYTES, ..self.clone() }.chat_with(chat_id, new).await?;
        Ok(chat.and_then(|chat| chat.language(languages)).as_ref().map(Language::to_string).unwrap_or_default())
    }
}
