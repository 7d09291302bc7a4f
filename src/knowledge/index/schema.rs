//! The index schema, and how a document is indexed.
//!
//! Words are in two fields, `names` (title and tags) and `body`, each under all its keys at its position. Positions carry more than order:
//! the body is cut into passages of at most [`PASSAGE`] words, each of which begins at a multiple of that number, and tags begin at
//! [`TAGS`]. A word that makes another with those after it (`e-mail`) has that one's key too. A third field has the words' character n-grams,
//! a fourth the vocabulary: the words as they are written, without stems, for what is half typed or misspelt.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};
use tantivy::{
    TantivyDocument, TantivyError,
    schema::{FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{Token, TokenStream, Tokenizer},
};

use crate::{
    ids::Id,
    knowledge::{
        documents::document::{Audience, Details, Document, DocumentKey, Kind, Visibility},
        index::needs::Needs,
        intents::intents,
        search::stop_words,
    },
    text::{Language, Word, blocks, fold, grams, letter_pairs, words},
};

/// Blocks of a body that its intents are read from: a text says early what it is about.
const INTENT_BLOCKS: usize = 8;
/// What a cue counts for a document's intents in its title, category, a tag, a phrase of `asked`, a block of its body.
const TITLE_INTENT: f32 = 3.0;
const CATEGORY_INTENT: f32 = 0.5;
const TAG_INTENT: f32 = 1.0;
const ASKED_INTENT: f32 = 0.4;
const BODY_INTENT: f32 = 0.15;
/// The length of a document's intents from which they count in full: what stands in passing in a body is no intent of the document.
const SURE_INTENT: f32 = 0.6;
/// Most words of a passage, and the distance of passages in positions.
pub const PASSAGE: usize = 64;
/// Where the words of tags begin in the field of names; words of a longer title are not indexed.
pub const TAGS: usize = 1 << 8;
/// Positions from one tag to the next.
pub const TAG: usize = 16;
/// Stands among the intents of a document whose title, category, tags or `asked` have any.
pub const NAMED: &str = "*";
/// How often the strongest possible intent of a document is indexed.
pub const INTENT_STEPS: f32 = 15.0;
/// Prefix of an accented word's key, where the same word without accents has another key.
pub const ACCENTED: char = '=';
/// Prefix of a word of the vocabulary written backwards, by which the compounds that end with a word are found.
pub const BACKWARDS: char = '~';
/// Languages that write compounds as one word.
const COMPOUNDING: [&str; 12] = ["da", "de", "et", "fi", "hu", "is", "nb", "nl", "nn", "no", "sv", "af"];
/// Letters of the shortest compound.
const MIN_COMPOUND: usize = 6;

/// The index's fields.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    pub key: Field,
    /// A number for each id, the same in all languages: see [`id_number`].
    pub id: Field,
    /// What decides who may see a document: see [`class`].
    pub class: Field,
    pub category: Field,
    pub tag: Field,
    pub shortcut: Field,
    pub names: Field,
    pub body: Field,
    /// How customers ask for it: each phrase begins at a multiple of [`PASSAGE`].
    pub asked: Field,
    pub grams: Field,
    /// What it is about: each intent as often as its share, at most [`INTENT_STEPS`] times.
    pub intents: Field,
    pub vocabulary: Field,
    /// How many words each passage has, and each phrase of `asked`.
    pub passages: Field,
    pub phrases: Field,
    /// What a canned answer needs to know of a chat: see [`Needs`].
    pub needs: Field,
    /// The document as JSON.
    pub source: Field,
}

pub fn schema() -> (Schema, Fields) {
    let words =
        |option| TextOptions::default().set_indexing_options(TextFieldIndexing::default().set_tokenizer(LINES).set_index_option(option));
    let mut schema = Schema::builder();
    let fields = Fields {
        key: schema.add_text_field("key", STRING),
        id: schema.add_u64_field("id", FAST),
        class: schema.add_text_field("class", STRING | FAST),
        category: schema.add_text_field("category", STRING | FAST),
        tag: schema.add_text_field("tag", STRING),
        shortcut: schema.add_text_field("shortcut", STRING),
        names: schema.add_text_field("names", words(IndexRecordOption::WithFreqsAndPositions)),
        body: schema.add_text_field("body", words(IndexRecordOption::WithFreqsAndPositions)),
        asked: schema.add_text_field("asked", words(IndexRecordOption::WithFreqsAndPositions)),
        grams: schema.add_text_field("grams", words(IndexRecordOption::WithFreqs)),
        intents: schema.add_text_field("intents", words(IndexRecordOption::WithFreqs)),
        vocabulary: schema.add_text_field("vocabulary", words(IndexRecordOption::Basic)),
        passages: schema.add_u64_field("passages", FAST),
        phrases: schema.add_u64_field("phrases", FAST),
        needs: schema.add_text_field("needs", FAST),
        source: schema.add_text_field("source", STORED),
    };
    (schema.build(), fields)
}

