//! Documents: canned answers and help articles.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::text::{Id, Language, fingerprint};

/// The two kinds of document. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Kind {
    CannedAnswer = 1,
    Article = 2,
}

/// Names one version of a document: the same id in several languages is one document with its translations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentKey {
    pub kind: Kind,
    pub id: Id,
    pub language: Language,
}

/// A document in one language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    pub id: Id,
    pub language: Language,
    pub title: String,
    /// Markdown.
    pub body: String,
    pub category: String,
    pub tags: Vec<String>,
    /// Whether it comes from the knowledge base folder and is changed there.
    #[serde(skip)]
    pub from_folder: bool,
    /// When its author last changed it.
    #[serde(skip, default)]
    pub updated_at: Timestamp,
    pub details: Details,
}

/// What one kind of document has and the other has not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Details {
    Article { audience: Audience, url: String },
    CannedAnswer { shortcut: String, visibility: Visibility },
}

/// Who may see an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Public,
    Agents,
}

/// Which agents a canned answer is offered to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    Everyone,
    Group(String),
    Agent(String),
}

impl Document {
    pub fn kind(&self) -> Kind {
        match self.details {
            Details::Article { .. } => Kind::Article,
            Details::CannedAnswer { .. } => Kind::CannedAnswer,
        }
    }

    pub fn key(&self) -> DocumentKey {
        DocumentKey { kind: self.kind(), id: self.id.clone(), language: self.language.clone() }
    }

    /// Whom its text is for. A canned answer is written for customers.
    pub fn audience(&self) -> Audience {
        match self.details {
            Details::Article { audience, .. } => audience,
            Details::CannedAnswer { .. } => Audience::Public,
        }
    }

    /// Which agents a canned answer is offered to.
    pub fn visibility(&self) -> Option<&Visibility> {
        match &self.details {
            Details::Article { .. } => None,
            Details::CannedAnswer { visibility, .. } => Some(visibility),
        }
    }

    /// Whether it is a public article, or a canned answer that every agent is offered.
    pub fn is_for_everyone(&self) -> bool {
        matches!(
            self.details,
            Details::Article { audience: Audience::Public, .. } | Details::CannedAnswer { visibility: Visibility::Everyone, .. }
        )
    }

    /// Where customers read it; empty if nowhere.
    pub fn url(&self) -> &str {
        match &self.details {
            Details::Article { url, .. } => url,
            Details::CannedAnswer { .. } => "",
        }
    }

    /// Whether it may start a chat in which the customer has not written yet.
    pub fn is_opener(&self) -> bool {
        self.kind() == Kind::CannedAnswer && self.tags.iter().any(|tag| tag == "opener")
    }

    /// About how many bytes it is in a reply.
    pub fn size(&self) -> usize {
        let tags: usize = self.tags.iter().map(|tag| tag.len() + 4).sum();
        self.body.len() + self.title.len() + self.url().len() + tags + 1500
    }

    /// Tells two contents apart.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("a document has only string keys");
        fingerprint(json)
    }
}
