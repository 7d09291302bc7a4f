//! Vector search: document embeddings, compared with the query's.
//!
//! Each number of a vector is quantized to a byte, which takes a quarter of the memory and changes a cosine by less than .01. Every
//! document in scope is compared: there is no second index to maintain.

pub mod vector_rows;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tantivy::DocId;

use crate::{
    facts::{MASK, masked},
    knowledge::{
        documents::document::{Document, DocumentKey},
        index::{
            schema::{id_number, language_number},
            scope::SearchScope,
            snapshot::IndexSnapshot,
        },
        statistics::deviation,
    },
    text::paragraphs,
};

/// Words per piece. A page's score is the mean of its whole and its best piece.
const PIECE_WORDS: usize = 110;
/// A body with at least LIST lines of at most LINE words on average is a list of lines, scored by its best ones.
const MIN_LIST_LINES: usize = 40;
const MAX_LINE_WORDS: usize = 30;
/// Lines of a list that are scored: the best ones.
const BEST_LINES: usize = 3;
/// Most characters of an embedded text, and most pieces of a document: anything beyond is not compared.
const MAX_CHARS: usize = 2000;
const MAX_PIECES: usize = 400;
/// Virtual documents with a cosine of 0 that are counted in the mean: with few documents, the mean would be that of the matches.
const VIRTUAL_DOCUMENTS: f32 = 4.0;
/// Correlation of word and vector scores from which on a model knows a language, and that of a model that does not: all-MiniLM-L6-v2, which
/// was trained on English, had .44 to .52 on English tasks, .28 on German, .12 and less on Hungarian, Turkish and Russian ones.
const KNOWN_LANGUAGE: f32 = 0.42;
const UNKNOWN_LANGUAGE: f32 = 0.3;
/// The initial mean, and the number of queries that it weighs as.
const INITIAL_MEAN: f32 = KNOWN_LANGUAGE;
const INITIAL_WEIGHT: f32 = 5.0;
/// About how many queries the mean remembers, and how many documents must be compared for a query to count.
const REMEMBERED_QUERIES: f32 = 200.0;
const MIN_COMPARED: usize = 10;
/// What likeness says of a suggestion's probability, in its logit, and the likeness that says nothing: logistic regressions over the
/// suggestions for 378 labelled chats of two shops had 3.3 to 3.9, with multilingual-e5-small.
const LIKENESS: f32 = 3.5;
const TYPICAL_LIKENESS: f32 = 0.41;
/// A smaller standard deviation of the cosines distinguishes documents only by chance.
const MIN_SPREAD: f32 = 0.02;

/// The texts of a document to embed, without personal data.
#[derive(Debug, PartialEq, Eq)]
pub struct DocumentTexts {
    /// Whether the first text is the whole document; the others are its pieces.
    pub whole: bool,
    /// Up to 2,000 characters each: one for the whole, unless it is a list, and at most 400 pieces or lines.
    pub texts: Vec<String>,
}

impl DocumentTexts {
    /// Takes a document apart: a list of many short lines into its lines, anything else into the whole and pieces of 110 words.
    pub fn of(document: &Document) -> DocumentTexts {
        let paragraphs = paragraphs(&document.body);
        let lines: Vec<&str> = paragraphs.iter().flat_map(|paragraph| paragraph.lines()).filter(|line| !line.trim().is_empty()).collect();
        let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
        if lines.len() >= MIN_LIST_LINES && words.len() <= lines.len() * MAX_LINE_WORDS {
            return DocumentTexts { whole: false, texts: lines.into_iter().take(MAX_PIECES).map(shortened).collect() };
        }
        let mut texts = vec![shortened(&format!("{}\n{}", document.title, lines.join("\n")))];
        // Pieces of equal length, none much shorter than the others.
        let pieces = (words.len() + PIECE_WORDS / 2) / PIECE_WORDS;
        if pieces > 1 {
            let length = words.len().div_ceil(pieces);
            let piece = |words: &[&str]| shortened(&format!("{}\n{}", document.title, words.join(" ")));
            texts.extend(words.chunks(length).take(MAX_PIECES).map(piece));
        }
        texts.extend(document.asked.iter().map(|phrase| shortened(phrase)));
        DocumentTexts { whole: true, texts }
    }
}

