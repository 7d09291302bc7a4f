//! Scoring: every document that has a word of a query, term by term.
//!
//! BM25F (Zaragoza et al., TREC 2004) over names and body: what a field adds is weighed before it is bent, so that a word in the title
//! and in the text counts once. Of a word's alternatives the best counts. Grams add a share of their own.

use std::cell::RefCell;

use tantivy::{BitSet, DocId, DocSet, TERMINATED, fieldnorm::FieldNormReader, postings::Postings, schema::IndexRecordOption};

use crate::{
    knowledge::{
        documents::document::Kind,
        index::snapshot::{Class, IndexSegment, IndexSnapshot, Sizes},
        search::{query::Reader, terms::Term},
    },
    text::Language,
};

/// BM25's k1 where documents are single passages, and how it rises with their number.
const K1: f32 = 1.2;
const K1_RISE: f32 = 0.35;
/// The same, and b of the body, where a whole conversation is looked for: most of its words are beside the point, and long documents
/// have more of those.
const WHOLE_K1_RISE: f32 = 0.1;
const WHOLE_B: f32 = 0.9;
/// For each field, BM25's b and its weight.
const FIELD_B: [f32; 2] = [0.6, 0.75];
const FIELD_WEIGHT: [f32; 2] = [2.0, 1.0];
/// What grams count beside words.
const GRAM_WEIGHT: f32 = 0.3;
const GRAM_B: f32 = 0.75;
/// From this share of its grams on a word counts as found.
const GRAM_SHARE: f32 = 0.5;
/// What the best passages count beside the whole, in long lists.
const PASSAGES: f32 = 0.7;
/// Norms are kept as a byte.
const NORMS: usize = 256;
/// Most occurrences that are read for one query: of a long one, what says least goes unread. About half a
/// millisecond.
const MAX_READ: u64 = 100_000;

/// Which documents are looked at.
pub struct SearchScope<'a> {
    pub kinds: &'a [Kind],
    /// `None`: any.
    pub language: Option<&'a Language>,
    pub reader: &'a Reader,
    /// By part, what else must hold.
    pub only: Option<&'a [BitSet]>,
}

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

impl SearchScope<'_> {
    /// Whether it has the documents of a class.
    pub fn has(&self, class: &Class) -> bool {
        self.kinds.contains(&class.kind)
            && self.language.is_none_or(|language| class.language == *language)
            && class.is_seen_by(self.reader)
    }

    /// Whether it has a document.
    pub fn takes(&self, view: &IndexSnapshot, part: usize, doc: DocId) -> bool {
        let part = &view.parts[part];
        part.is_alive(doc) && self.has(&part.classes[part.class_of[doc as usize] as usize])
    }

    /// How many documents it has, and how long they are, by kind.
    pub fn sizes(&self, view: &IndexSnapshot, kind: Option<Kind>) -> Sizes {
        let mut sizes = Sizes::default();
        for class in view.parts.iter().flat_map(|part| &part.classes) {
            if self.has(class) && kind.is_none_or(|kind| class.kind == kind) {
                sizes.add(&class.sizes);
            }
        }
        sizes
    }
}

/// What the documents of a scope are like.
#[derive(Debug, Clone, Copy)]
pub struct Corpus {
    pub documents: u64,
    /// How many passages a document has on average.
    pub passages: f32,
    k1: f32,
    /// BM25's b of the body.
    b: f32,
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

/// From one touched cell in so many on, it is faster to look at all than to sort.
const SWEPT: usize = 16;

thread_local! {
    static ACCUMULATOR: RefCell<Accumulator> = RefCell::default();
}

/// Sums, a cell a document. Only cells that were touched are visited and cleared, so that a query costs what it finds.
#[derive(Default)]
struct Accumulator {
    cells: Vec<Cell>,
    /// Touched by this alternative's names, by this term, by this query.
    of_names: Vec<DocId>,
    of_term: Vec<DocId>,
    of_query: Vec<DocId>,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    names: f32,
    best: f32,
    gram: f32,
    gram_idf: f32,
    words: f32,
    grams: f32,
    has_word: bool,
    in_term: bool,
    in_query: bool,
}

impl Accumulator {
    fn size(&mut self, documents: usize) {
        // What a query that failed left is not this one's.
        if !self.of_query.is_empty() || !self.of_term.is_empty() || !self.of_names.is_empty() {
            *self = Accumulator::default();
        }
        if self.cells.len() < documents {
            self.cells.resize(documents, Cell::default());
        }
    }

    fn add_names(&mut self, doc: DocId, frequency: f32) {
        if frequency > 0.0 {
            self.cells[doc as usize].names = frequency;
            self.of_names.push(doc);
        }
    }

    /// Of a document that has a key in its body, and maybe in its names.
    fn close_body(&mut self, doc: DocId, frequency: f32, weight: f32, corpus: &Corpus) {
        let cell = &mut self.cells[doc as usize];
        let score = weight * corpus.bent(std::mem::take(&mut cell.names) + frequency);
        cell.best = cell.best.max(score);
        if !cell.in_term {
            cell.in_term = true;
            self.of_term.push(doc);
        }
    }

    /// Of the documents that have a key in their names alone.
    fn close_names(&mut self, weight: f32, corpus: &Corpus) {
        for place in 0..self.of_names.len() {
            let doc = self.of_names[place];
            if self.cells[doc as usize].names > 0.0 {
                self.close_body(doc, 0.0, weight, corpus);
            }
        }
        self.of_names.clear();
    }

    fn add_gram(&mut self, doc: DocId, score: f32, idf: f32) {
        let cell = &mut self.cells[doc as usize];
        cell.gram += score;
        cell.gram_idf += idf;
        if !cell.in_term {
            cell.in_term = true;
            self.of_term.push(doc);
        }
    }

    fn close_term(&mut self, term: &Term) {
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
    fn take(&mut self, least: f32, is_there: impl Fn(DocId) -> bool, mut each: impl FnMut(DocId, f32, f32)) {
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
