//! Words that count the days of a month: `first`, `vierundzwanzigsten`, `huszonnegyedikén`.

use std::{cmp::Reverse, sync::LazyLock};

use crate::{
    facts::{number_words::worded, suffixes},
    lexicon::{lexica, words::plain},
    text::fold,
};

struct OrdinalWords {
    /// Those that aren't regular, the longest first.
    odd: Vec<(String, u8)>,
    /// How all end that may stand before a month, and the last two letters of these endings.
    endings: Vec<&'static str>,
    tails: Vec<[u8; 2]>,
}

static WORDS: LazyLock<OrdinalWords> = LazyLock::new(|| {
    let tables = || lexica().iter().map(|lexicon| &lexicon.words.ordinals);
    let mut odd: Vec<(String, u8)> = tables().flat_map(|table| &table.words).map(|(word, day)| (plain(word), *day)).collect();
    odd.sort_by_key(|(word, _)| Reverse(word.len()));
    let endings: Vec<&str> = tables().flat_map(|table| &table.endings).map(String::as_str).collect();
    let tails = endings.iter().filter_map(|ending| ending.as_bytes().last_chunk().copied()).collect();
    OrdinalWords { odd, endings, tails }
});

/// Whether a word may count a day before its month, by how it ends.
pub fn ends_as_ordinal(word: &str) -> bool {
    let words = &*WORDS;
    // Most words end otherwise: that is seen sooner in two letters.
    word.as_bytes().last_chunk().is_some_and(|tail: &[u8; 2]| words.tails.contains(tail))
        && words.endings.iter().any(|ending| word.ends_with(ending))
}

/// Whether a word may be the first part of an ordinal with a hyphen: `twenty-first`.
pub fn begins_ordinal(word: &str) -> bool {
    let folded = fold(word);
    WORDS.odd.iter().any(|(odd, _)| odd.strip_prefix(folded.as_str()).is_some_and(|rest| rest.starts_with('-')))
}

/// The day that a word counts, from the first to the thirty-first.
pub fn ordinal(word: &str) -> Option<u8> {
    let folded = fold(word);
    let odd = WORDS.odd.iter().find(|(odd, _)| folded.starts_with(odd.as_str())).map(|(_, day)| *day);
    let regular = || {
        lexica().iter().find_map(|lexicon| {
            let cardinal = suffixes::cardinal_of(&folded, lexicon.language)?;
            worded(cardinal, lexicon.language).first().and_then(|(_, number)| u8::try_from(*number).ok())
        })
    };
    odd.or_else(regular).filter(|day| (1..=31).contains(day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_are_read_as_they_are_said() {
        for (word, day) in [
            ("first", 1),
            ("twenty-fourth", 24),
            ("achten", 8),
            ("achtzehnten", 18),
            ("achtundzwanzigsten", 28),
            ("tizenharmadikán", 13),
            ("huszonnegyedikén", 24),
            ("premier", 1),
            ("primero", 1),
        ] {
            assert_eq!(ordinal(word), Some(day), "{word}");
        }
        assert_eq!((ordinal("month"), ordinal("zweiunddreißigsten")), (None, None));
        assert!(ends_as_ordinal("fourth") && !ends_as_ordinal("wait") && !ends_as_ordinal("a") && begins_ordinal("twenty"));
    }
}
