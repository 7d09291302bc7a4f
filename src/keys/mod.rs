//! API keys: which workspace a caller works in, and what they may do there.

mod agent_key;
mod audit;
mod audit_rows;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod key;
mod key_rows;
mod look_up;
mod rate;

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

pub use agent_key::AgentKey;
pub use audit::{Action, Actor, Audit, AuditSubject, MAX_AUDIT_ENTRIES};
pub use audit_rows::AuditEntry;
pub use key::{Key, NewKey, Origin, Scope};

use crate::{
    keys::{
        key_rows::Row,
        look_up::LookUps,
        rate::{RateLimit, VisitorRateLimits},
    },
    store::{Signer, Store, StoreError},
    task,
};

/// How often the keys are reloaded even though none is known to have changed. A key revoked elsewhere is known within a second, by the
/// database's pulse.
const RELOAD_INTERVAL: Duration = Duration::from_secs(30);
/// How soon a failed reload is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// Longest time without a look at whether a key that is in use has ended.
const MAX_SLEEP: Duration = Duration::from_secs(60 * 60);
/// Timeout of a look-up.
const LOOK_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// Why a caller is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The call has no key, and the server needs one.
    #[error("a key is required; send it as `authorization: Bearer dh_…`")]
    Missing,
    /// There is no such key, it was revoked, or its secret is wrong: callers can't tell which.
    #[error("unknown key; it may have been revoked, or belong to another server")]
    Unknown,
    /// Its time is over.
    #[error("the key has expired; get a new one")]
    Expired,
    /// Too many calls with this key, or of this visitor with it; the next one is let in after this time.
    #[error("the key's rate limit is exceeded")]
    RateExceeded(Duration),
    /// The database does not answer, so an unknown key can't be looked up.
    #[error("can't look up the key now")]
    Unavailable,
}

/// A key that a caller presented and that is valid.
#[derive(Debug, Clone)]
pub struct CheckedKey {
    /// The key, or that which made it.
    pub key: Arc<Key>,
    /// What it says of its agent, if it is for one.
    pub agent: Option<Arc<AgentKey>>,
}

impl CheckedKey {
    /// What it allows.
    pub fn scopes(&self) -> &[Scope] {
        if self.agent.is_some() { &[Scope::Agent] } else { &self.key.scopes }
    }
}

/// Makes keys for one agent.
#[derive(Debug, Clone)]
pub struct Minter(Signer);

impl Minter {
    /// A minter for the database that the keys are in.
    pub fn new(store: &Store) -> Minter {
        Minter(store.signer().clone())
    }

    /// Makes the key's text. `parent`: the key that it ends with. `None`: it would be too long.
    pub fn mint(&self, parent: &Key, new: NewAgentKey) -> Option<(String, Timestamp)> {
        let NewAgentKey { agent_id, name, groups, chat_ids, lifetime } = new;
        let until = Timestamp::now().saturating_add(SignedDuration::try_from(lifetime).ok()?).ok()?;
        let until = parent.expires_at.map_or(until, |end| end.min(until));
        let agent = AgentKey { parent_id: parent.key_id.clone(), agent_id, name, groups, chat_ids, expires_at: until.as_second() };
        Some((agent.text(&self.0)?, Timestamp::from_second(agent.expires_at).ok()?))
    }
}

/// The properties of a key for one agent.
#[derive(Debug, Clone)]
pub struct NewAgentKey {
    /// The agent's id in the console.
    pub agent_id: String,
    /// The agent's name.
    pub name: String,
    /// The agent's teams.
    pub groups: Vec<String>,
    /// The chats that it is for; empty: all.
    pub chat_ids: Vec<String>,
    /// How long it is valid.
    pub lifetime: Duration,
}

/// The keys in memory: as of the last reload, plus those looked up since.
#[derive(Clone)]
pub struct Keys {
    ring: Arc<RwLock<Arc<HashMap<String, LoadedKey>>>>,
    store: Store,
    look_ups: Arc<LookUps>,
    /// Rate limit per visitor of a publishable key, so that no visitor uses up the others' calls.
    visitors: Arc<VisitorRateLimits>,
    reloads: watch::Sender<()>,
}

/// A key in memory.
#[derive(Clone)]
struct LoadedKey {
    key: Arc<Key>,
    secret_hash: [u8; 32],
    rate: Arc<RateLimit>,
}

impl Keys {
    /// Loads the keys, and reloads them as long as the handle is kept.
    pub async fn start(store: Store, calls_per_visitor: u32) -> Result<(Keys, AbortOnDropHandle<()>), StoreError> {
        let visitors = Arc::new(VisitorRateLimits::new(calls_per_visitor));
        let keys = Keys { ring: Arc::default(), store, look_ups: Arc::default(), visitors, reloads: watch::Sender::new(()) };
        keys.reload().await?;
        let reloaded = keys.clone();
        let reload = task::supervised("reloading the keys", move || reloaded.clone().keep_reloading());
        Ok((keys, reload))
    }

