//! Times as they are stored: nanoseconds since 1970 in UTC, which fit until 2262. The API takes only times of this span.

use jiff::Timestamp;

use crate::store::error::StoreError;

/// A time as it is stored.
pub fn nanoseconds(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX)
}

/// A stored time.
pub fn timestamp(nanoseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_nanosecond(i128::from(nanoseconds)).map_err(|_| StoreError::malformed("time"))
}
