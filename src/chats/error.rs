//! Why a call about a chat failed, in the caller's terms.

use crate::{store::StoreError, task::TaskError};

#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// No such chat in this workspace.
    #[error("there is no chat `{0}`")]
    NotFound(String),
    /// No such event in the chat.
    #[error("there is no event `{0}` in this chat")]
    EventNotFound(String),
    /// An event id came again with other content.
    #[error("event `{0}` exists with other content")]
    EventExists(String),
    /// A chat is resolved before it has a topic.
    #[error("a chat needs a topic before it is resolved; append a `topic` event first")]
    TopicMissing,
    /// A redaction is redacted.
    #[error("event `{0}` is a redaction and holds no text to wipe")]
    NotRedactable(String),
    /// Nothing is kept of this customer.
    #[error("nothing is kept of customer `{0}`")]
    CustomerNotFound(String),
    /// A page token that this service did not give.
    #[error("the page token is not one that this service gave")]
    PageToken,
    /// The answer would be larger than a reply may be.
    #[error("the {0} is larger than a reply may be; read the chats page by page with GetChat")]
    TooLarge(&'static str),
    /// The chat has as many events as a chat may have.
    #[error("the chat is full; go on in a new one with the same customer_id")]
    Full,
    /// An unknown time zone.
    #[error("`{0}` is no time zone of the IANA database")]
    TimeZone(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl From<sqlx::Error> for ChatError {
    fn from(error: sqlx::Error) -> ChatError {
        ChatError::Store(error.into())
    }
}

impl From<serde_json::Error> for ChatError {
    fn from(error: serde_json::Error) -> ChatError {
        ChatError::Store(error.into())
    }
}
