//! Looks canned answers up by shortcut.

use tantivy::{DocSet, TERMINATED, schema::IndexRecordOption};

use crate::knowledge::{
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
