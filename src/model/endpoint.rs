//! A model behind an OpenAI-compatible API, called through async-openai with our own types, timeouts and end-of-stream rule.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_openai::{Client, config::OpenAIConfig};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::{
    config::{ContextLimits, ModelConfig, Task},
    model::{
        Ending, Prompt, TokensUsed,
        admission::AdmissionGate,
        answer_reader::{AnswerReader, Delta, failure},
        breaker::Breaker,
        calibration::{Calibration, Window},
        error::{ModelError, Timeout},
        finish::Finish,
        http::{self, HttpTransport, RequestExtras},
        reading_speed::ReadingSpeed,
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

/// From so many estimated tokens on, a prompt is long for a model whose reading speed is not known.
const LONG_PROMPT: usize = 2500;
/// A prompt that was not read in a time is assumed to take so many times as long.
const UNREAD: u32 = 6;
/// Longest time for which a server is left to end the work of a call that was given up.
const MAX_SETTLING: Duration = Duration::from_secs(2);
/// The share of the time for an answer that is planned for, and fewest tokens that an answer may have.
const TIME_TO_WRITE: f64 = 0.6;
const MIN_ANSWER: u32 = 64;
/// How many times as fast as it writes a model reads, before that is measured.
const READS_FASTER: f64 = 20.0;
/// Fewest tokens that tell how fast a model writes, and bytes of a token where it does not count them.
const MIN_WRITTEN: u32 = 16;
const TOKEN_BYTES: usize = 4;

/// The times of an answer.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// From the request to the first text.
    pub first_token: Duration,
    /// From the request to the end, without the time in which nobody read.
    pub total: Duration,
    /// Tokens of the prompt that were read anew and the time for it, if the server says so.
    pub read: Option<(usize, Duration)>,
}

/// A model, ready to be called.
pub struct Endpoint {
    config: ModelConfig,
    label: Arc<str>,
    client: reqwest::Client,
    extras: Arc<RequestExtras>,
    limits: ContextLimits,
    calibration: Calibration,
    reading: ReadingSpeed,
    /// Tokens that it writes in a second, as measured last; 0: not known.
    writing: AtomicU32,
    /// Whether its server told how it read a prompt, as llama.cpp does: then it can also tell while it reads.
    tells_reading: AtomicBool,
    /// Whether an answer needs more tokens than its text has: those of hidden reasoning.
    needs_room: AtomicBool,
    /// When its server has ended the work of calls that were given up.
    settled_at: Mutex<Instant>,
    /// Whether its last reasoning had no opening tag.
    reasoning_first: Arc<AtomicBool>,
    /// Whether its last fault was that the provider's quota is used up.
    quota_used_up: AtomicBool,
    pub breaker: Breaker,
    pub gate: Arc<AdmissionGate>,
    pub retries: RetryBudget,
}

