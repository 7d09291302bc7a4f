//! Errors of chats, in the caller's terms.

use crate::{store::StoreError, task::TaskError};

/// Why a call to the chats failed.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// No such chat in this workspace.
    #[error("chat `{0}` not found")]
    NotFound(String),
    /// No such event in the chat.
    #[error("event `{0}` not found in this chat")]
    EventNotFound(String),
    /// An event id was reused with other content.
    #[error("event `{0}` already exists with other content")]
    EventExists(String),
    /// A chat is resolved before it has a topic.
    #[error("a chat needs a topic before it is resolved; append a `topic` event first")]
    TopicMissing,
    /// A redaction is redacted.
    #[error("event `{0}` is a redaction and has no text to wipe")]
    NotRedactable(String),
    /// No data is stored about this customer.
    #[error("no data is stored about customer `{0}`")]
    CustomerNotFound(String),
    /// A page token that this service did not issue.
    #[error("invalid page token")]
    PageToken,
    /// A resume token that this service did not issue for such a watch.
    #[error("invalid resume token")]
    ResumeToken,
    /// What followed a resume token is no longer kept.
    #[error("what happened since the resume token is no longer kept; list the chats again and watch without a token")]
    ResumeTooOld,
    /// A listener reads more slowly than changes come.
    #[error("the stream is read too slowly; call again with its last resume token")]
    WatchTooSlow,
    /// The response would be too large.
    #[error("the {0} is larger than a response may be; read the chats page by page with GetChat")]
    TooLarge(&'static str),
    /// The chat has reached its limit of events or bytes.
    #[error("the chat is full; continue in a new one with the same customer_id")]
    Full,
    /// An unknown time zone.
    #[error("unknown IANA time zone `{0}`")]
    TimeZone(String),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A task on a worker thread panicked, or the server stops.
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
