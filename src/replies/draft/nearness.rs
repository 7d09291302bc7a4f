//! How near the messages of a long chat are in meaning to what the customer asks now, where an embeddings endpoint is configured.
//!
//! The vectors of messages are kept in memory by their text. What is not embedded in time for one draft is there for the next.

use std::{
    num::NonZero,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use lru::LruCache;
use tokio::{sync::Semaphore, time::timeout};

use crate::{
    chats::Chat,
    model::{Embedder, EmbeddingPurpose},
    replies::{Desk, masking::Masker},
    text::{Language, fingerprint},
};

/// A shorter chat is shown whole; of a longer one the latest messages are compared.
const MIN_MESSAGES: usize = 30;
const MAX_MESSAGES: usize = 800;
/// Shortest text that is compared, in characters, and the longest part of one.
const MIN_CHARS: usize = 12;
const MAX_CHARS: usize = 600;
/// Vectors that are kept: some 6 MB for a small model.
const KEPT: NonZero<usize> = NonZero::new(4096).expect("not zero");
/// Texts of a request, and the longest wait for its answer.
const TEXTS_AT_ONCE: usize = 32;
const TIMEOUT: Duration = Duration::from_secs(30);
/// Fewest compared messages that tell what is near and what is not.
const MIN_COMPARED: usize = 10;

/// The vectors of messages, by fingerprints of their texts.
#[derive(Clone)]
pub struct MessageVectors {
    kept: Arc<Mutex<LruCache<String, Arc<[f32]>>>>,
    /// One chat's messages are embedded at a time.
    embedding: Arc<Semaphore>,
}

impl Default for MessageVectors {
    fn default() -> MessageVectors {
        MessageVectors { kept: Arc::new(Mutex::new(LruCache::new(KEPT))), embedding: Arc::new(Semaphore::new(1)) }
    }
}

/// What of a chat is compared.
#[derive(Default)]
struct Compared {
    /// What the customer asks now, without personal data.
    asked: String,
    /// For each message its key; `None` for one that is not compared.
    keys: Vec<Option<String>>,
    /// The texts without vectors, with their keys, the latest first, without personal data.
    missing: Vec<(String, String)>,
}

impl MessageVectors {
    /// Forgets all: somebody was erased.
    pub fn clear(&self) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn get(&self, key: &str) -> Option<Arc<[f32]>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Embeds texts, unless others are being embedded. It goes on when its caller waits no longer.
    async fn fill(&self, embedder: &Embedder, missing: Vec<(String, String)>, wait: Duration) {
        let Ok(permit) = Arc::clone(&self.embedding).try_acquire_owned() else { return };
        let (vectors, embedder) = (self.clone(), embedder.clone());
        let filling = tokio::spawn(async move {
            let _permit = permit;
            for batch in missing.chunks(TEXTS_AT_ONCE) {
                let texts: Vec<String> = batch.iter().map(|(_, text)| text.clone()).collect();
                match embedder.embed_passages(&texts, TIMEOUT).await {
                    Ok(embedded) => {
                        let mut kept = vectors.kept.lock().unwrap_or_else(PoisonError::into_inner);
                        for ((key, _), vector) in batch.iter().zip(embedded) {
                            kept.put(key.clone(), vector.into());
                        }
                    }
                    Err(error) => return tracing::debug!(error = %error, "embedding messages failed; the context goes by words"),
                }
            }
        });
        let _ = timeout(wait, filling).await;
    }
}

impl Desk {
    /// Returns for each message of a chat how much nearer it is to what the customer asks now than its messages are on average, in standard
    /// deviations; 0 for others and for what is not known in time. Empty without an endpoint, and for a short chat.
    pub(super) async fn nearness(&self, chat: &Arc<Chat>, language: &Language) -> Vec<f32> {
        let Some(embedder) = self.embedder.as_ref().filter(|_| chat.turns.len() >= MIN_MESSAGES) else { return Vec::new() };
        let (desk, of_chat, language) = (self.clone(), Arc::clone(chat), language.clone());
        let Compared { asked, keys, missing } = self.chats.workers().work(move || desk.compared(&of_chat, &language)).await;
        let wait = embedder.config().suggest_timeout;
        let asked = [asked];
        let (asked, ()) = tokio::join!(embedder.ask(&asked, EmbeddingPurpose::Chat), self.message_vectors.fill(embedder, missing, wait));
        let Some(asked) = asked.ok().and_then(|mut vectors| vectors.pop()) else { return Vec::new() };
        let near = |key: &Option<String>| key.as_ref().and_then(|key| self.message_vectors.get(key)).map(|vector| cosine(&asked, &vector));
        standardized(&keys.iter().map(near).collect::<Vec<Option<f32>>>())
    }

    fn compared(&self, chat: &Chat, language: &Language) -> Compared {
        let masker = Masker::of(&self.settings.personal_data, std::iter::once(chat), language);
        let shortened = |text: &str| text.chars().take(MAX_CHARS).collect::<String>();
        let first = chat.turns.len().saturating_sub(MAX_MESSAGES).max(chat.turns_before_customer);
        let mut compared = Compared { asked: shortened(&masker.blank(&chat.last_burst_text())), ..Compared::default() };
        for (index, turn) in chat.turns.iter().enumerate() {
            let text = shortened(&turn.message.text);
            let is_compared = index >= first && text.chars().count() >= MIN_CHARS;
            let key = is_compared.then(|| fingerprint(&text));
            if let Some(key) = &key
                && self.message_vectors.get(key).is_none()
            {
                compared.missing.push((key.clone(), masker.blank(&text)));
            }
            compared.keys.push(key);
        }
        compared.missing.reverse();
        compared
    }
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    let product = |one: &[f32], other: &[f32]| one.iter().zip(other).map(|(one, other)| one * other).sum::<f32>();
    product(one, other) / (product(one, one) * product(other, other)).sqrt().max(f32::MIN_POSITIVE)
}

/// Returns how far each is above the mean, in standard deviations; 0 for those below it and those that are missing.
fn standardized(cosines: &[Option<f32>]) -> Vec<f32> {
    let known: Vec<f32> = cosines.iter().flatten().copied().collect();
    if known.len() < MIN_COMPARED {
        return Vec::new();
    }
    let mean = known.iter().sum::<f32>() / known.len() as f32;
    let spread = (known.iter().map(|cosine| (cosine - mean).powi(2)).sum::<f32>() / known.len() as f32).sqrt().max(1e-6);
    cosines.iter().map(|cosine| cosine.map_or(0.0, |cosine| ((cosine - mean) / spread).max(0.0))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_near_stands_out() {
        let cosines: Vec<Option<f32>> = (0..20)
            .map(|at| {
                if at == 7 {
                    Some(0.9)
                } else if at == 3 {
                    None
                } else {
                    Some(0.7)
                }
            })
            .collect();
        let near = standardized(&cosines);
        assert!(near[7] > 3.0 && near[3] == 0.0 && near[0] == 0.0, "{near:?}");
        assert!(standardized(&cosines[..8]).is_empty(), "too few tell nothing");
        assert!((cosine(&[1.0, 1.0], &[2.0, 2.0]) - 1.0).abs() < 1e-6);
    }
}
