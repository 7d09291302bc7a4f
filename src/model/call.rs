//! A running call to a model: the permit and tokens that it holds, and how it reports its outcome to breaker and metrics.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tracing::Span;

use crate::{
    config::Task,
    model::{
        Prompt, TokensUsed,
        admission::Permit,
        endpoint::{Endpoint, Took},
        error::{ModelError, Timeout},
        metrics::Metrics,
        token_budget::{Reservation, TokenMeter},
    },
    task,
    telemetry::traces,
};

/// A running call. Dropping it admits the next one and releases the tokens that it did not use.
pub struct Call {
    pub model: Arc<Endpoint>,
    pub task: Task,
    pub metrics: Arc<Metrics>,
    /// Whether an earlier model of the chain failed.
    pub fallback: bool,
    /// The prompt's estimated tokens, before calibration.
    pub estimate: usize,
    /// Whether text arrived, and its outcome is not recorded yet.
    pub is_answering: bool,
    pub reserved: Reservation,
    pub _permit: Permit,
    /// The span of the attempt that is answered.
    pub span: Span,
}

impl Call {
    /// Records the first text.
    pub fn first_token(&mut self, first_token: Duration) {
        self.metrics.answered(self.model.label(), self.task, first_token, self.fallback);
        self.is_answering = true;
    }

    /// Records a proper end, the usage if the model reports it, and how fast it read and wrote.
    pub fn succeeded(&mut self, used: TokensUsed, took: Took) {
        self.is_answering = false;
        self.model.breaker.succeeded();
        self.model.learn(self.estimate, used, took);
        self.metrics.used(self.model.label(), self.task, used);
        traces::used(&self.span, used.prompt, used.completion);
    }

    /// Records a failure after the first text.
    pub fn failed(&mut self, error: &ModelError) {
        self.is_answering = false;
        self.metrics.failed(self.model.label(), self.task, error.word());
        traces::failed(&self.span, error.word());
        record_failure(&self.model, error);
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        // A caller that hangs up mid-answer does not count as a model failure.
        if self.is_answering {
            self.model.breaker.succeeded();
        }
    }
}

/// One attempt of a call, until its result. If it is dropped without one after the caller's deadline, that counts as a model failure.
pub struct Attempt<'a> {
    model: &'a Arc<Endpoint>,
    meter: &'a TokenMeter,
    started: Instant,
    silent_usage: u64,
    until: Instant,
    prompt_tokens: usize,
}

impl<'a> Attempt<'a> {
    pub fn new(model: &'a Arc<Endpoint>, meter: &'a TokenMeter, until: Instant, prompt_tokens: usize) -> Attempt<'a> {
        Attempt { model, meter, started: Instant::now(), silent_usage: meter.silent_usage(), until, prompt_tokens }
    }

    /// The attempt has a result; `given_up`: that it was not waited for any longer.
    pub fn finished(self, given_up: bool) {
        if given_up {
            self.model.gave_up(self.prompt_tokens, self.started.elapsed());
        }
        std::mem::forget(self);
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.model.gave_up(self.prompt_tokens, self.started.elapsed());
        let silent = self.meter.read() <= self.silent_usage && self.model.is_long(now.saturating_duration_since(self.started));
        // Before the deadline, the caller left.
        if now >= self.until && silent {
            record_failure(self.model, &ModelError::TimedOut(Timeout::FirstToken));
        }
    }
}

/// Records a failure in the model's circuit breaker. If that opens it, starts to probe the model.
pub fn record_failure(model: &Arc<Endpoint>, error: &ModelError) {
    if !error.is_fault() {
        return;
    }
    model.note_fault(error);
    if model.breaker.failed(Instant::now(), error.retry_after()) {
        tracing::warn!(model = model.name(), "circuit breaker opened: the model is not called until it answers a probe");
        let model = Arc::downgrade(model);
        tokio::spawn(task::supervise("probing a model", move || probe_until_up(Weak::clone(&model))));
    }
}

/// Probes a model whose breaker is open (half-open), with backoff, until it answers or is no longer in use. No agent waits for that.
async fn probe_until_up(model: Weak<Endpoint>) {
    let prompt = Prompt { system: "Answer with one word.".to_owned(), user: "ping".to_owned(), answer_tokens: None };
    loop {
        let wait = match model.upgrade().map(|model| model.breaker.down_for(Instant::now())) {
            Some(Some(wait)) => wait,
            _ => return,
        };
        sleep(wait).await;
        let Some(model) = model.upgrade() else { return };
        match model.ask(&prompt, None, &TokenMeter::default()).await {
            Ok(_) => {
                tracing::info!(model = model.name(), "circuit breaker closed: the model answers again");
                return model.breaker.probe_succeeded();
            }
            Err(error) => {
                tracing::debug!(model = model.name(), error = %error, "model probe failed");
                model.note_fault(&error);
                model.breaker.probe_failed(Instant::now(), error.retry_after());
            }
        }
    }
}