impl Endpoint {
    /// `limits` are those of a model that sets none.
    pub fn new(config: &ModelConfig, label: &str, limits: ContextLimits) -> Result<Endpoint, ModelError> {
        Ok(Endpoint {
            label: Arc::from(label),
            client: http::client(config.connect_timeout)?,
            extras: Arc::new(RequestExtras::from_config(config)?),
            limits: ContextLimits {
                tokens: config.context_tokens.unwrap_or(limits.tokens),
                first_token_goal: config.first_token_goal.unwrap_or(limits.first_token_goal),
            },
            calibration: Calibration::new(),
            reading: ReadingSpeed::default(),
            writing: AtomicU32::default(),
            tells_reading: AtomicBool::default(),
            needs_room: AtomicBool::default(),
            settled_at: Mutex::new(Instant::now()),
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

    /// Its context window, as calibrated and measured so far.
    pub fn window(&self) -> Window {
        let ContextLimits { tokens, first_token_goal } = self.limits;
        Window {
            context_tokens: self.reading.context(tokens, first_token_goal),
            full_context_tokens: tokens,
            reading_speed: self.reading.tokens_per_second(),
            tokens_per_estimate: self.calibration.get(),
        }
    }

    /// How long to wait for the first token of a long prompt while it is not known how fast the model reads; `None`: as long as its timeout.
    pub fn patience(&self, prompt: &Prompt) -> Option<Duration> {
        let goal = self.limits.first_token_goal;
        let is_sooner = !goal.is_zero() && goal < self.config.first_token_timeout;
        (is_sooner && self.reading.is_unknown() && estimate(prompt) > LONG_PROMPT).then_some(goal)
    }

    /// How long it takes to its first token for a prompt of so many tokens; `None`: not known.
    pub fn first_token_time(&self, tokens: usize) -> Option<Duration> {
        self.reading.time_of(tokens)
    }

    /// The tokens that it reads in a time; `None`: not known.
    pub fn readable_in(&self, time: Duration) -> Option<usize> {
        Some((self.reading.tokens_per_second()? * time.as_secs_f64()) as usize)
    }

    /// Notes that a prompt was not read in this time.
    pub fn reads_slowly(&self, prompt: &Prompt, waited: Duration) {
        tracing::warn!(
            model = self.name(),
            waited_ms = waited.as_millis() as u64,
            "no first token yet: the model reads slowly, so the prompt is sent again with a shorter context (`first_token_goal`)"
        );
        self.reading.assume(self.window().tokens(estimate(prompt)), waited * UNREAD);
    }

    /// Notes that a call was given up after this time: a server that reads slowly works on for as long as it takes to notice. Others have no wait
    /// for the sake of one caller who left.
    pub fn gave_up(&self, prompt_tokens: usize, waited: Duration) {
        if self.window().context_tokens == self.limits.tokens {
            return;
        }
        let left = self.reading.time_of(prompt_tokens).map_or(Duration::ZERO, |time| time.saturating_sub(waited)).min(MAX_SETTLING);
        let mut settled_at = self.settled_at.lock().unwrap_or_else(PoisonError::into_inner);
        *settled_at = (*settled_at).max(Instant::now() + left);
    }

    /// When its server has ended the work of calls that were given up. The next call waits for that instead of adding to it.
    pub fn settled_at(&self) -> Instant {
        *self.settled_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The largest number of tokens in the answer to a prompt: what its text may need, and what the model writes in time.
    pub fn answer_limit(&self, prompt: &Prompt) -> u32 {
        let most = self.config.max_tokens;
        if self.needs_room.load(Ordering::Relaxed) {
            return most;
        }
        let tokens = |estimate: usize| u32::try_from(self.window().tokens(estimate)).unwrap_or(u32::MAX);
        // Before it is measured, by how fast it reads.
        let speed = match self.writing.load(Ordering::Relaxed) {
            0 => self.reading.tokens_per_second().map_or(0.0, |reads| reads / READS_FASTER),
            measured => f64::from(measured),
        };
        let reading = self.reading.time_of(tokens(estimate(prompt)) as usize).unwrap_or_default();
        let in_time = (self.config.total_timeout.saturating_sub(reading).as_secs_f64() * TIME_TO_WRITE * speed) as u32;
        let limits = [prompt.answer_tokens.map(tokens), (speed > 0.0).then_some(in_time)];
        limits.into_iter().flatten().fold(most, |least, limit| least.min(limit.max(MIN_ANSWER)))
    }

    /// Its unique name in health and metrics.
    pub fn label(&self) -> &Arc<str> {
        &self.label
    }

    pub fn name(&self) -> &str {
        &self.config.name
    }

    /// Learns from an answer that ended: calibrates token estimates with its usage, and measures how fast the model reads and writes.
    pub fn learn(&self, estimate: usize, used: TokensUsed, took: Took) {
        self.calibration.learn(estimate, used.prompt);
        let prompt = if used.prompt > 0 { used.prompt as usize } else { self.window().tokens(estimate) };
        if took.read.is_some() {
            self.tells_reading.store(true, Ordering::Relaxed);
        }
        let (tokens, time) = took.read.unwrap_or((prompt.saturating_sub(used.cached as usize), took.first_token));
        self.reading.learn(tokens, time);
        self.wrote(used.completion, took.total.saturating_sub(took.first_token));
    }

    /// Measures how fast it writes.
    fn wrote(&self, tokens: u32, took: Duration) {
        if tokens >= MIN_WRITTEN && !took.is_zero() {
            self.writing.store((f64::from(tokens - 1) / took.as_secs_f64()).max(1.0) as u32, Ordering::Relaxed);
        }
    }

    /// Learns from an answer that did not end in time: so many bytes of text came in this time.
    pub fn learn_unfinished(&self, bytes: usize, took: Duration) {
        self.wrote(u32::try_from(bytes / TOKEN_BYTES).unwrap_or(u32::MAX), took);
    }

    /// Notes that an answer was used up by hidden reasoning.
    pub fn note_hidden_reasoning(&self) {
        self.needs_room.store(true, Ordering::Relaxed);
    }

    /// The calibrated token estimate of a prompt. `Err`: more than the model takes.
    pub fn tokens_of(&self, prompt: &Prompt) -> Result<usize, ModelError> {
        let tokens = self.window().tokens(estimate(prompt));
        let max = self.limits.tokens * 3 / 2 + INSTRUCTION_TOKENS;
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
            read: None,
            bytes: 0,
            paused_for: Duration::ZERO,
            has_text: false,
            meter,
        };
        // White space alone does not count as a first token: another model, or the built-in engine, may still take over.
        let mut first = String::new();
        while first.trim().is_empty() {
            match reader.next().await? {
                Delta::Text(text) => first.push_str(&text),
                Delta::End { ending: Ending::Truncated, .. } if self.answer_limit(prompt) < self.config.max_tokens => {
                    return Err(ModelError::NoRoom);
                }
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
            limit: self.answer_limit(prompt),
        });
        if self.config.stream {
            request["stream_options"] = json!({ "include_usage": true });
            // Who writes nothing while it reads does not notice that nobody waits for it any more.
            if self.tells_reading.load(Ordering::Relaxed) {
                request["return_progress"] = json!(true);
            }
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
