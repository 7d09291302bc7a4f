//! What a correction changed beyond errors, word by word.

use similar::TextDiff;

use crate::{
    replies::{
        rewrite::edits::edits,
        stream::result::{Edit, EditKind},
    },
    text::fold,
};

/// Least share of a word's letters that its correction keeps.
const MIN_KEPT_LETTERS: f32 = 0.6;
/// Words of up to so many letters may be put right in any way, added or dropped.
const MAX_SHORT_WORD: usize = 4;

/// The words of a correction that are not near what stood there, and the words that it left out; each with what stood there before.
pub fn changed_words(before: &str, after: &str) -> Vec<(String, String)> {
    let edits = edits(before, after);
    let words = |kind: EditKind| -> Vec<String> {
        edits.iter().filter(|edit| edit.kind == kind).flat_map(|edit| folded_words(&edit.text)).collect()
    };
    let (all_removed, all_added) = (words(EditKind::Removed), words(EditKind::Added));
    let mut changed = Vec::new();
    let mut at = 0;
    while at < edits.len() {
        let (removed, added) = match (&edits[at], edits.get(at + 1)) {
            (Edit { kind: EditKind::Kept, .. }, _) => {
                at += 1;
                continue;
            }
            (Edit { kind: EditKind::Removed, text }, Some(Edit { kind: EditKind::Added, text: added })) => (text.as_str(), added.as_str()),
            (Edit { kind: EditKind::Removed, text }, _) => (text.as_str(), ""),
            (Edit { kind: EditKind::Added, text }, _) => ("", text.as_str()),
        };
        let kept_before = at.checked_sub(1).map(|at| edits[at].text.as_str()).unwrap_or_default();
        let kept_after = edits[at + 1..].iter().find(|edit| edit.kind == EditKind::Kept).map(|edit| edit.text.as_str()).unwrap_or_default();
        at += 1 + usize::from(!removed.is_empty() && !added.is_empty());
        let (mut old, mut new) = (folded_words(removed), folded_words(added));
        if old.concat() == new.concat() {
            continue;
        }
        // A word that was moved, or written twice.
        let neighbours: Vec<String> = folded_words(kept_before).into_iter().rev().take(3).chain(folded_words(kept_after).into_iter().take(3)).collect();
        old.retain(|word| !all_added.contains(word) && !(neighbours.contains(word) && new.is_empty()));
        new.retain(|word| !all_removed.contains(word));
        if !is_near(&old, &new) {
            changed.push((removed.trim().to_owned(), added.trim().to_owned()));
        }
    }
    changed
}

fn folded_words(text: &str) -> Vec<String> {
    fold(text).split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether some words are the others with errors put right: each near its counterpart, joined or split, or short.
fn is_near(old: &[String], new: &[String]) -> bool {
    let short = |words: &[String]| words.iter().all(|word| word.chars().count() <= MAX_SHORT_WORD && !word.bytes().any(|byte| byte.is_ascii_digit()));
    if old.is_empty() || new.is_empty() {
        return short(old) && short(new) && old.len() + new.len() <= 2;
    }
    let near = |old: &str, new: &str| {
        let ratio = TextDiff::from_chars(old, new).ratio();
        let digits = |word: &str| word.chars().filter(char::is_ascii_digit).collect::<String>();
        digits(old) == digits(new) && (ratio >= MIN_KEPT_LETTERS || (old.len() <= MAX_SHORT_WORD && new.len() <= MAX_SHORT_WORD) || abbreviates(old, new))
    };
    if near(&old.concat(), &new.concat()) && (old.len() != new.len() || old.len() == 1) {
        return true;
    }
    old.len() == new.len() && old.iter().zip(new).all(|(old, new)| near(old, new))
}

/// Whether a word's letters stand in another in their order, as in `pls` and `please`.
fn abbreviates(short: &str, long: &str) -> bool {
    let mut letters = long.chars();
    short.len() >= 2 && short.len() < long.len() && short.chars().all(|letter| letters.any(|other| other == letter))
}
