//! The list of promises that agents made in open chats.

use crate::chats::{
    Chats,
    error::ChatError,
    promise_rows::{self, ListedPromise, PromiseFilter, PromisePlace},
};

/// A filter, and a page of its promises.
#[derive(Debug, Clone, Default)]
pub struct ListPromises {
    /// Which promises.
    pub filter: PromiseFilter,
    /// Most promises of a page; more than 0. The handlers let pass at most 1,000.
    pub page_size: usize,
    /// Empty for the first page.
    pub page_token: String,
}

/// A page of promises.
#[derive(Debug)]
pub struct PromisePage {
    /// By the day on which they are due, those without a day last, and then by the time at which they were made.
    pub promises: Vec<ListedPromise>,
    /// Empty on the last page.
    pub next_page_token: String,
}

impl Chats {
    /// Lists promises of open chats. A page starts after the last promise of the page before, so arrivals move nothing.
    pub async fn promises(&self, list: ListPromises) -> Result<PromisePage, ChatError> {
        let ListPromises { filter, page_size, page_token } = list;
        let after = if page_token.is_empty() { None } else { Some(read_token(&page_token).ok_or(ChatError::PageToken)?) };
        let promises = promise_rows::list(&self.log.store, &self.workspace, &filter, after, page_size + 1).await?;
        let mut page = PromisePage { promises, next_page_token: String::new() };
        page.cut(page_size);
        Ok(page)
    }
}

impl PromisePage {
    /// Returns whether a text is a page token.
    pub fn is_token(text: &str) -> bool {
        read_token(text).is_some()
    }

    /// Keeps the first `limit` promises; the next page then starts after them.
    pub fn cut(&mut self, limit: usize) {
        if limit < self.promises.len() {
            self.promises.truncate(limit);
            self.next_page_token = self.promises.last().map(|last| token_of(last.place)).unwrap_or_default();
        }
    }
}

fn token_of(place: PromisePlace) -> String {
    let PromisePlace { due_at, made_at, chat, sequence, place } = place;
    format!("{due_at}.{made_at}.{chat}.{sequence}.{place}")
}

fn read_token(token: &str) -> Option<PromisePlace> {
    let mut numbers = token.split('.').map(|number| number.parse::<i64>().ok());
    let mut next = || numbers.next().flatten();
    let place = PromisePlace { due_at: next()?, made_at: next()?, chat: next()?, sequence: next()?, place: next()? };
    numbers.next().is_none().then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_as_it_was_written() {
        let place = PromisePlace { due_at: i64::MAX, made_at: -1, chat: 3, sequence: 4, place: 0 };
        assert_eq!(read_token(&token_of(place)), Some(place));
        for other in ["", "1.2.3.4", "1.2.3.4.5.6", "a.2.3.4.5", "made up"] {
            assert_eq!(read_token(other), None, "{other}");
        }
    }
}
