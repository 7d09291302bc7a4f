//! Look-ups of keys that are not known yet: few a second for the whole server, so that whoever guesses keys costs next to nothing.

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use crate::keys::rate::RateLimit;

/// Look-ups a second, of all callers together. Twice as many may come at once.
const MAX_LOOK_UPS_PER_SECOND: u32 = 4;
/// Ids that are remembered as of no key until the next reading of all keys.
const MAX_ABSENT: usize = 256;

/// What look-ups there were and may be.
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
    /// Waits for the look-up that runs.
    pub async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Whether a key may be looked up now; it counts as one that is.
    pub fn may_look_up(&self, key_id: &str, now: Instant) -> bool {
        let may = !self.absent().contains(key_id) && self.rate.take(now).is_ok();
        self.count.fetch_add(u64::from(may), Ordering::Relaxed);
        may
    }

    /// There is no such key.
    pub fn found_none(&self, key_id: &str) {
        let mut absent = self.absent();
        if absent.len() < MAX_ABSENT {
            absent.insert(key_id.to_owned());
        }
    }

    /// All keys were read anew.
    pub fn forget(&self) {
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
    fn guesses_share_a_few_look_ups_and_what_is_absent_is_not_looked_up_again() {
        let (look_ups, now) = (LookUps::default(), Instant::now());
        assert!(look_ups.may_look_up("a", now));
        look_ups.found_none("a");
        assert!((0..1000).all(|_| !look_ups.may_look_up("a", now)));
        let in_ten_seconds = (0..100_000).filter(|nth| look_ups.may_look_up(&format!("b{nth}"), now + Duration::from_micros(100 * nth)));
        let most = (10 + 2) * u64::from(MAX_LOOK_UPS_PER_SECOND);
        assert!((40..=most as usize).contains(&in_ten_seconds.count()));
        assert!(look_ups.count() <= most + 1);
        look_ups.forget();
        assert!(look_ups.may_look_up("a", now + Duration::from_secs(20)));
        (0..10_000).for_each(|nth| look_ups.found_none(&format!("c{nth}")));
        assert!(look_ups.absent().len() <= MAX_ABSENT);
    }
}
