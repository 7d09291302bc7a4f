//! Scoring: every document that has a word of a query, term by term.
//!
//! BM25F (Zaragoza et al., TREC 2004) over names and body: what a field adds is weighed before it is bent, so that a word in the title
//! and in the text counts once. Of a word's alternatives the best counts. Grams add a share of their own.

use std::cell::RefCell;

use tantivy::{DocId, DocSet, TERMINATED, fieldnorm::FieldNormReader, postings::Postings, schema::IndexRecordOption};

use crate::knowledge::{
    documents::document::Kind,
    index::{
        scope::SearchScope,
        snapshot::{Class, IndexSegment, IndexSnapshot},
    },
    search::{
        accumulator::{Accumulator, GRAM_B},
        corpus::{Corpus, FIELD_B},
        terms::Term,
    },
};

const FIELD_WEIGHT: [f32; 2] = [2.0, 1.0];
/// Norms are kept as a byte.
const NORMS: usize = 256;
/// Most occurrences that are read for one query: of a long one, what says least goes unread. About half a
/// millisecond.
const MAX_READ: u64 = 100_000;

/// A document that has something of a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredDocument {
    pub part: u32,
    pub doc: DocId,
    /// What its words count.
    pub words: f32,
    /// What its grams count.
    pub grams: f32,
}

impl ScoredDocument {
    pub fn sum(&self) -> f32 {
        self.words + self.grams
    }

    pub fn place(&self) -> (u32, DocId) {
        (self.part, self.doc)
    }
}

/// Scores the documents of the scope that have something of the terms, in the order of parts and documents: all that count at least the
/// share `least` of the best one, and maybe some more. Grams count of as many terms.
pub fn score(
    view: &IndexSnapshot,
    scope: &SearchScope<'_>,
    corpus: &Corpus,
    terms: &[Term],
    grams: usize,
    least: f32,
) -> tantivy::Result<Vec<ScoredDocument>> {
    let tables = Tables::of(view, scope, corpus);
    // The terms that say most first: these are read if not all can be, and of these the grams.
    let mut heaviest: Vec<&Term> = terms.iter().collect();
    heaviest.sort_by(|one, other| (other.weight * other.idf).total_cmp(&(one.weight * one.idf)));
    let mut read = 0;
    heaviest.retain(|term| {
        let length = term.length();
        let taken = read == 0 || read + length <= MAX_READ;
        read += if taken { length } else { 0 };
        taken
    });
    let mut scored = Vec::new();
    for (number, part) in view.parts.iter().enumerate() {
        let norms = Norms { part, kinds: tables.kinds(part, scope), tables: &tables };
        ACCUMULATOR.with_borrow_mut(|board| {
            board.size(part.class_of.len());
            for (place, term) in heaviest.iter().enumerate() {
                score_words(board, part, number, term, &norms, corpus)?;
                if place < grams {
                    score_grams(board, part, number, term, &norms, corpus)?;
                }
                board.close_term(term);
            }
            let only = scope.only.map(|only| &only[number]);
            let is_there = |doc| part.is_alive(doc) && only.is_none_or(|only| only.contains(doc));
            board.take(least, is_there, |doc, words, grams| scored.push(ScoredDocument { part: number as u32, doc, words, grams }));
            tantivy::Result::Ok(())
        })?;
    }
    Ok(scored)
}

fn score_words(
    board: &mut Accumulator,
    part: &IndexSegment,
    number: usize,
    term: &Term,
    norms: &Norms,
    corpus: &Corpus,
) -> tantivy::Result<()> {
    for alternative in &term.alternatives {
        let Some([names, body]) = alternative.postings.parts.get(number) else { continue };
        if let Some(info) = names {
            let mut postings = part.names.read_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                board.add_names(doc, postings.term_freq() as f32 * norms.share(NAMES, &part.names_norms, doc));
                postings.advance();
            }
        }
        if let Some(info) = body {
            let mut postings = part.body.read_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                let share = norms.share(BODY, &part.body_norms, doc);
                if share > 0.0 {
                    board.close_body(doc, postings.term_freq() as f32 * share, alternative.weight, corpus);
                }
                postings.advance();
            }
        }
        board.close_names(alternative.weight, corpus);
    }
    Ok(())
}

fn score_grams(
    board: &mut Accumulator,
    part: &IndexSegment,
    number: usize,
    term: &Term,
    norms: &Norms,
    corpus: &Corpus,
) -> tantivy::Result<()> {
    for gram in &term.grams {
        let Some(Some(info)) = gram.postings.get(number) else { continue };
        let mut postings = part.grams.read_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
        while postings.doc() != TERMINATED {
            let doc = postings.doc();
            let share = norms.share(GRAMS, &part.gram_norms, doc);
            if share > 0.0 {
                board.add_gram(doc, gram.idf * corpus.bent(postings.term_freq() as f32 * share), gram.idf);
            }
            postings.advance();
        }
    }
    Ok(())
}

/// The fields, by their places in the tables.
const NAMES: usize = 0;
const BODY: usize = 1;
const GRAMS: usize = 2;

/// For each kind of document and each field, what one occurrence counts by the length of the field.
struct Tables(Vec<(Kind, [[f32; NORMS]; 3])>);

impl Tables {
    fn of(view: &IndexSnapshot, scope: &SearchScope<'_>, corpus: &Corpus) -> Tables {
        let table = |sum: u64, documents: u64, b: f32, weight: f32| {
            let average = (sum as f32 / documents.max(1) as f32).max(1.0);
            std::array::from_fn(|norm| weight / (1.0 - b + b * FieldNormReader::id_to_fieldnorm(norm as u8) as f32 / average))
        };
        let of_kind = |kind: &Kind| {
            let sizes = scope.sizes(view, Some(*kind));
            let names = table(sizes.names, sizes.documents, FIELD_B[0], FIELD_WEIGHT[0]);
            let body = table(sizes.body, sizes.documents, corpus.b, FIELD_WEIGHT[1]);
            (*kind, [names, body, table(sizes.grams, sizes.documents, GRAM_B, 1.0)])
        };
        Tables(scope.kinds.iter().map(of_kind).collect())
    }

    /// By class of a part, the place of its kind; `None` outside the scope.
    fn kinds(&self, part: &IndexSegment, scope: &SearchScope<'_>) -> Vec<Option<u8>> {
        let place = |class: &Class| self.0.iter().position(|(kind, _)| *kind == class.kind).map(|place| place as u8);
        part.classes.iter().map(|class| place(class).filter(|_| scope.has(class))).collect()
    }
}

/// What one occurrence counts in a part's documents.
struct Norms<'a> {
    part: &'a IndexSegment,
    kinds: Vec<Option<u8>>,
    tables: &'a Tables,
}

impl Norms<'_> {
    /// Nothing outside the scope.
    fn share(&self, field: usize, lengths: &FieldNormReader, doc: DocId) -> f32 {
        match self.kinds[self.part.class_of[doc as usize] as usize] {
            Some(kind) => self.tables.0[usize::from(kind)].1[field][usize::from(lengths.fieldnorm_id(doc))],
            None => 0.0,
        }
    }
}

thread_local! {
    static ACCUMULATOR: RefCell<Accumulator> = RefCell::default();
}
