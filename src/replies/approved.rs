//! Approved text that is used unchanged, without a model.

use crate::replies::stream::result::Source;

/// Approved text that is used unchanged.
pub struct Approved {
    pub text: String,
    pub source: Source,
}
