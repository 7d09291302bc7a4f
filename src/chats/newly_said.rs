//! The new events of a chat, as the rows of promises and codes are made of them.

use crate::chats::{event_rows::NewRow, fold::Summary};

/// The new events of a chat whose row is locked.
pub struct NewlySaid<'a> {
    pub workspace: &'a str,
    pub number: i64,
    /// `None` for a new chat.
    pub before: Option<&'a Summary>,
    pub summary: &'a Summary,
    pub new: &'a [NewRow<'a>],
    /// The ids of events whose text was wiped.
    pub redactions: &'a [String],
}
