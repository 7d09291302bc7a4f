//! What a sentence says beside its facts: that it denies, limits, allows; who pays; a colour. Rewrites are compared by it.

use std::{collections::BTreeMap, ops::Range};

use aho_corasick::AhoCorasick;
use serde::{Deserialize, Serialize};

use crate::lexicon::words::Words;

/// Something that a sentence may say, whatever its language. Each is a table of `meaning` in the languages' files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Concept {
    /// A denial: `not`, `without`.
    Negation,
    /// Phrases whose words say nothing of the other tables: `don't hesitate`.
    Idioms,
    /// A condition: `if`, `unless`.
    Condition,
    /// A lower bound.
    AtLeast,
    /// An upper bound.
    AtMost,
    /// Earlier than something.
    Before,
    /// Later than something.
    After,
    /// Inside of a time.
    Within,
    /// Nothing else.
    Only,
    /// Nothing to pay.
    Free,
    /// That the customer doesn't pay, in other words than `free`.
    NothingToPay,
    /// The shop pays.
    WePay,
    /// The customer pays.
    YouPay,
    /// An obligation.
    Must,
    /// A permission or a possibility.
    May,
    /// All of something.
    Every,
    /// A part of something.
    Some,
    /// What follows if not.
    Otherwise,
    /// Both of two.
    And,
    /// One of two.
    Or,
    /// A larger amount.
    More,
    /// A smaller amount.
    Less,
    /// Open.
    Open,
    /// Closed.
    Closed,
    /// Part of the price or parcel.
    Included,
    /// Beside the price or parcel.
    Extra,
    /// The first.
    First,
    /// The last.
    Last,
    /// The left side.
    Left,
    /// The right side.
    Right,
    /// New.
    New,
    /// Used or old.
    Used,
    /// The morning.
    Morning,
    /// The afternoon, evening or night.
    Evening,
    /// Warm.
    Hot,
    /// Cold.
    Cold,
    /// Above.
    Upper,
    /// Below.
    Lower,
    /// In front.
    Front,
    /// At the back.
    Back,
    /// Indoors.
    Inside,
    /// Outdoors.
    Outside,
    /// The day before the text's.
    Yesterday,
    /// Two days after the text's.
    DayAfterTomorrow,
    /// Noon.
    Noon,
    /// Midnight.
    Midnight,
    /// The month of the text.
    ThisMonth,
    /// The month after it.
    NextMonth,
    /// The week before the text's.
    LastWeek,
    /// A working day.
    WorkingDay,
    /// The shop, as who speaks.
    We,
    /// The customer, as who is spoken to.
    You,
    /// At any hour.
    RoundTheClock,
    /// Thanks, apologies, wishes and offers of help: what a concise text may leave out.
    Courtesy,
    /// A colour.
    Black,
    /// A colour.
    White,
    /// A colour.
    Red,
    /// A colour.
    Blue,
    /// A colour.
    Green,
    /// A colour.
    Yellow,
    /// A colour.
    Grey,
    /// A colour.
    Brown,
    /// A colour.
    Orange,
    /// A colour.
    Pink,
    /// A colour.
    Purple,
    /// A colour.
    Beige,
    /// A colour.
    Silver,
    /// A colour.
    Gold,
    /// A day of the week, from 0 for Monday; from `dates`.
    #[serde(skip)]
    Weekday(u8),
    /// The text's day; from `moments`.
    #[serde(skip)]
    Today,
    /// The day after it; from `moments`.
    #[serde(skip)]
    Tomorrow,
    /// The text's week; from `moments`.
    #[serde(skip)]
    ThisWeek,
    /// The week after it; from `moments`.
    #[serde(skip)]
    NextWeek,
    /// The weekend; from `moments`.
    #[serde(skip)]
    Weekend,
}

/// No phrase of a table is longer, in bytes.
const MAX_PHRASE: usize = 80;

/// Finds concepts in a text of one language.
pub struct ConceptMatcher {
    automaton: AhoCorasick,
    /// By the automaton's patterns: the word as its table writes it, and its concept.
    words: Vec<(String, Concept)>,
}

