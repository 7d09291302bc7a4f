//! The archive: chats by filter, page by page.

use crate::{
    chats::{
        Chats,
        archive_rows::{self, Filter, Found, Listed, Place},
        error::ChatError,
        of_workspace,
    },
    text,
};

/// Most words of a query that count.
const MAX_WORDS: usize = 64;

/// Which chats, and which page of them.
#[derive(Debug, Clone, Default)]
pub struct ListChats {
    /// `words` is filled from `query`.
    pub filter: Filter,
    /// Words that stand in the chat's messages.
    pub query: String,
    pub page_size: usize,
    /// Empty for the first page.
    pub page_token: String,
}

/// A page of chats.
#[derive(Debug)]
pub struct ChatPage {
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
            // A query without a word is in no message.
            return Ok(ChatPage { chats: Vec::new(), next_page_token: String::new() });
        }
        let after = if page_token.is_empty() { None } else { Some(read_token(&page_token).ok_or(ChatError::PageToken)?) };
        let Found { chats, next } = archive_rows::list(&self.log.store, &self.workspace, &filter, after, page_size).await?;
        Ok(ChatPage { chats, next_page_token: next.map(token_of).unwrap_or_default() })
    }

    /// A query's words, each by all the forms under which a message of some language may hold it.
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
    /// Whether a text is a page's token.
    pub fn is_token(text: &str) -> bool {
        read_token(text).is_some()
    }

    /// Keeps the first `most` chats; the next page then starts after them.
    pub fn cut(&mut self, most: usize) {
        if most < self.chats.len() {
            self.chats.truncate(most);
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
