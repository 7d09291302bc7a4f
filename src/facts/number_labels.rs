//! Words before a number that say what it is: an order's, an account's, a phone's.

use std::{collections::HashMap, sync::LazyLock};

use crate::{
    lexicon::personal::{PersonalWords, personal_words},
    text::fold,
};

/// How far before a number a word may stand, in bytes, and how many words between them.
const NEAR: usize = 90;
const MAX_BETWEEN: usize = 9;
const MAX_BETWEEN_CODES: usize = 4;
/// Most words of a label.
const MAX_WORDS: usize = 4;
/// From how many letters on a word may go on: `Bestellnummer`; and how many letters an ending may have.
const MIN_BEGINNING: usize = 5;
const MAX_ENDING: usize = 4;

/// What a number is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    Code,
    Account,
    Bank,
    Card,
    Id,
    Phone,
    Hotline,
}

static LABELS: LazyLock<HashMap<&'static str, Label>> = LazyLock::new(|| {
    let mut labels = HashMap::new();
    for PersonalWords { identifiers, .. } in personal_words() {
        let tables = [
            (Label::Code, &identifiers.codes),
            (Label::Phone, &identifiers.phones),
            (Label::Account, &identifiers.accounts),
            (Label::Bank, &identifiers.banks),
            (Label::Card, &identifiers.cards),
            (Label::Id, &identifiers.ids),
            (Label::Hotline, &identifiers.hotlines),
        ];
        for (label, words) in tables {
            labels.extend(words.iter().map(|word| (word, label)));
        }
    }
    labels
});

/// What the nearest word before a place says of the number there, in the same sentence and without a number between them.
pub fn label_before(text: &str, at: usize) -> Option<Label> {
    let mut from = at.saturating_sub(NEAR);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let before = without_field(&text[from..at]);
    let before = fold(before);
    let line = before.rsplit(['!', '?', '\n']).next().unwrap_or_default();
    let mut code = None;
    let mut words: Vec<&str> = Vec::new();
    for (place, piece) in line.split(". ").enumerate() {
        // `Bestellnr. 774120`: a point after a label ends no sentence.
        if place > 0 && words.last().is_none_or(|last| last.chars().count() > 3 && label(last).is_none()) {
            words.clear();
        }
        words.extend(piece.split(|letter: char| !letter.is_alphanumeric() && letter != '\'').filter(|word| !word.is_empty()));
    }
    for (between, last) in (0..words.len()).rev().enumerate().take(MAX_BETWEEN) {
        if words[last].bytes().any(|byte| byte.is_ascii_digit()) {
            return code;
        }
        let phrases = (1..=MAX_WORDS.min(last + 1)).rev().map(|count| words[last + 1 - count..=last].join(" "));
        match phrases.into_iter().find_map(|phrase| label(&phrase)) {
            // `the tax id for the invoice: `
            Some(Label::Code) if between <= MAX_BETWEEN_CODES => code = code.or(Some(Label::Code)),
            Some(label @ (Label::Id | Label::Account)) => return Some(label),
            Some(label) if code.is_none() => {
                return Some(label)
                    .filter(|label| between <= MAX_BETWEEN_CODES || !matches!(label, Label::Code | Label::Phone | Label::Hotline));
            }
            _ => {}
        }
    }
    code
}

/// Without the name of a record's field, which says what the value is as a whole: `order_note: ring `.
fn without_field(before: &str) -> &str {
    let Some((field, value)) = before.rsplit_once(": ") else { return before };
    let field = field.rsplit([' ', '\n']).next().unwrap_or_default();
    let camel = field.chars().zip(field.chars().skip(1)).any(|(letter, next)| letter.is_lowercase() && next.is_uppercase());
    if field.contains('_') || camel { value } else { before }
}

/// What a folded word or phrase says of a number; it may have an ending, a code's name any.
fn label(words: &str) -> Option<Label> {
    if let Some(label) = LABELS.get(words) {
        return Some(*label);
    }
    if words.contains(' ') {
        return None;
    }
    let beginnings =
        words.char_indices().rev().map(|(at, _)| words.split_at(at)).take_while(|(word, _)| word.chars().count() >= MIN_BEGINNING);
    let mut known = beginnings.filter_map(|(word, ending)| Some((LABELS.get(word)?, ending.len())));
    known.find(|(label, ending)| **label == Label::Code || *ending <= MAX_ENDING).map(|(label, _)| *label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_says_what_a_number_is() {
        for (text, label) in [
            ("sort code ", Some(Label::Bank)),
            ("the account number is ", Some(Label::Account)),
            ("Bestellnr. ", Some(Label::Code)),
            ("Sendungsnummer: ", Some(Label::Code)),
            ("Kargo takip no: ", Some(Label::Code)),
            ("Cikkszám ", Some(Label::Code)),
            ("my NHS number for the prescription glasses: it is ", Some(Label::Id)),
            ("Order 1234, phone ", Some(Label::Phone)),
            ("Order 1234, and ", None),
            ("the order came. Later ", None),
            ("Votre service client ", Some(Label::Hotline)),
            ("Telefonum ", Some(Label::Phone)),
            ("Mi DNI para la factura: ", Some(Label::Id)),
            ("order_note: ring ", None),
            ("it is ", None),
        ] {
            assert_eq!(label_before(text, text.len()), label, "{text}");
        }
    }
}
