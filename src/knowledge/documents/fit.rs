//! Whether a canned answer fits a chat: its conditions, evaluated on what the chat knows.

use std::{cmp::Ordering, collections::HashMap};

use jiff::{Timestamp, ToSpan, Zoned, civil::Date, tz::TimeZone};

use crate::{
    facts::{FactKind, FigureValue, Known, facts, figures},
    knowledge::documents::condition::{Condition, Conditions, Order, Subject, Test, Value, folded, parse_number},
};

/// Longest value in which a date or a number is looked for, in bytes.
const MAX_VALUE_BYTES: usize = 100;

/// Whether a document fits a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// It has conditions, and all hold.
    Holds,
    /// A condition does not hold. The document would be wrong here.
    Fails,
    /// It has no conditions, or the chat does not know what one needs: nothing speaks for or against it.
    Unknown,
}

/// What a chat knows.
#[derive(Debug, Clone, Default)]
pub struct ChatFacts {
    /// Its values, by the names that conditions and placeholders use, such as `record.order.status`; none is empty.
    pub values: HashMap<String, String>,
    /// Now, in the workspace's time zone.
    pub now: Zoned,
}

/// Evaluates conditions at a time in the workspace's time zone. `value` returns what the chat knows; `None`: nothing.
pub fn fit<'a>(when: &Conditions, now: &Zoned, value: impl Fn(&Subject) -> Option<&'a str>) -> Fit {
    let mut fit = if when.is_empty() { Fit::Unknown } else { Fit::Holds };
    for condition in when.as_slice() {
        match holds(condition, now, value(&condition.subject)) {
            Some(true) => {}
            Some(false) => return Fit::Fails,
            None => fit = Fit::Unknown,
        }
    }
    fit
}

/// Returns whether a condition holds; `None` if that is not known.
fn holds(condition: &Condition, now: &Zoned, known: Option<&str>) -> Option<bool> {
    let known = known.map(str::trim).filter(|known| !known.is_empty());
    match &condition.test {
        Test::Exists => Some(known.is_some()),
        Test::Missing => Some(known.is_none()),
        Test::OneOf(values) => is_any(known?, values, now),
        Test::NoneOf(values) => is_any(known?, values, now).map(|is_any| !is_any),
        Test::Order(order, value) => compare(known?, value, now).map(|ordering| match order {
            Order::Less => ordering == Ordering::Less,
            Order::LessOrEqual => ordering != Ordering::Greater,
            Order::Greater => ordering == Ordering::Greater,
            Order::GreaterOrEqual => ordering != Ordering::Less,
        }),
    }
}

fn is_any(known: &str, values: &[Value], now: &Zoned) -> Option<bool> {
    let mut is_any = Some(false);
    for value in values {
        match compare(known, value, now) {
            Some(Ordering::Equal) => return Some(true),
            Some(Ordering::Less | Ordering::Greater) => {}
            // A text without figures is no number; what is unclear may be any.
            None if matches!(value, Value::Number(_)) && !known.chars().any(char::is_numeric) => {}
            None => is_any = None,
        }
    }
    is_any
}

/// Compares what the chat knows with a value; `None` if it is not a date or a number as the value is.
fn compare(known: &str, value: &Value, now: &Zoned) -> Option<Ordering> {
    match value {
        Value::Text(text) => Some(folded(known).as_str().cmp(text)),
        Value::Number(number) => number_of(known)?.partial_cmp(number),
        Value::Date(date) => Some(date_of(known, now.time_zone())?.cmp(date)),
        Value::Today(days) => Some(date_of(known, now.time_zone())?.cmp(&now.date().saturating_add(days.days()))),
    }
}

/// Reads a whole value as a date; of a time, the day in a time zone. A date without its year, or whose day and month may be turned, is none.
fn date_of(text: &str, time_zone: &TimeZone) -> Option<Date> {
    if text.len() > MAX_VALUE_BYTES {
        return None;
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.to_zoned(time_zone.clone()).date());
    }
    if let Ok(date) = text.parse::<Date>() {
        return Some(date);
    }
    let mut dates = figures(text).into_iter().filter_map(|figure| match figure.value {
        FigureValue::Date(date) => Some(Some(date)),
        FigureValue::Time(_) => None,
        FigureValue::Number(_) => Some(None),
    });
    let date = dates.next().flatten().filter(|_| dates.next().is_none())?;
    let may_be_turned = date.ambiguous && date.day <= 12 && date.day != date.month;
    let year = date.year.filter(|_| !may_be_turned)?;
    Date::new(i16::try_from(year).ok()?, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
}

