//! Documents on their way to being ranked.

use std::cmp::Ordering;

use tantivy::{
    BitSet, Term as IndexTerm,
    query::{BooleanQuery, EnableScoring, Occur, PhraseQuery, Query as IndexQuery, TermQuery},
    schema::{Field, IndexRecordOption},
};
use tantivy::{DocSet, TERMINATED};

use crate::knowledge::{
    error::KnowledgeError,
    index::snapshot::IndexSnapshot,
    search::{
        bm25f::ScoredDocument,
        query::{Excluded, Typed},
    },
    vectors::VectorHit,
};

/// A document that was found, with its rank among the others and how well it fits.
pub struct Candidate {
    pub part: u32,
    pub doc: u32,
    pub rank: f32,
    pub confidence: f64,
    pub chats: usize,
}

pub fn sort_by_rank(view: &IndexSnapshot, fits: &mut [Candidate]) {
    fits.sort_by(|one, other| by_rank(view, (one.rank, one.part, one.doc), (other.rank, other.part, other.doc)));
}

/// What a document counts by the last turns, and by the whole conversation.
#[derive(Clone, Copy)]
pub struct Near {
    pub part: u32,
    pub doc: u32,
    pub recent: f32,
    pub recent_words: f32,
    pub whole: f32,
    /// What the whole conversation says for it: for its category, if it has one, else for itself.
    pub matter: f32,
}

impl Near {
    pub fn place(&self) -> (u32, u32) {
        (self.part, self.doc)
    }
}

/// Joins what was found by the last turns and by the whole conversation, each in the order of places.
pub fn joined(recent: &[ScoredDocument], whole: Option<&[ScoredDocument]>) -> Vec<Near> {
    let near = |found: &ScoredDocument| Near {
        part: found.part,
        doc: found.doc,
        recent: found.sum(),
        recent_words: found.words,
        whole: found.sum(),
        matter: found.sum(),
    };
    let Some(whole) = whole else { return recent.iter().map(near).collect() };
    let place = |found: &ScoredDocument| (found.part, found.doc);
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
        joined.push(Near { part: first.part, doc: first.doc, recent, recent_words, whole, matter: whole });
    }
}

/// As many documents as are looked at closer, those that are most likely meant, in no order.
pub fn nearest(view: &IndexSnapshot, meant: &[VectorHit], most: usize, nearness: impl Fn(&VectorHit) -> f32) -> Vec<VectorHit> {
    let mut nearest = meant.to_vec();
    if nearest.len() > most {
        let nearer = |one: &VectorHit, other: &VectorHit| {
            by_rank(view, (nearness(one), one.part, one.doc), (nearness(other), other.part, other.doc))
        };
        nearest.select_nth_unstable_by(most, nearer);
        nearest.truncate(most);
    }
    nearest
}

/// The order of rank, part and document: the better one first; of two that count the same, by the number of their ids.
pub fn by_rank(view: &IndexSnapshot, one: (f32, u32, u32), other: (f32, u32, u32)) -> Ordering {
    other.0.total_cmp(&one.0).then_with(|| view.id(one.1, one.2).cmp(&view.id(other.1, other.2)))
}

/// What must hold beside the words, by part: category, tags, phrases, exclusions. `None` if there is nothing of the kind.
pub fn only(view: &IndexSnapshot, category: &str, tags: &[String], typed: &Typed) -> Result<Option<Vec<BitSet>>, KnowledgeError> {
    let fields = view.fields;
    let mut clauses: Vec<(Occur, Box<dyn IndexQuery>)> = Vec::new();
    if !category.is_empty() {
        clauses.push((Occur::Must, term(fields.category, category)));
    }
    clauses.extend(tags.iter().map(|tag| (Occur::Must, term(fields.tag, tag))));
    clauses.extend(typed.phrases.iter().map(|phrase| (Occur::Must, anywhere(view, phrase))));
    for excluded in &typed.excluded {
        match excluded {
            Excluded::Word(keys) => clauses.extend(keys.iter().map(|key| (Occur::MustNot, anywhere(view, std::slice::from_ref(key))))),
            Excluded::Phrase(phrase) => clauses.push((Occur::MustNot, anywhere(view, phrase))),
        }
    }
    if clauses.is_empty() {
        return Ok(None);
    }
    if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
        clauses.push((Occur::Must, Box::new(tantivy::query::AllQuery)));
    }
    let weight = BooleanQuery::new(clauses).weight(EnableScoring::disabled_from_searcher(&view.searcher))?;
    let mut only = Vec::new();
    for segment in view.searcher.segment_readers() {
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

/// Folded words that stand one after the other, in names or in the body.
pub fn anywhere(view: &IndexSnapshot, phrase: &[String]) -> Box<dyn IndexQuery> {
    let in_field = |field: Field| -> Box<dyn IndexQuery> {
        match phrase {
            [word] => term(field, word),
            phrase => Box::new(PhraseQuery::new(phrase.iter().map(|word| IndexTerm::from_field_text(field, word)).collect())),
        }
    };
    Box::new(BooleanQuery::union(vec![in_field(view.fields.names), in_field(view.fields.body)]))
}

pub fn term(field: Field, text: &str) -> Box<dyn IndexQuery> {
    Box::new(TermQuery::new(IndexTerm::from_field_text(field, text), IndexRecordOption::Basic))
}
