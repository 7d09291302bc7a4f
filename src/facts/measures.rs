//! What a text counts: numbers in figures and in words with the unit of time or the measure that follows, so that `48 hours` and `two days`
//! are the same, and `4 weeks` and `4 months` are not.

use std::sync::LazyLock;

use crate::{
    facts::{FigureValue, figures, number_words::numbers_said_at},
    lexicon::{
        Lexicon,
        concepts::Concept,
        lexica, lexicon,
        topics::{Topic, Topics},
    },
    text::fold,
};

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;
const WEEK: u32 = 7 * DAY;
const MONTH: u32 = 30 * DAY;
const YEAR: u32 = 365 * DAY;
/// Units of time with their minutes, in the order in which a word is taken for one.
const TIMES: [(Topic, u32); 6] =
    [(Topic::Weeks, WEEK), (Topic::Days, DAY), (Topic::Years, YEAR), (Topic::Hours, HOUR), (Topic::Months, MONTH), (Topic::Minutes, 1)];
/// Signs and beginnings of names of measures, without accents, with the measure that they are. The metric ones are international.
const SIGNS: [(&str, &str); 40] = [
    ("kg", "kg"),
    ("kilo", "kg"),
    ("g", "g"),
    ("gr", "g"),
    ("gram", "g"),
    ("mg", "mg"),
    ("km", "km"),
    ("kilomet", "km"),
    ("cm", "cm"),
    ("santim", "cm"),
    ("centim", "cm"),
    ("zentim", "cm"),
    ("mm", "mm"),
    ("milim", "mm"),
    ("millim", "mm"),
    ("m", "m"),
    ("metre", "m"),
    ("meter", "m"),
    ("l", "l"),
    ("liter", "l"),
    ("litre", "l"),
    ("litr", "l"),
    ("ml", "ml"),
    ("millil", "ml"),
    ("w", "w"),
    ("watt", "w"),
    ("kw", "kw"),
    ("v", "v"),
    ("volt", "v"),
    ("gb", "gb"),
    ("gigab", "gb"),
    ("mb", "mb"),
    ("megab", "mb"),
    ("tb", "tb"),
    ("kwh", "kwh"),
    ("lb", "lb"),
    ("pound", "lb"),
    ("inch", "in"),
    ("mile", "mi"),
    ("mah", "mah"),
];
/// Measures that are so many of another one: `1.5 kg` are `1500 g`.
const PARTS: [(&str, &str, f64); 9] = [
    ("kg", "mg", 1_000_000.0),
    ("g", "mg", 1000.0),
    ("km", "mm", 1_000_000.0),
    ("m", "mm", 1000.0),
    ("cm", "mm", 10.0),
    ("l", "ml", 1000.0),
    ("kw", "w", 1000.0),
    ("gb", "mb", 1000.0),
    ("tb", "mb", 1_000_000.0),
];
/// In so many letters a unit is looked for, and so many of them may stand before it.
const UNIT_LETTERS: usize = 20;
const MAX_BEFORE_UNIT: usize = 2;

/// What a text counts.
#[derive(Debug, Clone, Default)]
pub struct Measures {
    counted: Vec<Counted>,
}

/// A number with its unit.
#[derive(Debug, Clone)]
struct Counted {
    /// What the number may be worth.
    values: Vec<String>,
    /// The length of time that it is, in minutes.
    minutes: Option<f64>,
    /// The minutes of its unit of time; 0 without one.
    unit: u32,
    /// Whether it counts working days.
    working: bool,
    measure: Option<&'static str>,
    in_words: bool,
    /// The number alone, and with its unit.
    number: String,
    written: String,
}

/// Every language's words.
static ALL: LazyLock<Vec<&'static Lexicon>> = LazyLock::new(|| lexica().iter().collect());

/// The minutes of the unit of time that a text begins with, in one of some languages.
pub fn unit_of_time(text: &str, lexica: &[&Lexicon]) -> Option<u32> {
    let beginning = text.char_indices().nth(UNIT_LETTERS).map_or(text, |(end, _)| &text[..end]);
    let folded = fold(beginning);
    let word = folded.trim_start_matches([' ', '-', '\u{a0}', '.']);
    if folded.len() - word.len() > MAX_BEFORE_UNIT {
        return None;
    }
    let topics = lexica.iter().fold(Topics::default(), |topics, lexicon| topics | lexicon.matcher.beginning(word));
    TIMES.iter().find(|(unit, _)| topics.has(*unit)).map(|(_, minutes)| *minutes)
}

