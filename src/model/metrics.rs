//! Metrics of model calls, by model and task. They contain no text.

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{config::Task, model::TokensUsed};

/// A counter's name, its help text, and its value in a row.
type Counter = (&'static str, &'static str, fn(&Row) -> u64);

/// Histogram buckets of the time to the first token: upper bounds in seconds.
const BUCKETS: [f64; 10] = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0];

/// The metrics since the start.
#[derive(Default)]
pub struct Metrics {
    /// By the model's label.
    rows: Mutex<BTreeMap<(Arc<str>, Task), Row>>,
}

#[derive(Default, Clone)]
struct Row {
    tries: u64,
    answers: u64,
    /// Answers after an earlier model of the chain failed.
    fallbacks: u64,
    failures: BTreeMap<&'static str, u64>,
    prompt_tokens: u64,
    completion_tokens: u64,
    first_tokens: [u64; BUCKETS.len()],
    first_token_count: u64,
    first_token_seconds: f64,
}

impl Metrics {
    pub fn tried(&self, model: &Arc<str>, task: Task) {
        self.change(model, task, |row| row.tries += 1);
    }

    pub fn failed(&self, model: &Arc<str>, task: Task, word: &'static str) {
        self.change(model, task, |row| *row.failures.entry(word).or_default() += 1);
    }

    /// Records the first text; `fallback`: an earlier model of the chain failed.
    pub fn answered(&self, model: &Arc<str>, task: Task, first_token: Duration, fallback: bool) {
        let seconds = first_token.as_secs_f64();
        self.change(model, task, |row| {
            row.answers += 1;
            row.fallbacks += u64::from(fallback);
            row.first_token_count += 1;
            row.first_token_seconds += seconds;
            for (count, _) in row.first_tokens.iter_mut().zip(BUCKETS).filter(|(_, bound)| seconds <= *bound) {
                *count += 1;
            }
        });
    }

    pub fn used(&self, model: &Arc<str>, task: Task, tokens: TokensUsed) {
        self.change(model, task, |row| {
            row.prompt_tokens += u64::from(tokens.prompt);
            row.completion_tokens += u64::from(tokens.completion);
        });
    }

    fn change(&self, model: &Arc<str>, task: Task, change: impl FnOnce(&mut Row)) {
        change(self.rows.lock().unwrap_or_else(PoisonError::into_inner).entry((Arc::clone(model), task)).or_default());
    }

    /// The metrics, in the Prometheus text format.
    pub fn render(&self) -> String {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut output = String::new();
        let label = |model: &str, task: Task| format!("model=\"{}\",task=\"{}\"", escaped(model), task.word());
        let counters: [Counter; 5] = [
            ("deskhand_model_tries_total", "Calls made to a model, retries included.", |row| row.tries),
            ("deskhand_model_answers_total", "Answers that began.", |row| row.answers),
            ("deskhand_model_fallbacks_total", "Answers after an earlier model of the chain failed.", |row| row.fallbacks),
            ("deskhand_model_prompt_tokens_total", "Tokens of prompts.", |row| row.prompt_tokens),
            ("deskhand_model_completion_tokens_total", "Tokens of answers.", |row| row.completion_tokens),
        ];
        for (name, help, value) in counters {
            head(&mut output, name, help, "counter");
            for ((model, task), row) in &rows {
                line(&mut output, name, &label(model, *task), value(row));
            }
        }
        let name = "deskhand_model_failures_total";
        head(&mut output, name, "Calls that failed, by reason.", "counter");
        for ((model, task), row) in &rows {
            for (reason, count) in &row.failures {
                line(&mut output, name, &format!("{},reason=\"{reason}\"", label(model, *task)), count);
            }
        }
        let name = "deskhand_model_first_token_seconds";
        head(&mut output, name, "Time from the call to a model to its first token.", "histogram");
        for ((model, task), row) in &rows {
            let label = label(model, *task);
            for (bound, count) in BUCKETS.iter().zip(row.first_tokens) {
                line(&mut output, &format!("{name}_bucket"), &format!("{label},le=\"{bound}\""), count);
            }
            line(&mut output, &format!("{name}_bucket"), &format!("{label},le=\"+Inf\""), row.first_token_count);
            line(&mut output, &format!("{name}_sum"), &label, row.first_token_seconds);
            line(&mut output, &format!("{name}_count"), &label, row.first_token_count);
        }
        output
    }
}

/// Escapes a label's value.
pub fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// Writes a metric's `HELP` and `TYPE` lines.
pub fn head(output: &mut String, name: &str, help: &str, kind: &str) {
    let _ = writeln!(output, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

/// Writes a sample.
pub fn line(output: &mut String, name: &str, label: &str, value: impl std::fmt::Display) {
    let _ = writeln!(output, "{name}{{{label}}} {value}");
}
