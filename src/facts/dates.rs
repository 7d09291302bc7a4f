//! Dates and times as people write them, in figures and with the names of months.

use std::ops::RangeInclusive;

use crate::facts::number_words::worded;

/// A date. Of one in figures alone, such as 03/12, it isn't sure which is the day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Date {
    pub year: Option<u16>,
    pub month: u8,
    pub day: u8,
    /// Day and month may be the other way round.
    pub ambiguous: bool,
}

impl Date {
    /// Whether both may be the same day. A year that one of them leaves out may be the other's.
    pub fn may_be(self, other: Date) -> bool {
        let same_day = (self.month, self.day) == (other.month, other.day);
        let turned = (self.ambiguous || other.ambiguous) && (self.month, self.day) == (other.day, other.month);
        (same_day || turned) && (self.year == other.year || self.year.is_none() || other.year.is_none())
    }
}

/// A time of day, in hours from 0 to 24 and minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    pub hour: u8,
    pub minute: u8,
}

/// The beginnings of the names of months, by which a longer word is known as one, and the longest such word's further letters. English,
/// German, Hungarian and Turkish, without accents.
const MONTHS: [&[&str]; 12] = [
    &["january", "januar", "jan", "ocak", "oca"],
    &["february", "februar", "feb", "subat", "sub"],
    &["march", "marz", "maerz", "marcius", "marc", "mar", "mart", "mrz"],
    &["april", "aprilis", "apr", "nisan", "nis"],
    &["may", "mai", "majus", "maj", "mayis"],
    &["june", "juni", "junius", "jun", "haziran", "haz"],
    &["july", "juli", "julius", "jul", "temmuz", "tem"],
    &["august", "augusztus", "aug", "agustos", "agu"],
    &["september", "szeptember", "sept", "szept", "sep", "eylul", "eyl"],
    &["october", "oktober", "okt", "oct", "ekim", "eki"],
    &["november", "nov", "kasim", "kas"],
    &["december", "dezember", "dec", "dez", "aralik", "ara"],
];
/// What may follow a month's name in the same word: case endings of Turkish and Hungarian.
const ENDINGS: [&str; 24] = [
    "", "s", "i", "ig", "ban", "ben", "tol", "re", "ra", "nak", "nek", "da", "de", "ta", "te", "dan", "den", "tan", "ten", "a", "e", "in",
    "nin", "un",
];

/// The month that a word names.
pub fn month(word: &str) -> Option<u8> {
    if !(3..=14).contains(&word.len()) {
        return None;
    }
    let folded = crate::text::fold(word);
    let month = match folded.get(..3)? {
        "jan" | "oca" => 1,
        "feb" | "sub" => 2,
        "mar" | "mae" | "mrz" => 3,
        "apr" | "nis" => 4,
        "may" | "mai" | "maj" => 5,
        "jun" | "haz" => 6,
        "jul" | "tem" => 7,
        "aug" | "agu" => 8,
        "sep" | "sze" | "eyl" => 9,
        "oct" | "okt" | "eki" => 10,
        "nov" | "kas" => 11,
        "dec" | "dez" | "ara" => 12,
        _ => return None,
    };
    let names = |name: &&str| folded.strip_prefix(name).is_some_and(|rest| rest.is_empty() || (name.len() > 4 && ENDINGS.contains(&rest)));
    MONTHS[month - 1].iter().any(names).then_some(month as u8)
}

/// The date that begins at a digit or a letter, and where it ends.
pub fn date_at(text: &str, at: usize) -> Option<(Date, usize)> {
    let first = text.as_bytes().get(at)?;
    if first.is_ascii_digit() {
        in_figures(text, at).or_else(|| day_first(text, at))
    } else {
        month_first(text, at).or_else(|| ordinal_first(text, at))
    }
}

/// `first of March`, `twenty-first of March`, `ersten März`
fn ordinal_first(text: &str, at: usize) -> Option<(Date, usize)> {
    let mut end = at + word(text, at).len();
    if matches!(&text[at..end], "twenty" | "thirty") && text[end..].starts_with('-') {
        end += 1 + word(text, end + 1).len();
    }
    // Most words end otherwise: that is seen sooner than what they mean.
    if !ORDINAL_ENDINGS.iter().any(|ending| text[..end].ends_with(ending)) {
        return None;
    }
    let mut start = spaces(text, end)?;
    start += if text[start..].starts_with("of ") { 3 } else { 0 };
    let named = word(text, start);
    let month = month_at(text, start, named)?;
    let day = ordinal(&text[at..end])?;
    let (year, end) = year_after(text, start + named.len());
    Some((Date { year, month, day, ambiguous: false }, end))
}