/// Masks a text for embedding, and keeps its beginning if it is too long.
pub fn shortened(text: &str) -> String {
    let text = masked(text);
    let end = text.char_indices().nth(MAX_CHARS).map_or(text.len(), |(end, _)| end);
    text[..end].trim().to_owned()
}

/// Masks a text for embedding, and keeps its end if it is too long; returns an empty text if only mask marks are left.
pub fn shortened_to_end(text: &str) -> String {
    let text = masked(text);
    let from = text.char_indices().rev().nth(MAX_CHARS - 1).map_or(0, |(from, _)| from);
    if text.replace(MASK, "").trim().is_empty() { String::new() } else { text[from..].trim().to_owned() }
}

/// The vectors of a document; the first one is the whole document's if `whole`.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentVectors {
    /// Whether the first vector is the whole document's; otherwise each is a line's.
    pub whole: bool,
    /// Numbers per vector; all vectors of a model have as many.
    pub length: usize,
    numbers: Vec<i8>,
    /// The Euclidean norm of each vector.
    norms: Vec<f32>,
}

/// A document's vectors as stored, with the hash that the document had when they were made.
#[derive(Debug)]
pub struct KeptVectors {
    /// Which version of which document they are of.
    pub key: DocumentKey,
    /// The hash of the content that was embedded; another one than the document's: they are out of date.
    pub hash: String,
    /// The vectors of the content with that hash.
    pub vectors: DocumentVectors,
}

impl DocumentVectors {
    /// Quantizes vectors of equal length, in the order of their texts.
    pub fn new(whole: bool, vectors: &[Vec<f32>]) -> DocumentVectors {
        let length = vectors.first().map_or(1, Vec::len).max(1);
        let numbers = vectors.iter().flat_map(|vector| quantized(vector)).collect();
        DocumentVectors::of(whole, length, numbers)
    }

    /// Reads what [`DocumentVectors::bytes`] wrote.
    pub fn read(whole: bool, length: usize, bytes: &[u8]) -> DocumentVectors {
        DocumentVectors::of(whole, length, bytes.iter().map(|byte| byte.cast_signed()).collect())
    }

    /// Returns the numbers of all vectors one after another, a byte each, in two's complement.
    pub fn bytes(&self) -> Vec<u8> {
        self.numbers.iter().map(|number| number.cast_unsigned()).collect()
    }

    fn of(whole: bool, length: usize, numbers: Vec<i8>) -> DocumentVectors {
        let norms = numbers.chunks_exact(length).map(|vector| (product(vector, vector) as f32).sqrt()).collect();
        DocumentVectors { whole, length, numbers, norms }
    }

    /// Returns the similarity of the document to a query, from -1 to 1.
    fn similarity(&self, query: &QueryVector) -> f32 {
        if query.numbers.len() != self.length || self.norms.is_empty() {
            return 0.0;
        }
        let cosine = |(vector, norm): (&[i8], &f32)| product(vector, &query.numbers) as f32 / (norm * query.norm).max(1.0);
        let mut cosines = self.numbers.chunks_exact(self.length).zip(&self.norms).map(cosine);
        if self.whole {
            let whole = cosines.next().unwrap_or_default();
            return cosines.reduce(f32::max).map_or(whole, |best| (whole + best) / 2.0);
        }
        let mut best = [f32::MIN; BEST_LINES];
        for cosine in cosines {
            if cosine > best[BEST_LINES - 1] {
                best[BEST_LINES - 1] = cosine;
                best.sort_unstable_by(|one, other| other.total_cmp(one));
            }
        }
        best[..self.norms.len().min(BEST_LINES)].iter().sum::<f32>() / self.norms.len().min(BEST_LINES) as f32
    }
}

