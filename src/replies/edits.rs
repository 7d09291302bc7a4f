//! What a rewrite changed, as a person would show it: words, not letters.

use similar::{ChangeTag, TextDiff};

use super::{Edit, EditKind};

/// Longest wait for a diff; past it, a coarser one comes.
const WAIT: std::time::Duration = std::time::Duration::from_millis(200);

/// The segments from `before` to `after`: kept and removed joined are `before`, kept and added ones `after`.
pub fn edits(before: &str, after: &str) -> Vec<Edit> {
    let diff = TextDiff::configure().timeout(WAIT).diff_unicode_words(before, after);
    let mut edits: Vec<Edit> = Vec::new();
    // Within a run of changes, what went stands before what came.
    let (mut removed, mut added) = (String::new(), String::new());
    let flush = |edits: &mut Vec<Edit>, removed: &mut String, added: &mut String| {
        for (kind, text) in [(EditKind::Removed, removed), (EditKind::Added, added)] {
            if !text.is_empty() {
                edits.push(Edit { kind, text: std::mem::take(text) });
            }
        }
    };
    for change in diff.iter_all_changes() {
        match change.tag() {
            ChangeTag::Delete => removed.push_str(change.value()),
            ChangeTag::Insert => added.push_str(change.value()),
            ChangeTag::Equal => {
                flush(&mut edits, &mut removed, &mut added);
                match edits.last_mut() {
                    Some(last) if last.kind == EditKind::Kept => last.text.push_str(change.value()),
                    _ => edits.push(Edit { kind: EditKind::Kept, text: change.value().to_owned() }),
                }
            }
        }
    }
    flush(&mut edits, &mut removed, &mut added);
    edits
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
        let told: Vec<(EditKind, &str)> = edits.iter().map(|edit| (edit.kind, edit.text.as_str())).collect();
        assert_eq!(
            told,
            [(EditKind::Kept, "Your order "), (EditKind::Removed, "have"), (EditKind::Added, "has"), (EditKind::Kept, " been sent."),]
        );
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
