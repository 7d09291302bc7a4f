//! What the fields of a record mean, as a prompt says it.

use jiff::{
    Timestamp,
    civil::{Date, DateTime},
    tz::TimeZone,
};

/// Fields that helpdesks and shops send, with what they mean where their name alone may be misread.
const MEANINGS: [(&str, &str); 13] = [
    ("placed_on", "ordered on"),
    ("shipped_on", "handed to the carrier on"),
    ("shipped_at", "handed to the carrier on"),
    ("promised_by", "promised to arrive by"),
    ("delivery_by", "expected to arrive by"),
    ("eta", "expected to arrive by"),
    ("delivered_on", "delivered on"),
    ("delivered_at", "delivered on"),
    ("last_scan", "last seen by the carrier"),
    ("refunded_on", "refunded by the shop on"),
    ("total", "total price"),
    ("qty", "quantity"),
    ("sku", "article number"),
];

/// Returns a field's name in words: its meaning if it is known, else the words that its name is made of.
pub fn in_words(field: &str) -> String {
    let mut words = String::with_capacity(field.len() + 4);
    let mut after_small = false;
    for letter in field.chars() {
        if matches!(letter, '_' | '-' | '.') {
            words.push(' ');
        } else if letter.is_uppercase() && after_small {
            words.push(' ');
            words.push(letter);
        } else {
            words.push(letter);
        }
        after_small = letter.is_lowercase();
    }
    let words = words.trim();
    let known = |(name, _): &&(&str, &str)| name.replace('_', " ").eq_ignore_ascii_case(words);
    MEANINGS.iter().find(known).map_or_else(|| words.to_owned(), |(_, meaning)| (*meaning).to_owned())
}

/// Returns a value as it is; a date or time of the ISO format with its weekday behind it, in the workspace's time zone.
pub fn with_weekday(value: &str, time_zone: &TimeZone) -> String {
    let written = value.trim();
    let date = written.parse::<Timestamp>().ok().map(|at| at.to_zoned(time_zone.clone()).date());
    let date = date.or_else(|| written.parse::<DateTime>().ok().map(|at| at.date())).or_else(|| written.parse::<Date>().ok());
    // Other parsers of dates take numbers for them.
    match date.filter(|_| written.len() >= 10 && written.as_bytes()[4] == b'-') {
        Some(date) => format!("{value} ({})", date.strftime("%A")),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words() {
        for (field, words) in [
            ("promised_by", "promised to arrive by"),
            ("promisedBy", "promised to arrive by"),
            ("payment_method", "payment method"),
            ("trackingURL", "tracking URL"),
            ("shipTo.postcode", "ship To postcode"),
            ("kargo_durumu", "kargo durumu"),
            ("Total", "total price"),
        ] {
            assert_eq!(in_words(field), words, "{field}");
        }
    }

    #[test]
    fn dates_have_their_weekday() {
        let istanbul = TimeZone::get("Europe/Istanbul").unwrap();
        for (value, shown) in [
            ("2026-11-19", "2026-11-19 (Thursday)"),
            ("2026-11-16 19:42", "2026-11-16 19:42 (Monday)"),
            ("2026-11-16T22:30:00Z", "2026-11-16T22:30:00Z (Tuesday)"),
            ("2026-11-16 19:42 Denizli", "2026-11-16 19:42 Denizli"),
            ("20261119", "20261119"),
            ("2.348,00 TL", "2.348,00 TL"),
            ("günde bir", "günde bir"),
        ] {
            assert_eq!(with_weekday(value, &istanbul), shown);
        }
    }
}
