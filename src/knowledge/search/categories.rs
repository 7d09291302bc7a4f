//! What a document's category counts for it.

use std::collections::HashMap;

use crate::knowledge::{index::snapshot::IndexSnapshot, search::candidates::Near, vectors::VectorHit};

/// How many of a category's documents tell what it is about.
pub const BEST_OF_CATEGORY: usize = 4;

/// Puts what the best documents of a document's category count in the place of what it counts itself: what it belongs to is talked
/// about.
pub fn add_groups(view: &IndexSnapshot, near: &mut [Near]) {
    let groups = groups(view, near.iter().map(|near| (near.place(), near.whole)), |_| BEST_OF_CATEGORY);
    for near in near {
        if let Some(best) = view.category(near.part, near.doc).and_then(|category| groups.get(&category)) {
            near.matter = *best;
        }
    }
}

/// The same for what is meant.
pub fn add_meant_groups(view: &IndexSnapshot, meant: &mut [VectorHit]) {
    // What was compared has a nearness; what has no word counts nothing.
    let groups = groups(view, meant.iter().map(|meant| (meant.place(), meant.whole)), |documents| documents.min(BEST_OF_CATEGORY));
    for meant in meant {
        if let Some(best) = view.category(meant.part, meant.doc).and_then(|category| groups.get(&category)) {
            meant.whole = *best;
        }
    }
}

/// By category, the mean of what its best documents count, over so many as `of` says of how many there are.
pub fn groups(view: &IndexSnapshot, counts: impl Iterator<Item = ((u32, u32), f32)>, of: impl Fn(usize) -> usize) -> HashMap<u32, f32> {
    let mut groups: HashMap<u32, (usize, [f32; BEST_OF_CATEGORY])> = HashMap::new();
    if view.has_categories() {
        for ((part, doc), count) in counts {
            let Some(category) = view.category(part, doc) else { continue };
            let (documents, best) = groups.entry(category).or_default();
            *documents += 1;
            if count > best[BEST_OF_CATEGORY - 1] {
                best[BEST_OF_CATEGORY - 1] = count;
                best.sort_unstable_by(|one, other| other.total_cmp(one));
            }
        }
    }
    groups.into_iter().map(|(category, (documents, best))| (category, best.iter().sum::<f32>() / of(documents) as f32)).collect()
}
