//! Numbers that a draft may compute from what is known: sums, differences, multiples, shares, days after a day, times before a time.
//!
//! One step of arithmetic leads from known numbers to a new one; what was reached so is known for the next step, if the draft says it. More
//! steps at once would reach nearly every number.

use std::collections::BTreeSet;

use jiff::{Span, ToSpan, civil::Date as Day};

use crate::facts::{FactKind, Figure, FigureValue, Known, facts, figures, measures};

/// Most amounts, numbers and days that are computed with, those that were said last.
const MAX_OPERANDS: usize = 60;
/// Counts that multiply and divide: twice, a half, a dozen.
const COUNTS: std::ops::RangeInclusive<u32> = 2..=12;
/// The minutes of a day.
const DAY: f64 = 24.0 * 60.0;
/// Longest stay whose nights are counted.
const MAX_NIGHTS: i32 = 60;
/// Most amounts of a draft that are added up.
const MAX_SUMMANDS: usize = 10;
/// Two amounts are the same within this share of the larger one where a draft rounds; amounts of whole units within half a unit.
const ROUNDED: f64 = 0.05;
const HALF_A_UNIT: f64 = 0.501;

/// What can be computed with.
#[derive(Debug, Default, Clone)]
pub struct Operands {
    /// Amounts of money, as they are worth.
    amounts: Vec<f64>,
    /// Percentages.
    percents: Vec<f64>,
    /// Other numbers.
    counts: Vec<f64>,
    /// Lengths of time, in minutes.
    lengths: Vec<f64>,
    /// Lengths of working days.
    working: Vec<f64>,
    /// Amounts that the draft says, and that are known.
    said: Vec<f64>,
    /// Days that the draft says, and that can be computed: from them lengths are counted, and no further days.
    said_days: BTreeSet<Day>,
    days: BTreeSet<Day>,
    /// Times of day, in minutes.
    times: BTreeSet<i32>,
    /// The day of the call.
    today: Day,
}

