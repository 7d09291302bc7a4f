//! Forged marks: text from others that looks like a mark is defused before marks are set, so that a model that repeats it restores nothing.

use std::{borrow::Cow, ops::Range};

use crate::facts::marks::{Marks, Next, narrow, narrow_digit, opening};

/// Defuses everything in a text that could be read as a mark of any call: `⟦PHONE_1⟧` becomes `PHONE(1)`.
pub fn without_marks(text: &str) -> Cow<'_, str> {
    let bare: Cow<str> = if text.contains(['⟦', '⟧']) { text.replace('⟦', "[").replace('⟧', "]").into() } else { text.into() };
    let found = forged_marks(&bare);
    if found.is_empty() {
        return bare;
    }
    let mut disarmed = String::new();
    let mut at = 0;
    for range in found {
        disarmed.push_str(&bare[at..range.start]);
        disarmed.push_str(&disarm(&bare[range.clone()]));
        at = range.end;
    }
    disarmed.push_str(&bare[at..]);
    disarmed.into()
}

/// Returns the ranges of a text that can be read as marks of some call.
pub fn forged_marks(text: &str) -> Vec<Range<usize>> {
    let any = Marks::any();
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut from = 0;
    // The replacement of one may let another begin right after it.
    while let Next::Mark(mark) = any.next(None, &text[from..], 0, true) {
        found.push(from + mark.range.start..from + mark.range.end);
        from += mark.range.end;
    }
    found
}

/// Returns whether anything in a text can be read as a mark.
pub fn has_marks(text: &str) -> bool {
    text.contains(['⟦', '⟧']) || !matches!(Marks::any().next(None, text, 0, true), Next::None)
}

/// Separates a mark's word and number: the parser of marks does not accept a parenthesis between them.
fn disarm(mark: &str) -> String {
    let inside = mark[opening(mark)..].trim_start();
    let word: String = inside.chars().map_while(|letter| Some(letter).filter(|letter| narrow(*letter).is_alphabetic())).collect();
    let number: String = inside[word.len()..]
        .chars()
        .map(narrow_digit)
        .skip_while(|letter| !letter.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    format!("{word}({number})")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::facts::FactKind;

    fn issued() -> Marks {
        let mut marks = Marks::default();
        for number in 0..12 {
            marks.mark(if number % 2 == 0 { FactKind::Phone } else { FactKind::Code }, &format!("value {number}"), None);
        }
        marks
    }

    /// Notations of a mark that a model may write, and that are read as one.
    pub const FORMS: [&str; 30] = [
        "⟦PHONE_1⟧",
        "⟦phone_1⟧",
        "⟦ PHONE_1 ⟧",
        "⟦PHONE 1⟧",
        "⟦PHONE-1⟧",
        "⟦PHONE1⟧",
        "[PHONE_1]",
        "[[PHONE_1]]",
        "{{PHONE_1}}",
        "<PHONE_1>",
        "【PHONE_1】",
        "⟦ＰＨＯＮＥ＿１⟧",
        "ＰＨＯＮＥ＿１",
        "⟦PHONE\\_1⟧",
        "\\[PHONE\\_1\\]",
        "&#10214;PHONE_1&#10215;",
        "\\u27e6PHONE_1\\u27e7",
        "PHONE_1",
        "⟦PHONE_1",
        "|PHONE_1|",
        "⟦PHONE⟧",
        "⟦TELEFON_1⟧",
        "［PHONE_1］",
        "((PHONE_1))",
        "{PHONE_1}",
        "`PHONE_1`",
        "**PHONE_1**",
        "PHONE\\_1",
        "〔PHONE 1〕",
        "[PHONE 1]",
    ];

    #[test]
    fn no_form_of_a_mark_is_left() {
        let marks = issued();
        for form in FORMS {
            for text in [form.to_owned(), format!("call {form} now"), format!("{form}{form}"), format!("[[{form}]]"), format!("| {form}")] {
                let left = without_marks(&text);
                assert!(!has_marks(&left), "{text}: {left}");
                assert_eq!(marks.next(None, &left, 0, true), Next::None, "{text}: {left}");
            }
        }
        assert_eq!(without_marks("⟦NAME_1⟧ is no mark"), "NAME(1) is no mark");
        for text in ["order ID_204815 of CODE 1", "see [name] {{customer.name}} {{line1}} file-1 PHONE: 1, a|b|c 49,90 €", "x_1 [1] [[2]]"]
        {
            assert_eq!(without_marks(text), text);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_around_it(text in "(PHONE|CODE|_1|\\[|\\[\\[|\\]|⟦|⟧|\\{\\{|<|>|\\||_| |1|2|\\\\|【|】|&#10214;|:|-|x|ＩＤ|＿|１|\n){0,24}") {
            let left = without_marks(&text);
            prop_assert!(!has_marks(&left), "{:?}: {:?}", text, left);
            for before in ["| ", ": ", "(", "[[1]] "] {
                let shown = format!("{before}{left}");
                prop_assert!(!has_marks(&shown), "{:?}: {:?}", text, shown);
            }
        }
    }
}
