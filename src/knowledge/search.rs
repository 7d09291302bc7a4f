//! Searching: articles for people who type, documents for a conversation.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use tantivy::{
    DocAddress, Searcher, TantivyDocument,
    collector::{Count, TopDocs},
    query::{BooleanQuery, Occur, Query},
    schema::Value,
};

use super::{
    Document, Kind, KnowledgeError,
    index::{Fields, Index, shortcut_key},
    query::{Built, QueryWord, Reader, bounds, languages, must, typed_words, weighted_words},
    snippet::{Marker, Segment},
};
use crate::text::{Id, Language, lookup};

/// What a clause alone says counts a little less than the whole.
const CLAUSE_SHARE: f64 = 0.8;
/// A document in another language is worth less to whoever can't read it.
const FOREIGN_SHARE: f64 = 0.5;
/// Openers that may stand among the best answers and are passed over.
const MOST_OPENERS: usize = 4;
/// How fast a confidence nears 1.
const STEEPNESS: f64 = 1.6;

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
}

/// What is looked for in a conversation.
#[derive(Debug, Clone)]
pub enum Wanted {
    /// Pieces of the conversation, with weights, and the clauses of what was asked last. A document that answers one clause well fits,
    /// however much was said around it.
    Conversation { pieces: Vec<(String, f32)>, clauses: Vec<String> },
    /// What the agent typed.
    Typed(String),
    /// A shortcut, or its beginning, without the slash.
    Shortcut(String),
    /// Openers for a page, of which this is known.
    Opener(String),
}

/// What is looked for, and by whom.
#[derive(Debug, Clone)]
pub struct OfferQuery {
    pub wanted: Wanted,
    pub kinds: Vec<Kind>,
    pub language: Language,
    pub reader: Reader,
    pub limit: usize,
    /// From 0 to 1: what fits less is not offered.
    pub threshold: f64,
}

/// A document offered for a conversation.
#[derive(Debug, Clone)]
pub struct Offer {
    pub document: Document,
    /// From 0 to 1.
    pub score: f64,
    /// The words of the document that were looked for, as they stand in it.
    pub matched: Vec<String>,
    /// An article's best passage; a canned answer's body.
    pub passage: String,
    pub marker: Arc<Marker>,
}

impl std::fmt::Debug for Marker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Marker")
    }
}

/// Searches articles. Those in the page's language come first; others fill up only when there are none.
pub fn search(index: &Index, synonyms: &Synonyms, search: &Search) -> Result<Hits, KnowledgeError> {
    let searcher = index.searcher();
    let fields = index.fields;
    let there = languages(&searcher, fields)?;
    let own = lookup(&search.language, there.iter());
    let query = synonyms.add(typed_words(&search.query, search.language.primary()), search.language.primary());
    if query.is_empty() {
        return Ok(Hits::default());
    }
    let built = Built::new(&searcher, fields, &query)?;
    let marker = Marker::new(&query);
    for language in own.map(Some).into_iter().chain([None]) {
        let mut filter = bounds(fields, Kind::Article, &search.reader, language);
        if !search.category.is_empty() {
            filter.push(must(fields.category, &search.category));
        }
        filter.extend(search.tags.iter().map(|tag| must(fields.tag, tag)));
        // Half of the words, else any: a long question rarely finds all of its words in one text.
        for least in [built.len().div_ceil(2), 1] {
            let top = TopDocs::with_limit(search.limit).and_offset(search.offset).order_by_score();
            let (found, total) = searcher.search(&built.at_least(least, &filter), &(top, Count))?;
            if total > 0 {
                let mut hits = Vec::with_capacity(found.len());
                for (score, address) in found {
                    let document = read(&searcher, fields, address)?;
                    let language = document.language.primary();
                    let title = marker.mark(&document.title, language);
                    let snippet = marker.snippet(&document.body, language);
                    hits.push(Hit { score: confidence(score, built.best), title, snippet, document });
                }
                return Ok(Hits { hits: if language.is_none() { once_each(hits) } else { hits }, total });
            }
        }
    }
    Ok(Hits::default())
}

/// A document found in two foreign languages is shown once.
fn once_each(hits: Vec<Hit>) -> Vec<Hit> {
    let mut seen: HashSet<Id> = HashSet::new();
    hits.into_iter().filter(|hit| seen.insert(hit.document.id.clone())).collect()
}

