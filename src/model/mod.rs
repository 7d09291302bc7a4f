//! Language models behind OpenAI-compatible APIs, the chain in which they are asked, and embeddings.

mod admission;
mod answer;
mod answer_reader;
mod breaker;
mod calibration;
mod call;
mod chunk;
mod embedder;
mod endpoint;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod http;
mod metrics;
mod probe;
mod reasoning;
mod retry;
mod sse;
mod sync;
mod token_budget;

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Instant, sleep};

pub use answer::Answer;
pub use answer_reader::Delta;
pub use calibration::Window;
pub use embedder::{Embedder, EmbeddingPurpose};
pub use error::ModelError;
pub use probe::{Probe, ProbeResult};
pub use token_budget::Spender;

use crate::{
    config::{ModelConfig, Task},
    model::{
        call::{Call, Try, note_failure},
        endpoint::{Endpoint, estimate},
        metrics::Metrics,
        token_budget::TokenBudget,
    },
};

/// What a model is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The instructions.
    pub system: String,
    /// A rewrite's text alone, or the fenced data of a draft or summary.
    pub user: String,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The model was done.
    Done,
    /// It was cut off at its greatest length.
    Truncated,
}

/// What an answer cost, as the model reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokensUsed {
    pub prompt: u32,
    pub completion: u32,
}

/// A workspace's models, in the order in which they are asked.
#[derive(Clone)]
pub struct Models {
    models: Arc<Vec<Arc<Endpoint>>>,
    shared: Arc<Shared>,
}

/// What all workspaces' models have in common.
#[derive(Default)]
struct Shared {
    budget: Arc<TokenBudget>,
    metrics: Arc<Metrics>,
    /// The models of every workspace.
    all: Mutex<Vec<Arc<Endpoint>>>,
}

/// For whom and what models are asked.
#[derive(Debug, Clone)]
pub struct CallContext {
    pub task: Task,
    /// When the caller's patience ends.
    pub deadline: std::time::Instant,
    /// Whose tokens it costs.
    pub spenders: Vec<Spender>,
}

/// How a model does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelState {
    /// Its name; of a workspace's own model, `workspace/name`.
    pub label: Arc<str>,
    /// Whether it is asked; one that keeps failing is not, until it answers a probe.
    pub up: bool,
}

impl Models {
    /// Prepares the models; nothing is asked yet. `context_tokens` is the budget of those that have none of their own.
    pub fn new(configs: &[ModelConfig], context_tokens: usize) -> Result<Models, ModelError> {
        Models::sharing(Arc::default(), configs, "", context_tokens)
    }

    /// The same for another workspace, which has models of its own.
    pub fn for_workspace(&self, workspace: &str, configs: &[ModelConfig], context_tokens: usize) -> Result<Models, ModelError> {
        Models::sharing(Arc::clone(&self.shared), configs, &format!("{workspace}/"), context_tokens)
    }

    fn sharing(shared: Arc<Shared>, configs: &[ModelConfig], prefix: &str, context_tokens: usize) -> Result<Models, ModelError> {
        let mut models: Vec<Arc<Endpoint>> = Vec::new();
        for config in configs {
            let label = format!("{prefix}{}", config.name);
            let same = models.iter().filter(|model| model.name() == config.name).count();
            let label = if same == 0 { label } else { format!("{label}#{}", same + 1) };
            models.push(Arc::new(Endpoint::new(config, &label, context_tokens)?));
        }
        shared.all.lock().unwrap_or_else(PoisonError::into_inner).extend(models.iter().cloned());
        Ok(Models { models: Arc::new(models), shared })
    }

