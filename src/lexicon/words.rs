//! Lists of words as the files of languages write them.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::text::fold;

/// Beginnings of words, or of the first of several words, in any order and without accents. One that ends with a space is a whole word;
/// what follows `~` may stand inside of a word.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(from = "Vec<String>", into = "Vec<String>")]
pub struct Words(Vec<String>);

impl Words {
    /// The words, folded and sorted, `~` and final spaces as written.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether the list has no word.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a folded word is one of the list, as a whole.
    pub fn contains(&self, folded: &str) -> bool {
        self.0.binary_search_by(|word| word.as_str().cmp(folded)).is_ok()
    }

    /// Whether a folded word begins as one of the list, or is one that is meant whole.
    pub fn begin(&self, folded: &str) -> bool {
        self.iter().any(|word| match word.strip_suffix(' ') {
            Some(whole) => folded == whole,
            None => folded.starts_with(word),
        })
    }

    /// Whether a folded word ends as one of the list.
    pub fn end(&self, folded: &str) -> bool {
        self.iter().any(|ending| folded.ends_with(ending))
    }

    /// Where one of the list stands in a folded text: each that begins a word, or any part of one after `~`; of those at one place the longest.
    pub fn places(&self, folded: &str) -> Vec<Range<usize>> {
        let mut places: Vec<Range<usize>> = Vec::new();
        for word in self.iter() {
            let letters = word.trim_start_matches('~').trim_end_matches(' ');
            for (start, _) in folded.match_indices(letters).filter(|_| !letters.is_empty()) {
                let end = start + letters.len();
                let goes_on_before = !word.starts_with('~') && folded[..start].ends_with(char::is_alphanumeric);
                let goes_on_after =
                    word.ends_with(' ') && folded[end..].starts_with(|letter: char| letter.is_alphanumeric() || letter == '-');
                if !goes_on_before && !goes_on_after {
                    places.push(start..end);
                }
            }
        }
        places.sort_by_key(|place| (place.start, std::cmp::Reverse(place.end)));
        places.dedup_by_key(|place| place.start);
        places
    }

    /// Whether one of the list stands in a folded text.
    pub fn stand_in(&self, folded: &str) -> bool {
        let begins = |(start, _): &(usize, char)| !folded[..*start].ends_with(char::is_alphanumeric);
        let beginnings: Vec<usize> = folded.char_indices().filter(begins).map(|(start, _)| start).collect();
        self.iter().any(|word| {
            let letters = word.trim_end_matches(' ');
            let ends =
                |end: usize| !word.ends_with(' ') || !folded[end..].starts_with(|letter: char| letter.is_alphanumeric() || letter == '-');
            match letters.strip_prefix('~') {
                Some(inside) => folded.match_indices(inside).any(|(start, _)| !inside.is_empty() && ends(start + inside.len())),
                None => {
                    !letters.is_empty()
                        && beginnings.iter().any(|start| folded[*start..].starts_with(letters) && ends(start + letters.len()))
                }
            }
        })
    }

    /// Whether one of the list, of one word or several, begins a folded text, and ends where a word ends.
    pub fn begin_text(&self, folded: &str) -> bool {
        self.iter().any(|words| folded.strip_prefix(words.trim_end()).is_some_and(|after| !after.starts_with(char::is_alphanumeric)))
    }

    /// Whether one of the list, of one word or several, ends a folded text, at a word's beginning.
    pub fn end_text(&self, folded: &str) -> bool {
        self.iter().any(|words| folded.strip_suffix(words).is_some_and(|before| !before.ends_with(char::is_alphanumeric)))
    }
}

impl From<Vec<String>> for Words {
    fn from(words: Vec<String>) -> Words {
        let mut folded: Vec<String> = words.iter().map(|word| plain(word)).collect();
        folded.sort_unstable();
        folded.dedup();
        Words(folded)
    }
}

impl From<Words> for Vec<String> {
    fn from(words: Words) -> Vec<String> {
        words.0
    }
}

/// A word as it is compared: without accents and case, and with one kind of apostrophe.
pub fn plain(word: &str) -> String {
    fold(word).replace('’', "'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_in_a_text_where_it_has_a_place() {
        let words = ["refund", "will not ", "~schick", "l'", "so", "~ ", ""].map(str::to_owned).to_vec();
        for word in words {
            let list = Words(vec![word.clone()]);
            for text in [
                "",
                "refund",
                "refunded it",
                "a prerefund",
                "we will not",
                "will not-",
                "will nothing",
                "geschickt",
                "l'or",
                "all'or",
                "so",
                "also",
            ] {
                assert_eq!(list.stand_in(text), !list.places(text).is_empty(), "`{word}` in `{text}`");
            }
        }
        assert!(Words(vec!["~schick".to_owned()]).stand_in("geschickt"));
        assert!(!Words(vec!["refund".to_owned()]).stand_in("prerefund"));
    }
}
