//! Language models behind OpenAI-compatible APIs, the chain in which they are asked, and embeddings.

mod breaker;
mod budget;
mod calibration;
mod call;
mod chunk;
mod embedder;
mod error;
mod gate;
mod metrics;
mod openai;
mod retry;
mod thoughts;
mod trial;
mod wire;

use std::sync::Arc;

use tokio::time::{Instant, sleep};

use crate::config::{ModelConfig, Task, TokenLimits, Workspace};

pub use calibration::Window;
pub use embedder::{Embedder, Question};
pub use error::ModelError;
pub use openai::{Answer, Piece};
pub use trial::{Told, Trial};

use budget::TokenBudget;
use call::{Call, note_failure};
use metrics::Metrics;
use openai::{OpenAi, estimate};

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

/// The configured models, in the order in which they are asked.
#[derive(Clone)]
pub struct Models {
    models: Arc<Vec<Arc<OpenAi>>>,
    budget: Arc<TokenBudget>,
    metrics: Arc<Metrics>,
}

/// For whom and what models are asked.
#[derive(Debug, Clone)]
pub struct Asking {
    pub workspace: Workspace,
    pub task: Task,
    /// When the caller's patience ends.
    pub deadline: std::time::Instant,
}

/// How a model does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelState {
    pub name: String,
    /// Whether it is asked; one that keeps failing is not, until it answers a probe.
    pub up: bool,
}

impl Models {
    /// Prepares the models; nothing is asked yet. `context_tokens` is the budget of those that have none of their own.
    pub fn new(configs: &[ModelConfig], context_tokens: usize, limits: TokenLimits) -> Result<Models, ModelError> {
        let models = configs.iter().map(|config| OpenAi::new(config, context_tokens).map(Arc::new)).collect::<Result<_, _>>()?;
        Ok(Models { models: Arc::new(models), budget: Arc::new(TokenBudget::new(limits)), metrics: Arc::default() })
    }

    /// Whether no model is configured.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// What a prompt may hold for the first model; without any, `context_tokens`.
    pub fn window(&self, context_tokens: usize) -> Window {
        self.models.first().map_or(Window { context_tokens, tokens_per_estimate: 1.0 }, |model| model.window())
    }

    /// How each model does, in their order.
    pub fn states(&self) -> Vec<ModelState> {
        let now = Instant::now();
        let state = |model: &Arc<OpenAi>| ModelState { name: model.name().to_owned(), up: model.breaker.down_for(now).is_none() };
        self.models.iter().map(state).collect()
    }

    /// The counters of all models as Prometheus reads them.
    pub fn metrics(&self) -> String {
        let names: Vec<&str> = self.models.iter().map(|model| model.name()).collect();
        let mut written = self.metrics.written(&names);
        let name = "deskhand_model_up";
        metrics::head(&mut written, name, "Whether a model is asked: 0 while it is taken for down.", "gauge");
        for ModelState { name: model, up } in self.states() {
            metrics::line(&mut written, name, &format!("model=\"{model}\""), u8::from(up));
        }
        for (name, help, of) in
            [("deskhand_model_calls", "Calls that a model is answering.", 0), ("deskhand_model_waiting", "Calls that wait for a model.", 1)]
        {
            metrics::head(&mut written, name, help, "gauge");
            for model in self.models.iter() {
                let (inside, waiting) = model.gate.crowd();
                metrics::line(&mut written, name, &format!("model=\"{}\"", model.name()), [inside, waiting][of]);
            }
        }
        written
    }

    /// Asks the models in turn until one begins to answer. Each gets the prompt that `make` makes for its window, and what was made
    /// beside it comes back with the answer. The first piece of text is then there. Dropping the answer ends the model's work.
    ///
    /// A model that is known to be down is passed over. One whose server breaks off is asked again, within the budget of tries and the
    /// caller's time.
    pub async fn ask<T>(&self, asking: &Asking, make: impl Fn(Window) -> (Prompt, T)) -> Result<(Answer, T), ModelError> {
        let until = Instant::from_std(asking.deadline);
        let mut last = ModelError::NotConfigured;
        let able = self.models.iter().enumerate().filter(|(_, model)| model.does(asking.task));
        for (nth, (place, model)) in able.enumerate() {
            let failed = match model.breaker.down_for(Instant::now()) {
                Some(wait) => ModelError::Down(wait),
                None => {
                    let (prompt, beside) = make(model.window());
                    match self.ask_one(place, model, &prompt, asking, until, nth > 0).await {
                        Ok(answer) => return Ok((answer, beside)),
                        Err(error) => error,
                    }
                }
            };
            self.metrics.failed(place, asking.task, failed.word());
            tracing::warn!(model = model.name(), task = asking.task.word(), error = %failed, "a model did not answer");
            // What the workspace has used up no other model has.
            let ends = matches!(failed, ModelError::Spent(_) | ModelError::DeadlinePassed);
            last = failed;
            if ends {
                break;
            }
        }
        Err(last)
    }

    async fn ask_one(
        &self,
        place: usize,
        model: &Arc<OpenAi>,
        prompt: &Prompt,
        asking: &Asking,
        until: Instant,
        fallback: bool,
    ) -> Result<Answer, ModelError> {
        let prompt_tokens = model.tokens_of(prompt)?;
        let most = prompt_tokens as u64 + u64::from(model.config().max_tokens);
        let reserved = self.budget.reserve(asking.workspace.as_str(), most, Instant::now()).map_err(ModelError::Spent)?;
        let inside = model.gate.enter(until).await.map_err(|wait| match Instant::now() < until {
            true => ModelError::Busy(wait),
            false => ModelError::DeadlinePassed,
        })?;
        let (task, metrics) = (asking.task, Arc::clone(&self.metrics));
        let call = Call {
            model: Arc::clone(model),
            place,
            task,
            metrics,
            fallback,
            estimate: estimate(prompt),
            prompt_tokens,
            reserved,
            _inside: inside,
        };
        model.retries.called(Instant::now());
        let mut tries = 0;
        loop {
            tries += 1;
            self.metrics.tried(place, task);
            let error = match model.ask(prompt).await {
                Ok((reading, begun)) => return Ok(Answer::of(reading, begun, call)),
                Err(error) => error,
            };
            note_failure(model, &error);
            let now = Instant::now();
            let chance = (uuid::Uuid::new_v4().as_u128() % 1000) as f64 / 1000.0;
            let wait = retry::wait(tries, error.retry_after(), chance, now, until);
            let may = error.is_transient() && tries < retry::MOST_TRIES && model.breaker.down_for(now).is_none();
            match wait.filter(|_| may && model.retries.take(now)) {
                Some(wait) => sleep(wait).await,
                None => return Err(error),
            }
        }
    }
}
