//! What is another customer's: codes, e-mail addresses and phone numbers of a text that this chat does not know.

use std::{collections::BTreeSet, ops::Range};

use crate::{
    chats::{CodeKind, codes},
    replies::stream::result::{Warning, WarningKind},
};

/// Most codes of a text that are looked up.
const MAX_CODES: usize = 10;

/// A code that this chat does not know.
pub struct UnknownCode {
    place: Range<usize>,
    kind: CodeKind,
    /// As it is compared.
    pub code: String,
}

/// The codes of a text that none of the `known` texts has.
pub fn unknown_codes(text: &str, known: &[&str]) -> Vec<UnknownCode> {
    let written = codes(text);
    if written.is_empty() {
        return Vec::new();
    }
    let lower = known.join("\n").to_lowercase();
    // However its groups are parted.
    let letters: String = lower.chars().filter(|letter| letter.is_alphanumeric() || *letter == '\n').collect();
    let is_known = |kind: CodeKind, code: &str| if kind == CodeKind::Email { lower.contains(code) } else { letters.contains(code) };
    let unknown = written.into_iter().filter(|(_, kind, code)| !is_known(*kind, code));
    unknown.map(|(place, kind, code)| UnknownCode { place, kind, code }).take(MAX_CODES).collect()
}

/// The warnings of codes that are another customer's.
pub fn warnings(text: &str, unknown: &[UnknownCode], of_another: &BTreeSet<String>) -> Vec<Warning> {
    let of_another = unknown.iter().filter(|unknown| of_another.contains(&unknown.code));
    let warning = |unknown: &UnknownCode| {
        let what = match unknown.kind {
            CodeKind::Number => "number",
            CodeKind::Email => "e-mail address",
            CodeKind::Phone => "phone number",
        };
        Warning {
            kind: WarningKind::OtherCustomer,
            excerpt: text[unknown.place.clone()].to_owned(),
            message: format!("this {what} belongs to another customer's chat"),
        }
    };
    of_another.map(warning).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_the_chat_knows_are_not_looked_up() {
        let known = ["My order is KE 204815", "order ke-1177; mail Ann@Example.com; +90 532 123 45 67"];
        let text = "KE-204815, KE-204816, ann@example.com, bob@example.com, 0532 123 45 67, 0532 123 45 68";
        let unknown = unknown_codes(text, &known);
        assert_eq!(unknown.iter().map(|unknown| unknown.code.as_str()).collect::<Vec<_>>(), ["ke204816", "bob@example.com", "321234568"]);
        let found = warnings(text, &unknown, &BTreeSet::from(["ke204816".to_owned()]));
        assert_eq!(found.iter().map(|warning| warning.excerpt.as_str()).collect::<Vec<_>>(), ["KE-204816"]);
    }
}
