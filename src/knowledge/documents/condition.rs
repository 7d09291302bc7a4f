//! Conditions of a canned answer: what a chat must know for it to fit, such as `record.order.status = shipped`.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{
    facts::{FigureValue, figures},
    text::fold,
};

const MAX_CONDITIONS: usize = 16;
const MAX_CONDITION_CHARACTERS: usize = 500;
/// Most days before or after `today`.
const MAX_DAYS: i32 = 3660;
const SUBJECTS: &str = "record.SOURCE.KEY, form.KEY, customer.attributes.KEY, channel, opening_hours";
const OPERATORS: &str = "`=`, `!=`, `<`, `<=`, `>`, `>=`, `in (a, b)`, `not in (a, b)`, `exists` or `missing`";
/// The channels of chats, as conditions name them.
const CHANNELS: [&str; 10] =
    ["web_chat", "email", "contact_form", "whatsapp", "messenger", "instagram", "in_app", "phone", "ticket", "other"];

/// The conditions of a canned answer, at most 16. All must hold. They are stored as their author wrote them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Conditions(Vec<Condition>);

/// A checked condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// As its author wrote it, without the space around it.
    text: String,
    /// What it is about.
    pub subject: Subject,
    /// What it demands of that.
    pub test: Test,
}

/// What a condition is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A value of the latest record of a source.
    Record {
        /// The record's source, such as `order`.
        source: String,
        /// The value's name, such as `status`.
        key: String,
    },
    /// An answer given before the chat.
    Form(String),
    /// What is known of the customer under this name.
    CustomerAttribute(String),
    /// `web_chat`, `email` and so on.
    Channel,
    /// `open` or `closed`.
    OpeningHours,
}

/// What a condition demands.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    Exists,
    Missing,
    /// `=` has one value, `in` several.
    OneOf(Vec<Value>),
    /// `!=` has one value, `not in` several.
    NoneOf(Vec<Value>),
    /// Compares with a date or a number.
    Order(Order, Value),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The value that a condition compares with.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Folded, its spaces single.
    Text(String),
    Number(f64),
    Date(Date),
    /// So many days after today.
    Today(i32),
}

impl Conditions {
    /// Makes conditions of checked ones. The error says what is wrong with their number.
    pub fn new(conditions: Vec<Condition>) -> Result<Conditions, String> {
        check_condition_count(conditions.len())?;
        Ok(Conditions(conditions))
    }

    /// Returns whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in their author's order.
    pub fn as_slice(&self) -> &[Condition] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for Conditions {
    type Error = String;

    fn try_from(texts: Vec<String>) -> Result<Conditions, String> {
        Conditions::new(texts.iter().map(|text| Condition::parse(text)).collect::<Result<_, _>>()?)
    }
}

impl From<Conditions> for Vec<String> {
    fn from(conditions: Conditions) -> Vec<String> {
        conditions.0.into_iter().map(|condition| condition.text).collect()
    }
}

/// Checks the number of conditions.
pub fn check_condition_count(count: usize) -> Result<(), String> {
    if count > MAX_CONDITIONS { Err(format!("must have at most {MAX_CONDITIONS} conditions")) } else { Ok(()) }
}

impl Condition {
    /// Whether it holds or fails by what day it is.
    pub fn compares_with_today(&self) -> bool {
        match &self.test {
            Test::Order(_, value) => matches!(value, Value::Today(_)),
            Test::OneOf(values) | Test::NoneOf(values) => values.iter().any(|value| matches!(value, Value::Today(_))),
            Test::Exists | Test::Missing => false,
        }
    }

    /// Parses a condition. The error says what is wrong and what is allowed.
    pub fn parse(text: &str) -> Result<Condition, String> {
        let text = text.trim();
        if text.chars().count() > MAX_CONDITION_CHARACTERS {
            return Err(format!("a condition must have at most {MAX_CONDITION_CHARACTERS} characters"));
        }
        if text.chars().any(char::is_control) {
            return Err("a condition must not contain control characters".to_owned());
        }
        let is_of_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-');
        let (name, rest) = text.split_at(text.find(|letter| !is_of_name(letter)).unwrap_or(text.len()));
        let subject = Subject::parse(name)?;
        let test = parse_test(name, rest.trim())?;
        check_test(&subject, &test)?;
        Ok(Condition { text: text.to_owned(), subject, test })
    }

