//! Words that nearly every text has, or nearly every request: a few documents are too few to tell that they say nothing.

use std::{collections::HashMap, sync::LazyLock};

/// As how many documents what is known of a language counts beside the documents that there are.
pub const BACKGROUND: f32 = 50.0;
/// In what share of texts a word of each line is.
const SHARES: [f32; 2] = [0.5, 0.2];

/// The lists: a line for each share.
const LISTS: [(&str, &str); 4] = [
    ("de", include_str!("../common/de.txt")),
    ("en", include_str!("../common/en.txt")),
    ("hu", include_str!("../common/hu.txt")),
    ("tr", include_str!("../common/tr.txt")),
];

static WORDS: LazyLock<HashMap<&str, HashMap<&str, f32>>> = LazyLock::new(|| {
    let words = |text: &'static str| {
        let lines: Vec<(&'static str, f32)> = text.lines().zip(SHARES).collect();
        // A word that is in both lines has the first one's share.
        lines.into_iter().rev().flat_map(|(line, share)| line.split(' ').map(move |word| (word, share))).collect()
    };
    LISTS.into_iter().map(|(language, text)| (language, words(text))).collect()
});

/// In what share of a language's texts a folded word is, as far as it is known to be common; else 0.
pub fn share(language: &str, folded: &str) -> f32 {
    WORDS.get(language).and_then(|words| words.get(folded)).copied().unwrap_or_default()
}
