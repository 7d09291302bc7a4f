//! Category scores: what a document gains from its category.

use std::collections::HashMap;

use crate::knowledge::{index::snapshot::IndexSnapshot, search::candidates::Near, vectors::VectorHit};

/// Documents of a category that represent it: the best ones.
pub const BEST_OF_CATEGORY: usize = 4;

/// What the category counts of the score; the document's own counts the rest. It is a hint: large categories would win else.
const CATEGORY_SHARE: f32 = 0.5;

/// Replaces a document's whole-conversation score by the mean of the best documents of its category: a conversation is about the category.
pub fn add_category_scores(snapshot: &IndexSnapshot, near: &mut [Near]) {
    let category_scores =
        category_scores(snapshot, near.iter().map(|near| (near.place(), near.whole)), |documents| documents.min(BEST_OF_CATEGORY));
    for near in near {
        if let Some(best) = snapshot.category(near.segment, near.doc).and_then(|category| category_scores.get(&category)) {
            near.matter = CATEGORY_SHARE * *best + (1.0 - CATEGORY_SHARE) * near.whole;
        }
    }
}

/// Does the same for vector hits.
pub fn add_category_hits(snapshot: &IndexSnapshot, hits: &mut [VectorHit]) {
    // Every compared document has a vector score, while a document without a word scores nothing.
    let category_scores =
        category_scores(snapshot, hits.iter().map(|hit| (hit.place(), hit.whole)), |documents| documents.min(BEST_OF_CATEGORY));
    for hit in hits {
        if let Some(best) = snapshot.category(hit.segment, hit.doc).and_then(|category| category_scores.get(&category)) {
            hit.whole = CATEGORY_SHARE * *best + (1.0 - CATEGORY_SHARE) * hit.whole;
        }
    }
}

/// Returns the mean score of the best documents of each category, over as many as `number_averaged` returns for the number of its documents.
pub fn category_scores(
    snapshot: &IndexSnapshot,
    counts: impl Iterator<Item = ((u32, u32), f32)>,
    number_averaged: impl Fn(usize) -> usize,
) -> HashMap<u32, f32> {
    let mut category_scores: HashMap<u32, (usize, [f32; BEST_OF_CATEGORY])> = HashMap::new();
    if snapshot.has_categories() {
        for ((segment, doc), count) in counts {
            let Some(category) = snapshot.category(segment, doc) else { continue };
            let (documents, best) = category_scores.entry(category).or_default();
            *documents += 1;
            if count > best[BEST_OF_CATEGORY - 1] {
                best[BEST_OF_CATEGORY - 1] = count;
                best.sort_unstable_by(|one, other| other.total_cmp(one));
            }
        }
    }
    category_scores
        .into_iter()
        .map(|(category, (documents, best))| (category, best.iter().sum::<f32>() / number_averaged(documents) as f32))
        .collect()
}
