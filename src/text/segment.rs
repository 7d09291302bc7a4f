//! Word segmentation, in scripts with and without spaces.

use std::sync::LazyLock;

use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use unicode_segmentation::UnicodeSegmentation;

static UNSPACED: LazyLock<WordSegmenterBorrowed<'static>> = LazyLock::new(|| WordSegmenter::new_dictionary(Default::default()));

/// Splits a text into its parts in scripts without spaces between words and the rest, if it has both; the words of such scripts have the
/// same keys in every language.
pub fn unspaced_apart(text: &str) -> Option<(String, String)> {
    if text.bytes().all(|byte| byte < 0xe0) || !text.chars().any(is_unspaced) {
        return None;
    }
    let (mut unspaced, mut rest) = (String::new(), String::new());
    for letter in text.chars() {
        let (to, other) = if is_unspaced(letter) { (&mut unspaced, &mut rest) } else { (&mut rest, &mut unspaced) };
        to.push(letter);
        if !other.ends_with(' ') {
            other.push(' ');
        }
    }
    Some((unspaced, rest))
}

/// Calls `each` for each word of a text: by Unicode's rules, and by a dictionary for scripts without spaces between words.
pub fn word_indices<'a>(text: &'a str, mut each: impl FnMut(usize, &'a str)) {
    // Such scripts take three bytes a letter and more.
    if text.bytes().all(|byte| byte < 0xe0) || !text.chars().any(is_unspaced) {
        spaced_words(text, 0, &mut each);
        return;
    }
    let mut from = 0;
    while from < text.len() {
        let unspaced = text[from..].starts_with(is_unspaced);
        let length = text[from..].find(|letter| is_unspaced(letter) != unspaced).unwrap_or(text.len() - from);
        let run = &text[from..from + length];
        if unspaced {
            let breaks: Vec<usize> = UNSPACED.segment_str(run).collect();
            for pair in breaks.windows(2) {
                let word = &run[pair[0]..pair[1]];
                if word.chars().any(char::is_alphanumeric) {
                    each(from + pair[0], word);
                }
            }
        } else {
            spaced_words(run, from, &mut each);
        }
        from += length;
    }
}

/// Returns the words by Unicode's rules. Fast path: what is between spaces and, apart from punctuation around it, has only Latin or
/// Cyrillic letters and digits is one word by these rules. Most words are.
fn spaced_words<'a>(text: &'a str, from: usize, each: &mut impl FnMut(usize, &'a str)) {
    let plain = |letter: char| {
        letter.is_ascii_digit() || (letter.is_alphabetic() && (letter < '\u{250}' || ('\u{400}'..'\u{530}').contains(&letter)))
    };
    for piece in text.split([' ', '\n', '\t']).filter(|piece| !piece.is_empty()) {
        let start = piece.as_ptr() as usize - text.as_ptr() as usize;
        let core = piece.trim_matches(|letter: char| letter.is_ascii_punctuation() && letter != '_');
        if core.chars().all(plain) {
            if !core.is_empty() {
                each(from + start + (core.as_ptr() as usize - piece.as_ptr() as usize), core);
            }
        } else {
            for (at, word) in piece.unicode_word_indices() {
                each(from + start + at, word);
            }
        }
    }
}

/// Returns whether a letter belongs to a script without spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese.
pub fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}
