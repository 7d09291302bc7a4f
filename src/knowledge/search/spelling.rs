//! Spelling correction: the written words within a small edit distance that a reader's documents have.

use std::{collections::BTreeSet, sync::LazyLock};

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy_fst::Automaton;

use crate::knowledge::{
    index::schema::BACKWARDS,
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

/// Returns the words of the scope that a word may be a misspelling of: those one edit away; if there are none, those two edits away with the
/// same first letter: what differs more is another word; if there are none either, the stems one edit away.
pub fn spelling_candidates(within: &VisibleTerms<'_>, word: &QueryWord) -> tantivy::Result<Vec<SpellingCandidate>> {
    let folded = word.word.folded();
    let length = folded.chars().count();
    // Numbers and codes have no near misses.
    if length + 1 < ONE_TYPO || folded.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(Vec::new());
    }
    let near = |distance: usize| {
        let builder = &BUILDERS[distance - 1];
        FuzzyAutomaton(if word.half { builder.build_prefix_dfa(folded) } else { builder.build_dfa(folded) })
    };
    let first: String = folded.chars().take(1).collect();
    let one_away = near(1);
    let mut found = near_words(within, word, &one_away, None)?;
    if found.is_empty() && length + 2 >= TWO_TYPOS {
        found = near_words(within, word, &near(2), Some(&first))?;
    }
    if !found.is_empty() || word.half {
        return Ok(found);
    }
    // A word whose documents have only other forms of it: one edit away from their stem.
    let mut stems = BTreeSet::new();
    each_field(within, |_, _, reader| {
        let mut keys = reader.terms().search(&one_away).ge(&first).lt(after(&first)).into_stream()?;
        while keys.advance() {
            let Ok(stem) = std::str::from_utf8(keys.key()) else { continue };
            let is_near = one_away.distance(stem) == 1 && length.max(stem.chars().count()) >= ONE_TYPO;
            if is_near && !stem.bytes().any(|byte| byte.is_ascii_digit()) {
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

/// Returns the words of the scope that an automaton accepts, the nearest first, and of equally near ones those with the same first letter;
/// with `first`, only those that begin with it: most of a vocabulary begins with another letter.
fn near_words(
    within: &VisibleTerms<'_>,
    word: &QueryWord,
    near: &FuzzyAutomaton,
    first: Option<&str>,
) -> tantivy::Result<Vec<SpellingCandidate>> {
    let folded = word.word.folded();
    let length = folded.chars().count();
    let initial = folded.chars().next();
    let begins_otherwise = |word: &str| word.chars().next() != initial;
    let mut found = FoundWords::default();
    each_vocabulary(within, |segment, reader| {
        let stream = reader.terms().search(near);
        let mut words = match first {
            Some(first) => stream.ge(first).lt(after(first)).into_stream()?,
            None => stream.into_stream()?,
        };
        while words.advance() {
            let Ok(other) = std::str::from_utf8(words.key()) else { continue };
            // An unfinished word is compared with as many letters as were typed, however long the other word is.
            let compared_length = if word.half { length } else { length.max(other.chars().count()) };
            let is_allowed = compared_length >= if near.distance(other) > 1 { TWO_TYPOS } else { ONE_TYPO };
            if is_allowed && !other.starts_with(BACKWARDS) && !other.bytes().any(|byte| byte.is_ascii_digit()) {
                found.add(words.key(), segment, words.value());
            }
        }
        Ok(())
    })?;
    let counted = found.counted(within, |word| (near.distance(word), begins_otherwise(word)))?;
    let candidate = |(word, documents): (String, u64)| SpellingCandidate { distance: near.distance(&word), word, documents };
    Ok(counted.into_iter().take(MAX_MISSPELT).map(candidate).collect())
}

/// What comes after every word that begins with a letter, in byte order: no letter's last byte is the highest there is.
fn after(letter: &str) -> Vec<u8> {
    let mut bytes = letter.as_bytes().to_vec();
    bytes.last_mut().into_iter().for_each(|last| *last += 1);
    bytes
}

static BUILDERS: LazyLock<[LevenshteinAutomatonBuilder; 2]> =
    LazyLock::new(|| [LevenshteinAutomatonBuilder::new(1, true), LevenshteinAutomatonBuilder::new(2, true)]);

/// Matches the words within an edit distance.
struct FuzzyAutomaton(DFA);

impl FuzzyAutomaton {
    /// The edit distance of a word that it accepts.
    fn distance(&self, word: &str) -> u8 {
        match self.0.eval(word) {
            Distance::Exact(distance) => distance,
            Distance::AtLeast(_) => u8::MAX,
        }
    }
}

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
