//! Searching articles, for people who type.

pub mod accumulator;
pub mod bm25f;
pub mod candidates;
pub mod categories;
pub mod conversation;
pub mod corpus;
pub mod highlight;
pub mod lookup;
pub mod near_match;
pub mod openers;
pub mod query;
pub mod rerank;
pub mod shortcuts;
pub mod spelling;
pub mod stop_words;
pub mod suggestion_query;
pub mod suggestions;
pub mod synonyms;
pub mod terms;
pub mod visible_terms;

use std::collections::{HashMap, HashSet};

use crate::knowledge::documents::reader::Reader;
use crate::knowledge::index::scope::SearchScope;
use crate::knowledge::search::corpus::Corpus;
use crate::{
    knowledge::{
        documents::document::{Document, Kind},
        error::KnowledgeError,
        index::{Index, snapshot::IndexSnapshot},
        search::{
            bm25f::{ScoredDocument, score},
            candidates::{by_rank, nearest, only},
            highlight::{Highlighter, Segment},
            query::Typed,
            rerank::look,
            synonyms::Synonyms,
            terms::{Term, is_half, terms},
            visible_terms::VisibleTerms,
        },
        statistics::{confidence, deviation},
        vectors::{Meaning, QuerySource, VectorHit, Vectors},
    },
    text::{Beginnings, Language, lookup, words, words_beginning},
};

/// Documents that are looked at closer.
const CLOSER: usize = 100;
/// A document that counts less than this share of the best one is no hit: it has none of the words that say something.
const MIN_SHARE: f32 = 0.2;
/// What a title that has every word gains, of what the best document counts.
pub const TITLE_GAIN: f32 = 0.5;
/// Of how many words the grams count.
const GRAMMED: usize = 24;
/// What meaning counts beside words, in standard deviations of each. (1 to 1.5 did best on public tasks with a small model.)
const MEANING: f32 = 1.2;
/// How like what is asked a document must be that has none of the words.
const MIN_LIKENESS: f32 = 0.4;

/// A search on a help page.
#[derive(Debug, Clone)]
pub struct Search {
    /// As typed.
    pub query: String,
    pub language: Language,
    pub category: String,
    pub tags: Vec<String>,
    pub limit: usize,
    pub offset: usize,
    pub reader: Reader,
    /// What the query means; `None` if that is not known.
    pub meaning: Option<Meaning>,
}

/// An article that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    pub document: Document,
    pub title: Vec<Segment>,
    pub snippet: Vec<Segment>,
    /// From 0 to 1.
    pub score: f64,
}

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Hits {
    pub hits: Vec<Hit>,
    pub total: usize,
    /// The query with its misspelt words as they may have been meant; empty if none was.
    pub corrected: String,
}

/// A document with its rank.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    found: ScoredDocument,
    rank: f32,
}

/// Whether a query ends in half a word: one that no document in its language has that its reader may be shown, as the beginning of others.
pub fn ends_in_half_a_word(
    index: &Index,
    typed: &Typed,
    language: &Language,
    kinds: &[Kind],
    reader: &Reader,
) -> Result<bool, KnowledgeError> {
    let Some(last) = typed.query.words.iter().find(|word| word.half) else { return Ok(false) };
    let view = index.view();
    let there = view.languages(kinds, reader);
    let scope = SearchScope { kinds, language: lookup(language, there.iter()), reader, only: None };
    Ok(is_half(&VisibleTerms::of(&view, &scope), last)?)
}

