//! Checking a request's fields: every problem is gathered, and told at once.

use jiff::Timestamp;
use tonic::Status;

use crate::{api::status, ids::Id, knowledge::check_time, text::Language};

/// Most bytes of problems that one answer names: clients take little more than 8 KiB of details, in base64.
const MAX_BYTES: usize = 4000;
const DEFAULT_PAGE: i32 = 50;
const MAX_PAGE: i32 = 1000;

/// The problems of a request. A value whose field is wrong stands in until [`Fields::ok`] refuses the request.
#[derive(Debug, Default)]
pub struct Fields {
    violations: Vec<(String, String)>,
    bytes: usize,
    /// Problems beyond those that are named.
    unnamed: usize,
}

impl Fields {
    /// Notes a problem.
    pub fn wrong(&mut self, field: &str, problem: impl Into<String>) {
        let problem = problem.into();
        self.bytes += field.len() + problem.len() + 8;
        if self.bytes <= MAX_BYTES {
            self.violations.push((field.to_owned(), problem));
        } else {
            self.unnamed += 1;
        }
    }

    /// Refuses the request if anything is wrong.
    pub fn ok(&self) -> Result<(), Status> {
        if self.violations.is_empty() { Ok(()) } else { Err(status::invalid(&self.violations, self.unnamed)) }
    }

    /// A required id.
    pub fn id(&mut self, field: &str, text: String) -> Id {
        Id::new(text).unwrap_or_else(|problem| {
            self.wrong(field, problem);
            Id::new("?").expect("a constant id")
        })
    }

    /// An id that may be left out.
    pub fn optional_id(&mut self, field: &str, text: String) -> Option<Id> {
        (!text.is_empty()).then(|| self.id(field, text))
    }

    /// An id, name, shortcut or topic that may be empty: at most `most` bytes, no control characters.
    pub fn name(&mut self, field: &str, text: String, most: usize) -> String {
        if text.len() > most {
            self.wrong(field, format!("must have at most {most} bytes"));
        } else if text.chars().any(char::is_control) {
            self.wrong(field, "must not contain control characters");
        }
        text
    }

    /// A name of the usual length.
    pub fn short(&mut self, field: &str, text: String) -> String {
        self.name(field, text, Id::MAX_BYTES)
    }

    /// A text that may be empty, of at most `most` characters.
    pub fn text(&mut self, field: &str, text: String, most: usize) -> String {
        if text.len() > most && text.chars().count() > most {
            self.wrong(field, format!("must have at most {most} characters"));
        }
        if text.contains('\0') {
            self.wrong(field, "must not contain NUL");
        }
        text
    }

    /// A text that must say something.
    pub fn required_text(&mut self, field: &str, text: String, most: usize) -> String {
        if text.trim().is_empty() {
            self.wrong(field, "is required");
        }
        self.text(field, text, most)
    }

    /// A language that may be left out.
    pub fn optional_language(&mut self, field: &str, tag: &str) -> Option<Language> {
        if tag.is_empty() {
            return None;
        }
        Language::parse(tag).map_err(|problem| self.wrong(field, problem)).ok()
    }

    /// A required language.
    pub fn language(&mut self, field: &str, tag: &str) -> Language {
        if tag.is_empty() {
            self.wrong(field, "is required");
        }
        self.optional_language(field, tag).unwrap_or_else(|| Language::parse("en").expect("a constant tag"))
    }

    /// A value that the domain checks.
    pub fn checked<T>(&mut self, field: &str, value: T, check: impl FnOnce(&T) -> Result<(), String>) -> T {
        if let Err(problem) = check(&value) {
            self.wrong(field, problem);
        }
        value
    }

    /// A time that may be left out: from 1970 until 2200.
    pub fn optional_time(&mut self, field: &str, time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
        let prost_types::Timestamp { seconds, nanos } = time?;
        let read = Timestamp::new(seconds, nanos).ok().filter(|_| (0..1_000_000_000).contains(&nanos));
        let read = read.filter(|time| (0..7_258_118_400).contains(&time.as_second()));
        if read.is_none() {
            self.wrong(field, "must be a time from 1970 to 2200");
        }
        read
    }

    /// When something happened: from 2000 until a day ahead of this clock.
    pub fn past_time(&mut self, field: &str, time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
        let prost_types::Timestamp { seconds, nanos } = time?;
        let read = Timestamp::new(seconds, nanos).ok().filter(|_| (0..1_000_000_000).contains(&nanos));
        let read = read.filter(|time| check_time(*time, Timestamp::now()).is_ok());
        if read.is_none() {
            self.wrong(field, "must be a time from 2000 to a day from now");
        }
        read
    }

    /// A page's size: the default if left out, cut to the most.
    pub fn page_size(&mut self, size: i32) -> usize {
        self.count("page_size", size, DEFAULT_PAGE, MAX_PAGE)
    }

    /// A page's token: empty, or one that this service gave.
    pub fn page_token(&mut self, token: String, is_token: impl Fn(&str) -> bool) -> String {
        if !token.is_empty() && !is_token(&token) {
            self.wrong("page_token", "is not one that this service gave");
        }
        token
    }

    /// How many: the default if left out, cut to the most.
    pub fn count(&mut self, field: &str, count: i32, default: i32, most: i32) -> usize {
        match count {
            0 => default as usize,
            1.. => count.min(most) as usize,
            _ => {
                self.wrong(field, "must not be negative");
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
    fn times_are_held_to_sense() {
        let time = |seconds, nanos| Some(prost_types::Timestamp { seconds, nanos });
        for absurd in [
            time(-1, 0),
            time(0, 0),
            time(i64::MAX, 0),
            time(i64::MIN, -1),
            time(1_790_000_000, -5),
            time(1_790_000_000, i32::MAX),
            time(4_000_000_000, 0),
        ] {
            assert_eq!(problems(|fields| fields.past_time("at", absurd)), 1, "{absurd:?}");
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
