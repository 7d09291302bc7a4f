//! Where a watch goes on: signed, so that a client passes on what a server of this database gave out and nothing else.

use crate::{chats::change_rows::Position, store::Signer};

/// Of a change that was told whole.
const WHOLE: i64 = i64::MAX;

/// A place in what a listener of several chats was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The last change that it was told, or that was not for it.
    pub position: Position,
    /// Of that change it was told the events up to this sequence; `None`: all of it.
    pub part: Option<i64>,
}

impl Place {
    pub fn token(self, signer: &Signer, workspace: &str) -> String {
        let Place { position: Position { number, at }, part } = self;
        signer.sign(&["watch", workspace], &[number, at, part.unwrap_or(WHOLE)].map(i64::to_be_bytes).concat())
    }

    /// `None`: it is not such a token.
    pub fn read(signer: &Signer, workspace: &str, token: &str) -> Option<Place> {
        let content = signer.read(&["watch", workspace], token)?;
        let [number, at, part] = numbers(&content)?;
        Some(Place { position: Position { number, at }, part: (part != WHOLE).then_some(part) })
    }
}

/// A place in one chat: the chat's number, which another chat of the same id does not have, and the last event that was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceInChat {
    pub chat: i64,
    pub sequence: i64,
}

impl PlaceInChat {
    pub fn token(self, signer: &Signer, workspace: &str, chat_id: &str) -> String {
        let PlaceInChat { chat, sequence } = self;
        signer.sign(&["watch chat", workspace, chat_id], &[chat, sequence].map(i64::to_be_bytes).concat())
    }

    /// `None`: it is not such a token.
    pub fn read(signer: &Signer, workspace: &str, chat_id: &str, token: &str) -> Option<PlaceInChat> {
        let content = signer.read(&["watch chat", workspace, chat_id], token)?;
        let [chat, sequence] = numbers(&content)?;
        Some(PlaceInChat { chat, sequence })
    }
}

fn numbers<const N: usize>(content: &[u8]) -> Option<[i64; N]> {
    let (chunks, rest) = content.as_chunks::<8>();
    let numbers: Vec<i64> = chunks.iter().map(|chunk| i64::from_be_bytes(*chunk)).collect();
    rest.is_empty().then_some(numbers)?.try_into().ok()
}