/// Ranks documents for a conversation: those in its language first, then others whose document is not there yet; none under the
/// threshold.
pub fn offer(index: &Index, synonyms: &Synonyms, query: &OfferQuery) -> Result<Vec<Offer>, KnowledgeError> {
    let searcher = index.searcher();
    let there = languages(&searcher, index.fields)?;
    let own = lookup(&query.language, there.iter());
    let words = synonyms.add(query.words(), query.language.primary());
    let marker = Arc::new(Marker::new(&words));
    let questions = questions(&searcher, index.fields, synonyms, query, &words)?;
    let mut offers: Vec<Offer> = Vec::new();
    let mut seen: HashSet<(Kind, Id)> = HashSet::new();
    for (language, share) in own.map(|own| (Some(own), 1.0)).into_iter().chain([(None, FOREIGN_SHARE)]) {
        if offers.len() >= query.limit {
            break;
        }
        let mut found: Vec<Found> = Vec::new();
        for kind in &query.kinds {
            found.extend(candidates(&searcher, index.fields, query, &questions, *kind, language)?);
        }
        found.retain(|(score, _)| *score * share >= query.threshold);
        found.sort_by(|one, other| other.0.total_cmp(&one.0).then_with(|| one.1.cmp(&other.1)));
        for (score, address) in found {
            if offers.len() == query.limit {
                break;
            }
            let document = read(&searcher, index.fields, address)?;
            if query.wanted.takes(&document) && seen.insert((document.kind(), document.id.clone())) {
                offers.push(Offer::of(document, score * share, &marker));
            }
        }
    }
    Ok(offers)
}

impl OfferQuery {
    fn words(&self) -> Vec<QueryWord> {
        let language = self.language.primary();
        match &self.wanted {
            Wanted::Conversation { pieces, .. } => weighted_words(pieces, language),
            Wanted::Typed(text) => typed_words(text, language),
            Wanted::Opener(page) => weighted_words(&[(page.clone(), 1.0)], language),
            Wanted::Shortcut(_) => Vec::new(),
        }
    }
}

impl Wanted {
    /// An opener is for openings: in the middle of a chat it is filler.
    fn takes(&self, document: &Document) -> bool {
        !matches!(self, Wanted::Conversation { .. }) || !document.is_opener()
    }
}

impl Offer {
    fn of(document: Document, score: f64, marker: &Arc<Marker>) -> Offer {
        let language = document.language.primary();
        let text = format!("{} {} {}", document.title, document.tags.join(" "), document.body);
        let passage = match document.kind() {
            Kind::Article => marker.best_passage(&document.body, language),
            Kind::CannedAnswer => document.body.clone(),
        };
        Offer { score, matched: marker.matched_words(&text, language), passage, marker: Arc::clone(marker), document }
    }
}

/// A document that was found, with how well it fits. Its text is read only if it is offered.
type Found = (f64, DocAddress);

type Filter = [(Occur, Box<dyn Query>)];

/// Words that are looked for together, and what finding them counts.
struct Question {
    built: Built,
    share: f64,
}

/// What is asked of every kind and language: all of the words and, for a conversation, each clause for itself.
fn questions(
    searcher: &Searcher,
    fields: Fields,
    synonyms: &Synonyms,
    query: &OfferQuery,
    words: &[QueryWord],
) -> Result<Vec<Question>, KnowledgeError> {
    let mut questions = vec![Question { built: Built::new(searcher, fields, words)?, share: 1.0 }];
    if let Wanted::Conversation { clauses, .. } = &query.wanted {
        let language = query.language.primary();
        for clause in clauses {
            let words = synonyms.add(weighted_words(&[(clause.clone(), 1.0)], language), language);
            questions.push(Question { built: Built::new(searcher, fields, &words)?, share: CLAUSE_SHARE });
        }
    }
    Ok(questions)
}

/// The documents of one kind, in one language or any.
fn candidates(
    searcher: &Searcher,
    fields: Fields,
    query: &OfferQuery,
    questions: &[Question],
    kind: Kind,
    language: Option<&Language>,
) -> Result<Vec<Found>, KnowledgeError> {
    let filter = bounds(fields, kind, &query.reader, language);
    match &query.wanted {
        Wanted::Shortcut(_) | Wanted::Opener(_) if kind == Kind::Article => Ok(Vec::new()),
        Wanted::Shortcut(typed) => by_shortcut(searcher, fields, &filter, typed, query.limit),
        Wanted::Opener(_) => openers(searcher, fields, filter, questions, query.limit),
        Wanted::Typed(_) | Wanted::Conversation { .. } => best(searcher, &filter, questions, query.limit + MOST_OPENERS),
    }
}

