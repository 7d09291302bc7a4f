//! How well documents match the intents of a query.

use std::collections::HashMap;

use tantivy::{DocSet, TERMINATED, Term as IndexTerm, postings::Postings, schema::IndexRecordOption};

use crate::knowledge::{
    index::{
        schema::INTENT_STEPS,
        scope::SearchScope,
        snapshot::{IndexSnapshot, Sizes},
    },
    intents::Intent,
    search::idf::idf,
};

/// What every intent counts beside its idf: one that all documents of a shop have still says something.
const MIN_IDF: f32 = 0.2;
/// Share of the documents whose names have an intent, from which on intents count at all, and from which on in full: where few have one,
/// as among reviews of hotels, help desks' intents say nothing of the documents.
const MIN_NAMED: f32 = 0.4;
const ALL_NAMED: f32 = 0.7;

/// Returns the cosine of each document's intents with the query's, weighted by idf, times the strongest of the query's: from 0 to 1.
/// Documents without any of the intents are left out.
pub fn intent_scores(
    snapshot: &IndexSnapshot,
    scope: &SearchScope<'_>,
    intents: &[(Intent, f32)],
    documents: u64,
) -> tantivy::Result<HashMap<(u32, u32), f32>> {
    let mut scores: HashMap<(u32, u32), f32> = HashMap::new();
    let mut squares = 0.0;
    for (intent, share) in intents {
        let found = with_intent(snapshot, scope, intent)?;
        let weight = share * (MIN_IDF + idf(documents, found.len() as u64));
        squares += weight * weight;
        for (place, share) in found {
            *scores.entry(place).or_default() += weight * share;
        }
    }
    let strongest = intents.iter().map(|(_, share)| *share).fold(0.0, f32::max);
    let factor = strongest / squares.sqrt().max(f32::MIN_POSITIVE);
    scores.values_mut().for_each(|score| *score *= factor);
    Ok(scores)
}

/// Returns how far intents say something of a scope's documents, from 0 to 1: by the share of those whose names have any.
pub fn intent_trust(sizes: &Sizes) -> f32 {
    let named = sizes.named as f32 / sizes.documents.max(1) as f32;
    ((named - MIN_NAMED) / (ALL_NAMED - MIN_NAMED)).clamp(0.0, 1.0)
}

/// Returns the documents of the scope with an intent, each with its share.
fn with_intent(snapshot: &IndexSnapshot, scope: &SearchScope<'_>, intent: &str) -> tantivy::Result<Vec<((u32, u32), f32)>> {
    let key = IndexTerm::from_field_text(snapshot.fields.intents, intent);
    let mut found = Vec::new();
    for (number, segment) in snapshot.segments.iter().enumerate() {
        let Some(mut postings) = segment.intents.read_postings(&key, IndexRecordOption::WithFreqs)? else { continue };
        while postings.doc() != TERMINATED {
            if scope.takes(snapshot, number, postings.doc()) {
                found.push(((number as u32, postings.doc()), postings.term_freq() as f32 / INTENT_STEPS));
            }
            postings.advance();
        }
    }
    Ok(found)
}

/// Returns the `limit` documents with the highest scores.
pub fn best_places(scores: &HashMap<(u32, u32), f32>, limit: usize) -> Vec<(u32, u32)> {
    let mut places: Vec<(u32, u32)> = scores.keys().copied().collect();
    places.sort_by(|one, other| scores[other].total_cmp(&scores[one]).then(one.cmp(other)));
    places.truncate(limit);
    places
}
