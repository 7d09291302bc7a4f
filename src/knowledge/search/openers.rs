//! Openers: canned answers for a chat's beginning.

use std::collections::HashMap;

use tantivy::{DocSet, TERMINATED, query::EnableScoring};

use crate::knowledge::{
    error::KnowledgeError,
    index::{scope::SearchScope, snapshot::IndexSnapshot},
    search::{
        candidates::{Candidate, sort_by_rank, term},
        conversation::ConversationTerms,
        highlight::Highlighter,
        rank::rank_documents,
        synonyms::Synonyms,
    },
    vectors::Vectors,
};

/// Returns every opener, the best match for the page first: each of them may open a chat, so the match only orders them.
pub fn openers(
    snapshot: &IndexSnapshot,
    scope: &SearchScope<'_>,
    terms: &ConversationTerms,
    language: &str,
    synonyms: &Synonyms,
) -> Result<(Vec<Candidate>, Highlighter), KnowledgeError> {
    let (found, highlighter) = rank_documents(snapshot, scope, terms, (&Vectors::default(), Vec::new()), language, synonyms)?;
    let confidence: HashMap<(u32, u32), f64> =
        found.into_iter().map(|candidate| ((candidate.segment, candidate.doc), candidate.confidence)).collect();
    let weight = term(snapshot.fields.tag, "opener").weight(EnableScoring::disabled_from_searcher(&snapshot.searcher))?;
    let mut candidates = Vec::new();
    for (number, segment) in snapshot.searcher.segment_readers().iter().enumerate() {
        let mut documents = weight.scorer(segment, 1.0)?;
        while documents.doc() != TERMINATED {
            let place = (number as u32, documents.doc());
            if scope.takes(snapshot, number, place.1) {
                let confidence = confidence.get(&place).copied().unwrap_or_default();
                candidates.push(Candidate {
                    segment: place.0,
                    doc: place.1,
                    rank: confidence as f32,
                    confidence: 0.5 + confidence / 2.0,
                    chats: 0,
                    fits_state: false,
                    asked: None,
                });
            }
            documents.advance();
        }
    }
    sort_by_rank(snapshot, &mut candidates);
    Ok((candidates, highlighter))
}
