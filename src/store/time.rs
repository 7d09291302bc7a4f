//! Times as they are stored: nanoseconds since 1970 in UTC, which fit until 2262. The API accepts only times in this range.

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
