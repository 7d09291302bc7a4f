//! Language models behind OpenAI-compatible APIs, the chain in which they are asked, and embeddings.

mod calibration;
mod chunk;
mod embedder;
mod error;
mod openai;
mod wire;

use std::sync::Arc;

use crate::config::ModelConfig;

pub use calibration::Window;
pub use embedder::{Embedder, Question};
pub use error::ModelError;
pub use openai::{Answer, Piece};

use openai::OpenAi;

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
    models: Arc<Vec<OpenAi>>,
}

impl Models {
    /// Prepares the models; nothing is asked yet. `context_tokens` is the budget of those that have none of their own.
    pub fn new(configs: &[ModelConfig], context_tokens: usize) -> Result<Models, ModelError> {
        let models = configs.iter().map(|config| OpenAi::new(config, context_tokens)).collect::<Result<_, _>>()?;
        Ok(Models { models: Arc::new(models) })
    }

    /// Whether no model is configured.
    pub fn is_empty(&self) -> bool {
        self.models.is_empty()
    }

    /// What a prompt may hold for the first model; without any, `context_tokens`.
    pub fn window(&self, context_tokens: usize) -> Window {
        self.models.first().map_or(Window { context_tokens, tokens_per_estimate: 1.0 }, OpenAi::window)
    }

    /// Asks the models in turn until one begins to answer. Each gets the prompt that `make` makes for its window, and what was made
    /// beside it comes back with the answer. The first piece of text is then there. Dropping the answer ends the model's work.
    pub async fn ask<T>(&self, make: impl Fn(Window) -> (Prompt, T)) -> Result<(Answer, T), ModelError> {
        let mut last = ModelError::NotConfigured;
        for model in self.models.iter() {
            let (prompt, beside) = make(model.window());
            match model.ask(&prompt).await {
                Ok(answer) => return Ok((answer, beside)),
                Err(error) => {
                    tracing::warn!(model = model.name(), error = %error, "a model did not answer");
                    last = error;
                }
            }
        }
        Err(last)
    }
}
