//! Openers: canned answers for a chat's beginning.

use std::collections::HashMap;

use tantivy::{DocSet, TERMINATED, query::EnableScoring};

use crate::knowledge::index::scope::SearchScope;
use crate::knowledge::{
    error::KnowledgeError,
    index::snapshot::IndexSnapshot,
    search::{
        candidates::{Candidate, sort_by_rank, term},
        conversation::{ConversationTerms, fitting},
        highlight::Highlighter,
        synonyms::Synonyms,
    },
    vectors::Vectors,
};

/// Every opener, those that fit the page first: each of them may open a chat, so the fit orders them, no more.
pub fn openers(
    view: &IndexSnapshot,
    scope: &SearchScope<'_>,
    asked: &ConversationTerms,
    language: &str,
    synonyms: &Synonyms,
) -> Result<(Vec<Candidate>, Highlighter), KnowledgeError> {
    let (found, marker) = fitting(view, scope, asked, (&Vectors::default(), Vec::new()), language, synonyms)?;
    let fit: HashMap<(u32, u32), f64> = found.into_iter().map(|fit| ((fit.part, fit.doc), fit.confidence)).collect();
    let weight = term(view.fields.tag, "opener").weight(EnableScoring::disabled_from_searcher(&view.searcher))?;
    let mut fits = Vec::new();
    for (number, segment) in view.searcher.segment_readers().iter().enumerate() {
        let mut documents = weight.scorer(segment, 1.0)?;
        while documents.doc() != TERMINATED {
            let place = (number as u32, documents.doc());
            if scope.takes(view, number, place.1) {
                let fit = fit.get(&place).copied().unwrap_or_default();
                fits.push(Candidate { part: place.0, doc: place.1, rank: fit as f32, confidence: 0.5 + fit / 2.0, chats: 0 });
            }
            documents.advance();
        }
    }
    sort_by_rank(view, &mut fits);
    Ok((fits, marker))
}
