//! Why a call about knowledge failed, in the caller's terms.

use std::time::Duration;

use crate::{knowledge::documents::document::Kind, store::StoreError, task::TaskError};

#[derive(Debug, thiserror::Error)]
pub enum KnowledgeError {
    /// No such document for this caller.
    #[error("there is no {} `{id}`", kind_word(*.kind))]
    NotFound { kind: Kind, id: String },
    /// No such search.
    #[error("there is no search `{0}`")]
    SearchNotFound(String),
    /// The document is changed in the folder.
    #[error("{} `{id}` comes from the knowledge base folder; change its file there", kind_word(*.kind))]
    FolderDocument { kind: Kind, id: String },
    /// A page token that this service did not give.
    #[error("the page token is not one that this service gave")]
    PageToken,
    /// The public has written as much today as it may.
    #[error("what visitors may write today is used up")]
    DayUsedUp(Duration),
    /// The index did not take a change in time.
    #[error("the change is kept, but the index is behind; it will be found soon")]
    IndexBehind,
    /// The index failed.
    #[error("the index failed")]
    Index(#[source] tantivy::TantivyError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Task(#[from] TaskError),
}

fn kind_word(kind: Kind) -> &'static str {
    match kind {
        Kind::CannedAnswer => "canned answer",
        Kind::Article => "article",
    }
}

impl From<sqlx::Error> for KnowledgeError {
    fn from(error: sqlx::Error) -> KnowledgeError {
        KnowledgeError::Store(error.into())
    }
}

impl From<serde_json::Error> for KnowledgeError {
    fn from(error: serde_json::Error) -> KnowledgeError {
        KnowledgeError::Store(error.into())
    }
}

impl From<tantivy::TantivyError> for KnowledgeError {
    fn from(error: tantivy::TantivyError) -> KnowledgeError {
        KnowledgeError::Index(error)
    }
}
