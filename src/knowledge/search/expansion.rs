//! What a word of a query is looked up by, as it is gathered.

use crate::knowledge::search::lookup::KeyPostings;

/// A key that matches a word, or words that follow one another.
pub struct Alternative {
    /// Empty for a phrase.
    pub key: String,
    /// The keys of the words of a phrase.
    pub phrase: Vec<Vec<String>>,
    pub weight: f32,
    pub postings: KeyPostings,
}

/// A word's alternatives so far.
pub struct Expansion {
    pub alternatives: Vec<Alternative>,
    /// In how many documents the word is, for its idf.
    pub with: u64,
    /// Its idf, where its completions tell it.
    pub idf: Option<f32>,
    pub corrections: Vec<String>,
    pub is_common: bool,
}

impl Expansion {
    /// Adds a key, unless it is there; then with the greater weight of the two.
    pub fn add(&mut self, key: &str, weight: f32, find: impl FnOnce() -> tantivy::Result<KeyPostings>) -> tantivy::Result<()> {
        match self.alternatives.iter_mut().find(|known| known.key == key && known.phrase.is_empty()) {
            Some(known) => known.weight = known.weight.max(weight),
            None => self.alternatives.push(Alternative { key: key.to_owned(), phrase: Vec::new(), weight, postings: find()? }),
        }
        Ok(())
    }

    /// Returns whether a document of the scope has any of them.
    pub fn is_known(&self) -> bool {
        self.alternatives.iter().any(|alternative| alternative.postings.documents > 0)
    }

    /// Returns how many documents have the most frequent one.
    pub fn most(&self) -> u64 {
        self.alternatives.iter().map(|alternative| alternative.postings.documents).max().unwrap_or(0)
    }
}
