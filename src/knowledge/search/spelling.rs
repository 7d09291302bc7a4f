//! Spelling correction: the written words within a small edit distance that a reader's documents have.

use std::{collections::BTreeSet, sync::LazyLock};

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy_fst::Automaton;

use crate::knowledge::{
    index::schema::{ACCENTED, BACKWARDS},
    search::{
        lookup::{FoundWords, each_field, each_vocabulary, find_counted},
        query::QueryWord,
        visible_terms::VisibleTerms,
    },
};

/// Most corrections of a word.
const MAX_MISSPELT: usize = 20;
/// Letters of the longer of two words from which on they may differ by one edit, and by two.
const ONE_TYPO: usize = 4;
const TWO_TYPOS: usize = 8;

/// A word that a word may be a misspelling of, with its edit distance.
pub struct SpellingCandidate {
    pub word: String,
    pub distance: u8,
    /// Documents of the scope that have it.
    pub documents: u64,
}

/// Returns the words of the scope that a word may be a misspelling of: the nearest first, and of equally near ones those with the same first
/// letter. Two edits never change the first letter: what differs so much is another word. If there are none, the stems one edit away.
pub fn spelling_candidates(within: &VisibleTerms<'_>, word: &QueryWord) -> tantivy::Result<Vec<SpellingCandidate>> {
    let folded = word.word.folded();
    let length = folded.chars().count();
    // Numbers and codes have no near misses.
    if length + 1 < ONE_TYPO || folded.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(Vec::new());
    }
    let max_distance = if length + 2 < TWO_TYPOS { 1 } else { 2 };
    let builder = &BUILDERS[max_distance as usize - 1];
    let near = FuzzyAutomaton(if word.half { builder.build_prefix_dfa(folded) } else { builder.build_dfa(folded) });
    let first = folded.chars().next();
    let begins_otherwise = |word: &str| word.chars().next() != first;
    let distance_of = |word: &str| match near.0.eval(word) {
        Distance::Exact(distance) => distance,
        Distance::AtLeast(_) => u8::MAX,
    };
    let mut found = FoundWords::default();
    each_vocabulary(within, |segment, reader| {
        let mut words = reader.terms().search(&near).into_stream()?;
        while words.advance() {
            let Ok(other) = std::str::from_utf8(words.key()) else { continue };
            let distance = distance_of(other);
            // An unfinished word is compared with as many letters as were typed, however long the other word is.
            let compared_length = if word.half { length } else { length.max(other.chars().count()) };
            let allowed = if compared_length >= TWO_TYPOS && !begins_otherwise(other) { 2 } else { u8::from(compared_length >= ONE_TYPO) };
            if distance <= allowed && !other.starts_with(BACKWARDS) && !other.bytes().any(|byte| byte.is_ascii_digit()) {
                found.add(words.key(), segment, words.value());
            }
        }
        Ok(())
    })?;
    let counted = found.counted(within, |word| (distance_of(word), begins_otherwise(word)))?;
    let candidate = |(word, documents): (String, u64)| SpellingCandidate { distance: distance_of(&word), word, documents };
    let found: Vec<SpellingCandidate> = counted.into_iter().take(MAX_MISSPELT).map(candidate).collect();
    if !found.is_empty() || word.half {
        return Ok(found);
    }
    // A word whose documents have only other forms of it: one edit away from their stem.
    let mut stems = BTreeSet::new();
    each_field(within, |_, _, reader| {
        let mut keys = reader.terms().search(&near).into_stream()?;
        while keys.advance() {
            let Ok(stem) = std::str::from_utf8(keys.key()) else { continue };
            let is_near = distance_of(stem) == 1 && !begins_otherwise(stem) && length.max(stem.chars().count()) >= ONE_TYPO;
            if is_near && !stem.starts_with(ACCENTED) && !stem.bytes().any(|byte| byte.is_ascii_digit()) {
                stems.insert(stem.to_owned());
            }
        }
        Ok(())
    })?;
    let mut found = Vec::new();
    for stem in stems.into_iter().take(MAX_MISSPELT) {
        let documents = find_counted(within, &stem)?.documents;
        if documents > 0 {
            found.push(SpellingCandidate { word: stem, distance: 1, documents });
        }
    }
    found.sort_by(|one, other| other.documents.cmp(&one.documents).then_with(|| one.word.cmp(&other.word)));
    Ok(found)
}

static BUILDERS: LazyLock<[LevenshteinAutomatonBuilder; 2]> =
    LazyLock::new(|| [LevenshteinAutomatonBuilder::new(1, true), LevenshteinAutomatonBuilder::new(2, true)]);

/// Matches the words within an edit distance.
struct FuzzyAutomaton(DFA);

impl Automaton for &FuzzyAutomaton {
    type State = u32;

    fn start(&self) -> u32 {
        self.0.initial_state()
    }

    fn is_match(&self, state: &u32) -> bool {
        matches!(self.0.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        self.0.transition(*state, byte)
    }
}
