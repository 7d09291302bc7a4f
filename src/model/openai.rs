//! A model behind an OpenAI-compatible API, asked through async-openai with our own types, waits and rule of the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_openai::{Client, config::OpenAIConfig, error::OpenAIError};
use futures::{FutureExt, Stream, StreamExt};
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    time::{Instant, error::Elapsed, timeout_at},
};

use super::{
    Ending, ModelError, Prompt, TokensUsed,
    breaker::Breaker,
    calibration::{Calibration, Window},
    call::Call,
    chunk::Chunk,
    gate::Gate,
    retry::RetryBudget,
    thoughts::Thoughts,
    wire::{self, Extras, Wire},
};
use crate::{
    config::{ModelConfig, Task},
    text::estimate_tokens,
};

/// So long a reader waits before it asks the wire for more again.
const MOST_PATIENCE: Duration = Duration::from_millis(10);
/// Half more than its budget, for what was estimated too low, and instructions beside it: a prompt of more tokens is not sent.
const BESIDE_THE_CONTEXT: usize = 1500;

/// A model, ready to be asked.
pub struct OpenAi {
    config: ModelConfig,
    label: Arc<str>,
    client: reqwest::Client,
    extras: Arc<Extras>,
    context_tokens: usize,
    calibration: Calibration,
    pub breaker: Breaker,
    pub gate: Arc<Gate>,
    pub retries: RetryBudget,
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
    reading: Reading,
    first: Option<String>,
    call: Call,
}

/// A stream of chunks that is being read.
pub struct Reading {
    chunks: std::pin::Pin<Box<dyn Stream<Item = Result<Value, OpenAIError>> + Send>>,
    done: Arc<AtomicBool>,
    /// Tells the wire whether more is waited for.
    hungry: Arc<Notify>,
    asked: Instant,
    first_token: Duration,
    gap: Duration,
    /// No token may come after this.
    until: Instant,
    /// Until when the next sign of life must come.
    next_by: Instant,
    thoughts: Thoughts,
    finish_reason: String,
    pub used: TokensUsed,
    /// Bytes of text so far.
    pub bytes: usize,
}

impl OpenAi {
    /// `context_tokens` counts if the model has none of its own.
    pub fn new(config: &ModelConfig, label: &str, context_tokens: usize) -> Result<OpenAi, ModelError> {
        Ok(OpenAi {
            label: Arc::from(label),
            client: wire::client(config.connect_timeout)?,
            extras: Arc::new(Extras::of(config)?),
            context_tokens: config.context_tokens.unwrap_or(context_tokens),
            calibration: Calibration::new(),
            breaker: Breaker::default(),
            gate: Arc::new(Gate::new(config.most_calls)),
            retries: RetryBudget::new(Instant::now()),
            config: config.clone(),
        })
    }

    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Whether it is asked for this.
    pub fn does(&self, task: Task) -> bool {
        self.config.tasks.is_empty() || self.config.tasks.contains(&task)
    }

    /// What a prompt may hold now.
    pub fn window(&self) -> Window {
        Window { context_tokens: self.context_tokens, tokens_per_estimate: self.calibration.get() }
    }

    /// Its name in health and metrics, where no other model has it.
    pub fn label(&self) -> &Arc<str> {
        &self.label
    }

    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// What its answers teach of how it counts tokens.
    pub fn learn(&self, estimate: usize, prompt_tokens: u32) {
        self.calibration.learn(estimate, prompt_tokens);
    }

    /// The tokens that a prompt has by all we know. `Err`: more than the model takes.
    pub fn tokens_of(&self, prompt: &Prompt) -> Result<usize, ModelError> {
        let tokens = self.window().tokens(estimate(prompt));
        let most = self.context_tokens * 3 / 2 + BESIDE_THE_CONTEXT;
        if tokens > most { Err(ModelError::PromptTooLarge { tokens, most }) } else { Ok(tokens) }
    }

    /// Asks, and waits for the first piece of text.
    pub async fn ask(&self, prompt: &Prompt) -> Result<(Reading, String), ModelError> {
        let ModelConfig { first_token_timeout, token_gap_timeout, total_timeout, .. } = self.config;
        let asked = Instant::now();
        let first_by = asked + first_token_timeout.min(total_timeout);
        let done = Arc::new(AtomicBool::new(false));
        let hungry = Arc::new(Notify::new());
        let client = self.client_for_one_call(&done, Arc::clone(&hungry));
        let chat = client.chat();
        let opening = chat.create_stream_byot::<Value, Value>(self.request(prompt));
        let chunks = timeout_at(first_by, opening).await.map_err(|_| ModelError::TimedOut("to begin"))?.map_err(failure)?;
        let mut reading = Reading {
            chunks: Box::pin(chunks),
            done,
            hungry,
            asked,
            first_token: first_token_timeout,
            gap: token_gap_timeout,
            until: asked + total_timeout,
            next_by: first_by,
            thoughts: Thoughts::default(),
            finish_reason: String::new(),
            used: TokensUsed::default(),
            bytes: 0,
        };
        // White space alone is no beginning: another model, or the built-in engine, may still take over.
        let mut begun = String::new();
        while begun.trim().is_empty() {
            match reading.next().await? {
                Piece::Text(text) => begun.push_str(&text),
                Piece::End { .. } => return Err(ModelError::Empty),
            }
        }
        Ok((reading, begun))
    }