    async fn keep_reloading(self) {
        let mut pulses = self.store.pulses();
        loop {
            let seen = pulses.last().keys();
            if let Err(error) = self.reload().await {
                tracing::warn!(error = %error, "can't reload the keys; keeping the last ones");
                sleep(RETRY_INTERVAL).await;
                continue;
            }
            let _ = timeout(RELOAD_INTERVAL, pulses.until(|pulse| pulse.keys() != seen)).await;
        }
    }

    /// Whether callers need a key: true once any key was created, even if all are revoked.
    pub fn are_needed(&self) -> bool {
        !self.ring().is_empty()
    }

    /// Whether any key is valid.
    pub fn any_valid(&self) -> bool {
        self.ring().values().any(|held| held.key.is_valid())
    }

    /// Whether any valid key allows pages from this origin (CORS).
    pub fn allow_origin(&self, origin: &str) -> bool {
        self.ring().values().any(|held| held.key.is_valid() && held.key.allows_origin(origin))
    }

    /// The origins that a presented key allows (CORS).
    pub fn origins(&self, presented: &str) -> Vec<String> {
        let held = key::parse_key(presented).and_then(|(key_id, _)| self.ring().get(key_id).cloned());
        held.map(|held| held.key.origins.iter().map(Origin::to_string).collect()).unwrap_or_default()
    }

