//! What an agent did with something that was shown.

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

/// What an agent did with something offered.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub chat_id: Id,
    pub outcome_id: Id,
    pub agent_id: String,
    pub offer: OutcomeTarget,
    pub action: OutcomeAction,
    pub final_text: String,
}

/// What was offered.
#[derive(Debug, Clone)]
pub enum OutcomeTarget {
    Suggestion(Id),
    Draft(Id),
}

/// What was done with it. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum OutcomeAction {
    Sent = 1,
    Edited = 2,
    Dismissed = 3,
}

/// What became of a document's suggestions.
#[derive(Debug)]
pub struct AnswerUse {
    pub kind: Kind,
    pub document_id: String,
    pub shown: i64,
    pub sent: i64,
    pub edited: i64,
    pub dismissed: i64,
}

/// What was erased with a person's chats.
#[derive(Debug, Default)]
pub struct ErasedOutcomes {
    pub drafts: u64,
    pub suggestions: u64,
    pub outcomes: u64,
}

/// A document that an agent sent, as it was or edited, when it was suggested.
#[derive(Debug, Clone)]
pub struct Used {
    pub document: DocumentKey,
    pub at: Timestamp,
}
