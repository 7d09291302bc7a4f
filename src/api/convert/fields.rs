//! Checks a request's fields: all violations are collected and reported at once.

use jiff::{Timestamp, tz::TimeZone};
use tonic::Status;

use crate::{api::status, ids::Id, knowledge::check_time, text::Language};

/// Limit on the bytes of violations in one status: clients accept little more than 8 KiB of details, in base64.
const MAX_BYTES: usize = 4000;
/// Longest name of a time zone, in bytes; the longest there is has 32.
const MAX_ZONE_NAME: usize = 64;
const DEFAULT_PAGE: i32 = 50;
const MAX_PAGE: i32 = 1000;

/// The violations of a request. An invalid field gets a stand-in value until [`Fields::ok`] refuses the request.
#[derive(Debug, Default)]
pub struct Fields {
    violations: Vec<(String, String)>,
    bytes: usize,
    /// How many violations did not fit.
    unnamed: usize,
}

impl Fields {
    /// Records a violation.
    pub fn invalid(&mut self, field: &str, problem: impl Into<String>) {
        let problem = problem.into();
        self.bytes += field.len() + problem.len() + 8;
        if self.bytes <= MAX_BYTES {
            self.violations.push((field.to_owned(), problem));
        } else {
            self.unnamed += 1;
        }
    }

    /// Refuses the request if there is any violation.
    pub fn ok(&self) -> Result<(), Status> {
        if self.violations.is_empty() { Ok(()) } else { Err(status::invalid(&self.violations, self.unnamed)) }
    }

    /// A required id.
    pub fn id(&mut self, field: &str, text: String) -> Id {
        Id::new(text).unwrap_or_else(|problem| {
            self.invalid(field, problem);
            Id::new("?").expect("a constant id")
        })
    }

    /// An id that Deskhand gave out.
    pub fn own_id(&mut self, field: &str, text: String) -> Id {
        Id::own(text).unwrap_or_else(|problem| {
            self.invalid(field, problem);
            Id::new("?").expect("a constant id")
        })
    }

    /// A revision of the catalog; 0 if none is asked for.
    pub fn revision(&mut self, field: &str, revision: i64) -> i64 {
        if revision < 0 {
            self.invalid(field, "must not be negative");
        }
        revision.max(0)
    }

    /// An id that may be left out.
    pub fn optional_id(&mut self, field: &str, text: String) -> Option<Id> {
        (!text.is_empty()).then(|| self.id(field, text))
    }

    /// An id, name, shortcut or topic that may be empty: at max `max` bytes, no control characters.
    pub fn name(&mut self, field: &str, text: String, max: usize) -> String {
        if text.len() > max {
            self.invalid(field, format!("must have at max {max} bytes"));
        } else if text.chars().any(char::is_control) {
            self.invalid(field, "must not contain control characters");
        }
        text
    }

    /// A name of at max [`Id::MAX_BYTES`] bytes.
    pub fn short(&mut self, field: &str, text: String) -> String {
        self.name(field, text, Id::MAX_BYTES)
    }

    /// A text that may be empty, of at max `max` characters.
    pub fn text(&mut self, field: &str, text: String, max: usize) -> String {
        if text.len() > max && text.chars().count() > max {
            self.invalid(field, format!("must have at max {max} characters"));
        }
        if text.contains('\0') {
            self.invalid(field, "must not contain NUL");
        }
        text
    }

    /// A text that must not be blank.
    pub fn required_text(&mut self, field: &str, text: String, max: usize) -> String {
        if text.trim().is_empty() {
            self.invalid(field, "is required");
        }
        self.text(field, text, max)
    }

    /// A language that may be left out.
    pub fn optional_language(&mut self, field: &str, tag: &str) -> Option<Language> {
        if tag.is_empty() {
            return None;
        }
        Language::parse(tag).map_err(|problem| self.invalid(field, problem)).ok()
    }

    /// A required language.
    pub fn language(&mut self, field: &str, tag: &str) -> Language {
        if tag.is_empty() {
            self.invalid(field, "is required");
        }
        self.optional_language(field, tag).unwrap_or_else(|| Language::parse("en").expect("a constant tag"))
    }

