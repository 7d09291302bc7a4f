//! Keys: which workspace a caller works in, and what they may do there.

#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod key;
mod key_rows;
mod rate;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::interval;
use tokio_util::task::AbortOnDropHandle;

use crate::store::{Store, StoreError};

pub use key::{Key, NewKey, Origin, Scope};

use key_rows::Row;
use rate::Rate;

/// How often the keys are read anew: one that was made or revoked elsewhere is known after at most this.
const EVERY: Duration = Duration::from_secs(1);

/// Why a caller is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a key is needed; send it as `authorization: Bearer dh_…`")]
    Missing,
    #[error("the key is not known; it may have been revoked, or be of another server")]
    Unknown,
    #[error("the key has no more calls for now")]
    RateExceeded(Duration),
}

/// The keys as they were when they were last read.
#[derive(Clone)]
pub struct Keys {
    ring: Arc<RwLock<Arc<HashMap<String, Held>>>>,
}

/// A key in memory.
#[derive(Clone)]
struct Held {
    key: Arc<Key>,
    secret_hash: [u8; 32],
    rate: Arc<Rate>,
}

impl Keys {
    /// Reads the keys, and reads them anew as long as the handle is kept.
    pub async fn start(store: Store) -> Result<(Keys, AbortOnDropHandle<()>), StoreError> {
        let keys = Keys { ring: Arc::default() };
        keys.read(&store).await?;
        let following = keys.clone();
        let follow = tokio::spawn(async move {
            let mut turns = interval(EVERY);
            loop {
                turns.tick().await;
                if let Err(error) = following.read(&store).await {
                    tracing::warn!(error = %error, "the keys can't be read; those of the last reading hold");
                }
            }
        });
        Ok((keys, AbortOnDropHandle::new(follow)))
    }

    /// Whether callers need a key: whether there ever was one.
    pub fn are_needed(&self) -> bool {
        !self.ring().is_empty()
    }

    /// Whether some key lets anybody in.
    pub fn some_hold(&self) -> bool {
        self.ring().values().any(|held| held.key.holds())
    }

    /// Whether a page from this origin may call with some key.
    pub fn allow_origin(&self, origin: &str) -> bool {
        self.ring().values().any(|held| held.key.holds() && held.key.allows_origin(origin))
    }

    /// The key that a caller shows. It takes a call of its rate.
    pub fn check(&self, shown: &str) -> Result<Arc<Key>, KeyError> {
        let ring = self.ring();
        let (key_id, secret) = key::parts(shown).ok_or(KeyError::Unknown)?;
        let held = ring.get(key_id);
        // What is compared with takes the same time whether the id is known or not.
        let expected = held.map_or([0; 32], |held| held.secret_hash);
        let same = bool::from(expected.ct_eq(&hash(secret)));
        let held = held.filter(|held| same && held.key.holds()).ok_or(KeyError::Unknown)?;
        held.rate.take(Instant::now()).map_err(KeyError::RateExceeded)?;
        Ok(Arc::clone(&held.key))
    }

    fn ring(&self) -> Arc<HashMap<String, Held>> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    async fn read(&self, store: &Store) -> Result<(), StoreError> {
        let before = self.ring();
        let hold = |Row { key, secret_hash }: Row| {
            // What a key has used up of its rate it has still used up.
            let rate = before.get(&key.key_id).map_or_else(|| Arc::new(Rate::new(key.calls_per_second)), |held| Arc::clone(&held.rate));
            (key.key_id.clone(), Held { key: Arc::new(key), secret_hash, rate })
        };
        let ring: HashMap<String, Held> = key_rows::all(store).await?.into_iter().map(hold).collect();
        *self.ring.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(ring);
        Ok(())
    }
}

/// Makes a key and keeps it; its text comes back, which nobody can read again.
pub async fn create(store: &Store, new: NewKey) -> Result<(Key, String), StoreError> {
    let (key_id, secret) = (key::random_hex::<6>(), key::random_hex::<24>());
    let shown = key::written(&key_id, &secret);
    let NewKey { workspace, scopes, origins, calls_per_second, token_limits } = new;
    let key = Key { key_id, workspace, scopes, origins, calls_per_second, token_limits, created_at: Timestamp::now(), revoked_at: None };
    let mut write = store.begin().await?;
    key_rows::insert(&mut write, &key, &hash(&secret)).await?;
    write.commit().await?;
    Ok((key, shown))
}

/// All keys, the oldest first.
pub async fn list(store: &Store) -> Result<Vec<Key>, StoreError> {
    Ok(key_rows::all(store).await?.into_iter().map(|row| row.key).collect())
}

/// Takes a key's power away; whether there was one that had it.
pub async fn revoke(store: &Store, key_id: &str) -> Result<bool, StoreError> {
    let mut write = store.begin().await?;
    let revoked = key_rows::revoke(&mut write, key_id, Timestamp::now()).await?;
    write.commit().await?;
    Ok(revoked)
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
