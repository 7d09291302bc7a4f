//! Full-text and vector search of articles.

pub mod accumulator;
pub mod bm25f;
pub mod candidates;
pub mod categories;
pub mod conversation;
pub mod corpus;
pub mod evidence;
pub mod highlight;
pub mod intent_match;
pub mod lookup;
pub mod near_match;
pub mod openers;
pub mod query;
pub mod rank;
pub mod rerank;
pub mod shortcuts;
pub mod spelling;
pub mod state;
pub mod stop_words;
pub mod suggestion_query;
pub mod suggestions;
pub mod synonyms;
pub mod terms;
pub mod visible_terms;
pub mod written;

use std::collections::{HashMap, HashSet};

use crate::{
    knowledge::{
        documents::{
            document::{Document, Kind},
            reader::Reader,
        },
        error::KnowledgeError,
        index::{Index, scope::SearchScope, snapshot::IndexSnapshot},
        search::{
            bm25f::{ScoredDocument, score},
            candidates::{by_rank, nearest, only},
            corpus::Corpus,
            highlight::{Highlighter, Segment},
            query::Typed,
            rerank::rerank,
            synonyms::Synonyms,
            terms::{Term, is_half, terms},
            visible_terms::VisibleTerms,
        },
        statistics::{confidence, deviation},
        vectors::{Meaning, QuerySource, VectorHit, Vectors},
    },
    text::{Beginnings, Language, lookup, words, words_beginning},
};

/// Most documents that are reranked.
const MAX_RERANKED: usize = 100;
/// A document that scores less than this share of the best one is not a hit: it has none of the query's informative words.
const MIN_SHARE: f32 = 0.2;
/// The boost of a title that has every word, as a share of the best document's score.
pub const TITLE_GAIN: f32 = 0.5;
/// Most words of a query whose character n-grams are scored.
const MAX_GRAM_WORDS: usize = 24;
/// Weight of the vector score against the word score, in standard deviations of each. (1 to 1.5 did best on public tasks with a small
/// model.)
const VECTOR_WEIGHT: f32 = 1.2;
/// Least similarity to the query of a hit that has none of its words.
const MIN_SIMILARITY: f32 = 0.4;

/// A search on a help page.
#[derive(Debug, Clone)]
pub struct Search {
    /// The query, as typed.
    pub query: String,
    /// The page's language, in which the query is read. Articles in other languages are hits only if it has none.
    pub language: Language,
    /// Only articles of this category; empty: of any.
    pub category: String,
    /// Only articles with all of these tags.
    pub tags: Vec<String>,
    /// Most hits of the page; the handler lets pass at most 100.
    pub limit: usize,
    /// How many of the best hits are left out; the handler lets pass at most 1,000.
    pub offset: usize,
    /// Who searches: articles that they may not see are no hits and not counted.
    pub reader: Reader,
    /// The query's vectors; `None` if there are none.
    pub meaning: Option<Meaning>,
}

/// An article that matched.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The article, in the best of its languages.
    pub document: Document,
    /// Its title, in pieces that joined are the title.
    pub title: Vec<Segment>,
    /// The best passage of its text as plain text, of about 280 characters at most, in pieces.
    pub snippet: Vec<Segment>,
    /// From 0 to 1.
    pub score: f64,
}

/// A page of hits.
#[derive(Debug, Clone, Default)]
pub struct Hits {
    /// Best first.
    pub hits: Vec<Hit>,
    /// How many articles match in all, on whatever page.
    pub total: usize,
    /// The query with its misspelt words corrected; empty if none was.
    pub corrected: String,
}

/// A document with its rank score.
#[derive(Debug, Clone, Copy)]
struct Ranked {
    found: ScoredDocument,
    rank: f32,
}

/// Returns whether a query ends in an unfinished word: one that no document in its language that the reader may see contains, except as the
/// prefix of other words.
pub fn ends_in_half_a_word(
    index: &Index,
    typed: &Typed,
    language: &Language,
    kinds: &[Kind],
    reader: &Reader,
) -> Result<bool, KnowledgeError> {
    let Some(last) = typed.query.words.iter().find(|word| word.half) else { return Ok(false) };
    let snapshot = index.snapshot();
    let languages = snapshot.languages(kinds, reader);
    let scope = SearchScope { kinds, language: lookup(language, languages.iter()), reader, only: None };
    Ok(is_half(&VisibleTerms::of(&snapshot, &scope), last)?)
}