/// Quantizes a vector to bytes, scaled so that its largest number uses the full range.
fn quantized(vector: &[f32]) -> impl Iterator<Item = i8> {
    let largest = vector.iter().fold(f32::MIN_POSITIVE, |largest, number| largest.max(number.abs()));
    vector.iter().map(move |number| (number / largest * 127.0).round() as i8)
}

fn product(one: &[i8], other: &[i8]) -> i32 {
    one.iter().zip(other).map(|(one, other)| i32::from(*one) * i32::from(*other)).sum()
}

/// The embeddings of a query.
#[derive(Debug, Clone, Default)]
pub struct Meaning {
    /// The last question: similarity to it is the mean over these.
    recent: Vec<QueryVector>,
    /// The topic of the conversation; empty if it equals `recent`.
    whole: Vec<QueryVector>,
}

#[derive(Debug, Clone)]
struct QueryVector {
    numbers: Vec<i8>,
    norm: f32,
}

impl Meaning {
    /// Quantizes the vectors of the last question, and of the whole conversation; `whole` is empty if they are the same, as in a search.
    pub fn new(recent: &[Vec<f32>], whole: &[Vec<f32>]) -> Meaning {
        let query_vector = |vector: &Vec<f32>| {
            let numbers: Vec<i8> = quantized(vector).collect();
            QueryVector { norm: (product(&numbers, &numbers) as f32).sqrt(), numbers }
        };
        Meaning { recent: recent.iter().map(query_vector).collect(), whole: whole.iter().map(query_vector).collect() }
    }
}

/// A document's similarity to a query.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorHit {
    pub segment: u32,
    pub doc: DocId,
    /// To the last question, and to the topic of the conversation.
    pub recent: f32,
    pub whole: f32,
    /// Where `recent` lies between the average document, 0, and a perfect match, 1.
    pub likeness: f32,
    /// How well the model is known to know the language, from 0 to 1.
    pub trust: f32,
}

impl VectorHit {
    /// Returns the probability that the document is taken, where all but its meaning gives `probability`: nearness moves its logit.
    pub fn probability(&self, probability: f64) -> f64 {
        let logit = (probability / (1.0 - probability)).ln() + f64::from(self.trust * LIKENESS * (self.likeness - TYPICAL_LIKENESS));
        1.0 / (1.0 + (-logit).exp())
    }

    /// Returns the confidence that the document matches, where its words alone give `by_words`.
    pub fn confidence(&self, by_words: f64) -> f64 {
        let share = f64::from(self.trust) / 2.0;
        by_words * (1.0 - share) + f64::from(self.likeness) * share
    }

    pub fn place(&self) -> (u32, DocId) {
        (self.segment, self.doc)
    }
}

/// The vectors of a workspace's documents.
#[derive(Debug, Clone, Default)]
pub struct Vectors {
    /// The catalog change that they are up to date with.
    pub number: i64,
    by_document: HashMap<u64, Arc<DocumentVectors>>,
    agreement: Arc<Agreement>,
}

/// How well a model and the words have agreed lately, by language: the mean of their correlations over searches. A model that does not know
/// a language ranks documents by chance, and must not change the word ranking. Chats say little of it: few of their words are a document's.
#[derive(Debug, Default)]
struct Agreement(Mutex<HashMap<String, RunningMean>>);

#[derive(Debug)]
struct RunningMean {
    sum: f32,
    weight: f32,
}

impl RunningMean {
    fn share(&self) -> f32 {
        ((self.sum / self.weight - UNKNOWN_LANGUAGE) / (KNOWN_LANGUAGE - UNKNOWN_LANGUAGE)).clamp(0.0, 1.0)
    }
}