/// Reads a whole value as a number or an amount of money. One that may be two numbers, such as `1.249 TL`, is none.
fn number_of(text: &str) -> Option<f64> {
    if text.len() > MAX_VALUE_BYTES {
        return None;
    }
    if let Some(number) = parse_number(text) {
        return Some(number);
    }
    let figures = figures(text);
    let [figure] = figures.as_slice() else { return None };
    let FigureValue::Number(readings) = &figure.value else { return None };
    let [reading] = readings.as_slice() else { return None };
    let is_code = text.strip_prefix('0').is_some_and(|rest| !rest.starts_with(['.', ',']));
    let is_whole = || figure.written == text && !is_code;
    let is_amount = || facts(text, &Known::default(), |kind| kind == FactKind::Amount).iter().any(|fact| fact.range == (0..text.len()));
    (is_whole() || is_amount() && !text.contains('-')).then(|| reading.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conditions(when: &[&str]) -> Conditions {
        Conditions::try_from(when.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    /// It is 27 November 2026, 00:30, in Istanbul; in UTC it is still the 26th.
    fn fit_of(when: &str, known: Option<&str>) -> Fit {
        let now: Zoned = "2026-11-27T00:30:00+03:00[Europe/Istanbul]".parse().unwrap();
        fit(&conditions(&[when]), &now, |_| known)
    }

    #[test]
    fn a_condition_holds_fails_or_is_unknown() {
        use Fit::{Fails, Holds, Unknown};
        for (when, known, expected) in [
            ("form.a = Shipped", Some(" SHIPPED "), Holds),
            ("form.a = iade edildi", Some("İade  Edildi"), Holds),
            ("form.a = shipped", Some("delivered"), Fails),
            ("form.a = shipped", None, Unknown),
            ("form.a = shipped", Some(" "), Unknown),
            ("form.a != shipped", Some("open"), Holds),
            ("form.a != shipped", Some("Shipped"), Fails),
            ("form.a != shipped", None, Unknown),
            ("form.a in (open, paid)", Some("paid"), Holds),
            ("form.a in (open, paid)", Some("closed"), Fails),
            ("form.a not in (open, paid)", Some("closed"), Holds),
            ("form.a not in (open, paid)", Some("open"), Fails),
            ("form.a exists", Some("x"), Holds),
            ("form.a exists", None, Fails),
            ("form.a missing", None, Holds),
            ("form.a missing", Some("x"), Fails),
            ("form.a = 49.9", Some("49.90"), Holds),
            ("form.a = 1249.9", Some("1.249,90 TL"), Holds),
            ("form.a > 1000", Some("€1,249.90"), Holds),
            ("form.a > 1000", Some("900"), Fails),
            ("form.a > 1000", Some("1.249 TL"), Unknown),
            ("form.a = 1249", Some("1.249 TL"), Unknown),
            ("form.a < 1", Some("0,5"), Holds),
            ("form.a = 123", Some("0123"), Unknown),
            ("form.a > 1000", Some("many"), Unknown),
            ("form.a > 1000", Some("KE-204815"), Unknown),
            ("form.a < 0", Some("-5"), Holds),
            ("form.a in (38, XL)", Some("XL"), Holds),
            ("form.a in (38, 39)", Some("XL"), Fails),
            ("form.a = today", Some("2026-11-27"), Holds),
            ("form.a = today", Some("2026-11-26T21:10:00Z"), Holds),
            ("form.a = today", Some("2026-11-26T20:10:00Z"), Fails),
            ("form.a = today", Some("2026-11-27 18:00"), Holds),
            ("form.a = today", Some("27 Kasım 2026"), Holds),
            ("form.a = today", Some("27.11.2026 15:30"), Holds),
            ("form.a = today", Some("11/27/2026"), Holds),
            ("form.a = today", Some("27/11/2026"), Holds),
            ("form.a < today", Some("03/12/2026"), Unknown),
            ("form.a < today", Some("27 November"), Unknown),
            ("form.a < today", Some("soon"), Unknown),
            ("form.a = today", Some("soon"), Unknown),
            ("form.a < today", Some("2026-11-26"), Holds),
            ("form.a >= today - 1 day", Some("2026-11-26"), Holds),
            ("form.a > today + 3 days", Some("2026-11-30"), Fails),
            ("form.a <= 2026-11-30", Some("30 November 2026"), Holds),
            ("channel = email", Some("email"), Holds),
            ("opening_hours = open", Some("closed"), Fails),
            ("opening_hours = open", None, Unknown),
        ] {
            assert_eq!(fit_of(when, known), expected, "{when} with {known:?}");
        }
    }

    #[test]
    fn all_conditions_must_hold() {
        let now = Zoned::now();
        let both = conditions(&["form.a = x", "form.b = y"]);
        let fit_with = |when: &Conditions, a: Option<&'static str>, b: Option<&'static str>| {
            fit(when, &now, |subject| if *subject == Subject::Form("a".into()) { a } else { b })
        };
        assert_eq!(fit_with(&both, Some("x"), Some("y")), Fit::Holds);
        assert_eq!(fit_with(&both, Some("x"), None), Fit::Unknown);
        assert_eq!(fit_with(&both, None, Some("z")), Fit::Fails, "what is unknown does not hide what fails");
        assert_eq!(fit_with(&conditions(&[]), Some("x"), Some("y")), Fit::Unknown);
    }
}
