//! Compounds and long forms: what a word has in common with the words of the scope where it is none of them.

use crate::knowledge::{
    index::schema::{backwards, is_compounding},
    search::{
        lookup::KeyPostings, lookup::beginning_with, lookup::written_in, phrases::phrase, query::QueryWord, stop_words,
        visible_terms::VisibleTerms,
    },
};

/// Letters of the shortest word that is looked for in compounds, and of the shortest part beside it.
const MIN_IN_COMPOUND: usize = 3;
const MIN_REST: usize = 3;
/// Letters of the shortest part of a compound that is typed.
const MIN_PART: usize = 4;
/// Most compounds that a word is looked for in.
const MAX_COMPOUNDS: usize = 12;
/// Letters of the shortest part of two words that are typed as one, and most places at which such a word is parted.
const MIN_GLUED: usize = 2;
const MAX_PARTED: usize = 3;
/// Languages whose words take so many endings that no stemmer knows all.
const AGGLUTINATIVE: [&str; 10] = ["az", "et", "eu", "fi", "hu", "kk", "ko", "ta", "tr", "uz"];
/// The least common beginning of two forms of one word: letters, and share of the longer one.
const MIN_STEM: usize = 5;
const MIN_STEM_SHARE: f32 = 0.6;
/// Letters that one form of a word may have more than that.
const MAX_ENDING: usize = 7;

/// Returns the compounds of the scope that end with a word, or begin with it: `Fahrrad` and `Radhelm` for `Rad`. What begins with an
/// unfinished word are its completions.
pub fn compounds_with(within: &VisibleTerms<'_>, word: &QueryWord, language: &str) -> tantivy::Result<Vec<String>> {
    let folded = word.word.folded();
    let length = folded.chars().count();
    if !is_compounding(language) || length < MIN_IN_COMPOUND || folded.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(Vec::new());
    }
    let is_long = |word: &String| word.chars().count() >= length + MIN_REST;
    let ending = beginning_with(within, &backwards(folded))?.into_iter().map(|(word, _)| word.chars().skip(1).collect::<Vec<char>>());
    let ending = ending.map(|letters| letters.into_iter().rev().collect::<String>());
    let beginning = if word.half { Vec::new() } else { beginning_with(within, folded)? };
    let beginning = beginning.into_iter().map(|(word, _)| word);
    Ok(ending.filter(is_long).take(MAX_COMPOUNDS).chain(beginning.filter(is_long).take(MAX_COMPOUNDS)).collect())
}

/// Returns the words of the scope that a typed compound begins and ends with.
pub fn parts_of(within: &VisibleTerms<'_>, folded: &str, language: &str) -> tantivy::Result<Vec<String>> {
    if !is_compounding(language) {
        return Ok(Vec::new());
    }
    let ends: Vec<usize> = folded.char_indices().map(|(at, _)| at).skip(MIN_PART).collect();
    let rest = |at: usize| folded[at..].chars().count();
    let mut parts = Vec::new();
    // The longest of each counts.
    for at in ends.iter().rev().filter(|at| rest(**at) >= MIN_REST) {
        if written_in(within, &folded[..*at])? > 0 {
            parts.push(folded[..*at].to_owned());
            break;
        }
    }
    for at in ends.iter().filter(|at| rest(**at) >= MIN_PART) {
        if written_in(within, &folded[*at..])? > 0 {
            parts.push(folded[*at..].to_owned());
            break;
        }
    }
    parts.retain(|part| stop_words::share(language, part) == 0.0);
    Ok(parts)
}

/// Returns the words of the scope that are likely forms of an unknown word, in a language with many endings: those that share most of its
/// beginning.
pub fn forms_of(within: &VisibleTerms<'_>, folded: &str, language: &str) -> tantivy::Result<Vec<String>> {
    let letters: Vec<usize> = folded.char_indices().map(|(at, _)| at).collect();
    let least = MIN_STEM.max((letters.len() as f32 * MIN_STEM_SHARE).ceil() as usize);
    if !AGGLUTINATIVE.contains(&language) || folded.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(Vec::new());
    }
    for length in (least..letters.len()).rev() {
        let stem = &folded[..letters[length]];
        let mut found = beginning_with(within, stem)?;
        found.retain(|(word, _)| word.chars().count() <= length + MAX_ENDING);
        if !found.is_empty() {
            return Ok(found.into_iter().take(MAX_COMPOUNDS).map(|(word, _)| word).collect());
        }
    }
    Ok(Vec::new())
}

/// Returns where the scope has an unknown word as two words that follow one another: `gift card` for `giftcard`.
pub fn written_apart(within: &VisibleTerms<'_>, folded: &str) -> tantivy::Result<Vec<(Vec<Vec<String>>, KeyPostings)>> {
    let mut found = Vec::new();
    let mut parted = 0;
    for (at, _) in folded.char_indices().skip(MIN_GLUED) {
        let (one, other) = folded.split_at(at);
        if other.chars().count() < MIN_GLUED || written_in(within, one)? == 0 || written_in(within, other)? == 0 {
            continue;
        }
        let words = vec![vec![one.to_owned()], vec![other.to_owned()]];
        let postings = phrase(within, &words)?;
        if postings.documents > 0 {
            found.push((words, postings));
        }
        parted += 1;
        if parted == MAX_PARTED {
            break;
        }
    }
    Ok(found)
}