    /// The models of every workspace.
    fn all(&self) -> Vec<Arc<Endpoint>> {
        self.shared.all.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether no model is configured.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// What a prompt may hold for the first model; without any, `context_tokens`.
    pub fn window(&self, context_tokens: usize) -> Window {
        self.models.first().map_or(Window { context_tokens, tokens_per_estimate: 1.0 }, |model| model.window())
    }

    /// How each model of every workspace does.
    pub fn states(&self) -> Vec<ModelState> {
        let now = Instant::now();
        let state = |model: &Arc<Endpoint>| ModelState { label: Arc::clone(model.label()), up: model.breaker.down_for(now).is_none() };
        self.all().iter().map(state).collect()
    }

    /// The counters of every workspace's models as Prometheus reads them.
    pub fn metrics(&self) -> String {
        let mut written = self.shared.metrics.written();
        let name = "deskhand_model_up";
        metrics::head(&mut written, name, "Whether a model is asked: 0 while it is taken for down.", "gauge");
        for ModelState { label, up } in self.states() {
            metrics::line(&mut written, name, &format!("model=\"{}\"", metrics::escaped(&label)), u8::from(up));
        }
        for (name, help, of) in
            [("deskhand_model_calls", "Calls that a model is answering.", 0), ("deskhand_model_waiting", "Calls that wait for a model.", 1)]
        {
            metrics::head(&mut written, name, help, "gauge");
            for model in self.all() {
                let (inside, waiting) = model.gate.in_flight();
                metrics::line(&mut written, name, &format!("model=\"{}\"", metrics::escaped(model.label())), [inside, waiting][of]);
            }
        }
        written
    }

    /// Asks the models in turn until one begins to answer. Each gets the prompt that `make` makes for its window, and what was made
    /// beside it comes back with the answer; where none can be made, no model is asked. The first piece of text is then there. Dropping the answer ends the model's work.
    ///
    /// A model that is known to be down is passed over. One whose server breaks off is asked again, within the budget of tries and the
    /// caller's time.
    pub async fn ask<T, E: From<ModelError>, F: Future<Output = Result<(Prompt, T), E>>>(
        &self,
        asking: &CallContext,
        make: impl Fn(Window) -> F,
    ) -> Result<(Answer, T), E> {
        let until = Instant::from_std(asking.deadline);
        let mut last = ModelError::NotConfigured;
        let able: Vec<&Arc<Endpoint>> = self.models.iter().filter(|model| model.does(asking.task)).collect();
        for (nth, model) in able.iter().enumerate() {
            let now = Instant::now();
            let failed = match model.breaker.down_for(now) {
                Some(wait) => ModelError::Down(wait),
                None => {
                    let (prompt, beside) = make(model.window()).await?;
                    // Those after it are to have their part of the caller's time.
                    let others = able[nth + 1..].iter().filter(|other| other.breaker.down_for(now).is_none()).count() as u32;
                    let begin_by = (others > 0).then(|| now + until.saturating_duration_since(now) / (others + 1));
                    match self.ask_one(model, &prompt, asking, (begin_by, until), nth > 0).await {
                        Ok(answer) => return Ok((answer, beside)),
                        Err(error) => error,
                    }
                }
            };
            self.shared.metrics.failed(model.label(), asking.task, failed.word());
            tracing::warn!(model = model.name(), task = asking.task.word(), error = %failed, "a model did not answer");
            let ends = failed.ends_the_chain();
            last = failed;
            if ends {
                break;
            }
        }
        Err(last.into())
    }

    async fn ask_one(
        &self,
        model: &Arc<Endpoint>,
        prompt: &Prompt,
        asking: &CallContext,
        (begin_by, until): (Option<Instant>, Instant),
        fallback: bool,
    ) -> Result<Answer, ModelError> {
        let prompt_tokens = model.tokens_of(prompt)? as u64;
        let most = prompt_tokens + u64::from(model.config().max_tokens);
        let reserve = || self.shared.budget.reserve(&asking.spenders, most, Instant::now()).map_err(ModelError::Spent);
        // Who has no tokens left does not wait in line; what a call may use is set aside when its turn has come.
        drop(reserve()?);
        let inside = model.gate.enter(begin_by.unwrap_or(until)).await.map_err(|wait| match Instant::now() < until {
            true => ModelError::Busy(wait),
            false => ModelError::DeadlinePassed,
        })?;
        let reserved = reserve()?;
        let meter = reserved.meter(prompt_tokens);
        let (task, metrics) = (asking.task, Arc::clone(&self.shared.metrics));
        let call = Call {
            model: Arc::clone(model),
            task,
            metrics,
            fallback,
            estimate: estimate(prompt),
            writes: false,
            reserved,
            _inside: inside,
        };
        model.retries.called(Instant::now());
        let mut tries = 0;
        loop {
            tries += 1;
            self.shared.metrics.tried(model.label(), task);
            let one = Try::new(model, &meter, until);
            let asked = model.ask(prompt, begin_by, &meter).await;
            one.ended();
            let error = match asked {
                Ok((reading, begun)) => return Ok(Answer::of(reading, begun, call)),
                Err(error) => error,
            };
            note_failure(model, &error);
            let now = Instant::now();
            let chance = (uuid::Uuid::new_v4().as_u128() % 1000) as f64 / 1000.0;
            let wait = retry::wait(tries, error.retry_after(), chance, now, until);
            let may = error.is_transient() && tries < retry::MAX_TRIES && model.breaker.down_for(now).is_none();
            match wait.filter(|_| may && model.retries.take(now)) {
                Some(wait) => sleep(wait).await,
                None => return Err(error),
            }
        }
    }
}