impl Operands {
    /// What the shop and the customer say; `today` is the day of the call. With the customer's amounts nothing is computed: that they name
    /// one makes it none of the shop's.
    pub fn of<'a>(shop: impl Iterator<Item = &'a str>, customer: impl Iterator<Item = &'a str>, language: &str, today: Day) -> Operands {
        let mut operands = Operands { today, ..Operands::default() };
        operands.days.insert(today);
        for text in customer {
            operands.add(text, language);
        }
        operands.amounts.clear();
        operands.percents.clear();
        for text in shop {
            operands.add(text, language);
        }
        operands
    }

    /// Adds what a text says.
    pub fn add(&mut self, text: &str, language: &str) {
        let mut amounts = Vec::new();
        for fact in facts(text, &Known::default(), |kind| kind == FactKind::Amount) {
            let written = &text[fact.range];
            for value in figures(written).iter().filter_map(value) {
                if written.contains('%') {
                    self.percents.push(value)
                } else {
                    self.amounts.push(value)
                }
                amounts.push(value);
            }
        }
        self.amounts.extend(products(text));
        for figure in figures(text) {
            match &figure.value {
                FigureValue::Number(_) => self.counts.extend(value(&figure)),
                FigureValue::Date(date) => self.days.extend(self.day(date.year, date.month, date.day)),
                FigureValue::Time(time) => {
                    self.times.insert(i32::from(time.hour) * 60 + i32::from(time.minute));
                }
            }
        }
        let counted = measures(text, language);
        for (minutes, working) in counted.lengths() {
            let lengths = if working { &mut self.working } else { &mut self.lengths };
            lengths.push(minutes);
        }
        self.counts.extend(counted.numbers());
        for list in [&mut self.amounts, &mut self.percents, &mut self.counts, &mut self.lengths, &mut self.working] {
            let surplus = list.len().saturating_sub(MAX_OPERANDS);
            list.drain(..surplus);
        }
    }

    /// Adds the numbers of a draft's sentence that are one step away from what is known.
    pub fn add_reached(&mut self, sentence: &str, language: &str) {
        let mut said = Operands { today: self.today, ..Operands::default() };
        said.add(sentence, language);
        let known = said.amounts.iter().copied().filter(|amount| self.reaches_amount(*amount, false));
        let known: Vec<f64> = known.filter(|amount| !self.said.contains(amount)).collect();
        self.said.extend(known);
        let counts: Vec<f64> = said.counts.into_iter().filter(|count| self.reaches_count(*count) && !self.counts.contains(count)).collect();
        self.counts.extend(counts);
        let amounts: Vec<f64> =
            said.amounts.into_iter().filter(|amount| self.reaches_amount(*amount, false) && !self.amounts.contains(amount)).collect();
        let lengths: Vec<f64> =
            said.lengths.into_iter().filter(|length| self.has_length(*length, 1) && !self.lengths.contains(length)).collect();
        let days: Vec<Day> = said.days.into_iter().filter(|day| self.reaches_day(*day)).collect();
        self.said_days.extend(days);
        let times: Vec<i32> = said.times.into_iter().filter(|time| self.reaches_time(*time)).collect();
        self.amounts.extend(amounts);
        self.lengths.extend(lengths);
        self.times.extend(times);
    }

    fn day(&self, year: Option<u16>, month: u8, day: u8) -> Option<Day> {
        let year = year.map_or(self.today.year(), |year| i16::try_from(year).unwrap_or(self.today.year()));
        Day::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    }

    /// Whether an amount is one step away from the known ones; `rounded` says that the draft only names about how much.
    pub fn has_amount(&self, figure: &Figure, rounded: bool) -> bool {
        readings(figure).any(|wanted| self.reaches_amount(wanted, rounded))
    }

    /// The same of a number that is worth so much.
    pub fn reaches_amount(&self, wanted: f64, rounded: bool) -> bool {
        let is = |value: f64| {
            let apart = (value - wanted).abs();
            apart < 0.006 || (wanted.fract() == 0.0 && rounded && apart <= (ROUNDED * value.abs()).max(HALF_A_UNIT))
        };
        let amounts = &self.amounts;
        let sums =
            amounts.iter().enumerate().any(|(at, one)| amounts[at + 1..].iter().any(|other| is(one + other) || is((one - other).abs())));
        let nights = || {
            self.days
                .iter()
                .flat_map(|day| self.days.range(*day..).map(|other| (*other - *day).get_days()))
                .filter(|nights| (2..MAX_NIGHTS).contains(nights))
        };
        let counts = || {
            self.counts
                .iter()
                .copied()
                .chain(COUNTS.map(f64::from))
                .chain(nights().map(f64::from))
                .filter(|count| *count >= 2.0 && count.fract() == 0.0)
        };
        let multiples = || amounts.iter().any(|amount| counts().any(|count| is(amount * count) || (count <= 12.0 && is(amount / count))));
        let shares = || {
            amounts.iter().any(|amount| {
                self.percents.iter().any(|percent| {
                    let part = amount * percent / 100.0;
                    is(part) || is(amount - part) || is(amount + part)
                })
            })
        };
        let of_three = || {
            amounts.len() <= MAX_SUMMANDS
                && amounts.iter().enumerate().any(|(at, one)| {
                    amounts[at + 1..]
                        .iter()
                        .enumerate()
                        .any(|(next, two)| amounts[at + next + 2..].iter().any(|three| is(one + two + three)))
                })
        };
        // A price in cents for each of many.
        let by_cents = || {
            let small = |count: &&f64| **count <= 100.0;
            self.counts.iter().filter(small).any(|cents| self.counts.iter().any(|count| *count > 1.0 && is(cents * count / 100.0)))
        };
        // A known sum that the draft says, and some more of something.
        let and_more = || {
            self.said.iter().any(|said| {
                let more = wanted - said;
                more > 0.0
                    && amounts.iter().any(|amount| {
                        counts()
                            .any(|count| (amount * count - more).abs() < 0.006 || (count <= 4.0 && (amount / count - more).abs() < 0.006))
                    })
            })
        };
        amounts.iter().any(|amount| is(*amount))
            || sums
            || and_more()
            || multiples()
            || shares()
            || of_three()
            || self.sums_up(wanted)
            || by_cents()
    }

    /// Whether an amount is the sum of some that the draft says.
    fn sums_up(&self, wanted: f64) -> bool {
        let others: Vec<f64> = self.said.iter().copied().filter(|said| *said < wanted - 0.005).take(MAX_SUMMANDS).collect();
        (1_u32..1 << others.len()).any(|some| {
            let sum: f64 = others.iter().enumerate().filter(|(at, _)| some >> at & 1 == 1).map(|(_, amount)| amount).sum();
            (sum - wanted).abs() < 0.006
        })
    }

    /// Whether a number is a sum, a difference or a product of two known ones, or a known one in another unit of measure.
    pub fn has_count(&self, figure: &Figure) -> bool {
        readings(figure).any(|wanted| self.reaches_count(wanted))
    }

    /// The same of a number that is worth so much.
    pub fn reaches_count(&self, wanted: f64) -> bool {
        let is = |value: f64| (value - wanted).abs() < 0.001;
        let counts: Vec<f64> = self.counts.iter().copied().filter(|count| *count > 0.0 && !is(*count)).collect();
        counts.iter().enumerate().any(|(at, one)| {
            counts[at + 1..].iter().any(|other| is(one + other) || is((one - other).abs()) || is(one * other))
                || self.percents.iter().any(|percent| is(one * percent / 100.0))
                || [0.5, 2.0, 0.01, 0.001, 100.0, 1000.0].into_iter().any(|factor| is(one * factor))
        })
    }

    /// Whether a length of time, in minutes, is a known one, or about one between two known days or times. A length in weeks or months
    /// (`unit`, in minutes) is counted in whole ones.
    pub fn has_length(&self, minutes: f64, unit: u32) -> bool {
        let is = |value: f64| (value - minutes).abs() < 0.5;
        let apart = |one: Day, other: Day| f64::from((other - one).get_days()) * DAY;
        let within = if f64::from(unit) > DAY { 0.6 * f64::from(unit) } else { 0.5 };
        let days: BTreeSet<Day> = self.days.union(&self.said_days).copied().collect();
        self.lengths.iter().chain(&self.working).any(|length| is(*length))
            || days.iter().any(|day| days.range(*day..).any(|other| (apart(*day, *other) - minutes).abs() <= within))
            || self.times.iter().any(|time| self.times.range(*time..).any(|other| is(f64::from(other - time))))
    }

    /// Whether a known day, or one that the draft may say, is the one of a month with this number.
    pub fn has_day_of_month(&self, number: f64) -> bool {
        self.days.union(&self.said_days).any(|day| f64::from(day.day()) == number)
    }

    /// Whether a day is a known one, or a known length of time before or after one, working days and months counted as such, or the first or
    /// last day of such a month. From today only later days are counted: when something happened in the last weeks is for the records to say.
    pub fn has_day(&self, year: Option<u16>, month: u8, day: u8) -> bool {
        self.day(year, month, day).is_some_and(|wanted| self.reaches_day(wanted))
    }

    fn reaches_day(&self, wanted: Day) -> bool {
        let near = |other: Day| other.month() == wanted.month() && other.day() == wanted.day();
        self.days.iter().any(|known| {
            let next = known.saturating_add(1.month());
            let bounds = [known.last_of_month(), next.last_of_month()];
            let step = |span: Span| {
                let before = (*known != self.today).then(|| known.saturating_sub(span));
                [known.saturating_add(span)].into_iter().chain(before)
            };
            near(*known)
                || bounds.into_iter().any(near)
                || self.lengths.iter().any(|minutes| {
                    let days = (minutes / (24.0 * 60.0)).round() as i32;
                    let months = (f64::from(days) / 30.4).round() as i32;
                    let by_months = months >= 1 && (f64::from(days) - 30.0 * f64::from(months)).abs() <= 5.5 * f64::from(months) / 12.0;
                    let day_before = |end: Day| [end, end.saturating_sub(1.day()), end.last_of_month()];
                    (days >= 1 && step(days.days()).any(near)) || (by_months && step(months.months()).flat_map(day_before).any(near))
                })
                || self.working.iter().any(|minutes| {
                    let days = (minutes / (24.0 * 60.0)).round() as i32;
                    (1..=60).contains(&days) && near(after_working_days(*known, days))
                })
        })
    }

    /// Whether a day is less than a week from a known one, as `on Wednesday, 14 October` may mean it.
    pub fn is_near(&self, year: Option<u16>, month: u8, day: u8) -> bool {
        let near = |wanted: Day| self.days.iter().any(|known| (wanted - *known).get_days().abs() < 7);
        self.day(year, month, day).is_some_and(near)
    }

    /// Whether a time of day is a known length before or after a known time.
    pub fn has_time(&self, hour: u8, minute: u8) -> bool {
        self.reaches_time(i32::from(hour) * 60 + i32::from(minute))
    }

    fn reaches_time(&self, wanted: i32) -> bool {
        let is = |time: i32| time.rem_euclid(12 * 60) == wanted.rem_euclid(12 * 60);
        self.times.iter().any(|time| {
            let short = self.lengths.iter().map(|length| length.round() as i32).filter(|length| *length < 24 * 60);
            is(*time) || short.into_iter().any(|length| is(time + length) || is(time - length))
        })
    }
}

