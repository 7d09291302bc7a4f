//! Suggestions: documents ranked for a conversation, for what an agent types, for a shortcut, or for a chat's opening.

use std::{collections::HashSet, sync::Arc};

use crate::{
    ids::Id,
    knowledge::{
        documents::document::{Document, Kind},
        error::KnowledgeError,
        index::{Index, scope::SearchScope, snapshot::IndexSnapshot},
        search::{
            candidates::{Candidate, only},
            conversation::ConversationTerms,
            highlight::Highlighter,
            intent_match::intent_trust,
            openers::openers,
            query::Typed,
            rank::rank_documents,
            shortcuts::by_shortcut,
            suggestion_query::{QueryKind, RankedDocument, SuggestionQuery},
            synonyms::Synonyms,
        },
        vectors::Vectors,
    },
    text::lookup,
};

/// Weight of a document that the customer already has.
const KNOWN_SHARE: f32 = 0.7;
/// Documents among the best that may be skipped (openers, versions in other languages, what the customer already has), and the least that
/// are read whatever the limit, so that the first does not depend on it.
const MAX_SKIPPED: usize = 10;
const MIN_READ: usize = 20;
/// How many documents are looked at first, and share of the threshold that is enough for each of a list that reaches it.
const LOOKED_AT: usize = 3;
const AFTER_SHARE: f64 = 0.2;
/// Weight of a document in another language, which its reader may not understand.
const FOREIGN_SHARE: f64 = 0.7;
/// A document in the query's own language that is as likely as this makes other languages unnecessary.
const SURE: f64 = 0.5;

/// A ranked document, as far as it was read.
struct Ranked {
    document: Document,
    score: f64,
    candidate: Candidate,
    highlighter: Arc<Highlighter>,
}

/// Ranks documents for a conversation, those in its language together with others where no own one is likely; returns none unless the chance
/// that one of the first three fits reaches the threshold.
pub fn suggestions(
    index: &Index,
    synonyms: &Synonyms,
    vectors: &Vectors,
    query: &SuggestionQuery,
) -> Result<Vec<RankedDocument>, KnowledgeError> {
    let snapshot = index.snapshot();
    let there = snapshot.languages(&query.kinds, &query.reader);
    let own = lookup(&query.language, there.iter());
    let only = match &query.query_kind {
        QueryKind::Typed(text) => only(&snapshot, "", &[], &Typed::read(text, query.language.primary()))?,
        _ => None,
    };
    let scope = |language| SearchScope { kinds: &query.kinds, language, reader: &query.reader, only: only.as_deref() };
    let trust = intent_trust(&scope(own).sizes(&snapshot, None));
    let terms = ConversationTerms::of(&query.query_kind, query.language.primary(), trust);
    let mut ranked = match own {
        Some(_) => ranked(&snapshot, &scope(own), &terms, (vectors, synonyms), query)?,
        None => Vec::new(),
    };
    let is_sure = ranked.first().is_some_and(|first| first.score >= SURE);
    if own.is_none() || (!is_sure && there.len() > 1) {
        // A word that is misspelt in one language is not corrected by the words of another.
        let is_conversation = matches!(query.query_kind, QueryKind::Conversation(_));
        let terms = ConversationTerms { as_written: own.is_some() && is_conversation, ..terms };
        let foreign = self::ranked(&snapshot, &scope(None), &terms, (vectors, synonyms), query)?;
        let is_foreign = |ranked: &Ranked| own.is_none_or(|own| ranked.document.language != *own);
        ranked.extend(foreign.into_iter().filter(is_foreign).map(|ranked| Ranked { score: ranked.score * FOREIGN_SHARE, ..ranked }));
        // The sort is stable: each language's order stays.
        ranked.sort_by(|one, other| other.score.total_cmp(&one.score));
    }
    let mut seen: HashSet<(Kind, Id)> = HashSet::new();
    ranked.retain(|ranked| {
        ranked.score >= query.threshold * AFTER_SHARE && seen.insert((ranked.document.kind(), ranked.document.id.clone()))
    });
    let none_fits: f64 = ranked.iter().take(LOOKED_AT).map(|ranked| 1.0 - ranked.score).product();
    if 1.0 - none_fits < query.threshold {
        return Ok(Vec::new());
    }
    ranked.truncate(query.limit);
    let suggestion = |Ranked { document, score, candidate, highlighter }| RankedDocument {
        document,
        score,
        highlighter,
        chats: candidate.chats,
        fits_state: candidate.fits_state,
        asked: candidate.asked,
    };
    Ok(ranked.into_iter().map(suggestion).collect())
}

/// Ranks and reads the best documents of a scope.
fn ranked(
    snapshot: &IndexSnapshot,
    scope: &SearchScope<'_>,
    terms: &ConversationTerms,
    (vectors, synonyms): (&Vectors, &Synonyms),
    query: &SuggestionQuery,
) -> Result<Vec<Ranked>, KnowledgeError> {
    let language = query.language.primary();
    let (candidates, highlighter) = match &query.query_kind {
        QueryKind::Shortcut(typed) => (by_shortcut(snapshot, scope, typed)?, Highlighter::default()),
        QueryKind::Opener(_) => openers(snapshot, scope, terms, language, synonyms)?,
        QueryKind::Typed(_) | QueryKind::Conversation(_) => {
            let near = |meaning| vectors.near(snapshot, scope, meaning, language);
            let hits = query.meaning.as_ref().map(near).unwrap_or_default();
            rank_documents(snapshot, scope, terms, (vectors, hits), language, synonyms)?
        }
    };
    let highlighter = Arc::new(highlighter);
    let mut read = Vec::new();
    let mut likeliest_left = 1.0_f64;
    for mut candidate in candidates.into_iter().take(query.limit.max(MIN_READ) + MAX_SKIPPED) {
        // No score is higher than that of a document before it: from here on none is offered.
        likeliest_left = likeliest_left.min(candidate.confidence);
        if likeliest_left < query.threshold * AFTER_SHARE {
            break;
        }
        let document = snapshot.read(candidate.segment, candidate.doc)?;
        if !query.query_kind.suits(&document) {
            continue;
        }
        if query.query_kind.has(&document) {
            candidate.rank *= if candidate.rank > 0.0 { KNOWN_SHARE } else { 1.0 };
            candidate.confidence *= f64::from(KNOWN_SHARE);
        }
        read.push((document, candidate));
    }
    read.sort_by(|one, other| other.1.rank.total_cmp(&one.1.rank));
    let mut score = 1.0_f64;
    let ranked = |(document, candidate): (Document, Candidate)| {
        // A lower rank never has a higher score.
        score = score.min(candidate.confidence);
        Ranked { document, score, candidate, highlighter: Arc::clone(&highlighter) }
    };
    Ok(read.into_iter().map(ranked).collect())
}
