//! Documents: canned answers and help articles.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    ids::Id,
    knowledge::documents::condition::{Condition, Conditions},
    store::StoreError,
    text::{Language, decode_entities, fingerprint, without_comments, without_entities},
};

const MAX_TITLE_CHARACTERS: usize = 1000;
const MAX_BODY_BYTES: usize = 200_000;
const MAX_TAGS: usize = 100;
const MAX_ASKED: usize = 50;
const MAX_ASKED_CHARACTERS: usize = 200;
const MAX_URL_CHARACTERS: usize = 2000;
/// The beginning of 2000, in seconds.
const OLDEST_TIME: i64 = 946_684_800;

/// The two kinds of document. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(i16)]
pub enum Kind {
    /// A message that the team approved, with placeholders.
    CannedAnswer = 1,
    /// A help article.
    Article = 2,
}

impl Kind {
    /// Returns the kind of a stored number.
    pub fn from_stored(number: i64) -> Result<Kind, StoreError> {
        match number {
            1 => Ok(Kind::CannedAnswer),
            2 => Ok(Kind::Article),
            _ => Err(StoreError::malformed("kind of document")),
        }
    }
}

/// Identifies one version of a document: the same id in several languages is one document with its translations.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DocumentKey {
    /// Ids of the two kinds are apart.
    pub kind: Kind,
    /// The document's id, the same in every language.
    pub id: Id,
    /// The version's language.
    pub language: Language,
}

/// A document in one language.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The same in every language; chosen by the author.
    pub id: Id,
    /// The language that this version is written in.
    pub language: Language,
    /// Its title, plain, 1 to 1,000 characters. Customers don't see a canned answer's.
    pub title: String,
    /// Markdown.
    pub body: String,
    /// Its category, up to 200 bytes; empty if none.
    pub category: String,
    /// Words that people use for it, up to 100, each up to 200 bytes. The tag `opener` makes a canned answer an opener.
    pub tags: Vec<String>,
    /// How customers ask for it, in their own words: searched, and shown to authors and agents alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// Whether it comes from the knowledge base folder and is changed there.
    #[serde(skip)]
    pub from_folder: bool,
    /// When its author last changed it.
    #[serde(skip, default)]
    pub updated_at: Timestamp,
    /// Whether its file can't be read any more: this is its last good version, which only agents may see.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// What only its kind has.
    pub details: Details,
}

/// The fields that only one kind of document has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Details {
    /// The fields of a help article.
    Article {
        /// Who may see it.
        audience: Audience,
        /// Where customers read it, http or https; empty if nowhere.
        url: String,
    },
    /// The fields of a canned answer.
    CannedAnswer {
        /// What an agent types after a slash to get it, up to 200 bytes; empty if none.
        shortcut: String,
        /// Which agents it is offered to.
        visibility: Visibility,
        /// What a chat must know for it to fit; all must hold.
        #[serde(default, skip_serializing_if = "Conditions::is_empty")]
        when: Conditions,
    },
}

/// Who may see an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everyone.
    Public,
    /// Agents only: the public never finds it, and no prompt for a text to a customer has it.
    Agents,
}

/// Which agents a canned answer is offered to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Every agent of the workspace.
    Everyone,
    /// The agents of this team.
    Group(String),
    /// The agent with this id.
    Agent(String),
}

impl Document {
    /// Returns whether it is an article or a canned answer.
    pub fn kind(&self) -> Kind {
        match self.details {
            Details::Article { .. } => Kind::Article,
            Details::CannedAnswer { .. } => Kind::CannedAnswer,
        }
    }

    /// Returns what identifies this version in its workspace.
    pub fn key(&self) -> DocumentKey {
        DocumentKey { kind: self.kind(), id: self.id.clone(), language: self.language.clone() }
    }

