//! National identity and account numbers: with right check digits, or beside a word that says what they are.

use crate::facts::{
    FactKind,
    national_ids::{
        is_hungarian_account, is_insurance_number, is_labelled_id, is_lettered_id, is_national_id, is_polish_account,
        is_social_security_number,
    },
    number_labels::Label,
};

/// Most letters and digits of a number, and the fewest digits of one that only a word speaks for.
const MAX_LENGTH: usize = 26;
const MIN_DIGITS: usize = 5;
/// Most letters of a group of letters alone.
const MAX_LETTERS: usize = 3;

/// A number's groups of capitals and digits, one character apart: what is written up to the end of each.
struct Groups {
    written: String,
    separators: String,
    /// The length of what is written, and the end in the text.
    ends: Vec<(usize, usize)>,
}

impl Groups {
    fn at(text: &str, at: usize) -> Groups {
        let mut groups = Groups { written: String::new(), separators: String::new(), ends: Vec::new() };
        let bytes = text.as_bytes();
        let mut place = at;
        loop {
            let width = bytes[place..].iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
            let word = &text[place..place + width];
            let digits = word.bytes().filter(u8::is_ascii_digit).count();
            let small = word.bytes().any(|byte| byte.is_ascii_lowercase());
            // A small letter after digits may be the number's: `48291735s`.
            let fits = width > 0 && (digits > 0 && (!small || width - digits == 1) || digits == 0 && !small && width <= MAX_LETTERS);
            let ends = !text[place + width..].starts_with(char::is_alphanumeric);
            if !fits || !ends || groups.written.len() + width > MAX_LENGTH {
                return groups;
            }
            groups.written.push_str(&word.to_ascii_uppercase());
            place += width;
            groups.ends.push((groups.written.len(), place));
            match bytes.get(place) {
                Some(separator @ (b' ' | b'-' | b'.' | b'/')) => groups.separators.push(char::from(*separator)),
                _ => return groups,
            }
            place += 1;
        }
    }

    fn widths(&self, groups: usize) -> Vec<usize> {
        (0..groups).map(|group| self.ends[group].0 - if group == 0 { 0 } else { self.ends[group - 1].0 }).collect()
    }
}

/// The identity or account number that begins here, with where it ends; `label` stands before it.
pub fn identifier(text: &str, at: usize, label: impl Fn() -> Option<Label>) -> Option<(FactKind, usize)> {
    let groups = Groups::at(text, at);
    let whole = groups.ends.last()?.0;
    if groups.written[..whole].bytes().filter(u8::is_ascii_digit).count() < MIN_DIGITS {
        return None;
    }
    let label = label();
    let count = groups.ends.len();
    // The longest that proves itself, then the longest that the label speaks for.
    let proven = (1..=count).rev().find_map(|count| {
        let (length, end) = groups.ends[count - 1];
        let separators = &groups.separators[..count - 1];
        // After `order`, a number of digits alone is its.
        let lettered = groups.written[..length].bytes().any(|byte| byte.is_ascii_uppercase());
        let kind = proof(&groups.written[..length], &groups.widths(count), separators, label);
        kind.filter(|_| ends(text, end) && (lettered || label != Some(Label::Code))).map(|kind| (kind, end))
    });
    proven.or_else(|| {
        (1..=count).rev().find_map(|count| {
            let (length, end) = groups.ends[count - 1];
            labelled(&groups.written[..length], label?).filter(|_| ends(text, end)).map(|kind| (kind, end))
        })
    })
}

/// Whether nothing goes on with a code after a number: `20-345-6789-F`.
fn ends(text: &str, end: usize) -> bool {
    !text[end..]
        .strip_prefix(['-', '/', '_'])
        .is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit()))
}

fn digits_of(written: &str) -> Option<Vec<u8>> {
    written.bytes().map(|byte| byte.is_ascii_digit().then(|| byte - b'0')).collect()
}

fn proof(written: &str, widths: &[usize], separators: &str, label: Option<Label>) -> Option<FactKind> {
    let named = label == Some(Label::Id);
    let Some(digits) = digits_of(written) else {
        let insured = is_insurance_number(written) && (named || matches!(widths, [2, 2, 2, 2, 1] | [2, 6, 1]));
        return (is_lettered_id(written) || insured).then_some(FactKind::NationalId);
    };
    let alike = separators.chars().all(|separator| separators.starts_with(separator));
    let whole = widths.len() == 1;
    match digits.len() {
        16 | 24 if matches!(widths, [8, 8] | [8, 8, 8]) && is_hungarian_account(&digits) => Some(FactKind::Iban),
        26 if is_polish_account(&digits) => Some(FactKind::Iban),
        9 if widths == [3, 2, 4] && separators == "--" && is_social_security_number(&digits) => Some(FactKind::NationalId),
        15 if (whole || alike && matches!(widths, [1, 2, 2, 2, 3, 3, 2] | [13, 2])) && is_national_id(&digits) => {
            Some(FactKind::NationalId)
        }
        11 if (whole || alike && matches!(widths, [6, 5] | [1, 6, 4])) && is_national_id(&digits) => Some(FactKind::NationalId),
        _ if named && (is_labelled_id(&digits) || is_national_id(&digits)) => Some(FactKind::NationalId),
        _ => None,
    }
}

