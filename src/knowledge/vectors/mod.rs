//! What documents mean: vectors of an embeddings model, compared with what is asked.
//!
//! A number of a vector is kept as a byte, which takes a quarter of the room and moves a cosine by less than .01. Every document in reach
//! is compared: there is no second index to keep up.

pub mod vector_rows;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use tantivy::DocId;

use crate::knowledge::index::scope::SearchScope;
use crate::{
    facts::{MASK, masked},
    knowledge::{
        documents::document::{Document, DocumentKey},
        index::{
            schema::{id_number, language_number},
            snapshot::IndexSnapshot,
        },
        statistics::deviation,
    },
    text::paragraphs,
};

/// Words of a piece. A page is compared by its whole and by its best piece, half and half.
const PIECE: usize = 110;
/// From so many lines on, that have so many words at most in the mean, a body is a list of lines, compared by its best ones.
const LIST: usize = 40;
const LINE: usize = 30;
/// How many of a list's best lines count.
const BEST_LINES: usize = 3;
/// Most characters of a text that is embedded, and most pieces of a document: what stands after them is not compared.
const MAX_LETTERS: usize = 2000;
const MAX_PIECES: usize = 400;
/// As many documents more that are like nothing are counted in the mean: of a few, the mean would be those that fit.
const BACKGROUND: f32 = 4.0;
/// The correlation of what words and meaning count from which a model knows a language, and that of one that does not: all-MiniLM-L6-v2,
/// which was trained on English, had .44 to .52 on English tasks, .28 on German, .12 and less on Hungarian, Turkish and Russian ones.
const AGREES: f32 = 0.42;
const CHANCE: f32 = 0.3;
/// What is taken for the mean at first, and for how many questions that counts.
const TRUSTED: f32 = AGREES;
const TRUSTED_FOR: f32 = 5.0;
/// About how many questions are remembered, and how many documents must be compared for one to count.
const REMEMBERED: f32 = 200.0;
const MIN_COMPARED: usize = 10;
/// Cosines that lie nearer together tell documents apart by chance.
const MIN_SPREAD: f32 = 0.02;

/// The texts that tell what a document means, without what tells who somebody is.
#[derive(Debug, PartialEq, Eq)]
pub struct DocumentTexts {
    /// Whether the first one is the whole; the others are its pieces.
    pub whole: bool,
    pub texts: Vec<String>,
}

impl DocumentTexts {
    pub fn of(document: &Document) -> DocumentTexts {
        let paragraphs = paragraphs(&document.body);
        let lines: Vec<&str> = paragraphs.iter().flat_map(|paragraph| paragraph.lines()).filter(|line| !line.trim().is_empty()).collect();
        let words: Vec<&str> = lines.iter().flat_map(|line| line.split_whitespace()).collect();
        if lines.len() >= LIST && words.len() <= lines.len() * LINE {
            return DocumentTexts { whole: false, texts: lines.into_iter().take(MAX_PIECES).map(shortened).collect() };
        }
        let mut texts = vec![shortened(&format!("{}\n{}", document.title, lines.join("\n")))];
        // Pieces of one length, none much shorter than the others.
        let pieces = (words.len() + PIECE / 2) / PIECE;
        if pieces > 1 {
            let length = words.len().div_ceil(pieces);
            let piece = |words: &[&str]| shortened(&format!("{}\n{}", document.title, words.join(" ")));
            texts.extend(words.chunks(length).take(MAX_PIECES).map(piece));
        }
        DocumentTexts { whole: true, texts }
    }
}

/// A text as it may be embedded, its beginning if it is too long.
pub fn shortened(text: &str) -> String {
    let text = masked(text);
    let end = text.char_indices().nth(MAX_LETTERS).map_or(text.len(), |(end, _)| end);
    text[..end].trim().to_owned()
}

/// The same, its end if it is too long; empty if nothing is left of it but marks.
pub fn shortened_to_end(text: &str) -> String {
    let text = masked(text);
    let from = text.char_indices().rev().nth(MAX_LETTERS - 1).map_or(0, |(from, _)| from);
    if text.replace(MASK, "").trim().is_empty() { String::new() } else { text[from..].trim().to_owned() }
}

/// Vectors of a document, the first one of its whole if `whole`.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentVectors {
    pub whole: bool,
    pub length: usize,
    numbers: Vec<i8>,
    /// The length of each vector as an arrow.
    norms: Vec<f32>,
}

/// A document's vectors as they are kept, with the document's hash when they were made.
#[derive(Debug)]
pub struct KeptVectors {
    pub key: DocumentKey,
    pub hash: String,
    pub vectors: DocumentVectors,
}

impl DocumentVectors {
    pub fn new(whole: bool, vectors: &[Vec<f32>]) -> DocumentVectors {
        let length = vectors.first().map_or(1, Vec::len).max(1);
        let numbers = vectors.iter().flat_map(|vector| rounded(vector)).collect();
        DocumentVectors::of(whole, length, numbers)
    }

