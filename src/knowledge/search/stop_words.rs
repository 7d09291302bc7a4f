//! Stop words: words that nearly every text or nearly every request has. A small corpus is too small to show that they carry no
//! information.

use std::{collections::BTreeMap, collections::HashMap, sync::LazyLock};

/// How many documents the known frequencies of a language weigh as, beside the documents of the corpus.
pub const BACKGROUND: f32 = 50.0;
/// Share of texts that have a word of each line.
const SHARES: [f32; 2] = [0.5, 0.2];
/// What stands behind the beginning of words that are all common, as the forms of `can do` in Turkish.
const ANY_END: char = '*';
/// Letters from which on half a word may be half a common one.
const MIN_HALF: usize = 2;

/// The lists: a line for each share.
const LISTS: [(&str, &str); 4] = [
    ("de", include_str!("stop_words/de.txt")),
    ("en", include_str!("stop_words/en.txt")),
    ("hu", include_str!("stop_words/hu.txt")),
    ("tr", include_str!("stop_words/tr.txt")),
];

/// A language's stop words, with their shares.
#[derive(Default)]
struct StopWords {
    words: BTreeMap<&'static str, f32>,
    beginnings: Vec<(&'static str, f32)>,
}

static WORDS: LazyLock<HashMap<&str, StopWords>> = LazyLock::new(|| {
    let read = |text: &'static str| {
        let mut stop_words = StopWords::default();
        // A word that is in both lines has the first one's share.
        for (line, share) in text.lines().zip(SHARES).collect::<Vec<_>>().into_iter().rev() {
            for word in line.split(' ') {
                match word.strip_suffix(ANY_END) {
                    Some(beginning) => stop_words.beginnings.push((beginning, share)),
                    None => {
                        stop_words.words.insert(word, share);
                    }
                }
            }
        }
        stop_words
    };
    LISTS.into_iter().map(|(language, text)| (language, read(text))).collect()
});

/// Returns the share of a language's texts that have a folded word, if it is a known stop word; else 0.
pub fn share(language: &str, folded: &str) -> f32 {
    let Some(stop_words) = WORDS.get(language) else { return 0.0 };
    let by_beginning = || stop_words.beginnings.iter().find(|(beginning, _)| folded.starts_with(beginning)).map(|(_, share)| *share);
    stop_words.words.get(folded).copied().or_else(by_beginning).unwrap_or_default()
}

/// Returns the share of the stop words that a half word may become; 0 if there is none.
pub fn share_of_half(language: &str, half: &str) -> f32 {
    let Some(stop_words) = WORDS.get(language).filter(|_| half.chars().count() >= MIN_HALF) else { return 0.0 };
    let whole = stop_words.words.range(half..).next().filter(|(word, _)| word.starts_with(half)).map(|(_, share)| *share);
    let beginning = || stop_words.beginnings.iter().find(|(beginning, _)| beginning.starts_with(half)).map(|(_, share)| *share);
    let known = share(language, half);
    if known > 0.0 { known } else { whole.or_else(beginning).unwrap_or_default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_halves_of_common_words_are_common() {
        for (language, word) in [("tr", "edebilecek"), ("tr", "misiniz"), ("de", "konnten"), ("en", "wanted"), ("hu", "szeretnenk")] {
            assert!(share(language, word) > 0.0, "{word}");
        }
        for (language, half) in [("tr", "yapabi"), ("en", "wan"), ("hu", "szeretn"), ("de", "mocht")] {
            assert!(share_of_half(language, half) > 0.0, "{half}");
        }
        for (language, word) in [("tr", "kargo"), ("en", "refund"), ("hu", "szamla"), ("de", "rechnung"), ("xx", "the")] {
            assert_eq!((share(language, word), share_of_half(language, word)), (0.0, 0.0), "{word}");
        }
    }
}
