//! Language models behind OpenAI-compatible APIs, their fallback chain, and embeddings.

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
mod finish;
mod framing;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod http;
mod keep_alive;
mod lines;
mod listing;
mod metrics;
mod probe;
mod reading_speed;
mod reasoning;
mod refusal;
mod retry;
mod said;
mod stream_state;
mod surrogates;
mod sync;
mod token_budget;
mod token_leases;

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use prometheus_client::registry::Registry;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use tracing::{Instrument, Span};

pub use answer::Answer;
pub use answer_reader::Delta;
pub use calibration::Window;
pub use embedder::{Embedder, EmbeddingPurpose};
pub use error::{ModelError, Timeout};
pub use listing::{Listing, listing};
pub use probe::{Probe, ProbeResult};
pub use token_budget::{Lack, Period, Settlement, Spender};
pub use token_leases::{LeaseAnswer, LenderError, TokenLender};

use crate::{
    config::{ContextLimits, ModelConfig, Task},
    model::{
        call::{Attempt, Call, record_failure},
        endpoint::{Endpoint, estimate},
        metrics::Metrics,
        token_budget::{Reservation, TokenBudget},
        token_leases::TokenLeases,
    },
    telemetry::{
        metrics::{Gauge, gauge},
        traces,
    },
};

/// A prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The instructions.
    pub system: String,
    /// The text of a rewrite, or the fenced data of a draft or summary.
    pub user: String,
    /// Estimated tokens of the longest answer that makes sense; `None`: not known.
    pub answer_tokens: Option<usize>,
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The model finished it.
    Done,
    /// It was cut off at its length limit (`max_tokens`).
    Truncated,
}

/// Token usage of an answer, as the model reports it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokensUsed {
    /// Tokens of the prompt; 0 if the model doesn't report them.
    pub prompt: u32,
    /// Tokens of the answer; 0 if the model doesn't report them.
    pub completion: u32,
    /// Those tokens of the prompt that its server had read before, for an earlier prompt.
    pub cached: u32,
}

/// A workspace's models, in fallback order.
#[derive(Clone)]
pub struct Models {
    models: Arc<Vec<Arc<Endpoint>>>,
    shared: Arc<Shared>,
}

/// State that the models of all workspaces share.
#[derive(Default)]
struct Shared {
    budget: Arc<TokenBudget>,
    /// What leases the budgets that all servers share; without it they are counted here alone.
    leases: OnceLock<TokenLeases>,
    metrics: Arc<Metrics>,
    /// The models of every workspace.
    all: Mutex<Vec<Arc<Endpoint>>>,
}

/// The context of a call to a model: its task, its deadline, and who pays for it.
#[derive(Debug, Clone)]
pub struct CallContext {
    /// What the answer is for: models can be limited to tasks, and metrics count by them.
    pub task: Task,
    /// The caller's deadline.
    pub deadline: std::time::Instant,
    /// Whose token budgets it counts against.
    pub spenders: Vec<Spender>,
}

/// Whether a model is available.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelState {
    /// Its name; for a workspace's own model, `workspace/name`.
    pub label: Arc<str>,
    /// Whether its circuit breaker is closed. A model that keeps failing is not called until it answers a probe.
    pub up: bool,
}

impl Models {
    /// Prepares the models; none is called yet. `limits` are those of models that set none.
    pub fn new(configs: &[ModelConfig], limits: ContextLimits) -> Result<Models, ModelError> {
        Models::sharing(Arc::default(), configs, "", limits)
    }

    /// The same for another workspace with models of its own.
    pub fn for_workspace(&self, workspace: &str, configs: &[ModelConfig], limits: ContextLimits) -> Result<Models, ModelError> {
        Models::sharing(Arc::clone(&self.shared), configs, &format!("{workspace}/"), limits)
    }

    /// Makes token budgets hold for all servers, and across restarts. Without it they are this process's alone.
    pub fn lease_tokens_from(&self, lender: impl TokenLender) {
        let budget = Arc::clone(&self.shared.budget);
        self.shared.leases.get_or_init(|| TokenLeases::new(Arc::new(lender), budget));
    }

