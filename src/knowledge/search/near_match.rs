//! Knowing a canned answer again in what an agent wrote.

use std::collections::HashMap;

use crate::knowledge::documents::reader::Reader;
use crate::knowledge::index::scope::SearchScope;
use crate::knowledge::search::corpus::Corpus;
use crate::{
    knowledge::{
        documents::document::{Document, Kind},
        error::KnowledgeError,
        index::Index,
        search::{
            bm25f::{ScoredDocument, score},
            by_rank,
            query::Query,
            suggestion_query::is_from,
            synonyms::Synonyms,
            terms::plain_terms,
            visible_terms::VisibleTerms,
        },
    },
    text::{placeholders, words},
};

/// Words of a message that candidates are looked for by, and how many candidates are compared.
const MAX_WORDS: usize = 24;
const CANDIDATES: usize = 8;
/// A canned answer of so many words that stands in a message was sent with it, whatever stands around it.
const MIN_WORDS: usize = 6;
/// Dice's coefficient of the words of a message and of a canned answer from which they are nearly equal.
const NEARLY: f32 = 0.85;

/// The canned answer that a message equals or nearly equals, with its placeholders filled; the nearest if there are several.
pub fn same(index: &Index, synonyms: &Synonyms, text: &str, language: &str, reader: &Reader) -> Result<Option<Document>, KnowledgeError> {
    let view = index.view();
    let scope = SearchScope { kinds: &[Kind::CannedAnswer], language: None, reader, only: None };
    let corpus = Corpus::of(&scope.sizes(&view, None));
    let query = Query::weighted(&[(text, words(text, language))], &[1.0], MAX_WORDS);
    let terms = plain_terms(&VisibleTerms::of(&view, &scope), &query, language, synonyms, corpus.documents)?;
    let mut found = score(&view, &scope, &corpus, &terms, 0, 0.5)?;
    let place = |found: &ScoredDocument| (found.sum(), found.part, found.doc);
    found.sort_by(|one, other| by_rank(&view, place(one), place(other)));
    let mut best: Option<(f32, Document)> = None;
    for found in found.iter().take(CANDIDATES) {
        let document = view.read(found.part, found.doc)?;
        let likeness = likeness(text, &document.body, document.language.primary());
        if likeness >= NEARLY && best.as_ref().is_none_or(|(most, _)| likeness > *most) {
            best = Some((likeness, document));
        }
    }
    Ok(best.map(|(_, document)| document))
}

/// From 0 to 1: 1 if the whole answer is in the text.
fn likeness(text: &str, body: &str, language: &str) -> f32 {
    let mut literal = String::with_capacity(body.len());
    let mut from = 0;
    for hole in placeholders(body) {
        literal.push_str(&body[from..hole.start]);
        literal.push(' ');
        from = hole.end;
    }
    literal.push_str(&body[from..]);
    let literal = words(&literal, language);
    if literal.len() >= MIN_WORDS && is_from(text, body) {
        return 1.0;
    }
    let text = words(text, language);
    let mut counts: HashMap<&str, i32> = HashMap::new();
    for word in &literal {
        *counts.entry(word.folded()).or_default() += 1;
    }
    let mut shared = 0;
    for word in &text {
        if let Some(count) = counts.get_mut(word.folded()).filter(|count| **count > 0) {
            *count -= 1;
            shared += 1;
        }
    }
    2.0 * shared as f32 / (literal.len() + text.len()).max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_known_by_its_words() {
        let body = "Hello {{customer.name}}, your refund takes five working days to show on your card.";
        assert_eq!(likeness("Hello Ann, your refund takes five working days to show on your card. Bye!", body, "en"), 1.0);
        assert!(likeness("hello Ann! Your refund takes five working days to show up on your card", body, "en") >= NEARLY);
        assert!(likeness("Your refund was sent today.", body, "en") < NEARLY);
        assert!(likeness("", body, "en") < NEARLY);
        assert!(likeness("Hi there", "Hi", "en") < NEARLY);
    }
}
