//! What a canned answer needs to know of a chat, as the index keeps it: its conditions, and the values that its placeholders take from
//! records.

use serde::{Deserialize, Serialize};

use crate::{
    knowledge::documents::{
        condition::Conditions,
        document::{Details, Document},
    },
    text::{placeholders, words},
};

/// What a canned answer needs to know of a chat.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Needs {
    pub when: Conditions,
    /// The names of its placeholders that records fill, such as `record.order.carrier`.
    pub records: Vec<String>,
    /// The stems of its id, shortcut and tags, among which a record's status may be.
    pub names: Vec<String>,
}

impl Needs {
    /// `None`: nothing.
    pub fn of(document: &Document) -> Option<Needs> {
        let Details::CannedAnswer { when, shortcut, .. } = &document.details else { return None };
        let mut records: Vec<String> = placeholders(&document.body)
            .into_iter()
            .filter_map(|placeholder| placeholder.name.starts_with("record.").then(|| placeholder.name.to_owned()))
            .collect();
        records.sort();
        records.dedup();
        if when.is_empty() && records.is_empty() {
            return None;
        }
        let names = format!("{} {shortcut} {}", document.id, document.tags.join(" "));
        Some(Needs { when: when.clone(), records, names: stems(&names) })
    }

    /// For the index.
    pub fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The English stems of a text: systems write ids and statuses in English.
pub fn stems(text: &str) -> Vec<String> {
    words(&text.replace(['_', '-'], " "), "en").iter().filter_map(|word| word.keys().last().cloned()).collect()
}
