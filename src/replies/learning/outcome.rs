//! Outcomes: what an agent did with a suggestion or a draft.

use jiff::Timestamp;

use crate::{
    ids::Id,
    knowledge::{DocumentKey, Kind},
    store::StoreError,
};

/// A suggestion that was shown.
pub struct Shown {
    pub suggestion_id: String,
    /// The agent to whom it was shown; empty without a chat: no erasure would find it.
    pub agent_id: String,
    pub kind: Kind,
    pub document_id: String,
    pub language: String,
}

/// A draft that was shown.
pub struct Drafted {
    pub draft_id: String,
    /// The ids of its sources, one per line, the first source first.
    pub sources: String,
    /// The first source's kind and language.
    pub first_source: Option<(Kind, String)>,
    /// The draft's words, as `sketch` has them.
    pub sketch: String,
    /// The agent to whom it was shown.
    pub agent_id: String,
    /// What made it, as it is stored; 0: not known.
    pub engine: i64,
    /// The language that it is written in; empty: not known.
    pub language: String,
}

/// What an agent did with a suggestion or a draft.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The chat that the suggestion or draft was made for.
    pub chat_id: Id,
    /// Chosen by the client, unique within the chat. Recorded again with the same content it changes nothing.
    pub outcome_id: Id,
    /// The shop's id of the agent; empty if not given.
    pub agent_id: String,
    /// What the agent was offered.
    pub offer: OutcomeTarget,
    /// What became of it.
    pub action: OutcomeAction,
    /// What was sent, if the client says it; empty otherwise.
    pub final_text: String,
}

/// The suggestion or draft of an outcome.
#[derive(Debug, Clone)]
pub enum OutcomeTarget {
    /// A suggestion of this id.
    Suggestion(Id),
    /// A draft of this id.
    Draft(Id),
}

/// What the agent did. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum OutcomeAction {
    /// It was sent as it was.
    Sent = 1,
    /// It was sent after an edit.
    Edited = 2,
    /// It was not used.
    Dismissed = 3,
}

/// Stored engines of drafts.
pub const BY_MODEL: i64 = 1;
/// The built-in engine.
pub const BUILT_IN: i64 = 2;

/// The outcomes of a document's suggestions.
#[derive(Debug)]
pub struct AnswerUse {
    /// The document's kind.
    pub kind: Kind,
    /// The document's id; all of its languages are counted together.
    pub document_id: String,
    /// How often it was suggested.
    pub shown: i64,
    /// How often it was sent as it was.
    pub sent: i64,
    /// How often it was sent after an edit.
    pub edited: i64,
    /// How often it was dismissed.
    pub dismissed: i64,
}

/// What was erased along with a person's chats.
#[derive(Debug, Default)]
pub struct ErasedOutcomes {
    pub drafts: u64,
    pub suggestions: u64,
    pub outcomes: u64,
}

/// What a chat teaches of a document: whether it fits chats like this one. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(i16)]
pub enum Verdict {
    /// It answered.
    For = 1,
    /// An agent dismissed it.
    Against = 2,
}

impl Verdict {
    /// Reads a stored verdict.
    pub fn from_stored(number: i64) -> Result<Verdict, StoreError> {
        match number {
            1 => Ok(Verdict::For),
            2 => Ok(Verdict::Against),
            _ => Err(StoreError::malformed("verdict")),
        }
    }
}

/// What an agent's action says of a document: of one that was suggested, or of a draft's first source.
#[derive(Debug, Clone)]
pub struct Judgment {
    pub document: DocumentKey,
    pub verdict: Verdict,
    pub at: Timestamp,
}
