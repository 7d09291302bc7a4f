//! Probes what a model's server can do.

use std::time::{Duration, Instant};

use crate::{
    config::ModelConfig,
    model::{
        Prompt, TokensUsed,
        answer_reader::Delta,
        endpoint::{Endpoint, estimate},
        error::ModelError,
        token_budget::TokenMeter,
    },
};

/// Limit on the tokens of a probe's answer.
const MAX_TOKENS: u32 = 200;
/// If the model counts less than this share of a long prompt's estimated tokens, it truncated the prompt.
const MIN_SEEN: f64 = 0.6;

/// The results of a probe.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The answer to a short prompt.
    pub short: Result<ProbeResult, ModelError>,
    /// The result of a request for a model that does not exist: the HTTP status of the refusal, or `None` if it was answered.
    pub unknown_model: Result<Option<u16>, ModelError>,
    /// The answer to a prompt as long as `context_tokens` allows.
    pub long: Result<ProbeResult, ModelError>,
    /// Estimated tokens of that prompt.
    pub long_tokens: usize,
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
    /// Probes a model with three calls. The prompts contain nothing of any chat.
    pub async fn run(config: &ModelConfig, context_tokens: usize) -> Result<Probe, ModelError> {
        let config = ModelConfig { max_tokens: config.max_tokens.min(MAX_TOKENS), ..config.clone() };
        let model = Endpoint::new(&config, &config.name, context_tokens)?;
        let prompt =
            Prompt { system: "You answer in plain words.".to_owned(), user: "Name the seven days of the week, one a line.".to_owned() };
        let short = measure(&model, &prompt).await;
        let unknown = Endpoint::new(
            &ModelConfig { name: format!("{}-that-does-not-exist", config.name), ..config.clone() },
            &config.name,
            context_tokens,
        )?;
        let unknown_model = match unknown.ask(&prompt, None, &TokenMeter::default()).await {
            Ok(_) => Ok(None),
            Err(ModelError::Refused { status, .. }) => Ok(Some(status)),
            Err(error) => Err(error),
        };
        let budget = config.context_tokens.unwrap_or(context_tokens);
        let line = "The parcel of this order was handed to the carrier, who delivers it within three working days.\n";
        let mut long =
            Prompt { system: prompt.system, user: "Answer with the word `ready` alone. What follows is no question.\n".to_owned() };
        while estimate(&long) < budget {
            long.user.push_str(line);
        }
        let long_tokens = estimate(&long);
        // Without a short answer, a long prompt is pointless.
        let long = match &short {
            Ok(_) => measure(&model, &long).await,
            Err(error) => Err(error.clone()),
        };
        Ok(Probe { short, unknown_model, long, long_tokens })
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
            Delta::End { used, .. } => return Ok(ProbeResult { first_token, total: started.elapsed(), pieces, bytes, used }),
        }
    }
}
