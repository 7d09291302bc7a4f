//! Settings of a language model, and of an embeddings endpoint, behind an OpenAI-compatible API.

use std::{fmt, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use toml::Value;

use crate::config::value;

/// Longest goal for a first token.
pub const MAX_FIRST_TOKEN_GOAL: Duration = Duration::from_secs(120);

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

/// One model. Models are tried in order: the next one is the fallback when one fails before its first token.
#[derive(Debug, Clone)]
pub struct ModelConfig {
    /// The model's name, as its server knows it.
    pub name: String,
    /// Base URL of its API, usually ending in `/v1`.
    pub base_url: String,
    /// The API key, if its server requires one.
    pub api_key: Secret,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
    /// Longest wait for the first token, since the request or the last sign of life.
    pub first_token_timeout: Duration,
    /// Longest wait between two tokens.
    pub token_gap_timeout: Duration,
    /// Longest time for a whole answer.
    pub total_timeout: Duration,
    /// Largest number of tokens in an answer.
    pub max_tokens: u32,
    /// Sampling temperature, from 0 to 2; the server's own default if not set.
    pub temperature: Option<f64>,
    /// Token budget of a prompt's context, as the model counts tokens; the desk's if not set.
    pub context_tokens: Option<usize>,
    /// In what time its first token should come; the desk's if not set.
    pub first_token_goal: Option<Duration>,
    /// The header that carries the key as it is, such as Azure's `api-key`; `None`: `Authorization: Bearer`.
    pub api_key_header: Option<HeaderName>,
    /// Headers of every call.
    pub headers: HeaderMap,
    /// Query parameters of every call, such as Azure's `api-version`.
    pub query: Vec<(String, String)>,
    /// Fields of every request's body. They replace ours of the same name; `null` removes ours.
    pub body: serde_json::Map<String, serde_json::Value>,
    /// The role that instructions are given in: `system`, or `developer` as some newer models want.
    pub instruction_role: String,
    /// Whether answers are streamed.
    pub stream: bool,
    /// Largest number of concurrent calls; others queue as long as they can still be answered in time.
    pub most_calls: usize,
    /// Tasks that it is used for; all if empty.
    pub tasks: Vec<Task>,
}

/// The limits of a prompt's context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextLimits {
    /// In tokens, as the model counts them.
    pub tokens: usize,
    /// In what time the first token should come; zero: any.
    pub first_token_goal: Duration,
}

/// Limits on tokens of prompts and answers together; `None`: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenLimits {
    /// Tokens within 60 seconds.
    pub per_minute: Option<u64>,
    /// Tokens within 24 hours.
    pub per_day: Option<u64>,
}

/// Tasks of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// Drafts a reply.
    Draft,
    /// Corrects what the agent wrote.
    Correct,
    /// Gives what the agent wrote another tone.
    Retone,
    /// Translates a text.
    Translate,
    /// Summarizes a chat.
    Summarize,
    /// Keeps the running summary of a long chat's older messages, in the background.
    RunningSummary,
    /// Chooses the first source of a draft among the documents that were found.
    Choose,
    /// Checks which sentences of a draft promise what nothing says.
    Check,
    /// Proposes how customers would ask for a document.
    Enrich,
}

impl Task {
    /// Every task, in the order of the settings' help.
    pub const ALL: [Task; 9] = [
        Task::Draft,
        Task::Correct,
        Task::Retone,
        Task::Translate,
        Task::Summarize,
        Task::RunningSummary,
        Task::Choose,
        Task::Check,
        Task::Enrich,
    ];

    /// Its name in settings, files and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Task::Draft => "draft",
            Task::Correct => "correct",
            Task::Retone => "retone",
            Task::Translate => "translate",
            Task::Summarize => "summarize",
            Task::RunningSummary => "running_summary",
            Task::Choose => "choose",
            Task::Check => "check",
            Task::Enrich => "enrich",
        }
    }
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
            first_token_goal: None,
            api_key_header: None,
            headers: HeaderMap::new(),
            query: Vec::new(),
            body: serde_json::Map::new(),
            instruction_role: "system".to_owned(),
            stream: true,
            most_calls: 64,
            tasks: Vec::new(),
        }
    }
}

impl ModelConfig {
    /// Whether it is used for a task.
    pub fn handles(&self, task: Task) -> bool {
        self.tasks.is_empty() || self.tasks.contains(&task)
    }

    /// The setting keys of a `[[models]]` table.
    pub const KEYS: [&str; 21] = [
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
        "first_token_goal",
        "api_key_file",
        "api_key_env",
        "api_key_header",
        "headers",
        "query",
        "body",
        "instruction_role",
        "stream",
        "most_calls",
        "tasks",
    ];

