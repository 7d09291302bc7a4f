//! Text that is for colleagues alone.

use serde::{Deserialize, Serialize};

/// What only colleagues may read, such as a note's text. It neither prints nor goes into a text by itself: whoever takes it out says to
/// whom it goes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Internal(String);

impl Internal {
    pub fn new(text: String) -> Internal {
        Internal(text)
    }

    /// For agents: a console, a transcript, a summary.
    pub fn for_agents(&self) -> &str {
        &self.0
    }

    /// For a draft to a customer whose agent allowed it to know notes. What the model writes must be checked for it before anybody sees it.
    pub fn for_checked_draft(&self) -> &str {
        &self.0
    }

    /// The same, changed, as masking does.
    pub fn map(&self, change: impl FnOnce(&str) -> String) -> Internal {
        Internal(change(&self.0))
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl std::fmt::Debug for Internal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Internal(…)")
    }
}
