//! What a correction changed beyond errors, word by word.

use std::collections::BTreeMap;

use similar::TextDiff;
use strsim::osa_distance;

use crate::{
    lexicon::{
        self, Lexicon,
        concepts::Concept,
        lexicon,
        words::{Words, plain},
    },
    replies::{
        rewrite::{
            edits::{Replacement, edits, replacements},
            meaning::{Change, Version},
        },
        stream::result::EditKind,
    },
    text::fold,
};

/// Least share of a word's letters that its correction keeps.
const MIN_KEPT_LETTERS: f32 = 0.6;
/// Words of up to so many letters may be put right in any way, added or dropped.
const MAX_SHORT_WORD: usize = 4;
/// Words of so many letters may have two errors.
const LONG_WORD: usize = 7;

/// What a correction neither adds nor takes away, alone.
const TURNING: [Concept; 15] = [
    Concept::Negation,
    Concept::Free,
    Concept::Only,
    Concept::Condition,
    Concept::AtLeast,
    Concept::AtMost,
    Concept::Must,
    Concept::May,
    Concept::Before,
    Concept::After,
    Concept::Today,
    Concept::Tomorrow,
    Concept::Yesterday,
    Concept::DayAfterTomorrow,
    Concept::WePay,
];

/// Whether a misspelt day is nearer to another day than to the one that it was corrected to.
fn is_nearer_to_another_day(lexicon: &Lexicon, removed: &str, concept: Concept) -> bool {
    let Concept::Weekday(day) = concept else { return false };
    let old = folded_words(removed).concat();
    let distance = |names: &Words| names.iter().map(|name| osa_distance(&old, name.trim())).min().unwrap_or(usize::MAX);
    let distances: Vec<usize> = lexicon.words.dates.weekdays.iter().map(distance).collect();
    distances.iter().any(|other| *other < distances[usize::from(day)])
}

/// Words that a correction turned into another meaning: a denial, another day, another limit, who does it.
pub fn turned(before: Version<'_>, after: Version<'_>) -> Vec<Change> {
    let Some(lexicon) = lexicon(before.language) else { return Vec::new() };
    let edits = edits(before.text, after.text);
    let words = |kind: EditKind| -> Vec<String> {
        edits.iter().filter(|edit| edit.kind == kind).flat_map(|edit| folded_words(&edit.text)).collect()
    };
    let (all_removed, all_added) = (words(EditKind::Removed), words(EditKind::Added));
    let mut changes = Vec::new();
    for (at, edit) in edits.iter().enumerate().filter(|(_, edit)| edit.kind != EditKind::Kept) {
        let (removed, added) = match (edit.kind, edits.get(at + 1)) {
            (EditKind::Removed, Some(next)) if next.kind == EditKind::Added => (edit.text.as_str(), next.text.as_str()),
            (EditKind::Removed, _) => (edit.text.as_str(), ""),
            // It was looked at with what it stands for.
            _ if at > 0 && edits[at - 1].kind == EditKind::Removed => continue,
            _ => ("", edit.text.as_str()),
        };
        if folded_words(removed).concat() == folded_words(added).concat() {
            continue;
        }
        // A word that only moved, or was written twice, says the same.
        let next =
            edits[at + 1..].iter().find(|edit| edit.kind == EditKind::Kept).and_then(|edit| folded_words(&edit.text).into_iter().next());
        let last = at.checked_sub(1).and_then(|at| folded_words(&edits[at].text).pop());
        let all_added: Vec<String> = all_added.iter().cloned().chain(next).chain(last).collect();
        let says = |text: &str, elsewhere: &[String]| {
            let left: Vec<String> = plain(text)
                .split_whitespace()
                .filter(|word| !elsewhere.contains(&folded_words(word).concat()))
                .map(str::to_owned)
                .collect();
            lexicon.concepts.counts(&format!("{} ", left.join(" ")))
        };
        let (old, new) = (says(removed, &all_added), says(added, &all_removed));
        let only_in = |one: &BTreeMap<Concept, usize>, other: &BTreeMap<Concept, usize>| {
            one.keys().copied().filter(|concept| !other.contains_key(concept) && *concept != Concept::Courtesy).collect::<Vec<Concept>>()
        };
        let (lost, gained) = (only_in(&old, &new), only_in(&new, &old));
        let replaced = !lost.is_empty() && !gained.is_empty();
        let misspelt = are_misspellings(removed, added, &lost, &gained)
            && !gained.iter().any(|concept| is_nearer_to_another_day(lexicon, removed, *concept));
        let turns =
            |concepts: &[Concept]| concepts.iter().any(|concept| TURNING.contains(concept) || matches!(concept, Concept::Weekday(_)));
        // A word that has the meaning by one letter is a misspelt one of it, unless it is a short word of its own.
        if (replaced || turns(&lost) || turns(&gained)) && !misspelt {
            changes.push(Change { excerpt: added.trim().to_owned(), message: format!("the text has “{}” here", removed.trim()) });
        }
        changes.extend(renamed(before.text, removed, added, before.language));
    }
    changes
}

