//! Limits on open watches: in all, and of one key, so that no key takes the places of all others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use crate::server::usage::{UsageLimit, UsageShare};

/// Watches of a key for one agent: as many tabs as somebody may have open.
const MAX_OF_AGENT: usize = 32;
/// From this many keys on, those without a watch are forgotten before another is remembered.
const MANY_KEYS: usize = 256;

/// The limits of a server.
#[derive(Debug)]
pub struct WatchLimits {
    all: Arc<UsageLimit>,
    max: usize,
    keys: Mutex<HashMap<String, Weak<UsageLimit>>>,
}

impl WatchLimits {
    pub fn new(max: usize) -> WatchLimits {
        WatchLimits { all: UsageLimit::new(max), max, keys: Mutex::default() }
    }

    /// The share of one more watch with a key; `None`: there are too many. One key may have half of all.
    pub fn open(&self, key_id: &str, of_agent: bool) -> Option<UsageShare> {
        let limit = if of_agent { MAX_OF_AGENT.min(self.max / 2) } else { self.max / 2 };
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MANY_KEYS {
            keys.retain(|_, limit| limit.strong_count() > 0);
        }
        let of_key = keys.get(key_id).and_then(Weak::upgrade).unwrap_or_else(|| UsageLimit::new(limit));
        keys.insert(key_id.to_owned(), Arc::downgrade(&of_key));
        let mut share = UsageShare::new(vec![Arc::clone(&self.all), of_key]);
        share.grow(1).then_some(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_half_of_all_and_an_agent_a_few() {
        let limits = WatchLimits::new(100);
        let open = |key: &str, of_agent| std::iter::from_fn(|| limits.open(key, of_agent)).take(1000).collect::<Vec<_>>();
        let of_agent = open("key/selin", true);
        assert_eq!(of_agent.len(), MAX_OF_AGENT);
        let of_key = open("key", false);
        assert_eq!(of_key.len(), 50);
        assert_eq!(open("other", false).len(), 18, "what is left");
        drop((of_agent, of_key));
        assert_eq!(open("key", false).len(), 50, "all were given back");
        for key in 0..10_000 {
            limits.open(&key.to_string(), true);
        }
        assert!(limits.keys.lock().unwrap().len() <= MANY_KEYS);
    }
}
