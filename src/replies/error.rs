//! Why a reply could not be made, in the caller's terms.

use crate::{chats::ChatError, knowledge::KnowledgeError, model::ModelError, store::StoreError};

#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    #[error(transparent)]
    Chat(#[from] ChatError),
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// Only a model can do this, and none is configured.
    #[error(
        "only a model can {0}, and none is configured; set OPENAI_BASE_URL, OPENAI_API_KEY and DESKHAND_MODEL, or [[models]] in the configuration"
    )]
    NotConfigured(&'static str),
    /// The built-in engine finds no answer, and no model is configured.
    #[error(
        "no canned answer or article fits this chat, and no model is configured to write one; set OPENAI_BASE_URL, OPENAI_API_KEY and DESKHAND_MODEL, or [[models]] in the configuration"
    )]
    NothingFits,
    /// Every model failed, and the built-in engine can't do it.
    #[error("{error}")]
    Model {
        error: ModelError,
        /// Whether some text was shown before.
        partial: bool,
    },
    /// A field that the request left out can't be made up for.
    #[error("{field} is required here: {problem}")]
    Missing { field: &'static str, problem: &'static str },
    /// No such message in the chat.
    #[error("there is no message with event id `{0}` in this chat")]
    MessageNotFound(String),
    /// No such suggestion or draft of this chat.
    #[error("there is no {what} `{id}` of this chat")]
    OfferNotFound { what: &'static str, id: String },
    /// An outcome's id came again with other content.
    #[error("outcome `{0}` exists with other content")]
    OutcomeExists(String),
    /// The built-in engine broke.
    #[error("the built-in engine stopped unexpectedly")]
    BuiltIn,
}

impl From<StoreError> for ReplyError {
    fn from(error: StoreError) -> ReplyError {
        ReplyError::Chat(ChatError::Store(error))
    }
}

impl From<sqlx::Error> for ReplyError {
    fn from(error: sqlx::Error) -> ReplyError {
        StoreError::from(error).into()
    }
}