/// Whether words are others with errors, one for one. What denies is misspelt by a letter only; a day's name may have more errors.
fn are_misspellings(old: &str, new: &str, lost: &[Concept], gained: &[Concept]) -> bool {
    let (old, new) = (folded_words(old), folded_words(new));
    let day = gained.iter().any(|concept| matches!(concept, Concept::Weekday(_)));
    // A word that lost its meaning was another word.
    let strict = gained.contains(&Concept::Negation) || !lost.is_empty();
    let misspelt = |old: &String, new: &String| {
        let long = old.chars().count() >= MAX_SHORT_WORD;
        let like = || TextDiff::from_chars(old, new).ratio() >= MIN_KEPT_LETTERS;
        let begins = || old.chars().take(3).eq(new.chars().take(3)) && like();
        let form = !strict && (new.contains(old.as_str()) || is_misspelling(old, new) || begins());
        old == new || form || (long && (is_misspelling(old, new) || (day && like())))
    };
    old.len() == new.len() && old.iter().zip(&new).all(|(old, new)| misspelt(old, new))
}

/// Whether a word is another with an error: one letter left out, added or replaced, two that changed places, and in longer words two errors
/// that leave the length as it is, almost.
fn is_misspelling(one: &str, other: &str) -> bool {
    let (one, other) = (folded_words(one).concat(), folded_words(other).concat());
    let distance = osa_distance(&one, &other);
    let lengths = one.chars().count().abs_diff(other.chars().count());
    distance <= 1 || (distance == 2 && lengths <= 1 && one.chars().count() >= LONG_WORD)
}

/// A name within a sentence that the correction wrote otherwise than by accents. In German, where every noun has a capital, only after a title.
fn renamed(text: &str, removed: &str, added: &str, language: &str) -> Option<Change> {
    let (old, new) = (removed.trim(), added.trim());
    let capital = |word: &str| word.starts_with(char::is_uppercase) && word.chars().filter(|letter| letter.is_alphabetic()).count() > 1;
    if !capital(old) || !capital(new) || old.contains(' ') || new.contains(' ') {
        return None;
    }
    let place = old.as_ptr() as usize;
    let start = place.checked_sub(text.as_ptr() as usize).filter(|start| *start < text.len()).or_else(|| text.find(old))?;
    let before = text[..start].trim_end();
    let begins = before.is_empty() || before.ends_with(['.', '!', '?', ':', '\n', '-', '"', '•']);
    let word = before.rsplit(|letter: char| !letter.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    let titled = lexicon::any(|words| words.titles.before.contains(&fold(word)));
    let after_name = word.starts_with(char::is_uppercase) && before.ends_with(word) && word.chars().count() > 2;
    let known = lexicon::any(|words| words.dates.weekdays.iter().chain(&words.dates.months).any(|names| names.begin(&fold(new))));
    let before_name = text[start + old.len()..].strip_prefix(' ').is_some_and(|next| next.starts_with(char::is_uppercase));
    let long = old.chars().count() >= MAX_SHORT_WORD;
    let is_name = if language == "de" { titled } else { titled || after_name || (!begins && (long || before_name)) };
    (is_name && !known && folded_words(old) != folded_words(new))
        .then(|| Change { excerpt: new.to_owned(), message: format!("the text has “{old}” here") })
}

/// The words of a correction that are not near what stood there, and the words that it left out; each with what stood there before.
pub fn changed_words(before: &str, after: &str) -> Vec<(String, String)> {
    let edits = edits(before, after);
    let words = |kind: EditKind| -> Vec<String> {
        edits.iter().filter(|edit| edit.kind == kind).flat_map(|edit| folded_words(&edit.text)).collect()
    };
    let (all_removed, all_added) = (words(EditKind::Removed), words(EditKind::Added));
    let all_after = folded_words(after);
    let mut changed = Vec::new();
    for Replacement { removed, added, before: kept_before, after: kept_after } in replacements(&edits) {
        let (mut old, mut new) = (folded_words(removed), folded_words(added));
        if old.concat() == new.concat() {
            continue;
        }
        // A word that was moved, or written twice.
        if is_near(&old, &new) {
            continue;
        }
        let neighbours: Vec<String> =
            folded_words(kept_before).into_iter().rev().take(3).chain(folded_words(kept_after).into_iter().take(3)).collect();
        let twice = |words: &[String], word: &String| neighbours.contains(word) || words.iter().filter(|other| *other == word).count() > 1;
        let joined = |word: &String| word.chars().count() >= MAX_SHORT_WORD && all_after.iter().any(|other| other.contains(word.as_str()));
        let repeated = old.clone();
        old.retain(|word| !(all_added.contains(word) || joined(word) || (twice(&repeated, word) && !new.contains(word))));
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
    let short = |words: &[String]| {
        words.iter().all(|word| word.chars().count() <= MAX_SHORT_WORD && !word.bytes().any(|byte| byte.is_ascii_digit()))
    };
    if old.is_empty() || new.is_empty() {
        return short(old) && short(new) && old.len() + new.len() <= 2;
    }
    let near = |old: &str, new: &str| {
        let ratio = TextDiff::from_chars(old, new).ratio();
        // `17.5.` is `17.05.`.
        let digits = |word: &str| word.chars().filter(|letter| letter.is_ascii_digit() && *letter != '0').collect::<String>();
        digits(old) == digits(new)
            && (ratio >= MIN_KEPT_LETTERS || (old.len() <= MAX_SHORT_WORD && new.len() <= MAX_SHORT_WORD) || abbreviates(old, new))
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
