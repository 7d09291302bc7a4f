//! Embeddings: what texts mean, as vectors, from an OpenAI-compatible API.

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

use crate::{
    config::EmbeddingConfig,
    model::{
        answer_reader::failure,
        error::ModelError,
        http::{self, PlainHttpTransport},
    },
};

/// Most bytes of an answer: 64 vectors of 4,096 numbers of 20 letters each.
const MAX_BYTES: usize = 6 << 20;
/// After so many failures one after the other, questions are not asked for a while; then one tries.
const FAILURES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(5);

/// The embeddings endpoint.
#[derive(Clone)]
pub struct Embedder {
    config: Arc<EmbeddingConfig>,
    client: reqwest::Client,
    of_searches: Arc<Health>,
    of_chats: Arc<Health>,
}

/// What a question is for: each kind waits for so long, and has a clock of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmbeddingPurpose {
    Search,
    Chat,
}

/// How the last questions went.
#[derive(Default)]
struct Health {
    unanswered: AtomicU32,
    failures: AtomicU32,
    /// Until when nothing is asked.
    paused: Mutex<Option<Instant>>,
}

impl Embedder {
    pub fn new(config: &EmbeddingConfig) -> Result<Embedder, ModelError> {
        let client = http::client(config.connect_timeout)?;
        Ok(Embedder { config: Arc::new(config.clone()), client, of_searches: Arc::default(), of_chats: Arc::default() })
    }

    pub fn config(&self) -> &EmbeddingConfig {
        &self.config
    }

    /// What somebody asks, as vectors, in the order of the texts. Not asked at all while the last questions went unanswered.
    pub async fn ask(&self, texts: &[String], question: EmbeddingPurpose) -> Result<Vec<Vec<f32>>, ModelError> {
        let (health, longest) = match question {
            EmbeddingPurpose::Search => (&self.of_searches, self.config.search_timeout),
            EmbeddingPurpose::Chat => (&self.of_chats, self.config.suggest_timeout),
        };
        let answer = if health.is_paused() {
            Err(ModelError::Unreachable)
        } else {
            let answer = self.embed(texts, longest).await;
            // Who refuses one text may take others.
            health.went(answer.as_ref().err().is_none_or(ModelError::is_refused_input));
            answer
        };
        if answer.is_err() {
            health.unanswered.fetch_add(1, Ordering::Relaxed);
        }
        answer
    }

    /// How many questions got no answer.
    pub fn unanswered(&self) -> u32 {
        [&self.of_searches, &self.of_chats].iter().map(|health| health.unanswered.load(Ordering::Relaxed)).sum()
    }

    /// Vectors of texts, in their order, all of one length.
    pub async fn embed(&self, texts: &[String], longest: Duration) -> Result<Vec<Vec<f32>>, ModelError> {
        let by = Instant::now() + longest;
        let request = json!({ "model": self.config.model, "input": texts, "encoding_format": "float" });
        let server = http::server(&self.config.base_url, &self.config.api_key);
        let wire = PlainHttpTransport { client: self.client.clone(), most_bytes: MAX_BYTES };
        let client = Client::build(self.client.clone(), server).with_http_service(wire);
        let embeddings = client.embeddings();
        let answer: Value =
            timeout_at(by, embeddings.create_byot(request)).await.map_err(|_| ModelError::TimedOut("to embed"))?.map_err(failure)?;
        read(&answer, texts.len()).ok_or(ModelError::Garbled)
    }
}

impl Health {
    fn is_paused(&self) -> bool {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        match *paused {
            None => false,
            Some(until) if Instant::now() < until => true,
            Some(_) => {
                // This one tries; the others wait for what comes of it.
                *paused = Some(Instant::now() + PAUSE);
                false
            }
        }
    }

    fn went(&self, well: bool) {
        let failures = if well { 0 } else { self.failures.load(Ordering::Relaxed).saturating_add(1) };
        self.failures.store(failures, Ordering::Relaxed);
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = (failures >= FAILURES).then(|| Instant::now() + PAUSE);
    }
}

/// Reads an answer's vectors by their index, or in their order where they have none.
fn read(answer: &Value, texts: usize) -> Option<Vec<Vec<f32>>> {
    let mut vectors: Vec<Vec<f32>> = vec![Vec::new(); texts];
    let data = answer["data"].as_array().filter(|data| data.len() == texts)?;
    for (place, item) in data.iter().enumerate() {
        let index = item["index"].as_u64().map_or(place, |index| index as usize);
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
    fn vectors_come_in_the_order_of_their_texts() {
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
    async fn an_endpoint_that_fails_is_left_alone_for_a_while() {
        let health = Health::default();
        for _ in 0..FAILURES {
            assert!(!health.is_paused());
            health.went(false);
        }
        assert!(health.is_paused());
        tokio::time::advance(PAUSE).await;
        assert!(!health.is_paused(), "one tries");
        assert!(health.is_paused(), "the others wait");
        health.went(true);
        assert!(!health.is_paused());
    }
}
