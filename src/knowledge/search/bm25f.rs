//! BM25F scoring of every document that has a word of the query, term at a time.
//!
//! BM25F (Zaragoza et al., TREC 2004) over names and body: field frequencies are weighted and summed before saturation, so that a word in
//! both the title and the text counts once. Of a word's alternatives the best one scores. Grams add a share of their own.

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

/// Weights of names, body, and how customers ask.
const FIELD_WEIGHT: [f32; 3] = [2.0, 1.0, 1.0];
/// Length normalization of how customers ask: b of BM25.
const ASKED_B: f32 = 0.75;
/// A field norm is one byte.
const NORMS: usize = 256;
/// Most postings read for one query: of a long query, the least informative terms are skipped. About half a millisecond.
const MAX_READ: u64 = 100_000;

/// A document that matches a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredDocument {
    pub segment: u32,
    pub doc: DocId,
    /// The score of its words.
    pub words: f32,
    /// The score of its grams.
    pub grams: f32,
    /// The information of the query's words that it has: see [`Term::information`].
    pub found: f32,
}

impl ScoredDocument {
    pub fn sum(&self) -> f32 {
        self.words + self.grams
    }

    pub fn place(&self) -> (u32, DocId) {
        (self.segment, self.doc)
    }
}

/// Scores the matching documents of the scope, in order of segment and document id: all that score at least `min_share` of the best one,
/// and maybe some more. The grams of the `grams` heaviest terms are scored.
pub fn score(
    snapshot: &IndexSnapshot,
    scope: &SearchScope<'_>,
    corpus: &Corpus,
    terms: &[Term],
    grams: usize,
    min_share: f32,
) -> tantivy::Result<Vec<ScoredDocument>> {
    let tables = Tables::of(snapshot, scope, corpus);
    // Heaviest terms first: they are read if not all can be, and it is their grams that are scored.
    let mut heaviest: Vec<&Term> = terms.iter().collect();
    heaviest.sort_by(|one, other| (other.weight * other.idf).total_cmp(&(one.weight * one.idf)));
    let mut read = 0;
    heaviest.retain(|term| {
        let length = term.length();
        let fits = read == 0 || read + length <= MAX_READ;
        read += if fits { length } else { 0 };
        fits
    });
    let mut scored = Vec::new();
    for (number, segment) in snapshot.segments.iter().enumerate() {
        let norms = Norms { segment, kinds: tables.kinds(segment, scope), tables: &tables };
        ACCUMULATOR.with_borrow_mut(|accumulator| {
            accumulator.size(segment.class_of.len());
            for (place, term) in heaviest.iter().enumerate() {
                score_words(accumulator, segment, number, term, &norms, corpus)?;
                if place < grams {
                    score_grams(accumulator, segment, number, term, &norms, corpus)?;
                }
                accumulator.close_term(term);
            }
            let only = scope.only.map(|only| &only[number]);
            let is_live = |doc| segment.is_alive(doc) && only.is_none_or(|only| only.contains(doc));
            accumulator.take(min_share, is_live, |doc, cell| {
                scored.push(ScoredDocument { segment: number as u32, doc, words: cell.words, grams: cell.grams, found: cell.found });
            });
            tantivy::Result::Ok(())
        })?;
    }
    Ok(scored)
}

fn score_words(
    accumulator: &mut Accumulator,
    segment: &IndexSegment,
    number: usize,
    term: &Term,
    norms: &Norms,
    corpus: &Corpus,
) -> tantivy::Result<()> {
    for alternative in &term.alternatives {
        if let Some(phrase) = &alternative.postings.phrase {
            let [names, body, asked] = &phrase.0[number];
            for (doc, begins) in names {
                accumulator.add_names(*doc, begins.len() as f32 * norms.share(NAMES, &segment.names_norms, *doc));
            }
            for (doc, begins) in asked {
                accumulator.add_names(*doc, begins.len() as f32 * norms.share(ASKED, &segment.asked_norms, *doc));
            }
            for (doc, begins) in body {
                let share = norms.share(BODY, &segment.body_norms, *doc);
                if share > 0.0 {
                    accumulator.close_body(*doc, begins.len() as f32 * share, alternative.weight, corpus);
                }
            }
            accumulator.close_names(alternative.weight, corpus);
            continue;
        }
        let Some([names, body, asked]) = alternative.postings.segments.get(number) else { continue };
        if let Some(info) = names {
            let mut postings = segment.names.read_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                accumulator.add_names(doc, postings.term_freq() as f32 * norms.share(NAMES, &segment.names_norms, doc));
                postings.advance();
            }
        }
        if let Some(info) = asked {
            let mut postings = segment.asked.read_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                accumulator.add_names(doc, postings.term_freq() as f32 * norms.share(ASKED, &segment.asked_norms, doc));
                postings.advance();
            }
        }
        if let Some(info) = body {
            let mut postings = segment.body.read_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
            while postings.doc() != TERMINATED {
                let doc = postings.doc();
                let share = norms.share(BODY, &segment.body_norms, doc);
                if share > 0.0 {
                    accumulator.close_body(doc, postings.term_freq() as f32 * share, alternative.weight, corpus);
                }
                postings.advance();
            }
        }
        accumulator.close_names(alternative.weight, corpus);
    }
    Ok(())
}

