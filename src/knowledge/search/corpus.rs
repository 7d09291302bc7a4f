//! BM25 parameters and statistics of the documents in a scope.

use crate::knowledge::{index::snapshot::Sizes, search::terms::Term};

/// BM25's k1 where documents are single passages, and the exponent by which it rises with their number.
pub const K1: f32 = 1.2;
pub const K1_RISE: f32 = 0.35;
/// The exponent, and b of the body, where the query is a whole conversation: most of its words are beside the point, and long documents
/// have more of those.
pub const WHOLE_K1_RISE: f32 = 0.1;
pub const WHOLE_B: f32 = 0.9;
/// BM25's b of each field: names, body.
pub const FIELD_B: [f32; 2] = [0.6, 0.75];
/// Weight of the best passages against the whole document, in long lists.
pub const PASSAGES: f32 = 0.7;

/// Statistics of the documents in a scope.
#[derive(Debug, Clone, Copy)]
pub struct Corpus {
    pub documents: u64,
    /// Average number of passages of a document.
    pub passages: f32,
    k1: f32,
    /// BM25's b of the body.
    pub b: f32,
}

impl Corpus {
    /// BM25's k1 rises with the number of passages: in a single paragraph a word says all it has to say at its first occurrence, in a
    /// page less so, and least in a list of messages. (1.2 for paragraphs, 2 to 3 for pages and 6 for lists of 100 messages did best
    /// on public tasks of each kind.)
    pub fn of(sizes: &Sizes) -> Corpus {
        let passages = (sizes.passages as f32 / sizes.documents.max(1) as f32).max(1.0);
        Corpus { documents: sizes.documents, passages, k1: K1 * passages.powf(K1_RISE), b: FIELD_B[1] }
    }

    /// Returns the parameters for a query that is a whole conversation.
    pub fn for_conversation(&self) -> Corpus {
        Corpus { k1: K1 * self.passages.powf(WHOLE_K1_RISE), b: WHOLE_B, ..*self }
    }

    /// Returns the weight of the best passages against the whole document: nothing in paragraphs and pages, most in lists of a hundred
    /// messages.
    pub fn passages_share(&self) -> f32 {
        PASSAGES * (self.passages.log10() - 1.0).clamp(0.0, 1.0)
    }

    /// Applies BM25's saturation to a weighted term frequency.
    pub fn saturate(&self, frequency: f32) -> f32 {
        frequency * (self.k1 + 1.0) / (frequency + self.k1)
    }

    /// Returns the highest score that the terms can have.
    pub fn max_score(&self, terms: &[Term]) -> f32 {
        terms.iter().map(|term| term.weight * term.idf * (self.k1 + 1.0)).sum()
    }
}