/// What a word before a number makes of it.
fn labelled(written: &str, label: Label) -> Option<FactKind> {
    let digits = written.bytes().filter(u8::is_ascii_digit).count();
    let only = digits == written.len();
    match label {
        Label::Id if (6..=20).contains(&written.len()) && digits >= MIN_DIGITS => Some(FactKind::NationalId),
        Label::Account if only && (6..=26).contains(&digits) => Some(FactKind::Iban),
        Label::Bank if only && (6..=9).contains(&digits) => Some(FactKind::Iban),
        Label::Card if only && (12..=19).contains(&digits) => Some(FactKind::Card),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::{FactKind, facts, known::Known};

    fn found(text: &str) -> Vec<(FactKind, &str)> {
        let mut known = Known::default();
        known.be_strict();
        facts(text, &known, FactKind::is_personal).into_iter().map(|fact| (fact.kind, &text[fact.range])).collect()
    }

    #[test]
    fn national_numbers_are_known_by_check_digits_or_words() {
        use FactKind::{Card, Iban, NationalId};
        for (text, kind, written) in [
            ("sort code 20-45-53, thanks", Iban, "20-45-53"),
            ("account number 31926819.", Iban, "31926819"),
            ("pay 11773016-11111018-00000000 please", Iban, "11773016-11111018-00000000"),
            ("számlaszámom: 10502008-02345675.", Iban, "10502008-02345675"),
            ("na 61 1090 1014 0000 0712 1981 2874, proszę", Iban, "61 1090 1014 0000 0712 1981 2874"),
            ("Kontonummer 0648489890 bitte", Iban, "0648489890"),
            ("BLZ 500 105 17.", Iban, "500 105 17"),
            ("routing number 021000021 please", Iban, "021000021"),
            ("TC kimlik numaram: 28471056340.", NationalId, "28471056340"),
            ("ich habe 86095742719 hier", NationalId, "86095742719"),
            ("TAJ számom a talpbetéthez: 114 237 657.", NationalId, "114 237 657"),
            ("Személyi azonosító: 1-850412-3044.", NationalId, "1-850412-3044"),
            ("es 12345678Z, gracias", NationalId, "12345678Z"),
            ("NIE X-1234567-L", NationalId, "X-1234567-L"),
            ("CF RSSMRA85T10A562S.", NationalId, "RSSMRA85T10A562S"),
            ("BSN 111222333", NationalId, "111222333"),
            ("to 44051401359, tak", NationalId, "44051401359"),
            ("NIP 106-000-00-62", NationalId, "106-000-00-62"),
            ("c'est 2 55 08 14 168 025 38.", NationalId, "2 55 08 14 168 025 38"),
            ("my NHS number is 943 476 5919", NationalId, "943 476 5919"),
            ("it is AB 12 34 56 C, ok", NationalId, "AB 12 34 56 C"),
            ("SSN 536-22-8741", NationalId, "536-22-8741"),
            ("Karte 5400 1122 3344 5566 wurde", Card, "5400 1122 3344 5566"),
            ("Personalausweis L01X00T471 liegt bei", NationalId, "L01X00T471"),
        ] {
            assert_eq!(found(text), [(kind, written)], "{text}");
        }
    }

    #[test]
    fn numbers_of_orders_and_hotlines_are_nobodys() {
        for text in [
            "Kargo takip no: 735 2201 8846 10.",
            "Order 114-5520983-7741025, size 11",
            "part 0036-1200-4455 or",
            "Cikkszám 20-345-6789-F",
            "the code 20-345-6789-F",
            "parcel H02KQA0041887315",
            "your hotline 0800 358 4411",
            "0850 222 14 90",
            "06 80 200 455",
            "call 900 103 220",
            "numero verde 800 912 044",
            "Commande 4970 8812",
            "10 000 000 Stück",
            "order KE-05321234567",
            "tracking 000 555 204 815",
            "Kargo takip numarası 123 456 789 012.",
            "version 10.0.19045.3448",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
