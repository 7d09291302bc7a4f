//! Suggestions: documents ranked for a conversation, for what an agent types, for a shortcut or for an opening.

use std::{collections::HashSet, sync::Arc};

use crate::knowledge::index::scope::SearchScope;
use crate::{
    ids::Id,
    knowledge::{
        documents::document::{Document, Kind},
        error::KnowledgeError,
        index::Index,
        search::{
            candidates::{Candidate, only},
            conversation::{ConversationTerms, fitting},
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

/// What the customer has already is worth this much of what it would be.
pub const KNOWN_SHARE: f32 = 0.7;

/// Documents that may stand among the best and are passed over: openers, versions in other languages, what the customer has.
pub const MAX_PASSED_OVER: usize = 10;

/// Of a threshold, what is enough for documents that come after one that reaches it.
pub const AFTER_SHARE: f64 = 0.4;

/// A document in another language is worth less to whoever can't read it.
pub const FOREIGN_SHARE: f64 = 0.5;

/// Ranks documents for a conversation: those in its language first, then others whose document is not there yet; none unless one reaches
/// the threshold.
pub fn suggestions(
    index: &Index,
    synonyms: &Synonyms,
    vectors: &Vectors,
    query: &SuggestionQuery,
) -> Result<Vec<RankedDocument>, KnowledgeError> {
    let view = index.view();
    let there = view.languages(&query.kinds, &query.reader);
    let own = lookup(&query.language, there.iter());
    let primary = query.language.primary();
    let asked = ConversationTerms::of(&query.wanted, primary);
    let only = match &query.wanted {
        QueryKind::Typed(text) => only(&view, "", &[], &Typed::read(text, primary))?,
        _ => None,
    };
    let mut offers: Vec<RankedDocument> = Vec::new();
    let mut seen: HashSet<(Kind, Id)> = HashSet::new();
    for (language, share) in own.map(|own| (Some(own), 1.0)).into_iter().chain([(None, FOREIGN_SHARE)]) {
        if offers.len() >= query.limit || (language.is_none() && own.is_some() && there.len() == 1) {
            break;
        }
        let scope = SearchScope { kinds: &query.kinds, language, reader: &query.reader, only: only.as_deref() };
        let (fits, marker) = match &query.wanted {
            QueryKind::Shortcut(typed) => (by_shortcut(&view, &scope, typed)?, Highlighter::default()),
            QueryKind::Opener(_) => openers(&view, &scope, &asked, primary, synonyms)?,
            QueryKind::Typed(_) | QueryKind::Conversation(_) => {
                let meant = query
                    .meaning
                    .as_ref()
                    .map(|meaning| vectors.near(&view, &scope, meaning, primary, vectors::QuerySource::Conversation))
                    .unwrap_or_default();
                fitting(&view, &scope, &asked, (vectors, meant), primary, synonyms)?
            }
        };
        let marker = Arc::new(marker);
        let least = query.threshold * AFTER_SHARE;
        let fits = fits.into_iter().filter(|fit| fit.confidence * share >= least).take(query.limit + MAX_PASSED_OVER);
        let mut read =
            fits.map(|fit| Ok((view.read(fit.part, fit.doc)?, fit))).collect::<Result<Vec<(Document, Candidate)>, KnowledgeError>>()?;
        for (document, fit) in &mut read {
            if query.wanted.has(document) {
                fit.rank *= KNOWN_SHARE;
                fit.confidence *= f64::from(KNOWN_SHARE);
            }
        }
        read.retain(|(document, _)| query.wanted.takes(document));
        // Where something that may be offered fits, what comes after it may fit less.
        if !read.iter().any(|(_, fit)| fit.confidence * share >= query.threshold) {
            continue;
        }
        read.sort_by(|one, other| other.1.rank.total_cmp(&one.1.rank));
        for (document, fit) in read {
            if offers.len() == query.limit {
                break;
            }
            let score = fit.confidence * share;
            if score >= least && seen.insert((document.kind(), document.id.clone())) {
                // What ranks lower is not surer.
                let score = offers.last().map_or(score, |last: &RankedDocument| score.min(last.score));
                offers.push(RankedDocument { document, score, marker: Arc::clone(&marker), chats: fit.chats });
            }
        }
    }
    Ok(offers)
}
