//! What each word of a query is looked for by: its own keys, what it may be half of, what it may be a misspelling of, what means the
//! same.

use std::{collections::HashMap, io};

use tantivy::{InvertedIndexReader, postings::TermInfo};

use crate::{
    knowledge::{
        index::{
            schema::ACCENTED,
            snapshot::{IndexSegment, IndexSnapshot},
        },
        search::{
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
/// Most words that a half word stands for; and of how many, the most frequent of all readers' documents, it is looked up whether the
/// reader's have them.
const MAX_LONGER: usize = 40;
const MAX_LOOKED_UP: usize = 200;
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
    pub postings: Found,
}

/// A gram of a word.
pub struct Gram {
    pub idf: f32,
    /// Where it stands, by part.
    pub postings: Vec<Option<TermInfo>>,
}

/// Where a key stands: by part, in names and in bodies.
#[derive(Default)]
pub struct Found {
    pub parts: Vec<[Option<TermInfo>; 2]>,
    /// In how many documents, about: of the scope where it was counted, else of the index.
    pub documents: u64,
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
fn longer(within: &VisibleTerms<'_>, half: &str) -> tantivy::Result<Vec<(String, Found)>> {
    let mut found: HashMap<String, Found> = HashMap::new();
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
    let mut found: Vec<(String, Found)> = found.into_iter().collect();
    let more_frequent =
        |one: &(String, Found), other: &(String, Found)| other.1.documents.cmp(&one.1.documents).then_with(|| one.0.cmp(&other.0));
    found.sort_by(more_frequent);
    keep_readable(within, &mut found, |(_, postings)| postings)?;
    found.sort_by(more_frequent);
    found.truncate(MAX_LONGER);
    Ok(found)
}

/// Of what was found in the dictionary, keeps the first of what the scope's documents have, and counts it in them.
pub fn keep_readable<T>(within: &VisibleTerms<'_>, found: &mut Vec<T>, postings: impl Fn(&mut T) -> &mut Found) -> tantivy::Result<()> {
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

/// The fields of words, in their order in [`Found`].
pub fn fields(part: &IndexSegment) -> [&InvertedIndexReader; 2] {
    [&part.names, &part.body]
}

/// Where a key stands.
fn find(within: &VisibleTerms<'_>, key: &str) -> tantivy::Result<Found> {
    let mut found = Found::default();
    each_field(within, |place, part, reader| {
        if let Some(info) = reader.terms().get(key.as_bytes())? {
            found.add(within.view, part, place, &info);
        }
        Ok(())
    })?;
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

impl Found {
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
    fn count(&mut self, within: &VisibleTerms<'_>, uncounted: impl Fn(&TermInfo) -> u64) -> io::Result<()> {
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
