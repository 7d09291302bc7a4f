//! Numbers with checksums: cards and international bank accounts.

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
    }
}
