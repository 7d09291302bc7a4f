//! Models of letters: how likely a text is in each of six languages, by its runs of one to five letters.
//!
//! The counts are those of lingua's language models, and so is the reckoning; `build.rs` packs them into a third of their size.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use tantivy_fst::{Map, raw::Fst};

/// A run's value is its probability after its first letters, as -ln p in steps of 1/[`STEPS`]. `build.rs` has the same number.
const STEPS: f64 = 16.0;
const LONGEST_RUN: usize = 5;
/// From this many letters on, runs of three tell enough.
const LONG_TEXT: usize = 120;
const LONG_TEXT_RUN: usize = 3;

/// A language, its model, and the letters that set it apart.
struct Letters {
    tag: &'static str,
    runs: Map<&'static [u8]>,
    /// Which no other of the six has, nor any other language that is likely.
    unique: &'static str,
    /// Which it shares with some of the six.
    marked: &'static str,
}

static MODELS: LazyLock<[Letters; 6]> = LazyLock::new(|| {
    let letters = |tag, bytes: &'static [u8], unique, marked| {
        let runs = Map::from(Fst::new(bytes).expect("the build wrote it"));
        Letters { tag, runs, unique, marked }
    };
    // In the order of their names in English, which decides between equals.
    [
        letters("en", include_bytes!(concat!(env!("OUT_DIR"), "/letters-en.fst")), "", ""),
        letters("fr", include_bytes!(concat!(env!("OUT_DIR"), "/letters-fr.fst")), "", "îûëèùêôâàçé"),
        letters("de", include_bytes!(concat!(env!("OUT_DIR"), "/letters-de.fst")), "ß", "äüö"),
        letters("hu", include_bytes!(concat!(env!("OUT_DIR"), "/letters-hu.fst")), "őű", "ûõüöóáíúé"),
        letters("es", include_bytes!(concat!(env!("OUT_DIR"), "/letters-es.fst")), "", "ñüóáíúé"),
        letters("tr", include_bytes!(concat!(env!("OUT_DIR"), "/letters-tr.fst")), "", "ığðþşâýüçö"),
    ]
});

/// The languages' tags and how likely the text is in each, from 0 to 1, the likeliest first. All are 0 for a text without a letter that any
/// model knows; else they add up to 1.
pub fn likelihoods(text: &str) -> Vec<(&'static str, f64)> {
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|character: char| !character.is_alphabetic()).filter(|word| !word.is_empty()).collect();
    let mut likelihoods = match by_unique_letters(&words) {
        Some(found) => vec![(found.tag, 1.0)],
        None => by_runs(&words, &by_marked_letters(&words)),
    };
    likelihoods.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let found: Vec<&str> = likelihoods.iter().map(|(tag, _)| *tag).collect();
    likelihoods.extend(MODELS.iter().filter(|letters| !found.contains(&letters.tag)).map(|letters| (letters.tag, 0.0)));
    likelihoods
}

/// The language whose own letters stand in more words than another's. Words without such letters count against all, where they are half of
/// the words or more.
fn by_unique_letters(words: &[&str]) -> Option<&'static Letters> {
    let in_words = |letters: &Letters| words.iter().filter(|word| word.contains(|letter| letters.unique.contains(letter))).count();
    let mut counts: Vec<(usize, &Letters)> = MODELS.iter().map(|letters| (in_words(letters), letters)).collect();
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let [(first, found), (second, _), ..] = counts[..] else { return None };
    let without = words.len().saturating_sub(counts.iter().map(|(count, _)| count).sum());
    let against = if 2 * without < words.len() { second } else { second.max(without) };
    (first > against).then_some(found)
}

/// The languages whose marked letters stand in half of the words or more; all of them if there is none. A letter counts in each word that has it.
fn by_marked_letters(words: &[&str]) -> Vec<&'static Letters> {
    let count = |letters: &Letters| letters.marked.chars().map(|letter| words.iter().filter(|word| word.contains(letter)).count()).sum();
    let is_marked = |letters: &&Letters| {
        let count: usize = count(letters);
        count > 0 && 2 * count >= words.len()
    };
    let marked: Vec<&Letters> = MODELS.iter().filter(is_marked).collect();
    if marked.is_empty() { MODELS.iter().collect() } else { marked }
}

