//! Whether a rewrite keeps the form of its text: its paragraphs, the items of its lists, its links.

use crate::replies::{
    rewrite::meaning::Purpose,
    stream::result::{Warning, WarningKind},
};

/// A text of so many lines has a form to lose.
const MIN_LINES: usize = 3;

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
}
