//! Days of a time zone, for statements that count by day. Clocks are changed twice a year: between two changes, a day begins every 24 hours.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::store::time::nanoseconds;

/// What a statement divides a time by, after the offset was added: a day in nanoseconds.
const DAY: i64 = 86_400_000_000_000;

/// A period of time in a time zone.
#[derive(Debug, Clone)]
pub struct Days {
    start: Timestamp,
    end: Timestamp,
    zone: TimeZone,
}

/// A part of a period in which no clock is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// From this stored time on.
    pub start: i64,
    /// Before this stored time.
    pub end: i64,
    /// What is added to a stored time before it is divided by [`DAY`].
    pub offset: i64,
}

impl Days {
    /// The period from `start` until before `end`, which is not earlier.
    pub fn new(start: Timestamp, end: Timestamp, zone: TimeZone) -> Days {
        Days { start, end, zone }
    }

    /// The start, as times are stored.
    pub fn start(&self) -> i64 {
        nanoseconds(self.start)
    }

    /// The end, as times are stored.
    pub fn end(&self) -> i64 {
        nanoseconds(self.end)
    }

    /// How many days the period touches.
    pub fn count(&self) -> usize {
        let Some((first, last)) = self.first_and_last() else { return 0 };
        usize::try_from(number(last) - number(first)).unwrap_or_default() + 1
    }

    /// The days that the period touches, in order, as statements number them.
    pub fn numbers(&self) -> impl Iterator<Item = i64> {
        let (first, last) = self.first_and_last().map_or((0, -1), |(first, last)| (number(first), number(last)));
        first..=last
    }

    /// The parts of the period between changes of the clocks, in order.
    pub fn stretches(&self) -> Vec<Stretch> {
        let changes = self.zone.following(self.start).map(|change| change.timestamp()).take_while(|change| *change < self.end);
        let mut starts = vec![self.start];
        starts.extend(changes);
        let ends = starts.iter().skip(1).chain([&self.end]);
        let stretch = |(start, end): (&Timestamp, &Timestamp)| Stretch {
            start: nanoseconds(*start),
            end: nanoseconds(*end),
            offset: i64::from(self.zone.to_offset(*start).seconds()) * 1_000_000_000,
        };
        starts.iter().zip(ends).map(stretch).collect()
    }

    fn first_and_last(&self) -> Option<(Date, Date)> {
        let last = self.end.checked_sub(SignedDuration::from_nanos(1)).ok().filter(|last| *last >= self.start)?;
        let date = |time: Timestamp| time.to_zoned(self.zone.clone()).date();
        Some((date(self.start), date(last)))
    }
}

/// The date of a day that a statement numbered.
pub fn date(number: i64) -> Date {
    Date::constant(1970, 1, 1).saturating_add(number.days())
}

/// What a statement reads the day of a time from, in a period of so many stretches: before the end of which one it is, and what is added to it
/// there. They are bound in this order, the first of them as `first`.
pub fn day_of(at: &str, stretches: usize, first: usize) -> String {
    let case = |stretch: usize| format!("WHEN {at} < ${} THEN CAST(${} AS BIGINT)", first + 2 * stretch, first + 1 + 2 * stretch);
    let cases: Vec<String> = (0..stretches).map(case).collect();
    format!("({at} + CASE {} ELSE 0 END) / {DAY}", cases.join(" "))
}

fn number(date: Date) -> i64 {
    date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(start: &str, end: &str, zone: &str) -> Days {
        Days::new(start.parse().unwrap(), end.parse().unwrap(), TimeZone::get(zone).unwrap())
    }

    #[test]
    fn a_period_is_cut_where_clocks_are_changed() {
        let days = days("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", "Europe/Berlin");
        let dates: Vec<String> = days.numbers().map(|number| date(number).to_string()).collect();
        assert_eq!(dates, ["2026-03-28", "2026-03-29", "2026-03-30"]);
        let [winter, summer] = days.stretches()[..] else { panic!("{:?}", days.stretches()) };
        assert_eq!((winter.offset, summer.offset), (3_600_000_000_000, 7_200_000_000_000));
        assert_eq!((winter.start, winter.end, summer.end), (days.start(), summer.start, days.end()));
        assert_eq!(summer.start, nanoseconds("2026-03-29T01:00:00Z".parse().unwrap()));
    }

    /// By every quarter of an hour of a year, in zones with odd offsets and changes.
    #[test]
    fn a_time_falls_on_the_day_that_its_clock_shows() {
        for zone in ["UTC", "Europe/Berlin", "Europe/Istanbul", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/St_Johns"]
        {
            let days = days("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", zone);
            let mut counted = 0;
            for Stretch { start, end, offset } in days.stretches() {
                for at in (start..end).step_by(900_000_000_000) {
                    let shown = Timestamp::from_nanosecond(i128::from(at)).unwrap().to_zoned(days.zone.clone()).date();
                    assert_eq!(date((at + offset) / DAY), shown, "{zone} {at}");
                    counted += 1;
                }
            }
            assert_eq!(counted, 365 * 96, "{zone}");
            assert_eq!(days.count(), if zone == "UTC" { 365 } else { 366 }, "{zone}");
            assert_eq!(days.numbers().count(), days.count());
        }
    }

    #[test]
    fn a_period_of_no_length_has_no_day() {
        assert_eq!(days("2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "UTC").count(), 0);
        assert_eq!(days("1970-01-01T00:00:00Z", "2199-12-31T00:00:00Z", "UTC").count(), 84_005);
    }
}