impl Agreement {
    /// Records the word and vector scores of the same documents.
    fn observe(&self, language: &str, words: &[f32], meaning: &[f32]) {
        let mut means = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mean = means.entry(language.to_owned()).or_insert(RunningMean { sum: INITIAL_MEAN * INITIAL_WEIGHT, weight: INITIAL_WEIGHT });
        // Without a matching word there is nothing to correlate.
        if words.len() >= MIN_COMPARED && words.iter().any(|word| *word > 0.0) {
            let decay = 1.0 - 1.0 / REMEMBERED_QUERIES;
            (mean.sum, mean.weight) = (mean.sum * decay + correlation(words, meaning), mean.weight * decay + 1.0);
        }
    }

    fn share(&self, language: &str) -> f32 {
        let means = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        means.get(language).map_or(1.0, RunningMean::share)
    }
}

/// Pearson's correlation coefficient.
fn correlation(one: &[f32], other: &[f32]) -> f32 {
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len().max(1) as f32;
    let (mean_of_one, mean_of_other) = (mean(one), mean(other));
    let covariance =
        one.iter().zip(other).map(|(one, other)| (one - mean_of_one) * (other - mean_of_other)).sum::<f32>() / one.len().max(1) as f32;
    covariance / (deviation(one) * deviation(other))
}

impl Vectors {
    /// Learns from a search how well the model and the words agree in a language, by the documents in it.
    pub fn observe(&self, language: &str, words: &[f32], meaning: &[Option<f32>]) {
        let (words, meaning): (Vec<f32>, Vec<f32>) =
            words.iter().zip(meaning).filter_map(|(words, meaning)| Some((*words, (*meaning)?))).unzip();
        self.agreement.observe(language, &words, &meaning);
    }

    /// Returns what each document's vector score adds to its word score, at most `weight` times as much: nothing for a document without
    /// vectors. `words` and `meaning` are of the same documents.
    pub fn gains(&self, language: &str, weight: f32, words: &[f32], meaning: &[Option<f32>]) -> Vec<f32> {
        let known: Vec<f32> = meaning.iter().flatten().copied().collect();
        let mean = known.iter().sum::<f32>() / known.len().max(1) as f32;
        let share = self.agreement.share(language);
        let weight = weight * share * deviation(words) / deviation(&known).max(MIN_SPREAD);
        meaning.iter().map(|meaning| meaning.map_or(0.0, |meaning| weight * (meaning - mean))).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.by_document.is_empty()
    }

    pub fn take(&mut self, number: i64, key: &DocumentKey, vectors: DocumentVectors) {
        let document = id_number(key.kind, &key.id) ^ language_number(&key.language);
        if vectors.norms.is_empty() {
            self.by_document.remove(&document);
        } else {
            self.by_document.insert(document, Arc::new(vectors));
        }
        self.number = number;
    }

