//! Names and products that a rewrite replaced.

use similar::{Algorithm, TextDiff};

use crate::{
    replies::rewrite::meaning::{
        Change,
        sentence::{STEM, Sentence},
    },
    text::fold,
};

/// A name of at least this share of another's letters is taken for a misspelling of it, not for a translation.
const LIKE: f32 = 0.5;

/// A name of the text's that the rewrite lacks, and one like it that it has instead. German writes every noun with a capital, so that of a
/// German text only words that look like names of the other are compared.
pub fn changed(one: &[Sentence<'_>], other: &[Sentence<'_>], language: &str, other_language: &str) -> Option<Change> {
    let names = |sentences: &[Sentence<'_>]| -> Vec<String> { sentences.iter().flat_map(|sentence| sentence.names.iter().map(|name| (*name).to_owned())).collect() };
    let has = |sentences: &[Sentence<'_>], name: &str| {
        let folded = fold(name);
        let begins: String = folded.chars().take(STEM).collect();
        sentences.iter().any(|sentence| fold(sentence.text).contains(&begins))
    };
    let (before, after) = (names(one), names(other));
    let lost: Vec<&String> = before.iter().filter(|name| !has(other, name)).collect();
    let added: Vec<&String> = after.iter().filter(|name| !has(one, name)).collect();
    let nouns = language == "de" && other_language == "de";
    let is_like = |one: &str, other: &str| {
        let (one, other) = (fold(one), fold(other));
        let ratio = TextDiff::configure().algorithm(Algorithm::Myers).diff_chars(&one, &other).ratio();
        ratio >= LIKE && one.chars().next() == other.chars().next() && one.len() > 3 && !nouns
    };
    lost.iter().find_map(|lost| {
        let added = added.iter().find(|added| is_like(lost, added))?;
        Some(Change { excerpt: (*added).clone(), message: format!("the text says “{lost}”") })
    })
}
