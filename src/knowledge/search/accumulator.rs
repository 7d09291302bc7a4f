//! Score accumulators of a segment's documents, for term-at-a-time scoring.

use tantivy::DocId;

use crate::knowledge::search::{corpus::Corpus, terms::Term};

/// When more than one in this many cells was touched, scanning all of them is faster than sorting.
pub const SCAN_RATIO: usize = 16;
/// Weight of grams against words.
pub const GRAM_WEIGHT: f32 = 0.3;
pub const GRAM_B: f32 = 0.75;
/// A document that has this share of a word's grams, by idf, counts as having the word.
pub const GRAM_SHARE: f32 = 0.5;
/// How far a word is found by its grams alone.
const FOUND_BY_GRAMS: f32 = 0.4;

/// One cell per document. Only touched cells are visited and cleared, so a query costs what it matches.
#[derive(Default)]
pub struct Accumulator {
    pub cells: Vec<Cell>,
    /// Cells touched by the names of the current alternative, by the current term, and by the query.
    pub of_names: Vec<DocId>,
    pub of_term: Vec<DocId>,
    pub of_query: Vec<DocId>,
}

#[derive(Clone, Copy, Default)]
pub struct Cell {
    pub names: f32,
    pub best: f32,
    /// The weight of the best alternative that the document has.
    pub present: f32,
    pub gram: f32,
    pub gram_idf: f32,
    pub words: f32,
    pub grams: f32,
    /// The information of the words found.
    pub found: f32,
    pub has_word: bool,
    pub in_term: bool,
    pub in_query: bool,
}

impl Accumulator {
    pub fn size(&mut self, documents: usize) {
        // A query that failed may have left sums behind.
        if !self.of_query.is_empty() || !self.of_term.is_empty() || !self.of_names.is_empty() {
            *self = Accumulator::default();
        }
        if self.cells.len() < documents {
            self.cells.resize(documents, Cell::default());
        }
    }

    pub fn add_names(&mut self, doc: DocId, frequency: f32) {
        if frequency > 0.0 {
            let names = &mut self.cells[doc as usize].names;
            if *names == 0.0 {
                self.of_names.push(doc);
            }
            *names += frequency;
        }
    }

    /// Adds the score of a document that has the key in its body, and maybe in its names.
    pub fn close_body(&mut self, doc: DocId, frequency: f32, weight: f32, corpus: &Corpus) {
        let cell = &mut self.cells[doc as usize];
        let score = weight * corpus.saturate(std::mem::take(&mut cell.names) + frequency);
        cell.best = cell.best.max(score);
        cell.present = cell.present.max(weight);
        if !cell.in_term {
            cell.in_term = true;
            self.of_term.push(doc);
        }
    }

    /// Adds the scores of the documents that have the key only in their names.
    pub fn close_names(&mut self, weight: f32, corpus: &Corpus) {
        for place in 0..self.of_names.len() {
            let doc = self.of_names[place];
            if self.cells[doc as usize].names > 0.0 {
                self.close_body(doc, 0.0, weight, corpus);
            }
        }
        self.of_names.clear();
    }

    pub fn add_gram(&mut self, doc: DocId, score: f32, idf: f32) {
        let cell = &mut self.cells[doc as usize];
        cell.gram += score;
        cell.gram_idf += idf;
        if !cell.in_term {
            cell.in_term = true;
            self.of_term.push(doc);
        }
    }

    pub fn close_term(&mut self, term: &Term) {
        let all_idf: f32 = term.grams.iter().map(|gram| gram.idf).sum();
        for doc in self.of_term.drain(..) {
            let cell = &mut self.cells[doc as usize];
            cell.words += term.weight * term.idf * cell.best;
            cell.grams += GRAM_WEIGHT * term.weight * cell.gram;
            let by_grams = all_idf > 0.0 && cell.gram_idf >= GRAM_SHARE * all_idf;
            if cell.best > 0.0 || by_grams {
                cell.has_word = true;
                cell.found += term.information() * cell.present.max(if by_grams { FOUND_BY_GRAMS } else { 0.0 });
            }
            (cell.present, cell.best, cell.gram, cell.gram_idf, cell.in_term) = (0.0, 0.0, 0.0, 0.0, false);
            if !cell.in_query {
                cell.in_query = true;
                self.of_query.push(doc);
            }
        }
    }

    /// Calls `each` for every live document that has a word, in order, unless it scores less than `min_share` of the best one; clears all
    /// cells.
    pub fn take(&mut self, min_share: f32, is_live: impl Fn(DocId) -> bool, mut each: impl FnMut(DocId, &Cell)) {
        let mut last = 0;
        let mut best = 0.0;
        for doc in &self.of_query {
            let cell = &self.cells[*doc as usize];
            if cell.words + cell.grams > best && cell.has_word && is_live(*doc) {
                best = cell.words + cell.grams;
            }
            last = last.max(*doc as usize + 1);
        }
        if self.of_query.len() > last / SCAN_RATIO {
            self.of_query.clear();
            self.of_query.extend((0..last as DocId).filter(|doc| self.cells[*doc as usize].in_query));
        } else {
            self.of_query.sort_unstable();
        }
        for doc in self.of_query.drain(..) {
            let cell = std::mem::take(&mut self.cells[doc as usize]);
            if cell.has_word && cell.words + cell.grams >= min_share * best && is_live(doc) {
                each(doc, &cell);
            }
        }
    }
}
