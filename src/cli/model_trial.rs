//! A trial of the configured models and of the embedder in the background of `serve`: a wrong name, key or address is told before an
//! agent's first click.

use std::time::Duration;

use tokio::time::sleep;

use crate::{
    config::{EmbeddingConfig, ModelConfig, did_you_mean},
    model::{Embedder, Listing, listing},
};

/// How long after the start the trial begins: a model's server may start at the same time.
const DELAY: Duration = Duration::from_secs(2);
/// Longest wait for an embedding: a model may be loaded first.
const EMBEDDING_TIMEOUT: Duration = Duration::from_secs(30);
/// Names that are told of the models that a server does serve.
const MAX_NAMES: usize = 10;

/// Tries each model once, and the embedder, and logs what is wrong.
pub async fn try_models(models: Vec<ModelConfig>, embedder: Option<EmbeddingConfig>) {
    sleep(DELAY).await;
    for model in &models {
        let (name, base_url) = (model.name.as_str(), model.base_url.as_str());
        match listing(model).await {
            Ok(Listing::Served) => tracing::info!(model = name, "the model is there"),
            Ok(Listing::Unknown) => tracing::debug!(model = name, "the model's server lists no models; `deskhand models` tries a call"),
            Ok(Listing::Others(others)) => tracing::error!("{base_url} does not serve the model `{name}`{}", instead(name, &others)),
            Err(error) => {
                tracing::error!("the model `{name}` at {base_url} can't be used: {error}; `deskhand models` tells more");
            }
        }
    }
    if let Some(endpoint) = embedder {
        try_embedder(&endpoint).await;
    }
}

/// Embeds a word, which costs next to nothing: a server may know more names than it lists.
async fn try_embedder(endpoint: &EmbeddingConfig) {
    let EmbeddingConfig { model: name, base_url, api_key, .. } = endpoint;
    let tried = match Embedder::new(endpoint) {
        Ok(embedder) => embedder.embed_passages(&["parcel".to_owned()], EMBEDDING_TIMEOUT).await,
        Err(error) => Err(error),
    };
    let Err(error) = tried else { return tracing::info!(model = name, "the embedder is there") };
    let model = ModelConfig { name: name.clone(), base_url: base_url.clone(), api_key: api_key.clone(), ..ModelConfig::default() };
    let instead = match listing(&model).await {
        Ok(Listing::Others(others)) => instead(name, &others),
        _ => String::new(),
    };
    tracing::error!("the embedder `{name}` at {base_url} can't be used: {error}{instead}");
}

/// What a server serves in place of a model.
fn instead(name: &str, others: &[String]) -> String {
    let known: Vec<&str> = others.iter().map(String::as_str).collect();
    let shown = known[..known.len().min(MAX_NAMES)].join(", ");
    format!("; it serves {shown}{}", did_you_mean(name, &known))
}
