//! Access control of the dictionary. It is shared by all readers and languages, so whether a word is known, and how rare it is, is derived
//! only from the documents of the scope.

use std::{cell::Cell, io};

use tantivy::{DocId, DocSet, InvertedIndexReader, TERMINATED, postings::TermInfo, schema::IndexRecordOption};

use crate::knowledge::{
    index::{scope::SearchScope, snapshot::IndexSnapshot},
    search::openings::Openings,
};

/// Most postings read for one query to check who may see them. About a fifth of a millisecond.
const MAX_COUNTED: u64 = 100_000;
/// The cost of opening a posting list, in postings.
const OPENING: u64 = 32;

/// Counts dictionary entries in the documents of a scope.
pub struct VisibleTerms<'a> {
    pub snapshot: &'a IndexSnapshot,
    segments: Vec<Coverage>,
    budget: Cell<u64>,
    /// `None` if nothing was opened.
    pub openings: Option<&'a Openings>,
}

/// Which documents of a segment are in the scope.
enum Coverage {
    None,
    /// All of them, the deleted ones included.
    All,
    /// The live documents of these classes.
    Some(Vec<bool>),
}

impl<'a> VisibleTerms<'a> {
    pub fn of(snapshot: &'a IndexSnapshot, scope: &SearchScope<'_>) -> VisibleTerms<'a> {
        let coverage = |segment: &std::sync::Arc<crate::knowledge::index::snapshot::IndexSegment>| {
            let classes: Vec<bool> = segment.classes.iter().map(|class| scope.has(class)).collect();
            if classes.iter().zip(&segment.classes).all(|(has, class)| !has || class.sizes.documents == 0) {
                Coverage::None
            } else if classes.iter().all(|has| *has) && segment.is_complete() {
                Coverage::All
            } else {
                Coverage::Some(classes)
            }
        };
        VisibleTerms {
            snapshot,
            segments: snapshot.segments.iter().map(coverage).collect(),
            budget: Cell::new(MAX_COUNTED),
            openings: None,
        }
    }

    /// Takes words of articles that were opened more often for likelier.
    pub fn with_openings(self, openings: &'a Openings) -> VisibleTerms<'a> {
        VisibleTerms { openings: Some(openings).filter(|openings| !openings.is_empty()), ..self }
    }

    /// Returns whether a segment has any document of the scope.
    pub fn reaches(&self, segment: usize) -> bool {
        !matches!(self.segments[segment], Coverage::None)
    }

    /// Returns whether a document is in the scope.
    pub fn has(&self, segment: usize, doc: DocId) -> bool {
        let of = &self.snapshot.segments[segment];
        match &self.segments[segment] {
            Coverage::None => false,
            Coverage::All => true,
            Coverage::Some(classes) => classes[of.class_of[doc as usize] as usize] && of.is_alive(doc),
        }
    }

    /// Returns the document frequency of a segment's key in the scope; `None` once the query has read too many postings.
    pub fn count(&self, segment: usize, reader: &InvertedIndexReader, info: &TermInfo) -> io::Result<Option<u64>> {
        let all = u64::from(info.doc_freq);
        let classes = match &self.segments[segment] {
            Coverage::None => return Ok(Some(0)),
            Coverage::All => return Ok(Some(all)),
            Coverage::Some(classes) => classes,
        };
        if !self.may_read(all) {
            return Ok(None);
        }
        let segment = &self.snapshot.segments[segment];
        let mut postings = reader.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        let mut count = 0;
        while postings.doc() != TERMINATED {
            let doc = postings.doc();
            count += u64::from(classes[segment.class_of[doc as usize] as usize] && segment.is_alive(doc));
            postings.advance();
        }
        Ok(Some(count))
    }

    /// Takes a posting list of this length from what the query may read, if there is as much left.
    pub fn may_read(&self, postings: u64) -> bool {
        let left = self.budget.get().checked_sub(postings + OPENING);
        left.inspect(|left| self.budget.set(*left)).is_some()
    }
}
