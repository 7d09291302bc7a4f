//! Months of UTC, as ranges of the numbers of chats.

use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};

use crate::store::time::{first_number, number_time};

/// A month of UTC, by its first day. Its chats are those that began in it: their numbers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month(Date);

impl Month {
    /// The month of a time.
    pub fn of(time: Timestamp) -> Month {
        Month(time.to_zoned(TimeZone::UTC).date().first_of_month())
    }

    /// The month of a chat's number.
    pub fn of_number(number: i64) -> Month {
        Month::of(number_time(number))
    }

    /// The month after so many others; the last one that there is, if there are not so many.
    pub fn after(self, months: i32) -> Month {
        Month(self.0.saturating_add(months.months()).first_of_month())
    }

    /// The first number that a chat of this month can have.
    pub fn first_number(self) -> i64 {
        self.0.to_zoned(TimeZone::UTC).map_or(i64::MAX, |day| first_number(day.timestamp()))
    }

    /// What a partition of this month is called after its table's name.
    pub fn name(self) -> String {
        self.0.strftime("%Y_%m").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_follow_one_another_without_a_gap() {
        let mut month = Month::of("2026-11-30T23:59:59.999Z".parse().unwrap());
        for name in ["2026_11", "2026_12", "2027_01", "2027_02"] {
            assert_eq!(month.name(), name);
            let next = month.after(1);
            assert_eq!(Month::of_number(month.first_number()), month);
            assert_eq!(Month::of_number(next.first_number() - 1), month);
            month = next;
        }
        assert_eq!(Month::of_number(0).name(), "2020_01");
        assert!(Month::of_number(i64::MAX).after(2).first_number() > 0);
    }
}