/// Returns a document's key as it is indexed.
pub fn key_text(key: &DocumentKey) -> String {
    format!("{}\n{}\n{}", key.kind as i16, key.language, key.id)
}

/// Identifies a document in all its languages, and orders documents that score the same: the first eight bytes of a SHA-256.
pub fn id_number(kind: Kind, id: &Id) -> u64 {
    hash_prefix(&format!("{}\n{id}", kind as i16))
}

/// Identifies a language.
pub fn language_number(language: &Language) -> u64 {
    hash_prefix(language.as_str())
}

fn hash_prefix(text: &str) -> u64 {
    let hash = Sha256::digest(text);
    u64::from_be_bytes(hash[..8].try_into().expect("it has 32 bytes"))
}

/// Returns a document's kind, language, and access, one per line.
pub fn class(document: &Document) -> String {
    let access = match &document.details {
        Details::Article { .. } => match document.audience() {
            Audience::Public => "public".to_owned(),
            Audience::Agents => "agents".to_owned(),
        },
        Details::CannedAnswer { visibility: Visibility::Everyone, .. } if document.withdrawn => "agents".to_owned(),
        Details::CannedAnswer { visibility: Visibility::Everyone, .. } => "everyone".to_owned(),
        Details::CannedAnswer { visibility: Visibility::Group(group), .. } => format!("group:{group}"),
        Details::CannedAnswer { visibility: Visibility::Agent(agent), .. } => format!("agent:{agent}"),
    };
    format!("{}\n{}\n{access}", document.kind() as i16, document.language)
}

/// Normalizes a shortcut for comparison: without the slash, case, and accents.
pub fn shortcut_key(shortcut: &str) -> String {
    fold(shortcut.trim().trim_start_matches('/'))
}

/// Converts a document to its index form.
pub fn indexed(fields: Fields, document: &Document) -> Result<TantivyDocument, TantivyError> {
    let mut indexed = TantivyDocument::new();
    indexed.add_text(fields.key, key_text(&document.key()));
    indexed.add_u64(fields.id, id_number(document.kind(), &document.id));
    indexed.add_text(fields.class, class(document));
    indexed.add_text(fields.category, &document.category);
    for tag in &document.tags {
        indexed.add_text(fields.tag, tag);
    }
    if let Details::CannedAnswer { shortcut, .. } = &document.details {
        indexed.add_text(fields.shortcut, shortcut_key(shortcut));
    }

    let language = document.language.primary();
    let mut grams = String::new();
    let mut vocabulary = BTreeSet::new();
    let mut names = LinePositions::default();
    names.add(&document.title, language, TAGS, (&mut grams, &mut vocabulary));
    for (number, tag) in document.tags.iter().enumerate() {
        names.skip_to(TAGS + number * TAG);
        names.add(tag, language, usize::MAX, (&mut grams, &mut vocabulary));
    }
    let mut body = LinePositions::default();
    for block in blocks(&document.body) {
        for line in block.text.lines() {
            body.skip_to(body.position.next_multiple_of(PASSAGE));
            let mut rest = body.add(line, language, usize::MAX, (&mut grams, &mut vocabulary));
            while rest > 0 {
                indexed.add_u64(fields.passages, rest.min(PASSAGE) as u64);
                rest -= rest.min(PASSAGE);
            }
        }
    }
    let mut asked = LinePositions::default();
    indexed.add_u64(fields.phrases, informative_words(&document.title, language));
    indexed.add_u64(fields.phrases, document.tags.len() as u64);
    for tag in &document.tags {
        indexed.add_u64(fields.phrases, informative_words(tag, language));
    }
    for phrase in &document.asked {
        asked.skip_to(asked.position.next_multiple_of(PASSAGE));
        asked.add(phrase, language, PASSAGE, (&mut grams, &mut vocabulary));
        indexed.add_u64(fields.phrases, informative_words(phrase, language));
    }
    indexed.add_text(fields.asked, asked.text);
    indexed.add_text(fields.intents, intent_text(document));
    if let Some(needs) = Needs::of(document) {
        indexed.add_text(fields.needs, needs.text());
    }
    indexed.add_text(fields.names, names.text);
    indexed.add_text(fields.body, body.text);
    indexed.add_text(fields.grams, grams);
    indexed.add_text(fields.vocabulary, vocabulary_lines(&vocabulary, language));
    let source = serde_json::to_string(document).map_err(|error| TantivyError::InternalError(error.to_string()))?;
    indexed.add_text(fields.source, source);
    Ok(indexed)
}

/// How many words of a phrase are not common; all of them if all are.
fn informative_words(phrase: &str, language: &str) -> u64 {
    let found = words(phrase, language);
    let informative = found.iter().filter(|word| stop_words::share(language, word.folded()) == 0.0).count();
    if informative == 0 { found.len() as u64 } else { informative as u64 }
}

