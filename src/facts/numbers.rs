//! Numbers with their separators, and the currencies beside them.

use std::sync::LazyLock;

use crate::{
    facts::suffixes,
    lexicon::{Lexicon, lexica},
    text::fold,
};

const SYMBOLS: [char; 16] = ['€', '$', '£', '¥', '₺', '₽', '₴', '₹', '₩', '₪', '₫', '฿', '₿', '₦', '₱', '₡'];
/// Signs of currencies that are written as letters: ISO 4217's, and what people write in languages without a lexicon. Those of the others
/// stand in theirs.
const CODES: [&str; 40] = [
    "EUR", "USD", "TRY", "HUF", "GBP", "CHF", "PLN", "CZK", "RON", "BGN", "SEK", "NOK", "DKK", "RUB", "UAH", "JPY", "CNY", "INR", "AED",
    "SAR", "ILS", "BRL", "CAD", "AUD", "MXN", "KRW", "HRK", "RSD", "ISK", "NZD", "SGD", "HKD", "ZAR", "EGP", "KZT", "GEL", "AZN", "Kč",
    "zł", "kr",
];

static SIGNS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let own = lexica().iter().flat_map(|lexicon| &lexicon.words.currencies.signs).map(String::as_str);
    CODES.into_iter().chain(own).collect()
});

/// A currency's name: a word of its language, that may be translated.
struct Name {
    /// Without accents.
    written: &'static str,
    /// What may follow it in the same word.
    endings: &'static [&'static str],
}

static NAMES: LazyLock<Vec<Name>> = LazyLock::new(|| {
    let names = |lexicon: &'static Lexicon| {
        let currencies = &lexicon.words.currencies;
        currencies.names.iter().chain(currencies.hundredths.iter()).map(|name| match name.strip_suffix(' ') {
            Some(whole) => Name { written: whole, endings: &[] },
            None => Name { written: name, endings: suffixes::of_currencies(lexicon.language) },
        })
    };
    lexica().iter().flat_map(names).collect()
});

/// Longer than any name with its ending, a word is none.
const MAX_NAME: usize = 12;

/// The small letters that signs begin with, a bit each.
static SMALL_LETTERS: LazyLock<u32> =
    LazyLock::new(|| SIGNS.iter().filter_map(|sign| small(sign.chars().next()?)).fold(0, |bits, bit| bits | bit));

/// Whether a currency's sign in letters may begin with a letter: most have capitals, so that few words are looked at.
pub fn may_begin_sign(letter: char) -> bool {
    letter.is_uppercase() || small(letter).is_some_and(|bit| *SMALL_LETTERS & bit != 0)
}

fn small(letter: char) -> Option<u32> {
    letter.is_ascii_lowercase().then(|| 1 << (letter as u8 - b'a'))
}

/// Where the number ends that begins at a digit: groups of three with a point, a comma, an apostrophe or a space between them, and decimals.
pub fn number_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let digits = |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = at + digits(at);
    let mut grouped = end - at <= 3;
    while let Some(separator) = bytes.get(end) {
        let width = digits(end + 1);
        let apart = matches!(separator, b'.' | b',') || (matches!(separator, b' ' | b'\'') && grouped && width == 3);
        let whole = (grouped && width == 3) || (matches!(separator, b'.' | b',') && (1..=2).contains(&width));
        if !(apart && whole) {
            break;
        }
        end += 1 + width;
        grouped = width == 3;
    }
    end
}

/// What a number may be worth, as digits with a point before decimals: `1.249` is one thousand or one and a quarter.
pub fn readings(number: &str) -> Vec<String> {
    let canonical = |whole: &str, decimals: &str| {
        let whole: String = whole.chars().filter(char::is_ascii_digit).collect();
        let (whole, decimals) = (whole.trim_start_matches('0'), decimals.trim_end_matches('0'));
        let whole = if whole.is_empty() { "0" } else { whole };
        if decimals.is_empty() { whole.to_owned() } else { format!("{whole}.{decimals}") }
    };
    let mut found = Vec::with_capacity(2);
    let groups: Vec<&str> = number.split(['.', ',', ' ', '\'']).collect();
    if groups.len() == 1 || groups[1..].iter().all(|group| group.len() == 3) {
        found.push(canonical(number, ""));
    }
    if let Some((whole, decimals)) = number.rsplit_once(['.', ',']).filter(|(_, decimals)| !decimals.contains([' ', '\''])) {
        let separator = number.as_bytes()[whole.len()] as char;
        if !whole.contains(separator) {
            found.push(canonical(whole, decimals));
        }
    }
    if found.is_empty() {
        found.push(canonical(number, ""));
    }
    found
}

