//! When a workspace is open, in its time zone.

use jiff::{
    Zoned,
    civil::{Date, Time, Weekday},
};
use toml::Value;

use crate::config::value;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const HOURS: &str = "it must be a list of days with their hours, such as [\"mon-fri 09:00-18:00\", \"sat 10:00-14:00\"]; what goes past midnight \
                     is two of them";
const HOLIDAYS: &str = "it must be a list of dates, such as [\"2026-12-25\"]";

/// Hours of the week, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpeningHours(Vec<Hours>);

/// Hours of some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hours {
    /// From Monday.
    days: [bool; 7],
    from: Time,
    /// Not included. `None`: until midnight.
    until: Option<Time>,
}

impl OpeningHours {
    /// Parses a list such as `["mon-fri 09:00-18:00", "sat 10:00-14:00"]`; `None` if it is empty.
    pub fn parse(given: &Value) -> Result<Option<OpeningHours>, String> {
        let hours: Option<Vec<Hours>> = value::texts(given).map_err(|_| HOURS)?.iter().map(|text| parse_hours(text)).collect();
        let hours = hours.ok_or_else(|| HOURS.to_owned())?;
        Ok((!hours.is_empty()).then_some(OpeningHours(hours)))
    }

    /// Returns whether it is open at a time in the workspace's time zone.
    pub fn is_open(&self, at: &Zoned, holidays: &[Date]) -> bool {
        let (day, time) = (weekday_index(at.weekday()), at.time());
        let is_within = |hours: &Hours| hours.days[day] && hours.from <= time && hours.until.is_none_or(|until| time < until);
        !holidays.contains(&at.date()) && self.0.iter().any(is_within)
    }
}

/// Parses a list of holidays.
pub fn parse_holidays(given: &Value) -> Result<Vec<Date>, String> {
    let dates: Option<Vec<Date>> = value::texts(given).map_err(|_| HOLIDAYS)?.iter().map(|text| text.parse().ok()).collect();
    dates.ok_or_else(|| HOLIDAYS.to_owned())
}

fn parse_hours(text: &str) -> Option<Hours> {
    let (days, hours) = text.split_once(' ')?;
    let (from, until) = hours.trim().split_once('-')?;
    let from = parse_time(from)?;
    let until = if until.trim() == "24:00" { None } else { Some(parse_time(until)?) };
    until.is_none_or(|until| from < until).then_some(Hours { days: parse_days(days)?, from, until })
}

/// Parses `mon` or `mon-fri`; `sat-mon` goes over the end of the week.
fn parse_days(text: &str) -> Option<[bool; 7]> {
    let day = |name: &str| DAYS.iter().position(|day| name.eq_ignore_ascii_case(day));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (day(first)?, day(last)?);
    let length = (last + 7 - first) % 7;
    Some(std::array::from_fn(|day| (day + 7 - first) % 7 <= length))
}

fn parse_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.trim().split_once(':')?;
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i8>().ok())?;
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

fn weekday_index(day: Weekday) -> usize {
    day.to_monday_zero_offset() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(texts: &[&str]) -> Result<Option<OpeningHours>, String> {
        OpeningHours::parse(&Value::from(texts.to_vec()))
    }

    #[test]
    fn hours_are_those_of_the_days_in_the_time_zone() {
        let hours = parse(&["mon-fri 09:00-18:00", "Sat 10:00-24:00", "sun-mon 00:00-02:00"]).unwrap().unwrap();
        let holidays = parse_holidays(&Value::from("2026-12-25,2027-01-01")).unwrap();
        let is_open = |at: &str| hours.is_open(&format!("{at}[Europe/Istanbul]").parse().unwrap(), &holidays);
        for (at, expected) in [
            ("2026-11-27T09:00", true),
            ("2026-11-27T17:59", true),
            ("2026-11-27T18:00", false),
            ("2026-11-27T08:59", false),
            ("2026-11-28T23:59", true),
            ("2026-11-29T01:30", true),
            ("2026-11-30T01:30", true),
            ("2026-12-01T01:30", false),
            ("2026-11-29T10:00", false),
            ("2026-12-25T10:00", false),
        ] {
            assert_eq!(is_open(at), expected, "{at}");
        }
        // 07:00 in UTC is 10:00 in Istanbul.
        let utc: jiff::Timestamp = "2026-11-27T06:00:00Z".parse().unwrap();
        assert!(hours.is_open(&utc.in_tz("Europe/Istanbul").unwrap(), &[]) && !hours.is_open(&utc.in_tz("UTC").unwrap(), &[]));
    }

    #[test]
    fn other_hours_are_refused() {
        assert_eq!(parse(&[]), Ok(None));
        for text in ["mon", "mon 9-18", "fri 18:00-02:00", "day 09:00-18:00", "mon 09:00-18:60", "mon-fri09:00-18:00", "mon +9:00-18:00"] {
            assert!(parse(&[text]).unwrap_err().contains("mon-fri 09:00-18:00"), "{text}");
        }
        assert!(parse_holidays(&Value::from("25.12.2026")).unwrap_err().contains("2026-12-25"));
    }
}
