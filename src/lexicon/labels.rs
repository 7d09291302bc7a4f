//! Words that people read: labels of what is written down about a chat, why a document is suggested, and those of e-mails that quote
//! others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A transcript's own words.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TranscriptLabels {
    /// The role after the customer's name, or in its place.
    pub customer: String,
    /// The role after an agent's name, or in its place.
    pub agent: String,
    /// The role of an automatic message.
    pub bot: String,
    /// The role of a note's writer.
    pub note: String,
    /// That the chat was handed over; who took over follows.
    pub transferred: String,
    /// That the chat was resolved.
    pub resolved: String,
    /// That the chat was opened again.
    pub reopened: String,
    /// That the chat goes on as a ticket; its id follows.
    pub ticket: String,
    /// Before the customer's rating.
    pub rating: String,
    /// In place of a redacted text.
    pub removed: String,
    /// Before an attachment's file name.
    pub attachment: String,
    /// Before what a message quotes.
    pub quotation: String,
}

/// A summary's own words.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SummaryLabels {
    /// Its headings: asked, tried, promised, open, next.
    pub headings: [String; 5],
    /// Before what is known of the customer.
    pub customer: String,
    /// Before the chat's topic and status.
    pub topic: String,
    /// The status of a chat that is open.
    pub open: String,
    /// The status of a chat that is resolved.
    pub resolved: String,
    /// The status of a chat that became a ticket.
    pub ticket: String,
    /// Before the form's answers.
    pub form: String,
    /// Before a record of the shop's systems.
    pub records: String,
    /// Before the number of messages.
    pub messages: String,
    /// Before the names of the agents who wrote.
    pub agents: String,
    /// Before the number of the customer's other chats.
    pub earlier: String,
    /// Before an internal note.
    pub notes: String,
    /// Before the customer's last messages.
    pub last_asked: String,
    /// Before the shop's last answer.
    pub last_answered: String,
    /// Added to the status if the customer wrote last.
    pub unanswered: String,
}

/// Why a document is suggested, as an agent reads it. What stands in braces is filled in; the sentences are joined by semicolons.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReasonLabels {
    /// A quoted `{word}`; several make `{words}`.
    pub quoted: String,
    /// It has `{words}` of the chat.
    pub words: String,
    /// Customers ask for it in these `{words}`.
    pub asked: String,
    /// Its conditions or placeholders that the chat has values for: `{words}`.
    pub state: String,
    /// It means what the chat says.
    pub similar_to_chat: String,
    /// It means what the agent typed.
    pub similar_to_typed: String,
    /// It answered a chat like this one.
    pub one_earlier_chat: String,
    /// It answered `{count}` of them, two or more.
    pub earlier_chats: String,
    /// Its shortcut begins with this `{word}`.
    pub shortcut: String,
    /// It opens a chat.
    pub opener: String,
    /// It opens a chat, and has `{words}` of the open page.
    pub opener_of_page: String,
    /// It has `{words}` that the agent typed.
    pub typed: String,
    /// It is in the language `{document}` and not available in the language `{wanted}`.
    pub other_language: String,
    /// It is for agents alone.
    pub agents_only: String,
    /// By primary subtag: names of languages, as they stand in `other_language`.
    pub languages: BTreeMap<String, String>,
}

/// What stands above a quoted e-mail, as mail programs write it.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotations {
    /// A line, or two or three when it is long; `…` stands for a date, a name or an address.
    pub wrote: Vec<String>,
    /// Between dashes, above what is answered; one that ends with a colon needs no dashes.
    pub original: Vec<String>,
    /// The same, above what is passed on.
    pub forwarded: Vec<String>,
    /// The header's field of the sender.
    pub from: Vec<String>,
    /// The header's fields of the time.
    pub sent: Vec<String>,
    /// The header's fields of those it was sent to.
    pub to: Vec<String>,
    /// The header's field of the subject.
    pub subject: Vec<String>,
}
