//! Where a word that is also something else is a person's name: after a title or a greeting, before a title, or as a signature.

use crate::{
    lexicon::{self, words::plain},
    text::fold,
};

/// How far before a name is looked, in bytes.
const NEAR: usize = 40;
/// Fewest digits of a phone number.
const MIN_NUMBER: usize = 8;

/// Whether the word from `at` to `end` is used as a name.
pub fn is_addressed(text: &str, at: usize, end: usize) -> bool {
    let mut from = at.saturating_sub(NEAR);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = &text[from..at];
    let spaced = before.trim_end_matches(' ');
    let last_word = |text: &str| fold(text.trim_end_matches('.').rsplit(|letter: char| !letter.is_alphabetic()).next().unwrap_or_default());
    let last = last_word(spaced);
    let stops = spaced.ends_with(['.', ',', '!', '?', ':', ';', '\n']);
    let after_title = !last.is_empty()
        && lexicon::any(|words| {
            if stops { spaced.ends_with('.') && words.titles.abbreviated.contains(&last) } else { words.begins_address(&last) }
        });
    let introduced = !stops && lexicon::any(|words| words.signatures.before_name.end_text(&plain(before)));
    let rest = &text[end..];
    let next = rest.trim_start_matches(' ');
    let next_word = fold(&next[..next.find(|letter: char| !letter.is_alphabetic()).unwrap_or(next.len())]);
    let before_title = lexicon::any(|words| words.follows_name(&next_word) || words.signatures.after_name.contains(&next_word));
    let owns = rest.strip_prefix(['\'', '’']).is_some_and(|rest| rest.starts_with(char::is_lowercase));
    after_title || introduced || before_title || owns || is_signature(text, at, end) || stands_alone(before, rest)
}

/// Whether a word is a sentence by itself, or is followed by a number as long as a phone's.
fn stands_alone(before: &str, rest: &str) -> bool {
    let begins = before.trim_end().is_empty() || before.trim_end_matches(' ').ends_with(['.', '!', '?', '\n']);
    let numbers = rest
        .trim_start_matches(' ')
        .split(|letter: char| !letter.is_ascii_digit() && !"+()-/ ".contains(letter))
        .next()
        .unwrap_or_default();
    let digits = numbers.bytes().filter(u8::is_ascii_digit).count();
    begins && (rest.is_empty() || rest.starts_with(['.', '!', '?', '\n']) || digits >= MIN_NUMBER)
}

/// Whether a word ends the text, after a sign-off or on a line of its own.
fn is_signature(text: &str, at: usize, end: usize) -> bool {
    if text[end..].contains(char::is_alphanumeric) {
        return false;
    }
    let (before, alone) = match text[..at].rsplit_once('\n') {
        Some((before, line)) if !line.contains(char::is_alphanumeric) => (before.trim_end(), true),
        _ => (text[..at].trim_end(), false),
    };
    let last_line = before.rsplit('\n').next().unwrap_or_default();
    let folded = fold(last_line);
    let word = folded.trim_end_matches(|letter: char| !letter.is_alphanumeric());
    let sign_off = word.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    alone && !before.is_empty()
        || last_line.ends_with([',', '-', '!', '\n', '–']) && lexicon::any(|words| words.signatures.sign_offs.contains(sign_off))
}
