//! Promises: sentences that commit the shop to something, by which day, and what becomes of them.

mod claims;
pub mod classifier;
mod due;
mod found;

pub use claims::{Claim, ClaimKind, Content, RecordState, claims, record_state, topics_of};
pub use classifier::likelihood;
pub use due::due;
pub use found::{Candidate, Promise, candidates, may_promise, promises};

/// Longest sentence that is read, in characters: what is longer is a list or a log.
const MAX_PROMISE_CHARS: usize = 1000;
