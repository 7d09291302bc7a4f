//! What texts say in figures: amounts, dates, lengths of time, and numbers by what they count.

use std::collections::{HashMap, HashSet};

use crate::{
    facts::{FactKind, Figure, FigureValue, Known, currency, facts, figures, named_currency, worded},
    replies::checks::counting::{Counting, HOUR},
    text::fold,
};

/// Numbers up to this one stand anywhere, of all kinds of things.
const MAX_BY_CHANCE: u32 = 10;

/// What texts say in figures and in number words.
pub struct KnownNumbers<'a> {
    words: &'a Counting,
    figures: Vec<Figure>,
    /// Amounts of money and percentages.
    amounts: HashSet<String>,
    /// The currencies that they are in.
    currencies: HashMap<String, HashSet<&'static str>>,
    /// Numbers that no unit of time follows.
    plain: HashSet<String>,
    /// Lengths of time, in minutes, and the numbers that they are written with.
    lengths: HashSet<u32>,
    of_lengths: HashSet<String>,
    /// Numbers by the beginning of the word that says what they count.
    counted: HashMap<String, HashSet<String>>,
    /// Numbers that stand beside no word: values of records.
    free: HashSet<String>,
    /// Days, months, years, hours and minutes of dates and times.
    parts: HashSet<String>,
    /// The text's letters and digits alone, in small letters.
    letters: String,
}

impl<'a> KnownNumbers<'a> {
    pub fn of<'b>(texts: impl Iterator<Item = &'b str>, words: &'a Counting) -> KnownNumbers<'a> {
        let mut numbers = KnownNumbers {
            words,
            figures: Vec::new(),
            amounts: HashSet::new(),
            currencies: HashMap::new(),
            plain: HashSet::new(),
            lengths: HashSet::new(),
            of_lengths: HashSet::new(),
            counted: HashMap::new(),
            free: HashSet::new(),
            parts: HashSet::new(),
            letters: String::new(),
        };
        for text in texts {
            numbers.add(text);
        }
        numbers
    }

