//! Whether a rewrite keeps the form of its text: its lines, the items of its lists, its length.

use crate::{
    replies::{
        rewrite::meaning::Purpose,
        stream::result::{Warning, WarningKind},
    },
    text::estimate_tokens,
};

/// A text of so many lines has a form to lose.
const MIN_LINES: usize = 3;
/// A rewrite with more than MAX_GROWTH times its text's tokens, plus MAX_ADDED_TOKENS, says what the text does not. Tokens, because scripts
/// differ in how much a letter carries.
const MAX_GROWTH: usize = 3;
const MAX_ADDED_TOKENS: usize = 30;

/// A warning if a rewrite lost list items, or ran the lines of its text into one. A concise tone may drop a greeting and a sign-off.
pub fn structure_warning(before: &str, after: &str, purpose: Purpose) -> Option<Warning> {
    let items = |text: &str| text.lines().filter(|line| is_item(line.trim_start())).count();
    let lines = |text: &str| text.lines().filter(|line| !line.trim().is_empty()).count();
    let warn = |message: &str| Some(Warning { kind: WarningKind::StructureChanged, excerpt: String::new(), message: message.to_owned() });
    if items(before) >= 2 && items(before) != items(after) {
        return warn("the list of the text has other items, or is no list any more");
    }
    let flat = lines(after) == 1 || (purpose == Purpose::Correction && lines(after) != lines(before));
    if lines(before) >= MIN_LINES && flat {
        return warn("the lines and paragraphs of the text are gone");
    }
    None
}

/// Returns a warning if a rewrite is far longer than its text, or what should be shorter is not.
pub fn excess_warning(shorter: bool, before: &str, after: &str) -> Option<Warning> {
    if estimate_tokens(after) > MAX_GROWTH * estimate_tokens(before) + MAX_ADDED_TOKENS {
        let message = "the rewrite is far longer than its text".to_owned();
        return Some(Warning { kind: WarningKind::OverEdited, excerpt: String::new(), message });
    }
    let longer = shorter && after.chars().count() >= before.chars().count();
    let message = || "the text should be shorter, but is not".to_owned();
    longer.then(|| Warning { kind: WarningKind::NotShorter, excerpt: String::new(), message: message() })
}

fn is_item(line: &str) -> bool {
    let number = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let numbered = number.len() < line.len() && number.starts_with(['.', ')']) && line.len() - number.len() <= 2;
    numbered || line.starts_with(['-', '•', '–']) || line.starts_with("* ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_and_its_lines_are_kept() {
        let text = "Hi Elif,\n\nplease do this:\n- open it\n- print it\n\nRegards\nSelin";
        let warns = |after: &str| structure_warning(text, after, Purpose::Tone).is_some();
        assert!(!warns("Hello Elif,\n\nkindly:\n* open it\n* print it\n\nRegards\nSelin"));
        assert!(warns("Hello Elif, kindly open it and print it. Regards Selin"));
        assert!(warns("Hello Elif,\n- open it\nRegards"));
        assert!(structure_warning("One. Two.", "One.\n\nTwo.", Purpose::Tone).is_none());
    }

    #[test]
    fn a_rewrite_may_grow_but_not_beyond_measure() {
        let kinds = |before: &str, after: &str| excess_warning(false, before, after).map(|warning| warning.kind);
        for (before, after) in [
            ("No.", "I am sorry, but that is unfortunately not possible. I understand that this is not what you hoped for."),
            ("您好，您的包裹已经发出，预计三天内送达。", "Hello, your parcel has been sent and is expected to arrive within three days."),
            ("Wir melden uns.", "Értesítjük Önt, amint a kollégánk megnézte a csomagját."),
            ("Kargoda.", "Siparişiniz kargoya verildi, en kısa sürede size ulaşacak."),
        ] {
            assert_eq!(kinds(before, after), None, "{after}");
        }
        for text in ["Ok", "Kargoda.", "Wir melden uns bald.", "您好，您的包裹已经发出。"] {
            assert_eq!(kinds(text, &format!("{text} ").repeat(77)), Some(WarningKind::OverEdited), "{text}");
        }
        let long = "Your parcel is on its way. ".repeat(20);
        assert_eq!((kinds(&long, &long.repeat(2)), kinds(&long, &long.repeat(4))), (None, Some(WarningKind::OverEdited)));
    }
}
