//! Errors of the agent's actions, in the caller's terms.

use crate::{
    chats::ChatError, knowledge::KnowledgeError, model::ModelError, replies::prompts::PromptError, store::StoreError, task::TaskError,
};

/// Why an action of an agent failed.
#[derive(Debug, thiserror::Error)]
pub enum ReplyError {
    /// The chat can't be read or appended to.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The knowledge base can't be searched.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
    /// Only a model can do this, and none is configured.
    #[error(
        "only a model can {0}, and none is configured; set OPENAI_BASE_URL, OPENAI_API_KEY and DESKHAND_MODEL, or [[models]] in the configuration"
    )]
    NotConfigured(&'static str),
    /// A text in this language can be corrected by a dictionary, which is not installed, or by a model, and none is configured.
    #[error(
        "correcting this language needs its dictionary: install {package} or connect a model: set OPENAI_BASE_URL, OPENAI_API_KEY and DESKHAND_MODEL, or [[models]] in the configuration"
    )]
    NoDictionary {
        /// Debian's package of the dictionary.
        package: &'static str,
    },
    /// The built-in engine finds no answer, and no model is configured.
    #[error(
        "no canned answer or article matches this chat, and no model is configured to write one; set OPENAI_BASE_URL, OPENAI_API_KEY and DESKHAND_MODEL, or [[models]] in the configuration"
    )]
    NothingFits,
    /// Every model failed, and the built-in engine can't do it.
    #[error("{error}")]
    Model {
        /// Why the last model failed.
        error: ModelError,
        /// Whether some text was shown before.
        partial: bool,
    },
    /// A missing field of the request has no default.
    #[error("{field} is required here: {problem}")]
    Missing {
        /// The field's name in the request.
        field: &'static str,
        /// Why it has no default, and what to set.
        problem: &'static str,
    },
    /// No such message in the chat.
    #[error("message `{0}` not found in this chat")]
    MessageNotFound(String),
    /// No such suggestion of this chat.
    #[error("suggestion `{0}` not found in this chat")]
    SuggestionNotFound(String),
    /// No such draft of this chat.
    #[error("draft `{0}` not found in this chat")]
    DraftNotFound(String),
    /// An outcome id was reused with other content.
    #[error("outcome `{0}` already exists with other content")]
    OutcomeExists(String),
    /// A template can't be rendered; no model was called.
    #[error("{0}")]
    Prompt(#[from] PromptError),
    /// A task on a worker thread panicked, or the server stops.
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl ReplyError {
    /// Returns the models' error, for which the built-in engine may step in; any other error ends the call.
    pub(crate) fn of_models(self) -> Result<ModelError, ReplyError> {
        match self {
            ReplyError::Model { error, partial: false } => Ok(error),
            other => Err(other),
        }
    }
}

impl From<ModelError> for ReplyError {
    fn from(error: ModelError) -> ReplyError {
        ReplyError::Model { error, partial: false }
    }
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