/// The measure that a text begins with.
pub fn measure_of(text: &str) -> Option<&'static str> {
    let word = text.trim_start_matches([' ', '\u{a0}']);
    let word = fold(&word[..word.find(|letter: char| !letter.is_alphabetic()).unwrap_or(word.len())]);
    let is = |sign: &str| if sign.len() > 3 { word.starts_with(sign) } else { word == sign };
    SIGNS.iter().filter(|(sign, _)| is(sign)).max_by_key(|(sign, _)| sign.len()).map(|(_, measure)| *measure)
}

/// What a text in a language counts. Dates, times of day and what is no number are left out.
pub fn measures(text: &str, language: &str) -> Measures {
    let own = lexicon(language);
    let lexica: Vec<&Lexicon> = own.map_or_else(|| ALL.clone(), |own| vec![own]);
    let mut counted = Vec::new();
    let mut add = |values: Vec<String>, start: usize, end: usize, in_words: bool| {
        let after = after_range(&text[end..], &lexica);
        let unit = unit_of_time(after, &lexica);
        let length = |value: &String| Some(value.parse::<f64>().ok()? * f64::from(unit?));
        let minutes = values.first().and_then(length);
        let measure = if unit.is_some() { None } else { measure_of(after) };
        let word_end =
            end + text[end..].char_indices().skip(1).find(|(_, letter)| !letter.is_alphanumeric()).map_or(text.len() - end, |(at, _)| at);
        let written = text[start..if minutes.is_some() || measure.is_some() { word_end } else { end }].trim().to_owned();
        counted.push(Counted {
            values,
            minutes,
            unit: unit.unwrap_or(0),
            working: is_working_day(after, &lexica),
            measure,
            in_words,
            number: text[start..end].to_owned(),
            written,
        });
    };
    let mut taken = Vec::new();
    let mut at = 0;
    for figure in figures(text) {
        let start = text[at..].find(&figure.written).map_or(at, |found| at + found);
        at = start + figure.written.len();
        taken.push(start..at);
        if let FigureValue::Number(values) = figure.value {
            add(values, start, at.min(text.len()), false);
        }
    }
    for ((start, end), value) in numbers_said_at(text, language) {
        // One is said in many ways, and often only seems to be.
        if value != 1 && !taken.iter().any(|place| place.start < end && start < place.end) {
            add(vec![value.to_string()], start, end, true);
        }
    }
    counted.extend(unnumbered(text, &lexica));
    Measures { counted }
}

/// Lengths of time without a number: `half an hour`, `a day`, `anderthalb Stunden`.
fn unnumbered(text: &str, lexica: &[&Lexicon]) -> Vec<Counted> {
    let mut found = Vec::new();
    for lexicon in lexica {
        let units = &lexicon.words.units;
        let articles: Vec<String> = lexicon.words.numbers.articles.iter().map(str::to_owned).collect();
        let small = text.to_lowercase();
        for word in &units.quarter_hour {
            for (start, _) in small.match_indices(word.as_str()).filter(|(start, _)| !small[..*start].ends_with(char::is_alphanumeric)) {
                let number = String::new();
                found.push((
                    start,
                    Counted {
                        values: vec!["15".to_owned()],
                        minutes: Some(15.0),
                        unit: 1,
                        working: false,
                        measure: None,
                        in_words: true,
                        number,
                        written: word.clone(),
                    },
                ));
            }
        }
        let words = [(0.5, &units.half), (1.5, &units.one_and_a_half), (1.0, &articles)];
        for (times, word) in words.into_iter().flat_map(|(times, words)| words.iter().map(move |word| (times, word))) {
            for (start, _) in small.match_indices(word.as_str()) {
                let end = start + word.len();
                let stands = !small[..start].ends_with(char::is_alphanumeric);
                if let Some(unit) = unit_of_time(&small[end..], &[lexicon]).filter(|_| stands && !found.iter().any(|(at, _)| *at == start))
                {
                    let minutes = Some(times * f64::from(unit));
                    let written = small[start..].split_inclusive(' ').take(3).collect::<String>().trim().to_owned();
                    let number = String::new();
                    found.push((
                        start,
                        Counted { values: Vec::new(), minutes, unit, working: false, measure: None, in_words: false, number, written },
                    ));
                }
            }
        }
    }
    found.into_iter().map(|(_, counted)| counted).collect()
}

