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
    task::coop::{consume_budget, unconstrained},
    time::{Instant, error::Elapsed, timeout_at},
};

use crate::{
    config::{ModelConfig, Task},
    model::{
        Ending, Prompt, TokensUsed,
        admission::AdmissionGate,
        breaker::Breaker,
        calibration::{Calibration, Window},
        call::Call,
        chunk::Chunk,
        error::ModelError,
        http::{self, HttpTransport, RequestExtras},
        reasoning::{ReasoningFilter, UnopenedReasoning},
        retry::RetryBudget,
        token_budget::TokenMeter,
    },
    text::estimate_tokens,
};

/// A model that is silent for this part of what it has until its first token is silent for long.
const LONG: u32 = 5;
/// Half more than its budget, for what was estimated too low, and instructions beside it: a prompt of more tokens is not sent.
const BESIDE_THE_CONTEXT: usize = 1500;

/// A model, ready to be asked.
pub struct Endpoint {
    config: ModelConfig,
    label: Arc<str>,
    client: reqwest::Client,
    extras: Arc<RequestExtras>,
    context_tokens: usize,
    calibration: Calibration,
    /// Whether its last thoughts had no beginning.
    thinks_first: Arc<AtomicBool>,
    pub breaker: Breaker,
    pub gate: Arc<AdmissionGate>,
    pub retries: RetryBudget,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delta {
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
    demand: Arc<Notify>,
    asked: Instant,
    first_token: Duration,
    gap: Duration,
    /// No token may come after this.
    until: Instant,
    /// Until when the next sign of life must come.
    next_by: Instant,
    /// Until when the caller waits for the first text.
    begin_by: Option<Instant>,
    /// When there was a sign of life last.
    alive: Instant,
    /// How long it may be silent until it is for long.
    long: Duration,
    /// Since when nobody reads: that time is not the model's.
    away: Option<Instant>,
    thoughts: ReasoningFilter,
    thinks_first: Arc<AtomicBool>,
    finish_reason: String,
    /// How it ended, when all but that was told.
    ending: Option<Ending>,
    used: TokensUsed,
    /// Whether text was given out.
    begun: bool,
    meter: TokenMeter,
}

impl Endpoint {
    /// `context_tokens` counts if the model has none of its own.
    pub fn new(config: &ModelConfig, label: &str, context_tokens: usize) -> Result<Endpoint, ModelError> {
        Ok(Endpoint {
            label: Arc::from(label),
            client: http::client(config.connect_timeout)?,
            extras: Arc::new(RequestExtras::of(config)?),
            context_tokens: config.context_tokens.unwrap_or(context_tokens),
            calibration: Calibration::new(),
            thinks_first: Arc::default(),
            breaker: Breaker::default(),
            gate: Arc::new(AdmissionGate::new(config.most_calls)),
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

    /// Whether a model that was silent for so long should have begun.
    pub fn is_long(&self, silent: Duration) -> bool {
        silent >= self.config.first_token_timeout / LONG
    }

    /// Asks, and waits for the first piece of text, where the caller has only so much time until `begin_by`. What it costs by now `meter`
    /// tells.
    pub async fn ask(&self, prompt: &Prompt, begin_by: Option<Instant>, meter: &TokenMeter) -> Result<(Reading, String), ModelError> {
        let ModelConfig { first_token_timeout, token_gap_timeout, total_timeout, .. } = self.config;
        let asked = Instant::now();
        let first_by = asked + first_token_timeout.min(total_timeout);
        let open_by = begin_by.map_or(first_by, |by| by.min(first_by));
        let done = Arc::new(AtomicBool::new(false));
        let demand = Arc::new(Notify::new());
        let client = self.client_for_one_call(&done, Arc::clone(&demand));
        let chat = client.chat();
        let opening = chat.create_stream_byot::<Value, Value>(self.request(prompt));
        let late = |_| if self.is_long(asked.elapsed()) { ModelError::TimedOut("to begin") } else { ModelError::NotInTime };
        let chunks = timeout_at(open_by, opening).await.map_err(late)?.map_err(failure)?;
        let mut meter = meter.clone();
        meter.begin();
        let mut reading = Reading {
            chunks: Box::pin(chunks),
            done,
            demand,
            asked,
            first_token: first_token_timeout,
            gap: token_gap_timeout,
            until: asked + total_timeout,
            next_by: first_by,
            begin_by,
            alive: asked,
            long: first_token_timeout / LONG,
            away: None,
            thoughts: ReasoningFilter::new(self.thinks_first.load(Ordering::Relaxed)),
            thinks_first: Arc::clone(&self.thinks_first),
            finish_reason: String::new(),
            ending: None,
            used: TokensUsed::default(),
            begun: false,
            meter,
        };
        // White space alone is no beginning: another model, or the built-in engine, may still take over.
        let mut begun = String::new();
        while begun.trim().is_empty() {
            match reading.next().await? {
                Delta::Text(text) => begun.push_str(&text),
                Delta::End { .. } => return Err(ModelError::Empty),
            }
        }
        Ok((reading, begun))
    }

    /// The client is cheap; its wire belongs to one call, which so learns how its stream ended.
    fn client_for_one_call(&self, done: &Arc<AtomicBool>, demand: Arc<Notify>) -> Client<OpenAIConfig> {
        let config = http::server(&self.config.base_url, &self.config.api_key);
        Client::build(self.client.clone(), config).with_http_service(HttpTransport {
            client: self.client.clone(),
            extras: Arc::clone(&self.extras),
            done: Arc::clone(done),
            demand,
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
        call.began(reading.asked.elapsed());
        Answer { model: call.model.name().to_owned(), reading, first: Some(begun), call }
    }

    /// The next piece. After the end or an error there is no more to ask for.
    pub async fn next(&mut self) -> Result<Delta, ModelError> {
        if let Some(first) = self.first.take() {
            return Ok(Delta::Text(first));
        }
        let piece = self.reading.next().await;
        match &piece {
            Ok(Delta::Text(_)) => {}
            Ok(Delta::End { used, .. }) => self.call.ended(*used),
            Err(error) => self.call.failed(error),
        }
        piece
    }
}

impl Reading {
    /// The next piece. After the end or an error there is no more to ask for.
    pub async fn next(&mut self) -> Result<Delta, ModelError> {
        if let Some(since) = self.away.take() {
            self.until += since.elapsed();
            self.next_by += since.elapsed();
        }
        let piece = self.read().await;
        self.away = Some(Instant::now());
        piece
    }

    async fn read(&mut self) -> Result<Delta, ModelError> {
        if let Some(ending) = self.ending {
            return Ok(Delta::End { ending, used: self.used });
        }
        loop {
            let by = self.next_by.min(self.until);
            let begin_by = self.begin_by.filter(|begin_by| !self.begun && *begin_by < by);
            let chunk = match self.wait(begin_by.unwrap_or(by)).await {
                // Whatever comes of a server that has said why it ends: some leave the connection open, others break it off.
                Err(_) | Ok(Some(Err(_))) if !self.finish_reason.is_empty() => return self.end(),
                Err(_) if begin_by.is_some() && self.alive.elapsed() < self.long => return Err(ModelError::NotInTime),
                Err(_) => return Err(ModelError::TimedOut(if by == self.until { "in all" } else { "for a token" })),
                Ok(None) => return self.end(),
                Ok(Some(Ok(value))) => Chunk::read(&value),
                Ok(Some(Err(OpenAIError::JSONDeserialize(_, content)))) => match content.trim() {
                    "" => continue,
                    // The library knows it without spaces alone.
                    "[DONE]" => return self.end(),
                    _ => return Err(ModelError::Garbled),
                },
                Ok(Some(Err(error))) => return Err(failure(error)),
            };
            if chunk.error {
                return Err(ModelError::Reported);
            }
            let told = chunk.text.len() + chunk.reasoning;
            let text = self.thoughts.without(chunk.text).map_err(|UnopenedReasoning| {
                self.thinks_first.store(true, Ordering::Relaxed);
                ModelError::ReasoningInText
            })?;
            if told > 0 {
                self.alive = Instant::now();
                self.meter.made(told);
                // Before the first text a model that thinks has as long again as for its first token.
                let wait = if self.begun || !text.is_empty() { self.gap } else { self.first_token };
                self.next_by = if text.is_empty() { self.next_by.max(self.alive + wait) } else { self.alive + wait };
            }
            if let Some(used) = chunk.used {
                self.used = used;
            }
            if !chunk.finish_reason.is_empty() {
                self.finish_reason = chunk.finish_reason;
            }
            if !text.is_empty() {
                self.begun = true;
                return Ok(Delta::Text(text));
            }
        }
    }

    /// The next chunk, which must come by then. The wire reads on only while somebody waits here.
    async fn wait(&mut self, by: Instant) -> Result<Option<Result<Value, OpenAIError>>, Elapsed> {
        consume_budget().await;
        // Under tokio's budget a channel may say that it is empty when it is not: then more would be asked for than was read.
        if let Some(came) = unconstrained(self.chunks.next()).now_or_never() {
            return Ok(came);
        }
        self.demand.notify_one();
        timeout_at(by, self.chunks.next()).await
    }

    /// An end without a finish reason and without `[DONE]` is no end.
    fn end(&mut self) -> Result<Delta, ModelError> {
        if self.used != TokensUsed::default() {
            self.meter.told(self.used);
        }
        let ending = match self.finish_reason.to_lowercase().as_str() {
            "content_filter" | "safety" => return Err(ModelError::Filtered),
            "error" | "insufficient_system_resource" => return Err(ModelError::CutOff),
            "" if !self.done.load(Ordering::Relaxed) => return Err(ModelError::CutOff),
            "length" | "max_length" | "max_tokens" | "model_length" => Ending::Truncated,
            _ => Ending::Done,
        };
        let assumed = self.thoughts.is_assumed();
        let rest = self.thoughts.rest();
        // A thought that was cut off is no text; else what was taken for one was none.
        if rest.is_empty() || (assumed && ending == Ending::Truncated) {
            return Ok(Delta::End { ending, used: self.used });
        }
        if assumed {
            self.thinks_first.store(false, Ordering::Relaxed);
        }
        self.ending = Some(ending);
        Ok(Delta::Text(rest))
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
