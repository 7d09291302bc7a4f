//! How a document stands in the index.
//!
//! Words stand in two fields, `names` (title and tags) and `body`, each under all its keys at its position. Positions tell more than
//! order: the body is cut into passages of at most [`PASSAGE`] words, each of which begins at a multiple of that number, and tags
//! begin at [`TAGS`]. A third field has the words' grams.

use tantivy::{
    TantivyDocument, TantivyError,
    schema::{FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{PreTokenizedString, Token},
};

use super::{Audience, Details, Document, DocumentKey, Visibility};
use crate::text::{Word, blocks, fold, grams, letter_pairs, words};

/// Most words of a passage, and the distance of passages in positions.
pub const PASSAGE: usize = 64;
/// Where the words of tags begin in the field of names; words of a longer title are not indexed.
pub const TAGS: usize = 1 << 10;
/// Positions from one tag to the next.
const TAG: usize = 16;
/// Stands before a word with its accents, where the same word without them is another key.
pub const ACCENTED: char = '=';

/// The index's fields.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    pub key: Field,
    /// What decides who is shown a document: see [`class`].
    pub class: Field,
    pub category: Field,
    pub tag: Field,
    pub shortcut: Field,
    pub names: Field,
    pub body: Field,
    pub grams: Field,
    /// How many words each passage has.
    pub passages: Field,
    /// The document as JSON.
    pub source: Field,
}

pub fn schema() -> (Schema, Fields) {
    let words =
        |option| TextOptions::default().set_indexing_options(TextFieldIndexing::default().set_tokenizer("raw").set_index_option(option));
    let mut schema = Schema::builder();
    let fields = Fields {
        key: schema.add_text_field("key", STRING | FAST),
        class: schema.add_text_field("class", STRING | FAST),
        category: schema.add_text_field("category", STRING | FAST),
        tag: schema.add_text_field("tag", STRING),
        shortcut: schema.add_text_field("shortcut", STRING),
        names: schema.add_text_field("names", words(IndexRecordOption::WithFreqsAndPositions)),
        body: schema.add_text_field("body", words(IndexRecordOption::WithFreqsAndPositions)),
        grams: schema.add_text_field("grams", words(IndexRecordOption::WithFreqs)),
        passages: schema.add_u64_field("passages", FAST),
        source: schema.add_text_field("source", STORED),
    };
    (schema.build(), fields)
}

/// A document's key as the index has it.
pub fn key_text(key: &DocumentKey) -> String {
    format!("{}\n{}\n{}", key.kind as i16, key.language, key.id)
}

/// Kind, language, and who may see it, a line each.
pub fn class(document: &Document) -> String {
    let access = match &document.details {
        Details::Article { audience: Audience::Public, .. } => "public".to_owned(),
        Details::Article { audience: Audience::Agents, .. } => "agents".to_owned(),
        Details::CannedAnswer { visibility: Visibility::Everyone, .. } => "everyone".to_owned(),
        Details::CannedAnswer { visibility: Visibility::Group(group), .. } => format!("group:{group}"),
        Details::CannedAnswer { visibility: Visibility::Agent(agent), .. } => format!("agent:{agent}"),
    };
    format!("{}\n{}\n{access}", document.kind() as i16, document.language)
}

/// A shortcut as it is compared: without the slash, case and accents.
pub fn shortcut_key(shortcut: &str) -> String {
    fold(shortcut.trim().trim_start_matches('/'))
}

/// A document as the index has it.
pub fn indexed(fields: Fields, document: &Document) -> Result<TantivyDocument, TantivyError> {
    let mut indexed = TantivyDocument::new();
    indexed.add_text(fields.key, key_text(&document.key()));
    indexed.add_text(fields.class, class(document));
    indexed.add_text(fields.category, &document.category);
    for tag in &document.tags {
        indexed.add_text(fields.tag, tag);
    }
    if let Details::CannedAnswer { shortcut, .. } = &document.details {
        indexed.add_text(fields.shortcut, shortcut_key(shortcut));
    }

    let language = document.language.primary();
    let mut all_grams = Vec::new();
    let mut names = Tokens::default();
    names.add(&document.title, language, 0, &mut all_grams);
    names.0.retain(|token| token.position < TAGS);
    for (number, tag) in document.tags.iter().enumerate() {
        names.add(tag, language, TAGS + number * TAG, &mut all_grams);
    }
    let mut body = Tokens::default();
    let mut from = 0;
    for block in blocks(&document.body) {
        for line in block.text.lines() {
            let mut rest = body.add(line, language, from, &mut all_grams);
            from += rest.next_multiple_of(PASSAGE);
            while rest > 0 {
                indexed.add_u64(fields.passages, rest.min(PASSAGE) as u64);
                rest -= rest.min(PASSAGE);
            }
        }
    }
    indexed.add_pre_tokenized_text(fields.names, names.done());
    indexed.add_pre_tokenized_text(fields.body, body.done());
    let mut grams = Tokens::default();
    for (position, gram) in all_grams.into_iter().enumerate() {
        grams.push(gram, position);
    }
    indexed.add_pre_tokenized_text(fields.grams, grams.done());
    let source = serde_json::to_string(document).map_err(|error| TantivyError::InternalError(error.to_string()))?;
    indexed.add_text(fields.source, source);
    Ok(indexed)
}

/// The grams of a word, or its pairs of letters if its script has no spaces.
pub fn word_grams(text: &str, word: &Word) -> Vec<String> {
    let pairs = letter_pairs(text, word);
    if pairs.is_empty() { grams(word.folded()) } else { pairs }
}

/// Tokens of a field, in the making.
#[derive(Default)]
struct Tokens(Vec<Token>);

impl Tokens {
    /// Adds the words of a text, every key of a word at its position, and gathers their grams; tells how many words there were.
    fn add(&mut self, text: &str, language: &str, from: usize, grams: &mut Vec<String>) -> usize {
        let found = words(text, language);
        let count = found.len();
        for (place, word) in found.into_iter().enumerate() {
            grams.extend(word_grams(text, &word));
            if let Some(accented) = &word.accented {
                self.push(format!("{ACCENTED}{accented}"), from + place);
            }
            for key in word.keys {
                self.push(key, from + place);
            }
        }
        count
    }

    fn push(&mut self, text: String, position: usize) {
        self.0.push(Token { offset_from: 0, offset_to: 0, position, text, position_length: 1 });
    }

    fn done(self) -> PreTokenizedString {
        PreTokenizedString { text: String::new(), tokens: self.0 }
    }
}
