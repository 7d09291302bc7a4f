//! Near-duplicate detection: which canned answer an agent's message was made from.

use std::collections::HashMap;

use crate::{
    knowledge::{
        documents::{
            document::{Document, Kind},
            reader::Reader,
        },
        error::KnowledgeError,
        index::{Index, scope::SearchScope},
        search::{
            bm25f::{ScoredDocument, score},
            by_rank,
            corpus::Corpus,
            query::Query,
            suggestion_query::Literals,
            synonyms::Synonyms,
            terms::plain_terms,
            visible_terms::VisibleTerms,
        },
    },
    text::{placeholders, words},
};

/// Words of a message that candidates are searched by, and candidates that are compared.
const MAX_WORDS: usize = 24;
const CANDIDATES: usize = 8;
/// A canned answer of at least so many words that a message contains was sent with it, whatever the message adds.
const MIN_WORDS: usize = 6;
/// Dice's coefficient of the words of a message and of a canned answer, from which on they are near duplicates.
const MIN_SIMILARITY: f32 = 0.85;

/// Returns the canned answer that a message equals or nearly equals once its placeholders are filled; the nearest if there are several.
pub fn near_match(
    index: &Index,
    synonyms: &Synonyms,
    text: &str,
    language: &str,
    reader: &Reader,
) -> Result<Option<Document>, KnowledgeError> {
    let snapshot = index.snapshot();
    let scope = SearchScope { kinds: &[Kind::CannedAnswer], language: None, reader, only: None };
    let corpus = Corpus::of(&scope.sizes(&snapshot, None));
    let query = Query::weighted(&[(text, words(text, language))], &[1.0], MAX_WORDS);
    let terms = plain_terms(&VisibleTerms::of(&snapshot, &scope), &query, language, synonyms, corpus.documents)?;
    let mut found = score(&snapshot, &scope, &corpus, &terms, 0, 0.5)?;
    let place = |found: &ScoredDocument| (found.sum(), found.segment, found.doc);
    found.sort_by(|one, other| by_rank(&snapshot, place(one), place(other)));
    let mut best: Option<(f32, Document)> = None;
    for found in found.iter().take(CANDIDATES) {
        let document = snapshot.read(found.segment, found.doc)?;
        let similarity = similarity(text, &document.body, document.language.primary());
        if similarity >= MIN_SIMILARITY && best.as_ref().is_none_or(|(highest, _)| similarity > *highest) {
            best = Some((similarity, document));
        }
    }
    Ok(best.map(|(_, document)| document))
}

/// Similarity from 0 to 1; 1 if the text contains the whole answer.
fn similarity(text: &str, body: &str, language: &str) -> f32 {
    let mut literal = String::with_capacity(body.len());
    let mut from = 0;
    for placeholder in placeholders(body) {
        literal.push_str(&body[from..placeholder.start]);
        literal.push(' ');
        from = placeholder.end;
    }
    literal.push_str(&body[from..]);
    let literal = words(&literal, language);
    if literal.len() >= MIN_WORDS && Literals::of(body).are_in(text) {
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
        assert_eq!(similarity("Hello Ann, your refund takes five working days to show on your card. Bye!", body, "en"), 1.0);
        assert!(similarity("hello Ann! Your refund takes five working days to show up on your card", body, "en") >= MIN_SIMILARITY);
        assert!(similarity("Your refund was sent today.", body, "en") < MIN_SIMILARITY);
        assert!(similarity("", body, "en") < MIN_SIMILARITY);
        assert!(similarity("Hi there", "Hi", "en") < MIN_SIMILARITY);
    }
}
