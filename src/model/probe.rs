//! What a model's server can do, tried out.

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

/// Most tokens of an answer in a trial.
const MAX_TOKENS: u32 = 200;
/// A model that counts less of a long prompt than this share of what we estimate has cut it.
const MIN_SEEN: f64 = 0.6;

/// What came of a trial.
#[derive(Debug, Clone)]
pub struct Probe {
    /// The answer to a short prompt.
    pub short: Result<ProbeResult, ModelError>,
    /// What comes of a request for a model that does not exist: a refusal's status, or `None` for an answer all the same.
    pub unknown_model: Result<Option<u16>, ModelError>,
    /// The answer to a prompt as long as `context_tokens` allows, and the prompt's tokens as we estimate them.
    pub long: Result<ProbeResult, ModelError>,
    pub long_tokens: usize,
}

/// An answer, measured.
#[derive(Debug, Clone, Copy)]
pub struct ProbeResult {
    pub first_token: Duration,
    pub total: Duration,
    pub pieces: usize,
    pub bytes: usize,
    pub used: TokensUsed,
}

impl ProbeResult {
    /// Tokens a second after the first one, if the model tells how many there were.
    pub fn speed(&self) -> Option<f64> {
        let took = self.total.saturating_sub(self.first_token).as_secs_f64();
        (self.used.completion > 1 && took > 0.0).then(|| f64::from(self.used.completion - 1) / took)
    }
}

impl Probe {
    /// Asks a model three times. Nothing of a chat is in what it is asked.
    pub async fn of(config: &ModelConfig, context_tokens: usize) -> Result<Probe, ModelError> {
        let config = ModelConfig { max_tokens: config.max_tokens.min(MAX_TOKENS), ..config.clone() };
        let model = Endpoint::new(&config, &config.name, context_tokens)?;
        let prompt =
            Prompt { system: "You answer in plain words.".to_owned(), user: "Name the seven days of the week, one a line.".to_owned() };
        let short = told(&model, &prompt).await;
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
        // Where nothing answers, there is no more to learn.
        let long = match &short {
            Ok(_) => told(&model, &long).await,
            Err(error) => Err(error.clone()),
        };
        Ok(Probe { short, unknown_model, long, long_tokens })
    }

    /// Whether the model can be used as it is configured.
    pub fn passes(&self) -> bool {
        self.short.is_ok() && self.long.is_ok() && !self.cuts_prompts()
    }

    /// Whether the model saw much less of a long prompt than it was sent.
    pub fn cuts_prompts(&self) -> bool {
        let seen = self.long.as_ref().map_or(0, |told| told.used.prompt);
        seen > 0 && f64::from(seen) < self.long_tokens as f64 * MIN_SEEN
    }
}

async fn told(model: &Endpoint, prompt: &Prompt) -> Result<ProbeResult, ModelError> {
    let asked = Instant::now();
    let (mut reading, begun) = model.ask(prompt, None, &TokenMeter::default()).await?;
    let first_token = asked.elapsed();
    let (mut pieces, mut bytes) = (1, begun.len());
    loop {
        match reading.next().await? {
            Delta::Text(text) => {
                pieces += 1;
                bytes += text.len();
            }
            Delta::End { used, .. } => return Ok(ProbeResult { first_token, total: asked.elapsed(), pieces, bytes, used }),
        }
    }
}
