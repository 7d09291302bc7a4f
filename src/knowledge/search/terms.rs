//! Query expansion: the keys that each word of a query is looked up by: its own forms, completions of an unfinished word, spelling
//! corrections, and synonyms.

use std::collections::HashMap;

use tantivy::postings::TermInfo;

use crate::{
    knowledge::{
        index::schema::ACCENTED,
        search::{
            lookup::{KeyPostings, each_field, find, keep_readable},
            query::{Query, QueryWord},
            spelling::{SpellingCandidate, spelling_candidates},
            stop_words,
            synonyms::Synonyms,
            visible_terms::VisibleTerms,
        },
    },
    text::words,
};

/// Weight of a stem, against the word itself.
const FORM: f32 = 0.8;
/// Weight of the same word with other accents.
const UNACCENTED: f32 = 0.9;
/// Weight of a completion, where the unfinished word is itself a word.
const COMPLETION: f32 = 0.6;
/// Weight of a spelling correction, by edit distance.
const MISSPELT: [f32; 3] = [1.0, 0.7, 0.45];
const SYNONYM: f32 = 0.6;
/// Most completions of an unfinished word.
const MAX_COMPLETIONS: usize = 40;
/// Most words of a query that spelling corrections are looked up for, and most words of the index that are read for the completions of an
/// unfinished word: each takes up to a millisecond in a large index.
const MAX_SPELLCHECKED: usize = 8;
const MAX_PREFIX_SCAN: usize = 5000;
/// Spelling corrections whose other forms are looked up too.
const MAX_CORRECTION_FORMS: usize = 5;
/// A gram in more than 1 of FREQUENT documents, and in more than MAX_GRAMMED, is ignored: it says little for the time it takes. A small
/// index ignores none.
const FREQUENT: u64 = 32;
const MAX_GRAMMED: u64 = 512;

/// A word of a query with everything that it matches.
pub struct Term {
    pub weight: f32,
    pub idf: f32,
    /// Whether it is a common word of its language.
    pub common: bool,
    pub alternatives: Vec<Alternative>,
    /// The word's character n-grams, each with its idf.
    pub grams: Vec<Gram>,
    /// Its spelling corrections, likeliest first. A correction may be a stem.
    pub corrections: Vec<String>,
}

impl Term {
    /// `with` is the number of documents that have the word.
    fn of(word: &QueryWord, language: &str, documents: u64, with: u64, mut alternatives: Vec<Alternative>) -> Term {
        alternatives.retain(|alternative| alternative.postings.documents > 0);
        let idf = word_idf(documents, with, stop_words::share(language, word.word.folded()));
        Term { weight: word.weight, idf, common: stop_words::share(language, word.word.folded()) > 0.0, alternatives, grams: Vec::new(), corrections: Vec::new() }
    }

    /// The total length of its posting lists.
    pub fn length(&self) -> u64 {
        let of = |info: &Option<TermInfo>| info.as_ref().map_or(0, |info| u64::from(info.doc_freq));
        let words = self.alternatives.iter().flat_map(|alternative| &alternative.postings.segments).flatten().map(of).sum::<u64>();
        words + self.grams.iter().flat_map(|gram| &gram.postings).map(of).sum::<u64>()
    }
}

/// A key that matches a word.
pub struct Alternative {
    pub key: String,
    pub weight: f32,
    pub postings: KeyPostings,
}

/// A character n-gram of a word.
pub struct Gram {
    pub idf: f32,
    /// Its postings, by segment.
    pub postings: Vec<Option<TermInfo>>,
}

/// Expands every word of a query. `documents` is the number of documents in scope.
pub fn terms(within: &VisibleTerms<'_>, query: &Query, language: &str, synonyms: &Synonyms, documents: u64) -> tantivy::Result<Vec<Term>> {
    let mut synonyms_of = synonyms.of(query, language);
    let mut spellchecked = 0;
    let term = |(place, word): (usize, &QueryWord)| {
        let term = term(within, word, language, std::mem::take(&mut synonyms_of[place]), documents, spellchecked < MAX_SPELLCHECKED)?;
        spellchecked += usize::from(term.1);
        Ok(term.0)
    };
    query.words.iter().enumerate().map(term).collect()
}

