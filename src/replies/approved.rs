//! Approved text that serves as it is, without a model.

use crate::replies::stream::result::Source;

/// Approved text that serves as it is.
pub struct Approved {
    pub text: String,
    pub source: Source,
}
