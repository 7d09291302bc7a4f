//! What suggestions are asked with, and what comes of it.

use std::sync::Arc;

use crate::knowledge::documents::reader::Reader;
use crate::{
    knowledge::{
        documents::document::{Document, DocumentKey, Kind},
        search::highlight::Highlighter,
        vectors::Meaning,
    },
    text::{Language, placeholders},
};

/// What all votes of earlier chats together count, in standard deviations of what the text says, from this likeness on; less below it,
/// so that a few chats about something else move nothing.
pub const LEARNED: f32 = 120.0;

pub const LIKE: f32 = 0.3;

/// How sure a document is that answered a chat like this one, whatever share of the votes it has.
pub const ANSWERED_SHARE: f32 = 0.8;

/// What is looked for in a conversation.
#[derive(Debug, Clone)]
pub enum QueryKind {
    Conversation(Conversation),
    /// What the agent typed.
    Typed(String),
    /// A shortcut, or its beginning, without the slash.
    Shortcut(String),
    /// Openers for a page, of which this is known.
    Opener(String),
}

/// A conversation, as what was said weighs.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    pub pieces: Vec<Utterance>,
    /// What agents wrote to this customer, and the address of the page that is open: what these hold already is worth less.
    pub sent: Vec<String>,
    pub open_page: String,
    /// What was learned of earlier chats.
    pub votes: Vec<Vote>,
    /// The clauses of what was asked last. A document that answers one of them well fits, however much was said around it.
    pub clauses: Vec<String>,
}

/// Something that was said, with what it weighs.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    pub text: String,
    /// In the last turns, which ask: they find the passage.
    pub recent: f32,
    /// In all of it, which tells what about: it finds the document that the passage belongs to.
    pub whole: f32,
}

/// What earlier chats say for a document.
#[derive(Debug, Clone)]
pub struct Vote {
    pub document: DocumentKey,
    /// Of all votes, from 0 to 1.
    pub share: f32,
    /// From 0 to 1: how like this chat the likest of those chats is, by its last turns.
    pub likeness: f32,
    /// How many of the likest chats it answered.
    pub chats: usize,
}

impl Vote {
    pub fn weight(&self) -> f32 {
        LEARNED * self.share * (self.likeness / LIKE).min(1.0).powi(2)
    }

    pub fn confidence(&self) -> f64 {
        f64::from(self.likeness * (ANSWERED_SHARE + (1.0 - ANSWERED_SHARE) * self.share.sqrt()))
    }
}

/// What is looked for, and by whom.
#[derive(Debug, Clone)]
pub struct SuggestionQuery {
    pub wanted: QueryKind,
    pub kinds: Vec<Kind>,
    pub language: Language,
    pub reader: Reader,
    pub limit: usize,
    /// What the conversation, or what was typed, means; `None` if that is not known.
    pub meaning: Option<Meaning>,
    /// From 0 to 1: what fits less is not offered.
    pub threshold: f64,
}

/// A document offered for a conversation.
#[derive(Debug, Clone)]
pub struct RankedDocument {
    pub document: Document,
    /// From 0 to 1.
    pub score: f64,
    pub marker: Arc<Highlighter>,
    /// How many of the likest earlier chats it answered.
    pub chats: usize,
}

impl QueryKind {
    /// Whether the customer has a document already: it was sent to them, or is open before them.
    pub fn has(&self, document: &Document) -> bool {
        let QueryKind::Conversation(said) = self else { return false };
        let url = document.url();
        let sent = |text: &String| {
            (!url.is_empty() && text.contains(url)) || (document.kind() == Kind::CannedAnswer && is_from(text, &document.body))
        };
        (!url.is_empty() && said.open_page == url) || said.sent.iter().any(sent)
    }

    /// An opener is for openings: in the middle of a chat it is filler.
    pub fn takes(&self, document: &Document) -> bool {
        !matches!(self, QueryKind::Conversation(_)) || !document.is_opener()
    }
}

impl RankedDocument {
    /// The words of the document that were looked for, as they stand in it.
    pub fn matched(&self) -> Vec<String> {
        let Document { title, tags, body, language, .. } = &self.document;
        self.marker.matched_words(&format!("{title} {} {body}", tags.join(" ")), language.primary())
    }

    /// An article's best passage; a canned answer's body.
    pub fn passage(&self) -> String {
        match self.document.kind() {
            Kind::Article => self.marker.best_passage(&self.document.body, self.document.language.primary()),
            Kind::CannedAnswer => self.document.body.clone(),
        }
    }
}

/// Whether a text is a canned answer with its placeholders filled: all that stands between them is in it, in order.
pub fn is_from(text: &str, body: &str) -> bool {
    let mut rest = text;
    let mut from = 0;
    let mut literal = 0;
    let holes = placeholders(body).into_iter().map(|hole| (hole.start, hole.end)).chain([(body.len(), body.len())]);
    for (start, end) in holes {
        let piece = body[from..start].trim();
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
        from = end;
        literal += piece.len();
    }
    // A body of placeholders alone would be in any text.
    literal > 0
}