/// A concept in a folded text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundConcept {
    /// What is said.
    pub concept: Concept,
    /// Where, in bytes of the folded text.
    pub range: Range<usize>,
}

impl ConceptMatcher {
    /// Builds the automaton of tables.
    pub fn new<'a>(tables: impl IntoIterator<Item = (Concept, &'a Words)>) -> ConceptMatcher {
        let words: Vec<(String, Concept)> =
            tables.into_iter().flat_map(|(concept, words)| words.iter().map(move |word| (word.to_owned(), concept))).collect();
        let letters = words.iter().map(|(word, _)| word.trim_start_matches('~').trim_end_matches(' '));
        let automaton = AhoCorasick::new(letters).expect("some thousands of short words fit an automaton");
        ConceptMatcher { automaton, words }
    }

    /// The concepts of a folded text, in order. A word inside of a longer phrase counts for the phrase alone: `no more than` denies nothing.
    pub fn find(&self, folded: &str) -> Vec<FoundConcept> {
        let mut found: Vec<FoundConcept> = self
            .automaton
            .find_overlapping_iter(folded)
            .filter_map(|place| {
                let (word, concept) = &self.words[place.pattern()];
                let inside = word.starts_with('~');
                let begins = inside || !folded[..place.start()].ends_with(char::is_alphanumeric);
                let ends = !word.ends_with(' ') || !folded[place.end()..].starts_with(char::is_alphanumeric);
                (begins && ends).then(|| FoundConcept { concept: *concept, range: place.start()..place.end() })
            })
            .collect();
        // Of the same words, an idiom comes first: `mamaya` is food, and an ending that denies.
        found.sort_by_key(|one| (one.range.start, std::cmp::Reverse(one.range.end), one.concept != Concept::Idioms));
        let mut kept: Vec<FoundConcept> = Vec::with_capacity(found.len());
        for one in found {
            let near = kept.iter().rev().take_while(|other| other.range.start + MAX_PHRASE > one.range.start);
            let covered = near.into_iter().any(|other| {
                let inside = other.range.start <= one.range.start && one.range.end <= other.range.end;
                let longer = other.range.len() > one.range.len() || other.concept == one.concept;
                // What begins in an idiom belongs to it, its ending too.
                (inside && longer) || (other.concept == Concept::Idioms && one.range.start < other.range.end)
            });
            if !covered {
                kept.push(one);
            }
        }
        kept.retain(|one| one.concept != Concept::Idioms);
        kept
    }

    /// How often each concept is found.
    pub fn counts(&self, folded: &str) -> BTreeMap<Concept, usize> {
        let mut counts = BTreeMap::new();
        for found in self.find(folded) {
            *counts.entry(found.concept).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lexicon::lexicon, text::fold};

    #[test]
    fn a_longer_phrase_hides_the_words_in_it() {
        for (language, text, concepts) in [
            ("en", "No more than 5, and not on Monday", &[Concept::AtMost, Concept::Negation, Concept::Weekday(0)][..]),
            ("en", "Don't hesitate to write", &[]),
            ("tr", "En fazla 23 kg, iade edilmez", &[Concept::AtMost, Concept::Negation]),
            ("tr", "Göndermeden önce yazın", &[]),
            ("tr", "Mamaya geçişi 7 günde yapın", &[]),
            ("tr", "Anahtarı bir yere not etmeyi unutmayın, sorulacak", &[]),
            ("tr", "Almanın üzücü olduğunun farkındayız, kusura bakmayın", &[]),
            ("hu", "Legfeljebb 3, kedden nem", &[Concept::AtMost, Concept::Weekday(1), Concept::Negation]),
            ("de", "Die Rücksendung ist kostenlos", &[Concept::Free]),
        ] {
            let found = lexicon(language).unwrap().concepts.find(&fold(text));
            let wanted = |one: &&Concept| matches!(one, Concept::AtMost | Concept::Negation | Concept::Weekday(_) | Concept::Free);
            let found: Vec<Concept> = found.iter().map(|one| &one.concept).filter(wanted).copied().collect();
            assert_eq!(found, concepts, "{text}");
        }
    }
}