/// Searches articles. Those in the page's language come first; others fill up only when there are none.
pub fn search(index: &Index, synonyms: &Synonyms, vectors: &Vectors, search: &Search) -> Result<Hits, KnowledgeError> {
    let view = index.view();
    let there = view.languages(&[Kind::Article], &search.reader);
    let own = lookup(&search.language, there.iter());
    let primary = search.language.primary();
    let typed = Typed::read(&search.query, primary);
    if typed.query.words.is_empty() {
        return Ok(Hits::default());
    }
    let only = only(&view, &search.category, &search.tags, &typed)?;
    for language in own.map(Some).into_iter().chain([None]) {
        let scope = SearchScope { kinds: &[Kind::Article], language, reader: &search.reader, only: only.as_deref() };
        let corpus = Corpus::of(&scope.sizes(&view, None));
        let terms = terms(&VisibleTerms::of(&view, &scope), &typed.query, primary, synonyms, corpus.documents)?;
        let meant =
            search.meaning.as_ref().map(|meaning| vectors.near(&view, &scope, meaning, primary, QuerySource::Search)).unwrap_or_default();
        // What is meant is compared with all that has a word, however little that counts.
        let least = if meant.is_empty() { MIN_SHARE } else { 0.0 };
        let mut found = score(&view, &scope, &corpus, &terms, GRAMMED, least)?;
        let highest = found.iter().map(ScoredDocument::sum).fold(0.0, f32::max);
        let has_words = |found: &ScoredDocument| found.sum() > 0.0 && found.sum() >= MIN_SHARE * highest;
        let nearest = nearest(&view, &meant, CLOSER, |meant| meant.recent);
        let of = |found: &ScoredDocument| meant.binary_search_by_key(&found.place(), VectorHit::place).ok().map(|at| meant[at]);
        let near: HashSet<(u32, u32)> = nearest.iter().map(VectorHit::place).collect();
        found.retain(|found| has_words(found) || near.contains(&found.place()));
        add_missing(&mut found, &nearest);
        if language.is_none() {
            found = once_each(&view, found, |found| of(found).map_or(0.0, |meant| meant.recent));
        }
        let is_hit =
            |found: &ScoredDocument| has_words(found) || of(found).is_some_and(|meant| meant.likeness * meant.trust >= MIN_LIKENESS);
        let total = found.iter().filter(|found| is_hit(found)).count();
        if total == 0 {
            continue;
        }
        let wanted = search.offset + search.limit;
        let mut ranked = rank(&view, &corpus, found, (vectors, &meant, &near, primary), &terms, &typed.query.pairs, wanted)?;
        ranked.retain(|ranked| is_hit(&ranked.found));
        let marker = Highlighter::new(&typed.query, &terms);
        let best = corpus.most(&terms);
        let mut hits = Vec::new();
        let mut surest = 1.0_f64;
        for (place, Ranked { found, .. }) in ranked.into_iter().enumerate().take(wanted) {
            // What ranks lower is not surer.
            let by_words = confidence(found.words, best);
            surest = surest.min(of(&found).map_or(by_words, |meant| meant.confidence(by_words)));
            if place < search.offset {
                continue;
            }
            let document = view.read(found.part, found.doc)?;
            let language = document.language.primary();
            let title = marker.mark(&document.title, language);
            let snippet = marker.snippet(&document.body, language);
            hits.push(Hit { score: surest, title, snippet, document });
        }
        let corrected = corrected(&search.query, &typed, &terms, &hits);
        return Ok(Hits { hits, total, corrected });
    }
    Ok(Hits::default())
}

/// Adds documents that have none of the words.
fn add_missing(found: &mut Vec<ScoredDocument>, nearest: &[VectorHit]) {
    let there: HashSet<(u32, u32)> = found.iter().map(ScoredDocument::place).collect();
    let missing = nearest.iter().filter(|meant| !there.contains(&meant.place()));
    found.extend(missing.map(|meant| ScoredDocument { part: meant.part, doc: meant.doc, words: 0.0, grams: 0.0 }));
}

/// A document found in two foreign languages is shown once, in the version that fits better.
fn once_each(view: &IndexSnapshot, mut found: Vec<ScoredDocument>, nearness: impl Fn(&ScoredDocument) -> f32) -> Vec<ScoredDocument> {
    found.sort_by(|one, other| other.sum().total_cmp(&one.sum()).then(nearness(other).total_cmp(&nearness(one))));
    let mut seen: HashSet<u64> = HashSet::new();
    found.retain(|found| seen.insert(view.id(found.part, found.doc)));
    found.sort_by_key(|found| (found.part, found.doc));
    found
}

