//! A language model behind an OpenAI-compatible API.

use std::{fmt, time::Duration};

use toml::Value;

use super::value;

/// A secret: never shown, never logged.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_empty() { "(none)" } else { "(secret)" })
    }
}

/// One model. Models are asked in their order: the next one when one fails before its first token.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The model's name, as its server knows it.
    pub name: String,
    /// Where its API begins, usually ending in `/v1`.
    pub base_url: String,
    /// The key, if its server asks for one.
    pub api_key: Secret,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the first token.
    pub first_token_timeout: Duration,
    /// Longest wait between two tokens.
    pub token_gap_timeout: Duration,
    /// Longest time for a whole answer.
    pub total_timeout: Duration,
    /// Most tokens of an answer.
    pub max_tokens: u32,
    /// How freely it writes, from 0 to 2; the server's own default if not set.
    pub temperature: Option<f64>,
    /// Token budget of a prompt's context, as the model counts tokens; the desk's if not set.
    pub context_tokens: Option<usize>,
}

impl Default for ModelConfig {
    fn default() -> ModelConfig {
        ModelConfig {
            name: "gpt-4o-mini".to_owned(),
            base_url: "https://api.openai.com/v1".to_owned(),
            api_key: Secret::default(),
            connect_timeout: Duration::from_secs(3),
            first_token_timeout: Duration::from_secs(15),
            token_gap_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(60),
            max_tokens: 2048,
            temperature: None,
            context_tokens: None,
        }
    }
}

impl ModelConfig {
    /// The keys of a `[[models]]` table.
    pub const KEYS: [&str; 10] = [
        "name",
        "base_url",
        "api_key",
        "connect_timeout",
        "first_token_timeout",
        "token_gap_timeout",
        "total_timeout",
        "max_tokens",
        "temperature",
        "context_tokens",
    ];

    /// Sets one key; the error says what is allowed. `None`: there is no such key.
    pub fn set(&mut self, key: &str, given: &Value) -> Option<Result<(), String>> {
        let longest = Duration::from_secs(3600);
        Some(match key {
            "name" => value::text(given, "a model's name, such as `gpt-4o-mini`").map(|name| self.name = name),
            "base_url" => value::web_address(given).map(|url| self.base_url = url),
            "api_key" => value::key(given).map(|key| self.api_key = Secret(key)),
            "connect_timeout" => value::duration(given, longest).map(|wait| self.connect_timeout = wait),
            "first_token_timeout" => value::duration(given, longest).map(|wait| self.first_token_timeout = wait),
            "token_gap_timeout" => value::duration(given, longest).map(|wait| self.token_gap_timeout = wait),
            "total_timeout" => value::duration(given, longest).map(|wait| self.total_timeout = wait),
            "max_tokens" => value::whole(given, 1, 100_000).map(|most| self.max_tokens = most as u32),
            "temperature" => value::number(given, 0.0, 2.0).map(|temperature| self.temperature = Some(temperature)),
            "context_tokens" => value::whole(given, 500, 1_000_000).map(|most| self.context_tokens = Some(most as usize)),
            _ => return None,
        })
    }
}

/// An embeddings endpoint, behind an OpenAI-compatible API.
#[derive(Debug, Clone)]
pub struct EmbeddingConfig {
    /// The model's name, as its server knows it.
    pub model: String,
    /// Where the API begins, such as `https://api.openai.com/v1`.
    pub base_url: String,
    pub api_key: Secret,
    pub connect_timeout: Duration,
    /// How long a search waits for what its words mean.
    pub search_timeout: Duration,
    /// How long suggestions, and the search for a draft's sources, wait.
    pub suggest_timeout: Duration,
}

/// What is told of an embeddings endpoint; it is asked only if a model is.
#[derive(Debug, Clone, Default)]
pub struct EmbeddingSettings {
    pub model: Option<String>,
    pub base_url: Option<String>,
    pub api_key: Option<Secret>,
    pub search_timeout: Option<Duration>,
    pub suggest_timeout: Option<Duration>,
}

impl EmbeddingSettings {
    /// The keys of the `[embedding]` table.
    pub const KEYS: [&str; 5] = ["model", "base_url", "api_key", "search_timeout", "suggest_timeout"];

    /// Sets one key; the error says what is allowed. `None`: there is no such key.
    pub fn set(&mut self, key: &str, given: &Value) -> Option<Result<(), String>> {
        let longest = Duration::from_secs(60);
        Some(match key {
            "model" => value::text(given, "a model's name, such as `text-embedding-3-small`").map(|model| self.model = Some(model)),
            "base_url" => value::web_address(given).map(|url| self.base_url = Some(url)),
            "api_key" => value::key(given).map(|key| self.api_key = Some(Secret(key))),
            "search_timeout" => value::duration(given, longest).map(|wait| self.search_timeout = Some(wait)),
            "suggest_timeout" => value::duration(given, longest).map(|wait| self.suggest_timeout = Some(wait)),
            _ => return None,
        })
    }

    /// The endpoint, if a model is named. Where no address is given it is the first model's, with its key: a key goes to no other server.
    pub fn endpoint(&self, first_model: Option<&ModelConfig>) -> Option<EmbeddingConfig> {
        let model = self.model.clone()?;
        let default = ModelConfig::default();
        let first_model = first_model.unwrap_or(&default);
        let base_url = self.base_url.clone().unwrap_or_else(|| first_model.base_url.clone());
        let same_server = base_url == first_model.base_url;
        let api_key = self.api_key.clone().or_else(|| same_server.then(|| first_model.api_key.clone())).unwrap_or_default();
        Some(EmbeddingConfig {
            model,
            base_url,
            api_key,
            connect_timeout: default.connect_timeout,
            search_timeout: self.search_timeout.unwrap_or(Duration::from_millis(50)),
            suggest_timeout: self.suggest_timeout.unwrap_or(Duration::from_millis(300)),
        })
    }
}
