//! Pure functions over text: words and their keys, languages, token estimates. No input or output here.

mod analyzer;
mod detect;
mod ending;
mod facts;
mod fingerprint;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod html;
mod id;
mod language;
mod markdown;
mod marks;
mod mask;
mod placeholder;
mod sentences;
mod tokens;

pub use analyzer::{Beginnings, Word, beginning, fold, grams, letter_pairs, signature, words, words_beginning};
pub use detect::detect;
pub use ending::{MOST_LETTERS as MOST_ENDING, with_ending};
pub use facts::{
    Difference, Fact, FactKind, Figure, FigureValue, Known, difference, facts, figures, is_invisible, month, word_numbers, worded,
};
pub use fingerprint::fingerprint;
pub use html::html;
pub use id::Id;
pub use language::{Language, lookup};
pub use markdown::{Block, BlockKind, blocks, paragraphs, plain};
pub use marks::{FoundMark, Marked, Marks, Next, replaced};
pub use mask::{MASK, masked};
pub use placeholder::{Placeholder, fill_placeholders, is_known_placeholder, placeholders};
pub use sentences::{sentence_at, sentences};
pub use tokens::estimate_tokens;
