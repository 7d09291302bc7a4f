//! Dictionary lookup: a key's postings, and its document frequency in the scope; the vocabulary of the scope.

use std::{collections::HashMap, io};

use tantivy::{DocId, DocSet, InvertedIndexReader, TERMINATED, postings::TermInfo, schema::IndexRecordOption};

use crate::knowledge::{
    index::snapshot::{IndexSegment, IndexSnapshot},
    search::visible_terms::VisibleTerms,
};

/// Most words that are checked against the reader's documents: the most frequent ones in the whole index.
const MAX_LOOKED_UP: usize = 200;

/// The number of word fields: names, bodies, and how customers ask.
pub const FIELDS: usize = 3;

/// Where a phrase begins: by segment and word field, each document with its positions.
#[derive(Default)]
pub struct PhrasePostings(pub Vec<[Vec<DocumentPositions>; FIELDS]>);

/// A document with positions in it.
pub type DocumentPositions = (DocId, Vec<u32>);

/// A word's entries by segment.
type Entries = Vec<(usize, TermInfo)>;

/// The postings of a key, or of words that follow one another: by segment and word field.
#[derive(Default)]
pub struct KeyPostings {
    pub segments: Vec<[Option<TermInfo>; FIELDS]>,
    /// Of words that follow one another.
    pub phrase: Option<PhrasePostings>,
    /// Approximate document frequency: in the scope once counted, before that in the index.
    pub documents: u64,
    /// The same in names alone.
    pub names: u64,
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
        (self.names, self.documents) = (sum(0), (0..FIELDS).map(sum).max().unwrap_or_default());
    }

    /// Counts the documents of the scope; a key in too many to count keeps its count in the index: it certainly occurs.
    pub fn count(&mut self, within: &VisibleTerms<'_>) -> io::Result<()> {
        let mut sums = [0; FIELDS];
        for (number, infos) in self.segments.iter().enumerate() {
            for ((sum, info), reader) in sums.iter_mut().zip(infos).zip(fields(&within.snapshot.segments[number])) {
                if let Some(info) = info {
                    *sum += within.count(number, reader, info)?.unwrap_or_else(|| u64::from(info.doc_freq));
                }
            }
        }
        (self.names, self.documents) = (sums[0], sums.into_iter().max().unwrap_or_default());
        Ok(())
    }
}

/// Returns how often the documents of the scope that have a word in their names were opened from searches; 0 once the query has read too
/// many postings.
pub fn opened(within: &VisibleTerms<'_>, word: &KeyPostings) -> io::Result<u64> {
    let Some(openings) = within.openings else { return Ok(0) };
    let mut opened = 0;
    for (number, [names, ..]) in word.segments.iter().enumerate() {
        let Some(info) = names.as_ref().filter(|info| within.may_read(u64::from(info.doc_freq))) else { continue };
        let reader = &within.snapshot.segments[number].names;
        let mut postings = reader.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        while postings.doc() != TERMINATED {
            if within.has(number, postings.doc()) {
                opened += openings.of(within.snapshot.id(number as u32, postings.doc()));
            }
            postings.advance();
        }
    }
    Ok(opened)
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

/// Looks up a key, and counts it in the scope.
pub fn find_counted(within: &VisibleTerms<'_>, key: &str) -> tantivy::Result<KeyPostings> {
    let mut found = find(within, key)?;
    found.count(within)?;
    Ok(found)
}

/// Words of the vocabulary, with their entries by segment.
#[derive(Default)]
pub struct FoundWords(HashMap<String, Entries>);

impl FoundWords {
    pub fn add(&mut self, word: &[u8], segment: usize, info: &TermInfo) {
        let word = String::from_utf8_lossy(word).into_owned();
        self.0.entry(word).or_default().push((segment, info.clone()));
    }

    /// Returns the words that documents of the scope have, with their number, in order: by `order` of a word, then by frequency. An entry
    /// that is too frequent to count is treated as not visible.
    pub fn counted<K: Ord>(self, within: &VisibleTerms<'_>, order: impl Fn(&str) -> K) -> io::Result<Vec<(String, u64)>> {
        let in_index = |infos: &[(usize, TermInfo)]| infos.iter().map(|(_, info)| u64::from(info.doc_freq)).sum::<u64>();
        let mut found: Vec<(String, u64, Entries)> = self.0.into_iter().map(|(word, infos)| (word, in_index(&infos), infos)).collect();
        found.sort_by_cached_key(|(word, documents, _)| (order(word), u64::MAX - documents, word.clone()));
        found.truncate(MAX_LOOKED_UP);
        let mut counted = Vec::with_capacity(found.len());
        for (word, _, infos) in found {
            let mut documents = 0;
            for (segment, info) in infos {
                documents += within.count(segment, &within.snapshot.segments[segment].vocabulary, &info)?.unwrap_or(0);
            }
            if documents > 0 {
                counted.push((word, documents));
            }
        }
        counted.sort_by_cached_key(|(word, documents)| (order(word), u64::MAX - documents, word.clone()));
        Ok(counted)
    }
}

/// Calls `each` for the vocabulary of every segment that has documents of the scope.
pub fn each_vocabulary(
    within: &VisibleTerms<'_>,
    mut each: impl FnMut(usize, &InvertedIndexReader) -> io::Result<()>,
) -> tantivy::Result<()> {
    for (number, segment) in within.snapshot.segments.iter().enumerate().filter(|(number, _)| within.reaches(*number)) {
        each(number, &segment.vocabulary)?;
    }
    Ok(())
}

/// Returns in how many documents of the scope a word is written.
pub fn written_in(within: &VisibleTerms<'_>, folded: &str) -> tantivy::Result<u64> {
    let mut documents = 0;
    each_vocabulary(within, |segment, reader| {
        if let Some(info) = reader.terms().get(folded.as_bytes())? {
            documents += within.count(segment, reader, &info)?.unwrap_or_else(|| u64::from(info.doc_freq));
        }
        Ok(())
    })?;
    Ok(documents)
}

/// Returns the words of the scope's documents that begin with `prefix`, the most frequent first; of very many, those that come first in the
/// alphabet.
pub fn beginning_with(within: &VisibleTerms<'_>, prefix: &str) -> tantivy::Result<Vec<(String, u64)>> {
    let mut found = FoundWords::default();
    each_vocabulary(within, |segment, reader| {
        let mut words = reader.terms().range().ge(prefix.as_bytes()).into_stream()?;
        let mut scanned = 0;
        while scanned < MAX_PREFIX_SCAN && words.advance() && words.key().starts_with(prefix.as_bytes()) {
            scanned += 1;
            found.add(words.key(), segment, words.value());
        }
        Ok(())
    })?;
    Ok(found.counted(within, |_| ())?)
}

/// Most words of a segment that are read for one beginning: more take up to a millisecond.
const MAX_PREFIX_SCAN: usize = 5000;