const ORDINAL_ENDINGS: [&str; 8] = ["st", "nd", "rd", "th", "te", "ten", "ter", "tes"];

/// The day that a word of English, German or Hungarian counts, from the first to the thirty-first.
fn ordinal(word: &str) -> Option<u8> {
    /// Of German and Hungarian ones the beginning.
    const ODD: [(&str, u8); 20] = [
        ("first", 1),
        ("second", 2),
        ("third", 3),
        ("fifth", 5),
        ("eighth", 8),
        ("ninth", 9),
        ("twelfth", 12),
        ("twentieth", 20),
        ("thirtieth", 30),
        ("twenty-first", 21),
        ("twenty-second", 22),
        ("twenty-third", 23),
        ("thirty-first", 31),
        ("erst", 1),
        ("dritt", 3),
        ("siebt", 7),
        ("acht", 8),
        ("elsej", 1),
        ("masodik", 2),
        ("harmadik", 3),
    ];
    const ENGLISH: usize = 13;
    let folded = crate::text::fold(word);
    let odd = ODD.iter().zip(0..).find(|((odd, _), place)| folded == *odd || (*place >= ENGLISH && folded.starts_with(odd)));
    let regular = || {
        let number = |bare: &str, language: &str| worded(bare, language).first().map(|(_, number)| *number);
        let english = folded.strip_suffix("th").and_then(|bare| number(bare, "en"));
        let hungarian =
            || ["adik", "edik", "odik"].iter().find_map(|ending| folded.split_once(ending)).and_then(|(bare, _)| number(bare, "hu"));
        let bare =
            || ["te", "ten", "ter", "tes"].iter().find_map(|ending| folded.strip_suffix(ending)).map(|bare| bare.trim_end_matches('s'));
        let german = || bare().and_then(|bare| number(bare, "de"));
        english.or_else(hungarian).or_else(german).and_then(|number| u8::try_from(number).ok())
    };
    odd.map(|((_, day), _)| *day).or_else(regular).filter(|day| (1..=31).contains(day))
}

/// `2026-12-03`, `3.12.2026`, `12/3/26`, `2026. 12. 03.`, `3.12.`
fn in_figures(text: &str, at: usize) -> Option<(Date, usize)> {
    let (one, width, end) = number(text, at)?;
    let separator = *text.as_bytes().get(end)?;
    if !matches!(separator, b'-' | b'.' | b'/') {
        return None;
    }
    let next = |end: usize| {
        let space = separator == b'.' && text.as_bytes().get(end + 1) == Some(&b' ');
        // What stands apart is a year only if it is whole, or if one stands before: `12.10. 15:00`.
        number(text, end + 1 + usize::from(space)).filter(|(_, third, _)| !space || width == 4 || *third == 4)
    };
    let (two, two_width, end) = next(end)?;
    let third = if text.as_bytes().get(end) == Some(&separator) { next(end) } else { None };
    let (year, month, day, ambiguous, end) = match third {
        Some((three, three_width, end)) if width == 4 && two_width <= 2 && three_width <= 2 => (Some(one), two, three, false, end),
        Some((three, three_width, end)) if width <= 2 && two_width <= 2 && matches!(three_width, 2 | 4) => {
            let year = if three_width == 2 { three + 2000 } else { three };
            if two > 12 { (Some(year), one, two, false, end) } else { (Some(year), two, one, separator != b'.', end) }
        }
        // A day and a month alone have a second point: others are numbers and times.
        None if separator == b'.' && text.as_bytes().get(end) == Some(&b'.') && width <= 2 && two_width <= 2 => {
            (None, two, one, true, end + 1)
        }
        _ => return None,
    };
    let next = |at: usize| text.as_bytes().get(at);
    // A number of more groups is none, such as a phone's `06.12.34.56.78`.
    let goes_on = next(end) == Some(&separator) && next(end + 1).is_some_and(u8::is_ascii_digit);
    let ends = !(next(end).is_some_and(u8::is_ascii_digit) || goes_on && third.is_some());
    (ends && (1..=12).contains(&month) && (1..=31).contains(&day) && year.is_none_or(|year| YEARS.contains(&year)))
        .then_some((Date { year, month: month as u8, day: day as u8, ambiguous }, end))
}

const YEARS: RangeInclusive<u16> = 1900..=2199;

