//! How a document stands in the index.
//!
//! Words stand in two fields, `names` (title and tags) and `body`, each under all its keys at its position. Positions tell more than
//! order: the body is cut into passages of at most [`PASSAGE`] words, each of which begins at a multiple of that number, and tags
//! begin at [`TAGS`]. A third field has the words' grams.

use sha2::{Digest, Sha256};
use tantivy::{
    TantivyDocument, TantivyError,
    schema::{FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions},
    tokenizer::{Token, TokenStream, Tokenizer},
};

use crate::{
    knowledge::documents::document::{Audience, Details, Document, DocumentKey, Visibility},
    text::{Language, Word, blocks, fold, grams, letter_pairs, words},
};

/// Most words of a passage, and the distance of passages in positions.
pub const PASSAGE: usize = 64;
/// Where the words of tags begin in the field of names; words of a longer title are not indexed.
pub const TAGS: usize = 1 << 8;
/// Positions from one tag to the next.
const TAG: usize = 16;
/// Stands before a word with its accents, where the same word without them is another key.
pub const ACCENTED: char = '=';

/// The index's fields.
#[derive(Debug, Clone, Copy)]
pub struct Fields {
    pub key: Field,
    /// A number for each id, the same in all languages: see [`id_number`].
    pub id: Field,
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

/// Tells documents apart, whatever their language, and orders those that score the same: the first eight bytes of a SHA-256.
pub fn id_number(key: &DocumentKey) -> u64 {
    number_of(&format!("{}\n{}", key.kind as i16, key.id))
}

/// Tells languages apart.
pub fn language_number(language: &Language) -> u64 {
    number_of(language.as_str())
}

fn number_of(text: &str) -> u64 {
    let hash = Sha256::digest(text);
    u64::from_be_bytes(hash[..8].try_into().expect("it has 32 bytes"))
}

/// Kind, language, and who may see it, a line each.
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

/// A shortcut as it is compared: without the slash, case and accents.
pub fn shortcut_key(shortcut: &str) -> String {
    fold(shortcut.trim().trim_start_matches('/'))
}

/// A document as the index has it.
pub fn indexed(fields: Fields, document: &Document) -> Result<TantivyDocument, TantivyError> {
    let mut indexed = TantivyDocument::new();
    indexed.add_text(fields.key, key_text(&document.key()));
    indexed.add_u64(fields.id, id_number(&document.key()));
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
    let mut names = LinePositions::default();
    names.add(&document.title, language, TAGS, &mut grams);
    for (number, tag) in document.tags.iter().enumerate() {
        names.go_on_at(TAGS + number * TAG);
        names.add(tag, language, usize::MAX, &mut grams);
    }
    let mut body = LinePositions::default();
    for block in blocks(&document.body) {
        for line in block.text.lines() {
            body.go_on_at(body.position.next_multiple_of(PASSAGE));
            let mut rest = body.add(line, language, usize::MAX, &mut grams);
            while rest > 0 {
                indexed.add_u64(fields.passages, rest.min(PASSAGE) as u64);
                rest -= rest.min(PASSAGE);
            }
        }
    }
    indexed.add_text(fields.names, names.text);
    indexed.add_text(fields.body, body.text);
    indexed.add_text(fields.grams, grams);
    let source = serde_json::to_string(document).map_err(|error| TantivyError::InternalError(error.to_string()))?;
    indexed.add_text(fields.source, source);
    Ok(indexed)
}

/// The grams of a word, or its pairs of letters if its script has no spaces.
pub fn word_grams(text: &str, word: &Word) -> Vec<String> {
    let pairs = letter_pairs(text, word);
    if pairs.is_empty() { grams(word.folded()) } else { pairs }
}

/// The name of the tokenizer that reads [`LinePositions`].
pub const LINES: &str = "lines";

/// What a field says, as text: a line for each position, with the keys that stand there, a tab between two.
#[derive(Default)]
struct LinePositions {
    text: String,
    position: usize,
}

impl LinePositions {
    /// Adds the first `most` words of a text, every key of a word at its position, and gathers their grams; tells how many words.
    fn add(&mut self, text: &str, language: &str, most: usize, grams: &mut String) -> usize {
        let found = words(text, language);
        for word in found.iter().take(most) {
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
            self.go_on_at(self.position + 1);
        }
        found.len().min(most)
    }

    fn go_on_at(&mut self, position: usize) {
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
