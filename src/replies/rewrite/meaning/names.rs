//! Names and products that a rewrite replaced.

use similar::{Algorithm, TextDiff};

use crate::{
    lexicon::{self, concepts::Concept},
    replies::rewrite::meaning::{
        Change,
        sentence::{STEM, Sentence},
    },
    text::fold,
};

/// A name of at least this share of another's letters is taken for a misspelling of it, not for a translation.
const LIKE: f32 = 0.5;

/// Most words with capitals of a text that are looked at.
const MAX_NAMES: usize = 100;

/// A name of the text's that the rewrite lacks, and one like it that it has instead. German writes every noun with a capital, so that of a
/// German text only words that look like names of the other are compared.
pub fn changed(one: &[Sentence<'_>], other: &[Sentence<'_>], language: &str, other_language: &str) -> Option<Change> {
    let names = |sentences: &[Sentence<'_>]| -> Vec<String> {
        sentences.iter().flat_map(|sentence| sentence.names.iter().map(|name| (*name).to_owned())).take(MAX_NAMES).collect()
    };
    let has = |sentences: &[Sentence<'_>], name: &str| {
        let folded = fold(name);
        let begins: String = folded.chars().take(STEM).collect();
        sentences.iter().any(|sentence| sentence.folded.contains(&begins))
    };
    let (before, after) = (names(one), names(other));
    let lost: Vec<&String> = before.iter().filter(|name| !has(other, name)).collect();
    let added: Vec<&String> = after.iter().filter(|name| !has(one, name)).collect();
    let nouns = language == "de" && other_language == "de";
    // Towns and languages have names of their own in each language; people don't.
    let translated = language != other_language;
    let is_person = |name: &str, sentences: &[Sentence<'_>], others: &[Sentence<'_>]| {
        sentences.iter().any(|sentence| {
            let Some(at) = sentence.text.find(name) else { return false };
            let word_before = last_word(sentence.text[..at].trim_end_matches([' ', '.']));
            let after = sentence.text[at + name.len()..].trim_start_matches(' ');
            let word_after = &after[..after.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(after.len())];
            let titled = lexicon::any(|words| words.titles.before.contains(&fold(word_before)));
            // A first name or a surname that stayed.
            let stayed = |word: &str| {
                word.chars().count() > 2 && word.starts_with(char::is_uppercase) && sentence.names.contains(&word) && has(others, word)
            };
            titled || (!nouns && !translated && (stayed(word_before) || stayed(word_after)))
        })
    };
    // `your sister Nora` and `your sister Clara`; whom a greeting names is compared apart.
    let same_word_before = |lost: &str, added: &str| {
        let before = |sentences: &[Sentence<'_>], name: &str| {
            let mut others = sentences.iter().filter(|sentence| !sentence.has(Concept::Courtesy));
            let (before, _) = others.find_map(|sentence| sentence.text.split_once(name))?;
            let word = fold(last_word(before.strip_suffix(' ')?));
            (word.chars().count() >= STEM).then_some(word)
        };
        before(one, lost).zip(before(other, added)).is_some_and(|(one, other)| one == other)
    };
    // `the Pro plan` and `the Team plan`: what stands beside both is the same.
    let same_place = |lost: &str, added: &str| {
        let beside = |sentences: &[Sentence<'_>], name: &str| {
            let sentence = sentences.iter().find(|sentence| sentence.text.contains(name))?;
            let after = sentence.text.split_once(name)?.1.strip_prefix(' ')?;
            let word: String = fold(after).chars().take_while(|letter| letter.is_alphanumeric()).take(STEM).collect();
            (word.chars().count() > 2).then_some(word)
        };
        beside(one, lost).zip(beside(other, added)).is_some_and(|(one, other)| one == other)
    };
    let is_like = |one: &str, other: &str| {
        let (one, other) = (fold(one), fold(other));
        let ratio = TextDiff::configure().algorithm(Algorithm::Myers).diff_chars(&one, &other).ratio();
        ratio >= LIKE && one.chars().next() == other.chars().next() && one.len() > 3 && !nouns
    };
    // Titles and days have capitals in some languages.
    let is_other = |name: &str| {
        let folded = fold(name);
        lexicon::any(|words| {
            words.titles.has(&folded) || words.dates.weekdays.iter().chain(&words.dates.months).any(|names| names.begin(&folded))
        })
    };
    lost.iter().find_map(|lost| {
        let person = |added: &str| is_person(lost, one, other) && is_person(added, other, one) && !is_other(lost) && !is_other(added);
        let other_person = |added: &str| translated && is_like(lost, added) && has_neighbour(one, lost, other);
        let product =
            |added: &str| !translated && !nouns && (is_like(lost, added) || same_place(lost, added) || same_word_before(lost, added));
        let added = added.iter().find(|added| person(added) || product(added) || other_person(added))?;
        Some(Change { excerpt: (*added).clone(), message: format!("the text says “{lost}”") })
    })
}

/// The word that a text ends with.
fn last_word(text: &str) -> &str {
    text.rsplit(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default()
}

/// Whether a word beside a name, with a capital as well, stands in the other text too: the rest of a person's name.
fn has_neighbour(sentences: &[Sentence<'_>], name: &str, others: &[Sentence<'_>]) -> bool {
    let stayed = |word: &str| {
        let long = word.chars().count() > 2 && word.starts_with(char::is_uppercase);
        long && others.iter().any(|other| other.folded.contains(&fold(word)))
    };
    sentences.iter().filter_map(|sentence| sentence.text.split_once(name)).any(|(before, after)| {
        let next = after.trim_start();
        stayed(last_word(before.trim_end())) || stayed(&next[..next.find(|letter: char| !letter.is_alphanumeric()).unwrap_or(next.len())])
    })
}
