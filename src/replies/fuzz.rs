//! Facts and personal data on their way to a model and back: a fuzz target.

use std::sync::Arc;

use crate::{
    chats::{Chat, Customer},
    config::PersonalData,
    facts::{Known, Marks, Next, facts},
    replies::{masking::Masker, stream::filter::OutputFilter},
    text::Language,
};

/// Masks a text in two ways: as a rewrite's, whose facts become marks, and as a draft's, whose personal data do. Marks are restored to
/// their values wherever the model's answer is split; the first byte decides where.
pub fn masks(input: &[u8]) {
    let Some((size, text)) = input.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    let size = usize::from(*size) + 1;

    let found = facts(&text, &Known::default(), |_| true);
    assert!(found.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start), "facts stand one after the other");
    assert!(found.iter().all(|fact| !text[fact.range.clone()].is_empty()), "and have letters");
    let mut marks = Marks::default();
    let (marked, order) = marks.replace(&text, &found);
    flows_alike(&marked, &marks, size);
    if !looks_marked(&text, &marks) {
        let (restored, came) = restored(&marked, &marks);
        assert_eq!(came, order, "every mark comes back, once: {marked:?}");
        assert_eq!(restored, text, "to the letter");
    }

    let settings = PersonalData::default();
    let customer =
        Customer { name: "Elif Kaya".into(), email: "elif@example.com".into(), phone: "0532 123 45 67".into(), ..Customer::default() };
    let chat = Chat { customer, ..Chat::default() };
    let mut masker = Masker::of(&settings, std::iter::once(&chat), &Language::parse("en").expect("a language"));
    let masked = masker.mask(&text);
    let (_, marks) = masker.marks();
    flows_alike(&masked, &marks, size);
    // Text that looked like a mark no longer does: every mark that is read was given.
    let (_, mut came) = restored(&masked, &marks);
    came.sort_unstable();
    came.dedup();
    assert_eq!(came.len(), marks.all().len(), "every mark comes back: {masked:?}");
}

/// Returns whether something in a text would be taken for a mark if a model repeated it.
fn looks_marked(text: &str, marks: &Marks) -> bool {
    text.contains(['⟦', '⟧']) || marks.next(None, text, 0, true) != Next::None
}

/// Restores the marks of a text, and returns which they were.
fn restored(marked: &str, marks: &Marks) -> (String, Vec<usize>) {
    let (mut text, mut order, mut from) = (String::new(), Vec::new(), 0);
    while let Next::Mark(mark) = marks.next(None, marked, from, true) {
        let which = mark.which.expect("a mark that was given is known");
        text.push_str(&marked[from..mark.range.start]);
        text.push_str(&marks.get(which).value);
        order.push(which);
        from = mark.range.end;
    }
    text.push_str(&marked[from..]);
    (text, order)
}

/// An answer reaches the agent the same, however it is split.
fn flows_alike(answer: &str, marks: &Marks, size: usize) {
    let marks = Arc::new(marks.clone());
    let flow = |size: usize| {
        let letters: Vec<char> = answer.chars().collect();
        let mut filter = OutputFilter::new(2, Arc::clone(&marks), "tr");
        let mut shown = String::new();
        for piece in letters.chunks(size) {
            shown.push_str(&filter.push(&piece.iter().collect::<String>()));
        }
        shown.push_str(&filter.finish());
        let output = filter.into_output();
        assert_eq!(shown, output.text);
        (output.text, output.restored, output.invented)
    };
    assert_eq!(flow(size), flow(usize::MAX), "{answer:?} in pieces of {size}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn seeds_hold() {
        crate::fuzz_seeds::of("masks").iter().for_each(|seed| super::masks(seed));
    }
}