/// Searches articles. Those in the page's language come first; other languages are searched only when it has none.
pub fn search(index: &Index, synonyms: &Synonyms, vectors: &Vectors, search: &Search) -> Result<Hits, KnowledgeError> {
    let snapshot = index.snapshot();
    let languages = snapshot.languages(&[Kind::Article], &search.reader);
    let own = lookup(&search.language, languages.iter());
    let primary = search.language.primary();
    let typed = Typed::read(&search.query, primary);
    if typed.query.words.is_empty() {
        return Ok(Hits::default());
    }
    let only = only(&snapshot, &search.category, &search.tags, &typed)?;
    for language in own.map(Some).into_iter().chain([None]) {
        let scope = SearchScope { kinds: &[Kind::Article], language, reader: &search.reader, only: only.as_deref() };
        let corpus = Corpus::of(&scope.sizes(&snapshot, None));
        let terms = terms(&VisibleTerms::of(&snapshot, &scope), &typed.query, primary, synonyms, corpus.documents)?;
        let hits = search
            .meaning
            .as_ref()
            .map(|meaning| vectors.near(&snapshot, &scope, meaning, primary, QuerySource::Search))
            .unwrap_or_default();
        // Vector hits are compared with every document that has a word, however low its score.
        let min_share = if hits.is_empty() { MIN_SHARE } else { 0.0 };
        let mut found = score(&snapshot, &scope, &corpus, &terms, MAX_GRAM_WORDS, min_share)?;
        let highest = found.iter().map(ScoredDocument::sum).fold(0.0, f32::max);
        let has_words = |found: &ScoredDocument| found.sum() > 0.0 && found.sum() >= MIN_SHARE * highest;
        let nearest = nearest(&snapshot, &hits, MAX_RERANKED, |hit| hit.recent);
        let hit_of = |found: &ScoredDocument| hits.binary_search_by_key(&found.place(), VectorHit::place).ok().map(|at| hits[at]);
        let nearest_places: HashSet<(u32, u32)> = nearest.iter().map(VectorHit::place).collect();
        found.retain(|found| has_words(found) || nearest_places.contains(&found.place()));
        add_missing(&mut found, &nearest);
        if language.is_none() {
            found = once_each(&snapshot, found, |found| hit_of(found).map_or(0.0, |hit| hit.recent));
        }
        let is_hit =
            |found: &ScoredDocument| has_words(found) || hit_of(found).is_some_and(|hit| hit.likeness * hit.trust >= MIN_SIMILARITY);
        let total = found.iter().filter(|found| is_hit(found)).count();
        if total == 0 {
            continue;
        }
        let end = search.offset + search.limit;
        let mut ranked = rank(&snapshot, &corpus, found, (vectors, &hits, &nearest_places, primary), &terms, &typed.query.pairs, end)?;
        ranked.retain(|ranked| is_hit(&ranked.found));
        let highlighter = Highlighter::new(&typed.query, &terms);
        let best = corpus.max_score(&terms);
        let mut hits = Vec::new();
        let mut confidence_so_far = 1.0_f64;
        for (place, Ranked { found, .. }) in ranked.into_iter().enumerate().take(end) {
            // A lower rank never has a higher confidence.
            let by_words = confidence(found.words, best);
            confidence_so_far = confidence_so_far.min(hit_of(&found).map_or(by_words, |hit| hit.confidence(by_words)));
            if place < search.offset {
                continue;
            }
            let document = snapshot.read(found.segment, found.doc)?;
            let language = document.language.primary();
            let title = highlighter.mark(&document.title, language);
            let snippet = highlighter.snippet(&document.body, language);
            hits.push(Hit { score: confidence_so_far, title, snippet, document });
        }
        let corrected = corrected(&search.query, &typed, &terms, &hits);
        return Ok(Hits { hits, total, corrected });
    }
    Ok(Hits::default())
}

/// Adds vector hits that have none of the words.
fn add_missing(found: &mut Vec<ScoredDocument>, nearest: &[VectorHit]) {
    let present: HashSet<(u32, u32)> = found.iter().map(ScoredDocument::place).collect();
    let missing = nearest.iter().filter(|hit| !present.contains(&hit.place()));
    found.extend(missing.map(|hit| ScoredDocument { segment: hit.segment, doc: hit.doc, words: 0.0, grams: 0.0 }));
}

/// Keeps one version of a document that was found in several foreign languages: the one that scores best.
fn once_each(snapshot: &IndexSnapshot, mut found: Vec<ScoredDocument>, nearness: impl Fn(&ScoredDocument) -> f32) -> Vec<ScoredDocument> {
    found.sort_by(|one, other| other.sum().total_cmp(&one.sum()).then(nearness(other).total_cmp(&nearness(one))));
    let mut seen: HashSet<u64> = HashSet::new();
    found.retain(|found| seen.insert(snapshot.id(found.segment, found.doc)));
    found.sort_by_key(|found| (found.segment, found.doc));
    found
}