    /// Sets one key; the error says which values are allowed. `None`: the key is unknown.
    pub fn set(&mut self, key: &str, given: &Value) -> Option<Result<(), String>> {
        let max = Duration::from_secs(3600);
        Some(match key {
            "name" => value::text(given, "a model name, such as `gpt-4o-mini`").map(|name| self.name = name),
            "base_url" => value::web_address(given).map(|url| self.base_url = url),
            "api_key" => value::key(given).map(|key| self.api_key = Secret(key)),
            "connect_timeout" => value::duration(given, max).map(|wait| self.connect_timeout = wait),
            "first_token_timeout" => value::duration(given, max).map(|wait| self.first_token_timeout = wait),
            "token_gap_timeout" => value::duration(given, max).map(|wait| self.token_gap_timeout = wait),
            "total_timeout" => value::duration(given, max).map(|wait| self.total_timeout = wait),
            "max_tokens" => value::whole(given, 1, 100_000).map(|limit| self.max_tokens = limit as u32),
            "temperature" => value::number(given, 0.0, 2.0).map(|temperature| self.temperature = Some(temperature)),
            "context_tokens" => value::whole(given, 500, 1_000_000).map(|limit| self.context_tokens = Some(limit as usize)),
            "first_token_goal" => value::duration_or_zero(given, MAX_FIRST_TOKEN_GOAL).map(|time| self.first_token_goal = Some(time)),
            "api_key_file" => value::text(given, "a file that holds the key").and_then(|file| {
                let read = std::fs::read_to_string(&file).map_err(|error| format!("`{file}` can't be read: {error}"))?;
                value::key(&Value::String(read))
                    .map(|key| self.api_key = Secret(key))
                    .map_err(|problem| format!("the content of `{file}` is not a valid key: {problem}"))
            }),
            "api_key_env" => value::text(given, "the name of a variable that holds the key").and_then(|name| {
                let read = std::env::var(&name).map_err(|_| format!("the variable `{name}` is not set, or not valid UTF-8"))?;
                value::key(&Value::String(read))
                    .map(|key| self.api_key = Secret(key))
                    .map_err(|problem| format!("the value of `{name}` is not a valid key: {problem}"))
            }),
            "api_key_header" => value::text(given, "a header name, such as `api-key`").and_then(|name| {
                let name = name.parse().map_err(|_| "it must be a header name, such as `api-key`".to_owned())?;
                self.api_key_header = Some(name);
                Ok(())
            }),
            "headers" => value::pairs(given).and_then(|pairs| {
                for (name, text) in pairs {
                    let name: HeaderName = name.parse().map_err(|_| format!("`{name}` is not a valid header name"))?;
                    let mut text: HeaderValue = text.parse().map_err(|_| format!("the value of `{name}` is not a valid header value"))?;
                    text.set_sensitive(true);
                    self.headers.insert(name, text);
                }
                Ok(())
            }),
            "query" => value::pairs(given).map(|pairs| self.query = pairs),
            "body" => value::object(given).map(|body| self.body = body),
            "instruction_role" => match given.as_str() {
                Some(role @ ("system" | "developer")) => {
                    self.instruction_role = role.to_owned();
                    Ok(())
                }
                _ => Err("it must be `system` or `developer`".to_owned()),
            },
            "stream" => value::truth(given).map(|stream| self.stream = stream),
            "most_calls" => value::whole(given, 1, 10_000).map(|limit| self.most_calls = limit as usize),
            "tasks" => value::texts(given).and_then(|names| {
                let task = |name: &String| Task::ALL.into_iter().find(|task| task.word() == name);
                let tasks: Option<Vec<Task>> = names.iter().map(task).collect();
                tasks
                    .map(|tasks| self.tasks = tasks)
                    .ok_or_else(|| format!("it must be one or more of {}", Task::ALL.map(Task::word).join(", ")))
            }),
            _ => return None,
        })
    }
}

/// An embeddings endpoint, behind an OpenAI-compatible API.
#[derive(Debug, Clone)]
pub struct EmbeddingConfig {
    /// The model's name, as its server knows it.
    pub model: String,
    /// Base URL of the API, such as `https://api.openai.com/v1`.
    pub base_url: String,
    /// The API key; empty if the server needs none.
    pub api_key: Secret,
    /// Longest wait for a connection: a model's default.
    pub connect_timeout: Duration,
    /// How long a search waits for the embedding of its query.
    pub search_timeout: Duration,
    /// How long suggestions, and the search for a draft's sources, wait for an embedding.
    pub suggest_timeout: Duration,
    /// How the model is told what a text is.
    pub prompts: EmbeddingPrompts,
}

/// How an embedding model is told whether a text is a query or a passage. A model that was trained so compares worse without.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EmbeddingPrompts {
    /// What stands before each query.
    pub query: String,
    /// What stands before each passage of a document.
    pub passage: String,
    /// Whether requests say it as `input_type`: `query` or `passage`.
    pub input_type: bool,
}

impl EmbeddingPrompts {
    /// The families of models that have prompts of their own.
    const PRESETS: [&str; 6] = ["none", "e5", "nomic", "bge", "qwen", "input_type"];

