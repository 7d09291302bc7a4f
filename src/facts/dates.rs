//! Dates as people write them, in figures and with the names of months.

use std::{ops::RangeInclusive, sync::LazyLock};

use crate::{
    facts::{
        months::month_at,
        ordinals::{begins_ordinal, ends_as_ordinal, ordinal},
        suffixes::may_be_day_after_month,
    },
    lexicon::lexica,
};

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

/// What stands in dates beside months and ordinals.
struct DateWords {
    of: Vec<&'static str>,
    marks: Vec<&'static str>,
}

static WORDS: LazyLock<DateWords> = LazyLock::new(|| {
    let words = || lexica().iter().map(|lexicon| &lexicon.words);
    DateWords {
        of: words().flat_map(|words| &words.dates.of).map(String::as_str).collect(),
        marks: words().flat_map(|words| &words.ordinals.marks).map(String::as_str).collect(),
    }
});

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
    if text[end..].starts_with('-') && begins_ordinal(&text[at..end]) {
        end += 1 + word(text, end + 1).len();
    }
    if !ends_as_ordinal(&text[at..end]) {
        return None;
    }
    let start = past_of(text, spaces(text, end)?);
    let named = word(text, start);
    let month = month_at(text, start, named)?;
    let day = ordinal(&text[at..end])?;
    let (year, end) = year_after(text, start + named.len());
    Some((Date { year, month, day, ambiguous: false }, end))
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
    end += usize::from(text[end..].starts_with('.'));
    end += WORDS.marks.iter().find(|mark| text[end..].starts_with(**mark)).map_or(0, |mark| mark.len());
    let start = past_of(text, spaces(text, end)?);
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
    end += WORDS.marks.iter().find(|mark| text[end..].starts_with(**mark)).map_or(0, |mark| mark.len());
    let (year, end) = year_after(text, end);
    Some((Date { year, month, day: day as u8, ambiguous: false }, end))
}

/// `december elsején`, `december huszonnegyedikén`
fn month_and_ordinal(text: &str, at: usize, start: usize) -> Option<(Date, usize)> {
    let day = word(text, start);
    if !may_be_day_after_month(day) {
        return None;
    }
    let month = month_at(text, at, word(text, at))?;
    let day_of = ordinal(day)?;
    Some((Date { year: None, month, day: day_of, ambiguous: false }, start + day.len()))
}

fn year_after(text: &str, end: usize) -> (Option<u16>, usize) {
    let rest = &text[end..];
    let skipped = past_of(rest, rest.len() - rest.trim_start_matches([',', '.']).trim_start_matches(' ').len());
    match number(text, end + skipped) {
        Some((year, 4, after)) if skipped > 0 && YEARS.contains(&year) => (Some(year), after),
        _ => (None, end),
    }
}

/// Past a word such as `of`, if it stands there.
fn past_of(text: &str, at: usize) -> usize {
    at + WORDS.of.iter().find(|of| text[at..].starts_with(**of)).map_or(0, |of| of.len())
}

/// A number of at most four digits that begins here, how many digits it has, and where it ends.
pub(super) fn number(text: &str, at: usize) -> Option<(u16, usize, usize)> {
    let width = text.as_bytes().get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (1..=4).contains(&width).then(|| (text[at..at + width].parse().unwrap_or(0), width, at + width))
}

pub(super) fn word(text: &str, at: usize) -> &str {
    let length = text[at..].find(|letter: char| !letter.is_alphabetic()).unwrap_or(text.len() - at);
    &text[at..at + length]
}

/// Past one or two spaces.
pub(super) fn spaces(text: &str, at: usize) -> Option<usize> {
    let after = spaces_or_none(text, at);
    (after > at).then_some(after)
}

pub(super) fn spaces_or_none(text: &str, at: usize) -> usize {
    at + text[at..].bytes().take(2).take_while(|byte| *byte == b' ').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> Option<(Option<u16>, u8, u8, &str)> {
        date_at(text, 0).map(|(date, end)| (date.year, date.month, date.day, &text[end..]))
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
            ("3 décembre 2026", ""),
            ("3 de diciembre de 2026", ""),
        ] {
            assert_eq!(date(text), Some((Some(2026), 12, 3, rest)), "{text}");
        }
        for (text, day) in [
            ("1er décembre", 1),
            ("premier décembre", 1),
            ("1.º de diciembre", 1),
            ("primero de diciembre", 1),
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
}
