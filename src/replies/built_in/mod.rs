//! The built-in engine: what can be done honestly without a model. What it can't do well, it does not do.

mod correct;
mod draft;
mod summarize;
mod translate;

pub use correct::Corrector;
pub use draft::draft;
pub use summarize::{headings, summarize, summary_account, summary_language};
pub use translate::translate;

use super::Source;

/// Approved text that serves as it is.
pub struct Approved {
    pub text: String,
    pub source: Source,
}
