//! Normalized text for fact detection.

use std::{borrow::Cow, ops::Range};

use unicode_normalization::UnicodeNormalization;

use crate::text::{is_invisible, is_line_break};

/// A normalized text: full-width characters narrowed, every decimal digit as ASCII, spaces and dashes unified, zero-width characters
/// removed. It maps each of its characters to the original.
pub struct Plain<'a> {
    pub text: Cow<'a, str>,
    original: &'a str,
    /// For each byte, the offset of its original character; empty if nothing was changed.
    places: Vec<u32>,
}

impl<'a> Plain<'a> {
    pub fn of(original: &'a str) -> Plain<'a> {
        if original.is_ascii() || original.chars().all(|letter| letter.is_ascii() || plain(letter) == Some(letter)) {
            return Plain { text: Cow::Borrowed(original), original, places: Vec::new() };
        }
        let mut text = String::with_capacity(original.len());
        let mut places = Vec::with_capacity(original.len());
        for (at, letter) in original.char_indices() {
            if let Some(letter) = plain(letter) {
                text.push(letter);
                places.resize(text.len(), at as u32);
            }
        }
        Plain { text: Cow::Owned(text), original, places }
    }

    /// Maps a range to the original text.
    pub fn written(&self, range: Range<usize>) -> Range<usize> {
        if self.places.is_empty() || range.is_empty() {
            return range;
        }
        let last = self.places[range.end - 1] as usize;
        let width = self.original[last..].chars().next().map_or(0, char::len_utf8);
        self.places[range.start] as usize..last + width
    }
}

/// Normalizes a character; `None` if it has no width.
fn plain(letter: char) -> Option<char> {
    if letter.is_ascii() {
        return Some(letter);
    }
    if is_line_break(letter) {
        return Some('\n');
    }
    if is_invisible(letter) {
        return None;
    }
    if let Some(digit) = digit(letter) {
        return char::from_digit(digit, 10);
    }
    Some(match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => '-',
        '\u{fe6b}' => '@',
        '\u{b7}' | '\u{2027}' | '\u{2219}' | '\u{22c5}' | '\u{30fb}' => '.',
        // Stylized letters: mathematical, circled, half-width.
        '\u{1d400}'..='\u{1d7cb}' | '\u{24b6}'..='\u{24e9}' | '\u{ff5f}'..='\u{ffef}' => {
            let mut undressed = std::iter::once(letter).nfkc();
            undressed.next().filter(|_| undressed.next().is_none()).unwrap_or(letter)
        }
        other => other,
    })
}

/// The value of a decimal digit of any script.
fn digit(letter: char) -> Option<u32> {
    /// The zeros of Unicode's decimal digits that people type.
    const ZEROS: [u32; 18] =
        [0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xed0, 0xf20, 0x1040, 0x17e0, 0xff10];
    let code = letter as u32;
    match code {
        0x1d7ce..=0x1d7ff => Some((code - 0x1d7ce) % 10),
        _ => ZEROS.iter().find(|zero| (**zero..**zero + 10).contains(&code)).map(|zero| code - zero),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disguises_come_off_and_places_are_known() {
        let written = "Ö１２\u{200b}３４\u{a0}–٥";
        let plain = Plain::of(written);
        assert_eq!(plain.text, "Ö1234 -5");
        let at = plain.text.find("1234").unwrap();
        assert_eq!(&written[plain.written(at..at + 4)], "１２\u{200b}３４");
    }
}