    fn add(&mut self, text: &str) {
        for fact in facts(text, &Known::default(), |kind| kind == FactKind::Amount) {
            let after = &text[fact.range.end..];
            let currency = currency(&text[fact.range.clone()]).or_else(|| named_currency(after));
            for figure in figures(&text[fact.range]) {
                if let FigureValue::Number(readings) = figure.value {
                    for reading in readings.iter().filter(|_| currency.is_some()) {
                        self.currencies.entry(reading.clone()).or_default().extend(currency);
                    }
                    self.amounts.extend(readings);
                }
            }
        }
        let mut at = 0;
        for figure in figures(text) {
            at = text[at..].find(&figure.written).map_or(at, |found| at + found + figure.written.len());
            let start = at - figure.written.len();
            match &figure.value {
                FigureValue::Number(readings) => self.add_number(readings, text, start, at),
                FigureValue::Date(date) => {
                    // `Firmware is 1.2.` ends as a date does.
                    if date.year.is_none() && date.ambiguous {
                        self.plain.insert(figure.written.trim_end_matches('.').to_owned());
                    }
                    self.parts.extend([date.day.to_string(), date.month.to_string()]);
                    self.parts.extend(date.year.map(|year| year.to_string()));
                }
                FigureValue::Time(time) => {
                    self.count(&hours(time.hour), text, start, at);
                    for clock in self.words.clocks() {
                        self.counted.entry(clock).or_default().extend(hours(time.hour));
                    }
                    self.parts.extend([time.hour.to_string(), (time.hour % 12).to_string(), time.minute.to_string()]);
                }
            }
            self.figures.push(figure);
        }
        for ((start, end), number) in self.words.lexica.iter().flat_map(|lexicon| worded(text, lexicon.language)) {
            self.add_number(&[number.to_string()], text, start, end);
        }
        self.add_single_lengths(text);
        self.letters.extend(text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase));
        self.letters.push(' ');
    }

    /// `a week`, `eine Woche`, `bir hafta`, `egy hét`
    fn add_single_lengths(&mut self, text: &str) {
        let mut before = "";
        for piece in text.split(' ') {
            if let Some(minutes) = self.words.unit_of(piece).filter(|_| self.words.is_one(&fold(before))) {
                self.lengths.insert(minutes);
                self.of_lengths.insert("1".to_owned());
            }
            before = piece.trim_start_matches(|letter: char| !letter.is_alphanumeric());
        }
    }

    fn add_number(&mut self, readings: &[String], text: &str, start: usize, end: usize) {
        match self.words.unit_of(&text[end..]) {
            Some(minutes) => {
                // Opening hours until 18 are until six in the evening.
                let hour = readings
                    .iter()
                    .filter_map(|reading| reading.parse::<u8>().ok())
                    .find(|hour| minutes == HOUR && (13..=24).contains(hour));
                self.parts.extend(hour.into_iter().flat_map(hours));
                self.lengths.extend(readings.iter().filter_map(|reading| length(reading, minutes)));
                self.of_lengths.extend(readings.iter().cloned());
            }
            None => self.plain.extend(readings.iter().cloned()),
        }
        self.count(readings, text, start, end);
    }

    fn count(&mut self, readings: &[String], text: &str, start: usize, end: usize) {
        let numbers = match self.words.counted(text, start, end) {
            Some(word) => self.counted.entry(word).or_default(),
            None => &mut self.free,
        };
        numbers.extend(readings.iter().cloned());
    }

    /// Whether these texts count what a small number counts, and never so many of it. Greater numbers hardly stand anywhere by chance.
    pub fn count_otherwise(&self, customer: &KnownNumbers<'_>, readings: &[String], text: &str, start: usize, end: usize) -> bool {
        let small = readings.iter().any(|reading| reading.parse::<u32>().is_ok_and(|number| number <= MAX_BY_CHANCE));
        let Some(known) = self
            .words
            .counted(text, start, end)
            .filter(|_| small)
            .and_then(|word| Some((self.counted.get(&word)?, customer.counted.get(&word))))
        else {
            return false;
        };
        let (shops, customers) = known;
        let has = |reading: &String| {
            shops.contains(reading) || self.free.contains(reading) || customers.is_some_and(|customers| customers.contains(reading))
        };
        !readings.iter().any(has)
    }

    /// Whether a number with a unit of time is as long as a known length.
    pub fn has_length(&self, readings: &[String], after: &str) -> bool {
        self.words.unit_of(after).is_some_and(|minutes| {
            readings.iter().any(|reading| length(reading, minutes).is_some_and(|length| self.lengths.contains(&length)))
        })
    }

    /// Whether a number is known that `after` follows: as the same length of time, or without a unit.
    pub fn has_number(&self, readings: &[String], after: &str) -> bool {
        readings.iter().any(|reading| match self.words.unit_of(after) {
            Some(minutes) => {
                self.plain.contains(reading)
                    || length(reading, minutes).is_some_and(|length| self.lengths.contains(&length))
                    // Some languages call it an hour what others call a clock's.
                    || (minutes == HOUR && self.parts.contains(reading))
            }
            None => {
                self.plain.contains(reading)
                    || self.amounts.contains(reading)
                    || self.parts.contains(reading)
                    || self.of_lengths.contains(reading)
            }
        })
    }

    /// Whether an amount of so many whole units is known: cents are named apart in words.
    pub fn has_whole_amount(&self, number: &str) -> bool {
        let whole = |amount: &String| amount.strip_prefix(number).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.amounts.iter().any(whole)
    }

    /// Whether the hundredths of a known amount are these.
    fn has_hundredths(&self, number: &str) -> bool {
        let hundredths = |amount: &String| amount.split_once('.').is_some_and(|(_, part)| format!("{part:0<2}") == number);
        self.amounts.iter().any(hundredths)
    }

    /// Whether a number is the whole units or the hundredths of a known amount: `22 Euro und 60 Cent`, `18 Euro 60`.
    pub fn has_part(&self, text: &str, start: usize, end: usize) -> bool {
        let is_currency = |word: &str| self.words.is_currency(&fold(word));
        let number: String = text[start..end].chars().filter(char::is_ascii_digit).collect();
        let mut next = text[start..].split_whitespace().skip(1).take(3);
        let before: Vec<&str> = text[..start].split_whitespace().rev().take(2).collect();
        let has_cents =
            next.next().is_some_and(is_currency) && next.any(|word| word.len() >= 2 && word.as_bytes()[..2].iter().all(u8::is_ascii_digit));
        (has_cents && self.has_whole_amount(&number)) || (before.iter().any(|word| is_currency(word)) && self.has_hundredths(&number))
    }

    pub fn has_amount(&self, figure: &Figure) -> bool {
        let known = |reading: &String| self.amounts.contains(reading) || self.plain.contains(reading);
        matches!(&figure.value, FigureValue::Number(readings) if readings.iter().any(known))
    }

    /// Whether an amount is known in other currencies alone.
    pub fn is_in_another_currency(&self, figure: &Figure, currency: &str) -> bool {
        let FigureValue::Number(readings) = &figure.value else { return false };
        let mut known = readings.iter().filter_map(|reading| self.currencies.get(reading)).peekable();
        known.peek().is_some() && known.all(|currencies| !currencies.contains(currency))
    }

    /// Whether a date or time is known, or the day of a date whose month is: `from 24 to 25 November`.
    pub fn has_moment(&self, figure: &Figure) -> bool {
        let others = || match &figure.value {
            FigureValue::Date(date) => {
                let same_month = |known: &Figure| matches!(known.value, FigureValue::Date(known) if known.month == date.month);
                let version = date.year.is_none() && date.ambiguous && self.plain.contains(figure.written.trim_end_matches('.'));
                version || (self.plain.contains(&date.day.to_string()) && self.figures.iter().any(same_month))
            }
            FigureValue::Time(time) => time.minute == 0 && hours(time.hour).iter().any(|hour| self.plain.contains(hour)),
            FigureValue::Number(_) => false,
        };
        self.has_figure(figure) || others()
    }

    /// Whether letters and digits stand in these texts in a row, whatever is between them.
    pub fn has_letters(&self, letters: &str) -> bool {
        self.letters.contains(letters)
    }

    /// Whether a figure of these texts may be the same.
    pub fn has_figure(&self, figure: &Figure) -> bool {
        self.figures.iter().any(|known| known.may_be(figure))
    }
}

fn hours(hour: u8) -> [String; 2] {
    [hour.to_string(), (hour % 12).to_string()]
}

fn length(number: &str, minutes: u32) -> Option<u32> {
    number.parse::<u32>().ok()?.checked_mul(minutes)
}
