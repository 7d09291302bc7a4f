//! Full-text and vector search of articles.

pub mod accumulator;
pub mod bm25f;
pub mod candidates;
pub mod categories;
pub mod compounds;
pub mod conversation;
pub mod corpus;
pub mod correction;
pub mod evidence;
pub mod expansion;
pub mod half_words;
pub mod highlight;
pub mod idf;
pub mod intent_match;
pub mod lookup;
pub mod near_match;
pub mod openers;
pub mod openings;
pub mod phrases;
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
pub mod title;
pub mod visible_terms;
pub mod written;

use std::collections::HashSet;

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
            candidates::{add_missing, by_rank, nearest, once_each, only},
            corpus::Corpus,
            correction::corrected,
            half_words::is_half,
            highlight::{Highlighter, Segment},
            openings::Openings,
            query::{Query, Typed},
            rerank::rerank,
            synonyms::Synonyms,
            terms::{Term, terms},
            visible_terms::VisibleTerms,
        },
        statistics::{confidence, deviation},
        vectors::{Meaning, VectorHit, Vectors},
    },
    spelling::{Dictionaries, is_key_slip},
    text::{Language, lookup},
};

/// Most documents that are reranked.
const MAX_RERANKED: usize = 100;
/// A document that scores less than this share of the best one is not a hit: it has none of the query's informative words.
const MIN_SHARE: f32 = 0.2;
/// A document with less than this share of the query's information (the idf of its words that are not common) is not a hit.
const MIN_FOUND: f32 = 0.2;
/// The share from which a hit is good: without one, all languages are searched.
const GOOD_SHARE: f32 = 0.5;
/// What the words that a document has tell of its confidence, beside how often and how prominently it has them.
const PRESENT: f64 = 0.5;
/// The boost of a title that has every word, as a share of the best document's score.
pub const TITLE_GAIN: f32 = 0.5;
/// Most words of a query whose character n-grams are scored.
const MAX_GRAM_WORDS: usize = 24;
/// Weight of the vector score against the word score, in standard deviations of each. (1 to 1.5 did best on public tasks with a small
/// model.)
const VECTOR_WEIGHT: f32 = 1.2;
/// Least similarity to the query of a hit that has none of its words.
const MIN_SIMILARITY: f32 = 0.4;

/// The least match of a title that may be the query, and most titles that are compared with it.
const MIN_TITLE_MATCH: f32 = 0.75;
const MAX_TITLES: usize = 20;

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
    /// How well its title matches, from 0 to 1.
    title: f32,
}

