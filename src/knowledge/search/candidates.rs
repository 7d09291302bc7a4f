//! Candidates of a ranking, and the filters that a query sets.

use std::{cmp::Ordering, collections::HashSet};

use tantivy::{
    BitSet, Term as IndexTerm,
    query::{BooleanQuery, EnableScoring, Occur, PhraseQuery, Query as IndexQuery, TermQuery},
    schema::{Field, IndexRecordOption},
};
use tantivy::{DocSet, TERMINATED};

use crate::{
    knowledge::{
        error::KnowledgeError,
        index::snapshot::IndexSnapshot,
        search::{
            bm25f::ScoredDocument,
            query::{Excluded, Typed},
        },
        vectors::VectorHit,
    },
    text::Language,
};

/// A ranked document, with its confidence.
pub struct Candidate {
    pub segment: u32,
    pub doc: u32,
    pub rank: f32,
    pub confidence: f64,
    pub chats: usize,
    /// Whether what the chat knows speaks for it.
    pub fits_state: bool,
    /// The number of its phrase of `asked` that is like the query, if one is.
    pub asked: Option<usize>,
}

pub fn sort_by_rank(snapshot: &IndexSnapshot, candidates: &mut [Candidate]) {
    candidates.sort_by(|one, other| by_rank(snapshot, (one.rank, one.segment, one.doc), (other.rank, other.segment, other.doc)));
}

/// A document's scores by the last turns and by the whole conversation.
#[derive(Clone, Copy)]
pub struct Near {
    pub segment: u32,
    pub doc: u32,
    pub recent: f32,
    pub recent_words: f32,
    pub whole: f32,
    /// The whole conversation's score of its category, if it has one, else of the document.
    pub matter: f32,
}

impl Near {
    /// A document that has none of the words.
    pub fn without_words((segment, doc): (u32, u32)) -> Near {
        Near { segment, doc, recent: 0.0, recent_words: 0.0, whole: 0.0, matter: 0.0 }
    }

    pub fn place(&self) -> (u32, u32) {
        (self.segment, self.doc)
    }
}

/// Merges the documents found by the last turns and by the whole conversation, each in order of segment and document id.
pub fn joined(recent: &[ScoredDocument], whole: Option<&[ScoredDocument]>) -> Vec<Near> {
    let near = |found: &ScoredDocument| Near {
        segment: found.segment,
        doc: found.doc,
        recent: found.sum(),
        recent_words: found.words,
        whole: found.sum(),
        matter: found.sum(),
    };
    let Some(whole) = whole else { return recent.iter().map(near).collect() };
    let place = |found: &ScoredDocument| (found.segment, found.doc);
    let mut joined = Vec::with_capacity(recent.len().max(whole.len()));
    let (mut recent, mut whole) = (recent.iter().peekable(), whole.iter().peekable());
    loop {
        let (one, other) = match (recent.peek(), whole.peek()) {
            (None, None) => return joined,
            (Some(one), Some(other)) if place(one) == place(other) => (recent.next(), whole.next()),
            (Some(one), Some(other)) if place(one) > place(other) => (None, whole.next()),
            (Some(_), _) => (recent.next(), None),
            (None, Some(_)) => (None, whole.next()),
        };
        let Some(first) = one.or(other) else { return joined };
        let (recent, recent_words) = one.map_or((0.0, 0.0), |one| (one.sum(), one.words));
        let whole = other.map_or(0.0, ScoredDocument::sum);
        joined.push(Near { segment: first.segment, doc: first.doc, recent, recent_words, whole, matter: whole });
    }
}

/// Returns the `limit` nearest vector hits, in no order.
pub fn nearest(snapshot: &IndexSnapshot, hits: &[VectorHit], limit: usize, nearness: impl Fn(&VectorHit) -> f32) -> Vec<VectorHit> {
    let mut nearest = hits.to_vec();
    if nearest.len() > limit {
        let nearer = |one: &VectorHit, other: &VectorHit| {
            by_rank(snapshot, (nearness(one), one.segment, one.doc), (nearness(other), other.segment, other.doc))
        };
        nearest.select_nth_unstable_by(limit, nearer);
        nearest.truncate(limit);
    }
    nearest
}