/// Whether a text begins with the word for working days.
fn is_working_day(text: &str, lexica: &[&Lexicon]) -> bool {
    let folded = fold(text.trim_start_matches([' ', '-', '\u{a0}']));
    lexica
        .iter()
        .filter_map(|lexicon| lexicon.words.meaning.get(&Concept::WorkingDay))
        .any(|words| words.iter().any(|word| folded.starts_with(word)))
}

/// What follows the upper end of a range that a number begins: the unit of `3 to 5 days` is the first one's, too.
fn after_range<'a>(text: &'a str, lexica: &[&Lexicon]) -> &'a str {
    let rest = text.trim_start_matches([' ', '-', '–', '\u{a0}']);
    let word = lexica.iter().flat_map(|lexicon| &lexicon.words.counting.ranges).find_map(|range| rest.strip_prefix(range.as_str()));
    let upper = word.unwrap_or(rest);
    let after = upper.trim_start_matches(|letter: char| letter.is_ascii_digit());
    if after.len() < upper.len() && (word.is_some() || rest.len() < text.trim_start().len()) { after } else { text }
}

impl Measures {
    /// The lengths of time, in minutes, each with whether working days are counted.
    pub fn lengths(&self) -> impl Iterator<Item = (f64, bool)> {
        self.counted.iter().filter_map(|counted| Some((counted.minutes?, counted.working)))
    }

    /// The numbers that count no time, as they are worth.
    pub fn numbers(&self) -> impl Iterator<Item = f64> {
        let others = self.counted.iter().filter(|counted| counted.minutes.is_none());
        others.filter_map(|counted| counted.values.first().and_then(|value| value.parse().ok()))
    }

    /// Whether a number of this text, as it is written, counts a length of time or a measure that the other text says in another unit or in
    /// words.
    pub fn says_otherwise(&self, number: &str, other: &Measures) -> bool {
        let of_number = self.counted.iter().filter(|counted| counted.number == number);
        of_number.into_iter().any(|counted| other.counted.iter().any(|other| same_minutes(counted, other) || same_size(counted, other)))
    }

    /// A number or length of the first text that the second lacks, and one of the second that the first lacks, if there are both: the one
    /// stands for the other. What only one of them has may be said in another way.
    pub fn conflict(one: &Measures, other: &Measures) -> Option<(String, String)> {
        let lengths = |measures: &Measures| {
            measures.counted.iter().filter(|counted| counted.minutes.is_some() && !counted.values.is_empty()).cloned().collect::<Vec<_>>()
        };
        let of_measures =
            |measures: &Measures| measures.counted.iter().filter(|counted| counted.measure.is_some()).cloned().collect::<Vec<_>>();
        let in_words = |measures: &Measures| measures.counted.iter().filter(|counted| counted.in_words).cloned().collect::<Vec<_>>();
        let (their, others) = (&one.counted, &other.counted);
        let lost = lacking(&lengths(one), others, same_minutes);
        let added = lacking(&lengths(other), their, |one, other| same_minutes(other, one));
        lost.zip(added)
            .map(|((lost, _), (added, _))| (lost, added))
            .or_else(|| unmatched(&of_measures(one), &of_measures(other), same_size))
            .or_else(|| {
                let (lost, _) = lacking(&in_words(one), &other.counted, said_otherwise)?;
                let (added, _) = lacking(&in_words(other), &one.counted, said_otherwise)?;
                Some((lost, added))
            })
    }
}

fn same_value(one: &Counted, other: &Counted) -> bool {
    one.values.iter().any(|value| other.values.contains(value))
}