    /// The origins that valid keys of a scope allow, each once.
    pub fn origins_of(&self, scope: Scope) -> Vec<String> {
        let ring = self.ring();
        let keys = ring.values().map(|held| &held.key).filter(|key| key.is_valid() && key.scopes.contains(&scope));
        keys.flat_map(|key| key.origins.iter().map(Origin::to_string)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Checks a presented key. An unknown one may have been created since the last reload, so it is looked up in the database, within the rate
    /// limit of look-ups.
    pub async fn check(&self, presented: &str) -> Result<CheckedKey, KeyError> {
        if agent_key::is_agent_key(presented) {
            return self.check_agent_key(presented).await;
        }
        let (key_id, secret) = key::parse_key(presented).ok_or(KeyError::Unknown)?;
        if !self.ring().contains_key(key_id) && key::is_id(key_id) {
            self.look_up(key_id).await?;
        }
        let ring = self.ring();
        let held = ring.get(key_id);
        // Constant time, whether the id is known or not.
        let expected = held.map_or([0; 32], |held| held.secret_hash);
        let matches = bool::from(expected.ct_eq(&hash(secret)));
        let held = held.filter(|held| matches && held.key.revoked_at.is_none()).ok_or(KeyError::Unknown)?;
        if held.key.is_over() { Err(KeyError::Expired) } else { Ok(CheckedKey { key: Arc::clone(&held.key), agent: None }) }
    }

    /// Checks a key for one agent. It is valid as long as the key that made it is: only that one may have to be looked up, if another server
    /// has just taken it up.
    async fn check_agent_key(&self, presented: &str) -> Result<CheckedKey, KeyError> {
        let agent = AgentKey::read(self.store.signer(), presented).ok_or(KeyError::Unknown)?;
        if !self.ring().contains_key(&agent.parent_id) {
            self.look_up(&agent.parent_id).await?;
        }
        let parent = self.ring().get(&agent.parent_id).map(|held| Arc::clone(&held.key));
        let key = parent.filter(|parent| parent.revoked_at.is_none()).ok_or(KeyError::Unknown)?;
        let is_over = agent.is_over(Timestamp::now()) || key.is_over();
        if is_over { Err(KeyError::Expired) } else { Ok(CheckedKey { key, agent: Some(Arc::new(agent)) }) }
    }

    /// Waits until a key that was valid is revoked or ends.
    pub async fn ended(&self, checked: &CheckedKey) -> KeyError {
        let mut reloads = self.reloads.subscribe();
        loop {
            let key = self.ring().get(&checked.key.key_id).map(|held| Arc::clone(&held.key));
            let Some(key) = key.filter(|key| key.revoked_at.is_none()) else { return KeyError::Unknown };
            let now = Timestamp::now();
            if key.is_over() || checked.agent.as_ref().is_some_and(|agent| agent.is_over(now)) {
                return KeyError::Expired;
            }
            let agents_end = checked.agent.as_ref().and_then(|agent| Timestamp::from_second(agent.expires_at).ok());
            let end = [key.expires_at, agents_end].into_iter().flatten().min();
            // At least a moment: clocks of the database and of timers differ by a little.
            let left = end.and_then(|end| Duration::try_from(now.duration_until(end)).ok()).map(|left| left.max(Duration::from_millis(10)));
            tokio::select! {
                _ = reloads.changed() => {}
                () = sleep(left.unwrap_or(MAX_SLEEP).min(MAX_SLEEP)) => {}
            }
        }
    }

    /// Takes a call from the key's rate limit, and for a publishable key from the visitor's.
    pub fn take_call(&self, key: &Key, visitor: IpAddr) -> Result<(), KeyError> {
        let now = Instant::now();
        if key.is_publishable() {
            self.visitors.take(&key.key_id, visitor, now).map_err(KeyError::RateExceeded)?;
        }
        let ring = self.ring();
        let held = ring.get(&key.key_id).ok_or(KeyError::Unknown)?;
        held.rate.take(now).map_err(KeyError::RateExceeded)
    }

    /// Counts a call that a visitor makes without a key where a workspace is published; they have the rate of a publishable key's visitors.
    pub fn take_visit(&self, workspace: &str, visitor: IpAddr) -> Result<(), KeyError> {
        // No key has such an id.
        self.visitors.take(&format!("help center of {workspace}"), visitor, Instant::now()).map_err(KeyError::RateExceeded)
    }

    fn ring(&self) -> Arc<HashMap<String, LoadedKey>> {
        Arc::clone(&self.ring.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many keys were looked up in the database since the start.
    pub fn look_ups(&self) -> u64 {
        self.look_ups.count()
    }

    /// Looks up a key that was not there at the last reload.
    async fn look_up(&self, key_id: &str) -> Result<(), KeyError> {
        // Concurrent calls with the same new key share one look-up.
        let _turn = self.look_ups.turn().await;
        if self.ring().contains_key(key_id) || !self.look_ups.may_look_up(key_id, Instant::now()) {
            return Ok(());
        }
        let result = timeout(LOOK_UP_TIMEOUT, key_rows::one(&self.store, key_id)).await;
        let row = result.map_err(|_| KeyError::Unavailable)?.map_err(|error| {
            tracing::warn!(error = %error, "can't look up a key");
            KeyError::Unavailable
        })?;
        match row {
            Some(row) => {
                let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
                let (key_id, held) = LoadedKey::from_row(row, &ring);
                Arc::make_mut(&mut ring).insert(key_id, held);
            }
            None => self.look_ups.remember_absent(key_id),
        }
        Ok(())
    }

    async fn reload(&self) -> Result<(), StoreError> {
        let rows = key_rows::all(&self.store).await?;
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        let loaded = rows.into_iter().map(|row| LoadedKey::from_row(row, &ring)).collect();
        *ring = Arc::new(loaded);
        drop(ring);
        // Ids that were absent before may exist now.
        self.look_ups.forget_absent();
        self.reloads.send_replace(());
        Ok(())
    }
}

impl LoadedKey {
    /// A loaded key, by its id. The state of its rate limit carries over from before.
    fn from_row(Row { key, secret_hash }: Row, before: &HashMap<String, LoadedKey>) -> (String, LoadedKey) {
        let rate = before.get(&key.key_id).map_or_else(|| Arc::new(RateLimit::new(key.calls_per_second)), |held| Arc::clone(&held.rate));
        (key.key_id.clone(), LoadedKey { key: Arc::new(key), secret_hash, rate })
    }
}

/// Creates and stores a key. Returns it with its text, which can't be recovered later.
pub async fn create(store: &Store, new: NewKey) -> Result<(Key, String), StoreError> {
    create_until(store, new, None).await
}

/// Creates and stores a key that ends by itself.
pub async fn create_until(store: &Store, new: NewKey, expires_at: Option<Timestamp>) -> Result<(Key, String), StoreError> {
    let (key_id, secret) = (key::random_hex::<{ key::ID_BYTES }>(), key::random_hex::<24>());
    let text = key::format_key(&key_id, &secret);
    let NewKey { workspace, scopes, origins, calls_per_second, token_limits } = new;
    let created_at = Timestamp::now();
    let key = Key { key_id, workspace, scopes, origins, calls_per_second, token_limits, created_at, expires_at, revoked_at: None };
    let mut write = store.begin().await?;
    key_rows::insert(&mut write, &key, &hash(&secret)).await?;
    write.commit().await?;
    Ok((key, text))
}

/// All keys, oldest first.
pub async fn list(store: &Store) -> Result<Vec<Key>, StoreError> {
    Ok(key_rows::all(store).await?.into_iter().map(|row| row.key).collect())
}

/// Revokes a key. Returns whether there was a valid key to revoke.
pub async fn revoke(store: &Store, key_id: &str) -> Result<bool, StoreError> {
    let mut write = store.begin().await?;
    let revoked = key_rows::revoke(&mut write, key_id, Timestamp::now()).await?;
    write.commit().await?;
    Ok(revoked)
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
