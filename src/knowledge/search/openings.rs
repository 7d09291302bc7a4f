//! How often articles were opened from searches: what an unfinished word becomes is likelier what others looked for.

use std::collections::HashMap;

use crate::{
    ids::Id,
    knowledge::{documents::document::Kind, index::schema::id_number},
};

/// How often each article was opened, in whatever language.
#[derive(Debug, Clone, Default)]
pub struct Openings {
    /// By the number that the index has for its id.
    by_number: HashMap<u64, u64>,
}

impl Openings {
    /// Adds how often an article was opened.
    pub fn add(&mut self, article: &Id, times: u64) {
        *self.by_number.entry(id_number(Kind::Article, article)).or_default() += times;
    }

    /// Returns how often the document with this number was opened.
    pub fn of(&self, number: u64) -> u64 {
        self.by_number.get(&number).copied().unwrap_or_default()
    }

    /// Returns how often an article was opened.
    pub fn of_article(&self, article: &Id) -> u64 {
        self.of(id_number(Kind::Article, article))
    }

    /// Returns whether none was opened.
    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }
}
