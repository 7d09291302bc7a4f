//! Suggestions: documents ranked for a conversation, for what an agent types, for a shortcut, or for a chat's opening.

use std::{collections::HashSet, sync::Arc};

use crate::{
    ids::Id,
    knowledge::{
        documents::document::{Document, Kind},
        error::KnowledgeError,
        index::{Index, scope::SearchScope},
        search::{
            candidates::{Candidate, only},
            conversation::{ConversationTerms, rank_documents},
            highlight::Highlighter,
            openers::openers,
            query::Typed,
            shortcuts::by_shortcut,
            suggestion_query::{QueryKind, RankedDocument, SuggestionQuery},
            synonyms::Synonyms,
        },
        vectors::{self, Vectors},
    },
    text::lookup,
};

/// Weight of a document that the customer already has.
pub const KNOWN_SHARE: f32 = 0.7;

/// Documents among the best that may be skipped: openers, versions in other languages, what the customer already has.
pub const MAX_SKIPPED: usize = 10;

/// Share of the threshold that is enough for documents after one that reaches it.
pub const AFTER_SHARE: f64 = 0.4;

/// Weight of a document in another language, which its reader may not understand.
pub const FOREIGN_SHARE: f64 = 0.5;

/// Ranks documents for a conversation: those in its language first, then others whose document is not in the list yet; returns none unless
/// one reaches the threshold.
pub fn suggestions(
    index: &Index,
    synonyms: &Synonyms,
    vectors: &Vectors,
    query: &SuggestionQuery,
) -> Result<Vec<RankedDocument>, KnowledgeError> {
    let snapshot = index.snapshot();
    let there = snapshot.languages(&query.kinds, &query.reader);
    let own = lookup(&query.language, there.iter());
    let primary = query.language.primary();
    let terms = ConversationTerms::of(&query.query_kind, primary);
    let only = match &query.query_kind {
        QueryKind::Typed(text) => only(&snapshot, "", &[], &Typed::read(text, primary))?,
        _ => None,
    };
    let mut suggestions: Vec<RankedDocument> = Vec::new();
    let mut seen: HashSet<(Kind, Id)> = HashSet::new();
    for (language, share) in own.map(|own| (Some(own), 1.0)).into_iter().chain([(None, FOREIGN_SHARE)]) {
        if suggestions.len() >= query.limit || (language.is_none() && own.is_some() && there.len() == 1) {
            break;
        }
        let scope = SearchScope { kinds: &query.kinds, language, reader: &query.reader, only: only.as_deref() };
        let (candidates, highlighter) = match &query.query_kind {
            QueryKind::Shortcut(typed) => (by_shortcut(&snapshot, &scope, typed)?, Highlighter::default()),
            QueryKind::Opener(_) => openers(&snapshot, &scope, &terms, primary, synonyms)?,
            QueryKind::Typed(_) | QueryKind::Conversation(_) => {
                let hits = query
                    .meaning
                    .as_ref()
                    .map(|meaning| vectors.near(&snapshot, &scope, meaning, primary, vectors::QuerySource::Conversation))
                    .unwrap_or_default();
                rank_documents(&snapshot, &scope, &terms, (vectors, hits), primary, synonyms)?
            }
        };
        let highlighter = Arc::new(highlighter);
        let min_confidence = query.threshold * AFTER_SHARE;
        let candidates =
            candidates.into_iter().filter(|candidate| candidate.confidence * share >= min_confidence).take(query.limit + MAX_SKIPPED);
        let mut read = candidates
            .map(|candidate| Ok((snapshot.read(candidate.segment, candidate.doc)?, candidate)))
            .collect::<Result<Vec<(Document, Candidate)>, KnowledgeError>>()?;
        for (document, candidate) in &mut read {
            if query.query_kind.has(document) {
                candidate.rank *= KNOWN_SHARE;
                candidate.confidence *= f64::from(KNOWN_SHARE);
            }
        }
        read.retain(|(document, _)| query.query_kind.suits(document));
        // Once one document reaches the threshold, those after it may score less.
        if !read.iter().any(|(_, candidate)| candidate.confidence * share >= query.threshold) {
            continue;
        }
        read.sort_by(|one, other| other.1.rank.total_cmp(&one.1.rank));
        for (document, candidate) in read {
            if suggestions.len() == query.limit {
                break;
            }
            let score = candidate.confidence * share;
            if score >= min_confidence && seen.insert((document.kind(), document.id.clone())) {
                // A lower rank never has a higher confidence.
                let score = suggestions.last().map_or(score, |last: &RankedDocument| score.min(last.score));
                suggestions.push(RankedDocument { document, score, highlighter: Arc::clone(&highlighter), chats: candidate.chats });
            }
        }
    }
    Ok(suggestions)
}
