//! Internal text, for colleagues only.

use serde::{Deserialize, Serialize};

/// Text that only colleagues may read, such as a note's. It can't be printed or formatted by accident: whoever reads it names the readers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Internal(String);

impl Internal {
    /// Marks a text as for colleagues only.
    pub fn new(text: String) -> Internal {
        Internal(text)
    }

    /// Returns the text for agents: a console, a transcript, a summary.
    pub fn for_agents(&self) -> &str {
        &self.0
    }

    /// Returns the text for a draft to a customer whose agent allowed notes. The draft must be checked for leaks before anybody sees it.
    pub fn for_checked_draft(&self) -> &str {
        &self.0
    }

    /// Returns a changed copy, for masking.
    pub fn map(&self, change: impl FnOnce(&str) -> String) -> Internal {
        Internal(change(&self.0))
    }

    /// Empties the text, for a redaction.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl std::fmt::Debug for Internal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Internal(…)")
    }
}
