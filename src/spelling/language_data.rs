//! What is known of each language: its letters and keyboard, the accents that are left out, and words that help desks use.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

/// Each language's file.
const FILES: [(&str, &str); 6] = [
    ("en", include_str!("languages/en.toml")),
    ("tr", include_str!("languages/tr.toml")),
    ("hu", include_str!("languages/hu.toml")),
    ("de", include_str!("languages/de.toml")),
    ("fr", include_str!("languages/fr.toml")),
    ("es", include_str!("languages/es.toml")),
];

static LANGUAGES: LazyLock<BTreeMap<&str, LanguageData>> = LazyLock::new(|| {
    let parsed = |(tag, file): (&'static str, &str)| (tag, toml::from_str::<LanguageFile>(file).expect("a constant file").into());
    FILES.into_iter().map(parsed).collect()
});

/// The Debian package of the dictionary for a language, by its primary subtag. `None`: the language can't be corrected.
pub fn package(language: &str) -> Option<&'static str> {
    LANGUAGES.get(language).map(|data| data.package.as_str())
}

/// What is known of a language, by its primary subtag.
pub fn language_data(language: &str) -> Option<&'static LanguageData> {
    LANGUAGES.get(language)
}

/// Whether help desks use a word in another language than this one.
pub fn is_common_elsewhere(word: &str, language: &str) -> bool {
    LANGUAGES.iter().any(|(other, data)| *other != language && data.is_common(word))
}

/// Whether one word becomes the other by a slip to the key beside the right one.
pub fn is_key_slip(language: &str, typed: &str, meant: &str) -> bool {
    let Some(data) = language_data(language) else { return false };
    let mut others = typed.chars().zip(meant.chars()).filter(|(one, other)| one != other);
    typed.chars().count() == meant.chars().count()
        && others.next().is_some_and(|(one, other)| data.are_neighbours(one, other))
        && others.next().is_none()
}

/// What is known of a language, as its file has it.
pub struct LanguageData {
    package: String,
    /// All letters of its words.
    pub alphabet: Vec<char>,
    /// The rows of its keyboard.
    keyboard: Vec<Vec<char>>,
    /// Letters that stand for one with an accent, and these.
    pub accents: Vec<(String, String)>,
    /// Accents that are written or not.
    pub optional: Vec<(String, String)>,
    /// Whether words are put together to new ones, of which no dictionary has all.
    pub compounds: bool,
    pub nouns_have_capitals: bool,
    /// Words before or after a name, in lower case.
    pub titles: Vec<String>,
    /// Words that are never meant twice in a row.
    pub never_doubled: Vec<String>,
    /// Endings with an accent that is hardly ever meant, and these without it.
    pub rare_endings: Vec<(String, String)>,
    /// Known misspellings of words, and of beginnings of words, with what is meant.
    misspellings: Vec<(String, String)>,
    /// Words that help desks use, in lower case; sorted.
    common: Vec<String>,
    /// Those of them that have a capital, as they are written; sorted.
    capitalized: Vec<String>,
    /// All of them, and as they stand before endings; sorted.
    beginnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LanguageFile {
    package: String,
    alphabet: String,
    keyboard: Vec<String>,
    accents: Vec<String>,
    #[serde(default)]
    optional: Vec<String>,
    compounds: bool,
    #[serde(default)]
    nouns_have_capitals: bool,
    titles: Vec<String>,
    #[serde(default)]
    never_doubled: Vec<String>,
    #[serde(default)]
    last_letters: Vec<String>,
    #[serde(default)]
    rare_endings: Vec<String>,
    #[serde(default)]
    misspellings: Vec<String>,
    common: String,
}

impl From<LanguageFile> for LanguageData {
    fn from(file: LanguageFile) -> LanguageData {
        let pairs = |pairs: Vec<String>| -> Vec<(String, String)> {
            let pair = |pair: String| pair.split_once('=').map(|(one, other)| (one.to_owned(), other.to_owned()));
            pairs.into_iter().map(|written| pair(written).expect("a constant file has `one=other`")).collect()
        };
        let sorted = |mut words: Vec<String>| {
            words.sort_unstable();
            words.dedup();
            words
        };
        let has_capital = |word: &&str| word.starts_with(char::is_uppercase);
        let capitalized = sorted(file.common.split_whitespace().filter(has_capital).map(str::to_owned).collect());
        let common = sorted(file.common.split_whitespace().map(str::to_lowercase).collect());
        let last_letters = pairs(file.last_letters);
        let changed = |word: &String| {
            let (last, becomes) = last_letters.iter().find(|(last, _)| word.ends_with(last.as_str()))?;
            Some(format!("{}{becomes}", word.strip_suffix(last.as_str())?))
        };
        let beginnings = sorted(common.iter().cloned().chain(common.iter().filter_map(changed)).collect());
        LanguageData {
            package: file.package,
            alphabet: file.alphabet.chars().collect(),
            keyboard: file.keyboard.iter().map(|row| row.chars().collect()).collect(),
            accents: pairs(file.accents),
            optional: pairs(file.optional),
            compounds: file.compounds,
            nouns_have_capitals: file.nouns_have_capitals,
            titles: file.titles,
            never_doubled: file.never_doubled,
            rare_endings: pairs(file.rare_endings),
            misspellings: pairs(file.misspellings),
            common,
            capitalized,
            beginnings,
        }
    }
}

impl LanguageData {
    /// Whether two letters have neighbouring keys.
    pub fn are_neighbours(&self, one: char, other: char) -> bool {
        let place = |wanted: char| {
            let rows = self.keyboard.iter().enumerate();
            rows.into_iter().find_map(|(row, letters)| letters.iter().position(|letter| *letter == wanted).map(|column| (row, column)))
        };
        let (Some(one), Some(other)) = (place(one), place(other)) else { return false };
        let (upper, lower) = if one.0 <= other.0 { (one, other) } else { (other, one) };
        match lower.0 - upper.0 {
            0 => upper.1.abs_diff(lower.1) == 1,
            // Each row stands half a key to the right of the one above.
            1 => upper.1 == lower.1 || upper.1 == lower.1 + 1,
            _ => false,
        }
    }

