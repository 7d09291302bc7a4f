//! A call to a model while it lasts: what it holds, and what it tells when something comes of it.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use crate::{
    config::Task,
    model::{
        Prompt, TokensUsed,
        admission::Permit,
        endpoint::Endpoint,
        error::ModelError,
        metrics::Metrics,
        token_budget::{Reservation, TokenMeter},
    },
    task,
};

/// A call. Dropping it lets the next one in and gives back the tokens that it did not use.
pub struct Call {
    pub model: Arc<Endpoint>,
    pub task: Task,
    pub metrics: Arc<Metrics>,
    /// Whether a model before it in the chain could not answer.
    pub fallback: bool,
    /// The prompt's tokens as we estimate them, before what the model's answers taught.
    pub estimate: usize,
    /// Whether text came, and nothing was told yet of how it ended.
    pub writes: bool,
    pub reserved: Reservation,
    pub _inside: Permit,
}

impl Call {
    /// The first text came.
    pub fn began(&mut self, first_token: Duration) {
        self.metrics.answered(self.model.label(), self.task, first_token, self.fallback);
        self.writes = true;
    }

    /// The answer ended as it should, and cost so much, if the model tells.
    pub fn ended(&mut self, used: TokensUsed) {
        self.writes = false;
        self.model.breaker.succeeded();
        self.model.learn(self.estimate, used.prompt);
        self.metrics.used(self.model.label(), self.task, used);
    }

    /// It broke after its first text.
    pub fn failed(&mut self, error: &ModelError) {
        self.writes = false;
        self.metrics.failed(self.model.label(), self.task, error.word());
        note_failure(&self.model, error);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // Whoever leaves a model while it writes has nothing against it.
        if self.writes {
            self.model.breaker.succeeded();
        }
    }
}

/// A try, until something comes of it. Where nothing does before the caller's time is over, that speaks against the model.
pub struct Try<'a> {
    model: &'a Arc<Endpoint>,
    meter: &'a TokenMeter,
    began: Instant,
    without_life: u64,
    until: Instant,
}

impl<'a> Try<'a> {
    pub fn new(model: &'a Arc<Endpoint>, meter: &'a TokenMeter, until: Instant) -> Try<'a> {
        Try { model, meter, began: Instant::now(), without_life: meter.without_life(), until }
    }

    /// Something came of it.
    pub fn ended(self) {
        std::mem::forget(self);
    }
}

impl Drop for Try<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        let silent = self.meter.read() <= self.without_life && self.model.is_long(now.saturating_duration_since(self.began));
        // Before that time, the caller left.
        if now >= self.until && silent {
            note_failure(self.model, &ModelError::TimedOut("to begin"));
        }
    }
}

/// Counts what speaks against a model. When that takes it for down, probes begin.
pub fn note_failure(model: &Arc<Endpoint>, error: &ModelError) {
    if error.is_fault() && model.breaker.failed(Instant::now(), error.retry_after()) {
        tracing::warn!(model = model.name(), "the model fails and is not asked until it answers a probe");
        let model = Arc::downgrade(model);
        tokio::spawn(task::supervise("probing a model", move || probe_until_up(Weak::clone(&model))));
    }
}

/// Asks a model that is down for a word, ever less often, until it answers or nobody needs it any more. No agent waits for that.
async fn probe_until_up(model: Weak<Endpoint>) {
    let prompt = Prompt { system: "Answer with one word.".to_owned(), user: "ping".to_owned() };
    loop {
        let wait = match model.upgrade().map(|model| model.breaker.down_for(Instant::now())) {
            Some(Some(wait)) => wait,
            _ => return,
        };
        sleep(wait).await;
        let Some(model) = model.upgrade() else { return };
        match model.ask(&prompt, None, &TokenMeter::default()).await {
            Ok(_) => {
                tracing::info!(model = model.name(), "the model answers again");
                return model.breaker.probe_succeeded();
            }
            Err(error) => {
                tracing::debug!(model = model.name(), error = %error, "a probe failed");
                model.breaker.probe_failed(Instant::now(), error.retry_after());
            }
        }
    }
}
