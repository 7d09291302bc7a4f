//! Postings of words that follow one another: synonyms of several words, and words that were typed as one.

use std::collections::BTreeMap;

use tantivy::{DocId, DocSet, InvertedIndexReader, TERMINATED, postings::Postings, postings::TermInfo, schema::IndexRecordOption};

use crate::knowledge::search::{
    lookup::{FIELDS, KeyPostings, PhrasePostings, fields},
    visible_terms::VisibleTerms,
};

/// A phrase whose rarest word is in more documents is not looked up: about a tenth of a millisecond.
const MAX_LEAD: u64 = 2000;

/// Looks up words that follow one another, each by any of its keys.
pub fn phrase(within: &VisibleTerms<'_>, words: &[Vec<String>]) -> tantivy::Result<KeyPostings> {
    let mut found = KeyPostings::default();
    let mut segments = Vec::with_capacity(within.snapshot.segments.len());
    for (number, segment) in within.snapshot.segments.iter().enumerate() {
        let mut places: [Vec<(DocId, Vec<u32>)>; FIELDS] = Default::default();
        if within.reaches(number) {
            for (place, reader) in places.iter_mut().zip(fields(segment)) {
                *place = in_field(reader, words)?;
                place.retain(|(doc, _)| within.has(number, *doc));
            }
        }
        found.names += places[0].len() as u64;
        found.documents += places.iter().map(Vec::len).max().unwrap_or_default() as u64;
        segments.push(places);
    }
    found.phrase = (found.documents > 0).then_some(PhrasePostings(segments));
    Ok(found)
}

fn in_field(reader: &InvertedIndexReader, words: &[Vec<String>]) -> tantivy::Result<Vec<(DocId, Vec<u32>)>> {
    let mut infos: Vec<Vec<TermInfo>> = Vec::with_capacity(words.len());
    for keys in words {
        let mut of_word = Vec::with_capacity(keys.len());
        for key in keys {
            of_word.extend(reader.terms().get(key.as_bytes())?);
        }
        if of_word.is_empty() {
            return Ok(Vec::new());
        }
        infos.push(of_word);
    }
    let length = |infos: &[TermInfo]| infos.iter().map(|info| u64::from(info.doc_freq)).sum::<u64>();
    let lead = (0..infos.len()).min_by_key(|word| length(&infos[*word])).unwrap_or(0);
    if infos.is_empty() || length(&infos[lead]) > MAX_LEAD {
        return Ok(Vec::new());
    }
    let mut positions = Vec::new();
    // The beginnings that the words so far allow.
    let mut begins: BTreeMap<DocId, Vec<u32>> = BTreeMap::new();
    for info in &infos[lead] {
        let mut postings = reader.read_postings_from_terminfo(info, IndexRecordOption::WithFreqsAndPositions)?;
        while postings.doc() != TERMINATED {
            postings.positions(&mut positions);
            begins.entry(postings.doc()).or_default().extend(positions.iter().filter_map(|position| position.checked_sub(lead as u32)));
            postings.advance();
        }
    }
    for (offset, of_word) in infos.iter().enumerate().filter(|(word, _)| *word != lead) {
        let mut left: BTreeMap<DocId, Vec<u32>> = BTreeMap::new();
        for info in of_word {
            let mut postings = reader.read_postings_from_terminfo(info, IndexRecordOption::WithFreqsAndPositions)?;
            for (doc, begins) in &begins {
                if postings.doc() < *doc {
                    postings.seek(*doc);
                }
                if postings.doc() == *doc {
                    postings.positions(&mut positions);
                    let fits = begins.iter().filter(|begin| positions.binary_search(&(*begin + offset as u32)).is_ok());
                    left.entry(*doc).or_default().extend(fits);
                }
            }
        }
        begins = left;
    }
    begins.retain(|_, begins| !begins.is_empty());
    let in_order = |(doc, mut begins): (DocId, Vec<u32>)| {
        begins.sort_unstable();
        begins.dedup();
        (doc, begins)
    };
    Ok(begins.into_iter().map(in_order).collect())
}