    /// The condition as its author wrote it.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl Subject {
    /// As conditions name it.
    pub fn name(&self) -> String {
        match self {
            Subject::Record { source, key } => format!("record.{source}.{key}"),
            Subject::Form(key) => format!("form.{key}"),
            Subject::CustomerAttribute(key) => format!("customer.attributes.{key}"),
            Subject::Channel => "channel".to_owned(),
            Subject::OpeningHours => "opening_hours".to_owned(),
        }
    }

    fn parse(name: &str) -> Result<Subject, String> {
        match name.split('.').collect::<Vec<_>>().as_slice() {
            ["record", source, key] if !source.is_empty() && !key.is_empty() => {
                Ok(Subject::Record { source: (*source).to_owned(), key: (*key).to_owned() })
            }
            ["form", key] if !key.is_empty() => Ok(Subject::Form((*key).to_owned())),
            ["customer", "attributes", key] if !key.is_empty() => Ok(Subject::CustomerAttribute((*key).to_owned())),
            ["channel"] => Ok(Subject::Channel),
            ["opening_hours"] => Ok(Subject::OpeningHours),
            _ if name.is_empty() => Err(format!("a condition must begin with what it is about: {SUBJECTS}")),
            _ => Err(format!("`{name}` is not known; conditions are about {SUBJECTS}")),
        }
    }
}

fn parse_test(name: &str, rest: &str) -> Result<Test, String> {
    let ordered = |order, value: &str| Ok(Test::Order(order, ordered_value(value)?));
    let word = |word: &str| rest.strip_prefix(word).filter(|rest| rest.starts_with([' ', '(']));
    match rest {
        "exists" => return Ok(Test::Exists),
        "missing" => return Ok(Test::Missing),
        _ => {}
    }
    if let Some(value) = rest.strip_prefix("!=") {
        Ok(Test::NoneOf(vec![Value::parse(value)?]))
    } else if let Some(value) = rest.strip_prefix("<=") {
        ordered(Order::LessOrEqual, value)
    } else if let Some(value) = rest.strip_prefix(">=") {
        ordered(Order::GreaterOrEqual, value)
    } else if let Some(value) = rest.strip_prefix('=') {
        Ok(Test::OneOf(vec![Value::parse(value)?]))
    } else if let Some(value) = rest.strip_prefix('<') {
        ordered(Order::Less, value)
    } else if let Some(value) = rest.strip_prefix('>') {
        ordered(Order::Greater, value)
    } else if let Some(list) = word("in") {
        Ok(Test::OneOf(parse_list(list)?))
    } else if let Some(list) = word("not").and_then(|rest| rest.trim_start().strip_prefix("in")) {
        Ok(Test::NoneOf(parse_list(list)?))
    } else {
        Err(format!("after `{name}` must come {OPERATORS}"))
    }
}

/// A list in parentheses. A comma between quotation marks is part of a text.
fn parse_list(text: &str) -> Result<Vec<Value>, String> {
    let inner = text.trim().strip_prefix('(').and_then(|text| text.strip_suffix(')')).ok_or_else(|| {
        "a list of values must stand in parentheses, such as `in (open, paid)`; between `[` and `]` of YAML, quote the whole condition"
            .to_owned()
    })?;
    let mut values = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, letter) in inner.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            None if matches!(letter, '"' | '\'') && inner[start..at].trim().is_empty() => quote = Some(letter),
            None if letter == ',' => {
                values.push(Value::parse(&inner[start..at])?);
                start = at + 1;
            }
            Some(_) | None => {}
        }
    }
    values.push(Value::parse(&inner[start..])?);
    Ok(values)
}

fn ordered_value(text: &str) -> Result<Value, String> {
    match Value::parse(text)? {
        Value::Text(_) => Err(format!(
            "`{}` is neither a date nor a number; `<`, `<=`, `>` and `>=` need a date such as `2026-11-30` or `today + 3 days`, or a number \
             such as `49.90`",
            text.trim()
        )),
        value => Ok(value),
    }
}

