//! A model behind an OpenAI-compatible API, asked through async-openai with our own types, waits and rule of the end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_openai::{Client, config::OpenAIConfig};
use serde_json::{Value, json};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

use crate::{
    config::{ModelConfig, Task},
    model::{
        Prompt, TokensUsed,
        admission::AdmissionGate,
        answer_reader::{AnswerReader, Delta, failure},
        breaker::Breaker,
        calibration::{Calibration, Window},
        error::ModelError,
        http::{self, HttpTransport, RequestExtras},
        reasoning::ReasoningFilter,
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
    pub async fn ask(&self, prompt: &Prompt, begin_by: Option<Instant>, meter: &TokenMeter) -> Result<(AnswerReader, String), ModelError> {
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
        let mut reading = AnswerReader {
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

/// The tokens of a prompt as we estimate them.
pub fn estimate(prompt: &Prompt) -> usize {
    estimate_tokens(&prompt.system) + estimate_tokens(&prompt.user)
}
