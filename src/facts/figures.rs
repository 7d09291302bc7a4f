//! What a text says in figures, compared with another text that should say the same.

use crate::facts::{
    dates::{Date, Time, date_at, time_at},
    numbers::{number_end, readings},
    plain::Plain,
};

/// Something in figures, with the words it stands in.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub written: String,
    pub value: FigureValue,
}

#[derive(Debug, Clone, PartialEq)]
pub enum FigureValue {
    Date(Date),
    Time(Time),
    /// What the number may be worth.
    Number(Vec<String>),
}

impl Figure {
    /// Whether both may mean the same.
    pub fn may_be(&self, other: &Figure) -> bool {
        match (&self.value, &other.value) {
            (FigureValue::Date(one), FigureValue::Date(other)) => one.may_be(*other),
            (FigureValue::Time(one), FigureValue::Time(other)) => one == other,
            (FigureValue::Number(one), FigureValue::Number(other)) => one.iter().any(|reading| other.contains(reading)),
            (FigureValue::Time(time), FigureValue::Number(number)) | (FigureValue::Number(number), FigureValue::Time(time)) => {
                let pointed = readings(&format!("{}.{:02}", time.hour, time.minute));
                pointed.iter().any(|reading| number.contains(reading))
            }
            _ => false,
        }
    }
}

/// The dates, times and numbers of a text.
pub fn figures(text: &str) -> Vec<Figure> {
    let plain = Plain::of(text);
    let text: &str = &plain.text;
    let mut figures = Vec::new();
    let mut at = 0;
    let mut before = ' ';
    while let Some(letter) = text[at..].chars().next() {
        let begins = !before.is_alphanumeric();
        let found = if letter.is_ascii_digit() {
            let number = || {
                let end = number_end(text, at);
                (FigureValue::Number(readings(&text[at..end])), end)
            };
            let date = date_at(text, at).map(|(date, end)| (FigureValue::Date(date), end));
            let time = || time_at(text, at).map(|(time, end)| (FigureValue::Time(time), end));
            Some(date.or_else(time).unwrap_or_else(number))
        } else if begins && letter.is_alphabetic() {
            date_at(text, at).map(|(date, end)| (FigureValue::Date(date), end))
        } else {
            None
        };
        let end = match found {
            Some((value, end)) => {
                figures.push(Figure { written: text[at..end].to_owned(), value });
                end
            }
            None => at + letter.len_utf8(),
        };
        before = text[..end].chars().next_back().unwrap_or(' ');
        at = end;
    }
    figures
}

/// What one text says in figures that another does not, and what the other adds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    pub lost: Vec<String>,
    pub added: Vec<String>,
}

/// Compares a text's figures with those of its rewrite, each with its language. A small number may be written as a word in either, and of a date whose month is named in a
/// language not known here day and year are enough.
pub fn difference((before, its_language): (&str, &str), (after, language): (&str, &str)) -> Difference {
    let (mut lost, mut added) = (figures(before), figures(after));
    lost.retain(|figure| match added.iter().position(|other| figure.may_be(other)) {
        Some(at) => {
            added.swap_remove(at);
            false
        }
        None => true,
    });
    if lost.is_empty() && added.is_empty() {
        return Difference::default();
    }
    lost.retain(|figure| match &figure.value {
        FigureValue::Date(date) => !take_apart(*date, &mut added),
        FigureValue::Number(_) => !says_in_words((after, language), (before, its_language), figure),
        FigureValue::Time(_) => true,
    });
    added.retain(|figure| match &figure.value {
        FigureValue::Number(_) => !says_in_words((before, its_language), (after, language), figure),
        _ => true,
    });
    let written = |figures: Vec<Figure>| figures.into_iter().map(|figure| figure.written).collect();
    Difference { lost: written(lost), added: written(added) }
}

/// Takes a date's day and year out of numbers, if both are there.
fn take_apart(date: Date, numbers: &mut Vec<Figure>) -> bool {
    let find = |numbers: &[Figure], value: u16| {
        numbers.iter().position(|figure| matches!(&figure.value, FigureValue::Number(readings) if readings.contains(&value.to_string())))
    };
    let mut left = numbers.clone();
    for value in [Some(u16::from(date.day)), date.year].into_iter().flatten() {
        match find(&left, value) {
            Some(at) => {
                left.remove(at);
            }
            None => return false,
        }
    }
    *numbers = left;
    true
}