fn check_test(subject: &Subject, test: &Test) -> Result<(), String> {
    match (subject, test) {
        (Subject::Record { .. } | Subject::Form(_) | Subject::CustomerAttribute(_), _) => Ok(()),
        (Subject::Channel, Test::Exists | Test::Missing) => Ok(()),
        (Subject::Channel, Test::OneOf(values) | Test::NoneOf(values)) if values.iter().all(|value| is_one_of(value, &CHANNELS)) => Ok(()),
        (Subject::Channel, _) => Err(format!("`channel` can be {}; test it with `=`, `!=`, `in` or `not in`", CHANNELS.join(", "))),
        (Subject::OpeningHours, Test::OneOf(values)) if values.len() == 1 && is_one_of(&values[0], &["open", "closed"]) => Ok(()),
        (Subject::OpeningHours, _) => Err("must be `opening_hours = open` or `opening_hours = closed`".to_owned()),
    }
}

fn is_one_of(value: &Value, known: &[&str]) -> bool {
    matches!(value, Value::Text(text) if known.contains(&text.as_str()))
}

impl Value {
    fn parse(text: &str) -> Result<Value, String> {
        let text = text.trim();
        if text.is_empty() {
            return Err("a value is missing".to_owned());
        }
        if let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) {
            let inner = text[1..].strip_suffix(quote).filter(|inner| !inner.contains(quote) && !inner.trim().is_empty());
            return inner.map(|inner| Value::Text(folded(inner))).ok_or_else(|| format!("`{text}` must be one text in quotation marks"));
        }
        if text.starts_with(['=', '<', '>', '!', '(', ')']) {
            return Err(format!("`{text}` is not a value; quote a text that begins with a sign"));
        }
        let today = text.get(..5).filter(|word| word.eq_ignore_ascii_case("today")).map(|word| text[word.len()..].trim_start());
        if let Some(days) = today.filter(|days| days.is_empty() || days.starts_with(['+', '-'])) {
            return parse_days(days).map(Value::Today).ok_or_else(|| {
                format!("`{text}` must be `today`, or a number of days from it, at most {MAX_DAYS}, such as `today + 3 days`")
            });
        }
        if let Some(number) = parse_number(text) {
            return Ok(Value::Number(number));
        }
        if is_iso_date(text) {
            return text.parse().map(Value::Date).map_err(|_| format!("`{text}` is not a date of the calendar"));
        }
        match figures(text).as_slice() {
            [figure] if matches!(figure.value, FigureValue::Date(_)) && figure.written == text => {
                Err(format!("`{text}` must be written as year, month and day, such as 2026-11-30; to compare it as a text, quote it"))
            }
            _ => Ok(Value::Text(folded(text))),
        }
    }
}

/// Parses what follows `today`: nothing, `+ 3 days`, `- 1 day`.
fn parse_days(text: &str) -> Option<i32> {
    if text.is_empty() {
        return Some(0);
    }
    let (sign, rest) = text.split_at(1);
    let number = rest.trim().strip_suffix("days").or_else(|| rest.trim().strip_suffix("day"))?.trim();
    let days = number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse::<i32>().ok())?;
    days.filter(|days| *days <= MAX_DAYS).map(|days| if sign == "-" { -days } else { days })
}

/// Parses a number in plain digits: `7`, `-2.5`. One with zeros before it is a code.
pub fn parse_number(text: &str) -> Option<f64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    (plain(whole) && plain(decimals) && (whole == "0" || !whole.starts_with('0'))).then(|| text.parse().ok())?
}

