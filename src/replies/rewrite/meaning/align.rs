//! Which sentences of a rewrite say what which sentences of its text say.

use std::collections::BTreeSet;

use crate::{
    lexicon::concepts::Concept,
    promises::likelihood,
    replies::rewrite::meaning::{Change, Purpose, sentence::Sentence},
};

/// More sentences are compared as a whole.
const MAX_SENTENCES: usize = 120;
/// What a sentence without a counterpart costs.
const ALONE: f64 = 0.12;
/// Least share of a sentence's words that stand anywhere in a text of the same language that says the same.
const MIN_SHARED: f64 = 0.25;
/// The same of two sentences, by the shorter one.
const MIN_ALIKE: f64 = 0.4;
/// A translation of less than this share of its text's letters left something out, where the sentences tell so as well.
const SHORTER: f64 = 0.72;
/// How likely a sentence promises that was added to a text, and how unlikely each sentence of the text does.
const PROMISES: f32 = 0.9;
const PROMISES_NOT: f32 = 0.25;
/// Fewest words of such a sentence, and how much longer, courtesies apart, it makes the text.
const MIN_PROMISE_WORDS: usize = 5;
const GROWS: f64 = 1.2;

/// Sentences of a text, and those of its rewrite that say the same. One side may be empty.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'s, 'a> {
    pub one: &'s [Sentence<'a>],
    pub other: &'s [Sentence<'a>],
}

/// Pairs the sentences of both texts, in order: one with one, one with two, two with one, or one alone.
pub fn aligned<'s, 'a>(one: &'s [Sentence<'a>], other: &'s [Sentence<'a>], purpose: Purpose) -> Vec<Pair<'s, 'a>> {
    if one.len() > MAX_SENTENCES || other.len() > MAX_SENTENCES {
        return vec![Pair { one, other }];
    }
    const STEPS: [(usize, usize); 7] = [(1, 1), (1, 2), (2, 1), (1, 3), (3, 1), (1, 0), (0, 1)];
    let width = other.len() + 1;
    let mut best = vec![(f64::NEG_INFINITY, (0, 0)); (one.len() + 1) * width];
    best[0].0 = 0.0;
    for row in 0..=one.len() {
        for column in 0..=other.len() {
            for step in STEPS.into_iter().filter(|(down, right)| *down <= row && *right <= column) {
                let (from_row, from_column) = (row - step.0, column - step.1);
                let pair = Pair { one: &one[from_row..row], other: &other[from_column..column] };
                let place = (from_row as f64 / one.len().max(1) as f64) - (from_column as f64 / other.len().max(1) as f64);
                let score = best[from_row * width + from_column].0 + pair.likeness(purpose, place.abs());
                if score > best[row * width + column].0 {
                    best[row * width + column] = (score, step);
                }
            }
        }
    }
    let mut pairs = Vec::new();
    let (mut row, mut column) = (one.len(), other.len());
    while row + column > 0 {
        let (down, right) = best[row * width + column].1;
        pairs.push(Pair { one: &one[row - down..row], other: &other[column - right..column] });
        (row, column) = (row - down, column - right);
    }
    pairs.reverse();
    pairs
}

impl Pair<'_, '_> {
    /// Whether both sides share enough words for a missing denial to tell something; of a translation they need not.
    pub fn says_alike(&self, purpose: Purpose) -> bool {
        let (one, other) = (all(self.one, |sentence| &sentence.stems), all(self.other, |sentence| &sentence.stems));
        let both = one.intersection(&other).count() as f64;
        purpose == Purpose::Translation || both / one.len().min(other.len()).max(1) as f64 >= MIN_ALIKE
    }

    /// How much both sides look as if they said the same.
    fn likeness(&self, purpose: Purpose, apart: f64) -> f64 {
        if self.one.is_empty() || self.other.is_empty() {
            return -ALONE;
        }
        let length = |sentences: &[Sentence<'_>]| sentences.iter().map(|sentence| sentence.length).sum::<usize>().max(1) as f64;
        let ratio = length(self.one).min(length(self.other)) / length(self.one).max(length(self.other));
        let anchors = shared(&all(self.one, |sentence| &sentence.anchors), &all(self.other, |sentence| &sentence.anchors));
        let concepts = |sentences: &[Sentence<'_>]| -> BTreeSet<Concept> {
            sentences.iter().flat_map(|sentence| sentence.concepts.keys().copied()).filter(|concept| *concept != Concept::And).collect()
        };
        let said = shared(&concepts(self.one), &concepts(self.other));
        let words = if purpose == Purpose::Translation {
            0.0
        } else {
            2.0 * shared(&all(self.one, |sentence| &sentence.stems), &all(self.other, |sentence| &sentence.stems))
        };
        0.5 * ratio + anchors + said + words - apart - 0.05 * (self.one.len() + self.other.len() - 2) as f64
    }
}

fn all<'s, T: Ord + Clone + 's>(sentences: &'s [Sentence<'_>], of: impl Fn(&'s Sentence<'s>) -> &'s BTreeSet<T>) -> BTreeSet<T> {
    sentences.iter().flat_map(|sentence| of(sentence).iter().cloned()).collect()
}

/// The share of what either set has that both have.
fn shared<T: Ord>(one: &BTreeSet<T>, other: &BTreeSet<T>) -> f64 {
    let both = one.intersection(other).count() as f64;
    both / ((one.len() + other.len()) as f64 - both).max(1.0)
}

/// Sentences that the rewrite lacks, courtesies apart, and promises that it adds.
pub fn left_out_or_added(pairs: &[Pair<'_, '_>], one: &[Sentence<'_>], other: &[Sentence<'_>], purpose: Purpose) -> Vec<Change> {
    let says = |sentence: &&Sentence<'_>| !sentence.has(Concept::Courtesy);
    let length = |sentences: &[Sentence<'_>]| sentences.iter().filter(says).map(|sentence| sentence.length).sum::<usize>() as f64;
    let growth = length(other) / length(one).max(1.0);
    let stems: BTreeSet<&String> = other.iter().flat_map(|sentence| &sentence.stems).collect();
    let mut changes = Vec::new();
    for pair in pairs {
        if pair.other.is_empty() && growth < if purpose == Purpose::Translation { SHORTER } else { 1.0 } {
            let gone = pair.one.iter().filter(says).find(|sentence| {
                let shared = sentence.stems.iter().filter(|stem| stems.contains(stem)).count() as f64 / sentence.stems.len().max(1) as f64;
                sentence.stems.len() >= 2 && (purpose == Purpose::Translation || shared < MIN_SHARED)
            });
            changes.extend(gone.map(|sentence| Change {
                excerpt: String::new(),
                message: format!("the rewrite seems to leave this out: “{}”", sentence.text),
            }));
        }
    }
    let most = one.iter().map(|sentence| likelihood(sentence.text)).fold(0.0, f32::max);
    let adds = |sentence: &&Sentence<'_>| {
        let long = sentence.text.split_whitespace().count() >= MIN_PROMISE_WORDS;
        growth > GROWS && long && likelihood(sentence.text) > PROMISES && most < PROMISES_NOT
    };
    let promise = other.iter().find(adds);
    changes.extend(
        promise.map(|sentence| Change { excerpt: sentence.text.to_owned(), message: "this promises what the text doesn't".to_owned() }),
    );
    changes
}
