//! Probes what a model's server can do.

use std::time::{Duration, Instant};

use crate::{
    config::{ContextLimits, ModelConfig},
    model::{
        Prompt, TokensUsed,
        answer_reader::Delta,
        calibration::Window,
        endpoint::{Endpoint, Took, estimate},
        error::ModelError,
        token_budget::TokenMeter,
    },
};

/// Limit on the tokens of a probe's answer.
const MAX_TOKENS: u32 = 200;
/// If the model counts less than this share of a long prompt's estimated tokens, it truncated the prompt.
const MIN_SEEN: f64 = 0.6;
/// Tokens of the prompt that measures how fast a model reads.
const SPEED_TOKENS: usize = 600;
/// The share of the first-token timeout that a long prompt may take.
const READING_SHARE: f64 = 0.7;

/// The results of a probe.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The answer to a short prompt.
    pub short: Result<ProbeResult, ModelError>,
    /// The result of a request for a model that does not exist: the HTTP status of the refusal, or `None` if it was answered.
    pub unknown_model: Result<Option<u16>, ModelError>,
    /// The answer to a prompt as long as `context_tokens` allows, or as the model can read before its first token is due.
    pub long: Result<ProbeResult, ModelError>,
    /// Estimated tokens of that prompt.
    pub long_tokens: usize,
    /// The context that drafts get, by how fast the model reads.
    pub window: Window,
}

/// An answer, measured.
#[derive(Debug, Clone, Copy)]
pub struct ProbeResult {
    /// From the request to the first text.
    pub first_token: Duration,
    /// From the request to the end.
    pub total: Duration,
    /// Chunks of text that the answer came in; 1 if it was not streamed.
    pub pieces: usize,
    /// Bytes of the answer's text.
    pub bytes: usize,
    /// Tokens as the model reports them.
    pub used: TokensUsed,
}

impl ProbeResult {
    /// Tokens per second after the first one, if the model reports their count.
    pub fn speed(&self) -> Option<f64> {
        let took = self.total.saturating_sub(self.first_token).as_secs_f64();
        (self.used.completion > 1 && took > 0.0).then(|| f64::from(self.used.completion - 1) / took)
    }
}

impl Probe {
    /// Probes a model with three calls, and with two more if it reads slowly. The prompts contain nothing of any chat.
    pub async fn run(config: &ModelConfig, limits: ContextLimits) -> Result<Probe, ModelError> {
        let config = ModelConfig { max_tokens: config.max_tokens.min(MAX_TOKENS), ..config.clone() };
        let model = Endpoint::new(&config, &config.name, limits)?;
        let prompt = prompt("You answer in plain words.", "Name the seven days of the week, one a line.");
        let short = measure(&model, &prompt).await;
        let unknown_name = ModelConfig { name: format!("{}-that-does-not-exist", config.name), ..config.clone() };
        let unknown = Endpoint::new(&unknown_name, &config.name, limits)?;
        let unknown_model = match unknown.ask(&prompt, None, &TokenMeter::default()).await {
            Ok(_) => Ok(None),
            Err(ModelError::Refused { status, .. }) => Ok(Some(status)),
            Err(error) => Err(error),
        };
        // Without a short answer, a longer prompt is pointless.
        let (mut long, mut long_tokens) = (short.as_ref().map_err(ModelError::clone).copied(), 0);
        let full = config.context_tokens.unwrap_or(limits.tokens);
        if short.is_ok() {
            let whole = filled("One.", full);
            long_tokens = estimate(&whole);
            long = measure(&model, &whole).await;
            if matches!(long, Err(ModelError::TimedOut(_))) && measure(&model, &filled("Two.", full.min(SPEED_TOKENS))).await.is_ok() {
                // As much as it can read before its first token is due.
                let readable = model.readable_in(config.first_token_timeout.mul_f64(READING_SHARE)).unwrap_or(full);
                let shorter = filled("Three.", full.min(readable.max(SPEED_TOKENS)));
                long_tokens = estimate(&shorter);
                long = measure(&model, &shorter).await;
            }
        }
        Ok(Probe { short, unknown_model, long, long_tokens, window: model.window() })
    }

    /// Whether the model works as configured.
    pub fn passes(&self) -> bool {
        self.short.is_ok() && self.long.is_ok() && !self.truncates_prompts()
    }

    /// Whether the model truncates long prompts.
    pub fn truncates_prompts(&self) -> bool {
        let seen = self.long.as_ref().map_or(0, |result| result.used.prompt);
        seen > 0 && f64::from(seen) < self.long_tokens as f64 * MIN_SEEN
    }
}

fn prompt(system: &str, user: &str) -> Prompt {
    Prompt { system: system.to_owned(), user: user.to_owned(), answer_tokens: None }
}

/// A prompt of about so many tokens; each begins with other words, so that no server has read it before.
fn filled(first: &str, tokens: usize) -> Prompt {
    let line = "The parcel of this order was handed to the carrier, who delivers it within three working days.\n";
    let mut filled = prompt(first, "Answer with the word `ready` alone. What follows is no question.\n");
    while estimate(&filled) < tokens {
        filled.user.push_str(line);
    }
    filled
}

async fn measure(model: &Endpoint, prompt: &Prompt) -> Result<ProbeResult, ModelError> {
    let started = Instant::now();
    let (mut reader, first) = model.ask(prompt, None, &TokenMeter::default()).await?;
    let first_token = started.elapsed();
    let (mut pieces, mut bytes) = (1, first.len());
    loop {
        match reader.next().await? {
            Delta::Text(text) => {
                pieces += 1;
                bytes += text.len();
            }
            Delta::End { used, .. } => {
                let total = started.elapsed();
                model.learn(estimate(prompt), used, Took { first_token, total, read: reader.read });
                return Ok(ProbeResult { first_token, total, pieces, bytes, used });
            }
        }
    }
}
