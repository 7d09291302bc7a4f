//! Looking keys up in the dictionary: where they stand, and in how many documents of the scope.

use std::io;

use tantivy::{InvertedIndexReader, postings::TermInfo};

use crate::knowledge::{
    index::snapshot::{IndexSegment, IndexSnapshot},
    search::visible_terms::VisibleTerms,
};

/// Of how many keys, the most frequent of all readers' documents, it is looked up whether the reader's have them.
const MAX_LOOKED_UP: usize = 200;

/// Where a key stands: by part, in names and in bodies.
#[derive(Default)]
pub struct KeyPostings {
    pub parts: Vec<[Option<TermInfo>; 2]>,
    /// In how many documents, about: of the scope where it was counted, else of the index.
    pub documents: u64,
}

impl KeyPostings {
    pub fn add(&mut self, view: &IndexSnapshot, part: usize, place: usize, info: &TermInfo) {
        if self.parts.is_empty() {
            self.parts.resize(view.parts.len(), [None, None]);
        }
        self.parts[part][place] = Some(info.clone());
        // A document may have it in both fields; the greater number is the better guess.
        let sum = |place: usize| self.parts.iter().filter_map(|fields| fields[place].as_ref()).map(|info| u64::from(info.doc_freq)).sum();
        self.documents = u64::max(sum(0), sum(1));
    }

    /// Counts the documents of the scope; `uncounted` says how many there are where they are too many to count.
    pub fn count(&mut self, within: &VisibleTerms<'_>, uncounted: impl Fn(&TermInfo) -> u64) -> io::Result<()> {
        let mut sums = [0, 0];
        for (number, infos) in self.parts.iter().enumerate() {
            for ((sum, info), reader) in sums.iter_mut().zip(infos).zip(fields(&within.view.parts[number])) {
                if let Some(info) = info {
                    *sum += within.count(number, reader, info)?.unwrap_or_else(|| uncounted(info));
                }
            }
        }
        self.documents = u64::max(sums[0], sums[1]);
        Ok(())
    }
}

/// Of what was found in the dictionary, keeps the first of what the scope's documents have, and counts it in them.
pub fn keep_readable<T>(
    within: &VisibleTerms<'_>,
    found: &mut Vec<T>,
    postings: impl Fn(&mut T) -> &mut KeyPostings,
) -> tantivy::Result<()> {
    found.truncate(MAX_LOOKED_UP);
    for found in found.iter_mut() {
        // Nothing is told of what is too much to count.
        postings(found).count(within, |_| 0)?;
    }
    found.retain_mut(|found| postings(found).documents > 0);
    Ok(())
}

/// Calls for both fields of every part that has documents of the scope, with the field's place, the part's, and the field's index.
pub fn each_field(
    within: &VisibleTerms<'_>,
    mut each: impl FnMut(usize, usize, &InvertedIndexReader) -> io::Result<()>,
) -> tantivy::Result<()> {
    for (number, part) in within.view.parts.iter().enumerate().filter(|(number, _)| within.reaches(*number)) {
        for (place, reader) in fields(part).into_iter().enumerate() {
            each(place, number, reader)?;
        }
    }
    Ok(())
}

/// The fields of words, in their order in [`KeyPostings`].
pub fn fields(part: &IndexSegment) -> [&InvertedIndexReader; 2] {
    [&part.names, &part.body]
}

/// Where a key stands in the fields of words.
pub fn find(within: &VisibleTerms<'_>, key: &str) -> tantivy::Result<KeyPostings> {
    let mut found = KeyPostings::default();
    each_field(within, |place, part, reader| {
        if let Some(info) = reader.terms().get(key.as_bytes())? {
            found.add(within.view, part, place, &info);
        }
        Ok(())
    })?;
    Ok(found)
}