/// Whether two lengths of time are the same. Months have 30 or 31 days, years 12 months: in different units that much is let pass.
fn same_minutes(one: &Counted, other: &Counted) -> bool {
    one.minutes.zip(other.minutes).is_some_and(|(minutes, others)| {
        let apart = (minutes - others).abs();
        // `quinze jours` are two weeks, and `ocho días` one.
        let of_weeks = |days: &Counted, weeks: &Counted| {
            let said = |length: u32| days.minutes == Some(f64::from(length * DAY)) && weeks.minutes == Some(f64::from((length - 1) * DAY));
            days.unit == DAY && weeks.unit == WEEK && (said(15) || said(8))
        };
        apart < 0.5
            || of_weeks(one, other)
            || of_weeks(other, one)
            || (one.unit != other.unit && one.unit.max(other.unit) >= MONTH && apart <= 0.04 * minutes.max(others))
    })
}

/// Whether two measures are the same, in one unit or in two.
fn same_size(one: &Counted, other: &Counted) -> bool {
    let (Some(measure), Some(others)) = (one.measure, other.measure) else { return false };
    if measure == others {
        return same_value(one, other);
    }
    let part = |measure| PARTS.iter().find(|(whole, ..)| *whole == measure).map_or((measure, 1.0), |(_, part, times)| (*part, *times));
    let ((part, times), (other_part, other_times)) = (part(measure), part(others));
    let sizes =
        |counted: &Counted, times: f64| counted.values.iter().filter_map(|value| Some(value.parse::<f64>().ok()? * times)).collect();
    let (sizes, others): (Vec<f64>, Vec<f64>) = (sizes(one, times), sizes(other, other_times));
    part == other_part && sizes.iter().any(|size| others.iter().any(|other| (size - other).abs() <= 1e-6 * size.abs()))
}

fn said_otherwise(one: &Counted, other: &Counted) -> bool {
    same_value(one, other) || same_minutes(one, other)
}

/// The first of some that the others lack, and how many there are.
fn lacking(some: &[Counted], others: &[Counted], same: impl Fn(&Counted, &Counted) -> bool) -> Option<(String, usize)> {
    let mut left: Vec<&Counted> = others.iter().collect();
    let mut missing = Vec::new();
    for one in some {
        match left.iter().position(|other| same(one, other)) {
            Some(at) => {
                left.remove(at);
            }
            None if others.iter().any(|other| same(one, other)) => {}
            None => missing.push(one.written.clone()),
        }
    }
    let count = missing.len();
    missing.into_iter().next().map(|first| (first, count))
}

fn unmatched(some: &[Counted], others: &[Counted], same: impl Fn(&Counted, &Counted) -> bool + Copy) -> Option<(String, String)> {
    let (lost, _) = lacking(some, others, same)?;
    let (added, _) = lacking(others, some, |one, other| same(other, one))?;
    Some((lost, added))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conflict(one: (&str, &str), other: (&str, &str)) -> Option<(String, String)> {
        Measures::conflict(&measures(one.0, one.1), &measures(other.0, other.1))
    }

    #[test]
    fn the_same_in_another_unit_or_form_is_no_conflict() {
        for (one, other) in [
            (("within 48 hours", "en"), ("within two days", "en")),
            (("14 days", "en"), ("zwei Wochen", "de")),
            (("3 to 5 days", "en"), ("3-5 gün", "tr")),
            (("on beş gün", "tr"), ("15 nap", "hu")),
            (("2 kg", "en"), ("2 kilo", "tr")),
            (("1.5 kg", "en"), ("1500 g", "de")),
            (("120 cm", "en"), ("1,2 metre", "tr")),
            (("one year", "en"), ("12 months", "en")),
            (("quinze jours", "fr"), ("two weeks", "en")),
            (("both parcels", "en"), ("két csomag", "hu")),
        ] {
            assert_eq!(conflict(one, other), None, "{one:?} {other:?}");
        }
    }

    #[test]
    fn another_number_or_unit_is_one() {
        for (one, other) in [
            (("fourteen days", "en"), ("fifteen days", "en")),
            (("4 hafta", "tr"), ("4 ay", "tr")),
            (("24 Stunden", "de"), ("24 days", "en")),
            (("three towels", "en"), ("two towels", "en")),
            (("zwei bis drei", "de"), ("drei bis vier", "de")),
            (("500 g", "en"), ("500 kg", "en")),
            (("1.5 kg", "en"), ("150 g", "de")),
            (("on beş", "tr"), ("on altı", "tr")),
        ] {
            assert!(conflict(one, other).is_some(), "{one:?} {other:?}");
        }
    }
}