    /// Whether a word is one that help desks use.
    pub fn is_common(&self, word: &str) -> bool {
        self.common.binary_search_by(|common| common.as_str().cmp(word)).is_ok()
    }

    /// Whether a word with a capital is one that help desks use, so that it is no name.
    pub fn is_common_noun(&self, word: &str) -> bool {
        self.capitalized.binary_search_by(|noun| noun.as_str().cmp(word)).is_ok()
    }

    /// The longest of these words that a word begins with, if it has at least `least` letters; its length in letters.
    pub fn common_beginning(&self, letters: &[char], least: usize) -> Option<usize> {
        let is_one = |end: &usize| self.beginnings.binary_search(&letters[..*end].iter().collect()).is_ok();
        (least..=letters.len()).rev().find(is_one)
    }

    /// What is meant by a word that is misspelt, or begins with one that is.
    pub fn misspelling(&self, word: &str) -> Option<String> {
        self.misspellings.iter().find_map(|(wrong, right)| word.strip_prefix(wrong.as_str()).map(|rest| format!("{right}{rest}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_can_be_read_and_says_what_it_must() {
        for (tag, _) in FILES {
            let data = language_data(tag).unwrap();
            assert!(data.package.starts_with("hunspell-") && data.common.len() > 200, "{tag}");
            for letter in data.accents.iter().chain(&data.optional).flat_map(|(_, accented)| accented.chars()) {
                assert!(data.alphabet.contains(&letter) || "âîû".contains(letter), "{tag}: {letter}");
            }
            for row in &data.keyboard {
                assert!(row.iter().all(|letter| data.alphabet.contains(letter) || "qwx".contains(*letter)), "{tag}");
            }
        }
        assert!(package("it").is_none());
    }

    #[test]
    fn keys_touch_in_their_row_and_in_the_next() {
        let english = language_data("en").unwrap();
        for (one, other) in [('a', 's'), ('s', 'w'), ('w', 's'), ('e', 's'), ('s', 'z'), ('n', 'm'), ('h', 'b')] {
            assert!(english.are_neighbours(one, other), "{one} {other}");
        }
        for (one, other) in [('a', 'd'), ('q', 's'), ('q', 'z'), ('p', 'a'), ('a', 'a'), ('a', 'é')] {
            assert!(!english.are_neighbours(one, other), "{one} {other}");
        }
    }
}
