//! Dictionary lookup: a key's postings, and its document frequency in the scope.

use std::io;

use tantivy::{InvertedIndexReader, postings::TermInfo};

use crate::knowledge::{
    index::snapshot::{IndexSegment, IndexSnapshot},
    search::visible_terms::VisibleTerms,
};

/// Most keys that are checked against the reader's documents: the most frequent ones in the whole index.
const MAX_LOOKED_UP: usize = 200;

/// The number of word fields: names, bodies, and how customers ask.
pub const FIELDS: usize = 3;

/// A key's postings: by segment and word field.
#[derive(Default)]
pub struct KeyPostings {
    pub segments: Vec<[Option<TermInfo>; FIELDS]>,
    /// Approximate document frequency: in the scope once counted, before that in the index.
    pub documents: u64,
}

impl KeyPostings {
    pub fn add(&mut self, snapshot: &IndexSnapshot, segment: usize, place: usize, info: &TermInfo) {
        if self.segments.is_empty() {
            self.segments.resize_with(snapshot.segments.len(), Default::default);
        }
        self.segments[segment][place] = Some(info.clone());
        // A document may have it in several fields; the greatest count is the better estimate.
        let sum =
            |place: usize| self.segments.iter().filter_map(|fields| fields[place].as_ref()).map(|info| u64::from(info.doc_freq)).sum();
        self.documents = (0..FIELDS).map(sum).max().unwrap_or_default();
    }

    /// Counts the documents of the scope; `uncounted` estimates the count where there are too many to count.
    pub fn count(&mut self, within: &VisibleTerms<'_>, uncounted: impl Fn(&TermInfo) -> u64) -> io::Result<()> {
        let mut sums = [0; FIELDS];
        for (number, infos) in self.segments.iter().enumerate() {
            for ((sum, info), reader) in sums.iter_mut().zip(infos).zip(fields(&within.snapshot.segments[number])) {
                if let Some(info) = info {
                    *sum += within.count(number, reader, info)?.unwrap_or_else(|| uncounted(info));
                }
            }
        }
        self.documents = sums.into_iter().max().unwrap_or_default();
        Ok(())
    }
}

/// Keeps the dictionary entries that the scope's documents have, and counts them there.
pub fn keep_readable<T>(
    within: &VisibleTerms<'_>,
    found: &mut Vec<T>,
    postings: impl Fn(&mut T) -> &mut KeyPostings,
) -> tantivy::Result<()> {
    found.truncate(MAX_LOOKED_UP);
    for found in found.iter_mut() {
        // An entry that is too frequent to count is treated as not visible.
        postings(found).count(within, |_| 0)?;
    }
    found.retain_mut(|found| postings(found).documents > 0);
    Ok(())
}

/// Calls `each` for the word fields of every segment that has documents of the scope, with the field's index, the segment's index, and the
/// field's inverted index.
pub fn each_field(
    within: &VisibleTerms<'_>,
    mut each: impl FnMut(usize, usize, &InvertedIndexReader) -> io::Result<()>,
) -> tantivy::Result<()> {
    for (number, segment) in within.snapshot.segments.iter().enumerate().filter(|(number, _)| within.reaches(*number)) {
        for (place, reader) in fields(segment).into_iter().enumerate() {
            each(place, number, reader)?;
        }
    }
    Ok(())
}

/// The word fields, in the order of [`KeyPostings`].
pub fn fields(segment: &IndexSegment) -> [&InvertedIndexReader; FIELDS] {
    [&segment.names, &segment.body, &segment.asked]
}

/// Looks up a key in the word fields.
pub fn find(within: &VisibleTerms<'_>, key: &str) -> tantivy::Result<KeyPostings> {
    let mut found = KeyPostings::default();
    each_field(within, |place, segment, reader| {
        if let Some(info) = reader.terms().get(key.as_bytes())? {
            found.add(within.snapshot, segment, place, &info);
        }
        Ok(())
    })?;
    Ok(found)
}
