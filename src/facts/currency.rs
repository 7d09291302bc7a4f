//! Which currency an amount is in.

use crate::text::fold;

/// Signs and codes, each with the ISO 4217 code of its currency; `%` is none, and no currency either.
const SIGNS: [(&str, &str); 26] = [
    ("€", "EUR"),
    ("eur", "EUR"),
    ("$", "USD"),
    ("usd", "USD"),
    ("£", "GBP"),
    ("gbp", "GBP"),
    ("₺", "TRY"),
    ("tl", "TRY"),
    ("try", "TRY"),
    ("ft", "HUF"),
    ("huf", "HUF"),
    ("¥", "JPY"),
    ("jpy", "JPY"),
    ("chf", "CHF"),
    ("fr.", "CHF"),
    ("zł", "PLN"),
    ("pln", "PLN"),
    ("kč", "CZK"),
    ("czk", "CZK"),
    ("₽", "RUB"),
    ("rub", "RUB"),
    ("₴", "UAH"),
    ("₹", "INR"),
    ("%", "%"),
    ("percent", "%"),
    ("ron", "RON"),
];
/// Beginnings of names, without accents.
const NAMES: [(&str, &str); 12] = [
    ("euro", "EUR"),
    ("avro", "EUR"),
    ("dollar", "USD"),
    ("dolar", "USD"),
    ("pound", "GBP"),
    ("pfund", "GBP"),
    ("sterlin", "GBP"),
    ("lira", "TRY"),
    ("forint", "HUF"),
    ("frank", "CHF"),
    ("percent", "%"),
    ("prozent", "%"),
];

/// The currency that a written amount names, as its ISO 4217 code, or `%`; `None` if it names none that is known.
pub fn currency(written: &str) -> Option<&'static str> {
    let small = written.to_lowercase();
    let word = |sign: &str| small.split(|letter: char| !letter.is_alphabetic()).any(|word| word == sign);
    let sign = SIGNS.iter().find(|(sign, _)| if sign.chars().all(char::is_alphabetic) { word(sign) } else { small.contains(sign) });
    sign.map(|(_, code)| *code).or_else(|| named(&small))
}

/// The currency whose name a text begins with, as in `euros`, `forintért`.
pub fn named(text: &str) -> Option<&'static str> {
    let folded = fold(text);
    let word = folded.trim_start_matches([' ', '-', '\u{a0}']);
    let word = word.trim_start_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, '.' | ',' | ' '));
    NAMES.iter().find(|(name, _)| word.starts_with(name)).map(|(_, code)| *code)
}