    /// Returns whom its text is for. A canned answer is written for customers; a withdrawn document is for agents.
    pub fn audience(&self) -> Audience {
        match self.details {
            _ if self.withdrawn => Audience::Agents,
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

    /// Returns whether it is a public article, or a canned answer that is offered to every agent.
    pub fn is_for_everyone(&self) -> bool {
        let for_everyone = matches!(
            self.details,
            Details::Article { audience: Audience::Public, .. } | Details::CannedAnswer { visibility: Visibility::Everyone, .. }
        );
        for_everyone && !self.withdrawn
    }

    /// Returns the document as readers see it: without HTML comments. A title is plain text and a canned answer is sent as it is, so their
    /// entities are decoded; whoever renders an article decodes its own.
    pub fn visible(mut self) -> Document {
        self.title = decode_entities(&without_comments(&self.title)).into_owned();
        self.body = without_comments(&self.body).into_owned();
        if self.kind() == Kind::CannedAnswer {
            self.body = without_entities(&self.body).into_owned();
        }
        self
    }

    /// Returns the address where customers read it; empty if none.
    pub fn url(&self) -> &str {
        match &self.details {
            Details::Article { url, .. } => url,
            Details::CannedAnswer { .. } => "",
        }
    }

    /// Returns the conditions under which a canned answer fits; none for an article.
    pub fn when(&self) -> &[Condition] {
        match &self.details {
            Details::Article { .. } => &[],
            Details::CannedAnswer { when, .. } => when.as_slice(),
        }
    }

    /// Returns whether it may start a chat in which the customer has not written yet.
    pub fn is_opener(&self) -> bool {
        self.kind() == Kind::CannedAnswer && self.tags.iter().any(|tag| tag == "opener")
    }

    /// Returns its approximate size in a response, in bytes.
    pub fn size(&self) -> usize {
        let lists: usize = self.tags.iter().chain(&self.asked).map(|text| text.len() + 4).sum();
        let when: usize = self.when().iter().map(|condition| condition.text().len() + 4).sum();
        self.body.len() + self.title.len() + self.url().len() + lists + when + 1500
    }

    /// Returns a fingerprint of its content.
    pub fn hash(&self) -> String {
        let json = serde_json::to_vec(self).expect("a document has only string keys");
        fingerprint(json)
    }

    /// Returns the name of its content, by which a writer knows whether somebody else changed it.
    pub fn etag(&self) -> String {
        etag_of(&self.hash()).to_owned()
    }
}

/// The etag of a content with this hash: as much of it as tells contents of one document apart.
pub fn etag_of(hash: &str) -> &str {
    hash.get(..16).unwrap_or(hash)
}

/// Checks a title. These checks apply to the API and to files; an error says what is wrong with the value.
pub fn check_title(title: &str) -> Result<(), String> {
    check_text(title, MAX_TITLE_CHARACTERS)?;
    if without_comments(title).trim().is_empty() { Err("is required".to_owned()) } else { Ok(()) }
}

/// Checks a body. One that has only comments is empty.
pub fn check_body(body: &str) -> Result<(), String> {
    if body.len() > MAX_BODY_BYTES {
        return Err(format!("must have at most {MAX_BODY_BYTES} bytes"));
    }
    check_text(body, usize::MAX)?;
    if without_comments(body).trim().is_empty() { Err("is required".to_owned()) } else { Ok(()) }
}

/// Checks a category or a shortcut, which may be empty.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() { Ok(()) } else { check_id(name) }
}

/// Checks a tag, or who owns a canned answer.
pub fn check_id(id: &str) -> Result<(), String> {
    Id::new(id).map(drop).map_err(str::to_owned)
}

/// Checks the number of tags.
pub fn check_tag_count(count: usize) -> Result<(), String> {
    if count > MAX_TAGS { Err(format!("must have at most {MAX_TAGS} tags")) } else { Ok(()) }
}

/// Checks the number of phrases by which customers ask for a document.
pub fn check_asked_count(count: usize) -> Result<(), String> {
    if count > MAX_ASKED { Err(format!("must have at most {MAX_ASKED} phrases")) } else { Ok(()) }
}

/// Checks a phrase by which customers ask for a document.
pub fn check_asked(phrase: &str) -> Result<(), String> {
    if phrase.trim().is_empty() {
        return Err("must not be empty".to_owned());
    }
    if phrase.chars().any(char::is_control) {
        return Err("must not contain line breaks or other control characters".to_owned());
    }
    check_text(phrase, MAX_ASKED_CHARACTERS)
}

/// Checks a document's address, which may be empty.
pub fn check_url(url: &str) -> Result<(), String> {
    if url.is_empty() {
        return Ok(());
    }
    if !url.starts_with("https://") && !url.starts_with("http://") {
        return Err("must begin with http:// or https://".to_owned());
    }
    if url.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    check_text(url, MAX_URL_CHARACTERS)
}

/// Checks a time of change: from 2000 until a day ahead of the clock.
pub fn check_time(time: Timestamp, now: Timestamp) -> Result<(), String> {
    let tomorrow = now + SignedDuration::from_hours(24);
    if time.as_second() >= OLDEST_TIME && time <= tomorrow { Ok(()) } else { Err("must be a time from 2000 to a day from now".to_owned()) }
}

fn check_text(text: &str, max_characters: usize) -> Result<(), String> {
    if text.len() > max_characters && text.chars().count() > max_characters {
        return Err(format!("must have at most {max_characters} characters"));
    }
    if text.contains('\0') { Err("must not contain NUL".to_owned()) } else { Ok(()) }
}
