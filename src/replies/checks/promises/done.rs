//! Claims that something was done: `we have cancelled it`, `iptal ettik`, `ich habe es storniert`.
//!
//! English and Spanish say it with an auxiliary and an ending, which are words of their lexicon; how the verbs of Turkish, Hungarian and
//! German say it is code.

use crate::lexicon::{Lexicon, topics::Topic};

/// Shorter verbs are others: `need`, `dedim`.
const MIN_VERB: usize = 5;
const MIN_GERMAN: usize = 6;

/// Whether a folded clause says in the first person that something was done, other than having looked, read, asked or passed on; a verb that
/// was `said` by the shop claims nothing.
pub fn claims_done(clause: &str, own: &Lexicon, said: &impl Fn(&str) -> bool) -> bool {
    let words: Vec<&str> =
        clause.split(|letter: char| !letter.is_alphanumeric() && letter != '\'').filter(|word| !word.is_empty()).collect();
    let harmless = |word: &str| own.matcher.beginning(word).has(Topic::Harmless);
    let is_done = |at: usize| {
        let word = words[at];
        let ends = match own.language {
            "tr" => is_turkish_past(word),
            "hu" => is_hungarian_past(word),
            "de" => is_german_perfect(&words, at),
            _ => is_perfect(&words, at, own),
        };
        // `not ettim`, `kontrol ettik`: the word before says what.
        let helper = own.language == "tr" && ["ettim", "ettik", "yaptim", "yaptik"].contains(&word);
        let helps_a_harmless_one = helper && at > 0 && harmless(words[at - 1]);
        ends && !harmless(word) && !helps_a_harmless_one && !said(word)
    };
    (0..words.len()).any(is_done)
}

/// `I have just cancelled`, `hemos enviado`.
fn is_perfect(words: &[&str], at: usize, own: &Lexicon) -> bool {
    let commitments = &own.words.commitments;
    let word = words[at];
    if word.len() < MIN_VERB || !commitments.participles.end(word) {
        return false;
    }
    let before = words[..at].iter().rposition(|word| !commitments.between.contains(word)).map_or(0, |last| last + 1);
    commitments.auxiliaries.iter().any(|auxiliary| {
        let length = auxiliary.split(' ').count();
        before >= length && words[before - length..before].iter().copied().eq(auxiliary.split(' '))
    })
}

/// `anlattım` is a past, `anlatım` a noun.
fn is_turkish_past(word: &str) -> bool {
    let soft = ["dim", "dum"].iter().any(|ending| word.ends_with(ending));
    let hard = ["tim", "tum"].iter().find_map(|ending| word.strip_suffix(ending));
    word.len() >= MIN_VERB && (soft || hard.is_some_and(|stem| stem.ends_with(['p', 'c', 't', 'k', 'f', 'h', 's'])))
}

/// After a vowel it is the present of another verb: `vezetem`.
fn is_hungarian_past(word: &str) -> bool {
    let stem = ["tam", "tem"].iter().find_map(|ending| word.strip_suffix(ending));
    stem.is_some_and(|stem| stem.len() > 2 && !stem.ends_with(['a', 'e', 'i', 'o', 'u']))
}

/// `ich habe … storniert`, `habe ich … gelöscht`
fn is_german_perfect(words: &[&str], at: usize) -> bool {
    let word = words[at];
    let helped = words.iter().take(at).any(|word| matches!(*word, "habe" | "hab"));
    let with_ge = word.find("ge").is_some_and(|place| place <= 5) && (word.ends_with('t') || word.ends_with("en"));
    helped && words.contains(&"ich") && word.len() >= MIN_GERMAN && (with_ge || word.ends_with("iert"))
}
