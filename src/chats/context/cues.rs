//! What words tell about a sentence in a helpdesk's chat: that it promises, puts off, names a day or a place; and what a question is
//! after. The words are those of all lexica: a chat's language may change from message to message.

use std::{
    ops::{BitOr, BitOrAssign},
    sync::LazyLock,
};

use crate::{
    facts::month_of,
    lexicon::{lexica, topics::Topic, words_of_any},
};

/// A set of what a word or sentence holds, or asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    pub const NONE: Kinds = Kinds(0);
    /// An order, parcel, invoice or other number.
    pub const CODE: Kinds = Kinds(1);
    /// An amount, or that money is paid.
    pub const AMOUNT: Kinds = Kinds(1 << 1);
    /// A day of the calendar, such as 12 March or 24/12.
    pub const DAY: Kinds = Kinds(1 << 2);
    /// An e-mail address or a phone number.
    pub const CONTACT: Kinds = Kinds(1 << 3);
    /// Where somebody lives or a parcel goes.
    pub const PLACE: Kinds = Kinds(1 << 4);
    /// What the shop commits itself to.
    pub const PROMISE: Kinds = Kinds(1 << 5);
    /// An answer that is put off.
    pub const LATER: Kinds = Kinds(1 << 6);
    /// A number of no other kind.
    pub const NUMBER: Kinds = Kinds(1 << 7);
    /// A currency's name.
    pub const CURRENCY: Kinds = Kinds(1 << 8);
    /// A month's name.
    pub const MONTH: Kinds = Kinds(1 << 9);
    /// A day of the week, or one relative to today.
    pub const SOON: Kinds = Kinds(1 << 10);

    /// What can be asked for, one by one.
    pub const FACTS: [Kinds; 6] = [Kinds::CODE, Kinds::AMOUNT, Kinds::DAY, Kinds::CONTACT, Kinds::PLACE, Kinds::PROMISE];

    pub fn has(self, other: Kinds) -> bool {
        self.0 & other.0 != 0
    }

    pub fn without(self, other: Kinds) -> Kinds {
        Kinds(self.0 & !other.0)
    }
}

impl BitOr for Kinds {
    type Output = Kinds;

    fn bitor(self, other: Kinds) -> Kinds {
        Kinds(self.0 | other.0)
    }
}

impl BitOrAssign for Kinds {
    fn bitor_assign(&mut self, other: Kinds) {
        self.0 |= other.0;
    }
}

/// What the topics of a word say of its sentence.
const SAYS: [(Topic, Kinds); 7] = [
    (Topic::CuePromise, Kinds::PROMISE),
    (Topic::CueLater, Kinds::LATER),
    (Topic::CueSoon, Kinds::SOON),
    (Topic::CuePlace, Kinds::PLACE),
    (Topic::CueMonth, Kinds::MONTH),
    (Topic::CueMoney, Kinds::AMOUNT),
    (Topic::Currency, Kinds::CURRENCY),
];
/// What those of a question's word say that it is after.
const ASKS: [(Topic, Kinds); 6] = [
    (Topic::AskCode, Kinds::CODE),
    (Topic::AskAmount, Kinds::AMOUNT),
    (Topic::AskDay, Kinds::DAY),
    (Topic::AskContact, Kinds::CONTACT),
    (Topic::AskPlace, Kinds::PLACE),
    (Topic::AskPromise, Kinds::PROMISE),
];

/// Fewest bytes of a verb with an ending that promises, of a street that is one word with its name, and of a month's name that is no other
/// word.
const MIN_PROMISING: usize = 6;
const MIN_STREET: usize = 8;
const MIN_MONTH: usize = 4;

/// Endings of words, in any language.
struct Endings {
    promising: Vec<&'static str>,
    places: Vec<&'static str>,
    ordinals: Vec<&'static str>,
}

static ENDINGS: LazyLock<Endings> = LazyLock::new(|| {
    let words = || lexica().iter().map(|lexicon| &lexicon.words);
    Endings {
        promising: words().flat_map(|words| words.cues.promise_endings.iter()).collect(),
        places: words().flat_map(|words| words.cues.place_endings.iter()).collect(),
        ordinals: words().flat_map(|words| &words.ordinals.endings).map(String::as_str).collect(),
    }
});

fn kinds_of(folded: &str, table: &[(Topic, Kinds)]) -> Kinds {
    let topics = words_of_any().beginning(folded);
    if topics.is_empty() {
        return Kinds::NONE;
    }
    table.iter().filter(|(topic, _)| topics.has(*topic)).fold(Kinds::NONE, |kinds, (_, kind)| kinds | *kind)
}

/// What a folded word says about its sentence.
pub fn says(folded: &str) -> Kinds {
    let mut kinds = kinds_of(folded, &SAYS);
    let ends = |endings: &[&str]| endings.iter().any(|ending| folded.ends_with(ending));
    if folded.len() >= MIN_PROMISING && ends(&ENDINGS.promising) {
        kinds |= Kinds::PROMISE;
    }
    if folded.len() >= MIN_STREET && ends(&ENDINGS.places) {
        kinds |= Kinds::PLACE;
    }
    if folded.len() >= MIN_MONTH && month_of(folded).is_some() {
        kinds |= Kinds::MONTH;
    }
    match folded {
        "iban" => kinds | Kinds::CODE,
        "gmail" => kinds | Kinds::CONTACT,
        _ => kinds,
    }
}

