//! Check digits of identity, tax and insurance numbers, and of accounts in national notation.

use crate::facts::checksums::is_iban;

/// Whether digits are a national number that is known by its check digits alone.
pub fn is_national_id(digits: &[u8]) -> bool {
    match digits.len() {
        15 => is_french_social_number(digits),
        11 => is_turkish_id(digits) || is_german_tax_id(digits) || is_hungarian_personal_number(digits) || is_pesel(digits),
        10 => is_hungarian_tax_id(digits),
        9 => is_hungarian_social_number(digits),
        _ => false,
    }
}

/// Whether digits are one of those whose check digit says little: beside a word that says what they are.
pub fn is_labelled_id(digits: &[u8]) -> bool {
    match digits.len() {
        10 => is_nhs_number(digits) || is_nip(digits),
        9 => is_bsn(digits),
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

fn weighted(digits: &[u8], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).sum()
}

/// Poland: a date of birth whose month tells the century, a number, a check digit.
fn is_pesel(digits: &[u8]) -> bool {
    let month = (digits[2] * 10 + digits[3]) % 20;
    let day = digits[4] * 10 + digits[5];
    let sum = weighted(&digits[..10], &[1, 3, 7, 9, 1, 3, 7, 9, 1, 3]);
    (1..=12).contains(&month) && (1..=31).contains(&day) && (10 - sum % 10) % 10 == u32::from(digits[10])
}

fn is_nip(digits: &[u8]) -> bool {
    weighted(&digits[..9], &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == u32::from(digits[9])
}

/// The Netherlands: the eleven test.
fn is_bsn(digits: &[u8]) -> bool {
    let sum = weighted(&digits[..8], &[9, 8, 7, 6, 5, 4, 3, 2]);
    sum >= u32::from(digits[8]) && (sum - u32::from(digits[8])).is_multiple_of(11) && digits.iter().any(|digit| *digit != digits[0])
}

fn is_nhs_number(digits: &[u8]) -> bool {
    let rest = 11 - weighted(&digits[..9], &[10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11;
    rest % 11 == u32::from(digits[9])
}

/// France: sex, year and month of birth, place and number, and the key to 97.
fn is_french_social_number(digits: &[u8]) -> bool {
    let number = digits[..13].iter().fold(0_u64, |number, digit| number * 10 + u64::from(*digit));
    let month = digits[3] * 10 + digits[4];
    let key = u64::from(digits[13]) * 10 + u64::from(digits[14]);
    matches!(digits[0], 1 | 2) && (matches!(month, 1..=12 | 20..=42 | 50..=99)) && 97 - number % 97 == key
}

/// Whether capitals and digits are a number with letters: Spain's, Italy's, Germany's pension number, France's for Corsica.
pub fn is_lettered_id(written: &str) -> bool {
    match written.len() {
        9 => is_spanish_id(written),
        12 => is_german_pension_number(written),
        15 => {
            let corsican = written.replacen("2A", "19", 1).replacen("2B", "18", 1);
            let digits: Vec<u8> = corsican.bytes().map(|byte| byte.wrapping_sub(b'0')).collect();
            matches!(&written[5..7], "2A" | "2B") && digits.iter().all(|digit| *digit < 10) && is_french_social_number(&digits)
        }
        16 => is_italian_tax_code(written),
        _ => false,
    }
}

/// DNI and NIE: the letter is the number's remainder by 23.
fn is_spanish_id(written: &str) -> bool {
    let (number, letter) = written.split_at(8);
    let number = match number.as_bytes()[0] {
        first @ b'X'..=b'Z' => format!("{}{}", first - b'X', &number[1..]),
        _ => number.to_owned(),
    };
    let letters = b"TRWAGMYFPDXBNJZSQVHLCKE";
    number.parse::<usize>().is_ok_and(|number| letters[number % 23] == letter.as_bytes()[0])
}

/// Codice fiscale: letters of surname and name, date and place of birth, a check letter. Digits may be letters, where two people share one.
fn is_italian_tax_code(written: &str) -> bool {
    const ODD: [u32; 26] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];
    let is_digit = |byte: u8| byte.is_ascii_digit() || b"LMNPQRSTUV".contains(&byte);
    let fits = |(place, byte): (usize, u8)| match place {
        6 | 7 | 9 | 10 | 12 | 13 | 14 => is_digit(byte),
        8 => b"ABCDEHLMPRST".contains(&byte),
        _ => byte.is_ascii_uppercase(),
    };
    let value = |byte: u8| if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
    written.bytes().enumerate().all(fits) && {
        let sum: u32 = written
            .bytes()
            .take(15)
            .enumerate()
            .map(|(place, byte)| if place % 2 == 0 { ODD[usize::from(value(byte))] } else { u32::from(value(byte)) })
            .sum();
        sum % 26 == u32::from(value(written.as_bytes()[15]))
    }
}

/// Area, date of birth, letter, number, check digit: the digits of weighted places are summed.
fn is_german_pension_number(written: &str) -> bool {
    let bytes = written.as_bytes();
    let lettered = bytes.iter().enumerate().all(|(place, byte)| if place == 8 { byte.is_ascii_uppercase() } else { byte.is_ascii_digit() });
    lettered && {
        let letter = bytes[8] - b'A' + 1;
        let mut digits: Vec<u8> = bytes[..8].iter().map(|byte| byte - b'0').collect();
        digits.extend([letter / 10, letter % 10]);
        digits.extend(bytes[9..11].iter().map(|byte| byte - b'0'));
        let weights = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
        let sum: u32 =
            digits.iter().zip(weights).map(|(digit, weight)| u32::from(*digit) * weight).map(|product| product / 10 + product % 10).sum();
        sum % 10 == u32::from(bytes[11] - b'0')
    }
}

/// The shape of a number of the British National Insurance, which has no check digit.
pub fn is_insurance_number(written: &str) -> bool {
    let bytes = written.as_bytes();
    bytes.len() == 9
        && bytes[..2].iter().all(|byte| byte.is_ascii_uppercase() && !b"DFIQUV".contains(byte))
        && bytes[1] != b'O'
        && !["BG", "GB", "NK", "KN", "TN", "NT", "ZZ"].contains(&&written[..2])
        && bytes[2..8].iter().all(u8::is_ascii_digit)
        && matches!(bytes[8], b'A'..=b'D')
}

/// The shape of a number of the American social security, which has no check digit.
pub fn is_social_security_number(digits: &[u8]) -> bool {
    let part = |from: usize, to: usize| digits[from..to].iter().fold(0_u32, |number, digit| number * 10 + u32::from(*digit));
    digits.len() == 9 && !matches!(part(0, 3), 0 | 666 | 900..) && part(3, 5) > 0 && part(5, 9) > 0
}

/// Hungarian accounts of 16 or 24 digits: the first eight have a check digit, and the others.
pub fn is_hungarian_account(digits: &[u8]) -> bool {
    let check =
        |digits: &[u8]| digits.iter().zip([9, 7, 3, 1].iter().cycle()).map(|(digit, weight)| u32::from(*digit) * weight).sum::<u32>();
    let real = digits.iter().any(|digit| *digit != digits[0]);
    matches!(digits.len(), 16 | 24) && real && check(&digits[..8]).is_multiple_of(10) && check(&digits[8..]).is_multiple_of(10)
}

/// Polish accounts: an IBAN without its country.
pub fn is_polish_account(digits: &[u8]) -> bool {
    let letters: Vec<u8> = b"PL".iter().copied().chain(digits.iter().map(|digit| b'0' + digit)).collect();
    digits.len() == 26 && is_iban(&letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Vec<u8> {
        text.bytes().map(|byte| byte - b'0').collect()
    }

    /// Published examples of the registries.
    #[test]
    fn published_numbers_prove_themselves() {
        for id in ["10000000146", "86095742719", "8071592153", "111111110", "44051401359", "255081416802538"] {
            assert!(is_national_id(&digits(id)), "{id}");
        }
        for id in ["10000000145", "44051401358", "255081416802537"] {
            assert!(!is_national_id(&digits(id)), "{id}");
        }
        for id in ["9434765919", "1060000062", "111222333"] {
            assert!(is_labelled_id(&digits(id)), "{id}");
        }
        for id in ["12345678Z", "X1234567L", "RSSMRA85T10A562S", "15070649C103"] {
            assert!(is_lettered_id(id), "{id}");
        }
        assert!(!is_lettered_id("12345678A") && !is_lettered_id("RSSMRA85T10A562T"));
        assert!(!is_insurance_number("QQ123456C") && is_insurance_number("AB123456C"));
        assert!(is_social_security_number(&digits("536228741")) && !is_social_security_number(&digits("000228741")));
        assert!(is_hungarian_account(&digits("117730161111101800000000")) && !is_hungarian_account(&digits("117730171111101800000000")));
        assert!(is_polish_account(&digits("61109010140000071219812874")));
    }
}
