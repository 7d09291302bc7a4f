//! Metrics of model calls, by model and task. They contain no text.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use crate::{config::Task, model::TokensUsed, telemetry::metrics::escaped};

/// Histogram buckets of the time to the first token: upper bounds in seconds.
const BUCKETS: [f64; 10] = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0];

/// A model's label and a task.
type Labels = [(&'static str, String); 2];
/// The same and the reason of a failure.
type FailureLabels = [(&'static str, String); 3];

/// The metrics since the start.
pub struct Metrics {
    tries: Family<Labels, Counter>,
    answers: Family<Labels, Counter>,
    fallbacks: Family<Labels, Counter>,
    failures: Family<FailureLabels, Counter>,
    prompt_tokens: Family<Labels, Counter>,
    completion_tokens: Family<Labels, Counter>,
    first_token: Family<Labels, Histogram>,
}

impl Default for Metrics {
    fn default() -> Metrics {
        Metrics {
            tries: Family::default(),
            answers: Family::default(),
            fallbacks: Family::default(),
            failures: Family::default(),
            prompt_tokens: Family::default(),
            completion_tokens: Family::default(),
            first_token: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
        }
    }
}

impl Metrics {
    pub fn tried(&self, model: &Arc<str>, task: Task) {
        self.tries.get_or_create(&labels(model, task)).inc();
    }

    pub fn failed(&self, model: &Arc<str>, task: Task, word: &'static str) {
        let [model, task] = labels(model, task);
        self.failures.get_or_create(&[model, task, ("reason", word.to_owned())]).inc();
    }

    /// Records the first text; `fallback`: an earlier model of the chain failed.
    pub fn answered(&self, model: &Arc<str>, task: Task, first_token: Duration, fallback: bool) {
        let labels = labels(model, task);
        self.answers.get_or_create(&labels).inc();
        if fallback {
            self.fallbacks.get_or_create(&labels).inc();
        }
        self.first_token.get_or_create(&labels).observe(first_token.as_secs_f64());
    }

    pub fn used(&self, model: &Arc<str>, task: Task, tokens: TokensUsed) {
        let labels = labels(model, task);
        self.prompt_tokens.get_or_create(&labels).inc_by(u64::from(tokens.prompt));
        self.completion_tokens.get_or_create(&labels).inc_by(u64::from(tokens.completion));
    }

    /// Lets a registry report them.
    pub fn register(&self, registry: &mut Registry) {
        registry.register("model_tries", "Calls made to a model, retries included", self.tries.clone());
        registry.register("model_answers", "Answers that began", self.answers.clone());
        registry.register("model_fallbacks", "Answers after an earlier model of the chain failed", self.fallbacks.clone());
        registry.register("model_failures", "Calls that failed, by reason", self.failures.clone());
        registry.register("model_prompt_tokens", "Tokens of prompts", self.prompt_tokens.clone());
        registry.register("model_completion_tokens", "Tokens of answers", self.completion_tokens.clone());
        let help = "Time from the call to a model to its first token";
        registry.register_with_unit("model_first_token", help, Unit::Seconds, self.first_token.clone());
    }
}

fn labels(model: &str, task: Task) -> Labels {
    [("model", escaped(model)), ("task", task.word().to_owned())]
}
