//! Ids of suggestions and drafts. They carry what they name, so that an outcome needs no row that was written before it: it may reach another
//! server first, or the one that made the offer may have ended.

use jiff::Timestamp;
use uuid::Uuid;

use crate::{
    ids::{Id, Workspace},
    knowledge::{DocumentKey, Kind},
    store::Signer,
    text::Language,
};

/// Bytes of a UUID.
const UUID: usize = 16;

/// What is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferKind {
    /// A document.
    Suggestion,
    /// A draft.
    Draft,
}

impl OfferKind {
    fn word(self) -> &'static str {
        match self {
            OfferKind::Suggestion => "suggestion",
            OfferKind::Draft => "draft",
        }
    }
}

/// What an id of an offer carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// When it was made.
    pub at: Timestamp,
    /// The suggested document, or the first source of a draft; `None` for a draft without sources.
    pub document: Option<DocumentKey>,
}

/// Returns a new id of an offer in the chat of this number, which has it from its first event to its erasure; `None` for suggestions without a chat.
pub fn new(signer: &Signer, kind: OfferKind, workspace: &Workspace, chat: Option<i64>, document: Option<(Kind, &str, &str)>) -> String {
    let mut content = Uuid::now_v7().into_bytes().to_vec();
    if let Some((kind, id, language)) = document {
        content.extend([kind as u8, u8::try_from(language.len()).unwrap_or(u8::MAX)]);
        content.extend(language.bytes().chain(id.bytes()));
    }
    signer.sign(&[kind.word(), workspace.as_str(), &number(chat)], &content)
}

/// Reads an id; `None` if no server of this database gave it out for this chat.
pub fn read(signer: &Signer, kind: OfferKind, workspace: &str, chat: Option<i64>, id: &str) -> Option<Offer> {
    let content = signer.read(&[kind.word(), workspace, &number(chat)], id)?;
    let (uuid, document) = content.split_at_checked(UUID)?;
    let (seconds, nanoseconds) = Uuid::from_slice(uuid).ok()?.get_timestamp()?.to_unix();
    let at = Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanoseconds).ok()?).ok()?;
    let document = if document.is_empty() { None } else { Some(document_of(document)?) };
    Some(Offer { at, document })
}

fn number(chat: Option<i64>) -> String {
    chat.map(|number| number.to_string()).unwrap_or_default()
}

fn document_of(content: &[u8]) -> Option<DocumentKey> {
    let (&[kind, length], rest) = content.split_first_chunk()?;
    let (language, id) = rest.split_at_checked(usize::from(length))?;
    Some(DocumentKey {
        kind: Kind::from_stored(i64::from(kind)).ok()?,
        id: Id::new(str::from_utf8(id).ok()?).ok()?,
        language: Language::parse(str::from_utf8(language).ok()?).ok()?,
    })
}
