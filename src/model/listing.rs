//! Asks a model's server which models it serves: what tells a wrong name or key without a call that costs tokens.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::{
    config::ModelConfig,
    model::{error::ModelError, http},
};

/// How long the server has to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Largest list, in bytes.
const MAX_BYTES: usize = 4 << 20;

/// Longer names are left out of a list, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// What a server says of a model.
#[derive(Debug, PartialEq, Eq)]
pub enum Listing {
    /// It serves the model.
    Served,
    /// It serves others, these.
    Others(Vec<String>),
    /// It has no list, or none that can be read.
    Unknown,
}

/// Asks `GET /models`. An error is one that every call would get: no connection, or a refused key.
pub async fn listing(config: &ModelConfig) -> Result<Listing, ModelError> {
    let body = match timeout(TIMEOUT, http::get(config, "/models", MAX_BYTES)).await {
        Ok(Ok(body)) => body,
        Ok(Err(error @ (ModelError::Unreachable | ModelError::Refused { status: 401 | 403, .. } | ModelError::QuotaUsedUp))) => {
            return Err(error);
        }
        Ok(Err(_)) | Err(_) => return Ok(Listing::Unknown),
    };
    Ok(read(&body, &config.name))
}

fn read(body: &[u8], name: &str) -> Listing {
    let list: Value = serde_json::from_slice(body).unwrap_or_default();
    let names = list["data"].as_array().into_iter().flatten().filter_map(|model| Some(model["id"].as_str()?.to_owned()));
    let names: Vec<String> = names.filter(|name| name.len() <= MAX_NAME_BYTES && !name.chars().any(char::is_control)).collect();
    // Ollama lists a tag that a name may leave out, Google a prefix.
    let is_it =
        |known: &String| known == name || known.strip_suffix(":latest") == Some(name) || known.strip_prefix("models/") == Some(name);
    match names.is_empty() {
        true => Listing::Unknown,
        false if names.iter().any(is_it) => Listing::Served,
        false => Listing::Others(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_looked_for_as_servers_list_it() {
        let list = br#"{"object":"list","data":[{"id":"llama3.2:latest"},{"id":"models/gemini"},{"id":"gpt"}]}"#;
        for (name, served) in [("gpt", true), ("llama3.2", true), ("gemini", true), ("gpt-5", false), ("gp", false)] {
            assert_eq!(read(list, name) == Listing::Served, served, "{name}");
        }
        assert_eq!(read(br#"{"data":[{"id":"a"}]}"#, "b"), Listing::Others(vec!["a".to_owned()]));
        for nothing in [&b""[..], b"{}", b"[]", b"<html>", br#"{"data":[]}"#, br#"{"data":"a"}"#] {
            assert_eq!(read(nothing, "b"), Listing::Unknown);
        }
    }
}
