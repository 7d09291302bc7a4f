//! The codes of a chat: order and tracking numbers, e-mail addresses, phone numbers, as two writings of one are compared.

use std::{collections::BTreeSet, ops::Range};

use crate::{
    chats::event::{Author, EventBody},
    facts::{FactKind, Known, facts},
};

/// Shortest code, in letters and digits, and shortest and longest phone number, in digits.
const MIN_CODE: usize = 5;
const PHONE_DIGITS: usize = 9;
/// Longest code, in bytes, and most codes of one event.
const MAX_CODE: usize = 200;
const MAX_CODES: usize = 100;

/// What a code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// Letters and digits, at least one of them a digit.
    Number,
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
}

/// The codes of a text, each as it is compared, with where it stands.
pub fn codes(text: &str) -> Vec<(Range<usize>, CodeKind, String)> {
    let wanted = |kind: FactKind| matches!(kind, FactKind::Code | FactKind::Email | FactKind::Phone);
    let found = facts(text, &Known::default(), wanted).into_iter().filter_map(|fact| {
        let kind = match fact.kind {
            FactKind::Email => CodeKind::Email,
            FactKind::Phone => CodeKind::Phone,
            _ => CodeKind::Number,
        };
        let code = compared(&text[fact.range.clone()], kind)?;
        Some((fact.range, kind, code))
    });
    found.take(MAX_CODES).collect()
}

/// A code as it is compared; `None` if it is too short to tell anything.
fn compared(written: &str, kind: CodeKind) -> Option<String> {
    let code: String = match kind {
        CodeKind::Email => written.trim().to_lowercase(),
        CodeKind::Phone => {
            let digits: String = written.chars().filter(char::is_ascii_digit).collect();
            digits.get(digits.len().checked_sub(PHONE_DIGITS)?..)?.to_owned()
        }
        CodeKind::Number => written.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect(),
    };
    let tells = kind != CodeKind::Number || (code.chars().count() >= MIN_CODE && code.contains(|letter: char| letter.is_ascii_digit()));
    (tells && (1..=MAX_CODE).contains(&code.len())).then_some(code)
}

/// The codes of an event that are its customer's: what the shop wrote may be its own hotline.
pub fn codes_of(body: &EventBody) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut add = |text: &str| found.extend(codes(text).into_iter().map(|(.., code)| code));
    match body {
        EventBody::Message(message) if message.author == Author::Customer => message.contents().for_each(&mut add),
        EventBody::Customer(customer) => [&customer.email, &customer.phone].into_iter().for_each(|text| add(text)),
        EventBody::Form(form) => form.answers.values().for_each(|text| add(text)),
        EventBody::Record(record) => {
            record.values.values().for_each(|text| add(text));
            found.extend(compared(&record.reference, CodeKind::Number));
        }
        _ => {}
    }
    found.into_iter().take(MAX_CODES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_compared_whatever_their_writing() {
        let of = |text: &str| codes(text).into_iter().map(|(.., code)| code).collect::<Vec<String>>();
        assert_eq!(of("Order KE-204815, mail Ann@Example.com, call +90 (532) 123 45 67."), ["ke204815", "ann@example.com", "321234567"]);
        assert_eq!(of("call 0532 123 45 67"), ["321234567"]);
        assert_eq!(of("no A-12, 14 days, 49.90 EUR, use the code WELCOME."), Vec::<String>::new());
    }
}