    /// Compares a query with every document of a scope that has vectors, in order of segment and document id.
    pub fn near(&self, snapshot: &IndexSnapshot, scope: &SearchScope<'_>, meaning: &Meaning, language: &str) -> Vec<VectorHit> {
        let mut found = Vec::new();
        if self.is_empty() || meaning.recent.is_empty() {
            return found;
        }
        let length = meaning.recent[0].numbers.len();
        for (number, segment) in snapshot.segments.iter().enumerate() {
            let languages: Vec<u64> = segment.classes.iter().map(|class| language_number(&class.language)).collect();
            for doc in 0..segment.class_of.len() as DocId {
                if !scope.takes(snapshot, number, doc) || scope.only.is_some_and(|only| !only[number].contains(doc)) {
                    continue;
                }
                let document = snapshot.id(number as u32, doc) ^ languages[segment.class_of[doc as usize] as usize];
                if let Some(vectors) = self.by_document.get(&document).filter(|vectors| vectors.length == length) {
                    let mean =
                        |query: &[QueryVector]| query.iter().map(|query| vectors.similarity(query)).sum::<f32>() / query.len() as f32;
                    let recent = mean(&meaning.recent);
                    let whole = if meaning.whole.is_empty() { recent } else { mean(&meaning.whole) };
                    found.push(VectorHit { segment: number as u32, doc, recent, whole, likeness: 0.0, trust: 0.0 });
                }
            }
        }
        // Models differ in the similarity of unrelated texts.
        let mean = found.iter().map(|hit| hit.recent).sum::<f32>() / (found.len() as f32 + VIRTUAL_DOCUMENTS);
        let share = self.agreement.share(language);
        for hit in &mut found {
            hit.trust = share;
            hit.likeness = ((hit.recent - mean) / (1.0 - mean)).clamp(0.0, 1.0);
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_does_not_know_a_language_moves_nothing() {
        let words: Vec<f32> = (0..40).map(|number| (40 - number) as f32).collect();
        let known: Vec<f32> = words.iter().map(|word| word / 100.0).collect();
        let chance: Vec<f32> = (0..40).map(|number| ((number * 17) % 40) as f32 / 100.0).collect();
        let vectors = Vectors::default();
        let [known, chance] = [known, chance].map(|meaning| meaning.into_iter().map(Some).collect::<Vec<Option<f32>>>());
        for _ in 0..50 {
            vectors.observe("en", &words, &known);
            vectors.observe("tr", &words, &chance);
        }
        assert!(vectors.gains("en", 1.0, &words, &known)[0] > 0.0);
        assert!(vectors.gains("tr", 1.0, &words, &chance).iter().all(|gain| *gain == 0.0));
        // Queries without a word match say nothing about the model.
        for _ in 0..1000 {
            vectors.observe("en", &[0.0; 40], &chance);
        }
        assert!(vectors.gains("en", 1.0, &words, &known)[0] > 0.0);
    }

    #[test]
    fn bytes_are_near_enough() {
        let vector = |seed: u32| -> Vec<f32> {
            let mut state = seed;
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 24) as f32 - 0.4
            };
            (0..384).map(|_| next()).collect()
        };
        let (one, other) = (vector(1), vector(2));
        let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
        let exact = dot(&one, &other) / (dot(&one, &one) * dot(&other, &other)).sqrt();
        let document = DocumentVectors::new(true, std::slice::from_ref(&one));
        let meaning = Meaning::new(std::slice::from_ref(&other), &[]);
        assert!((document.similarity(&meaning.recent[0]) - exact).abs() < 0.01);
        assert_eq!(DocumentVectors::read(true, 384, &document.bytes()), document);
        assert_eq!(document.similarity(&Meaning::new(&[vec![1.0; 3]], &[]).recent[0]), 0.0, "another model's vector is like nothing");
    }

    #[test]
    fn pages_have_a_whole_and_pieces_and_lists_have_lines() {
        let document = |body: String| Document {
            id: crate::ids::Id::new("a").unwrap(),
            language: crate::text::Language::parse("en").unwrap(),
            title: "Returns".into(),
            body,
            category: String::new(),
            tags: Vec::new(),
            asked: Vec::new(),
            from_folder: false,
            updated_at: Default::default(),
            withdrawn: false,
            details: crate::knowledge::documents::document::Details::Article {
                audience: crate::knowledge::documents::document::Audience::Public,
                url: String::new(),
            },
        };
        let short = DocumentTexts::of(&document("Send it *back* to ann@example.com.".into()));
        assert_eq!(short, DocumentTexts { whole: true, texts: vec!["Returns\nSend it back to ⟦…⟧.".into()] });
        let long = DocumentTexts::of(&document("word ".repeat(260)));
        assert_eq!((long.whole, long.texts.len()), (true, 3));
        assert_eq!(long.texts[1].split_whitespace().count(), 131);
        let list = DocumentTexts::of(&document("where is my money\nI want a refund, and soon please\n".repeat(20)));
        assert_eq!((list.whole, list.texts.len()), (false, 40));
        assert!(DocumentTexts::of(&document("x".repeat(100_000))).texts[0].chars().count() <= MAX_CHARS);
    }
}
