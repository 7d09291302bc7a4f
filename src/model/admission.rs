//! So many calls at once to a model; others wait, as long as they can still be served in time.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::sync::{AtomicUsize, Mutex, Ordering, OwnedSemaphorePermit, PoisonError, Semaphore, timeout_at};

/// For each call at once, so many may wait.
const WAITING_EACH: usize = 4;
/// The share of the latest call in the mean of how long calls take.
const OF_THE_LATEST: f64 = 0.2;

/// The way in to a model.
pub struct AdmissionGate {
    permits: Arc<Semaphore>,
    at_once: usize,
    waiting: AtomicUsize,
    /// How long calls take, in seconds.
    takes: Mutex<f64>,
}

/// Being inside. Dropping it lets the next one in.
pub struct Permit {
    _permit: OwnedSemaphorePermit,
    gate: Arc<AdmissionGate>,
    since: Instant,
}

/// Whoever waits is counted until they stop, however they do.
struct Waiting<'a>(&'a AtomicUsize);

impl AdmissionGate {
    pub fn new(at_once: usize) -> AdmissionGate {
        AdmissionGate { permits: Arc::new(Semaphore::new(at_once)), at_once, waiting: AtomicUsize::new(0), takes: Mutex::new(0.0) }
    }

    /// Lets a call in. `Err`: its turn would come after `until`, or too many wait; when to come again.
    pub async fn enter(self: &Arc<AdmissionGate>, until: Instant) -> Result<Permit, Duration> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(self.inside(permit));
        }
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        let takes = *self.takes.lock().unwrap_or_else(PoisonError::into_inner);
        // By when the calls that are ahead will have ended, at their usual pace.
        let turn = Duration::from_secs_f64(takes * (ahead + 1) as f64 / self.at_once as f64);
        if ahead >= self.at_once * WAITING_EACH || Instant::now() + turn >= until {
            return Err(turn);
        }
        let permit = timeout_at(until, Arc::clone(&self.permits).acquire_owned()).await;
        drop(waiting);
        match permit {
            Ok(Ok(permit)) => Ok(self.inside(permit)),
            _ => Err(turn),
        }
    }

    fn inside(self: &Arc<AdmissionGate>, permit: OwnedSemaphorePermit) -> Permit {
        Permit { _permit: permit, gate: Arc::clone(self), since: Instant::now() }
    }

    /// How many calls are inside, and how many wait.
    pub fn in_flight(&self) -> (usize, usize) {
        (self.at_once.saturating_sub(self.permits.available_permits()), self.waiting.load(Ordering::Relaxed))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let took = self.since.elapsed().as_secs_f64();
        let mut takes = self.gate.takes.lock().unwrap_or_else(PoisonError::into_inner);
        *takes = if *takes == 0.0 { took } else { *takes * (1.0 - OF_THE_LATEST) + took * OF_THE_LATEST };
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[tokio::test(start_paused = true)]
    async fn who_cannot_be_served_in_time_is_told_at_once() {
        let gate = Arc::new(AdmissionGate::new(1));
        let inside = gate.enter(Instant::now() + Duration::from_secs(1)).await.expect("the first one gets in");
        tokio::time::advance(Duration::from_secs(2)).await;
        drop(inside);
        let _inside = gate.enter(Instant::now() + Duration::from_secs(1)).await.expect("the next one gets in");
        let began = Instant::now();
        assert_eq!(gate.enter(began + Duration::from_secs(1)).await.err(), Some(Duration::from_secs(2)));
        assert_eq!(Instant::now(), began, "a call takes two seconds: who has one is not kept waiting");
        assert!(gate.enter(began + Duration::from_secs(5)).await.is_err());
        assert_eq!(Instant::now(), began + Duration::from_secs(5), "nobody waits past the deadline");
    }

    /// However calls come, take and leave: never more inside than allowed, and none is left inside or waiting.
    #[tokio::test(start_paused = true)]
    async fn nobody_is_left_behind() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let at_once = 1 + random.below(4);
            let gate = Arc::new(AdmissionGate::new(at_once));
            let mut calls = tokio::task::JoinSet::new();
            for _ in 0..60 {
                let (gate, wait, takes, leaves) = (
                    Arc::clone(&gate),
                    Duration::from_millis(random.below(800) as u64),
                    Duration::from_millis(random.below(300) as u64),
                    Duration::from_millis(random.below(900) as u64),
                );
                let patience = Duration::from_millis(random.below(600) as u64);
                calls.spawn(async move {
                    tokio::time::sleep(wait).await;
                    let call = async {
                        let until = Instant::now() + patience;
                        let entered = gate.enter(until).await;
                        assert!(Instant::now() <= until + Duration::from_millis(1), "nobody waits past the deadline");
                        if let Ok(_inside) = entered {
                            assert!(gate.in_flight().0 <= at_once);
                            tokio::time::sleep(takes).await;
                        }
                    };
                    // Whoever leaves while waiting or inside.
                    let _ = tokio::time::timeout(leaves, call).await;
                });
            }
            while let Some(ended) = calls.join_next().await {
                assert!(ended.is_ok(), "seed {seed}");
            }
            assert_eq!(gate.in_flight(), (0, 0), "seed {seed}");
        }
    }
}