/// Where an amount of money or a percentage ends that begins here: a number with its currency or its per cent sign, before or after it.
/// Of a currency's name only the number is the amount.
pub fn amount_at(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let first = rest.chars().next()?;
    if first.is_ascii_digit() {
        let mut end = number_end(text, at);
        end += if text[end..].starts_with(",-") { 2 } else { 0 };
        return after(text, end).or_else(|| named(text, end));
    }
    let sign = if SYMBOLS.contains(&first) || first == '%' {
        first.len_utf8()
    } else {
        SIGNS.iter().find(|sign| rest.starts_with(*sign)).map(|sign| sign.len())?
    };
    let spaced = at + sign + usize::from(rest[sign..].starts_with(' ') && first != '%');
    let spaced = spaced + usize::from(text[spaced..].starts_with('-'));
    text[spaced..].starts_with(|digit: char| digit.is_ascii_digit()).then(|| number_end(text, spaced))
}

/// The end of the sign that follows a number.
fn after(text: &str, end: usize) -> Option<usize> {
    let spaced = end + usize::from(text[end..].starts_with(' '));
    let rest = &text[spaced..];
    let first = rest.chars().next()?;
    if SYMBOLS.contains(&first) || matches!(first, '%' | '‰') {
        return Some(spaced + first.len_utf8());
    }
    let sign = SIGNS.iter().find(|sign| rest.starts_with(*sign) && !rest[sign.len()..].starts_with(char::is_alphanumeric))?;
    Some(spaced + sign.len())
}

fn named(text: &str, end: usize) -> Option<usize> {
    let word = text[end..].strip_prefix(' ')?;
    let word = &word[..word.find(|letter: char| !letter.is_alphabetic()).unwrap_or(word.len())];
    let is_name = |folded: &str| {
        NAMES.iter().any(|name| folded.strip_prefix(name.written).is_some_and(|rest| rest.is_empty() || name.endings.contains(&rest)))
    };
    (word.len() <= MAX_NAME && is_name(&fold(word))).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_known_by_their_currency() {
        let amount = |text: &'static str| amount_at(text, 0).map(|end| &text[..end]);
        for whole in ["49,90 €", "1.249,90 TL", "1 249 Ft", "€49.90", "EUR 5", "%20", "20%", "12,5 %", "$ 1,000.00", "₺1249", "49,- €"]
        {
            assert_eq!(amount(whole), Some(whole));
        }
        assert_eq!(amount("1.249,90 TL'yi"), Some("1.249,90 TL"));
        for named in ["20 euros.", "20 lirayı", "20 forintért", "20 dólares", "20 centimes", "20 eur"] {
            assert_eq!(amount(named), Some("20"), "a name is a word: {named}");
        }
        for other in ["14 days", "TLS 5", "20", "Ftx", "5 euroland", "5 center"] {
            assert_eq!(amount(other), None, "{other}");
        }
    }

    #[test]
    fn a_number_is_the_same_however_it_is_separated() {
        let same = |one: &str, other: &str| readings(one).iter().any(|reading| readings(other).contains(reading));
        for (one, other) in
            [("1.249,90", "1,249.9"), ("1 249", "1249"), ("1.249", "1,249"), ("2,5", "2.50"), ("007", "7"), ("1'000", "1000")]
        {
            assert!(same(one, other), "{one} {other}");
        }
        assert!(!same("2,5", "25") && !same("1.249,90", "124990"));
        let end = |text: &str| number_end(text, 0);
        assert_eq!((end("1.249,90!"), end("5."), end("2026-12"), end("10, 20"), end("1,2,3")), (8, 1, 4, 2, 5));
    }
}