    /// The prompts of a family of models, as their model cards give them.
    fn preset(name: &str) -> Result<EmbeddingPrompts, String> {
        let prompts =
            |query: &str, passage: &str| EmbeddingPrompts { query: query.to_owned(), passage: passage.to_owned(), input_type: false };
        match name {
            "none" => Ok(EmbeddingPrompts::default()),
            "e5" => Ok(prompts("query: ", "passage: ")),
            "nomic" => Ok(prompts("search_query: ", "search_document: ")),
            "bge" => Ok(prompts("Represent this sentence for searching relevant passages: ", "")),
            "qwen" => Ok(prompts("Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:", "")),
            "input_type" => Ok(EmbeddingPrompts { input_type: true, ..EmbeddingPrompts::default() }),
            _ => Err(format!("is not known; expected one of {}", EmbeddingPrompts::PRESETS.join(", "))),
        }
    }
}

/// Settings of an embeddings endpoint, as given; it is used only if `model` is set.
#[derive(Debug, Clone, Default)]
pub struct EmbeddingSettings {
    /// The model's name, as its server knows it; `None`: no embeddings.
    pub model: Option<String>,
    /// Base URL of the API; `None`: the first model's.
    pub base_url: Option<String>,
    /// The API key; `None`: the first model's, if its base URL is the same.
    pub api_key: Option<Secret>,
    /// How long a search waits for an embedding, up to 60 s; `None`: 50 ms.
    pub search_timeout: Option<Duration>,
    /// How long suggestions wait for an embedding, up to 60 s; `None`: 300 ms.
    pub suggest_timeout: Option<Duration>,
    /// What its family of models is told; by default nothing.
    pub preset: Option<EmbeddingPrompts>,
    /// What stands before each query, instead of the preset's.
    pub query_prefix: Option<String>,
    /// What stands before each passage, instead of the preset's.
    pub passage_prefix: Option<String>,
}

impl EmbeddingSettings {
    /// The setting keys of the `[embedding]` table.
    pub const KEYS: [&str; 8] =
        ["model", "base_url", "api_key", "preset", "query_prefix", "passage_prefix", "search_timeout", "suggest_timeout"];

    /// Sets one key; the error says which values are allowed. `None`: the key is unknown.
    pub fn set(&mut self, key: &str, given: &Value) -> Option<Result<(), String>> {
        let max = Duration::from_secs(60);
        Some(match key {
            "model" => value::text(given, "a model name, such as `text-embedding-3-small`").map(|model| self.model = Some(model)),
            "base_url" => value::web_address(given).map(|url| self.base_url = Some(url)),
            "api_key" => value::key(given).map(|key| self.api_key = Some(Secret(key))),
            "preset" => value::text(given, "a preset, such as `e5`")
                .and_then(|name| EmbeddingPrompts::preset(&name))
                .map(|prompts| self.preset = Some(prompts)),
            "query_prefix" => prefix(given).map(|prefix| self.query_prefix = Some(prefix)),
            "passage_prefix" => prefix(given).map(|prefix| self.passage_prefix = Some(prefix)),
            "search_timeout" => value::duration(given, max).map(|wait| self.search_timeout = Some(wait)),
            "suggest_timeout" => value::duration(given, max).map(|wait| self.suggest_timeout = Some(wait)),
            _ => return None,
        })
    }

    /// The endpoint, if a model is named. Without a base URL it is the first model's, with its API key. That key is never sent to another server.
    pub fn endpoint(&self, first_model: Option<&ModelConfig>) -> Option<EmbeddingConfig> {
        let model = self.model.clone()?;
        let default = ModelConfig::default();
        let first_model = first_model.unwrap_or(&default);
        let base_url = self.base_url.clone().unwrap_or_else(|| first_model.base_url.clone());
        let same_server = base_url == first_model.base_url;
        let api_key = self.api_key.clone().or_else(|| same_server.then(|| first_model.api_key.clone())).unwrap_or_default();
        let preset = self.preset.clone().unwrap_or_default();
        let prompts = EmbeddingPrompts {
            query: self.query_prefix.clone().unwrap_or(preset.query),
            passage: self.passage_prefix.clone().unwrap_or(preset.passage),
            input_type: preset.input_type,
        };
        Some(EmbeddingConfig {
            prompts,
            model,
            base_url,
            api_key,
            connect_timeout: default.connect_timeout,
            search_timeout: self.search_timeout.unwrap_or(Duration::from_millis(50)),
            suggest_timeout: self.suggest_timeout.unwrap_or(Duration::from_millis(300)),
        })
    }
}

/// Longest prefix of an embedded text.
const MAX_PREFIX_CHARACTERS: usize = 500;

fn prefix(given: &Value) -> Result<String, String> {
    let prefix = given.as_str().ok_or_else(|| "must be a text, such as `query: `".to_owned())?;
    match prefix.chars().count() {
        0..=MAX_PREFIX_CHARACTERS => Ok(prefix.to_owned()),
        _ => Err(format!("must have at most {MAX_PREFIX_CHARACTERS} characters")),
    }
}
