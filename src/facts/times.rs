//! Times of day as people write them: `15:30`, `3 pm`, `15 Uhr`, `14 h 30`, `a las tres y media`.

use std::{cmp::Reverse, sync::LazyLock};

use aho_corasick::AhoCorasick;

use crate::{
    facts::{
        dates::{number, spaces_or_none},
        number_words::{inflected_number_at, number_at},
    },
    lexicon::{Lexicon, lexica, lexicon, vocabulary::Times},
    text::fold,
};

/// A time of day, in hours from 0 to 24 and minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    pub hour: u8,
    pub minute: u8,
    /// The hour may be one of the other half of the day.
    pub ambiguous: bool,
}

impl Time {
    /// Whether both may be the same time.
    pub fn may_be(self, other: Time) -> bool {
        let turned = (self.ambiguous || other.ambiguous) && self.hour % 12 == other.hour % 12;
        self.minute == other.minute && (self.hour == other.hour || turned)
    }
}

/// What stands beside times in figures, the longest first.
struct TimeWords {
    clocks: Vec<&'static str>,
    hour_marks: Vec<&'static str>,
    minutes: Vec<&'static str>,
    at: Vec<String>,
    parts: Vec<(&'static str, i32)>,
    /// With whether it is the afternoon.
    halves: Vec<(&'static str, bool)>,
}

static WORDS: LazyLock<TimeWords> = LazyLock::new(|| {
    let times = || lexica().iter().map(|lexicon| &lexicon.words.times);
    let longest_first = |words: &mut Vec<&'static str>| words.sort_by_key(|word| Reverse(word.len()));
    let mut words = TimeWords {
        clocks: times().flat_map(|times| &times.clock).map(String::as_str).collect(),
        hour_marks: times().flat_map(|times| &times.hour_marks).map(String::as_str).collect(),
        minutes: lexica().iter().flat_map(|lexicon| lexicon.words.units.minute.iter()).map(|minute| minute.trim_end_matches(' ')).collect(),
        at: times().flat_map(at_words).collect(),
        parts: times().flat_map(|times| &times.parts).map(|(part, minutes)| (part.as_str(), *minutes)).collect(),
        halves: times().flat_map(halves).collect(),
    };
    longest_first(&mut words.clocks);
    longest_first(&mut words.hour_marks);
    words
});

/// Finds what stands before times that are said in words, in any language.
static SPOKEN: LazyLock<(AhoCorasick, Vec<&'static str>)> = LazyLock::new(|| {
    let words: Vec<(String, &str)> =
        lexica().iter().flat_map(|lexicon| at_words(&lexicon.words.times).map(move |word| (word, lexicon.language))).collect();
    let automaton = AhoCorasick::new(words.iter().map(|(word, _)| word)).expect("a few short words fit an automaton");
    (automaton, words.into_iter().map(|(_, language)| language).collect())
});

/// What stands before a time, also where it begins a sentence.
fn at_words(times: &Times) -> impl Iterator<Item = String> {
    times.at.iter().flat_map(|word| {
        let mut letters = word.chars();
        let capital = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
        [word.clone(), capital]
    })
}

fn halves(times: &'static Times) -> impl Iterator<Item = (&'static str, bool)> {
    let morning = times.morning.iter().map(|half| (half.as_str(), false));
    morning.chain(times.afternoon.iter().map(|half| (half.as_str(), true)))
}

/// The time that begins at a digit, and where it ends: `15:30`, `3 pm`, `3:30 p.m.`, `15 Uhr`, `15.30 Uhr`, `14 h 30`.
pub fn time_at(text: &str, at: usize) -> Option<(Time, usize)> {
    let (hour, width, mut end) = number(text, at)?;
    if width > 2 || hour > 24 {
        return None;
    }
    let words = &*WORDS;
    let is_clock = |text: &str| words.clocks.iter().find(|clock| text.starts_with(**clock)).map(|clock| clock.len());
    let mut minute = 0;
    let colon = text[end..].starts_with(':');
    let mut has_minutes = false;
    if (colon || text[end..].starts_with('.'))
        && let Some((minutes, 2, after)) = number(text, end + 1)
        && minutes < 60
    {
        let pointed = !colon;
        let clock = text[after..].trim_start_matches(' ');
        if pointed && is_clock(clock).is_none() && half(clock).is_none() {
            return None;
        }
        (minute, end, has_minutes) = (minutes, after, true);
        if colon && let Some((seconds, 2, after)) = text[end..].starts_with(':').then(|| number(text, end + 1)).flatten() {
            end = if seconds < 60 { after } else { end };
        }
    }
    let exact = |hour: u16, minute: u16, end: usize| Some((Time { hour: hour as u8, minute: minute as u8, ambiguous: false }, end));
    let clock = spaces_or_none(text, end);
    if let Some((afternoon, length)) = half(&text[clock..]).filter(|_| hour <= 12) {
        return exact(hour % 12 + if afternoon { 12 } else { 0 }, minute, clock + length);
    }
    if let Some(length) = is_clock(&text[clock..]) {
        return exact(hour, minute, clock + length);
    }
    if !has_minutes {
        return marked(text, at, hour, end);
    }
    (!text[end..].starts_with(|next: char| next.is_ascii_digit())).then(|| exact(hour, minute, end)).flatten()
}

/// `14 h 30`, `à 15h`, `a las 3 y media`: an hour that its mark or what stands before it makes one.
fn marked(text: &str, at: usize, hour: u16, end: usize) -> Option<(Time, usize)> {
    let words = &*WORDS;
    let mark = spaces_or_none(text, end);
    let mark_end = words.hour_marks.iter().find(|word| begins_with(&text[mark..], word)).map(|word| mark + word.len());
    let time = |hour: u16, minute: i32, end: usize| {
        let minutes = i32::from(hour) * 60 + minute;
        Some((Time { hour: (minutes / 60) as u8, minute: (minutes % 60) as u8, ambiguous: false }, end))
    };
    if let Some(mark_end) = mark_end
        && hour < 24
        && let Some((minutes, 2, end)) = number(text, spaces_or_none(text, mark_end))
        && minutes < 60
        && !text[end..].starts_with(char::is_alphanumeric)
    {
        // `1 h 30 min` is a length of time.
        let unit = text[end..].trim_start();
        return if words.minutes.iter().any(|minute| unit.starts_with(minute)) { None } else { time(hour, i32::from(minutes), end) };
    }
    let part_at = mark_end.map_or(mark, |mark_end| spaces_or_none(text, mark_end));
    let part = words.parts.iter().find(|(part, _)| begins_with(&text[part_at..], part));
    if (mark_end.is_none() && part.is_none()) || hour == 0 || !is_after_at(&text[..at]) {
        return None;
    }
    let (minute, end) = part.map_or((0, mark_end.unwrap_or(end)), |(part, minutes)| (*minutes, part_at + part.len()));
    let half_at = spaces_or_none(text, end);
    match half(&text[half_at..]).filter(|_| hour <= 12) {
        Some((afternoon, length)) => time(hour % 12 + if afternoon { 12 } else { 0 }, minute, half_at + length),
        None => time(hour, minute, end),
    }
}

/// The times that a text says in words after a word such as `at`, each with where it stands: `a las tres y media`, `à trois heures`.
pub fn times_in_words(text: &str) -> Vec<((usize, usize), Time)> {
    let (automaton, languages) = &*SPOKEN;
    let found = automaton.find_overlapping_iter(text).filter(|found| !text[..found.start()].ends_with(char::is_alphanumeric));
    let time = |found: aho_corasick::Match| in_words(text, found.end(), lexicon(languages[found.pattern()])?);
    let mut times: Vec<((usize, usize), Time)> = found.filter_map(time).collect();
    times.extend(by_parts(text));
    // `háromnegyed nyolc` has `negyed nyolc` in it only as letters; of two at one place the longer counts.
    times.sort_by_key(|((start, end), _)| (*start, Reverse(*end)));
    // `jusqu'à` ends with `à`.
    times.dedup_by_key(|(place, _)| *place);
    times
}

/// The times that are said by a part of an hour: `halb vier`, `half past seven`, `fél 3`, `üç buçukta`. Which half of the day they are in is
/// not known.
fn by_parts(text: &str) -> Vec<((usize, usize), Time)> {
    let mut found = Vec::new();
    let time = |hour: u64, minutes: i32| {
        let all = (i32::try_from(hour).unwrap_or(0) * 60 + minutes).rem_euclid(12 * 60);
        Time { hour: (all / 60) as u8, minute: (all % 60) as u8, ambiguous: true }
    };
    let hour_at = |rest: &str, lexicon: &Lexicon| {
        let in_figures = number(rest, 0).map(|(hour, _, end)| (u64::from(hour), end));
        in_figures
            .or_else(|| number_at(rest, lexicon))
            .or_else(|| inflected_number_at(rest, lexicon))
            .filter(|(hour, _)| (1..=12).contains(hour))
    };
    for lexicon in lexica() {
        let times = &lexicon.words.times;
        for (phrase, minutes) in &times.before_hour {
            for start in starts_of(text, phrase) {
                let at = start + phrase.len();
                if let Some((hour, length)) = text[at..].strip_prefix(' ').and_then(|rest| hour_at(rest, lexicon)) {
                    found.push(((start, at + 1 + length), time(hour, *minutes)));
                }
            }
        }
        for (word, minutes) in &times.after_hour {
            for at in starts_of(text, word) {
                let end = at + text[at..].find(|letter: char| !letter.is_alphabetic()).unwrap_or(text.len() - at);
                let before = text[..at].trim_end_matches(' ');
                let word_at = |before: &str| before.rfind([' ', '\n']).map_or(0, |at| at + 1);
                let last = word_at(before);
                let two = word_at(before[..last].trim_end_matches(' '));
                // `on bir buçukta`
                let reaches = |start: usize| hour_at(&text[start..], lexicon).is_some_and(|(_, length)| start + length == before.len());
                let start = if reaches(two) { two } else { last };
                let inflected = end > at + word.len();
                let clock = text[..start].trim_end().split(' ').next_back().is_some_and(|word| lexicon.words.units.hour.begin(&fold(word)));
                if let Some((hour, _)) = hour_at(&text[start..], lexicon).filter(|_| inflected || clock) {
                    found.push(((start, end), time(hour, *minutes)));
                }
            }
        }
    }
    found
}

/// Where a phrase stands in a text as whole words, with a small or a capital first letter.
fn starts_of(text: &str, phrase: &str) -> Vec<usize> {
    let mut letters = phrase.chars();
    let capital: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let places = |phrase: &str| text.match_indices(phrase).map(|(at, _)| at).collect::<Vec<usize>>();
    let begins = |at: &usize| !text[..*at].ends_with(char::is_alphanumeric);
    places(phrase).into_iter().chain(places(&capital)).filter(begins).collect()
}

fn in_words(text: &str, at: usize, lexicon: &Lexicon) -> Option<((usize, usize), Time)> {
    let times = &lexicon.words.times;
    let start = at + 1;
    let rest = text[at..].strip_prefix(' ')?;
    let (hour, length) = number_at(rest, lexicon).filter(|(hour, _)| (1..=24).contains(hour))?;
    let hour = hour as i32;
    let mut end = start + length;
    let at = spaces_or_none(text, end);
    let mark = times.hour_marks.iter().find(|mark| at > end && begins_with(&text[at..], mark));
    end = mark.map_or(end, |mark| at + mark.len());
    let mut minute = 0;
    let at = spaces_or_none(text, end);
    let part = times.parts.iter().find(|(part, _)| at > end && begins_with(&text[at..], part));
    if let Some((part, minutes)) = part {
        (minute, end) = (*minutes, at + part.len());
    } else if let Some((minutes, length)) = number_at(&text[at..], lexicon).filter(|(minutes, _)| at > end && (1..60).contains(minutes)) {
        (minute, end) = (minutes as i32, at + length);
    }
    let half_at = spaces_or_none(text, end);
    let half = halves_of(times, &text[half_at..]).filter(|_| hour <= 12);
    // `a las tres amigas` is no time.
    let ends = !text[half_at..].starts_with(char::is_alphanumeric);
    if mark.is_none() && minute == 0 && half.is_none() && !ends {
        return None;
    }
    let hour = match half {
        Some((true, _)) => hour % 12 + 12,
        Some((false, _)) => hour % 12,
        None => hour,
    };
    let end = half.map_or(end, |(_, length)| half_at + length);
    let minutes = hour * 60 + minute;
    let ambiguous = half.is_none() && hour <= 12;
    Some(((start, end), Time { hour: (minutes / 60) as u8, minute: (minutes % 60) as u8, ambiguous }))
}

fn halves_of(times: &Times, text: &str) -> Option<(bool, usize)> {
    let is = |words: &[String]| words.iter().find(|half| begins_with(text, half)).map(String::len);
    is(&times.afternoon).map(|length| (true, length)).or_else(|| is(&times.morning).map(|length| (false, length)))
}

/// Whether a text begins with a word.
fn begins_with(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(char::is_alphabetic))
}