/// Expands a long query: each word by its own keys and synonyms only.
pub fn plain_terms(
    within: &VisibleTerms<'_>,
    query: &Query,
    language: &str,
    synonyms: &Synonyms,
    documents: u64,
) -> tantivy::Result<Vec<Term>> {
    let mut synonyms_of = synonyms.of(query, language);
    let term = |(place, word): (usize, &QueryWord)| {
        let mut alternatives = own_keys(within, word)?;
        let with = alternatives.iter().map(|alternative| alternative.postings.documents).max().unwrap_or(0);
        add_synonyms(within, &mut alternatives, std::mem::take(&mut synonyms_of[place]))?;
        Ok(Term::of(word, language, documents, with, alternatives))
    };
    query.words.iter().enumerate().map(term).collect()
}

/// Also returns whether spelling corrections were looked up for the word, which happens only if `may_be_misspelt`.
fn term(
    within: &VisibleTerms<'_>,
    word: &QueryWord,
    language: &str,
    synonyms: Vec<(String, f32)>,
    documents: u64,
    may_be_misspelt: bool,
) -> tantivy::Result<(Term, bool)> {
    let mut alternatives = own_keys(within, word)?;
    let mut with = alternatives.iter().map(|alternative| alternative.postings.documents).max().unwrap_or(0);
    let mut known = with > 0;
    if word.half {
        let completions = completions(within, word.word.folded())?;
        let weight = if known { COMPLETION } else { 1.0 };
        if !completions.is_empty() {
            with = with.max(completions.iter().map(|(_, postings)| postings.documents).sum());
            known = true;
        }
        for (key, postings) in completions {
            if !alternatives.iter().any(|known| known.key == key) {
                alternatives.push(Alternative { key, weight, postings });
            }
        }
    }
    let mut corrections = Vec::new();
    // A word that the index has only in another form may be a misspelling that happens to have a known stem.
    let form_alone =
        known && !word.half && alternatives.iter().all(|alternative| alternative.weight == FORM || alternative.postings.documents == 0);
    let looked_up = may_be_misspelt && (!known || form_alone);
    if looked_up {
        let mut candidates = spelling_candidates(within, word)?;
        if form_alone {
            candidates.retain(|candidates| candidates.distance == 1);
        } else {
            with = candidates.first().map_or(0, |candidates| candidates.postings.documents);
            corrections = candidates.iter().map(|candidates| candidates.key.clone()).collect();
        }
        for (number, SpellingCandidate { key, distance, postings }) in candidates.into_iter().enumerate() {
            let weight = MISSPELT[distance as usize];
            let family = if number < MAX_CORRECTION_FORMS { words(&key, language) } else { Vec::new() };
            if !alternatives.iter().any(|known| known.key == key) {
                alternatives.push(Alternative { key, weight, postings });
            }
            for key in family.into_iter().flat_map(|word| word.keys().to_vec()) {
                if !alternatives.iter().any(|known| known.key == key) {
                    let postings = find(within, &key)?;
                    alternatives.push(Alternative { key, weight, postings });
                }
            }
        }
    }
    add_synonyms(within, &mut alternatives, synonyms)?;
    let grams = word.grams.iter().map(|gram| find_gram(within, gram, documents)).collect::<tantivy::Result<Vec<Option<Gram>>>>()?;
    let term = Term::of(word, language, documents, with, alternatives);
    Ok((Term { grams: grams.into_iter().flatten().collect(), corrections, ..term }, looked_up))
}

fn add_synonyms(within: &VisibleTerms<'_>, alternatives: &mut Vec<Alternative>, synonyms: Vec<(String, f32)>) -> tantivy::Result<()> {
    for (key, weight) in synonyms {
        if !alternatives.iter().any(|known| known.key == key) {
            let postings = find(within, &key)?;
            alternatives.push(Alternative { key, weight: SYNONYM * weight, postings });
        }
    }
    Ok(())
}

