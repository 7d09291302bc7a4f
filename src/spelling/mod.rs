//! Spelling: plain slips in English, Turkish, Hungarian, German, French and Spanish, mended where only one word can be meant. Words are
//! looked up in hunspell's dictionaries, read from disk where they are installed; English has a table of known misspellings besides.

mod accents;
mod correct;
mod dictionary;
mod language_data;
mod misspellings;
#[cfg(test)]
mod sample_tests;
mod slips;
mod speller;
mod tokens;

pub use correct::{Words, correct};
pub use dictionary::Dictionaries;
#[cfg(test)]
use dictionary::Dictionary;
pub use language_data::{is_key_slip, package};
