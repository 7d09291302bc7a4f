//! Diffs a rewrite with its text, by words.

use similar::{ChangeTag, TextDiff};

use crate::{
    replies::stream::result::{Edit, EditKind},
    text::fold,
};

/// Timeout of a diff; after it, the diff is coarser.
const DIFF_TIMEOUT: std::time::Duration = std::time::Duration::from_millis(200);

/// Returns the segments from `before` to `after`: kept and removed segments joined are `before`, kept and added ones `after`.
pub fn edits(before: &str, after: &str) -> Vec<Edit> {
    let diff = TextDiff::configure().timeout(DIFF_TIMEOUT).diff_unicode_words(before, after);
    let mut edits: Vec<Edit> = Vec::new();
    // Within a run of changes, removals come before additions. Adjacent changed words are one change: the space between them is held until
    // the next word is known.
    let (mut removed, mut added, mut gap) = (String::new(), String::new(), String::new());
    for change in diff.iter_all_changes() {
        let value = change.value();
        match change.tag() {
            ChangeTag::Equal if !(removed.is_empty() && added.is_empty()) && value.chars().all(|letter| letter == ' ') => {
                gap.push_str(value)
            }
            ChangeTag::Equal => {
                push(&mut edits, EditKind::Removed, &mut removed);
                push(&mut edits, EditKind::Added, &mut added);
                gap.push_str(value);
                push(&mut edits, EditKind::Kept, &mut gap);
            }
            tag => {
                let gap = std::mem::take(&mut gap);
                removed.push_str(&gap);
                added.push_str(&gap);
                let changed = if tag == ChangeTag::Delete { &mut removed } else { &mut added };
                changed.push_str(value);
            }
        }
    }
    push(&mut edits, EditKind::Removed, &mut removed);
    push(&mut edits, EditKind::Added, &mut added);
    push(&mut edits, EditKind::Kept, &mut gap);
    edits
}

/// Adds a nonempty segment, merging it into the last one if that has the same kind.
fn push(edits: &mut Vec<Edit>, kind: EditKind, text: &mut String) {
    let text = std::mem::take(text);
    match edits.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.kind == kind => last.text.push_str(&text),
        _ => edits.push(Edit { kind, text }),
    }
}

/// What stands between two kept parts, before and after: one of them is empty where something was only added or removed.
pub struct Replacement<'a> {
    /// What went.
    pub removed: &'a str,
    /// What came.
    pub added: &'a str,
    /// The edit right before it; empty at the beginning.
    pub before: &'a str,
    /// The next that was kept; empty at the end.
    pub after: &'a str,
}

/// The edits that are changes, what was removed and what was added for it together.
pub fn replacements(edits: &[Edit]) -> Vec<Replacement<'_>> {
    let mut replacements = Vec::new();
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
        let before = at.checked_sub(1).map(|at| edits[at].text.as_str()).unwrap_or_default();
        let after = edits[at + 1..].iter().find(|edit| edit.kind == EditKind::Kept).map(|edit| edit.text.as_str()).unwrap_or_default();
        at += 1 + usize::from(!removed.is_empty() && !added.is_empty());
        replacements.push(Replacement { removed, added, before, after });
    }
    replacements
}

/// Least share of a word's letters that its correction keeps; shorter words may change freely.
const MIN_KEPT_LETTERS: f32 = 0.55;
const MAX_SHORT_WORD: usize = 4;
/// One in this many words may be changed beyond its spelling.
const WORDS_A_CHANGE: usize = 12;

/// Returns what a correction changed beyond errors, if anything: replaced words, lines, list marks, quotations, emoji.
pub fn over_edited(before: &str, after: &str) -> Option<String> {
    if shape(before) != shape(after) {
        return Some(String::new());
    }
    let edits = edits(before, after);
    let mut over: Vec<&str> = Vec::new();
    for Replacement { removed, added, .. } in replacements(&edits) {
        if !is_correction(removed, added) {
            over.push(if added.is_empty() { removed } else { added });
        }
    }
    let words = before.split_whitespace().count();
    let changed: usize = over.iter().map(|text| text.split_whitespace().count().max(1)).sum();
    (changed > (words / WORDS_A_CHANGE).max(1))
        .then(|| over.into_iter().max_by_key(|text| text.len()).unwrap_or_default().trim().to_owned())
}

fn is_correction(removed: &str, added: &str) -> bool {
    let letters = |text: &str| fold(text).chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
    let (removed, added) = (letters(removed), letters(added));
    // Spaces, punctuation and accents; a short word.
    if removed == added || (removed.len() <= MAX_SHORT_WORD && added.len() <= MAX_SHORT_WORD) {
        return true;
    }
    TextDiff::configure().timeout(DIFF_TIMEOUT).diff_chars(&removed, &added).ratio() >= MIN_KEPT_LETTERS
}

/// Returns the list marks of the lines, and the emoji.
fn shape(text: &str) -> (Vec<String>, Vec<char>) {
    let mark = |line: &str| {
        line.trim_start()
            .chars()
            .take_while(|letter| matches!(letter, '-' | '*' | '>' | '#' | '•' | '0'..='9' | '.' | ')'))
            .collect::<String>()
    };
    let mut emoji: Vec<char> =
        text.chars().filter(|letter| matches!(letter, '\u{2600}'..='\u{27bf}' | '\u{1f000}'..='\u{1faff}')).collect();
    emoji.sort_unstable();
    (text.trim_end().lines().map(mark).collect(), emoji)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(edits: &[Edit], without: EditKind) -> String {
        edits.iter().filter(|edit| edit.kind != without).map(|edit| edit.text.as_str()).collect()
    }

    #[test]
    fn words_are_changed_whole() {
        let edits = edits("Your order have been sent.", "Your order has been sent.");
        let segments: Vec<(EditKind, &str)> = edits.iter().map(|edit| (edit.kind, edit.text.as_str())).collect();
        assert_eq!(
            segments,
            [(EditKind::Kept, "Your order "), (EditKind::Removed, "have"), (EditKind::Added, "has"), (EditKind::Kept, " been sent."),]
        );
    }

    #[test]
    fn words_side_by_side_are_one_change() {
        let edits = edits("We wil sned it soon.", "We will send it soon.");
        let segments: Vec<(EditKind, &str)> = edits.iter().map(|edit| (edit.kind, edit.text.as_str())).collect();
        assert_eq!(
            segments,
            [(EditKind::Kept, "We "), (EditKind::Removed, "wil sned"), (EditKind::Added, "will send"), (EditKind::Kept, " it soon.")]
        );
    }

    #[test]
    fn a_correction_changes_errors_alone() {
        let text =
            "Hi Elif,\n\n- your oder are on it's way, it wil arive tommorow morning at you're house 😊\n- we realy apologise for teh delay";
        let right =
            "Hi Elif,\n\n- your order is on its way, it will arrive tomorrow morning at your house 😊\n- we really apologise for the delay";
        assert_eq!(over_edited(text, right), None);
        for other in [
            right.replace("we really apologise for the delay", "please accept our sincere apologies for this"),
            right.replace('\n', " "),
            right.replace("- ", "* "),
            right.replace(" 😊", ""),
            format!("{right} Have a wonderful day and thank you for your patience!"),
        ] {
            assert!(over_edited(text, &other).is_some(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn the_segments_join_to_both_texts(before in "\\PC{0,60}", after in "\\PC{0,60}") {
            let edits = edits(&before, &after);
            prop_assert_eq!(joined(&edits, EditKind::Added), before);
            prop_assert_eq!(joined(&edits, EditKind::Removed), after);
        }
    }
}
