//! The names of months, in any language.

use std::sync::LazyLock;

use crate::{
    facts::suffixes,
    lexicon::{self, lexica},
    text::fold,
};

/// Words of fewer or more bytes name no month.
const MIN_BYTES: usize = 3;
const MAX_BYTES: usize = 14;
/// A name of fewer letters takes no ending: `maya` is no May.
const MIN_INFLECTED: usize = 5;
/// So short a name may be another word.
const SHORT: usize = 3;

struct Name {
    written: &'static str,
    month: u8,
    endings: &'static [&'static str],
}

/// All names, by their first letters.
static NAMES: LazyLock<[Vec<Name>; 26]> = LazyLock::new(|| {
    let mut names = [const { Vec::new() }; 26];
    for lexicon in lexica() {
        let endings = suffixes::of_months(lexicon.language);
        for (months, month) in lexicon.words.dates.months.iter().zip(1..) {
            for written in months.iter() {
                if let Some(place) = letter(written) {
                    names[place].push(Name { written, month, endings });
                }
            }
        }
    }
    names
});

/// The month that a word names.
pub fn month(word: &str) -> Option<u8> {
    if !(MIN_BYTES..=MAX_BYTES).contains(&word.len()) {
        return None;
    }
    month_of(&fold(word))
}

/// The month that a folded word names.
pub fn month_of(folded: &str) -> Option<u8> {
    let names = |name: &&Name| {
        folded
            .strip_prefix(name.written)
            .is_some_and(|rest| rest.is_empty() || (name.written.len() >= MIN_INFLECTED && name.endings.contains(&rest)))
    };
    NAMES[letter(folded)?].iter().find(names).map(|name| name.month)
}

/// The month that a word names where it stands. A short form has a capital or a point: `ára` and `may` are other words.
pub fn month_at(text: &str, at: usize, word: &str) -> Option<u8> {
    let short = word.chars().count() <= SHORT;
    let marked = || word.starts_with(char::is_uppercase) || text[at + word.len()..].starts_with('.');
    month(word).filter(|_| !short || marked() || lexicon::any(|words| words.dates.short_months.contains(word)))
}

fn letter(folded: &str) -> Option<usize> {
    folded.bytes().next().filter(u8::is_ascii_lowercase).map(|letter| usize::from(letter - b'a'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_month_is_known_by_every_name() {
        for lexicon in lexica() {
            for (names, number) in lexicon.words.dates.months.iter().zip(1..) {
                for name in names.iter() {
                    assert_eq!(month(name), Some(number), "{name}");
                }
            }
        }
        for (word, number) in [
            ("decembertől", Some(12)),
            ("Aralık", Some(12)),
            ("märz", Some(3)),
            ("août", Some(8)),
            ("septiembre", Some(9)),
            ("marchand", None),
        ] {
            assert_eq!(month(word), number, "{word}");
        }
    }
}
