//! Stop words: words that nearly every text or nearly every request has. A small corpus is too small to show that they carry no
//! information.

use std::{collections::HashMap, sync::LazyLock};

/// How many documents the known frequencies of a language weigh as, beside the documents of the corpus.
pub const BACKGROUND: f32 = 50.0;
/// Share of texts that have a word of each line.
const SHARES: [f32; 2] = [0.5, 0.2];

/// The lists: a line for each share.
const LISTS: [(&str, &str); 4] = [
    ("de", include_str!("stop_words/de.txt")),
    ("en", include_str!("stop_words/en.txt")),
    ("hu", include_str!("stop_words/hu.txt")),
    ("tr", include_str!("stop_words/tr.txt")),
];

static WORDS: LazyLock<HashMap<&str, HashMap<&str, f32>>> = LazyLock::new(|| {
    let words = |text: &'static str| {
        let lines: Vec<(&'static str, f32)> = text.lines().zip(SHARES).collect();
        // A word that is in both lines has the first one's share.
        lines.into_iter().rev().flat_map(|(line, share)| line.split(' ').map(move |word| (word, share))).collect()
    };
    LISTS.into_iter().map(|(language, text)| (language, words(text))).collect()
});

/// Returns the share of a language's texts that have a folded word, if it is a known stop word; else 0.
pub fn share(language: &str, folded: &str) -> f32 {
    WORDS.get(language).and_then(|words| words.get(folded)).copied().unwrap_or_default()
}