/// The best answers to any of the questions, each document once.
fn best(searcher: &Searcher, filter: &Filter, questions: &[Question], limit: usize) -> Result<Vec<Found>, KnowledgeError> {
    let mut found: HashMap<DocAddress, f64> = HashMap::new();
    for Question { built, share } in questions.iter().filter(|question| question.built.len() > 0) {
        for (score, address) in searcher.search(&built.at_least(1, filter), &TopDocs::with_limit(limit).order_by_score())? {
            let fit = found.entry(address).or_default();
            *fit = fit.max(confidence(score, built.best) * share);
        }
    }
    Ok(found.into_iter().map(|(address, fit)| (fit, address)).collect())
}

/// Canned answers whose shortcut is, or begins with, what was typed; the exact one first.
fn by_shortcut(searcher: &Searcher, fields: Fields, filter: &Filter, typed: &str, limit: usize) -> Result<Vec<Found>, KnowledgeError> {
    let typed = shortcut_key(typed);
    let mut shortcuts: Vec<String> = Vec::new();
    for segment in searcher.segment_readers() {
        let index = segment.inverted_index(fields.shortcut)?;
        let mut terms = index.terms().range().ge(typed.as_bytes()).into_stream().map_err(tantivy::TantivyError::from)?;
        while terms.advance() && terms.key().starts_with(typed.as_bytes()) && shortcuts.len() < limit * 8 {
            let shortcut = String::from_utf8_lossy(terms.key()).into_owned();
            if !shortcut.is_empty() && !shortcuts.contains(&shortcut) {
                shortcuts.push(shortcut);
            }
        }
    }
    let mut found = Vec::new();
    for shortcut in shortcuts {
        let mut clauses: Vec<(Occur, Box<dyn Query>)> = filter.iter().map(|(occur, clause)| (*occur, clause.box_clone())).collect();
        clauses.push(must(fields.shortcut, &shortcut));
        let score = typed.len().max(1) as f64 / shortcut.len().max(1) as f64;
        for (_, address) in searcher.search(&BooleanQuery::new(clauses), &TopDocs::with_limit(limit).order_by_score())? {
            found.push((score, address));
        }
    }
    Ok(found)
}

/// Every opener, those that fit the page first: each of them may open a chat, so the fit orders them, no more.
fn openers(
    searcher: &Searcher,
    fields: Fields,
    mut filter: Vec<(Occur, Box<dyn Query>)>,
    questions: &[Question],
    limit: usize,
) -> Result<Vec<Found>, KnowledgeError> {
    filter.push(must(fields.tag, "opener"));
    let mut found = best(searcher, &filter, questions, limit)?;
    for (_, address) in searcher.search(&BooleanQuery::new(filter), &TopDocs::with_limit(limit).order_by_score())? {
        if !found.iter().any(|(_, known)| *known == address) {
            found.push((0.0, address));
        }
    }
    Ok(found.into_iter().map(|(fit, address)| (0.5 + fit / 2.0, address)).collect())
}

/// A score as a share of the most that the query could bring, bent so that it stays under 1 and keeps the order.
fn confidence(score: f32, best: f32) -> f64 {
    if best > 0.0 { 1.0 - (-STEEPNESS * f64::from(score / best)).exp() } else { 0.0 }
}

fn read(searcher: &Searcher, fields: Fields, address: DocAddress) -> Result<Document, KnowledgeError> {
    let stored: TantivyDocument = searcher.doc(address)?;
    let source = stored.get_first(fields.source).and_then(|value| value.as_str()).unwrap_or_default();
    Ok(serde_json::from_str(source)?)
}

/// Words that mean the same, by language.
#[derive(Debug, Default)]
pub struct Synonyms(std::collections::BTreeMap<String, Vec<Vec<String>>>);

impl Synonyms {
    pub fn new(groups: std::collections::BTreeMap<String, Vec<Vec<String>>>) -> Synonyms {
        Synonyms(groups)
    }

    /// Gives each word the other single words of its group.
    fn add(&self, mut query: Vec<QueryWord>, language: &str) -> Vec<QueryWord> {
        let Some(groups) = self.0.get(language) else { return query };
        for word in &mut query {
            let group = groups.iter().find(|group| group.iter().any(|synonym| word.word.keys.contains(synonym)));
            let others = group.into_iter().flatten().filter(|other| !other.contains(' ') && !word.word.keys.contains(other));
            word.synonyms = others.cloned().collect();
        }
        query
    }
}