    /// The client is cheap; its wire belongs to one call, which so learns how its stream ended.
    fn client_for_one_call(&self, done: &Arc<AtomicBool>, hungry: Arc<Notify>) -> Client<OpenAIConfig> {
        let config = wire::server(&self.config.base_url, &self.config.api_key);
        Client::build(self.client.clone(), config).with_http_service(Wire {
            client: self.client.clone(),
            extras: Arc::clone(&self.extras),
            done: Arc::clone(done),
            hungry,
        })
    }

    fn request(&self, prompt: &Prompt) -> Value {
        // OpenAI's newer models take only the newer name, most other servers only the older.
        let limit = if self.config.base_url.contains("api.openai.com") { "max_completion_tokens" } else { "max_tokens" };
        let mut request = json!({
            "model": self.config.name,
            "messages": [
                { "role": self.config.instruction_role, "content": prompt.system },
                { "role": "user", "content": prompt.user },
            ],
            "stream": self.config.stream,
            limit: self.config.max_tokens,
        });
        if self.config.stream {
            request["stream_options"] = json!({ "include_usage": true });
        }
        if let Some(temperature) = self.config.temperature {
            request["temperature"] = json!(temperature);
        }
        for (field, value) in &self.config.body {
            if value.is_null() {
                request.as_object_mut().map(|request| request.remove(field));
            } else {
                request[field.as_str()] = value.clone();
            }
        }
        request
    }
}

impl Answer {
    /// What follows a beginning.
    pub fn of(reading: Reading, begun: String, mut call: Call) -> Answer {
        call.began(reading.asked.elapsed(), begun.len());
        Answer { model: call.model.name().to_owned(), reading, first: Some(begun), call }
    }

    /// The next piece. After the end or an error there is no more to ask for.
    pub async fn next(&mut self) -> Result<Piece, ModelError> {
        if let Some(first) = self.first.take() {
            return Ok(Piece::Text(first));
        }
        let piece = self.reading.next().await;
        match &piece {
            Ok(Piece::Text(_)) => self.call.wrote(self.reading.bytes),
            Ok(Piece::End { used, .. }) => self.call.ended(*used),
            Err(error) => self.call.failed(error),
        }
        piece
    }
}

impl Reading {
    /// The next piece. After the end or an error there is no more to ask for.
    pub async fn next(&mut self) -> Result<Piece, ModelError> {
        loop {
            let by = self.next_by.min(self.until);
            let came = self.wait(by).await;
            let chunk = match came {
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
            let told = !chunk.text.is_empty();
            let text = self.thoughts.without(chunk.text);
            if chunk.reasoning || (told && text.is_empty()) {
                // Before the first text a model that thinks has as long again as for its first token.
                let wait = if self.bytes == 0 { self.first_token } else { self.gap };
                self.next_by = self.next_by.max(Instant::now() + wait);
            }
            if let Some(used) = chunk.used {
                self.used = used;
            }
            if !chunk.finish_reason.is_empty() {
                self.finish_reason = chunk.finish_reason;
            }
            if !text.is_empty() {
                self.next_by = Instant::now() + self.gap;
                self.bytes += text.len();
                return Ok(Piece::Text(text));
            }
        }
    }

    /// The next chunk, which must come by then. The wire reads on only while somebody waits here.
    async fn wait(&mut self, by: Instant) -> Result<Option<Result<Value, OpenAIError>>, Elapsed> {
        if let Some(came) = self.chunks.next().now_or_never() {
            return Ok(came);
        }
        loop {
            self.hungry.notify_one();
            // What is no chunk, such as a comment, wakes nobody: it is asked for more of it again.
            let turn = by.min(Instant::now() + MOST_PATIENCE);
            match timeout_at(turn, self.chunks.next()).await {
                Err(elapsed) if turn == by => return Err(elapsed),
                Err(_) => {}
                Ok(came) => return Ok(came),
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
        Ok(Piece::End { ending, used: self.used })
    }
}

/// The tokens of a prompt as we estimate them.
pub fn estimate(prompt: &Prompt) -> usize {
    estimate_tokens(&prompt.system) + estimate_tokens(&prompt.user)
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
