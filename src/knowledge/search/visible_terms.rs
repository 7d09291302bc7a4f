//! What of the index a reader may be told of. Its dictionary is one for all readers and languages: whether a word is known, and how rare it
//! is, is told by the documents of the scope alone.

use std::{cell::Cell, io};

use tantivy::{DocSet, InvertedIndexReader, TERMINATED, postings::TermInfo, schema::IndexRecordOption};

use crate::knowledge::index::scope::SearchScope;
use crate::knowledge::index::snapshot::IndexSnapshot;

/// Most occurrences that are looked at for one query, to tell who may read them. About a fifth of a millisecond.
const MAX_COUNTED: u64 = 100_000;
/// What opening a list costs, in occurrences.
const OPENING: u64 = 32;

/// The documents of a scope, as the dictionary's words are counted in them.
pub struct VisibleTerms<'a> {
    pub view: &'a IndexSnapshot,
    parts: Vec<Coverage>,
    left: Cell<u64>,
}

/// Which documents of a part are in the scope.
enum Coverage {
    None,
    /// All that are there, and all that were.
    All,
    /// Those that are there of these classes.
    Some(Vec<bool>),
}

impl<'a> VisibleTerms<'a> {
    pub fn of(view: &'a IndexSnapshot, scope: &SearchScope<'_>) -> VisibleTerms<'a> {
        let coverage = |part: &std::sync::Arc<crate::knowledge::index::snapshot::IndexSegment>| {
            let classes: Vec<bool> = part.classes.iter().map(|class| scope.has(class)).collect();
            if classes.iter().zip(&part.classes).all(|(has, class)| !has || class.sizes.documents == 0) {
                Coverage::None
            } else if classes.iter().all(|has| *has) && part.is_complete() {
                Coverage::All
            } else {
                Coverage::Some(classes)
            }
        };
        VisibleTerms { view, parts: view.parts.iter().map(coverage).collect(), left: Cell::new(MAX_COUNTED) }
    }

    /// Whether a part has any document of the scope.
    pub fn reaches(&self, part: usize) -> bool {
        !matches!(self.parts[part], Coverage::None)
    }

    /// In how many documents of the scope a key of a part stands; `None` if it is one too many to count.
    pub fn count(&self, part: usize, reader: &InvertedIndexReader, info: &TermInfo) -> io::Result<Option<u64>> {
        let all = u64::from(info.doc_freq);
        let classes = match &self.parts[part] {
            Coverage::None => return Ok(Some(0)),
            Coverage::All => return Ok(Some(all)),
            Coverage::Some(classes) => classes,
        };
        let Some(left) = self.left.get().checked_sub(all + OPENING) else { return Ok(None) };
        self.left.set(left);
        let part = &self.view.parts[part];
        let mut postings = reader.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        let mut count = 0;
        while postings.doc() != TERMINATED {
            let doc = postings.doc();
            count += u64::from(classes[part.class_of[doc as usize] as usize] && part.is_alive(doc));
            postings.advance();
        }
        Ok(Some(count))
    }
}
