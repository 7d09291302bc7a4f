//! The archive: chats by filter, page by page.

use super::{ChatError, Chats, Filter, Summary, archive_rows};
use crate::{config::Workspace, store::nanoseconds, text};

/// Most words of a query that count.
const MOST_WORDS: usize = 64;

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
    pub chats: Vec<(String, Summary)>,
    /// Empty on the last page.
    pub next_page_token: String,
}

impl Chats {
    /// Lists chats, newest opened first. A page starts after the last chat of the page before, so arrivals move nothing.
    pub async fn list(&self, workspace: &Workspace, list: ListChats) -> Result<ChatPage, ChatError> {
        let ListChats { mut filter, query, page_size, page_token } = list;
        filter.words = text::words(&query, "").iter().take(MOST_WORDS).map(|word| word.folded().to_owned()).collect();
        if filter.words.is_empty() && !query.trim().is_empty() {
            // A query without a word is in no message.
            return Ok(ChatPage { chats: Vec::new(), next_page_token: String::new() });
        }
        let after = if page_token.is_empty() { None } else { Some(read_token(&page_token).ok_or(ChatError::PageToken)?) };
        let mut chats = archive_rows::list(&self.store, workspace, &filter, after, page_size + 1).await?;
        let more = chats.len() > page_size;
        chats.truncate(page_size);
        let next_page_token = match chats.last() {
            Some((chat_id, summary)) if more => page_token_of(chat_id, summary),
            _ => String::new(),
        };
        Ok(ChatPage { chats, next_page_token })
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
            if let Some((chat_id, summary)) = self.chats.last() {
                self.next_page_token = page_token_of(chat_id, summary);
            }
        }
    }
}

fn page_token_of(chat_id: &str, summary: &Summary) -> String {
    format!("{:x}.{chat_id}", nanoseconds(summary.opened_at))
}

fn read_token(token: &str) -> Option<(i64, String)> {
    let (opened_at, chat_id) = token.split_once('.')?;
    Some((i64::from_str_radix(opened_at, 16).ok()?, chat_id.to_owned()))
}