/// What the documents of a scope have for a query.
struct Results {
    corpus: Corpus,
    terms: Vec<Term>,
    vector_hits: Vec<VectorHit>,
    nearest_places: HashSet<(u32, u32)>,
    found: Vec<ScoredDocument>,
    /// The share of the query's information that the best document has.
    best_share: f32,
    /// Whether only documents in the page's language were searched.
    is_own: bool,
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

/// Searches articles. Those in the page's language come first; all languages are searched when it has no good hit, and theirs are returned
/// where they have a better one.
pub fn search(
    index: &Index,
    synonyms: &Synonyms,
    (vectors, openings): (&Vectors, &Openings),
    dictionaries: Option<&Dictionaries>,
    search: &Search,
) -> Result<Hits, KnowledgeError> {
    let snapshot = index.snapshot();
    let languages = snapshot.languages(&[Kind::Article], &search.reader);
    let primary = search.language.primary();
    let typed = Typed::read(&search.query, primary);
    if typed.query.words.is_empty() {
        return Ok(Hits::default());
    }
    let only = only(&snapshot, &search.category, &search.tags, &typed)?;
    // All regions of the page's language are one: an article for Austria hides none of the others.
    let family = search.language.without_region();
    let sister = || lookup(&search.language, languages.iter()).cloned();
    let is_there = languages.iter().any(|language| family.covers(language));
    let family = if is_there { family } else { sister().unwrap_or(family) };
    let is_own = |language: &Language| family.covers(language);
    let in_language = |language: Option<&Language>| -> Result<Results, KnowledgeError> {
        let scope = SearchScope { kinds: &[Kind::Article], language, reader: &search.reader, only: only.as_deref() };
        results(&snapshot, &scope, synonyms, (vectors, openings), dictionaries, search, &typed)
    };
    let own = if languages.iter().any(|language| family.covers(language)) { Some(in_language(Some(&family))?) } else { None };
    let has_good = own.as_ref().is_some_and(|own| own.best_share >= GOOD_SHARE && !own.found.is_empty());
    let all = if has_good || languages.iter().all(is_own) { None } else { Some(in_language(None)?) };
    let results = match (own, all) {
        (Some(own), Some(all)) if own.found.is_empty() || all.best_share > own.best_share => all,
        (Some(own), _) => own,
        (None, Some(all)) => all,
        (None, None) => return Ok(Hits::default()),
    };
    present(&snapshot, vectors, search, &typed, results)
}

/// Finds the documents of a scope that are hits.
fn results(
    snapshot: &IndexSnapshot,
    scope: &SearchScope<'_>,
    synonyms: &Synonyms,
    (vectors, openings): (&Vectors, &Openings),
    dictionaries: Option<&Dictionaries>,
    search: &Search,
    typed: &Typed,
) -> Result<Results, KnowledgeError> {
    let primary = search.language.primary();
    let corpus = Corpus::of(&scope.sizes(snapshot, None));
    let within = VisibleTerms::of(snapshot, scope).with_openings(openings);
    let mut expanded = terms(&within, &typed.query, primary, synonyms, corpus.documents)?;
    // A dictionary is read only where a word seems to be misspelt.
    if let Some(query) = dictionaries.and_then(|dictionaries| with_right_words(&typed.query, &expanded, dictionaries, &search.language)) {
        expanded = terms(&within, &query, primary, synonyms, corpus.documents)?;
    }
    let terms = expanded;
    let near = |meaning: &Meaning| vectors.near(snapshot, scope, meaning, primary);
    let vector_hits = search.meaning.as_ref().map(near).unwrap_or_default();
    // Vector hits are compared with every document that has a word, however low its score.
    let min_share = if vector_hits.is_empty() { MIN_SHARE } else { 0.0 };
    let mut found = score(snapshot, scope, &corpus, &terms, MAX_GRAM_WORDS, min_share)?;
    let highest = found.iter().map(ScoredDocument::sum).fold(0.0, f32::max);
    let information = terms.iter().map(Term::information).sum::<f32>().max(f32::MIN_POSITIVE);
    let has_words =
        |found: &ScoredDocument| found.sum() > 0.0 && found.sum() >= MIN_SHARE * highest && found.found >= MIN_FOUND * information;
    let nearest = nearest(snapshot, &vector_hits, MAX_RERANKED, |hit| hit.recent);
    let hit_of = |found: &ScoredDocument| vector_hits.binary_search_by_key(&found.place(), VectorHit::place).ok().map(|at| vector_hits[at]);
    let is_hit = |found: &ScoredDocument| has_words(found) || hit_of(found).is_some_and(|hit| hit.likeness * hit.trust >= MIN_SIMILARITY);
    add_missing(&mut found, &nearest);
    found.retain(is_hit);
    found.sort_by_key(ScoredDocument::place);
    let found = once_each(snapshot, found, &search.language, |found| hit_of(found).map_or(0.0, |hit| hit.recent));
    // By meaning alone a hit is as good as it is like the query.
    let goodness = |found: &ScoredDocument| {
        let by_meaning = hit_of(found).map_or(0.0, |hit| hit.likeness * hit.trust);
        by_meaning.max(found.found / information)
    };
    let best_share = found.iter().map(goodness).fold(0.0, f32::max);
    let nearest_places = nearest.iter().map(VectorHit::place).collect();
    Ok(Results { corpus, terms, vector_hits, nearest_places, found, best_share, is_own: scope.language.is_some() })
}

/// Returns the query with the words marked that a dictionary has, of those that seem to be misspelt: they are unknown here, not wrong, unless
/// the key beside the right one makes them (`largo`, `kargo`). `None` if there are none.
fn with_right_words(query: &Query, terms: &[Term], dictionaries: &Dictionaries, language: &Language) -> Option<Query> {
    let mut marked = query.clone();
    for (word, term) in marked.words.iter_mut().zip(terms) {
        let lower = word.word.accented().unwrap_or(word.word.folded());
        let is_slip = |meant: &String| is_key_slip(language.primary(), word.word.folded(), meant);
        let seems_wrong = !word.half && term.corrections.first().is_some_and(|meant| !is_slip(meant));
        word.is_right = seems_wrong && dictionaries.knows(language.as_str(), lower);
    }
    marked.words.iter().any(|word| word.is_right).then_some(marked)
}

/// Ranks what was found, and reads the page of it that was asked for.
fn present(snapshot: &IndexSnapshot, vectors: &Vectors, search: &Search, typed: &Typed, results: Results) -> Result<Hits, KnowledgeError> {
    let Results { corpus, terms, vector_hits, nearest_places, found, is_own, .. } = results;
    let total = found.len();
    let end = search.offset + search.limit;
    let meaning = ByMeaning { vectors, hits: &vector_hits, nearest: &nearest_places, language: search.language.primary(), is_own };
    let mut ranked = rank(snapshot, &corpus, found, meaning, &terms, &typed.query.pairs, end)?;
    exact_titles_first(snapshot, &typed.query, &mut ranked)?;
    let hit_of = |found: &ScoredDocument| vector_hits.binary_search_by_key(&found.place(), VectorHit::place).ok().map(|at| vector_hits[at]);
    let highlighter = Highlighter::new(&typed.query, &terms);
    let best = corpus.max_score(&terms);
    let information: f32 = terms.iter().map(Term::information).sum();
    let mut hits = Vec::new();
    let mut confidence_so_far = 1.0_f64;
    for (place, Ranked { found, .. }) in ranked.into_iter().enumerate().take(end) {
        // A lower rank never has a higher confidence. What is found by parts of words alone has some.
        let by_words = confidence(found.words, best).max(confidence(found.found, information) * PRESENT);
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
    let shown: Vec<&Document> = hits.iter().map(|hit| &hit.document).collect();
    let corrected = corrected(&search.query, typed, search.language.primary(), &terms, &shown);
    Ok(Hits { hits, total, corrected })
}

/// What a search found by meaning.
struct ByMeaning<'a> {
    vectors: &'a Vectors,
    /// Every document that was compared.
    hits: &'a [VectorHit],
    /// Those that are reranked whatever their words.
    nearest: &'a HashSet<(u32, u32)>,
    /// The query's language, and whether only documents in it were searched: others say nothing of how well the model knows it.
    language: &'a str,
    is_own: bool,
}

/// Ranks the documents found, reranking the best of them. At least the first `end` are in their final order.
fn rank(
    snapshot: &IndexSnapshot,
    corpus: &Corpus,
    found: Vec<ScoredDocument>,
    ByMeaning { vectors, hits, nearest, language, is_own }: ByMeaning<'_>,
    terms: &[Term],
    pairs: &[(usize, usize, f32)],
    end: usize,
) -> tantivy::Result<Vec<Ranked>> {
    let by_rank = |one: &Ranked, other: &Ranked| {
        by_rank(snapshot, (one.rank, one.found.segment, one.found.doc), (other.rank, other.found.segment, other.found.doc))
    };
    let (mut ranked, mut rest) = (Vec::new(), Vec::new());
    for found in found {
        let document = Ranked { rank: found.sum(), title: 0.0, found };
        if nearest.contains(&found.place()) { ranked.push(document) } else { rest.push(document) }
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
    for (((ranked, whole), passages), reranked) in ranked.iter_mut().zip(whole).zip(passages).zip(&reranked_each) {
        ranked.rank = whole + share * passages;
        ranked.title = reranked.title;
    }
    if !hits.is_empty() {
        let words: Vec<f32> = ranked.iter().map(|ranked| ranked.rank).collect();
        let nearness: Vec<Option<f32>> =
            places.iter().map(|place| hits.binary_search_by_key(place, VectorHit::place).ok().map(|at| hits[at].recent)).collect();
        if is_own {
            vectors.observe(language, &words, &nearness);
        }
        for (ranked, gain) in ranked.iter_mut().zip(vectors.gains(language, VECTOR_WEIGHT, &words, &nearness)) {
            ranked.rank += gain;
        }
    }
    ranked.sort_by(by_rank);
    ranked.extend(rest);
    Ok(ranked)
}

/// Moves the documents whose title is the query to the front: first those that have it as typed, then those that have other forms of its
/// words.
fn exact_titles_first(snapshot: &IndexSnapshot, query: &Query, ranked: &mut [Ranked]) -> Result<(), KnowledgeError> {
    let mut exactness = vec![0_u8; ranked.len()];
    let may_be: Vec<usize> = (0..ranked.len()).filter(|place| ranked[*place].title >= MIN_TITLE_MATCH).take(MAX_TITLES).collect();
    for place in may_be {
        let document = snapshot.read(ranked[place].found.segment, ranked[place].found.doc)?;
        exactness[place] = title::exactness(query, &document.title, document.language.primary());
    }
    if exactness.iter().any(|exact| *exact > 0) {
        let mut order: Vec<usize> = (0..ranked.len()).collect();
        order.sort_by_key(|place| std::cmp::Reverse(exactness[*place]));
        let sorted: Vec<Ranked> = order.into_iter().map(|place| ranked[place]).collect();
        ranked.copy_from_slice(&sorted);
    }
    Ok(())
}