    /// A value that the domain checks.
    pub fn checked<T>(&mut self, field: &str, value: T, check: impl FnOnce(&T) -> Result<(), String>) -> T {
        if let Err(problem) = check(&value) {
            self.invalid(field, problem);
        }
        value
    }

    /// A time that may be left out: from 1970 until 2200.
    pub fn optional_time(&mut self, field: &str, time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
        let prost_types::Timestamp { seconds, nanos } = time?;
        let parsed = Timestamp::new(seconds, nanos).ok().filter(|_| (0..1_000_000_000).contains(&nanos));
        let parsed = parsed.filter(|time| (0..7_258_118_400).contains(&time.as_second()));
        if parsed.is_none() {
            self.invalid(field, "must be a time from 1970 to 2200");
        }
        parsed
    }

    /// A time zone that may be left out, by its IANA name.
    pub fn optional_time_zone(&mut self, field: &str, name: &str) -> Option<TimeZone> {
        if name.is_empty() {
            return None;
        }
        let zone = if name.len() <= MAX_ZONE_NAME { TimeZone::get(name).ok() } else { None };
        if zone.is_none() {
            self.invalid(field, "must be the IANA name of a time zone, such as `Europe/Istanbul`");
        }
        zone
    }

    /// The time of something that happened: from 2000 until one day ahead of this clock.
    pub fn past_time(&mut self, field: &str, time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
        let prost_types::Timestamp { seconds, nanos } = time?;
        let parsed = Timestamp::new(seconds, nanos).ok().filter(|_| (0..1_000_000_000).contains(&nanos));
        let parsed = parsed.filter(|time| check_time(*time, Timestamp::now()).is_ok());
        if parsed.is_none() {
            self.invalid(field, "must be a time from 2000 to a day from now");
        }
        parsed
    }

    /// A page size: the default if left out, capped at the maximum.
    pub fn page_size(&mut self, size: i32) -> usize {
        self.count("page_size", size, DEFAULT_PAGE, MAX_PAGE)
    }

    /// A page token: empty, or one that this service issued.
    pub fn page_token(&mut self, token: String, is_token: impl Fn(&str) -> bool) -> String {
        if !token.is_empty() && !is_token(&token) {
            self.invalid("page_token", "was not issued by this service");
        }
        token
    }

    /// A count: the default if left out, capped at `max`.
    pub fn count(&mut self, field: &str, count: i32, default: i32, max: i32) -> usize {
        match count {
            0 => default as usize,
            1.. => count.min(max) as usize,
            _ => {
                self.invalid(field, "must not be negative");
                0
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems<T>(check: impl FnOnce(&mut Fields) -> T) -> usize {
        let mut fields = Fields::default();
        let _ = check(&mut fields);
        fields.violations.len()
    }

    #[test]
    fn times_out_of_range_are_refused() {
        let time = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
        for bad in [
            time(-1, 0),
            time(0, 0),
            time(i64::MAX, 0),
            time(i64::MIN, -1),
            time(1_790_000_000, -5),
            time(1_790_000_000, i32::MAX),
            time(4_000_000_000, 0),
        ] {
            assert_eq!(problems(|fields| fields.past_time("at", bad)), 1, "{bad:?}");
        }
        assert_eq!(problems(|fields| fields.past_time("at", time(1_790_000_000, 999_999_999))), 0);
    }

    #[test]
    fn lengths_are_counted_as_documented() {
        assert_eq!(problems(|fields| fields.text("t", "ş".repeat(10), 10)), 0);
        assert_eq!(problems(|fields| fields.text("t", "ş".repeat(11), 10)), 1);
        assert_eq!(problems(|fields| fields.id("i", "ş".repeat(101))), 1);
        assert_eq!(problems(|fields| fields.id("i", "a\nb".into())), 1);
        assert_eq!(problems(|fields| fields.text("t", "a\0b".into(), 10)), 1);
    }
}
