//! The query and the result of a suggestion.

use std::sync::Arc;

use memchr::memmem::Finder;

use crate::{
    knowledge::{
        documents::{
            document::{Document, DocumentKey, Kind},
            fit::ChatFacts,
            reader::Reader,
        },
        search::highlight::Highlighter,
        vectors::Meaning,
    },
    text::{Language, placeholders},
};

/// Total weight of all votes of earlier chats, in standard deviations of the text score, from this similarity on; less below it, so that a
/// few chats about something else change nothing.
pub const VOTES_WEIGHT: f32 = 120.0;

pub const FULL_VOTE_SIMILARITY: f32 = 0.3;

/// Confidence in a document that answered a chat like this one, whatever its share of the votes.
pub const ANSWERED_SHARE: f32 = 0.8;

/// What a suggestion query searches for.
#[derive(Debug, Clone)]
pub enum QueryKind {
    /// What was said in a chat.
    Conversation(Conversation),
    /// Text that the agent typed.
    Typed(String),
    /// A shortcut or its prefix, without the slash.
    Shortcut(String),
    /// Openers for a page, described by this text.
    Opener(String),
}

/// A conversation as weighted utterances.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// The texts of the chat that are searched for.
    pub pieces: Vec<Utterance>,
    /// Texts that agents sent to this customer: a document that they contain already weighs less.
    pub sent: Vec<String>,
    /// The address of the page that the customer has open, whose document weighs less; empty if unknown.
    pub open_page: String,
    /// Votes learned from earlier chats.
    pub votes: Vec<Vote>,
    /// What the chat knows, by which conditions hold or fail.
    pub facts: ChatFacts,
}

/// A text of the conversation, with its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Utterance {
    /// What was said, as it was written.
    pub text: String,
    /// Of the customer's bursts of messages its number from the last, 0; `None` if it is not the customer's message.
    pub burst: Option<usize>,
    /// Its weight in the last turns, which ask: they find the passage.
    pub recent: f32,
    /// Its weight in the whole conversation, which gives the topic: it finds the document that the passage belongs to.
    pub whole: f32,
}

/// The votes of earlier chats for a document, or against it.
#[derive(Debug, Clone)]
pub struct Vote {
    /// The document that answered those chats, or was dismissed in them.
    pub document: DocumentKey,
    /// Its share of all votes for documents, less the votes against it, from 0 to 1.
    pub share: f32,
    /// By how much votes against it outweigh those for it, as a share of both and of some virtual ones, from 0 to
    /// 1; 0 if `share` is more.
    pub against: f32,
    /// Similarity to this chat, by its last turns, of the most similar of those chats, from 0 to 1.
    pub likeness: f32,
    /// How many of the most similar chats it answered.
    pub chats: usize,
}

impl Vote {
    /// Returns what the vote adds to the document's rank, at most `VOTES_WEIGHT`: more for a larger share and for more similar chats.
    pub fn weight(&self) -> f32 {
        VOTES_WEIGHT * self.share * self.similarity_share()
    }

    /// Returns the confidence, from 0 to 1, that the document answers this chat too: by all else it is `confidence`.
    pub fn confidence(&self, confidence: f64) -> f64 {
        if self.share > 0.0 {
            confidence.max(f64::from(self.likeness * (ANSWERED_SHARE + (1.0 - ANSWERED_SHARE) * self.share.sqrt())))
        } else {
            confidence * f64::from(1.0 - self.against * self.similarity_share())
        }
    }

    /// How much chats of this similarity say, from 0 to 1.
    fn similarity_share(&self) -> f32 {
        (self.likeness / FULL_VOTE_SIMILARITY).min(1.0).powi(2)
    }
}

/// A suggestion query, and whom it is for.
#[derive(Debug, Clone)]
pub struct SuggestionQuery {
    /// The conversation, typed text, shortcut or page that documents are searched for.
    pub query_kind: QueryKind,
    /// Which kinds of document are suggested.
    pub kinds: Vec<Kind>,
    /// The language wanted; documents in others follow, and count for less.
    pub language: Language,
    /// Who is served: only documents that they may see are suggested.
    pub reader: Reader,
    /// How many documents are returned at most.
    pub limit: usize,
    /// The vectors of the conversation or of the typed text; `None` if there are none.
    pub meaning: Option<Meaning>,
    /// Least chance that one of the first three suggestions fits, from 0 to 1.
    pub threshold: f64,
}

/// A document suggested for a conversation.
#[derive(Debug, Clone)]
pub struct RankedDocument {
    /// The document, in the best of its languages.
    pub document: Document,
    /// From 0 to 1.
    pub score: f64,
    /// Finds the query's words in texts of the document.
    pub highlighter: Arc<Highlighter>,
    /// How many of the most similar earlier chats it answered.
    pub chats: usize,
    /// Whether what the chat knows speaks for it: its conditions hold, or records fill its placeholders.
    pub fits_state: bool,
    /// The number of its phrase of `asked` that is like the query, if one is.
    pub asked: Option<usize>,
}

impl QueryKind {
    /// Returns whether the customer already has a document: it was sent to them, or its page is open.
    pub fn has(&self, document: &Document) -> bool {
        let QueryKind::Conversation(conversation) = self else { return false };
        let url = (!document.url().is_empty()).then(|| Finder::new(document.url()));
        let literals = (document.kind() == Kind::CannedAnswer).then(|| Literals::of(&document.body));
        let sent = |text: &String| {
            url.as_ref().is_some_and(|url| url.find(text.as_bytes()).is_some())
                || literals.as_ref().is_some_and(|literals| literals.are_in(text))
        };
        (url.is_some() && conversation.open_page == document.url()) || conversation.sent.iter().any(sent)
    }

    /// An opener only suits a chat's beginning: in the middle of a chat it is filler.
    pub fn suits(&self, document: &Document) -> bool {
        !matches!(self, QueryKind::Conversation(_)) || !document.is_opener()
    }
}

impl RankedDocument {
    /// Returns an article's best passage, or a canned answer's body.
    pub fn passage(&self) -> String {
        match self.document.kind() {
            Kind::Article => self.highlighter.best_passage(&self.document.body, self.document.language.primary()),
            Kind::CannedAnswer => self.document.body.clone(),
        }
    }
}

/// What stands between a canned answer's placeholders, to be looked for in many texts.
pub struct Literals<'a>(Vec<Finder<'a>>);

impl<'a> Literals<'a> {
    /// Reads a canned answer's body.
    pub fn of(body: &'a str) -> Literals<'a> {
        let holes: Vec<_> = placeholders(body).into_iter().map(|hole| (hole.start, hole.end)).collect();
        let starts = std::iter::once(0).chain(holes.iter().map(|(_, end)| *end));
        let ends = holes.iter().map(|(start, _)| *start).chain([body.len()]);
        let pieces = starts.zip(ends).map(|(start, end)| body[start..end].trim());
        Literals(pieces.filter(|piece| !piece.is_empty()).map(Finder::new).collect())
    }

    /// Whether a text is the canned answer with its placeholders filled: it has everything between them, in order. A body of placeholders
    /// alone would be in any text, and is in none.
    pub fn are_in(&self, text: &str) -> bool {
        let mut rest = text.as_bytes();
        let mut is_next = |piece: &Finder<'_>| {
            let end = piece.find(rest).map(|at| at + piece.needle().len());
            end.inspect(|end| rest = &rest[*end..]).is_some()
        };
        !self.0.is_empty() && self.0.iter().all(&mut is_next)
    }
}
