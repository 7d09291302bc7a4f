//! The archive: filtered, paged listing of chats.

use crate::{
    chats::{
        Chats,
        archive_rows::{self, Filter, Found, Listed, Place},
        error::ChatError,
        of_workspace,
    },
    text,
};

/// Most words of a query; the others are ignored.
const MAX_WORDS: usize = 64;

/// A filter, and a page of its chats.
#[derive(Debug, Clone, Default)]
pub struct ListChats {
    /// `words` is filled from `query`.
    pub filter: Filter,
    /// Words that the chat's messages must have.
    pub query: String,
    /// Most chats of a page; more than 0. The handlers let pass at most 1,000.
    pub page_size: usize,
    /// Empty for the first page.
    pub page_token: String,
}

/// A page of chats.
#[derive(Debug)]
pub struct ChatPage {
    /// Newest opened first. A page can be short, or empty, before the last one.
    pub chats: Vec<Listed>,
    /// Empty on the last page.
    pub next_page_token: String,
}

impl Chats {
    /// Lists chats, newest opened first. A page starts after the last chat of the page before, so arrivals move nothing.
    pub async fn list(&self, list: ListChats) -> Result<ChatPage, ChatError> {
        let ListChats { mut filter, query, page_size, page_token } = list;
        filter.words = self.forms(&query);
        if filter.words.is_empty() && !query.trim().is_empty() {
            // A query without words matches no message.
            return Ok(ChatPage { chats: Vec::new(), next_page_token: String::new() });
        }
        let after = if page_token.is_empty() { None } else { Some(read_token(&page_token).ok_or(ChatError::PageToken)?) };
        let Found { chats, next } =
            archive_rows::list(&self.log.store, &self.workspace, &filter, &self.log.frequencies, after, page_size).await?;
        Ok(ChatPage { chats, next_page_token: next.map(token_of).unwrap_or_default() })
    }

    /// Returns a query's words, each in all the forms that a message of some language may have.
    fn forms(&self, query: &str) -> Vec<Vec<String>> {
        let mut forms: Vec<Vec<String>> = Vec::new();
        for word in text::words(query, "").into_iter().take(MAX_WORDS) {
            let mut keys = vec![word.folded().to_owned()];
            for language in of_workspace(&self.log.languages, self.workspace.as_str()) {
                for key in text::words(&query[word.start..word.end], language.primary()).into_iter().flat_map(|word| word.keys().to_vec()) {
                    if !keys.contains(&key) {
                        keys.push(key);
                    }
                }
            }
            forms.push(keys);
        }
        forms
    }
}

impl ChatPage {
    /// Returns whether a text is a page token.
    pub fn is_token(text: &str) -> bool {
        read_token(text).is_some()
    }

    /// Keeps the first `limit` chats; the next page then starts after them.
    pub fn cut(&mut self, limit: usize) {
        if limit < self.chats.len() {
            self.chats.truncate(limit);
            self.next_page_token = self.chats.last().map(|last| token_of(last.place)).unwrap_or_default();
        }
    }
}

fn token_of(place: Place) -> String {
    format!("{}.{}", place.opened_at, place.number)
}

fn read_token(token: &str) -> Option<Place> {
    let (opened_at, number) = token.split_once('.')?;
    Some(Place { opened_at: opened_at.parse().ok()?, number: number.parse().ok()? })
}
