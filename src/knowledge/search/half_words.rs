//! Half words: the words of the scope that an unfinished word may become, each as likely as documents have it and as those were opened.

use std::collections::HashMap;

use crate::{
    knowledge::search::{
        idf::word_idf,
        lookup::{KeyPostings, beginning_with, find_counted, opened},
        query::QueryWord,
        stop_words,
        visible_terms::VisibleTerms,
    },
    text::{Word, words},
};

/// Most completions of an unfinished word.
const MAX_COMPLETIONS: usize = 40;
/// What a document with a completion in its title or tags counts beside one with it in its text.
const IN_NAMES: f32 = 2.0;
/// How much less a rarer completion counts: the power of its share of the documents.
const PRIOR: f32 = 0.25;
/// The shortest beginning of an unfinished word that is looked up where the whole of it begins no word, and the least share of its letters.
const MIN_BEGINNING: usize = 4;
const MIN_BEGINNING_SHARE: f32 = 0.5;

/// A word of the scope that an unfinished word may become.
pub struct Completion {
    pub word: Word,
    pub postings: KeyPostings,
    /// How likely it is, beside the likeliest: 1 for that.
    pub likelihood: f32,
    pub idf: f32,
    pub is_common: bool,
}

/// Returns the words of the scope that begin with a half word, likeliest first.
pub fn completions(within: &VisibleTerms<'_>, half: &str, language: &str, documents: u64) -> tantivy::Result<Vec<Completion>> {
    let mut completions = Vec::new();
    for (key, with) in beginning_with(within, half)?.into_iter().take(MAX_COMPLETIONS) {
        let share = stop_words::share(language, &key);
        let Some(word) = words(&key, language).into_iter().next().filter(|word| word.folded() == key) else { continue };
        let postings = find_counted(within, &key)?;
        completions.push(Completion { word, postings, likelihood: 0.0, idf: word_idf(documents, with, share), is_common: share > 0.0 });
    }
    // The forms of one word are as likely as all of them are. An opening counts as a document.
    let mut of_stem: HashMap<String, f32> = HashMap::new();
    let stem = |completion: &Completion| completion.word.keys().last().cloned().unwrap_or_default();
    for completion in &completions {
        let postings = &completion.postings;
        let documents = postings.documents as f32 + IN_NAMES * postings.names as f32;
        *of_stem.entry(stem(completion)).or_default() += documents + opened(within, postings)? as f32;
    }
    let most = of_stem.values().copied().fold(f32::MIN_POSITIVE, f32::max);
    for completion in &mut completions {
        completion.likelihood = (of_stem[&stem(completion)] / most).powf(PRIOR);
    }
    completions.sort_by(|one, other| other.likelihood.total_cmp(&one.likelihood).then_with(|| one.word.folded().cmp(other.word.folded())));
    Ok(completions)
}

/// Returns the words of the scope that share the longest beginning with a half word that begins none: `cancel` for `cancellati`.
pub fn shared_beginning(within: &VisibleTerms<'_>, half: &str, language: &str, documents: u64) -> tantivy::Result<Vec<Completion>> {
    // Numbers and codes are right or wrong.
    if half.bytes().any(|byte| byte.is_ascii_digit()) {
        return Ok(Vec::new());
    }
    let letters = half.chars().count();
    let least = MIN_BEGINNING.max((letters as f32 * MIN_BEGINNING_SHARE).ceil() as usize);
    for length in (least..letters).rev() {
        let end = half.char_indices().nth(length).map_or(half.len(), |(end, _)| end);
        let found = completions(within, &half[..end], language, documents)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Returns whether the scope has a word only as the prefix of others.
pub fn is_half(within: &VisibleTerms<'_>, word: &QueryWord) -> tantivy::Result<bool> {
    for key in word.word.keys() {
        if find_counted(within, key)?.documents > 0 {
            return Ok(false);
        }
    }
    Ok(!beginning_with(within, word.word.folded())?.is_empty())
}