/// What a folded word of a question is after.
pub fn asks(folded: &str) -> Kinds {
    kinds_of(folded, &ASKS)
}

/// What a token is by its shape: only those with a digit, an `@` or a currency sign are anything.
pub fn shape(token: &str) -> Kinds {
    let (mut digits, mut letters, mut groups, mut in_number) = (0, 0, 0, false);
    let (mut at, mut dots, mut colon, mut money, mut other_separators) = (false, 0, false, false, false);
    for letter in token.chars() {
        let digit = letter.is_ascii_digit();
        groups += usize::from(digit && !in_number);
        in_number = digit;
        match letter {
            _ if digit => digits += 1,
            '@' => at = true,
            '.' | '/' => dots += 1,
            ':' => colon = true,
            '€' | '$' | '£' | '₺' => money = true,
            '-' | '_' | '#' => other_separators = true,
            _ if letter.is_alphabetic() => letters += 1,
            _ => {}
        }
    }
    let mut kinds = Kinds::NONE;
    if at && dots > 0 && letters > 2 {
        kinds |= Kinds::CONTACT;
    }
    if digits == 0 {
        return kinds;
    }
    if money {
        return Kinds::AMOUNT;
    }
    if digits >= 10 && letters == 0 && (token.starts_with('+') || token.starts_with('0')) {
        kinds |= Kinds::CONTACT;
    }
    let dated = groups == 3 && letters == 0 && digits <= 8 && (dots == 2 || token.matches('-').count() == 2);
    let short_date = groups == 2 && letters == 0 && digits <= 4 && token.contains('/');
    let ordinal = digits <= 2 && letters == 2 && ENDINGS.ordinals.iter().any(|ending| token.ends_with(ending));
    if dated || short_date || ordinal {
        return kinds | Kinds::DAY;
    }
    if colon && letters == 0 && digits <= 4 {
        // A time of day.
        return kinds;
    }
    let mixed = letters >= 2 && token.len() >= 5 && !token.chars().any(char::is_lowercase);
    if digits >= 5 || (digits >= 3 && (letters > 0 || other_separators)) || (digits >= 2 && token.starts_with('#')) || mixed {
        kinds |= Kinds::CODE;
    }
    if kinds == Kinds::NONE { Kinds::NUMBER } else { kinds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_distinguished() {
        for (token, kind) in [
            ("KE-204815", Kinds::CODE),
            ("204815", Kinds::CODE),
            ("#42", Kinds::CODE),
            ("12.12.2026", Kinds::DAY),
            ("2026-12-12", Kinds::DAY),
            ("14:30", Kinds::NONE),
            ("24/12", Kinds::DAY),
            ("ZKRP6V", Kinds::CODE),
            ("3rd", Kinds::DAY),
            ("19,90€", Kinds::AMOUNT),
            ("elif@example.com", Kinds::CONTACT),
            ("+905321234567", Kinds::CONTACT),
            ("12", Kinds::NUMBER),
            ("towels", Kinds::NONE),
        ] {
            assert!(shape(token).has(kind) || (kind == Kinds::NONE && shape(token) == kind), "{token}: {:?}", shape(token));
        }
    }

    #[test]
    fn words_say_and_ask_in_every_language() {
        for (word, kind) in [
            ("promised", Kinds::PROMISE),
            ("gonderecegiz", Kinds::PROMISE),
            ("visszautaljuk", Kinds::PROMISE),
            ("werden", Kinds::PROMISE),
            ("pazartesiye", Kinds::SOON),
            ("freitag", Kinds::SOON),
            ("sokak", Kinds::PLACE),
            ("utananezek", Kinds::LATER),
            ("rembourserons", Kinds::PROMISE),
            ("reembolsaremos", Kinds::PROMISE),
            ("vendredi", Kinds::SOON),
            ("manana", Kinds::SOON),
            ("rue", Kinds::PLACE),
            ("calle", Kinds::PLACE),
            ("verifions", Kinds::LATER),
            ("decembre", Kinds::MONTH),
            ("diciembre", Kinds::MONTH),
            ("decembertol", Kinds::MONTH),
            ("may", Kinds::MONTH),
            ("forintot", Kinds::CURRENCY),
            ("hauptstrasse", Kinds::PLACE),
            ("iban", Kinds::CODE),
        ] {
            assert!(says(word).has(kind), "{word}");
        }
        for (word, kind) in [
            ("siparisim", Kinds::CODE),
            ("rendelesem", Kinds::CODE),
            ("adresime", Kinds::PLACE),
            ("wann", Kinds::DAY),
            ("refund", Kinds::AMOUNT),
            ("commande", Kinds::CODE),
            ("cuando", Kinds::DAY),
            ("reembolso", Kinds::AMOUNT),
        ] {
            assert!(asks(word).has(kind), "{word}");
        }
        assert_eq!((says("a"), says("martin"), says("ara"), says("willing")), (Kinds::NONE, Kinds::NONE, Kinds::NONE, Kinds::NONE));
    }
}