    /// Reads what [`DocumentVectors::bytes`] wrote.
    pub fn read(whole: bool, length: usize, bytes: &[u8]) -> DocumentVectors {
        DocumentVectors::of(whole, length, bytes.iter().map(|byte| byte.cast_signed()).collect())
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.numbers.iter().map(|number| number.cast_unsigned()).collect()
    }

    fn of(whole: bool, length: usize, numbers: Vec<i8>) -> DocumentVectors {
        let norms = numbers.chunks_exact(length).map(|vector| (product(vector, vector) as f32).sqrt()).collect();
        DocumentVectors { whole, length, numbers, norms }
    }

    /// How near the document is to what is asked, from -1 to 1.
    fn nearness(&self, asked: &QueryVector) -> f32 {
        if asked.numbers.len() != self.length || self.norms.is_empty() {
            return 0.0;
        }
        let cosine = |(vector, norm): (&[i8], &f32)| product(vector, &asked.numbers) as f32 / (norm * asked.norm).max(1.0);
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

/// A vector's numbers as bytes, the greatest of them as far as a byte goes.
fn rounded(vector: &[f32]) -> impl Iterator<Item = i8> {
    let most = vector.iter().fold(f32::MIN_POSITIVE, |most, number| most.max(number.abs()));
    vector.iter().map(move |number| (number / most * 127.0).round() as i8)
}

fn product(one: &[i8], other: &[i8]) -> i32 {
    one.iter().zip(other).map(|(one, other)| i32::from(*one) * i32::from(*other)).sum()
}

/// What is asked, as vectors.
#[derive(Debug, Clone, Default)]
pub struct Meaning {
    /// What was asked last: its nearness is the mean of these.
    recent: Vec<QueryVector>,
    /// What the conversation is about; none if it is the same.
    whole: Vec<QueryVector>,
}

#[derive(Debug, Clone)]
struct QueryVector {
    numbers: Vec<i8>,
    norm: f32,
}

impl Meaning {
    pub fn new(recent: &[Vec<f32>], whole: &[Vec<f32>]) -> Meaning {
        let asked = |vector: &Vec<f32>| {
            let numbers: Vec<i8> = rounded(vector).collect();
            QueryVector { norm: (product(&numbers, &numbers) as f32).sqrt(), numbers }
        };
        Meaning { recent: recent.iter().map(asked).collect(), whole: whole.iter().map(asked).collect() }
    }
}

/// How near documents are to what is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VectorHit {
    pub part: u32,
    pub doc: DocId,
    /// To what was asked last, and to what the conversation is about.
    pub recent: f32,
    pub whole: f32,
    /// From 0 to 1: how far `recent` is from what any document is to a perfect match.
    pub likeness: f32,
    /// From 0 to 1: how far the model is known to know the language.
    pub trust: f32,
}

impl VectorHit {
    /// How sure it is that the document fits, which its words say so far.
    pub fn confidence(&self, by_words: f64) -> f64 {
        let share = f64::from(self.trust) / 2.0;
        by_words * (1.0 - share) + f64::from(self.likeness) * share
    }

    pub fn place(&self) -> (u32, DocId) {
        (self.part, self.doc)
    }
}

/// The vectors of a workspace's documents.
#[derive(Debug, Clone, Default)]
pub struct Vectors {
    /// Up to this number of the catalog's counter.
    pub number: i64,
    by_document: HashMap<u64, Arc<DocumentVectors>>,
    agreement: Arc<Agreement>,
}

/// How far a model and the words have agreed of late, by language, for searches and for conversations: the mean of their correlations. A
/// model that does not know a language puts documents in an order of chance, and must not move what the words say.
#[derive(Debug, Default)]
struct Agreement(Mutex<HashMap<(String, QuerySource), RunningMean>>);

/// Who asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum QuerySource {
    Search,
    Conversation,
}

#[derive(Debug)]
struct RunningMean {
    sum: f32,
    weight: f32,
}

impl RunningMean {
    fn share(&self) -> f32 {
        ((self.sum / self.weight - CHANCE) / (AGREES - CHANCE)).clamp(0.0, 1.0)
    }
}

impl Agreement {
    /// Takes in what words and meaning say of the same documents, and tells the share of its weight that meaning deserves.
    fn take(&self, language: &str, asked: QuerySource, words: &[f32], meaning: &[f32]) -> f32 {
        let mut means = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mean = means.entry((language.to_owned(), asked)).or_insert(RunningMean { sum: TRUSTED * TRUSTED_FOR, weight: TRUSTED_FOR });
        // Where no word was found there is nothing to agree with.
        if words.len() >= MIN_COMPARED && words.iter().any(|word| *word > 0.0) {
            let fades = 1.0 - 1.0 / REMEMBERED;
            (mean.sum, mean.weight) = (mean.sum * fades + correlation(words, meaning), mean.weight * fades + 1.0);
        }
        mean.share()
    }

