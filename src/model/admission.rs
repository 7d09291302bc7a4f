//! Admission control of a model: a limit on concurrent calls, with a bounded queue for calls that can still be served in time.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::sync::{AtomicUsize, Mutex, Ordering, OwnedSemaphorePermit, PoisonError, Semaphore, timeout_at};

/// Queue length per concurrent call.
const QUEUE_PER_CALL: usize = 4;
/// Weight of the latest call in the EWMA of call durations.
const EWMA_WEIGHT: f64 = 0.2;

/// Admits calls to a model.
pub struct AdmissionGate {
    permits: Arc<Semaphore>,
    max_calls: usize,
    waiting: AtomicUsize,
    /// EWMA of call durations, in seconds.
    duration: Mutex<f64>,
}

/// The permit of an admitted call. Dropping it admits the next one.
pub struct Permit {
    _permit: OwnedSemaphorePermit,
    gate: Arc<AdmissionGate>,
    admitted_at: Instant,
}

/// Counts a queued call until it is dropped, however its wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl AdmissionGate {
    pub fn new(max_calls: usize) -> AdmissionGate {
        AdmissionGate { permits: Arc::new(Semaphore::new(max_calls)), max_calls, waiting: AtomicUsize::new(0), duration: Mutex::new(0.0) }
    }

    /// Admits a call, after a wait in the queue if needed. `Err`: the queue is full, or the call would be admitted after `until`; holds the
    /// estimated wait.
    pub async fn enter(self: &Arc<AdmissionGate>, until: Instant) -> Result<Permit, Duration> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(self.permit(permit));
        }
        let ahead = self.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&self.waiting);
        let duration = *self.duration.lock().unwrap_or_else(PoisonError::into_inner);
        // How long the calls ahead in the queue will take, at the usual duration.
        let wait = Duration::from_secs_f64(duration * (ahead + 1) as f64 / self.max_calls as f64);
        if ahead >= self.max_calls * QUEUE_PER_CALL || Instant::now() + wait >= until {
            return Err(wait);
        }
        let permit = timeout_at(until, Arc::clone(&self.permits).acquire_owned()).await;
        drop(waiting);
        match permit {
            Ok(Ok(permit)) => Ok(self.permit(permit)),
            _ => Err(wait),
        }
    }

    fn permit(self: &Arc<AdmissionGate>, permit: OwnedSemaphorePermit) -> Permit {
        Permit { _permit: permit, gate: Arc::clone(self), admitted_at: Instant::now() }
    }

    /// How many calls are running, and how many are queued.
    pub fn in_flight(&self) -> (usize, usize) {
        (self.max_calls.saturating_sub(self.permits.available_permits()), self.waiting.load(Ordering::Relaxed))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let took = self.admitted_at.elapsed().as_secs_f64();
        let mut mean = self.gate.duration.lock().unwrap_or_else(PoisonError::into_inner);
        *mean = if *mean == 0.0 { took } else { *mean * (1.0 - EWMA_WEIGHT) + took * EWMA_WEIGHT };
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
    async fn a_call_that_cannot_be_served_in_time_is_refused_at_once() {
        let gate = Arc::new(AdmissionGate::new(1));
        let permit = gate.enter(Instant::now() + Duration::from_secs(1)).await.expect("the first call is admitted");
        tokio::time::advance(Duration::from_secs(2)).await;
        drop(permit);
        let _permit = gate.enter(Instant::now() + Duration::from_secs(1)).await.expect("the next call is admitted");
        let began = Instant::now();
        assert_eq!(gate.enter(began + Duration::from_secs(1)).await.err(), Some(Duration::from_secs(2)));
        assert_eq!(Instant::now(), began, "a call takes two seconds, so one with a second left is refused without a wait");
        assert!(gate.enter(began + Duration::from_secs(5)).await.is_err());
        assert_eq!(Instant::now(), began + Duration::from_secs(5), "nobody waits past the deadline");
    }

    /// However calls arrive, run and are dropped: never more running than allowed, and none is left running or queued.
    #[tokio::test(start_paused = true)]
    async fn nobody_is_left_behind() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let max_calls = 1 + random.below(4);
            let gate = Arc::new(AdmissionGate::new(max_calls));
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
                        if let Ok(_permit) = entered {
                            assert!(gate.in_flight().0 <= max_calls);
                            tokio::time::sleep(takes).await;
                        }
                    };
                    // Some callers leave while queued or running.
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
