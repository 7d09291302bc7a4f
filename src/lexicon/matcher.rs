//! Finds the words of many tables in one pass: an Aho-Corasick automaton.

use std::collections::BTreeMap;

use aho_corasick::{AhoCorasick, Anchored, Input, StartKind, automaton::OverlappingState};

use crate::lexicon::{
    topics::{Topic, Topics},
    words::Words,
};

/// Of a language that a text is not known to be in, words of more bytes than this count: shorter ones are other words in other languages.
const SHORT: usize = 5;

/// The words of tables.
pub struct Matcher {
    automaton: AhoCorasick,
    words: Vec<Word>,
}

/// A word, by its place in the automaton.
#[derive(Debug, Clone, Copy)]
struct Word {
    topics: Topics,
    /// Whether it begins where a word begins, and ends where one ends.
    begins: bool,
    ends: bool,
    short: bool,
}

impl Matcher {
    /// Builds the automaton of tables; a word of several tables has all their topics.
    pub fn new<'a>(tables: impl IntoIterator<Item = (Topic, &'a Words)>) -> Matcher {
        let mut topics: BTreeMap<&str, Topics> = BTreeMap::new();
        for (topic, words) in tables {
            for word in words.iter() {
                *topics.entry(word).or_default() |= Topics::of(&[topic]);
            }
        }
        let words = topics.iter().map(|(word, topics)| Word {
            topics: *topics,
            begins: !word.starts_with('~'),
            ends: word.ends_with(' '),
            short: word.len() <= SHORT,
        });
        let words = words.collect();
        let letters = topics.keys().map(|word| word.trim_start_matches('~').trim_end_matches(' '));
        let automaton =
            AhoCorasick::builder().start_kind(StartKind::Both).build(letters).expect("some thousands of short words fit an automaton");
        Matcher { automaton, words }
    }

    /// What the words of a folded text are about.
    pub fn text(&self, folded: &str) -> Topics {
        self.found(folded, |_| true)
    }

    /// The same of a text in another language than the words'.
    pub fn foreign_text(&self, folded: &str) -> Topics {
        self.found(folded, |word| !word.short)
    }

    fn found(&self, folded: &str, counts: impl Fn(&Word) -> bool) -> Topics {
        let mut found = Topics::default();
        for place in self.automaton.find_overlapping_iter(folded) {
            let word = &self.words[place.pattern()];
            if !(word.topics & !found).is_empty() && counts(word) && stands(word, folded, place.start(), place.end()) {
                found |= word.topics;
            }
        }
        found
    }

    /// What a text is about that begins with one of the words.
    pub fn beginning(&self, folded: &str) -> Topics {
        let mut found = Topics::default();
        let mut state = OverlappingState::start();
        let input = Input::new(folded).anchored(Anchored::Yes);
        while self.automaton.try_find_overlapping(input.clone(), &mut state).is_ok()
            && let Some(place) = state.get_match()
        {
            let word = &self.words[place.pattern()];
            if place.start() == 0 && stands(word, folded, 0, place.end()) {
                found |= word.topics;
            }
        }
        found
    }
}

/// Whether a word that was found begins and ends as it should.
fn stands(word: &Word, folded: &str, start: usize, end: usize) -> bool {
    let inside = |letter: char| letter.is_alphanumeric() || letter == '-';
    let goes_on_before = word.begins && folded[..start].ends_with(char::is_alphanumeric);
    let goes_on_after = word.ends && folded[end..].starts_with(inside);
    !goes_on_before && !goes_on_after
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_where_they_begin_end_or_stand_inside() {
        let words = |words: &[&str]| Words::from(words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>());
        let (beginning, whole, inside) = (words(&["Erstatt", "money back"]), words(&["free "]), words(&["~rabatt"]));
        let matcher = Matcher::new([(Topic::Refund, &beginning), (Topic::ForLess, &whole), (Topic::Gift, &inside)]);
        for (text, topics) in [
            ("wir erstatten", &[Topic::Refund][..]),
            ("ruckerstattung", &[]),
            ("it is free!", &[Topic::ForLess]),
            ("free-standing freely", &[]),
            ("mengenrabatte and money back", &[Topic::Gift, Topic::Refund]),
        ] {
            assert_eq!(matcher.text(text), Topics::of(topics), "{text}");
        }
        assert_eq!(matcher.foreign_text("free erstattung"), Topics::of(&[Topic::Refund]));
        assert_eq!(matcher.beginning("erstattung"), Topics::of(&[Topic::Refund]));
        assert_eq!(matcher.beginning("eine erstattung"), Topics::default());
    }
}
