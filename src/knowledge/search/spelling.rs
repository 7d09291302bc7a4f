//! What a word may be a misspelling of: the words and stems near to it that a reader's documents have.

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

/// Most words that a misspelt one may be.
const MAX_MISSPELT: usize = 20;
/// Letters of the longer of two words from which they may differ by one, and by two.
const ONE_TYPO: usize = 4;
const TWO_TYPOS: usize = 8;

/// A key that a word may be a misspelling of.
pub struct SpellingCandidate {
    pub key: String,
    pub distance: u8,
    pub postings: KeyPostings,
}

/// The keys of the scope that a word may be a misspelling of: the nearest first, and of these the ones that begin with the same letter.
pub fn spelling_candidates(within: &VisibleTerms<'_>, word: &QueryWord) -> tantivy::Result<Vec<SpellingCandidate>> {
    let folded = word.word.folded();
    let length = folded.chars().count();
    // Numbers and codes are right or wrong.
    if length + 1 < ONE_TYPO || folded.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(Vec::new());
    }
    let most = if length + 2 < TWO_TYPOS { 1 } else { 2 };
    let builder = &BUILDERS[most as usize - 1];
    let near = FuzzyAutomaton(if word.half { builder.build_prefix_dfa(folded) } else { builder.build_dfa(folded) });
    let mut found: HashMap<String, SpellingCandidate> = HashMap::new();
    each_field(within, |place, part, reader| {
        let mut keys = reader.terms().search(&near).into_stream()?;
        while keys.advance() {
            let key = String::from_utf8_lossy(keys.key());
            let Distance::Exact(distance) = near.0.eval(keys.key()) else { continue };
            // Of half a word only as much is compared as was typed, however long the word goes on.
            let longest = if word.half { length } else { length.max(key.chars().count()) };
            let allowed = if longest >= TWO_TYPOS { 2 } else { u8::from(longest >= ONE_TYPO) };
            if distance <= allowed && !key.starts_with(ACCENTED) && !key.bytes().any(|byte| byte.is_ascii_digit()) {
                let key = key.into_owned();
                let likely =
                    found.entry(key.clone()).or_insert_with(|| SpellingCandidate { key, distance, postings: KeyPostings::default() });
                likely.postings.add(within.view, part, place, keys.value());
            }
        }
        Ok(())
    })?;
    let first = folded.chars().next();
    let likelier = |one: &SpellingCandidate, other: &SpellingCandidate| {
        let begins_otherwise = |likely: &SpellingCandidate| likely.key.chars().next() != first;
        (one.distance, begins_otherwise(one), other.postings.documents, &one.key).cmp(&(
            other.distance,
            begins_otherwise(other),
            one.postings.documents,
            &other.key,
        ))
    };
    let mut found: Vec<SpellingCandidate> = found.into_values().collect();
    found.sort_by(likelier);
    keep_readable(within, &mut found, |likely| &mut likely.postings)?;
    found.sort_by(likelier);
    found.truncate(MAX_MISSPELT);
    Ok(found)
}

static BUILDERS: LazyLock<[LevenshteinAutomatonBuilder; 2]> =
    LazyLock::new(|| [LevenshteinAutomatonBuilder::new(1, true), LevenshteinAutomatonBuilder::new(2, true)]);

/// Words near to one.
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
