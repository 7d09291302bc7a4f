//! A model behind an OpenAI-compatible API, called through async-openai with our own types, timeouts and end-of-stream rule.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_openai::{Client, config::OpenAIConfig};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::{
    config::{ModelConfig, Task},
    model::{
        Prompt, TokensUsed,
        admission::AdmissionGate,
        answer_reader::{AnswerReader, Delta, failure},
        breaker::Breaker,
        calibration::{Calibration, Window},
        error::{ModelError, Timeout},
        finish::Finish,
        http::{self, HttpTransport, RequestExtras},
        reasoning::ReasoningFilter,
        retry::RetryBudget,
        said::Said,
        stream_state::StreamState,
        surrogates::Joiner,
        token_budget::TokenMeter,
    },
    text::estimate_tokens,
};

/// A silence counts against the model from this fraction of the first-token timeout on: one fifth.
const LONG_SILENCE_DIVISOR: u32 = 5;
/// Tokens allowed for the instructions besides the context. A prompt over one and a half times the budget (for estimates that were too low)
/// plus this is not sent.
const INSTRUCTION_TOKENS: usize = 1500;

/// A model, ready to be called.
pub struct Endpoint {
    config: ModelConfig,
    label: Arc<str>,
    client: reqwest::Client,
    extras: Arc<RequestExtras>,
    context_tokens: usize,
    calibration: Calibration,
    /// Whether its last reasoning had no opening tag.
    reasoning_first: Arc<AtomicBool>,
    /// Whether its last fault was that the provider's quota is used up.
    quota_used_up: AtomicBool,
    pub breaker: Breaker,
    pub gate: Arc<AdmissionGate>,
    pub retries: RetryBudget,
}

impl Endpoint {
    /// `context_tokens` is the default if the model sets none.
    pub fn new(config: &ModelConfig, label: &str, context_tokens: usize) -> Result<Endpoint, ModelError> {
        Ok(Endpoint {
            label: Arc::from(label),
            client: http::client(config.connect_timeout)?,
            extras: Arc::new(RequestExtras::from_config(config)?),
            context_tokens: config.context_tokens.unwrap_or(context_tokens),
            calibration: Calibration::new(),
            reasoning_first: Arc::default(),
            quota_used_up: AtomicBool::default(),
            breaker: Breaker::default(),
            gate: Arc::new(AdmissionGate::new(config.most_calls)),
            retries: RetryBudget::new(Instant::now()),
            config: config.clone(),
        })
    }

    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Whether it is configured for a task.
    pub fn handles(&self, task: Task) -> bool {
        self.config.handles(task)
    }

    /// Its context window, as calibrated so far.
    pub fn window(&self) -> Window {
        Window { context_tokens: self.context_tokens, tokens_per_estimate: self.calibration.get() }
    }

    /// Its unique name in health and metrics.
    pub fn label(&self) -> &Arc<str> {
        &self.label
    }

    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Calibrates token estimates with the usage that an answer reports.
    pub fn learn(&self, estimate: usize, prompt_tokens: u32) {
        self.calibration.learn(estimate, prompt_tokens);
    }

    /// The calibrated token estimate of a prompt. `Err`: more than the model takes.
    pub fn tokens_of(&self, prompt: &Prompt) -> Result<usize, ModelError> {
        let tokens = self.window().tokens(estimate(prompt));
        let max = self.context_tokens * 3 / 2 + INSTRUCTION_TOKENS;
        if tokens > max { Err(ModelError::PromptTooLarge { tokens, max }) } else { Ok(tokens) }
    }

    /// Whether a silence is long enough to count against the model.
    pub fn is_long(&self, silent: Duration) -> bool {
        silent >= self.config.first_token_timeout / LONG_SILENCE_DIVISOR
    }

    /// Notes why it failed last.
    pub fn note_fault(&self, error: &ModelError) {
        self.quota_used_up.store(matches!(error, ModelError::QuotaUsedUp), Ordering::Relaxed);
    }

    /// Why it is not called while its circuit breaker is open, with the wait until the next probe.
    pub fn down(&self, wait: Duration) -> ModelError {
        if self.quota_used_up.load(Ordering::Relaxed) { ModelError::QuotaUsedUp } else { ModelError::Down(wait) }
    }

    /// Calls the model and waits for its first text, at most until `begin_by`. `meter` counts the tokens that it uses.
    pub async fn ask(&self, prompt: &Prompt, begin_by: Option<Instant>, meter: &TokenMeter) -> Result<(AnswerReader, String), ModelError> {
        let ModelConfig { first_token_timeout, token_gap_timeout, total_timeout, .. } = self.config;
        let started = Instant::now();
        let first_by = started + first_token_timeout.min(total_timeout);
        let open_by = begin_by.map_or(first_by, |by| by.min(first_by));
        let state = Arc::new(StreamState::new(started));
        let client = self.client_for_one_call(Arc::clone(&state));
        let chat = client.chat();
        let opening = chat.create_stream_byot::<Value, Value>(self.request(prompt));
        let late = |_| if self.is_long(started.elapsed()) { ModelError::TimedOut(Timeout::FirstToken) } else { ModelError::NotInTime };
        let chunks = timeout_at(open_by, opening).await.map_err(late)?.map_err(failure)?;
        let mut meter = meter.clone();
        meter.begin();
        let mut reader = AnswerReader {
            chunks: Box::pin(chunks),
            state,
            started,
            first_token: first_token_timeout,
            token_gap: token_gap_timeout,
            until: started + total_timeout,
            next_by: first_by,
            begin_by,
            alive_at: started,
            long_silence: first_token_timeout / LONG_SILENCE_DIVISOR,
            paused_at: None,
            reasoning: ReasoningFilter::new(self.reasoning_first.load(Ordering::Relaxed)),
            reasoning_first: Arc::clone(&self.reasoning_first),
            said: Said::default(),
            joiner: Joiner::default(),
            finish: Finish::default(),
            ending: None,
            used: TokensUsed::default(),
            has_text: false,
            meter,
        };
        // White space alone does not count as a first token: another model, or the built-in engine, may still take over.
        let mut first = String::new();
        while first.trim().is_empty() {
            match reader.next().await? {
                Delta::Text(text) => first.push_str(&text),
                Delta::End { .. } => return Err(ModelError::Empty),
            }
        }
        Ok((reader, first))
    }

    /// A client for one call. It is cheap; its transport belongs to the call, which learns from it how its stream ended.
    fn client_for_one_call(&self, state: Arc<StreamState>) -> Client<OpenAIConfig> {
        let config = http::server(&self.config.base_url, &self.config.api_key);
        Client::build(self.client.clone(), config).with_http_service(HttpTransport {
            client: self.client.clone(),
            extras: Arc::clone(&self.extras),
            state,
        })
    }

    fn request(&self, prompt: &Prompt) -> Value {
        // OpenAI's newer models accept only the newer name, most other servers only the older.
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

/// The estimated tokens of a prompt.
pub fn estimate(prompt: &Prompt) -> usize {
    estimate_tokens(&prompt.system) + estimate_tokens(&prompt.user)
}
