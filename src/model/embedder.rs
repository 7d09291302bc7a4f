//! Embeddings of texts, as vectors, from an OpenAI-compatible API.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_openai::Client;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use tracing::Instrument;

use crate::{
    config::EmbeddingConfig,
    model::{
        answer_reader::failure,
        error::{ModelError, Timeout},
        http::{self, PlainHttpTransport},
    },
    telemetry::traces,
};

/// Largest answer in bytes: 64 vectors of 4,096 numbers of 20 digits each.
const MAX_BYTES: usize = 6 << 20;
/// After this many consecutive failures the endpoint is not called for a while (circuit breaker); then one call tries (half-open).
const MAX_FAILURES: u32 = 3;
/// How long the endpoint is not called then.
const PAUSE: Duration = Duration::from_secs(5);

/// The embeddings endpoint.
#[derive(Clone)]
pub struct Embedder {
    config: Arc<EmbeddingConfig>,
    client: reqwest::Client,
    search_health: Arc<Health>,
    chat_health: Arc<Health>,
}

/// What an embedding is for. Each purpose has a timeout and a circuit breaker of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingPurpose {
    /// The query of a search, which somebody types.
    Search,
    /// The conversation of a chat, for suggestions and a draft's sources.
    Chat,
}

/// What a text is to an embedding model.
#[derive(Debug, Clone, Copy)]
enum TextRole {
    Query,
    Passage,
}

/// The circuit breaker of one purpose.
#[derive(Default)]
struct Health {
    unanswered: AtomicU32,
    failures: AtomicU32,
    /// Until when the endpoint is not called.
    paused_until: Mutex<Option<Instant>>,
}

impl Embedder {
    /// Prepares the client; nothing is sent. Fails without root certificates on the system.
    pub fn new(config: &EmbeddingConfig) -> Result<Embedder, ModelError> {
        let client = http::client(config.connect_timeout)?;
        Ok(Embedder { config: Arc::new(config.clone()), client, search_health: Arc::default(), chat_health: Arc::default() })
    }

    /// Returns the endpoint's settings.
    pub fn config(&self) -> &EmbeddingConfig {
        &self.config
    }

