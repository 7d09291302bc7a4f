//! Parses one setting's value, from a file or as text from a flag or variable. Errors say which values are allowed.

use std::{
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    path::PathBuf,
    time::Duration,
};

use jiff::{SignedDuration, tz::TimeZone};
use toml::Value;

use crate::{config::FolderWatch, text::Language};

/// A non-empty text.
pub fn text(given: &Value, what: &str) -> Result<String, String> {
    given.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).ok_or_else(|| format!("it must be {what}"))
}

/// The URL of a database.
pub fn database_url(given: &Value) -> Result<String, String> {
    let url = text(given, "a database's URL")?;
    let known = ["sqlite:", "postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
    if known { Ok(url) } else { Err("it must begin with `sqlite:` or `postgres://`".to_owned()) }
}

/// A file or a folder, which `what` says; `None` if the text is empty.
pub fn optional_path(given: &Value, what: &str) -> Result<Option<PathBuf>, String> {
    let text = given.as_str().ok_or_else(|| format!("it must be {what}, or \"\" for none"))?.trim();
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

/// One of a few words.
pub fn one_of<'a>(given: &Value, words: &[&'a str]) -> Result<&'a str, String> {
    let word = given.as_str().map(str::trim).and_then(|given| words.iter().find(|word| **word == given));
    word.copied().ok_or_else(|| format!("it must be `{}`", words.join("` or `")))
}

/// How changes of folders are detected.
pub fn folder_watch(given: &Value) -> Result<FolderWatch, String> {
    match given.as_str().map(str::trim) {
        Some("events") => Ok(FolderWatch::Events),
        Some("poll") => Ok(FolderWatch::Poll),
        _ => Err("it must be `events` or `poll`".to_owned()),
    }
}

/// An http or https URL, without its trailing slash.
pub fn web_address(given: &Value) -> Result<String, String> {
    let what = "a URL that begins with http:// or https://, such as `http://127.0.0.1:11434/v1`";
    let text = text(given, what)?;
    match reqwest::Url::parse(&text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(text.trim_end_matches('/').to_owned()),
        _ => Err(format!("it must be {what}")),
    }
}

/// An API key that is valid in an HTTP header.
pub fn key(given: &Value) -> Result<String, String> {
    let text = text(given, "a key")?;
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text)
    } else {
        Err("it must be printable ASCII, without spaces or line breaks".to_owned())
    }
}

/// A duration such as `15s`, more than zero and at most `max`.
pub fn duration(given: &Value, max: Duration) -> Result<Duration, String> {
    let parsed = given.as_str().and_then(|text| text.trim().parse::<SignedDuration>().ok());
    let wait = parsed.and_then(|wait| Duration::try_from(wait).ok()).filter(|wait| !wait.is_zero() && *wait <= max);
    wait.ok_or_else(|| format!("it must be a duration such as `15s` or `500ms`, more than 0s and at most {}s", max.as_secs()))
}

/// A duration such as `400ms`, at most `max`; `0` is none.
pub fn duration_or_zero(given: &Value, max: Duration) -> Result<Duration, String> {
    match given.as_str().map(str::trim) {
        Some("0") => Ok(Duration::ZERO),
        _ if given.as_integer() == Some(0) => Ok(Duration::ZERO),
        _ => duration(given, max).map_err(|_| format!("it must be a duration such as `400ms`, at most {}s, or 0 for none", max.as_secs())),
    }
}

/// A whole number within bounds.
pub fn whole(given: &Value, min: i64, max: i64) -> Result<i64, String> {
    let number = given.as_integer().or_else(|| given.as_str()?.trim().parse().ok());
    number.filter(|number| (min..=max).contains(number)).ok_or_else(|| format!("it must be a whole number from {min} to {max}"))
}

/// A number within bounds.
pub fn number(given: &Value, min: f64, max: f64) -> Result<f64, String> {
    let number =
        given.as_float().or_else(|| given.as_integer().map(|number| number as f64)).or_else(|| given.as_str()?.trim().parse().ok());
    number.filter(|number| (min..=max).contains(number)).ok_or_else(|| format!("it must be a number from {min} to {max}"))
}

