//! Pure functions over text: words and their keys, languages, token estimates. No input or output here.

mod analyzer;
mod detect;
mod fingerprint;
mod id;
mod language;
mod markdown;
mod mask;
mod placeholder;
mod sentences;
mod tokens;

pub use analyzer::{Beginnings, Word, beginning, fold, grams, letter_pairs, signature, words, words_beginning};
pub use detect::detect;
pub use fingerprint::fingerprint;
pub use id::Id;
pub use language::{Language, lookup};
pub use markdown::{Block, BlockKind, blocks, paragraphs, plain};
pub use mask::{MASK, masked};
pub use placeholder::{Placeholder, fill_placeholders, is_known_placeholder, placeholders};
pub use sentences::sentences;
pub use tokens::estimate_tokens;