/// What lists such as `40 x 12.00 TRY` come to.
fn products(text: &str) -> Vec<f64> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices([' ', '\u{a0}']) {
        let Some(rest) = text[at..].trim_start().strip_prefix(['x', '×', '*']) else { continue };
        let before = figures(&text[..at]).last().and_then(value);
        let after = figures(rest.trim_start().split(['\n', ',', ';']).next().unwrap_or_default()).first().and_then(value);
        found.extend(before.zip(after).map(|(count, price)| count * price));
    }
    found
}

/// The day after so many working days: Saturdays and Sundays don't count.
fn after_working_days(day: Day, days: i32) -> Day {
    let mut day = day;
    let mut left = days;
    while left > 0 {
        day = day.saturating_add(1.day());
        if !matches!(day.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday) {
            left -= 1;
        }
    }
    day
}

/// What a figure may be worth.
fn readings(figure: &Figure) -> impl Iterator<Item = f64> {
    let FigureValue::Number(readings) = &figure.value else { return Vec::new().into_iter() };
    readings.iter().filter_map(|reading| reading.parse().ok()).collect::<Vec<f64>>().into_iter()
}

/// What a figure is most likely worth: an amount has decimals of two digits, thousands groups of three.
fn value(figure: &Figure) -> Option<f64> {
    readings(figure).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operands(text: &str) -> Operands {
        Operands::of([text].into_iter(), [].into_iter(), "en", Day::new(2026, 4, 7).unwrap())
    }

    fn amount(known: &str, written: &str, rounded: bool) -> bool {
        operands(known).has_amount(&figures(written)[0], rounded)
    }

    #[test]
    fn amounts_are_computed_in_one_step() {
        for (known, written) in
            [("$84 and $6 shipping", "90"), ("$84", "42"), ("20% of $84", "16.80"), ("3 nights at 132 EUR", "396"), ("€120, €84", "36")]
        {
            assert!(amount(known, written, false), "{known} {written}");
        }
        assert!(amount("19.99 EUR", "20", true) && !amount("19.99 EUR", "20", false) && !amount("$84 and $6", "91", false));
    }

    #[test]
    fn days_and_times_are_computed_from_lengths() {
        let known = operands("delivered 2026-04-06, 10 days; 3 working days; at 15:30, 40 minutes before");
        assert!(known.has_day(None, 4, 16) && known.has_day(None, 4, 9) && !known.has_day(None, 5, 21));
        assert!(known.has_time(14, 50) && known.has_time(15, 30) && !known.has_time(14, 40));
    }
}