    fn share(&self, language: &str, asked: QuerySource) -> f32 {
        let means = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        means.get(&(language.to_owned(), asked)).map_or(1.0, RunningMean::share)
    }
}

/// Pearson's correlation.
fn correlation(one: &[f32], other: &[f32]) -> f32 {
    let mean = |values: &[f32]| values.iter().sum::<f32>() / values.len().max(1) as f32;
    let (of_one, of_other) = (mean(one), mean(other));
    let together = one.iter().zip(other).map(|(one, other)| (one - of_one) * (other - of_other)).sum::<f32>() / one.len().max(1) as f32;
    together / (deviation(one) * deviation(other))
}

impl Vectors {
    /// What the meaning of each of some documents adds to what its words count, `weight` times as much at most: nothing where it is not
    /// known. `words` and `meaning` are of the same documents.
    pub fn gains(&self, language: &str, asked: QuerySource, weight: f32, words: &[f32], meaning: &[Option<f32>]) -> Vec<f32> {
        let (known_words, known): (Vec<f32>, Vec<f32>) =
            words.iter().zip(meaning).filter_map(|(words, meaning)| Some((*words, (*meaning)?))).unzip();
        let mean = known.iter().sum::<f32>() / known.len().max(1) as f32;
        let share = self.agreement.take(language, asked, &known_words, &known);
        let weight = weight * share * deviation(words) / deviation(&known).max(MIN_SPREAD);
        meaning.iter().map(|meaning| meaning.map_or(0.0, |meaning| weight * (meaning - mean))).collect()
    }

    pub fn is_empty(&self) -> bool {
        self.by_document.is_empty()
    }

    pub fn take(&mut self, number: i64, key: &DocumentKey, vectors: DocumentVectors) {
        let document = id_number(key) ^ language_number(&key.language);
        if vectors.norms.is_empty() {
            self.by_document.remove(&document);
        } else {
            self.by_document.insert(document, Arc::new(vectors));
        }
        self.number = number;
    }

    /// Compares every document of a scope that has vectors, in the order of parts and documents.
    pub fn near(
        &self,
        view: &IndexSnapshot,
        scope: &SearchScope<'_>,
        meaning: &Meaning,
        language: &str,
        asked: QuerySource,
    ) -> Vec<VectorHit> {
        let mut found = Vec::new();
        if self.is_empty() || meaning.recent.is_empty() {
            return found;
        }
        let length = meaning.recent[0].numbers.len();
        for (number, part) in view.parts.iter().enumerate() {
            let languages: Vec<u64> = part.classes.iter().map(|class| language_number(&class.language)).collect();
            for doc in 0..part.class_of.len() as DocId {
                if !scope.takes(view, number, doc) || scope.only.is_some_and(|only| !only[number].contains(doc)) {
                    continue;
                }
                let document = view.id(number as u32, doc) ^ languages[part.class_of[doc as usize] as usize];
                if let Some(vectors) = self.by_document.get(&document).filter(|vectors| vectors.length == length) {
                    let mean = |asked: &[QueryVector]| asked.iter().map(|asked| vectors.nearness(asked)).sum::<f32>() / asked.len() as f32;
                    let recent = mean(&meaning.recent);
                    let whole = if meaning.whole.is_empty() { recent } else { mean(&meaning.whole) };
                    found.push(VectorHit { part: number as u32, doc, recent, whole, likeness: 0.0, trust: 0.0 });
                }
            }
        }
        // Models differ in how near anything is to anything.
        let mean = found.iter().map(|meant| meant.recent).sum::<f32>() / (found.len() as f32 + BACKGROUND);
        let share = self.agreement.share(language, asked);
        for meant in &mut found {
            meant.trust = share;
            meant.likeness = ((meant.recent - mean) / (1.0 - mean)).clamp(0.0, 1.0);
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
            vectors.gains("en", QuerySource::Search, 1.0, &words, &known);
            vectors.gains("tr", QuerySource::Search, 1.0, &words, &chance);
        }
        assert!(vectors.gains("en", QuerySource::Search, 1.0, &words, &known)[0] > 0.0);
        assert!(vectors.gains("tr", QuerySource::Search, 1.0, &words, &chance).iter().all(|gain| *gain == 0.0));
        // What the words of nobody find tells nothing about the model.
        for _ in 0..1000 {
            vectors.gains("en", QuerySource::Search, 1.0, &[0.0; 40], &chance);
        }
        assert!(vectors.gains("en", QuerySource::Search, 1.0, &words, &known)[0] > 0.0);
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
        assert!((document.nearness(&meaning.recent[0]) - exact).abs() < 0.01);
        assert_eq!(DocumentVectors::read(true, 384, &document.bytes()), document);
        assert_eq!(document.nearness(&Meaning::new(&[vec![1.0; 3]], &[]).recent[0]), 0.0, "another model's vector is like nothing");
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
        assert!(DocumentTexts::of(&document("x".repeat(100_000))).texts[0].chars().count() <= MAX_LETTERS);
    }
}
