//! Keys: which workspace a caller works in, and what they may do there.

#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod key;
mod key_rows;
mod look_up;
mod rate;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::time::{interval, timeout};
use tokio_util::task::AbortOnDropHandle;

pub use key::{Key, NewKey, Origin, Scope};

use crate::{
    keys::{
        key_rows::Row,
        look_up::LookUps,
        rate::{RateLimit, VisitorRateLimits},
    },
    store::{Store, StoreError},
    task,
};

/// How often the keys are read anew: one that was revoked elsewhere is known after at most this.
const EVERY: Duration = Duration::from_secs(1);
/// How long a look-up may take.
const LOOK_UP_PATIENCE: Duration = Duration::from_secs(1);

/// Why a caller is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("a key is needed; send it as `authorization: Bearer dh_…`")]
    Missing,
    #[error("the key is not known; it may have been revoked, or be of another server")]
    Unknown,
    #[error("the key has no more calls for now")]
    RateExceeded(Duration),
    /// The database that may know it does not answer.
    #[error("the key can't be looked up now")]
    Unavailable,
}

/// The keys as they were when they were last read, and those that were looked up since.
#[derive(Clone)]
pub struct Keys {
    ring: Arc<RwLock<Arc<HashMap<String, Held>>>>,
    store: Store,
    look_ups: Arc<LookUps>,
    /// What each visitor has left of a publishable key's calls: none takes all of the others'.
    visitors: Arc<VisitorRateLimits>,
}

/// A key in memory.
#[derive(Clone)]
struct Held {
    key: Arc<Key>,
    secret_hash: [u8; 32],
    rate: Arc<RateLimit>,
}

impl Keys {
    /// Reads the keys, and reads them anew as long as the handle is kept.
    pub async fn start(store: Store, calls_per_visitor: u32) -> Result<(Keys, AbortOnDropHandle<()>), StoreError> {
        let visitors = Arc::new(VisitorRateLimits::new(calls_per_visitor));
        let keys = Keys { ring: Arc::default(), store, look_ups: Arc::default(), visitors };
        keys.read().await?;
        let following = keys.clone();
        let follow = task::supervised("reading the keys", move || following.clone().follow());
        Ok((keys, follow))
    }

    async fn follow(self) {
        let mut turns = interval(EVERY);
        loop {
            turns.tick().await;
            if let Err(error) = self.read().await {
                tracing::warn!(error = %error, "the keys can't be read; those of the last reading hold");
            }
        }
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

    /// Which pages may call with a key that holds.
    pub fn origins(&self, shown: &str) -> Vec<String> {
        let held = key::parts(shown).and_then(|(key_id, _)| self.ring().get(key_id).cloned());
        held.map(|held| held.key.origins.iter().map(Origin::to_string).collect()).unwrap_or_default()
    }

    /// The key that a caller shows. One that is not known may have been made just now: it is looked up, as far as all look-ups together keep to
    /// their rate.
    pub async fn check(&self, shown: &str) -> Result<Arc<Key>, KeyError> {
        let (key_id, secret) = key::parts(shown).ok_or(KeyError::Unknown)?;
        if !self.ring().contains_key(key_id) && key::is_id(key_id) {
            self.look_up(key_id).await?;
        }
        let ring = self.ring();
        let held = ring.get(key_id);
        // What is compared with takes the same time whether the id is known or not.
        let expected = held.map_or([0; 32], |held| held.secret_hash);
        let same = bool::from(expected.ct_eq(&hash(secret)));
        let held = held.filter(|held| same && held.key.holds()).ok_or(KeyError::Unknown)?;
        Ok(Arc::clone(&held.key))
    }

    /// Takes a call of a key's rate, and of the visitor's part of a publishable one's.
    pub fn take_call(&self, key: &Key, visitor: IpAddr) -> Result<(), KeyError> {
        let now = Instant::now();
        if key.is_publishable() {
            self.visitors.take(&key.key_id, visitor, now).map_err(KeyError::RateExceeded)?;
        }
        let ring = self.ring();
        let held = ring.get(&key.key_id).ok_or(KeyError::Unknown)?;
        held.rate.take(now).map_err(KeyError::RateExceeded)
    }

    fn ring(&self) -> Arc<HashMap<String, Held>> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many keys were looked up since the start.
    pub fn look_ups(&self) -> u64 {
        self.look_ups.count()
    }

    /// Looks one key up that was not there at the last reading.
    async fn look_up(&self, key_id: &str) -> Result<(), KeyError> {
        // Calls that come with the same new key at once wait for one look-up.
        let _turn = self.look_ups.turn().await;
        if self.ring().contains_key(key_id) || !self.look_ups.may_look_up(key_id, Instant::now()) {
            return Ok(());
        }
        let found = timeout(LOOK_UP_PATIENCE, key_rows::one(&self.store, key_id)).await;
        let row = found.map_err(|_| KeyError::Unavailable)?.map_err(|error| {
            tracing::warn!(error = %error, "a key can't be looked up");
            KeyError::Unavailable
        })?;
        match row {
            Some(row) => {
                let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
                let (key_id, held) = Held::of(row, &ring);
                Arc::make_mut(&mut ring).insert(key_id, held);
            }
            None => self.look_ups.found_none(key_id),
        }
        Ok(())
    }

    async fn read(&self) -> Result<(), StoreError> {
        let rows = key_rows::all(&self.store).await?;
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let read = rows.into_iter().map(|row| Held::of(row, &ring)).collect();
        *ring = Arc::new(read);
        // Whatever was not there before may be there now.
        self.look_ups.forget();
        Ok(())
    }
}

impl Held {
    /// A key as it is held, by its id. What it has used up of its rate it has still used up.
    fn of(Row { key, secret_hash }: Row, before: &HashMap<String, Held>) -> (String, Held) {
        let rate = before.get(&key.key_id).map_or_else(|| Arc::new(RateLimit::new(key.calls_per_second)), |held| Arc::clone(&held.rate));
        (key.key_id.clone(), Held { key: Arc::new(key), secret_hash, rate })
    }
}

/// Makes a key and keeps it; its text comes back, which nobody can read again.
pub async fn create(store: &Store, new: NewKey) -> Result<(Key, String), StoreError> {
    let (key_id, secret) = (key::random_hex::<{ key::ID_BYTES }>(), key::random_hex::<24>());
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
