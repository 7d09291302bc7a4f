//! A trial of the configured models, the embedder among them, in the background of `serve`: a wrong name, key or address is told before an
//! agent's first click.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    config::{ModelConfig, did_you_mean},
    model::{Listing, listing},
};

/// How long after the start the trial begins: a model's server may start at the same time.
const DELAY: Duration = Duration::from_secs(2);
/// Names that are told of the models that a server does serve.
const MAX_NAMES: usize = 10;

/// Tries each model once, and logs what is wrong.
pub async fn try_models(models: Vec<ModelConfig>) {
    sleep(DELAY).await;
    for model in &models {
        let (name, base_url) = (model.name.as_str(), model.base_url.as_str());
        match listing(model).await {
            Ok(Listing::Served) => tracing::info!(model = name, "the model is there"),
            Ok(Listing::Unknown) => tracing::debug!(model = name, "the model's server lists no models; `deskhand models` tries a call"),
            Ok(Listing::Others(others)) => {
                let known: Vec<&str> = others.iter().map(String::as_str).collect();
                let hint = did_you_mean(name, &known);
                let shown = known[..known.len().min(MAX_NAMES)].join(", ");
                tracing::error!("{base_url} does not serve the model `{name}`; it serves {shown}{hint}");
            }
            Err(error) => {
                tracing::error!("the model `{name}` at {base_url} can't be used: {error}; `deskhand models` tells more");
            }
        }
    }
}
