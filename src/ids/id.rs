//! Ids that clients choose.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An id, name or shortcut: 1 to 200 bytes without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(String);

impl Id {
    /// The longest id, in bytes.
    pub const MAX_BYTES: usize = 200;

    /// The longest id that Deskhand gives out, in bytes: it carries another id.
    pub const MAX_OWN_BYTES: usize = 400;

    /// Checks `text`; the error says what is wrong with it.
    pub fn new(text: impl Into<String>) -> Result<Id, &'static str> {
        let text = text.into();
        if text.len() > Id::MAX_BYTES { Err("must have at most 200 bytes") } else { Id::own(text) }
    }

    /// The same for an id that Deskhand gave out.
    pub fn own(text: impl Into<String>) -> Result<Id, &'static str> {
        let text = text.into();
        if text.is_empty() {
            Err("is required")
        } else if text.len() > Id::MAX_OWN_BYTES {
            Err("must have at most 400 bytes")
        } else if text.chars().any(char::is_control) {
            Err("must not contain control characters")
        } else {
            Ok(Id(text))
        }
    }

    /// The id itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}
