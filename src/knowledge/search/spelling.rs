//! Spelling correction: the words and stems within a small edit distance that a reader's documents have.

use std::{collections::HashMap, sync::LazyLock};

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy_fst::Automaton;

use crate::knowledge::{
    index::schema::ACCENTED,
    search::{
        lookup::{KeyPostings, each_field, keep_readable},
        query::QueryWord,
        visible_terms::VisibleTerms,
    },
};

/// Most corrections of a word.
const MAX_MISSPELT: usize = 20;
/// Letters of the longer of two words from which on they may differ by one edit, and by two.
const ONE_TYPO: usize = 4;
const TWO_TYPOS: usize = 8;

/// A key that a word may be a misspelling of, with its edit distance.
pub struct SpellingCandidate {
    pub key: String,
    pub distance: u8,
    pub postings: KeyPostings,
}

/// Returns the keys of the scope that a word may be a misspelling of: the nearest first, and of equally near ones those with the same first
/// letter.
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
    let mut found: HashMap<String, SpellingCandidate> = HashMap::new();
    each_field(within, |place, segment, reader| {
        let mut keys = reader.terms().search(&near).into_stream()?;
        while keys.advance() {
            let key = String::from_utf8_lossy(keys.key());
            let Distance::Exact(distance) = near.0.eval(keys.key()) else { continue };
            // An unfinished word is compared with as many letters as were typed, however long the other word is.
            let compared_length = if word.half { length } else { length.max(key.chars().count()) };
            let allowed = if compared_length >= TWO_TYPOS { 2 } else { u8::from(compared_length >= ONE_TYPO) };
            if distance <= allowed && !key.starts_with(ACCENTED) && !key.bytes().any(|byte| byte.is_ascii_digit()) {
                let key = key.into_owned();
                let candidate =
                    found.entry(key.clone()).or_insert_with(|| SpellingCandidate { key, distance, postings: KeyPostings::default() });
                candidate.postings.add(within.snapshot, segment, place, keys.value());
            }
        }
        Ok(())
    })?;
    let first = folded.chars().next();
    let by_likelihood = |one: &SpellingCandidate, other: &SpellingCandidate| {
        let begins_otherwise = |candidate: &SpellingCandidate| candidate.key.chars().next() != first;
        (one.distance, begins_otherwise(one), other.postings.documents, &one.key).cmp(&(
            other.distance,
            begins_otherwise(other),
            one.postings.documents,
            &other.key,
        ))
    };
    let mut found: Vec<SpellingCandidate> = found.into_values().collect();
    found.sort_by(by_likelihood);
    keep_readable(within, &mut found, |candidate| &mut candidate.postings)?;
    found.sort_by(by_likelihood);
    found.truncate(MAX_MISSPELT);
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