    /// Starts to give back leased tokens that nobody needs. Stops when the handle is dropped.
    pub fn keep_budgets_settled(&self) -> Option<AbortOnDropHandle<()>> {
        self.shared.leases.get().map(TokenLeases::keep_settled)
    }

    /// Gives back all leased tokens that are not in use, before the server ends.
    pub async fn give_back_tokens(&self) {
        if let Some(leases) = self.shared.leases.get() {
            leases.give_back().await;
        }
    }

    async fn reserve(&self, spenders: &[Spender], tokens: u64) -> Result<Reservation, ModelError> {
        let reserved = match self.shared.leases.get() {
            Some(leases) => leases.reserve(spenders, tokens).await,
            None => self.shared.budget.reserve(spenders, tokens, Instant::now()),
        };
        reserved.map_err(ModelError::Spent)
    }

    fn sharing(shared: Arc<Shared>, configs: &[ModelConfig], prefix: &str, limits: ContextLimits) -> Result<Models, ModelError> {
        let mut models: Vec<Arc<Endpoint>> = Vec::new();
        for config in configs {
            let label = format!("{prefix}{}", config.name);
            let same = models.iter().filter(|model| model.name() == config.name).count();
            let label = if same == 0 { label } else { format!("{label}#{}", same + 1) };
            models.push(Arc::new(Endpoint::new(config, &label, limits)?));
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

    /// The context window of the first model; without models, `context_tokens`.
    pub fn window(&self, context_tokens: usize) -> Window {
        self.models.first().map_or(Window::unmeasured(context_tokens), |model| model.window())
    }

    /// How long the model of a task takes to its first token for a prompt of so many tokens; `None`: not known.
    pub fn first_token_time(&self, task: Task, tokens: usize) -> Option<Duration> {
        self.models.iter().find(|model| model.handles(task))?.first_token_time(tokens)
    }

    /// The state of each model of every workspace.
    pub fn states(&self) -> Vec<ModelState> {
        let now = Instant::now();
        let state = |model: &Arc<Endpoint>| ModelState { label: Arc::clone(model.label()), up: model.breaker.down_for(now).is_none() };
        self.all().iter().map(state).collect()
    }

    /// Lets a registry report the metrics of every workspace's models.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.shared.metrics.register(registry);
        let models = self.clone();
        gauge(registry, "model_up", "Whether a model is called: 0 while its circuit breaker is open", move || {
            let states = models.states();
            states.into_iter().map(|ModelState { label, up }| (vec![("model", label.to_string())], u64::from(up))).collect()
        });
        let gauges: [Gauge<(usize, usize)>; 2] = [
            ("model_calls", "Calls that a model is answering", |(running, _)| running),
            ("model_waiting", "Calls queued for a model", |(_, waiting)| waiting),
        ];
        for (name, help, which) in gauges {
            let models = self.clone();
            gauge(registry, name, help, move || {
                let all = models.all();
                all.iter().map(|model| (vec![("model", model.label().to_string())], which(model.gate.in_flight()) as u64)).collect()
            });
        }
    }

    /// Calls the models in turn until one begins to answer, and returns the answer with its first text. `make` makes the prompt for each
    /// model's window; the value that it returns with the prompt is returned with the answer. If it fails, no model is called. Dropping the
    /// answer ends the model's work.
    ///
    /// A model whose circuit breaker is open is skipped. Transient failures are retried, within the retry budget and the caller's deadline.
    pub async fn ask<T, E: From<ModelError>, F: Future<Output = Result<(Prompt, T), E>>>(
        &self,
        context: &CallContext,
        make: impl Fn(Window) -> F,
    ) -> Result<(Answer, T), E> {
        let until = Instant::from_std(context.deadline);
        let mut last = ModelError::NotConfigured;
        let candidates: Vec<&Arc<Endpoint>> = self.models.iter().filter(|model| model.handles(context.task)).collect();
        for (nth, model) in candidates.iter().enumerate() {
            let now = Instant::now();
            let error = match model.breaker.down_for(now) {
                Some(wait) => model.down(wait),
                None => {
                    let (prompt, extra) = make(model.window()).await?;
                    // Each model gets an equal share of the remaining deadline.
                    let others = candidates[nth + 1..].iter().filter(|other| other.breaker.down_for(now).is_none()).count() as u32;
                    let begin_by = (others > 0).then(|| now + until.saturating_duration_since(now) / (others + 1));
                    // How fast it reads is not known before its first answers: a long prompt gets the time of the goal, then a shorter one is sent.
                    let patience = model.patience(&prompt).map(|patience| now + patience).filter(|by| begin_by.is_none_or(|end| *by < end));
                    match self.ask_one(model, &prompt, context, (patience.or(begin_by), until), nth > 0).await {
                        Ok(answer) => return Ok((answer, extra)),
                        Err(ModelError::NotInTime | ModelError::TimedOut(Timeout::FirstToken)) if patience.is_some() => {
                            model.reads_slowly(&prompt, now.elapsed());
                            let (shorter, extra) = make(model.window()).await?;
                            match self.ask_one(model, &shorter, context, (begin_by, until), nth > 0).await {
                                Ok(answer) => return Ok((answer, extra)),
                                Err(error) => error,
                            }
                        }
                        Err(error) => error,
                    }
                }
            };
            self.shared.metrics.failed(model.label(), context.task, error.word());
            tracing::warn!(model = model.name(), task = context.task.word(), error = %error, "model call failed");
            let ends = error.ends_the_chain();
            last = error;
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
        context: &CallContext,
        (begin_by, until): (Option<Instant>, Instant),
        fallback: bool,
    ) -> Result<Answer, ModelError> {
        let prompt_tokens = model.tokens_of(prompt)? as u64;
        let max_tokens = prompt_tokens + u64::from(model.config().max_tokens);
        // A caller without tokens left is refused before it queues; the tokens are reserved once the call is admitted.
        drop(self.reserve(&context.spenders, max_tokens).await?);
        let permit = model.gate.enter(begin_by.unwrap_or(until)).await.map_err(|wait| match Instant::now() < until {
            true => ModelError::Busy(wait),
            false => ModelError::DeadlinePassed,
        })?;
        sleep_until(model.settled_at().min(until)).await;
        let reserved = self.reserve(&context.spenders, max_tokens).await?;
        let meter = reserved.meter(prompt_tokens);
        let (task, metrics) = (context.task, Arc::clone(&self.shared.metrics));
        let mut call = Call {
            model: Arc::clone(model),
            task,
            metrics,
            fallback,
            estimate: estimate(prompt),
            is_answering: false,
            reserved,
            _permit: permit,
            span: Span::none(),
        };
        model.retries.count_call(Instant::now());
        let mut tries = 0;
        loop {
            tries += 1;
            self.shared.metrics.tried(model.label(), task);
            let attempt = Attempt::new(model, &meter, until, prompt_tokens as usize);
            let config = model.config();
            call.span = traces::model_span("chat", &config.name, &config.base_url, task.word());
            let result = model.ask(prompt, begin_by, &meter).instrument(call.span.clone()).await;
            attempt.finished(matches!(result, Err(ModelError::NotInTime | ModelError::TimedOut(_))));
            let error = match result {
                Ok((reader, first)) => return Ok(Answer::new(reader, first, call)),
                Err(error) => error,
            };
            traces::failed(&call.span, error.word());
            // It is asked again with as much room as it has.
            if matches!(error, ModelError::NoRoom) {
                model.note_hidden_reasoning();
                continue;
            }
            record_failure(model, &error);
            let now = Instant::now();
            let jitter = (uuid::Uuid::new_v4().as_u128() % 1000) as f64 / 1000.0;
            let wait = retry::backoff(tries, error.retry_after(), jitter, now, until);
            let may_retry = error.is_transient() && tries < retry::MAX_TRIES && model.breaker.down_for(now).is_none();
            match wait.filter(|_| may_retry && model.retries.take(now)) {
                Some(wait) => sleep(wait).await,
                None => return Err(error),
            }
        }
    }
}
