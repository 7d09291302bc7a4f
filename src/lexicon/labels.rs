//! Words that people read: labels of what is written down about a chat, and those of e-mails that quote others.

use serde::{Deserialize, Serialize};

/// A transcript's own words.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TranscriptLabels {
    pub customer: String,
    pub agent: String,
    pub bot: String,
    pub note: String,
    pub transferred: String,
    pub resolved: String,
    pub reopened: String,
    pub ticket: String,
    pub rating: String,
    pub removed: String,
    pub attachment: String,
}

/// A summary's own words.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SummaryLabels {
    /// Its headings: asked, tried, promised, open, next.
    pub headings: [String; 5],
    pub customer: String,
    pub topic: String,
    /// What a chat is: open, resolved, a ticket.
    pub open: String,
    pub resolved: String,
    pub ticket: String,
    pub form: String,
    pub records: String,
    pub messages: String,
    pub agents: String,
    pub earlier: String,
    pub notes: String,
    pub last_asked: String,
    pub last_answered: String,
    pub unanswered: String,
}

/// What stands above a quoted e-mail, as mail programs write it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotations {
    /// A line; `…` stands for a date, a name or an address.
    pub wrote: Vec<String>,
    pub original: Vec<String>,
    /// The header's fields.
    pub from: Vec<String>,
    pub sent: Vec<String>,
    pub to: Vec<String>,
    pub subject: Vec<String>,
}