fn score_grams(
    accumulator: &mut Accumulator,
    segment: &IndexSegment,
    number: usize,
    term: &Term,
    norms: &Norms,
    corpus: &Corpus,
) -> tantivy::Result<()> {
    for gram in &term.grams {
        let Some(Some(info)) = gram.postings.get(number) else { continue };
        let mut postings = segment.grams.read_postings_from_terminfo(info, IndexRecordOption::WithFreqs)?;
        while postings.doc() != TERMINATED {
            let doc = postings.doc();
            let share = norms.share(GRAMS, &segment.gram_norms, doc);
            if share > 0.0 {
                accumulator.add_gram(doc, gram.idf * corpus.saturate(postings.term_freq() as f32 * share), gram.idf);
            }
            postings.advance();
        }
    }
    Ok(())
}

/// Indexes of the fields in the tables.
const NAMES: usize = 0;
const BODY: usize = 1;
const ASKED: usize = 2;
const GRAMS: usize = 3;

/// The weight of one occurrence by field length, for each kind of document and each field.
struct Tables(Vec<(Kind, [[f32; NORMS]; 4])>);

impl Tables {
    fn of(snapshot: &IndexSnapshot, scope: &SearchScope<'_>, corpus: &Corpus) -> Tables {
        let table = |sum: u64, documents: u64, b: f32, weight: f32| {
            let average = (sum as f32 / documents.max(1) as f32).max(1.0);
            std::array::from_fn(|norm| weight / (1.0 - b + b * FieldNormReader::id_to_fieldnorm(norm as u8) as f32 / average))
        };
        let of_kind = |kind: &Kind| {
            let sizes = scope.sizes(snapshot, Some(*kind));
            let names = table(sizes.names, sizes.documents, FIELD_B[0], FIELD_WEIGHT[0]);
            let body = table(sizes.body, sizes.documents, corpus.b, FIELD_WEIGHT[1]);
            let asked = table(sizes.asked, sizes.documents, ASKED_B, FIELD_WEIGHT[2]);
            (*kind, [names, body, asked, table(sizes.grams, sizes.documents, GRAM_B, 1.0)])
        };
        Tables(scope.kinds.iter().map(of_kind).collect())
    }

    /// The index of the kind of each class of a segment; `None` outside the scope.
    fn kinds(&self, segment: &IndexSegment, scope: &SearchScope<'_>) -> Vec<Option<u8>> {
        let place = |class: &Class| self.0.iter().position(|(kind, _)| *kind == class.kind).map(|place| place as u8);
        segment.classes.iter().map(|class| place(class).filter(|_| scope.has(class))).collect()
    }
}

/// The weight of one occurrence in a segment's documents.
struct Norms<'a> {
    segment: &'a IndexSegment,
    kinds: Vec<Option<u8>>,
    tables: &'a Tables,
}

impl Norms<'_> {
    /// 0 outside the scope.
    fn share(&self, field: usize, lengths: &FieldNormReader, doc: DocId) -> f32 {
        match self.kinds[self.segment.class_of[doc as usize] as usize] {
            Some(kind) => self.tables.0[usize::from(kind)].1[field][usize::from(lengths.fieldnorm_id(doc))],
            None => 0.0,
        }
    }
}

thread_local! {
    static ACCUMULATOR: RefCell<Accumulator> = RefCell::default();
}
