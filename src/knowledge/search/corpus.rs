//! What the documents of a scope are like, which says how much a word says.

use crate::knowledge::{index::snapshot::Sizes, search::terms::Term};

/// BM25's k1 where documents are single passages, and how it rises with their number.
pub const K1: f32 = 1.2;
pub const K1_RISE: f32 = 0.35;
/// The same, and b of the body, where a whole conversation is looked for: most of its words are beside the point, and long documents
/// have more of those.
pub const WHOLE_K1_RISE: f32 = 0.1;
pub const WHOLE_B: f32 = 0.9;
/// For each field, BM25's b and its weight.
pub const FIELD_B: [f32; 2] = [0.6, 0.75];
/// What the best passages count beside the whole, in long lists.
pub const PASSAGES: f32 = 0.7;

/// What the documents of a scope are like.
#[derive(Debug, Clone, Copy)]
pub struct Corpus {
    pub documents: u64,
    /// How many passages a document has on average.
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

    /// The same documents, for a query that is a whole conversation.
    pub fn for_conversation(&self) -> Corpus {
        Corpus { k1: K1 * self.passages.powf(WHOLE_K1_RISE), b: WHOLE_B, ..*self }
    }

    /// What the best passages count beside the whole: nothing in paragraphs and pages, most in lists of a hundred messages.
    pub fn passages_share(&self) -> f32 {
        PASSAGES * (self.passages.log10() - 1.0).clamp(0.0, 1.0)
    }

    /// Bends a weighed frequency: BM25's saturation.
    pub fn bent(&self, frequency: f32) -> f32 {
        frequency * (self.k1 + 1.0) / (frequency + self.k1)
    }

    /// The most that words can count.
    pub fn most(&self, terms: &[Term]) -> f32 {
        terms.iter().map(|term| term.weight * term.idf * (self.k1 + 1.0)).sum()
    }
}