/// The month that a word names where it stands. A short form has a capital or a point: `ára` and `may` are other words.
fn month_at(text: &str, at: usize, word: &str) -> Option<u8> {
    let short = word.chars().count() <= 3;
    let marked = word.starts_with(char::is_uppercase) || text[at + word.len()..].starts_with('.');
    const NO_OTHER_WORD: [&str; 9] = ["jan", "feb", "apr", "jul", "aug", "okt", "nov", "dec", "dez"];
    month(word).filter(|_| !short || marked || NO_OTHER_WORD.contains(&word))
}

/// `3 December 2026`, `3rd of December`, `3. Dezember`, `3 Aralık`; `2026. december 3.`
fn day_first(text: &str, at: usize) -> Option<(Date, usize)> {
    let (one, width, mut end) = number(text, at)?;
    if width == 4 && YEARS.contains(&one) {
        end += usize::from(text[end..].starts_with('.'));
        let (date, end) = month_first(text, spaces(text, end)?)?;
        return Some((Date { year: Some(one), ..date }, end));
    }
    if width > 2 || !(1..=31).contains(&one) {
        return None;
    }
    for ordinal in [".", "st", "nd", "rd", "th"] {
        end += if text[end..].starts_with(ordinal) { ordinal.len() } else { 0 };
    }
    let mut start = spaces(text, end)?;
    start += if text[start..].starts_with("of ") { 3 } else { 0 };
    let word = word(text, start);
    let month = month_at(text, start, word)?;
    let end = start + word.len();
    let (year, end) = year_after(text, end);
    Some((Date { year, month, day: one as u8, ambiguous: false }, end))
}

/// `December 3, 2026`, `december 3-án`.
fn month_first(text: &str, at: usize) -> Option<(Date, usize)> {
    let word = word(text, at);
    let mut end = at + word.len();
    end += usize::from(text[end..].starts_with('.'));
    // Most words have no number after them: that is seen sooner than what they mean.
    let start = spaces(text, end)?;
    let Some((day, width, mut end)) = number(text, start) else { return month_and_ordinal(text, at, start) };
    let month = month_at(text, at, word)?;
    if width > 2 || !(1..=31).contains(&day) || text[end..].starts_with([':', '%']) {
        return None;
    }
    for ordinal in ["st", "nd", "rd", "th"] {
        end += if text[end..].starts_with(ordinal) { 2 } else { 0 };
    }
    let (year, end) = year_after(text, end);
    Some((Date { year, month, day: day as u8, ambiguous: false }, end))
}

/// `december elsején`, `december huszonnegyedikén`
fn month_and_ordinal(text: &str, at: usize, start: usize) -> Option<(Date, usize)> {
    let day = word(text, start);
    if !day.contains("dik") && !day.starts_with("elsej") {
        return None;
    }
    let month = month_at(text, at, word(text, at))?;
    let day_of = ordinal(day)?;
    Some((Date { year: None, month, day: day_of, ambiguous: false }, start + day.len()))
}

fn year_after(text: &str, end: usize) -> (Option<u16>, usize) {
    let rest = &text[end..];
    let skipped = rest.len() - rest.trim_start_matches([',', '.']).trim_start_matches(' ').len();
    match number(text, end + skipped) {
        Some((year, 4, after)) if skipped > 0 && YEARS.contains(&year) => (Some(year), after),
        _ => (None, end),
    }
}

/// The time that begins at a digit, and where it ends: `15:30`, `3 pm`, `3:30 p.m.`, `15 Uhr`, `15.30 Uhr`.
pub fn time_at(text: &str, at: usize) -> Option<(Time, usize)> {
    let (hour, width, mut end) = number(text, at)?;
    if width > 2 || hour > 24 {
        return None;
    }
    let mut minute = 0;
    let colon = text[end..].starts_with(':');
    let mut told = false;
    if (colon || text[end..].starts_with('.'))
        && let Some((minutes, 2, after)) = number(text, end + 1)
        && minutes < 60
    {
        let pointed = !colon;
        let clock = text[after..].trim_start_matches(' ');
        if pointed && !clock.starts_with("Uhr") && half(clock).is_none() {
            return None;
        }
        (minute, end, told) = (minutes, after, true);
        if colon && let Some((seconds, 2, after)) = text[end..].starts_with(':').then(|| number(text, end + 1)).flatten() {
            end = if seconds < 60 { after } else { end };
        }
    }
    let clock = spaces_or_none(text, end);
    if let Some((afternoon, length)) = half(&text[clock..]).filter(|_| hour <= 12) {
        let hour = hour % 12 + if afternoon { 12 } else { 0 };
        return Some((Time { hour: hour as u8, minute: minute as u8 }, clock + length));
    }
    if text[clock..].starts_with("Uhr") {
        return Some((Time { hour: hour as u8, minute: minute as u8 }, clock + 3));
    }
    (told && !text[end..].starts_with(|next: char| next.is_ascii_digit())).then_some((Time { hour: hour as u8, minute: minute as u8 }, end))
}

