//! Words around the names of people.

use crate::lexicon::vocabulary::{Greetings, Titles, Vocabulary};

impl Vocabulary {
    /// Whether a folded word may stand right before a name: a greeting or a title.
    pub fn begins_address(&self, folded: &str) -> bool {
        self.greetings.has_word(folded) || self.titles.before.contains(folded)
    }

    /// Whether a folded word is a title that follows a name.
    pub fn follows_name(&self, folded: &str) -> bool {
        self.titles.after.contains(folded) || self.titles.ends_greeting.contains(folded)
    }
}

impl Greetings {
    /// Whether a folded word greets, by itself or as the first of several.
    pub fn begin(&self, folded: &str) -> bool {
        self.words.iter().any(|words| words.split(' ').next() == Some(folded))
    }

    /// Whether a folded word is one of a greeting's.
    pub fn has_word(&self, folded: &str) -> bool {
        self.words.iter().any(|words| words.split(' ').any(|word| word == folded))
    }
}

impl Titles {
    /// Whether a folded word is any title.
    pub fn has(&self, folded: &str) -> bool {
        self.before.contains(folded) || self.after.contains(folded) || self.ends_greeting.contains(folded)
    }
}
