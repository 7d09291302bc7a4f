//! Inverse document frequency: how rare a word is.

use crate::knowledge::search::stop_words;

/// The idf of a word that `share` of a language's texts have: what is known of the language counts as BACKGROUND more documents.
pub fn word_idf(documents: u64, with: u64, share: f32) -> f32 {
    let (documents, with) = (documents as f32, with.min(documents) as f32);
    rarity(documents + stop_words::BACKGROUND, with + share * stop_words::BACKGROUND)
}

fn rarity(documents: f32, with: f32) -> f32 {
    (1.0 + (documents - with + 0.5) / (with + 0.5)).ln()
}

/// Robertson and Sparck Jones's idf, as in BM25.
pub fn idf(documents: u64, with: u64) -> f32 {
    rarity(documents as f32, with.min(documents) as f32)
}
