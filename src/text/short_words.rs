//! Which language a short text is in, by its words: models guess at these, and often wrong.

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use serde::Deserialize;

use crate::text::{fold::fold, language::Language};

/// How many words of one language are clear, and how many times as many as of any other.
const CLEAR: usize = 4;
const CLEAR_RATIO: usize = 3;

#[derive(Deserialize)]
struct WordsFile {
    letters: BTreeMap<String, String>,
    #[serde(flatten)]
    words: BTreeMap<String, String>,
}

struct ShortWords {
    /// The languages that have a word; none for one that says nothing of its language.
    words: HashMap<String, Vec<String>>,
    letters: BTreeMap<String, String>,
}

static SHORT_WORDS: LazyLock<ShortWords> = LazyLock::new(|| {
    let file: WordsFile = toml::from_str(include_str!("short_words.toml")).expect("a constant file");
    let mut words: HashMap<String, Vec<String>> = HashMap::new();
    for (language, listed) in &file.words {
        for word in listed.split_whitespace() {
            let languages = words.entry(word.to_owned()).or_default();
            if language != "any" && !languages.contains(language) {
                languages.push(language.clone());
            }
        }
    }
    for word in file.words["any"].split_whitespace() {
        words.insert(word.to_owned(), Vec::new());
    }
    ShortWords { words, letters: file.letters }
});

/// What a text's words say of its language.
#[derive(Debug, PartialEq, Eq)]
pub enum ByWords {
    /// The text is in the language with this primary subtag.
    Identified(String),
    /// No word says anything: no text in any language.
    Nothing,
    /// A longer text, or one of other words, needs more than these.
    Unknown {
        /// How many words may say something.
        words: usize,
    },
}

/// The language that most words of a text are in, if no other has nearly as many. `expected` goes before others that are as likely.
pub fn by_words(text: &str, expected: &[Language]) -> ByWords {
    let mut hits: BTreeMap<&str, usize> = BTreeMap::new();
    let mut telling = 0;
    for word in text.split_whitespace().filter(|token| !is_code(token)).flat_map(|token| token.split(is_between)) {
        if !word.contains(char::is_alphabetic) {
            continue;
        }
        // `halló` is Hungarian, `hallo` German.
        let listed = SHORT_WORDS.words.get(&word.to_lowercase()).or_else(|| SHORT_WORDS.words.get(&fold(word)));
        if listed.is_some_and(Vec::is_empty) {
            continue;
        }
        telling += 1;
        // A name with a capital says where its bearer's parents come from.
        let has_letter = |letters: &String| word.chars().any(|letter| letters.contains(letter));
        let by_letter = || SHORT_WORDS.letters.iter().find(|(_, letters)| has_letter(letters)).map(|(language, _)| language);
        match listed {
            Some(languages) => languages.iter().for_each(|language| *hits.entry(language).or_default() += 1),
            None if word.starts_with(char::is_uppercase) && telling > 1 => telling -= 1,
            None => by_letter().into_iter().for_each(|language| *hits.entry(language).or_default() += 1),
        }
    }
    if telling == 0 {
        return ByWords::Nothing;
    }
    match likeliest(&hits, expected) {
        Some((language, count)) if 2 * count >= telling || is_clear(&hits, count) => ByWords::Identified(language.to_owned()),
        _ => ByWords::Unknown { words: telling },
    }
}

/// Whether a token is a link, an address or a code, which are in no language.
fn is_code(token: &str) -> bool {
    let inner = token.trim_matches(|letter: char| !letter.is_alphanumeric());
    inner.contains(|letter: char| letter.is_ascii_digit() || "@/_.".contains(letter))
}

/// Whether a letter is none of a word. An apostrophe is, and Spanish marks tell their language.
fn is_between(letter: char) -> bool {
    !(letter.is_alphanumeric() || "'’-¿¡".contains(letter))
}

/// Whether so many hits are clear whatever the other words are: enough of them, and several times as many as any other language has.
fn is_clear(hits: &BTreeMap<&str, usize>, count: usize) -> bool {
    let others = hits.values().filter(|other| **other < count).max().copied().unwrap_or_default();
    count >= CLEAR && count >= CLEAR_RATIO * others
}

/// The language with the most hits, and how many; of several the only one that is expected.
fn likeliest<'a>(hits: &BTreeMap<&'a str, usize>, expected: &[Language]) -> Option<(&'a str, usize)> {
    let most = *hits.values().max()?;
    let best: Vec<&str> = hits.iter().filter(|(_, count)| **count == most).map(|(language, _)| *language).collect();
    let is_expected = |language: &&&str| expected.iter().any(|known| known.primary() == **language);
    let ours: Vec<&&str> = best.iter().filter(is_expected).collect();
    match (best.as_slice(), ours.as_slice()) {
        ([only], _) => Some((only, most)),
        (_, [only]) => Some((only, most)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identified(text: &str) -> ByWords {
        let expected: Vec<Language> = ["en", "tr", "hu", "de"].iter().map(|tag| Language::parse(tag).unwrap()).collect();
        by_words(text, &expected)
    }

    #[test]
    fn greetings_and_words_of_a_help_desk_identify_their_language() {
        for (text, language) in [
            ("hi", "en"),
            ("order status", "en"),
            ("Thanks!", "en"),
            ("szia", "hu"),
            ("ok, köszi", "hu"),
            ("koszonom", "hu"),
            ("igen", "hu"),
            ("Hallo", "de"),
            ("Halló!", "hu"),
            ("¿dónde?", "es"),
            ("danke", "de"),
            ("Bestellung?", "de"),
            ("merhaba", "tr"),
            ("tşk", "tr"),
            ("evet", "tr"),
            ("kargom nerede", "tr"),
            ("bonjour", "fr"),
            ("hola", "es"),
            ("größe", "de"),
            ("gönderilmiş", "tr"),
        ] {
            assert_eq!(identified(text), ByWords::Identified(language.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_in_every_language_is_in_none() {
        for text in ["ok", "OK 👍", "info@shop.example", "KE-204815", "PayPal", "DHL, ok", "", "?!"] {
            assert_eq!(identified(text), ByWords::Nothing, "{text}");
        }
        assert!(matches!(identified("Keten masa örtüsü Kum"), ByWords::Unknown { .. }));
        assert_eq!(identified("where is Ayşe Yıldız"), ByWords::Identified("en".to_owned()), "a name is in no language");
    }
}
