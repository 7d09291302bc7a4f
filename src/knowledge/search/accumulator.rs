//! What each document of a segment has come to, while terms are read one after the other.

use tantivy::DocId;

use crate::knowledge::search::{corpus::Corpus, terms::Term};

/// From one touched cell in so many on, it is faster to look at all than to sort.
pub const SWEPT: usize = 16;
/// What grams count beside words.
pub const GRAM_WEIGHT: f32 = 0.3;
pub const GRAM_B: f32 = 0.75;
/// From this share of its grams on a word counts as found.
pub const GRAM_SHARE: f32 = 0.5;

/// Sums, a cell a document. Only cells that were touched are visited and cleared, so that a query costs what it finds.
#[derive(Default)]
pub struct Accumulator {
    pub cells: Vec<Cell>,
    /// Touched by this alternative's names, by this term, by this query.
    pub of_names: Vec<DocId>,
    pub of_term: Vec<DocId>,
    pub of_query: Vec<DocId>,
}

#[derive(Clone, Copy, Default)]
pub struct Cell {
    pub names: f32,
    pub best: f32,
    pub gram: f32,
    pub gram_idf: f32,
    pub words: f32,
    pub grams: f32,
    pub has_word: bool,
    pub in_term: bool,
    pub in_query: bool,
}

impl Accumulator {
    pub fn size(&mut self, documents: usize) {
        // What a query that failed left is not this one's.
        if !self.of_query.is_empty() || !self.of_term.is_empty() || !self.of_names.is_empty() {
            *self = Accumulator::default();
        }
        if self.cells.len() < documents {
            self.cells.resize(documents, Cell::default());
        }
    }

    pub fn add_names(&mut self, doc: DocId, frequency: f32) {
        if frequency > 0.0 {
            self.cells[doc as usize].names = frequency;
            self.of_names.push(doc);
        }
    }

    /// Of a document that has a key in its body, and maybe in its names.
    pub fn close_body(&mut self, doc: DocId, frequency: f32, weight: f32, corpus: &Corpus) {
        let cell = &mut self.cells[doc as usize];
        let score = weight * corpus.bent(std::mem::take(&mut cell.names) + frequency);
        cell.best = cell.best.max(score);
        if !cell.in_term {
            cell.in_term = true;
            self.of_term.push(doc);
        }
    }

    /// Of the documents that have a key in their names alone.
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
        let all: f32 = term.grams.iter().map(|gram| gram.idf).sum();
        for doc in self.of_term.drain(..) {
            let cell = &mut self.cells[doc as usize];
            cell.words += term.weight * term.idf * cell.best;
            cell.grams += GRAM_WEIGHT * term.weight * cell.gram;
            if cell.best > 0.0 || (all > 0.0 && cell.gram_idf >= GRAM_SHARE * all) {
                cell.has_word = true;
            }
            (cell.best, cell.gram, cell.gram_idf, cell.in_term) = (0.0, 0.0, 0.0, false);
            if !cell.in_query {
                cell.in_query = true;
                self.of_query.push(doc);
            }
        }
    }

    /// Hands out every document that has a word and is there, in order, unless it counts less than a share of the best one.
    pub fn take(&mut self, least: f32, is_there: impl Fn(DocId) -> bool, mut each: impl FnMut(DocId, f32, f32)) {
        let mut last = 0;
        let mut best = 0.0;
        for doc in &self.of_query {
            let cell = &self.cells[*doc as usize];
            if cell.words + cell.grams > best && cell.has_word && is_there(*doc) {
                best = cell.words + cell.grams;
            }
            last = last.max(*doc as usize + 1);
        }
        if self.of_query.len() > last / SWEPT {
            self.of_query.clear();
            self.of_query.extend((0..last as DocId).filter(|doc| self.cells[*doc as usize].in_query));
        } else {
            self.of_query.sort_unstable();
        }
        for doc in self.of_query.drain(..) {
            let cell = std::mem::take(&mut self.cells[doc as usize]);
            if cell.has_word && cell.words + cell.grams >= least * best && is_there(doc) {
                each(doc, cell.words, cell.grams);
            }
        }
    }
}
