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
    pub chat_id: Id,
    pub outcome_id: Id,
    pub agent_id: String,
    pub offer: OutcomeTarget,
    pub action: OutcomeAction,
    pub final_text: String,
}

/// The suggestion or draft of an outcome.
#[derive(Debug, Clone)]
pub enum OutcomeTarget {
    Suggestion(Id),
    Draft(Id),
}

/// What the agent did. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum OutcomeAction {
    Sent = 1,
    Edited = 2,
    Dismissed = 3,
}

/// The outcomes of a document's suggestions.
#[derive(Debug)]
pub struct AnswerUse {
    pub kind: Kind,
    pub document_id: String,
    pub shown: i64,
    pub sent: i64,
    pub edited: i64,
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
