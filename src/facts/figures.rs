//! What a text says in figures: dates, times and numbers.

use crate::facts::{
    dates::{Date, date_at},
    numbers::{number_end, readings},
    plain::Plain,
    times::{Time, time_at, times_in_words},
};

/// Something in figures, with the words it stands in.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// As it stands in the text.
    pub written: String,
    /// What it may mean.
    pub value: FigureValue,
}

/// What figures mean.
#[derive(Debug, Clone, PartialEq)]
pub enum FigureValue {
    /// A date, whose year may be missing.
    Date(Date),
    /// A time of day.
    Time(Time),
    /// What the number may be worth.
    Number(Vec<String>),
}

impl Figure {
    /// Whether both may mean the same.
    pub fn may_be(&self, other: &Figure) -> bool {
        match (&self.value, &other.value) {
            (FigureValue::Date(one), FigureValue::Date(other)) => one.may_be(*other),
            (FigureValue::Time(one), FigureValue::Time(other)) => one.may_be(*other),
            (FigureValue::Number(one), FigureValue::Number(other)) => one.iter().any(|reading| other.contains(reading)),
            (FigureValue::Time(time), FigureValue::Number(number)) | (FigureValue::Number(number), FigureValue::Time(time)) => {
                let later = if time.ambiguous { (time.hour + 12) % 24 } else { time.hour };
                let pointed = |hour: u8| readings(&format!("{hour}.{:02}", time.minute));
                pointed(time.hour).iter().chain(&pointed(later)).any(|reading| number.contains(reading))
            }
            _ => false,
        }
    }
}

/// The dates, times and numbers of a text.
pub fn figures(text: &str) -> Vec<Figure> {
    let plain = Plain::of(text);
    let text: &str = &plain.text;
    let mut spoken = times_in_words(text).into_iter().peekable();
    let mut figures = Vec::new();
    let mut at = 0;
    let mut before = ' ';
    while let Some(letter) = text[at..].chars().next() {
        let begins = !before.is_alphanumeric();
        // What began in something read before is part of it.
        while spoken.next_if(|((start, _), _)| *start < at).is_some() {}
        let found = if let Some(((_, end), time)) = spoken.next_if(|((start, _), _)| *start == at) {
            Some((FigureValue::Time(time), end))
        } else if letter.is_ascii_digit() {
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
