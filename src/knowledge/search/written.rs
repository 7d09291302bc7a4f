//! Whether documents write a word, letter by letter.

use tantivy::{DocSet, TERMINATED, schema::IndexRecordOption};

use crate::{
    knowledge::{
        documents::document::Kind, documents::reader::Reader, error::KnowledgeError, index::Index, index::scope::SearchScope,
        search::lookup::fields,
    },
    text::words,
};

/// Of how many documents that may have a word it is looked whether they have it.
const MAX_READ: usize = 8;

/// Whether any of some documents that every agent may see writes a word, given in lower case, in a language. Searches find `sipariş` by
/// `siparis`; here they are two words.
pub fn is_written(index: &Index, word: &str, language: &str) -> Result<bool, KnowledgeError> {
    let view = index.snapshot();
    let reader = Reader::agent(String::new(), Vec::new());
    let scope = SearchScope { kinds: &[Kind::Article, Kind::CannedAnswer], language: None, reader: &reader, only: None };
    let own = words(word, language);
    let [own] = own.as_slice() else { return Ok(false) };
    let mut left = MAX_READ;
    for (number, segment) in view.segments.iter().enumerate() {
        for field in fields(segment) {
            let Some(info) = field.terms().get(own.folded().as_bytes()).map_err(tantivy::TantivyError::from)? else { continue };
            let mut postings = field.read_postings_from_terminfo(&info, IndexRecordOption::Basic).map_err(tantivy::TantivyError::from)?;
            while postings.doc() != TERMINATED && left > 0 {
                let doc = postings.doc();
                postings.advance();
                let is_meant = segment.classes[segment.class_of[doc as usize] as usize].language.primary() == language;
                if !is_meant || !scope.takes(&view, number, doc) {
                    continue;
                }
                left -= 1;
                let document = view.read(number as u32, doc)?;
                let has = |text: &str| {
                    let mut found = words(text, language).into_iter().filter(|other| other.folded() == own.folded());
                    found.any(|other| is_same(&text[other.start..other.end], word))
                };
                if has(&document.title) || has(&document.body) || document.tags.iter().any(|tag| has(tag)) {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// Whether a word is another one but for its case.
fn is_same(written: &str, lower: &str) -> bool {
    written.to_lowercase() == lower || written.replace('I', "ı").replace('İ', "i").to_lowercase() == lower
}
