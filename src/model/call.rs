//! A call to a model while it lasts: what it holds, and what it tells when something comes of it.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use super::{ModelError, Prompt, TokensUsed, budget::Reserved, gate::Inside, metrics::Metrics, openai::OpenAi};
use crate::config::Task;

/// Bytes of text that make a token, where the model tells none.
const BYTES_A_TOKEN: usize = 3;

/// A call. Dropping it lets the next one in and gives back the tokens that it did not use.
pub struct Call {
    pub model: Arc<OpenAi>,
    pub task: Task,
    pub metrics: Arc<Metrics>,
    /// Whether a model before it in the chain could not answer.
    pub fallback: bool,
    /// The prompt's tokens as we estimate them, before and after what the model's answers taught.
    pub estimate: usize,
    pub prompt_tokens: usize,
    pub reserved: Reserved,
    pub _inside: Inside,
}

impl Call {
    /// The first text came, of so many bytes.
    pub fn began(&mut self, first_token: Duration, bytes: usize) {
        self.metrics.answered(self.model.label(), self.task, first_token, self.fallback);
        self.wrote(bytes);
    }

    /// So many bytes of text came by now.
    pub fn wrote(&mut self, bytes: usize) {
        self.reserved.used((self.prompt_tokens + bytes / BYTES_A_TOKEN + 1) as u64);
    }

    /// The answer ended as it should, and cost so much, if the model tells.
    pub fn ended(&mut self, used: TokensUsed) {
        if used != TokensUsed::default() {
            self.reserved.used(u64::from(used.prompt) + u64::from(used.completion));
        }
        self.model.breaker.succeeded();
        self.model.learn(self.estimate, used.prompt);
        self.metrics.used(self.model.label(), self.task, used);
    }

    /// It broke after its first text.
    pub fn failed(&self, error: &ModelError) {
        self.metrics.failed(self.model.label(), self.task, error.word());
        note_failure(&self.model, error);
    }
}

/// Counts what speaks against a model. When that takes it for down, probes begin.
pub fn note_failure(model: &Arc<OpenAi>, error: &ModelError) {
    if error.is_fault() && model.breaker.failed(Instant::now()) {
        tracing::warn!(model = model.name(), "the model fails and is not asked until it answers a probe");
        tokio::spawn(probe_until_up(Arc::downgrade(model)));
    }
}

/// Asks a model that is down for a word, ever less often, until it answers or nobody needs it any more. No agent waits for that.
async fn probe_until_up(model: Weak<OpenAi>) {
    let prompt = Prompt { system: "Answer with one word.".to_owned(), user: "ping".to_owned() };
    loop {
        let wait = match model.upgrade().map(|model| model.breaker.down_for(Instant::now())) {
            Some(Some(wait)) => wait,
            _ => return,
        };
        sleep(wait).await;
        let Some(model) = model.upgrade() else { return };
        match model.ask(&prompt).await {
            Ok(_) => {
                tracing::info!(model = model.name(), "the model answers again");
                return model.breaker.probe_succeeded();
            }
            Err(error) => {
                tracing::debug!(model = model.name(), error = %error, "a probe failed");
                model.breaker.probe_failed(Instant::now());
            }
        }
    }
}
