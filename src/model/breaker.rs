//! Circuit breaker: a model that keeps failing is not called (open) until it answers a probe (half-open).

use std::{collections::VecDeque, time::Duration};

use tokio::time::Instant;

use super::sync::{Mutex, MutexGuard, PoisonError};

/// The breaker opens after this many consecutive failures, or when half of the recent calls failed. Envoy's outlier detection has the same five.
const CONSECUTIVE_FAILURES: u32 = 5;
/// How many recent calls count.
const RECENT: usize = 20;
/// The pause before the first probe, and the longest one: exponential backoff, doubled by each failed probe. A recovered model is back in
/// use within the longest pause.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(4);
/// A server's `Retry-After` is honored up to this.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);

/// The circuit breaker of a model.
#[derive(Default)]
pub struct Breaker {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The last calls, `true` for a failure.
    recent: VecDeque<bool>,
    consecutive: u32,
    down: Option<Down>,
}

#[derive(Clone, Copy)]
struct Down {
    next_probe: Instant,
    pause: Duration,
}

impl Breaker {
    /// How long until the next probe, if the breaker is open.
    pub fn down_for(&self, now: Instant) -> Option<Duration> {
        self.state().down.map(|down| down.next_probe.saturating_duration_since(now))
    }

    /// Records a success.
    pub fn succeeded(&self) {
        let mut state = self.state();
        state.consecutive = 0;
        state.record(false);
    }

    /// Records a failure, with the server's `Retry-After` if there is one. Returns whether this opens the breaker.
    pub fn failed(&self, now: Instant, retry_after: Option<Duration>) -> bool {
        let mut state = self.state();
        state.consecutive += 1;
        state.record(true);
        let failures = state.recent.iter().filter(|failed| **failed).count();
        let is_down = state.consecutive >= CONSECUTIVE_FAILURES || (state.recent.len() == RECENT && failures * 2 >= RECENT);
        if state.down.is_some() || !is_down {
            return false;
        }
        state.down = Some(Down { next_probe: now + FIRST_PAUSE.max(honored(retry_after)), pause: FIRST_PAUSE });
        true
    }

    /// A probe succeeded: closes the breaker, with a clean record.
    pub fn probe_succeeded(&self) {
        *self.state() = State::default();
    }

    /// A probe failed: the next one waits twice as long (backoff).
    pub fn probe_failed(&self, now: Instant, retry_after: Option<Duration>) {
        if let Some(down) = &mut self.state().down {
            down.pause = (down.pause * 2).min(MAX_PAUSE);
            down.next_probe = now + down.pause.max(honored(retry_after));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn honored(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)
}

impl State {
    fn record(&mut self, failed: bool) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(failed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// For any sequence of results: opens after five failures in a row or ten of twenty, and not before; closes only by a probe; pauses grow up
    /// to the longest.
    #[test]
    fn it_opens_and_closes_as_documented_for_any_sequence() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let breaker = Breaker::default();
            let mut now = Instant::now();
            let (mut last, mut row) = (VecDeque::new(), 0);
            let mut pause = FIRST_PAUSE;
            for step in 0..400 {
                now += Duration::from_millis(random.below(500) as u64);
                if let Some(wait) = breaker.down_for(now) {
                    assert!(wait <= MAX_PAUSE, "seed {seed}, step {step}");
                    now += wait;
                    if random.below(3) == 0 {
                        breaker.probe_succeeded();
                        assert!(breaker.down_for(now).is_none(), "seed {seed}, step {step}");
                        (last, row, pause) = (VecDeque::new(), 0, FIRST_PAUSE);
                    } else {
                        breaker.probe_failed(now, None);
                        pause = (pause * 2).min(MAX_PAUSE);
                        assert_eq!(breaker.down_for(now), Some(pause), "seed {seed}, step {step}");
                    }
                    continue;
                }
                let fails = random.below(100) < 30 + seed as usize % 50;
                row = if fails { row + 1 } else { 0 };
                last.push_back(fails);
                if last.len() > RECENT {
                    last.pop_front();
                }
                let expected = fails && (row >= 5 || (last.len() == 20 && last.iter().filter(|fails| **fails).count() >= 10));
                let opened = if fails {
                    breaker.failed(now, None)
                } else {
                    breaker.succeeded();
                    false
                };
                assert_eq!(opened, expected, "seed {seed}, step {step}");
                assert_eq!(breaker.down_for(now).is_some(), expected, "seed {seed}, step {step}");
            }
        }
    }

    #[test]
    fn retry_after_delays_the_next_probe() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..5 {
            breaker.failed(now, Some(Duration::from_secs(7)));
        }
        assert_eq!(breaker.down_for(now), Some(Duration::from_secs(7)));
        breaker.probe_failed(now, Some(Duration::from_secs(86_400)));
        assert_eq!(breaker.down_for(now), Some(MAX_RETRY_AFTER));
    }
}
