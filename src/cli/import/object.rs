//! An object of a source's JSON. A field that is read is taken out; what is left at the end is what we do not keep, and is listed by name.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde_json::{Map, Value};

use crate::cli::import::{
    account::Account,
    words::{Said, said},
};

/// An object, its kind as the source names it, and its id.
#[derive(Debug, Default)]
pub struct Object {
    kind: &'static str,
    id: String,
    fields: Map<String, Value>,
}

impl Object {
    /// Makes an object of JSON; the error says what it is instead.
    pub fn new(kind: &'static str, value: Value) -> Result<Object, String> {
        let is = match value {
            Value::Object(fields) => {
                let id = fields.get("id").map(plain).unwrap_or_default();
                return Ok(Object { kind, id, fields });
            }
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
        };
        Err(format!("an object ({kind}) is expected, this is {is}"))
    }

    /// The same object under another kind and id, for lists.
    pub fn named(self, kind: &'static str, id: &str) -> Object {
        Object { kind, id: id.to_owned(), fields: self.fields }
    }

    /// Its id as text; empty if it has none.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it has a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    /// A field as it is; null if there is none.
    pub fn value(&mut self, name: &str) -> Value {
        self.fields.remove(name).unwrap_or_default()
    }

    /// A text, number or boolean as text. Anything else stays, to be listed.
    pub fn text(&mut self, name: &str) -> String {
        match self.fields.get(name) {
            Some(Value::Object(_) | Value::Array(_)) | None => String::new(),
            Some(_) => plain(&self.value(name)),
        }
    }

    /// The same without taking it out.
    pub fn peek(&self, name: &str) -> String {
        self.fields.get(name).map(plain).unwrap_or_default()
    }

    /// A field without taking it out.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name)
    }

    /// The names of its fields.
    pub fn names(&self) -> Vec<String> {
        self.fields.keys().cloned().collect()
    }

    /// Whether a field surely says yes: `true`, 1, or a word for it.
    pub fn flag(&mut self, name: &str) -> bool {
        said(&self.value(name)) == Said::Yes
    }

    /// Whether a field surely says no: it is not there, empty, `false`, 0, or a word for it.
    pub fn denies(&mut self, name: &str) -> bool {
        matches!(said(&self.value(name)), Said::No | Said::Nothing)
    }

    /// A time: RFC 3339, `2026-10-05 09:00:00` in UTC, or seconds since 1970.
    pub fn time(&mut self, name: &str) -> Option<Timestamp> {
        let time = self.fields.get(name).and_then(time_of);
        if time.is_some() {
            self.fields.remove(name);
        }
        time
    }

    /// The items of a list; none if there is no list.
    pub fn list(&mut self, name: &str) -> Vec<Value> {
        match self.fields.get(name) {
            Some(Value::Array(_)) => match self.value(name) {
                Value::Array(items) => items,
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    /// The texts of a list; what else it has is left out.
    pub fn texts(&mut self, name: &str) -> Vec<String> {
        self.list(name).iter().map(plain).filter(|text| !text.is_empty()).collect()
    }

    /// An object in a field.
    pub fn object(&mut self, name: &str, kind: &'static str) -> Option<Object> {
        match self.fields.get(name) {
            Some(Value::Object(_)) => Object::new(kind, self.value(name)).ok(),
            _ => None,
        }
    }

    /// The other fields, by name.
    pub fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.fields)
    }

    /// Passes over fields that hold nothing to keep: addresses in the source's API, counters, what the source computes.
    pub fn skip(&mut self, names: &[&str]) {
        for name in names {
            self.fields.remove(*name);
        }
    }

    /// Lists every field that was not read and says something. The id is what the object is known by.
    pub fn left(self, account: &mut Account) {
        for (name, value) in &self.fields {
            if !is_empty(value) && name != "id" {
                account.list(format!("{}.{name}", self.kind), &self.id);
            }
        }
    }
}

/// A text, number or boolean as text; empty for anything else.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(flag) => flag.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => String::new(),
    }
}

/// A time of a field.
pub fn time_of(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => {
            let seconds = number.as_f64()?;
            Timestamp::from_microsecond((seconds * 1e6) as i64).ok()
        }
        Value::String(text) => parse_time(text),
        _ => None,
    }
}

/// A time of a text: with an offset, or in UTC if it has none. A day alone is its beginning.
pub fn parse_time(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    // Jekyll's form, and that of mail.
    let with_zone = || ["%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %H:%M %z"].into_iter().find_map(|form| Timestamp::strptime(form, text).ok());
    if let Some(time) = with_zone().or_else(|| jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()) {
        return Some(time);
    }
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let days = ["%Y/%m/%d", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y"];
    if let Some(day) = days.into_iter().find_map(|form| civil::Date::strptime(form, text).ok()) {
        return Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp());
    }
    let local = text.parse::<civil::DateTime>().or_else(|_| text.parse::<civil::Date>().map(|day| day.at(0, 0, 0, 0)));
    Some(local.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// Whether a field says nothing.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.trim().is_empty(),
        Value::Array(items) => items.iter().all(is_empty),
        Value::Object(fields) => fields.values().all(is_empty),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_of_every_source_are_read() {
        let second = "2026-10-05T09:00:00Z".parse::<Timestamp>().unwrap();
        for value in [
            json!("2026-10-05T09:00:00Z"),
            json!("2026-10-05T11:00:00+02:00"),
            json!("2026-10-05 09:00:00"),
            json!("2026-10-05 09:00:00 UTC"),
            json!("2026-10-05T09:00:00.000Z"),
            json!("2026-10-05 11:00:00 +0200"),
            json!("2026-10-05 11:00 +0200"),
            json!("Mon, 5 Oct 2026 09:00:00 +0000"),
            json!(second.as_second()),
        ] {
            assert_eq!(time_of(&value), Some(second), "{value}");
        }
        assert_eq!(parse_time("2026-10-05").unwrap().to_string(), "2026-10-05T00:00:00Z");
        for day in ["2026/10/05", "5 Oct 2026", "October 5, 2026"] {
            assert_eq!(parse_time(day), parse_time("2026-10-05"), "{day}");
        }
        assert_eq!(parse_time("yesterday"), None);
    }
}
