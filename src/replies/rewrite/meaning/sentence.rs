//! A sentence as it is compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    facts::month_at,
    lexicon::{concepts::Concept, lexicon, words::plain},
    replies::rewrite::meaning::Version,
    text::sentences,
};

/// By so many first letters words of one language are taken for forms of one word.
pub const STEM: usize = 5;
/// A sign-off has at most so many words.
const MAX_SIGN_OFF_WORDS: usize = 4;
/// Shorter words say little.
const MIN_WORD: usize = 4;

/// A sentence as it is compared.
#[derive(Debug, Clone)]
pub struct Sentence<'a> {
    pub text: &'a str,
    /// The text without accents and case.
    pub folded: String,
    pub concepts: BTreeMap<Concept, usize>,
    /// Beginnings of its longer words, without accents.
    pub stems: BTreeSet<String>,
    /// Its numbers in figures, and how many facts stand in it.
    pub anchors: BTreeSet<String>,
    /// Words with a capital that don't begin it.
    pub names: Vec<&'a str>,
    /// The months that it names, from 1.
    pub months: BTreeSet<u8>,
    /// Letters.
    pub length: usize,
}

impl<'a> Sentence<'a> {
    /// The sentences of a text; `None` in a language that no lexicon knows.
    pub fn all(version: Version<'a>) -> Option<Vec<Sentence<'a>>> {
        let lexicon = lexicon(version.language)?;
        let sentence = |text: &'a str| {
            let folded = plain(text);
            let words = || folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
            let numbers = words().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit())).map(str::to_owned);
            let names = text
                .split(|letter: char| !letter.is_alphanumeric())
                .filter(|word| !word.is_empty())
                .skip(1)
                .filter(|word| word.starts_with(char::is_uppercase));
            let mut concepts = lexicon.concepts.counts(&folded);
            if version.language == "de" && begins_with_condition(&folded) {
                concepts.insert(Concept::Condition, 1);
            }
            // `Warm wishes,`
            let ends_text = |word: &str| lexicon.words.signatures.sign_offs.contains(word);
            if words().count() <= MAX_SIGN_OFF_WORDS && words().next_back().is_some_and(ends_text) {
                concepts.insert(Concept::Courtesy, 1);
            }
            Sentence {
                text,
                folded: folded.clone(),
                concepts,
                stems: words().filter(|word| word.chars().count() >= MIN_WORD).map(|word| word.chars().take(STEM).collect()).collect(),
                anchors: numbers.collect(),
                names: names.collect(),
                months: months(text),
                length: folded.chars().filter(|letter| letter.is_alphanumeric()).count(),
            }
        };
        Some(sentences(version.text).filter(|text| text.contains(char::is_alphanumeric)).map(sentence).collect())
    }

    pub fn has(&self, concept: Concept) -> bool {
        self.concepts.contains_key(&concept)
    }
}

/// The months that a sentence names. What begins it has its capital from there: `May I`.
fn months(text: &str) -> BTreeSet<u8> {
    let mut months = BTreeSet::new();
    let mut at = 0;
    for word in text.split(|letter: char| !letter.is_alphabetic()) {
        let begins = months.is_empty() && text[..at].trim().is_empty();
        months.extend(month_at(text, at, word).filter(|_| !begins || word.chars().count() >= MIN_WORD));
        // What cuts words is not always one byte.
        at += word.len() + text[at + word.len()..].chars().next().map_or(0, char::len_utf8);
    }
    months
}

/// German begins a condition with its verb: `Ist die alte abgeklemmt, …`.
fn begins_with_condition(folded: &str) -> bool {
    let mut words = folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let verb = first.ends_with('t') || first.ends_with("en") || first.ends_with("st");
    let subject = ["der", "die", "das", "du", "es", "er", "ihr", "ihre", "wir", "man", "ein", "eine", "niemand", "jemand", "etwas"];
    let addressed = second == "sie" && !first.ends_with("en");
    verb && (subject.contains(&second) || addressed) && folded.contains(',') && !folded.trim_end().ends_with('?')
}

/// How often some sentences have a concept.
pub fn count(sentences: &[Sentence<'_>], concept: Concept) -> usize {
    sentences.iter().map(|sentence| sentence.concepts.get(&concept).copied().unwrap_or(0)).sum()
}