/// Compares (rank, segment, document): the higher rank first; equal ranks by the hash of their ids.
pub fn by_rank(snapshot: &IndexSnapshot, one: (f32, u32, u32), other: (f32, u32, u32)) -> Ordering {
    other.0.total_cmp(&one.0).then_with(|| snapshot.id(one.1, one.2).cmp(&snapshot.id(other.1, other.2)))
}

/// Returns the documents that pass the filters, by segment: category, tags, phrases, exclusions. `None` if there is no filter.
pub fn only(snapshot: &IndexSnapshot, category: &str, tags: &[String], typed: &Typed) -> Result<Option<Vec<BitSet>>, KnowledgeError> {
    let fields = snapshot.fields;
    let mut clauses: Vec<(Occur, Box<dyn IndexQuery>)> = Vec::new();
    if !category.is_empty() {
        clauses.push((Occur::Must, term(fields.category, category)));
    }
    clauses.extend(tags.iter().map(|tag| (Occur::Must, term(fields.tag, tag))));
    clauses.extend(typed.phrases.iter().map(|phrase| (Occur::Must, anywhere(snapshot, phrase))));
    for excluded in &typed.excluded {
        match excluded {
            Excluded::Word(keys) => clauses.extend(keys.iter().map(|key| (Occur::MustNot, anywhere(snapshot, std::slice::from_ref(key))))),
            Excluded::Phrase(phrase) => clauses.push((Occur::MustNot, anywhere(snapshot, phrase))),
        }
    }
    if clauses.is_empty() {
        return Ok(None);
    }
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, Box::new(tantivy::query::AllQuery)));
    }
    let weight = BooleanQuery::new(clauses).weight(EnableScoring::disabled_from_searcher(&snapshot.searcher))?;
    let mut only = Vec::new();
    for segment in snapshot.searcher.segment_readers() {
        let mut set = BitSet::with_max_value(segment.max_doc());
        let mut documents = weight.scorer(segment, 1.0)?;
        while documents.doc() != TERMINATED {
            set.insert(documents.doc());
            documents.advance();
        }
        only.push(set);
    }
    Ok(Some(only))
}

/// Matches adjacent folded words in names or in the body.
pub fn anywhere(snapshot: &IndexSnapshot, phrase: &[String]) -> Box<dyn IndexQuery> {
    let in_field = |field: Field| -> Box<dyn IndexQuery> {
        match phrase {
            [word] => term(field, word),
            phrase => Box::new(PhraseQuery::new(phrase.iter().map(|word| IndexTerm::from_field_text(field, word)).collect())),
        }
    };
    Box::new(BooleanQuery::union(vec![in_field(snapshot.fields.names), in_field(snapshot.fields.body)]))
}

pub fn term(field: Field, text: &str) -> Box<dyn IndexQuery> {
    Box::new(TermQuery::new(IndexTerm::from_field_text(field, text), IndexRecordOption::Basic))
}

/// Adds vector hits that have none of the words.
pub fn add_missing(found: &mut Vec<ScoredDocument>, nearest: &[VectorHit]) {
    let present: HashSet<(u32, u32)> = found.iter().map(ScoredDocument::place).collect();
    let missing = nearest.iter().filter(|hit| !present.contains(&hit.place()));
    found.extend(missing.map(|hit| ScoredDocument { segment: hit.segment, doc: hit.doc, words: 0.0, grams: 0.0, found: 0.0 }));
}

/// Keeps one version of a document that was found in several languages: in the page's own, else the one that scores best.
pub fn once_each(
    snapshot: &IndexSnapshot,
    mut found: Vec<ScoredDocument>,
    own: &Language,
    nearness: impl Fn(&ScoredDocument) -> f32,
) -> Vec<ScoredDocument> {
    let is_own = |found: &ScoredDocument| {
        let segment = &snapshot.segments[found.segment as usize];
        segment.classes[segment.class_of[found.doc as usize] as usize].language == *own
    };
    let better = |one: &ScoredDocument, other: &ScoredDocument| {
        let by_score = || other.sum().total_cmp(&one.sum()).then(nearness(other).total_cmp(&nearness(one)));
        is_own(other).cmp(&is_own(one)).then_with(by_score)
    };
    found.sort_by(better);
    let mut seen: HashSet<u64> = HashSet::new();
    found.retain(|found| seen.insert(snapshot.id(found.segment, found.doc)));
    found.sort_by_key(ScoredDocument::place);
    found
}
