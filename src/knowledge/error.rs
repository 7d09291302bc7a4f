//! Errors of the knowledge base, in the caller's terms.

use std::time::Duration;

use crate::{knowledge::documents::document::Kind, store::StoreError, task::TaskError};

/// Most terms that a workspace sets through the API, and most groups of synonyms.
pub const MAX_ENTRIES: usize = 2000;

/// Why a call to the knowledge base failed.
#[derive(Debug, thiserror::Error)]
pub enum KnowledgeError {
    /// No such document for this caller.
    #[error("{} `{id}` not found", kind_word(*.kind))]
    NotFound {
        /// The kind that was asked for.
        kind: Kind,
        /// The id that was asked for.
        id: String,
    },
    /// No such search.
    #[error("search `{0}` not found")]
    SearchNotFound(String),
    /// The document is changed in the folder.
    #[error("{} `{id}` comes from the knowledge base folder; change its file there", kind_word(*.kind))]
    FolderDocument {
        /// The document's kind.
        kind: Kind,
        /// The document's id.
        id: String,
    },
    /// The voice, the term or the group of synonyms is changed in the folder.
    #[error("{} comes from the knowledge base folder; change `{file}` there", wording_name(.what, .id))]
    FolderWording {
        /// `voice`, `glossary` or `synonyms`.
        what: &'static str,
        /// The term or the group's id; empty for the voice.
        id: String,
        /// Its file in the folder.
        file: &'static str,
    },
    /// There would be too many terms or groups.
    #[error(
        "the {what} set through the API can have at most {MAX_ENTRIES} entries; delete some, or put them into the knowledge base folder"
    )]
    WordingFull {
        /// `glossary` or `synonyms`.
        what: &'static str,
    },
    /// A page token that this service did not issue.
    #[error("invalid page token")]
    PageToken,
    /// The public's write quota for today is used up.
    #[error("the daily quota of visitor writes is used up")]
    DayUsedUp(Duration),
    /// The index did not apply a change in time.
    #[error("the change is saved, but the index is behind; it will be searchable soon")]
    IndexBehind,
    /// The index failed.
    #[error("the search index failed")]
    Index(#[source] tantivy::TantivyError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A search or another task on a worker thread panicked, or the server stops.
    #[error(transparent)]
    Task(#[from] TaskError),
}

fn wording_name(what: &str, id: &str) -> String {
    match id {
        "" => format!("the {what}"),
        _ => format!("`{id}` of the {what}"),
    }
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