/// `true` or `false`.
pub fn truth(given: &Value) -> Result<bool, String> {
    let truth = given.as_bool().or_else(|| match given.as_str()?.trim() {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ => None,
    });
    truth.ok_or_else(|| "it must be `true` or `false`".to_owned())
}

/// An address and port to listen on.
pub fn address(given: &Value) -> Result<SocketAddr, String> {
    let address = given.as_str().and_then(|text| text.trim().to_socket_addrs().ok()).and_then(|mut addresses| addresses.next());
    address.ok_or_else(|| "it must be an address and a port, such as `127.0.0.1:50051`; port 0 takes a free port".to_owned())
}

/// A list of IP addresses.
pub fn addresses(given: &Value) -> Result<Vec<IpAddr>, String> {
    let addresses: Option<Vec<IpAddr>> = texts(given)?.iter().map(|text| text.parse().ok()).collect();
    addresses.ok_or_else(|| "it must be a list of IP addresses, such as `10.0.0.1,10.0.0.2`".to_owned())
}

/// A language tag.
pub fn language(given: &Value) -> Result<Language, String> {
    let problem = || "it must be a BCP 47 language tag such as `tr`".to_owned();
    Language::parse(given.as_str().ok_or_else(problem)?.trim()).map_err(|_| problem())
}

/// A time zone of the IANA database.
pub fn time_zone(given: &Value) -> Result<TimeZone, String> {
    let what = "the IANA name of a time zone, such as `Europe/Istanbul`";
    TimeZone::get(&text(given, what)?).map_err(|_| format!("it must be {what}"))
}

/// A list of texts, or one comma-separated text.
pub fn texts(given: &Value) -> Result<Vec<String>, String> {
    let texts: Option<Vec<String>> = match given {
        Value::String(text) => Some(text.split(',').map(str::to_owned).collect()),
        Value::Array(list) => list.iter().map(|text| text.as_str().map(str::to_owned)).collect(),
        _ => None,
    };
    let texts = texts.ok_or_else(|| "it must be a list, such as `a,b` or [\"a\", \"b\"]".to_owned())?;
    Ok(texts.iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect())
}

/// A table of texts.
pub fn pairs(given: &Value) -> Result<Vec<(String, String)>, String> {
    let problem = || "it must be a table of texts, such as { name = \"text\" }".to_owned();
    let table = given.as_table().ok_or_else(problem)?;
    table.iter().map(|(name, text)| Ok((name.clone(), text.as_str().ok_or_else(problem)?.to_owned()))).collect()
}

/// The fields of a JSON object. TOML has no null, so the text `null` stands for it.
pub fn object(given: &Value) -> Result<serde_json::Map<String, serde_json::Value>, String> {
    let table = given.as_table().ok_or_else(|| "it must be a table, such as { top_p = 0.9 }".to_owned())?;
    let json = |value: &Value| match value.as_str() {
        Some("null") => Ok(serde_json::Value::Null),
        _ => serde_json::to_value(value).map_err(|error| error.to_string()),
    };
    table.iter().map(|(name, value)| Ok((name.clone(), json(value)?))).collect()
}

/// A list of language tags, or one comma-separated text.
pub fn languages(given: &Value) -> Result<Vec<Language>, String> {
    let problem = || "it must be a list of BCP 47 language tags, such as `en,tr` or [\"en\", \"tr\"]".to_owned();
    let tags: Vec<&str> = match given {
        Value::String(text) => text.split(',').collect(),
        Value::Array(list) => list.iter().map(|tag| tag.as_str().unwrap_or_default()).collect(),
        _ => return Err(problem()),
    };
    let languages: Result<Vec<Language>, _> = tags.iter().map(|tag| Language::parse(tag.trim())).collect();
    languages.ok().filter(|languages| !languages.is_empty()).ok_or_else(problem)
}