/// `am` and `pm`: whether it is the afternoon, and how long it is.
fn half(text: &str) -> Option<(bool, usize)> {
    let bytes = text.as_bytes();
    let letter = bytes.first()?.to_ascii_lowercase();
    let length = match bytes.get(1)? {
        b'm' | b'M' => 2,
        b'.' if matches!(bytes.get(2), Some(b'm' | b'M')) => 3 + usize::from(bytes.get(3) == Some(&b'.')),
        _ => return None,
    };
    let ends = !text[length..].starts_with(char::is_alphanumeric);
    (ends && matches!(letter, b'a' | b'p')).then_some((letter == b'p', length))
}

/// A number of at most four digits that begins here, how many digits it has, and where it ends.
fn number(text: &str, at: usize) -> Option<(u16, usize, usize)> {
    let width = text.as_bytes().get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=4).contains(&width).then(|| (text[at..at + width].parse().unwrap_or(0), width, at + width))
}

fn word(text: &str, at: usize) -> &str {
    let length = text[at..].find(|letter: char| !letter.is_alphabetic()).unwrap_or(text.len() - at);
    &text[at..at + length]
}

/// Past one or two spaces.
fn spaces(text: &str, at: usize) -> Option<usize> {
    let after = spaces_or_none(text, at);
    (after > at).then_some(after)
}

fn spaces_or_none(text: &str, at: usize) -> usize {
    at + text[at..].bytes().take(2).take_while(|byte| *byte == b' ').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Option<(Option<u16>, u8, u8, &str)> {
        date_at(text, 0).map(|(date, end)| (date.year, date.month, date.day, &text[end..]))
    }

    #[test]
    fn every_month_is_known_by_every_name() {
        for (names, number) in MONTHS.iter().zip(1..) {
            for name in *names {
                assert_eq!(month(name), Some(number), "{name}");
            }
        }
    }

    #[test]
    fn dates_are_read_as_they_are_written() {
        for (text, rest) in [
            ("2026-12-03", ""),
            ("3.12.2026", ""),
            ("2026. 12. 03.", "."),
            ("3/12/26!", "!"),
            ("3 December 2026", ""),
            ("December 3rd, 2026", ""),
            ("3. Dezember 2026", ""),
            ("3 Aralık 2026'da", "'da"),
            ("2026. december 3-án", "-án"),
        ] {
            assert_eq!(date(text), Some((Some(2026), 12, 3, rest)), "{text}");
        }
        for (text, day) in [
            ("first of December", 1),
            ("twenty-first of December", 21),
            ("seventeenth of December", 17),
            ("ersten Dezember", 1),
            ("vierten Dezember", 4),
            ("vierundzwanzigsten Dezember", 24),
            ("december elsején", 1),
            ("december negyedikén", 4),
            ("december huszonnegyedikéig", 24),
        ] {
            assert_eq!(date(text), Some((None, 12, day, "")), "{text}");
        }
        assert_eq!(date("3.12. "), Some((None, 12, 3, " ")));
        assert_eq!(date("3 Aralık'ta"), Some((None, 12, 3, "'ta")));
        assert_eq!(date("szeptember 14-ig"), Some((None, 9, 14, "-ig")));
        for other in ["1.249,90", "3.12", "10.0.0.1", "13.13.2026", "may be 3", "204815", "3 days"] {
            assert_eq!(date(other), None, "{other}");
        }
        let turned = Date { year: Some(2026), month: 3, day: 12, ambiguous: true };
        assert!(date_at("2026-12-03", 0).unwrap().0.may_be(turned) && !date_at("2026-12-04", 0).unwrap().0.may_be(turned));
    }

    #[test]
    fn times_are_read_as_they_are_written() {
        let time = |text: &str| time_at(text, 0).map(|(time, end)| (time.hour, time.minute, text.len() - end));
        for text in ["15:30", "3:30 pm", "3:30 p.m.", "15.30 Uhr", "15:30:00"] {
            assert_eq!(time(text), Some((15, 30, 0)), "{text}");
        }
        assert_eq!(time("3 PM"), Some((15, 0, 0)));
        assert_eq!(time("15 Uhr"), Some((15, 0, 0)));
        assert_eq!(time("12 am"), Some((0, 0, 0)));
        for other in ["15", "15.30", "3 pmx", "99:99"] {
            assert_eq!(time(other), None, "{other}");
        }
    }
}
