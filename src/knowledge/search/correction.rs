//! The corrected query that is shown.

use std::collections::{HashMap, HashSet};

use crate::{
    knowledge::{
        documents::document::Document,
        search::{query::Typed, terms::Term},
    },
    text::{Beginnings, words, words_beginning},
};

/// Returns the query with its misspelt words corrected to words of the hits, as the hits write them. A word that no hit has a correction
/// for stays as it was typed.
pub fn corrected(query: &str, typed: &Typed, language: &str, terms: &[Term], hits: &[&Document]) -> String {
    let corrections_by_word: Vec<(&str, &[String])> = (typed.query.words.iter().zip(terms))
        .filter(|(_, term)| !term.corrections.is_empty())
        .map(|(word, term)| (word.word.folded(), term.corrections.as_slice()))
        .collect();
    if corrections_by_word.is_empty() {
        return String::new();
    }
    let end: HashSet<&String> = corrections_by_word.iter().flat_map(|(_, corrections)| *corrections).collect();
    let mut beginnings = Beginnings::default();
    end.iter().for_each(|key| beginnings.add(key));
    // Words by themselves, and by their stems: of a stem's words the shortest is taken.
    let (mut whole, mut forms): (HashMap<String, String>, HashMap<String, String>) = Default::default();
    for document in hits {
        if corrections_by_word.iter().all(|(_, corrections)| whole.contains_key(&corrections[0])) {
            break;
        }
        let language = document.language.primary();
        for word in [&document.title, &document.body].into_iter().flat_map(|text| words_beginning(text, language, &beginnings)) {
            let written = || word.accented().unwrap_or(word.folded()).to_owned();
            for (number, key) in word.keys().iter().enumerate().filter(|(_, key)| end.contains(key)) {
                if number == 0 {
                    whole.entry(key.clone()).or_insert_with(written);
                } else if forms.get(key).is_none_or(|form| word.folded().len() < form.len()) {
                    forms.insert(key.clone(), written());
                }
            }
        }
    }
    let fix = |corrections: &[String]| corrections.iter().find_map(|word| whole.get(word).or_else(|| forms.get(word)).cloned());
    let fixes: HashMap<&str, String> =
        corrections_by_word.iter().filter_map(|(word, corrections)| Some((*word, fix(corrections)?))).collect();
    if fixes.is_empty() {
        return String::new();
    }
    let mut corrected = String::new();
    let mut from = 0;
    for word in words(query, language) {
        if let Some(fix) = fixes.get(word.folded()) {
            corrected.push_str(&query[from..word.start]);
            corrected.push_str(fix);
            from = word.end;
        }
    }
    corrected.push_str(&query[from..]);
    corrected
}
