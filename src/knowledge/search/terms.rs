//! What each word of a query is looked for by: its own keys, what it may be half of, what it may be a misspelling of, what means the
//! same.

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

/// A form of a word counts a little less than the word itself.
const FORM: f32 = 0.8;
/// The same word, accented differently.
const UNACCENTED: f32 = 0.9;
/// A word that only begins so, where the half word is itself a word.
const LONGER: f32 = 0.6;
/// By distance.
const MISSPELT: [f32; 3] = [1.0, 0.7, 0.45];
const SYNONYM: f32 = 0.6;
/// Most words that a half word stands for.
const MAX_LONGER: usize = 40;
/// Of how many words of a query it is looked up what they may be misspellings of, and through how many words of the index a half word
/// is followed: each takes up to a millisecond in a large one.
const MAX_LOOKED_UP_EACH: usize = 8;
const MAX_FOLLOWED: usize = 5000;
/// Of how many of these the forms are looked for too.
const FAMILIES: usize = 5;
/// In a large index, grams that more than one document of so many has say little for how long they take; in one of few documents, none.
const FREQUENT: u64 = 32;
const MAX_GRAMMED: u64 = 512;

/// A word of a query, with all it may be found by.
pub struct Term {
    pub weight: f32,
    pub idf: f32,
    pub alternatives: Vec<Alternative>,
    /// The word's grams, each with its idf.
    pub grams: Vec<Gram>,
    /// The keys that it may have been meant as, if it was misspelt, the likeliest first. A stem may be one.
    pub meant: Vec<String>,
}

impl Term {
    /// `with` is how many documents have the word.
    fn of(word: &QueryWord, language: &str, documents: u64, with: u64, mut alternatives: Vec<Alternative>) -> Term {
        alternatives.retain(|alternative| alternative.postings.documents > 0);
        let idf = word_idf(documents, with, stop_words::share(language, word.word.folded()));
        Term { weight: word.weight, idf, alternatives, grams: Vec::new(), meant: Vec::new() }
    }

    /// How many occurrences there are to read of it.
    pub fn length(&self) -> u64 {
        let of = |info: &Option<TermInfo>| info.as_ref().map_or(0, |info| u64::from(info.doc_freq));
        let words = self.alternatives.iter().flat_map(|alternative| &alternative.postings.parts).flatten().map(of).sum::<u64>();
        words + self.grams.iter().flat_map(|gram| &gram.postings).map(of).sum::<u64>()
    }
}

/// A key that a word is looked for by.
pub struct Alternative {
    pub key: String,
    pub weight: f32,
    pub postings: KeyPostings,
}

/// A gram of a word.
pub struct Gram {
    pub idf: f32,
    /// Where it stands, by part.
    pub postings: Vec<Option<TermInfo>>,
}

/// Finds what every word of a query is looked for by. `documents` is how many there are to look through.
pub fn terms(within: &VisibleTerms<'_>, query: &Query, language: &str, synonyms: &Synonyms, documents: u64) -> tantivy::Result<Vec<Term>> {
    let mut same = synonyms.of(query, language);
    let mut spelling_candidates = 0;
    let term = |(place, word): (usize, &QueryWord)| {
        let term = term(within, word, language, std::mem::take(&mut same[place]), documents, spelling_candidates < MAX_LOOKED_UP_EACH)?;
        spelling_candidates += usize::from(term.1);
        Ok(term.0)
    };
    query.words.iter().enumerate().map(term).collect()
}

/// The same of words that are many: each by its own keys and synonyms alone.
pub fn plain_terms(
    within: &VisibleTerms<'_>,
    query: &Query,
    language: &str,
    synonyms: &Synonyms,
    documents: u64,
) -> tantivy::Result<Vec<Term>> {
    let mut same = synonyms.of(query, language);
    let term = |(place, word): (usize, &QueryWord)| {
        let mut alternatives = own(within, word)?;
        let with = alternatives.iter().map(|own| own.postings.documents).max().unwrap_or(0);
        add_synonyms(within, &mut alternatives, std::mem::take(&mut same[place]))?;
        Ok(Term::of(word, language, documents, with, alternatives))
    };
    query.words.iter().enumerate().map(term).collect()
}