fn is_iso_date(text: &str) -> bool {
    let shape = |(at, byte): (usize, u8)| if matches!(at, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    text.len() == 10 && text.bytes().enumerate().all(shape)
}

/// A text without case and accents, its spaces single: as texts are compared.
pub fn folded(text: &str) -> String {
    fold(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (Subject, Test) {
        let condition = Condition::parse(text).unwrap();
        assert_eq!(condition.text(), text.trim());
        (condition.subject, condition.test)
    }

    #[test]
    fn conditions_are_parsed() {
        let status = || Subject::Record { source: "order".into(), key: "status".into() };
        let text = |text: &str| Value::Text(text.into());
        for (written, subject, test) in [
            ("record.order.status = Shipped", status(), Test::OneOf(vec![text("shipped")])),
            (" record.order.status=out  for delivery ", status(), Test::OneOf(vec![text("out for delivery")])),
            ("record.order.status != \"a, b\"", status(), Test::NoneOf(vec![text("a, b")])),
            ("record.order.status in (İade, 'x, y', 7)", status(), Test::OneOf(vec![text("iade"), text("x, y"), Value::Number(7.0)])),
            ("record.order.status not  in (don't know)", status(), Test::NoneOf(vec![text("don't know")])),
            ("record.order.status exists", status(), Test::Exists),
            ("form.order_number missing", Subject::Form("order_number".into()), Test::Missing),
            ("form.amount >= -2.50", Subject::Form("amount".into()), Test::Order(Order::GreaterOrEqual, Value::Number(-2.5))),
            ("form.zip = 01234", Subject::Form("zip".into()), Test::OneOf(vec![text("01234")])),
            ("form.day<today", Subject::Form("day".into()), Test::Order(Order::Less, Value::Today(0))),
            ("form.day <= today + 3 days", Subject::Form("day".into()), Test::Order(Order::LessOrEqual, Value::Today(3))),
            ("form.day > Today -1 day", Subject::Form("day".into()), Test::Order(Order::Greater, Value::Today(-1))),
            ("form.day = 2026-11-30", Subject::Form("day".into()), Test::OneOf(vec![Value::Date(jiff::civil::date(2026, 11, 30))])),
            ("form.offer = today's deal", Subject::Form("offer".into()), Test::OneOf(vec![text("today's deal")])),
            ("customer.attributes.plan = pro", Subject::CustomerAttribute("plan".into()), Test::OneOf(vec![text("pro")])),
            ("channel in (email, WhatsApp)", Subject::Channel, Test::OneOf(vec![text("email"), text("whatsapp")])),
            ("opening_hours = closed", Subject::OpeningHours, Test::OneOf(vec![text("closed")])),
        ] {
            assert_eq!(parse(written), (subject, test), "{written}");
        }
    }

    #[test]
    fn an_error_says_what_is_allowed() {
        for (text, problem) in [
            ("recrod.order.status = shipped", "`recrod.order.status` is not known; conditions are about record.SOURCE.KEY, form.KEY"),
            ("record.order = shipped", "`record.order` is not known"),
            ("customer.name exists", "`customer.name` is not known"),
            ("", "must begin with what it is about"),
            ("= shipped", "must begin with what it is about"),
            ("record.order.status", "after `record.order.status` must come `=`, `!=`"),
            ("record.order.status is shipped", "after `record.order.status` must come"),
            ("record.order.status = ", "a value is missing"),
            ("record.order.status == shipped", "`= shipped` is not a value"),
            ("record.order.status = \"shipped", "must be one text in quotation marks"),
            ("record.order.status = \"a\" or \"b\"", "must be one text in quotation marks"),
            ("record.order.status in open, paid", "must stand in parentheses"),
            ("record.order.status in (open", "must stand in parentheses"),
            ("record.order.status in ()", "a value is missing"),
            ("record.order.status in (a,,b)", "a value is missing"),
            ("record.order.status > soon", "`soon` is neither a date nor a number"),
            ("form.day = today + three days", "such as `today + 3 days`"),
            ("form.day = today + 99999 days", "at most 3660"),
            ("form.day = 2026-13-01", "is not a date of the calendar"),
            ("form.day = 30.11.2026", "must be written as year, month and day"),
            ("channel = emial", "`channel` can be web_chat, email"),
            ("channel > 5", "`channel` can be"),
            ("opening_hours exists", "must be `opening_hours = open`"),
            ("form.a = b\nc", "must not contain control characters"),
        ] {
            let error = Condition::parse(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
        assert!(Condition::parse(&format!("form.a = {}", "x".repeat(500))).unwrap_err().contains("at most 500"));
        let many = vec!["channel = email".to_owned(); 17];
        assert_eq!(Conditions::try_from(many).unwrap_err(), "must have at most 16 conditions");
    }

    #[test]
    fn conditions_are_stored_as_they_were_written() {
        let conditions = Conditions::try_from(vec!["channel  =  Email".to_owned(), "form.a exists".to_owned()]).unwrap();
        let json = serde_json::to_string(&conditions).unwrap();
        assert_eq!(json, r#"["channel  =  Email","form.a exists"]"#);
        assert_eq!(serde_json::from_str::<Conditions>(&json).unwrap(), conditions);
    }
}