/// Numbers as words, in English, German, Hungarian and Turkish, without accents. Articles are no numbers: every text has them.
const WORDS: [(&str, [&[&str]; 4]); 17] = [
    ("1", [&["one", "single", "once"], &["eins", "einmal"], &["egyetlen"], &["tek"]]),
    ("2", [&["two", "twice"], &["zwei"], &["ketto", "ket"], &["iki"]]),
    ("3", [&["three"], &["drei"], &["harom"], &["uc"]]),
    ("4", [&["four"], &["vier"], &["negy"], &["dort"]]),
    ("5", [&["five"], &["funf", "fuenf"], &["ot"], &["bes"]]),
    ("6", [&["six"], &["sechs"], &["hat"], &["alti"]]),
    ("7", [&["seven"], &["sieben"], &["het"], &["yedi"]]),
    ("8", [&["eight"], &["acht"], &["nyolc"], &["sekiz"]]),
    ("9", [&["nine"], &["neun"], &["kilenc"], &["dokuz"]]),
    ("10", [&["ten"], &["zehn"], &["tiz"], &["on"]]),
    ("11", [&["eleven"], &["elf"], &["tizenegy"], &["onbir"]]),
    ("12", [&["twelve", "dozen"], &["zwolf", "zwoelf"], &["tizenketto", "tizenket"], &["oniki"]]),
    ("14", [&["fourteen", "fortnight"], &["vierzehn"], &["tizennegy"], &["ondort"]]),
    ("20", [&["twenty"], &["zwanzig"], &["husz"], &["yirmi"]]),
    ("24", [&["twentyfour"], &["vierundzwanzig"], &["huszonnegy"], &["yirmidort"]]),
    ("30", [&["thirty"], &["dreissig"], &["harminc"], &["otuz"]]),
    ("100", [&["hundred"], &["hundert"], &["szaz"], &["yuz"]]),
];

/// The numbers among a text's words, as its language has them; of one in an unknown language, as any has.
pub fn word_numbers(text: &str, language: &str) -> impl Iterator<Item = &'static str> {
    let own = ["en", "de", "hu", "tr"].iter().position(|known| *known == language);
    text.split(|letter: char| !letter.is_alphabetic()).filter(|word| !word.is_empty()).filter_map(move |word| {
        let folded = crate::text::fold(word);
        let fits = |(place, known): (usize, &&'static str)| own.is_none_or(|own| own == place) && begins(&folded, known, place == 0);
        let length = |languages: &[&'static [&'static str]; 4]| {
            let words = languages.iter().enumerate().flat_map(|(place, words)| words.iter().map(move |word| (place, word)));
            words.filter(|word| fits(*word)).map(|(_, known)| known.len()).max()
        };
        let found = WORDS.iter().filter_map(|(number, languages)| Some((length(languages)?, *number)));
        found.max_by_key(|(length, _)| *length).map(|(_, number)| number)
    })
}

/// A word with an ending: `háromnapos` begins with `három`, `bir` is not the beginning of `biraz`, `vierzig` is not four. English has no
/// such endings.
fn begins(word: &str, number: &str, whole: bool) -> bool {
    const MORE: [&str; 12] = ["zig", "zehn", "hundert", "tausend", "und", "ssig", "szaz", "ezer", "van", "ven", "mill", "yuz"];
    word.strip_prefix(number)
        .is_some_and(|rest| rest.is_empty() || (!whole && number.len() >= 4 && !MORE.iter().any(|more| rest.starts_with(more))))
}

/// Whether a text says a number in words more often than the other does.
fn says_in_words((text, language): (&str, &str), (other, its_language): (&str, &str), figure: &Figure) -> bool {
    let FigureValue::Number(readings) = &figure.value else { return false };
    let count = |text: &str, language: &str| word_numbers(text, language).filter(|number| readings.iter().any(|one| one == number)).count();
    count(text, language) > count(other, its_language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_figures_are_no_difference() {
        for (before, after) in [
            ("It arrives on 3 December 2026 at 3 pm.", "2026. december 3-án 15:00-kor érkezik."),
            ("2 adet, 2,5 kg", "2 Stück, 2.5 kg"),
            ("Am 3.12.2026 um 15.30 Uhr", "On 12/3/2026 at 3:30 p.m."),
            ("within 3 days", "innerhalb von drei Tagen"),
            ("innerhalb von zwei Wochen", "within 2 weeks"),
            ("2026-12-03", "le 3 décembre 2026"),
            ("1. Open\n2. Close", "1) Aç\n2) Kapat"),
            ("12.500 adet", "12,500 pieces"),
        ] {
            assert_eq!(difference((before, ""), (after, "")), Difference::default(), "{before} {after}");
        }
    }

    #[test]
    fn other_figures_are_one() {
        for (before, after) in [
            ("3 December", "4 December"),
            ("at 15:30", "at 16:30"),
            ("2.5 kg", "25 kg"),
            ("14 days", "days"),
            ("wait", "wait 3 hours"),
            ("2 and 3", "3 and 3"),
            ("in 2026", "in 2062"),
            ("send 1 towel", "send a towel"),
            ("4 Tage", "vierzig Tage"),
        ] {
            assert_ne!(difference((before, ""), (after, "")), Difference::default(), "{before} {after}");
        }
        assert_eq!(difference(("14 days", "en"), ("15 days", "en")), Difference { lost: vec!["14".into()], added: vec!["15".into()] });
    }
}