fn by_runs(words: &[&str], languages: &[&'static Letters]) -> Vec<(&'static str, f64)> {
    if let [only] = languages {
        return vec![(only.tag, 1.0)];
    }
    let is_long = words.iter().map(|word| word.chars().count()).sum::<usize>() >= LONG_TEXT;
    let lengths = if is_long { LONG_TEXT_RUN..=LONG_TEXT_RUN } else { 1..=LONGEST_RUN };
    // By length; a run counts once.
    let runs: BTreeMap<usize, BTreeSet<&str>> = lengths.map(|length| (length, runs(words, length))).collect();
    let logarithm = |letters: &Letters| {
        let sum: f64 = runs.values().flatten().filter_map(|run| letters.logarithm(run)).sum();
        let known = runs.get(&1).into_iter().flatten().filter(|letter| letters.runs.get(letter).is_some()).count();
        (sum < 0.0).then(|| sum / known.max(1) as f64)
    };
    let logarithms: Vec<(&str, f64)> = languages.iter().filter_map(|letters| Some((letters.tag, logarithm(letters)?))).collect();
    let highest = logarithms.iter().map(|(_, logarithm)| *logarithm).fold(f64::MIN, f64::max);
    let weights: Vec<(&str, f64)> = logarithms.into_iter().map(|(tag, logarithm)| (tag, (logarithm - highest).exp())).collect();
    let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
    weights.into_iter().map(|(tag, weight)| (tag, weight / sum)).collect()
}

fn runs<'a>(words: &[&'a str], length: usize) -> BTreeSet<&'a str> {
    let of_word = |word: &'a str| {
        let ends = word.char_indices().map(|(at, _)| at).chain([word.len()]).skip(length);
        word.char_indices().zip(ends).map(|((begin, _), end)| &word[begin..end])
    };
    words.iter().copied().flat_map(of_word).collect()
}

impl Letters {
    /// The logarithm of a run's probability, or that of its longest beginning that the model knows.
    fn logarithm(&self, run: &str) -> Option<f64> {
        let beginnings = run.char_indices().rev().map(|(at, letter)| &run[..at + letter.len_utf8()]);
        beginnings.filter_map(|beginning| self.runs.get(beginning)).next().map(|steps| -(steps as f64) / STEPS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn likeliest(text: &str) -> &'static str {
        likelihoods(text)[0].0
    }

    #[test]
    fn a_text_is_likeliest_in_its_own_language() {
        for (tag, text) in [
            ("en", "my kettle leaks whenever it boils"),
            ("fr", "le robinet fuit depuis hier soir"),
            ("de", "der Kessel tropft beim Kochen"),
            ("hu", "csepeg a kanna forraláskor"),
            ("es", "la tetera gotea cuando hierve"),
            ("tr", "kaynarken damlatiyor bu caydanlik"),
        ] {
            assert_eq!(likeliest(text), tag, "{text}");
            assert_eq!(likeliest(&text.repeat(6)), tag, "{text}, long");
            let sum: f64 = likelihoods(text).iter().map(|(_, likelihood)| likelihood).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn letters_of_one_language_alone_decide() {
        assert_eq!(likelihoods("tűz")[0], ("hu", 1.0));
        assert_eq!(likelihoods("Straße groß")[0], ("de", 1.0));
        assert_eq!(likelihoods("ğı")[0], ("tr", 1.0));
        assert!(likelihoods("where is the new tűz of my old kettle")[0].1 < 1.0, "one word of eight proves nothing");
    }

    #[test]
    fn what_has_no_letters_is_in_no_language() {
        for text in ["", "12345 ??", "😀", "我的订单", "ρω"] {
            assert!(likelihoods(text).iter().all(|(_, likelihood)| *likelihood == 0.0), "{text}");
            assert_eq!(likelihoods(text).len(), 6, "{text}");
        }
    }
}