/// Also tells whether the word was looked up as a misspelt one, which is done if `may_be_misspelt`.
fn term(
    within: &VisibleTerms<'_>,
    word: &QueryWord,
    language: &str,
    synonyms: Vec<(String, f32)>,
    documents: u64,
    may_be_misspelt: bool,
) -> tantivy::Result<(Term, bool)> {
    let mut alternatives = own(within, word)?;
    let mut with = alternatives.iter().map(|own| own.postings.documents).max().unwrap_or(0);
    let mut known = with > 0;
    if word.half {
        let longer = longer(within, word.word.folded())?;
        let weight = if known { LONGER } else { 1.0 };
        if !longer.is_empty() {
            with = with.max(longer.iter().map(|(_, postings)| postings.documents).sum());
            known = true;
        }
        for (key, postings) in longer {
            if !alternatives.iter().any(|known| known.key == key) {
                alternatives.push(Alternative { key, weight, postings });
            }
        }
    }
    let mut meant = Vec::new();
    // A word that the index has in another form alone may be a misspelling that happens to have a known stem.
    let form_alone = known && !word.half && alternatives.iter().all(|own| own.weight == FORM || own.postings.documents == 0);
    let looked_up = may_be_misspelt && (!known || form_alone);
    if looked_up {
        let mut likely = spelling_candidates(within, word)?;
        if form_alone {
            likely.retain(|likely| likely.distance == 1);
        } else {
            with = likely.first().map_or(0, |likely| likely.postings.documents);
            meant = likely.iter().map(|likely| likely.key.clone()).collect();
        }
        for (number, SpellingCandidate { key, distance, postings }) in likely.into_iter().enumerate() {
            let weight = MISSPELT[distance as usize];
            let family = if number < FAMILIES { words(&key, language) } else { Vec::new() };
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
    Ok((Term { grams: grams.into_iter().flatten().collect(), meant, ..term }, looked_up))
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

/// The word as it is written, without accents, and its stems.
fn own(within: &VisibleTerms<'_>, word: &QueryWord) -> tantivy::Result<Vec<Alternative>> {
    let mut found = Vec::new();
    let counted = |key: &str| {
        let mut postings = find(within, key)?;
        // What is too frequent to count is known.
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

/// Whether the scope has a word only as the beginning of others.
pub fn is_half(within: &VisibleTerms<'_>, word: &QueryWord) -> tantivy::Result<bool> {
    let known = own(within, word)?.iter().any(|own| own.postings.documents > 0);
    Ok(!known && !longer(within, word.word.folded())?.is_empty())
}

/// The words of the scope that begin with `half`, the most frequent ones.
fn longer(within: &VisibleTerms<'_>, half: &str) -> tantivy::Result<Vec<(String, KeyPostings)>> {
    let mut found: HashMap<String, KeyPostings> = HashMap::new();
    each_field(within, |place, part, reader| {
        let mut keys = reader.terms().range().ge(half.as_bytes()).into_stream()?;
        let mut followed = 0;
        while followed < MAX_FOLLOWED && keys.advance() && keys.key().starts_with(half.as_bytes()) {
            followed += 1;
            let key = String::from_utf8_lossy(keys.key()).into_owned();
            found.entry(key).or_default().add(within.view, part, place, keys.value());
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
    found.truncate(MAX_LONGER);
    Ok(found)
}

fn find_gram(within: &VisibleTerms<'_>, gram: &str, documents: u64) -> tantivy::Result<Option<Gram>> {
    let most = (documents / FREQUENT).max(MAX_GRAMMED);
    let mut with = 0;
    let mut postings = Vec::with_capacity(within.view.parts.len());
    for (number, part) in within.view.parts.iter().enumerate() {
        let info = if within.reaches(number) { part.grams.terms().get(gram.as_bytes())? } else { None };
        if let Some(info) = &info {
            with += within.count(number, &part.grams, info)?.unwrap_or(u64::from(info.doc_freq));
        }
        postings.push(info);
    }
    Ok((1..=most).contains(&with).then(|| Gram { idf: idf(documents, with), postings }))
}

/// The idf of a word that `share` of a language's texts have: what is known of the language counts as a few documents more.
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
