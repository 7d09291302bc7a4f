//! Looks canned answers up by shortcut.

use std::collections::HashSet;

use tantivy::{DocSet, TERMINATED, Term, schema::IndexRecordOption};

use crate::knowledge::{
    documents::{
        document::{Document, DocumentKey},
        rules::shortcut_of,
    },
    error::KnowledgeError,
    index::{schema::shortcut_key, scope::SearchScope, snapshot::IndexSnapshot},
    search::candidates::{Candidate, sort_by_rank},
};

/// Returns the canned answers whose shortcut is, or begins with, what was typed; the exact match first.
pub fn by_shortcut(snapshot: &IndexSnapshot, scope: &SearchScope<'_>, typed: &str) -> Result<Vec<Candidate>, KnowledgeError> {
    let typed = shortcut_key(typed);
    let mut candidates = Vec::new();
    for (number, segment) in snapshot.searcher.segment_readers().iter().enumerate() {
        let index = segment.inverted_index(snapshot.fields.shortcut)?;
        let mut keys = index.terms().range().ge(typed.as_bytes()).into_stream().map_err(tantivy::TantivyError::from)?;
        while keys.advance() && keys.key().starts_with(typed.as_bytes()) {
            let shortcut = String::from_utf8_lossy(keys.key()).into_owned();
            if shortcut.is_empty() {
                continue;
            }
            let mut postings =
                index.read_postings_from_terminfo(keys.value(), IndexRecordOption::Basic).map_err(tantivy::TantivyError::from)?;
            while postings.doc() != TERMINATED {
                if scope.takes(snapshot, number, postings.doc()) {
                    let share = typed.chars().count().max(1) as f64 / shortcut.chars().count().max(1) as f64;
                    candidates.push(Candidate {
                        segment: number as u32,
                        doc: postings.doc(),
                        rank: share as f32,
                        confidence: share,
                        chats: 0,
                        fits_state: false,
                        asked: None,
                    });
                }
                postings.advance();
            }
        }
    }
    sort_by_rank(snapshot, &mut candidates);
    Ok(candidates)
}

/// Returns for each of these documents another one, none of them, that has its shortcut in its language, if there is one.
pub fn with_shortcuts_of(snapshot: &IndexSnapshot, documents: &[Document]) -> Result<Vec<Document>, KnowledgeError> {
    let theirs: HashSet<DocumentKey> = documents.iter().map(Document::key).collect();
    let mut found = Vec::new();
    for document in documents {
        if let Some(wanted) = shortcut_of(document) {
            let is_same = |other: &Document| shortcut_of(other).as_ref() == Some(&wanted) && !theirs.contains(&other.key());
            found.extend(with_shortcut(snapshot, &wanted.1, is_same)?);
        }
    }
    Ok(found)
}

/// Returns the first document with a shortcut that is meant. Others have it in another language, or with other accents.
fn with_shortcut(
    snapshot: &IndexSnapshot,
    shortcut: &str,
    is_meant: impl Fn(&Document) -> bool,
) -> Result<Option<Document>, KnowledgeError> {
    let term = Term::from_field_text(snapshot.fields.shortcut, &shortcut_key(shortcut));
    for (number, segment) in snapshot.searcher.segment_readers().iter().enumerate() {
        let index = segment.inverted_index(snapshot.fields.shortcut)?;
        let Some(mut postings) = index.read_postings(&term, IndexRecordOption::Basic).map_err(tantivy::TantivyError::from)? else {
            continue;
        };
        while postings.doc() != TERMINATED {
            if snapshot.segments[number].is_alive(postings.doc()) {
                let document = snapshot.read(number as u32, postings.doc())?;
                if is_meant(&document) {
                    return Ok(Some(document));
                }
            }
            postings.advance();
        }
    }
    Ok(None)
}
