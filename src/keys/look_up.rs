//! Database look-ups of unknown keys. They are rate-limited for the whole server, so that guessing keys costs the database next to nothing.

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use crate::keys::rate::RateLimit;

/// Look-ups per second, of all callers together. Bursts may be twice as large.
const MAX_LOOK_UPS_PER_SECOND: u32 = 4;
/// Negative cache: ids that are remembered as unknown until the keys are reloaded.
const MAX_ABSENT: usize = 256;

/// The rate limit, the negative cache and the count of look-ups.
pub struct LookUps {
    rate: RateLimit,
    /// One look-up at a time.
    turn: tokio::sync::Mutex<()>,
    absent: Mutex<HashSet<String>>,
    count: AtomicU64,
}

impl Default for LookUps {
    fn default() -> LookUps {
        LookUps {
            rate: RateLimit::new(Some(MAX_LOOK_UPS_PER_SECOND)),
            turn: tokio::sync::Mutex::default(),
            absent: Mutex::default(),
            count: AtomicU64::new(0),
        }
    }
}

impl LookUps {
    /// Waits for a look-up that is already running.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Takes a look-up from the rate limit. Returns whether the key may be looked up now.
    pub fn may_look_up(&self, key_id: &str, now: Instant) -> bool {
        let allowed = !self.absent().contains(key_id) && self.rate.take(now).is_ok();
        self.count.fetch_add(u64::from(allowed), Ordering::Relaxed);
        allowed
    }

    /// Remembers an id as unknown.
    pub fn remember_absent(&self, key_id: &str) {
        let mut absent = self.absent();
        if absent.len() < MAX_ABSENT {
            absent.insert(key_id.to_owned());
        }
    }

    /// Clears the negative cache, after the keys were reloaded.
    pub fn forget_absent(&self) {
        self.absent().clear();
    }

    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn absent(&self) -> MutexGuard<'_, HashSet<String>> {
        self.absent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn guesses_share_a_few_look_ups_and_absent_keys_are_not_looked_up_again() {
        let (look_ups, now) = (LookUps::default(), Instant::now());
        assert!(look_ups.may_look_up("a", now));
        look_ups.remember_absent("a");
        assert!((0..1000).all(|_| !look_ups.may_look_up("a", now)));
        let in_ten_seconds = (0..100_000).filter(|nth| look_ups.may_look_up(&format!("b{nth}"), now + Duration::from_micros(100 * nth)));
        let max = (10 + 2) * u64::from(MAX_LOOK_UPS_PER_SECOND);
        assert!((40..=max as usize).contains(&in_ten_seconds.count()));
        assert!(look_ups.count() <= max + 1);
        look_ups.forget_absent();
        assert!(look_ups.may_look_up("a", now + Duration::from_secs(20)));
        (0..10_000).for_each(|nth| look_ups.remember_absent(&format!("c{nth}")));
        assert!(look_ups.absent().len() <= MAX_ABSENT);
    }
}