/// Returns the word as written, without accents, and its stems.
fn own_keys(within: &VisibleTerms<'_>, word: &QueryWord) -> tantivy::Result<Vec<Alternative>> {
    let mut found = Vec::new();
    let counted = |key: &str| {
        let mut postings = find(within, key)?;
        // A key that is too frequent to count certainly occurs.
        postings.count(within, |info| u64::from(info.doc_freq))?;
        tantivy::Result::Ok(postings)
    };
    if let Some(accented) = word.word.accented() {
        let key = format!("{ACCENTED}{accented}");
        found.push(Alternative { postings: counted(&key)?, key, weight: 1.0 });
    }
    let folded = if found.is_empty() { 1.0 } else { UNACCENTED };
    for (number, key) in word.word.keys().iter().enumerate() {
        found.push(Alternative { postings: counted(key)?, key: key.clone(), weight: if number == 0 { folded } else { FORM } });
    }
    Ok(found)
}

/// Returns whether the scope has a word only as the prefix of others.
pub fn is_half(within: &VisibleTerms<'_>, word: &QueryWord) -> tantivy::Result<bool> {
    let known = own_keys(within, word)?.iter().any(|alternative| alternative.postings.documents > 0);
    Ok(!known && !completions(within, word.word.folded())?.is_empty())
}

/// Returns the most frequent words of the scope that begin with `prefix`.
fn completions(within: &VisibleTerms<'_>, half: &str) -> tantivy::Result<Vec<(String, KeyPostings)>> {
    let mut found: HashMap<String, KeyPostings> = HashMap::new();
    each_field(within, |place, segment, reader| {
        let mut keys = reader.terms().range().ge(half.as_bytes()).into_stream()?;
        let mut scanned = 0;
        while scanned < MAX_PREFIX_SCAN && keys.advance() && keys.key().starts_with(half.as_bytes()) {
            scanned += 1;
            let key = String::from_utf8_lossy(keys.key()).into_owned();
            found.entry(key).or_default().add(within.snapshot, segment, place, keys.value());
        }
        Ok(())
    })?;
    let mut found: Vec<(String, KeyPostings)> = found.into_iter().collect();
    let more_frequent = |one: &(String, KeyPostings), other: &(String, KeyPostings)| {
        other.1.documents.cmp(&one.1.documents).then_with(|| one.0.cmp(&other.0))
    };
    found.sort_by(more_frequent);
    keep_readable(within, &mut found, |(_, postings)| postings)?;
    found.sort_by(more_frequent);
    found.truncate(MAX_COMPLETIONS);
    Ok(found)
}

fn find_gram(within: &VisibleTerms<'_>, gram: &str, documents: u64) -> tantivy::Result<Option<Gram>> {
    let max_documents = (documents / FREQUENT).max(MAX_GRAMMED);
    let mut with = 0;
    let mut postings = Vec::with_capacity(within.snapshot.segments.len());
    for (number, segment) in within.snapshot.segments.iter().enumerate() {
        let info = if within.reaches(number) { segment.grams.terms().get(gram.as_bytes())? } else { None };
        if let Some(info) = &info {
            with += within.count(number, &segment.grams, info)?.unwrap_or(u64::from(info.doc_freq));
        }
        postings.push(info);
    }
    Ok((1..=max_documents).contains(&with).then(|| Gram { idf: idf(documents, with), postings }))
}

/// The idf of a word that `share` of a language's texts have: what is known of the language counts as BACKGROUND more documents.
pub fn word_idf(documents: u64, with: u64, share: f32) -> f32 {
    let (documents, with) = (documents as f32, with.min(documents) as f32);
    rarity(documents + stop_words::BACKGROUND, with + share * stop_words::BACKGROUND)
}

fn rarity(documents: f32, with: f32) -> f32 {
    (1.0 + (documents - with + 0.5) / (with + 0.5)).ln()
}

/// Robertson and Sparck Jones's idf, as in BM25.
pub fn idf(documents: u64, with: u64) -> f32 {
    rarity(documents as f32, with.min(documents) as f32)
}
