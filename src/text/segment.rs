//! Word segmentation, in scripts with and without spaces.

use std::sync::LazyLock;

use icu_segmenter::{WordSegmenter, WordSegmenterBorrowed};
use unicode_normalization::char::is_combining_mark;

use crate::text::visible::is_invisible;

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

/// Calls `each` for the words of a text with spaces: letters, digits, their marks, and apostrophes between them. Any other sign parts two
/// words, also where Unicode's rules would not (`Note:Festivals`, `order_ticket`). Fast path: what is between spaces and, apart from
/// punctuation around it, has only Latin or Cyrillic letters and digits is one word. Most words are.
fn spaced_words<'a>(text: &'a str, from: usize, each: &mut impl FnMut(usize, &'a str)) {
    let plain = |letter: char| {
        letter.is_ascii_digit() || (letter.is_alphabetic() && (letter < '\u{250}' || ('\u{400}'..'\u{530}').contains(&letter)))
    };
    for piece in text.split([' ', '\n', '\t']).filter(|piece| !piece.is_empty()) {
        let start = from + (piece.as_ptr() as usize - text.as_ptr() as usize);
        let core = piece.trim_matches(|letter: char| letter.is_ascii_punctuation());
        if core.chars().all(plain) {
            if !core.is_empty() {
                let at = core.as_ptr() as usize - piece.as_ptr() as usize;
                let end = at + core.len();
                parts(&piece[at..end + signs(core, &piece[end..])], |part, word| each(start + at + part, word));
            }
        } else {
            mixed_words(piece, start, each);
        }
    }
}

/// The slow path of [`spaced_words`].
fn mixed_words<'a>(piece: &'a str, from: usize, each: &mut impl FnMut(usize, &'a str)) {
    let mut at = 0;
    while let Some(begin) = piece[at..].find(char::is_alphanumeric).map(|found| at + found) {
        let mut end = begin;
        let mut letters = piece[begin..].char_indices().peekable();
        while let Some((offset, letter)) = letters.next() {
            let joins = |next: &(usize, char)| next.1.is_alphanumeric();
            if is_in_word(letter) || (is_apostrophe(letter) && letters.peek().is_some_and(joins)) {
                end = begin + offset + letter.len_utf8();
            } else {
                break;
            }
        }
        end += signs(&piece[begin..end], &piece[end..]);
        parts(&piece[begin..end], |part, word| each(from + begin + part, word));
        at = end;
    }
}

/// Returns the length of the signs after a single letter that make it another name: `C#`, `C++`.
fn signs(word: &str, after: &str) -> usize {
    let mut letters = word.chars();
    if !(letters.next().is_some_and(char::is_alphabetic) && letters.next().is_none()) {
        return 0;
    }
    let length = ["++", "+", "#"].iter().find(|sign| after.starts_with(**sign)).map_or(0, |sign| sign.len());
    if after[length..].starts_with(|next: char| next.is_alphanumeric() || next == '+' || next == '#') { 0 } else { length }
}

/// Letters from which on a word stands apart from a number that it is written together with (`iphone15`). Shorter ones are one word with it
/// (`5kg`, `mp3`, `KE901377`).
const MIN_LETTERS_APART: usize = 4;
/// Most parts of a word of letters and digits; what changes more often between them is a code without parts.
const MAX_PARTS: usize = 3;

/// Calls `each` for the parts of a word of letters and digits.
fn parts<'a>(word: &'a str, mut each: impl FnMut(usize, &'a str)) {
    if !(word.contains(is_digit) && word.contains(char::is_alphabetic)) || word.contains(is_apostrophe) {
        return each(0, word);
    }
    // The starts of the parts; marks and invisible characters go with what is before them.
    let mut starts: Vec<(usize, bool, usize)> = Vec::new();
    for (at, letter) in word.char_indices() {
        match starts.last_mut() {
            Some((_, digits, count)) if !letter.is_alphanumeric() || *digits == is_digit(letter) => {
                *count += usize::from(letter.is_alphanumeric());
            }
            _ => starts.push((at, is_digit(letter), 1)),
        }
    }
    let apart = |(_, digits, count): &(usize, bool, usize)| !*digits && *count >= MIN_LETTERS_APART;
    let whole_enough = |(_, digits, count): &(usize, bool, usize)| *digits || *count > 1;
    if starts.len() > MAX_PARTS || !starts.iter().all(whole_enough) || !starts.iter().any(apart) {
        return each(0, word);
    }
    for (number, (start, ..)) in starts.iter().enumerate() {
        each(*start, &word[*start..starts.get(number + 1).map_or(word.len(), |next| next.0)]);
    }
}

/// Returns whether a character can be inside a word: a letter, a digit, a mark on one, or one that is not seen.
fn is_in_word(letter: char) -> bool {
    letter.is_alphanumeric() || is_combining_mark(letter) || is_unseen(letter)
}

/// Returns whether a character inside a word is not seen: a soft hyphen, a joiner, a direction mark. Line breaks part words.
pub fn is_unseen(letter: char) -> bool {
    letter >= '\u{ad}' && is_invisible(letter) && !matches!(letter, '\u{2028}' | '\u{2029}' | '\u{2800}' | '\u{fff9}'..='\u{fffc}')
}

pub fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '’' | 'ʼ' | '`' | '´' | '‘' | '＇')
}

/// The zeros of the scripts that have digits of their own.
const ZEROS: [u32; 21] = [
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x17e0,
    0x1810, 0xff10,
];

/// Returns the ASCII digit of a digit of any script.
pub fn digit(letter: char) -> Option<char> {
    if letter.is_ascii() {
        return letter.is_ascii_digit().then_some(letter);
    }
    let code = u32::from(letter);
    let zero = ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}

pub fn is_digit(letter: char) -> bool {
    digit(letter).is_some()
}

/// Returns whether a letter belongs to a script without spaces between words: Thai, Lao, Burmese, Khmer, Japanese, Chinese.
pub fn is_unspaced(letter: char) -> bool {
    matches!(letter,
        '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}'..='\u{3007}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{2fa1f}')
}
