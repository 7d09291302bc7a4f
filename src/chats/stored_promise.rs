//! A promise as it is kept beside its chat.

use jiff::{SignedDuration, Timestamp, civil::Date, tz::TimeZone};

/// What became of a promise. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i16)]
pub enum StoredStatus {
    Open = 1,
    Kept = 2,
    Withdrawn = 3,
}

/// A promise of a chat's message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredPromise {
    pub sequence: i64,
    /// Its place among the promises of the message.
    pub place: i64,
    pub event_id: String,
    pub agent_id: String,
    pub agent_name: String,
    /// Empty once the message was redacted.
    pub text: String,
    pub made_at: Timestamp,
    pub due_at: Option<Timestamp>,
    pub status: StoredStatus,
}

/// The last second of a day, in UTC.
pub fn end_of_day(day: Date) -> Option<Timestamp> {
    let next = day.tomorrow().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    next.checked_sub(SignedDuration::from_secs(1)).ok()
}
