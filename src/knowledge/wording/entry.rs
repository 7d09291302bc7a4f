//! What can be set: the voice, a term, a group of synonyms.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{
    ids::Id,
    knowledge::{
        documents::{folder::words::Term, voice::Voice},
        error::KnowledgeError,
    },
    text::{Language, fingerprint},
};

/// The etag of what is not there.
pub const NONE: &str = "none";

/// Words that mean the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SynonymGroup {
    /// The group's id.
    pub id: Id,
    /// The language whose queries they serve, in every region.
    pub language: Language,
    /// Words and phrases, as their author wrote them.
    pub words: Vec<String>,
}

/// A kind of entry.
pub trait Entry: Serialize + DeserializeOwned + Clone + Send + Sync + 'static {
    /// Its number in the database.
    const KIND: i64;
    /// Its word in errors and in the audit log.
    const WORD: &str;
    /// Where the folder has it.
    const FILE: &str;

    /// What identifies it among its kind.
    fn id(&self) -> &str;

    /// Whether it says nothing, so that there is none.
    fn is_empty(&self) -> bool {
        false
    }
}

impl Entry for Voice {
    const KIND: i64 = 1;
    const WORD: &str = "voice";
    const FILE: &str = "voice.md";

    fn id(&self) -> &str {
        ""
    }

    fn is_empty(&self) -> bool {
        *self == Voice::default()
    }
}

impl Entry for Term {
    const KIND: i64 = 2;
    const WORD: &str = "glossary";
    const FILE: &str = "glossary.toml";

    fn id(&self) -> &str {
        &self.term
    }
}

impl Entry for SynonymGroup {
    const KIND: i64 = 3;
    const WORD: &str = "synonyms";
    const FILE: &str = "synonyms";

    fn id(&self) -> &str {
        self.id.as_str()
    }
}

/// An entry as it is listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<E> {
    /// What it says.
    pub content: E,
    /// When it was last changed; `None` for the folder's.
    pub updated_at: Option<Timestamp>,
    /// Whether it must be changed in the folder.
    pub from_folder: bool,
    /// Names the content; empty for the folder's.
    pub etag: String,
}

impl<E> Listed<E> {
    /// An entry of the folder.
    pub fn of_folder(content: E) -> Listed<E> {
        Listed { content, updated_at: None, from_folder: true, etag: String::new() }
    }
}

impl<E: Entry> Listed<E> {
    /// An entry of the database.
    pub fn stored(content: &str, updated_at: Timestamp) -> Result<Listed<E>, KnowledgeError> {
        Ok(Listed { content: serde_json::from_str(content)?, updated_at: Some(updated_at), from_folder: false, etag: etag(content) })
    }
}

/// The etag of an entry's content.
pub fn etag(content: &str) -> String {
    fingerprint(content)
}
