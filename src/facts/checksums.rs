//! Numbers with checksums: cards, bank accounts, national ids.

/// Length of an IBAN by country (SWIFT's registry, release 99).
const IBANS: [(&str, usize); 80] = [
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
];

/// The length of a country's IBANs.
pub fn iban_length(country: &str) -> Option<usize> {
    match country {
        "VG" => Some(24),
        "XK" => Some(20),
        "SD" => Some(18),
        "SO" => Some(23),
        "ST" => Some(25),
        "SV" => Some(28),
        "TL" => Some(23),
        "YE" => Some(30),
        _ => IBANS.binary_search_by_key(&country, |(country, _)| country).ok().map(|at| IBANS[at].1),
    }
}

/// ISO 13616: the first four characters moved to the end, letters as numbers from 10 on, the remainder by 97 is 1.
pub fn is_iban(letters: &[u8]) -> bool {
    let rest = letters[4..].iter().chain(&letters[..4]).try_fold(0_u32, |rest, letter| match letter {
        b'0'..=b'9' => Some((rest * 10 + u32::from(letter - b'0')) % 97),
        b'A'..=b'Z' => Some((rest * 100 + u32::from(letter - b'A') + 10) % 97),
        b'a'..=b'z' => Some((rest * 100 + u32::from(letter - b'a') + 10) % 97),
        _ => None,
    });
    rest == Some(1)
}

/// Luhn's sum (ISO/IEC 7812-1), of 13 to 19 digits that are not all the same.
pub fn is_card(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let value = u32::from(*digit) * if place % 2 == 1 { 2 } else { 1 };
            value / 10 + value % 10
        })
        .sum();
    (13..=19).contains(&digits.len()) && sum.is_multiple_of(10) && digits.iter().any(|digit| *digit != digits[0])
}

/// Turkish identity number, German tax id; Hungarian personal number, tax id and social security number.
pub fn is_national_id(digits: &[u8]) -> bool {
    match digits.len() {
        11 => is_turkish_id(digits) || is_german_tax_id(digits) || is_hungarian_personal_number(digits),
        10 => is_hungarian_tax_id(digits),
        9 => is_hungarian_social_number(digits),
        _ => false,
    }
}

/// The tenth digit is (7 × the sum of the odd places − the sum of the even ones) mod 10, the eleventh the sum of the first ten mod 10.
fn is_turkish_id(digits: &[u8]) -> bool {
    let sum = |from: usize| -> i32 { digits[from..9].iter().step_by(2).map(|digit| i32::from(*digit)).sum() };
    let all: i32 = digits[..10].iter().map(|digit| i32::from(*digit)).sum();
    digits[0] != 0 && (7 * sum(0) - sum(1)).rem_euclid(10) == i32::from(digits[9]) && all % 10 == i32::from(digits[10])
}

/// ISO 7064, MOD 11,10.
fn is_german_tax_id(digits: &[u8]) -> bool {
    let product = digits[..10].iter().fold(10, |product, digit| {
        let sum = (u32::from(*digit) + product) % 10;
        (if sum == 0 { 10 } else { sum } * 2) % 11
    });
    digits[0] != 0 && (11 - product) % 10 == u32::from(digits[10])
}

/// Sex and century, date of birth, a number; weights rise for those born before 1997 and fall after.
fn is_hungarian_personal_number(digits: &[u8]) -> bool {
    let month = digits[3] * 10 + digits[4];
    let day = digits[5] * 10 + digits[6];
    let sum = |weight: fn(u32) -> u32| (1..).zip(&digits[..10]).map(|(place, digit)| weight(place) * u32::from(*digit)).sum::<u32>() % 11;
    (1..=8).contains(&digits[0])
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (sum(|place| place) == u32::from(digits[10]) || sum(|place| 11 - place) == u32::from(digits[10]))
}

fn is_hungarian_tax_id(digits: &[u8]) -> bool {
    let sum: u32 = (1..).zip(&digits[..9]).map(|(place, digit)| place * u32::from(*digit)).sum();
    digits[0] == 8 && sum % 11 == u32::from(digits[9])
}

fn is_hungarian_social_number(digits: &[u8]) -> bool {
    let sum: u32 = digits[..8].iter().enumerate().map(|(place, digit)| if place % 2 == 0 { 3 } else { 7 } * u32::from(*digit)).sum();
    sum % 10 == u32::from(digits[8]) && digits.iter().any(|digit| *digit != digits[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    /// Published examples: card makers' test numbers, ISO 13616's and the registries' examples.
    #[test]
    fn published_numbers_prove_themselves() {
        for card in ["4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "3530111333300000", "30569309025904"] {
            assert!(is_card(&digits(card)), "{card}");
        }
        assert!(!is_card(&digits("4111111111111112")) && !is_card(&digits("0000000000000000")));
        for iban in ["TR330006100519786457841326", "DE89370400440532013000", "HU42117730161111101800000000", "GB29NWBK60161331926819"] {
            assert!(iban_length(&iban[..2]) == Some(iban.len()) && is_iban(iban.as_bytes()), "{iban}");
        }
        assert!(!is_iban(b"DE89370400440532013001"));
        for id in ["10000000146", "86095742719", "8071592153", "111111110"] {
            assert!(is_national_id(&digits(id)), "{id}");
        }
        assert!(!is_national_id(&digits("10000000145")));
    }
}