/// Orders what was found, the best of it after a closer look. At least `wanted` are in their places.
fn rank(
    view: &IndexSnapshot,
    corpus: &Corpus,
    found: Vec<ScoredDocument>,
    (vectors, meant, near, language): (&Vectors, &[VectorHit], &HashSet<(u32, u32)>, &str),
    terms: &[Term],
    pairs: &[(usize, usize, f32)],
    wanted: usize,
) -> tantivy::Result<Vec<Ranked>> {
    let by_rank = |one: &Ranked, other: &Ranked| {
        by_rank(view, (one.rank, one.found.part, one.found.doc), (other.rank, other.found.part, other.found.doc))
    };
    let (mut ranked, mut rest) = (Vec::new(), Vec::new());
    for found in found {
        let of = Ranked { rank: found.sum(), found };
        if near.contains(&found.place()) { ranked.push(of) } else { rest.push(of) }
    }
    let most = wanted.max(CLOSER);
    if rest.len() > most {
        rest.select_nth_unstable_by(most, by_rank);
        rest.truncate(most);
    }
    rest.sort_by(by_rank);
    ranked.extend(rest.drain(..rest.len().min(CLOSER)));
    ranked.sort_by_key(|ranked| ranked.found.place());
    let places: Vec<(u32, u32)> = ranked.iter().map(|ranked| ranked.found.place()).collect();
    let best = ranked.iter().map(|ranked| ranked.found.sum()).fold(0.0, f32::max);
    let closer = look(view, corpus, &places, terms, pairs)?;
    let whole: Vec<f32> =
        ranked.iter().zip(&closer).map(|(ranked, closer)| ranked.rank + closer.pairs + TITLE_GAIN * best * closer.title).collect();
    let passages: Vec<f32> = closer.iter().map(|closer| closer.passages).collect();
    let share = corpus.passages_share() * deviation(&whole) / deviation(&passages);
    for ((ranked, whole), passages) in ranked.iter_mut().zip(whole).zip(passages) {
        ranked.rank = whole + share * passages;
    }
    if !meant.is_empty() {
        let words: Vec<f32> = ranked.iter().map(|ranked| ranked.rank).collect();
        let near: Vec<Option<f32>> =
            places.iter().map(|place| meant.binary_search_by_key(place, VectorHit::place).ok().map(|at| meant[at].recent)).collect();
        for (ranked, gain) in ranked.iter_mut().zip(vectors.gains(language, QuerySource::Search, MEANING, &words, &near)) {
            ranked.rank += gain;
        }
    }
    ranked.sort_by(by_rank);
    ranked.extend(rest);
    Ok(ranked)
}

/// The query with what was misspelt as it may have been meant: by the words that the hits have, as they write them. What none of them has is
/// left as it was typed.
fn corrected(query: &str, typed: &Typed, terms: &[Term], hits: &[Hit]) -> String {
    let spelling_candidates: Vec<(&str, &[String])> = (typed.query.words.iter().zip(terms))
        .filter(|(_, term)| !term.meant.is_empty())
        .map(|(word, term)| (word.word.folded(), term.meant.as_slice()))
        .collect();
    if spelling_candidates.is_empty() {
        return String::new();
    }
    let wanted: HashSet<&String> = spelling_candidates.iter().flat_map(|(_, meant)| *meant).collect();
    let mut beginnings = Beginnings::default();
    wanted.iter().for_each(|key| beginnings.add(key));
    // By the word itself; and by its stems, of which the shortest word is taken.
    let (mut whole, mut forms): (HashMap<String, String>, HashMap<String, String>) = Default::default();
    for hit in hits {
        if spelling_candidates.iter().all(|(_, meant)| whole.contains_key(&meant[0])) {
            break;
        }
        let language = hit.document.language.primary();
        for word in [&hit.document.title, &hit.document.body].into_iter().flat_map(|text| words_beginning(text, language, &beginnings)) {
            let written = || word.accented().unwrap_or(word.folded()).to_owned();
            for (number, key) in word.keys().iter().enumerate().filter(|(_, key)| wanted.contains(key)) {
                if number == 0 {
                    whole.entry(key.clone()).or_insert_with(written);
                } else if forms.get(key).is_none_or(|form| word.folded().len() < form.len()) {
                    forms.insert(key.clone(), written());
                }
            }
        }
    }
    let fix = |meant: &[String]| -> Option<String> {
        let of = |known: &HashMap<String, String>| meant.iter().find_map(|key| known.get(key).cloned());
        of(&whole).or_else(|| of(&forms))
    };
    let fixes: HashMap<&str, String> = spelling_candidates.iter().filter_map(|(word, meant)| Some((*word, fix(meant)?))).collect();
    if fixes.is_empty() {
        return String::new();
    }
    let mut corrected = String::new();
    let mut from = 0;
    for word in words(query, "") {
        if let Some(fix) = fixes.get(word.folded()) {
            corrected.push_str(&query[from..word.start]);
            corrected.push_str(fix);
            from = word.end;
        }
    }
    corrected.push_str(&query[from..]);
    corrected
}