fn is_after_at(before: &str) -> bool {
    let before = before.trim_end_matches(' ');
    WORDS.at.iter().any(|word| before.strip_suffix(word.as_str()).is_some_and(|before| !before.ends_with(char::is_alphanumeric)))
}

/// Half of the day, `am` and `pm` or in words: whether it is the afternoon, and how long it is.
fn half(text: &str) -> Option<(bool, usize)> {
    let bytes = text.as_bytes();
    let letter = bytes.first()?.to_ascii_lowercase();
    let length = match bytes.get(1)? {
        b'm' | b'M' => 2,
        b'.' if matches!(bytes.get(2), Some(b'm' | b'M')) => 3 + usize::from(bytes.get(3) == Some(&b'.')),
        _ => return WORDS.halves.iter().find(|(half, _)| begins_with(text, half)).map(|(half, afternoon)| (*afternoon, half.len())),
    };
    let ends = !text[length..].starts_with(char::is_alphanumeric);
    (ends && matches!(letter, b'a' | b'p')).then_some((letter == b'p', length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_they_are_written() {
        let time = |text: &str| time_at(text, 0).map(|(time, end)| (time.hour, time.minute, text.len() - end));
        for text in ["15:30", "3:30 pm", "3:30 p.m.", "15.30 Uhr", "15:30:00", "15 h 30", "15h30", "15 heures 30", "3:30 de la tarde"] {
            assert_eq!(time(text), Some((15, 30, 0)), "{text}");
        }
        for text in ["3 PM", "15 Uhr", "3 de la tarde", "3 du soir"] {
            assert_eq!(time(text), Some((15, 0, 0)), "{text}");
        }
        assert_eq!(time("12 am"), Some((0, 0, 0)));
        for other in ["15", "15.30", "3 pmx", "99:99", "15h", "24 h", "1 h 30 min", "3 y media"] {
            assert_eq!(time(other), None, "{other}");
        }
        for (text, at, minute) in [("à 15h", "à ", 0), ("dès 15 heures", "dès ", 0), ("A las 3 y media de la tarde", "A las ", 30)] {
            let (time, end) = time_at(text, at.len()).unwrap();
            assert_eq!((time.hour, time.minute, end), (15, minute, text.len()), "{text}");
        }
        assert_eq!(time_at("sous 24h", 5), None);
    }

    #[test]
    fn times_are_read_as_they_are_said() {
        for (text, written, hour, minute) in [
            ("a las tres y media.", "tres y media", 3, 30),
            ("A las cuatro menos cuarto de la tarde", "cuatro menos cuarto de la tarde", 15, 45),
            ("hasta las ocho", "ocho", 8, 0),
            ("à trois heures et demie", "trois heures et demie", 3, 30),
            ("jusqu'à quinze heures trente", "quinze heures trente", 15, 30),
            ("à huit heures du soir", "huit heures du soir", 20, 0),
        ] {
            let found = times_in_words(text);
            let [((start, end), time)] = found[..] else { panic!("{text}: {found:?}") };
            assert_eq!((&text[start..end], time.hour, time.minute), (written, hour, minute), "{text}");
        }
        for other in ["a las tres amigas", "las dos semanas", "à deux personnes", "a las mil", "salas tres."] {
            assert_eq!(times_in_words(other), [], "{other}");
        }
        let time = |hour: u8, ambiguous: bool| Time { hour, minute: 30, ambiguous };
        assert!(time(3, true).may_be(time(15, false)) && !time(3, false).may_be(time(15, false)) && !time(4, true).may_be(time(15, false)));
    }
}