/// Ranks the documents found, reranking the best of them. At least the first `end` are in their final order.
fn rank(
    snapshot: &IndexSnapshot,
    corpus: &Corpus,
    found: Vec<ScoredDocument>,
    (vectors, hits, nearest_places, language): (&Vectors, &[VectorHit], &HashSet<(u32, u32)>, &str),
    terms: &[Term],
    pairs: &[(usize, usize, f32)],
    end: usize,
) -> tantivy::Result<Vec<Ranked>> {
    let by_rank = |one: &Ranked, other: &Ranked| {
        by_rank(snapshot, (one.rank, one.found.segment, one.found.doc), (other.rank, other.found.segment, other.found.doc))
    };
    let (mut ranked, mut rest) = (Vec::new(), Vec::new());
    for found in found {
        let document = Ranked { rank: found.sum(), found };
        if nearest_places.contains(&found.place()) { ranked.push(document) } else { rest.push(document) }
    }
    let max_kept = end.max(MAX_RERANKED);
    if rest.len() > max_kept {
        rest.select_nth_unstable_by(max_kept, by_rank);
        rest.truncate(max_kept);
    }
    rest.sort_by(by_rank);
    ranked.extend(rest.drain(..rest.len().min(MAX_RERANKED)));
    ranked.sort_by_key(|ranked| ranked.found.place());
    let places: Vec<(u32, u32)> = ranked.iter().map(|ranked| ranked.found.place()).collect();
    let best = ranked.iter().map(|ranked| ranked.found.sum()).fold(0.0, f32::max);
    let reranked_each = rerank(snapshot, corpus, &places, terms, pairs)?;
    let whole: Vec<f32> = ranked
        .iter()
        .zip(&reranked_each)
        .map(|(ranked, reranked)| ranked.rank + reranked.pairs + TITLE_GAIN * best * reranked.title)
        .collect();
    let passages: Vec<f32> = reranked_each.iter().map(|reranked| reranked.passages).collect();
    let share = corpus.passages_share() * deviation(&whole) / deviation(&passages);
    for ((ranked, whole), passages) in ranked.iter_mut().zip(whole).zip(passages) {
        ranked.rank = whole + share * passages;
    }
    if !hits.is_empty() {
        let words: Vec<f32> = ranked.iter().map(|ranked| ranked.rank).collect();
        let nearness: Vec<Option<f32>> =
            places.iter().map(|place| hits.binary_search_by_key(place, VectorHit::place).ok().map(|at| hits[at].recent)).collect();
        for (ranked, gain) in ranked.iter_mut().zip(vectors.gains(language, QuerySource::Search, VECTOR_WEIGHT, &words, &nearness)) {
            ranked.rank += gain;
        }
    }
    ranked.sort_by(by_rank);
    ranked.extend(rest);
    Ok(ranked)
}

/// Returns the query with its misspelt words corrected to words of the hits, as the hits write them. A word that no hit has a correction
/// for stays as it was typed.
fn corrected(query: &str, typed: &Typed, terms: &[Term], hits: &[Hit]) -> String {
    let corrections_by_word: Vec<(&str, &[String])> = (typed.query.words.iter().zip(terms))
        .filter(|(_, term)| !term.corrections.is_empty())
        .map(|(word, term)| (word.word.folded(), term.corrections.as_slice()))
        .collect();
    if corrections_by_word.is_empty() {
        return String::new();
    }
    let end: HashSet<&String> = corrections_by_word.iter().flat_map(|(_, corrections)| *corrections).collect();
    let mut beginnings = Beginnings::default();
    end.iter().for_each(|key| beginnings.add(key));
    // Corrections by the word itself, and by its stems: of a stem's words the shortest is taken.
    let (mut whole, mut forms): (HashMap<String, String>, HashMap<String, String>) = Default::default();
    for hit in hits {
        if corrections_by_word.iter().all(|(_, corrections)| whole.contains_key(&corrections[0])) {
            break;
        }
        let language = hit.document.language.primary();
        for word in [&hit.document.title, &hit.document.body].into_iter().flat_map(|text| words_beginning(text, language, &beginnings)) {
            let written = || word.accented().unwrap_or(word.folded()).to_owned();
            for (number, key) in word.keys().iter().enumerate().filter(|(_, key)| end.contains(key)) {
                if number == 0 {
                    whole.entry(key.clone()).or_insert_with(written);
                } else if forms.get(key).is_none_or(|form| word.folded().len() < form.len()) {
                    forms.insert(key.clone(), written());
                }
            }
        }
    }
    let fix = |corrections: &[String]| -> Option<String> {
        let of = |known: &HashMap<String, String>| corrections.iter().find_map(|key| known.get(key).cloned());
        of(&whole).or_else(|| of(&forms))
    };
    let fixes: HashMap<&str, String> =
        corrections_by_word.iter().filter_map(|(word, corrections)| Some((*word, fix(corrections)?))).collect();
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
