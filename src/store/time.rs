//! Times as they are stored: nanoseconds since 1970 in UTC, which fit until 2262. The API accepts only times in this range. And the numbers of
//! chats, which tell when they began.

use jiff::Timestamp;

use crate::store::error::StoreError;

/// Converts a time to its stored form.
pub fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}

/// Converts a stored time back.
pub fn timestamp(nanoseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).map_err(|_| StoreError::malformed("time"))
}

/// The bits of a chat's number under its time: they tell chats apart that begin in the same millisecond.
const NUMBER_BITS: u32 = 20;
/// When the time in a chat's number begins, in milliseconds since 1970.
const YEAR_2020: i64 = 1_577_836_800_000;

/// Returns the first number of the chats that begin at a time: milliseconds since 2020, then 20 bits.
pub fn first_number(time: Timestamp) -> i64 {
    (time.as_millisecond() - YEAR_2020).clamp(0, i64::MAX >> NUMBER_BITS) << NUMBER_BITS
}

/// Returns when the chat of a number began.
pub fn number_time(number: i64) -> Timestamp {
    Timestamp::from_millisecond((number >> NUMBER_BITS) + YEAR_2020).unwrap_or(Timestamp::MAX)
}