/// The intents of a document, each as often as its share of all of them.
fn intent_text(document: &Document) -> String {
    let language = document.language.primary();
    let found = |text: &str| words(text, language);
    let mut texts = vec![(found(&document.title), TITLE_INTENT), (found(&document.category), CATEGORY_INTENT)];
    texts.extend(document.tags.iter().map(|tag| (found(tag), TAG_INTENT)));
    texts.extend(document.asked.iter().map(|phrase| (found(phrase), ASKED_INTENT)));
    let is_named = !intents(texts.iter().map(|(words, weight)| (words.as_slice(), *weight)), language).is_empty();
    texts.extend(blocks(&document.body).into_iter().take(INTENT_BLOCKS).map(|block| (found(&block.text), BODY_INTENT)));
    let intents = intents(texts.iter().map(|(words, weight)| (words.as_slice(), *weight)), language);
    let length = intents.iter().map(|(_, share)| share * share).sum::<f32>().sqrt().max(SURE_INTENT);
    let mut text = if is_named { format!("{NAMED}\t") } else { String::new() };
    for (intent, share) in intents {
        for _ in 0..(share / length * INTENT_STEPS).round() as usize {
            text.push_str(intent);
            text.push('\t');
        }
    }
    text
}

/// Returns whether a language writes compounds as one word.
pub fn is_compounding(language: &str) -> bool {
    COMPOUNDING.contains(&language)
}

/// Returns a word as the vocabulary has it written backwards.
pub fn backwards(folded: &str) -> String {
    std::iter::once(BACKWARDS).chain(folded.chars().rev()).collect()
}

fn vocabulary_lines(vocabulary: &BTreeSet<String>, language: &str) -> String {
    let mut lines = String::new();
    for word in vocabulary {
        lines.push_str(word);
        lines.push('\t');
        if is_compounding(language) && word.chars().count() >= MIN_COMPOUND && !word.bytes().any(|byte| byte.is_ascii_digit()) {
            lines.push_str(&backwards(word));
            lines.push('\t');
        }
    }
    lines
}

/// Returns the character n-grams of a word, or its pairs of letters if its script has no spaces.
pub fn word_grams(text: &str, word: &Word) -> Vec<String> {
    let pairs = letter_pairs(text, word);
    if pairs.is_empty() { grams(word.folded()) } else { pairs }
}

/// The name of the tokenizer that reads [`LinePositions`].
pub const LINES: &str = "lines";

/// A field as text: one line per position, with the keys at that position, separated by tabs.
#[derive(Default)]
struct LinePositions {
    text: String,
    position: usize,
}

impl LinePositions {
    /// Adds the first `limit` words of a text, every key of a word at its position, and adds their grams and themselves to the vocabulary;
    /// returns the number of words added.
    fn add(&mut self, text: &str, language: &str, limit: usize, (grams, vocabulary): (&mut String, &mut BTreeSet<String>)) -> usize {
        let found = words(text, language);
        let mut before: &[String] = &[];
        for word in found.iter().take(limit) {
            vocabulary.insert(word.folded().to_owned());
            // A joined word stands where it begins.
            for joined in word.joined().iter().filter(|joined| !before.contains(joined)) {
                vocabulary.insert(joined.clone());
                self.text.push_str(joined);
                self.text.push('\t');
            }
            before = word.joined();
            for gram in word_grams(text, word) {
                grams.push_str(&gram);
                grams.push('\t');
            }
            if let Some(accented) = word.accented() {
                self.text.push(ACCENTED);
                self.text.push_str(accented);
                self.text.push('\t');
            }
            for key in word.keys() {
                self.text.push_str(key);
                self.text.push('\t');
            }
            self.skip_to(self.position + 1);
        }
        found.len().min(limit)
    }

    fn skip_to(&mut self, position: usize) {
        self.text.extend(std::iter::repeat_n('\n', position.saturating_sub(self.position)));
        self.position = self.position.max(position);
    }
}

/// Reads [`LinePositions`].
#[derive(Clone, Default)]
pub struct LineTokenizer {
    token: Token,
}

pub struct LineTokens<'a> {
    rest: &'a str,
    position: usize,
    token: &'a mut Token,
}

impl Tokenizer for LineTokenizer {
    type TokenStream<'a> = LineTokens<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> LineTokens<'a> {
        LineTokens { rest: text, position: 0, token: &mut self.token }
    }
}

impl TokenStream for LineTokens<'_> {
    fn advance(&mut self) -> bool {
        while let Some(end) = self.rest.bytes().position(|byte| byte == b'\t' || byte == b'\n') {
            let (key, rest) = self.rest.split_at(end);
            let position = self.position;
            self.position += usize::from(rest.starts_with('\n'));
            self.rest = &rest[1..];
            if !key.is_empty() {
                self.token.text.clear();
                self.token.text.push_str(key);
                self.token.position = position;
                return true;
            }
        }
        false
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}