    /// Embeds texts while a caller waits. Returns vectors in the order of the texts; fails at once while the circuit breaker is open.
    pub async fn ask(&self, texts: &[String], purpose: EmbeddingPurpose) -> Result<Vec<Vec<f32>>, ModelError> {
        let (health, timeout) = match purpose {
            EmbeddingPurpose::Search => (&self.search_health, self.config.search_timeout),
            EmbeddingPurpose::Chat => (&self.chat_health, self.config.suggest_timeout),
        };
        let answer = if health.is_paused() {
            Err(ModelError::Unreachable)
        } else {
            let answer = self.embed(texts, TextRole::Query, timeout).await;
            // Refused input is not a failure of the endpoint, which may accept other texts.
            health.record(answer.as_ref().err().is_none_or(ModelError::is_refused_input));
            answer
        };
        if answer.is_err() {
            health.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// How many calls of [`Embedder::ask`] got no vectors.
    pub fn unanswered(&self) -> u32 {
        [&self.search_health, &self.chat_health].iter().map(|health| health.unanswered.load(Ordering::Relaxed)).sum()
    }

    /// Embeds passages of documents. Returns vectors in the order of the texts, all of one length.
    pub async fn embed_passages(&self, texts: &[String], timeout: Duration) -> Result<Vec<Vec<f32>>, ModelError> {
        self.embed(texts, TextRole::Passage, timeout).await
    }

    /// Names what a document's vectors depend on: the model, and what it is told of a passage.
    pub fn vectors_name(&self) -> String {
        let EmbeddingConfig { model, prompts, .. } = &*self.config;
        match (prompts.passage.as_str(), prompts.input_type) {
            ("", false) => model.clone(),
            (prefix, false) => format!("{model}\n{prefix}"),
            (prefix, true) => format!("{model}\n{prefix}\ninput_type"),
        }
    }

    async fn embed(&self, texts: &[String], role: TextRole, timeout: Duration) -> Result<Vec<Vec<f32>>, ModelError> {
        let by = Instant::now() + timeout;
        let prompts = &self.config.prompts;
        let (prefix, input_type) = match role {
            TextRole::Query => (&prompts.query, "query"),
            TextRole::Passage => (&prompts.passage, "passage"),
        };
        let texts: Vec<String> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let mut request = json!({ "model": self.config.model, "input": texts, "encoding_format": "float" });
        if prompts.input_type {
            request["input_type"] = json!(input_type);
        }
        let server = http::server(&self.config.base_url, &self.config.api_key);
        let transport = PlainHttpTransport { client: self.client.clone(), max_bytes: MAX_BYTES };
        let client = Client::build(self.client.clone(), server).with_http_service(transport);
        let embeddings = client.embeddings();
        let span = traces::model_span("embeddings", &self.config.model, &self.config.base_url, input_type);
        let answered = timeout_at(by, embeddings.create_byot(request)).instrument(span.clone()).await;
        let answer = answered.map_err(|_| ModelError::TimedOut(Timeout::Embedding)).and_then(|answer| answer.map_err(failure));
        let vectors = answer.and_then(|answer: Value| read(&answer, texts.len()).ok_or(ModelError::Garbled));
        vectors.inspect_err(|error| traces::failed(&span, error.word()))
    }
}

impl Health {
    fn is_paused(&self) -> bool {
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        match *paused {
            None => false,
            Some(until) if Instant::now() < until => true,
            Some(_) => {
                // Half-open: this call tries, the others stay paused until its result.
                *paused = Some(Instant::now() + PAUSE);
                false
            }
        }
    }

    fn record(&self, success: bool) {
        let failures = if success { 0 } else { self.failures.load(Ordering::Relaxed).saturating_add(1) };
        self.failures.store(failures, Ordering::Relaxed);
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = (failures >= MAX_FAILURES).then(|| Instant::now() + PAUSE);
    }
}

/// Reads an answer's vectors by their index, or in order if they have none.
fn read(answer: &Value, texts: usize) -> Option<Vec<Vec<f32>>> {
    let mut vectors: Vec<Vec<f32>> = vec![Vec::new(); texts];
    let data = answer["data"].as_array().filter(|data| data.len() == texts)?;
    for (position, item) in data.iter().enumerate() {
        let index = item["index"].as_u64().map_or(position, |index| index as usize);
        let numbers = item["embedding"].as_array()?.iter().map(|number| number.as_f64().map(|number| number as f32));
        *vectors.get_mut(index)? = numbers.collect::<Option<Vec<f32>>>()?;
    }
    let length = vectors.first().map_or(0, Vec::len);
    (length > 0 && vectors.iter().all(|vector| vector.len() == length && vector.iter().all(|number| number.is_finite()))).then_some(vectors)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_in_the_order_of_their_texts() {
        let answer = json!({ "data": [{ "index": 1, "embedding": [2.0, 0] }, { "index": 0, "embedding": [1, 0.5] }] });
        assert_eq!(read(&answer, 2), Some(vec![vec![1.0, 0.5], vec![2.0, 0.0]]));
        let unnumbered = json!({ "data": [{ "embedding": [1] }, { "embedding": [2] }] });
        assert_eq!(read(&unnumbered, 2), Some(vec![vec![1.0], vec![2.0]]));
        for wrong in [
            json!({}),
            json!({ "data": [{ "embedding": [1] }] }),
            json!({ "data": [{ "index": 0, "embedding": [1] }, { "index": 0, "embedding": [2] }] }),
            json!({ "data": [{ "index": 0, "embedding": [1] }, { "index": 7, "embedding": [2] }] }),
            json!({ "data": [{ "embedding": [1] }, { "embedding": [2, 3] }] }),
            json!({ "data": [{ "embedding": [] }, { "embedding": [] }] }),
            json!({ "data": [{ "embedding": ["x"] }, { "embedding": [1] }] }),
        ] {
            assert_eq!(read(&wrong, 2), None, "{wrong}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failing_endpoint_is_not_called_for_a_while() {
        let health = Health::default();
        for _ in 0..MAX_FAILURES {
            assert!(!health.is_paused());
            health.record(false);
        }
        assert!(health.is_paused());
        tokio::time::advance(PAUSE).await;
        assert!(!health.is_paused(), "one tries");
        assert!(health.is_paused(), "the others wait");
        health.record(true);
        assert!(!health.is_paused());
    }
}
