//! When a workspace is open, in its time zone.

use jiff::{
    ToSpan, Zoned,
    civil::{Date, Time, Weekday},
};
use toml::Value;

use crate::config::value;

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const HOURS: &str = "it must be a list of days with their hours, such as [\"mon-fri 09:00-18:00\", \"sat 10:00-14:00\"]; what goes past midnight \
                     is two of them";
/// How far ahead a change between open and closed is looked for.
const DAYS_AHEAD: i64 = 31;
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

impl OpeningHours {
    /// Returns when it next closes if it is open at a time in the workspace's time zone, else when it next opens; `None` if it does neither
    /// within a month.
    pub fn next_change(&self, at: &Zoned, holidays: &[Date]) -> Option<Zoned> {
        let is_open = self.is_open(at, holidays);
        let mut changes: Vec<Zoned> = Vec::new();
        for days in 0..DAYS_AHEAD {
            let date = at.date().checked_add(days.days()).ok()?;
            let times = self.0.iter().flat_map(|hours| [Some(hours.from), hours.until]).flatten().chain([Time::midnight()]);
            changes.extend(times.filter_map(|time| date.to_datetime(time).to_zoned(at.time_zone().clone()).ok()));
        }
        changes.retain(|change| change > at && self.is_open(change, holidays) != is_open);
        changes.into_iter().min()
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
    fn it_opens_and_closes_next() {
        let hours = parse(&["mon-fri 09:00-12:00", "mon-fri 13:00-18:00", "fri 22:00-24:00", "sat 00:00-02:00"]).unwrap().unwrap();
        let holidays = parse_holidays(&Value::from("2026-11-30")).unwrap();
        let next = |at: &str| {
            let next = hours.next_change(&format!("{at}[Europe/Istanbul]").parse().unwrap(), &holidays);
            next.map(|next| next.strftime("%Y-%m-%dT%H:%M").to_string())
        };
        for (at, expected) in [
            ("2026-11-26T08:00", "2026-11-26T09:00"),
            ("2026-11-26T09:00", "2026-11-26T12:00"),
            ("2026-11-26T12:30", "2026-11-26T13:00"),
            ("2026-11-26T19:00", "2026-11-27T09:00"),
            ("2026-11-27T23:00", "2026-11-28T02:00"),
            ("2026-11-28T03:00", "2026-12-01T09:00"),
        ] {
            assert_eq!(next(at).as_deref(), Some(expected), "{at}");
        }
        let always = parse(&["mon-sun 00:00-24:00"]).unwrap().unwrap();
        assert_eq!(always.next_change(&"2026-11-26T08:00[UTC]".parse().unwrap(), &[]), None);
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
