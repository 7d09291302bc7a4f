//! An event with what is made of it before it is written: off the writer, which writes one batch at a time.

use std::collections::BTreeSet;

use crate::{
    chats::{
        error::ChatError,
        event::{EventBody, Message, NewEvent},
        said::Said,
        word_rows::{WordKey, message_words},
    },
    text::Language,
};

/// An event with what can be prepared before it is written.
#[derive(Debug, Clone)]
pub struct Prepared {
    pub event: NewEvent,
    pub json: String,
    pub words: BTreeSet<WordKey>,
    pub said: Said,
}

impl Prepared {
    /// `languages` are those that a message without a reported language may be in.
    pub fn new(event: NewEvent, workspace: &str, languages: &[Language]) -> Result<Prepared, ChatError> {
        let json = serde_json::to_string(&event.body)?;
        let words = words_of_body(&event.body, workspace, languages);
        let said = Said::of(&event.body, languages);
        Ok(Prepared { event, json, words, said })
    }

    /// Returns its approximate size in the queue.
    pub fn bytes(&self) -> usize {
        2 * self.json.len() + 8 * self.words.len() + self.said.bytes() + 256
    }
}

/// Returns the archive's words of an event: those of a message and of its files.
pub fn words_of_body(body: &EventBody, workspace: &str, languages: &[Language]) -> BTreeSet<WordKey> {
    let EventBody::Message(message) = body else { return BTreeSet::new() };
    let Message { language, .. } = message;
    message.contents().flat_map(|text| message_words(workspace, text, language.as_ref(), languages)).collect()
}
