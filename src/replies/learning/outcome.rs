//! Outcomes: what an agent did with a suggestion or a draft.

use jiff::Timestamp;

use crate::{
    ids::Id,
    knowledge::{DocumentKey, Kind},
};

/// A suggestion that was shown.
pub struct Shown {
    pub suggestion_id: String,
    pub kind: Kind,
    pub document_id: String,
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

/// A suggested document that an agent sent, unchanged or edited.
#[derive(Debug, Clone)]
pub struct Used {
    pub document: DocumentKey,
    pub at: Timestamp,
}
