//! A model behind an OpenAI-compatible API, asked through async-openai with our own types, waits and rule of the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_openai::{Client, config::OpenAIConfig, error::OpenAIError};
use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{
    Ending, ModelError, Prompt, TokensUsed,
    calibration::{Calibration, Window},
    chunk::Chunk,
    wire::{self, Wire},
};
use crate::{config::ModelConfig, text::estimate_tokens};

/// A model, ready to be asked.
pub struct OpenAi {
    config: ModelConfig,
    client: reqwest::Client,
    context_tokens: usize,
    calibration: Arc<Calibration>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    End { ending: Ending, used: TokensUsed },
}

/// An answer that is being given. Dropping it closes the connection to the model.
pub struct Answer {
    pub model: String,
    chunks: std::pin::Pin<Box<dyn Stream<Item = Result<Value, OpenAIError>> + Send>>,
    done: Arc<AtomicBool>,
    gap: Duration,
    /// No token may come after this.
    until: Instant,
    /// Until when the next sign of life must come.
    next_by: Instant,
    first: Option<String>,
    finish_reason: String,
    used: TokensUsed,
    calibration: Arc<Calibration>,
    estimate: usize,
}

impl OpenAi {
    /// `context_tokens` counts if the model has none of its own.
    pub fn new(config: &ModelConfig, context_tokens: usize) -> Result<OpenAi, ModelError> {
        let client = wire::client(config.connect_timeout)?;
        let context_tokens = config.context_tokens.unwrap_or(context_tokens);
        Ok(OpenAi { config: config.clone(), client, context_tokens, calibration: Arc::new(Calibration::new()) })
    }

    /// What a prompt may hold now.
    pub fn window(&self) -> Window {
        Window { context_tokens: self.context_tokens, tokens_per_estimate: self.calibration.get() }
    }

    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Asks, and waits for the first piece of text.
    pub async fn ask(&self, prompt: &Prompt) -> Result<Answer, ModelError> {
        let ModelConfig { first_token_timeout, token_gap_timeout, total_timeout, .. } = self.config;
        let asked = Instant::now();
        let first_by = asked + first_token_timeout.min(total_timeout);
        let done = Arc::new(AtomicBool::new(false));
        let client = self.client_for_one_call(&done);
        let chat = client.chat();
        let opening = chat.create_stream_byot::<Value, Value>(self.request(prompt));
        let chunks = timeout_at(first_by, opening).await.map_err(|_| ModelError::TimedOut("to begin"))?.map_err(failure)?;
        let mut answer = Answer {
            model: self.config.name.clone(),
            chunks: Box::pin(chunks),
            done,
            gap: token_gap_timeout,
            until: asked + total_timeout,
            next_by: first_by,
            first: None,
            finish_reason: String::new(),
            used: TokensUsed::default(),
            calibration: Arc::clone(&self.calibration),
            estimate: estimate_tokens(&prompt.system) + estimate_tokens(&prompt.user),
        };
        // White space alone is no beginning: another model, or the built-in engine, may still take over.
        let mut begun = String::new();
        while begun.trim().is_empty() {
            match answer.next().await? {
                Piece::Text(text) => begun.push_str(&text),
                Piece::End { .. } => return Err(ModelError::Empty),
            }
        }
        answer.first = Some(begun);
        Ok(answer)
    }

    /// The client is cheap; its wire belongs to one call, which so learns how its stream ended.
    fn client_for_one_call(&self, done: &Arc<AtomicBool>) -> Client<OpenAIConfig> {
        let config = wire::server(&self.config.base_url, &self.config.api_key);
        Client::build(self.client.clone(), config).with_http_service(Wire { client: self.client.clone(), done: Arc::clone(done) })
    }

    fn request(&self, prompt: &Prompt) -> Value {
        // OpenAI's newer models take only the newer name, most other servers only the older.
        let limit = if self.config.base_url.contains("api.openai.com") { "max_completion_tokens" } else { "max_tokens" };
        let mut request = json!({
            "model": self.config.name,
            "messages": [
                { "role": "system", "content": prompt.system },
                { "role": "user", "content": prompt.user },
            ],
            "stream": true,
            "stream_options": { "include_usage": true },
            limit: self.config.max_tokens,
        });
        if let Some(temperature) = self.config.temperature {
            request["temperature"] = json!(temperature);
        }
        request
    }
}

impl Answer {
    /// The next piece. After the end or an error there is no more to ask for.
    pub async fn next(&mut self) -> Result<Piece, ModelError> {
        if let Some(first) = self.first.take() {
            return Ok(Piece::Text(first));
        }
        loop {
            let by = self.next_by.min(self.until);
            let chunk = match timeout_at(by, self.chunks.next()).await {
                // Some servers say why they ended and leave the connection open.
                Err(_) if !self.finish_reason.is_empty() => return self.end(),
                Err(_) => return Err(ModelError::TimedOut(if by == self.until { "in all" } else { "for a token" })),
                Ok(None) => return self.end(),
                Ok(Some(Ok(value))) => Chunk::read(&value),
                Ok(Some(Err(OpenAIError::JSONDeserialize(_, content)))) if content.trim().is_empty() => continue,
                Ok(Some(Err(error))) => return Err(failure(error)),
            };
            if chunk.error {
                return Err(ModelError::Reported);
            }
            if chunk.reasoning {
                self.next_by = self.next_by.max(Instant::now() + self.gap);
            }
            if let Some(used) = chunk.used {
                self.used = used;
            }
            if !chunk.finish_reason.is_empty() {
                self.finish_reason = chunk.finish_reason;
            }
            if !chunk.text.is_empty() {
                self.next_by = Instant::now() + self.gap;
                return Ok(Piece::Text(chunk.text));
            }
        }
    }

    /// An end without a finish reason and without `[DONE]` is no end.
    fn end(&self) -> Result<Piece, ModelError> {
        let ending = match self.finish_reason.as_str() {
            "content_filter" => return Err(ModelError::Filtered),
            "" if !self.done.load(Ordering::Relaxed) => return Err(ModelError::CutOff),
            "length" => Ending::Truncated,
            _ => Ending::Done,
        };
        self.calibration.learn(self.estimate, self.used.prompt);
        Ok(Piece::End { ending, used: self.used })
    }
}

/// What async-openai says, in our words: its own hold the server's text.
pub fn failure(error: OpenAIError) -> ModelError {
    match error {
        OpenAIError::Boxed(error) => error.downcast_ref::<ModelError>().cloned().unwrap_or(ModelError::Unreachable),
        OpenAIError::StreamError(_) => ModelError::CutOff,
        OpenAIError::Reqwest(_) => ModelError::Unreachable,
        _ => ModelError::Garbled,
    }
}
