//! When a call that failed is made again: only before its first token was shown, within a budget, later each time.

use std::time::Duration;

use tokio::time::Instant;

use super::sync::{Mutex, MutexGuard, PoisonError};

/// Most tries of one call at one model.
pub const MAX_TRIES: u32 = 3;
/// The share of calls that may be made again, and so many a second beside: Finagle's and Linkerd's numbers.
const SHARE: f64 = 0.2;
const A_SECOND: f64 = 10.0;
/// What may be saved up: ten seconds' worth.
const MAX_SAVED: f64 = 10.0 * A_SECOND;
/// The wait before the second try; it doubles, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(2);

/// How many tries more a model may be asked for.
pub struct RetryBudget {
    saved: Mutex<(f64, Instant)>,
}

impl RetryBudget {
    pub fn new(now: Instant) -> RetryBudget {
        RetryBudget { saved: Mutex::new((A_SECOND, now)) }
    }

    /// Counts a call.
    pub fn called(&self, now: Instant) {
        let mut saved = self.saved(now);
        saved.0 = (saved.0 + SHARE).min(MAX_SAVED);
    }

    /// Takes one more try, if the budget has it.
    pub fn take(&self, now: Instant) -> bool {
        let mut saved = self.saved(now);
        let has = saved.0 >= 1.0;
        if has {
            saved.0 -= 1.0;
        }
        has
    }

    fn saved(&self, now: Instant) -> MutexGuard<'_, (f64, Instant)> {
        let mut saved = self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(saved.1).as_secs_f64();
        *saved = ((saved.0 + passed * A_SECOND).min(MAX_SAVED), now.max(saved.1));
        saved
    }
}

/// How long to wait before another try after `tries` of them: exponential, with jitter of half of it, `chance` being from 0 to 1; no less than
/// the server asked for. `None`: it would not begin before `until`, or the server asks for a longer wait than anybody at a reply box has.
pub fn wait(tries: u32, retry_after: Option<Duration>, chance: f64, now: Instant, until: Instant) -> Option<Duration> {
    let whole = FIRST_WAIT.saturating_mul(1 << (tries - 1).min(10)).min(MAX_WAIT);
    let wait = whole.mul_f64(0.5 + chance / 2.0).max(retry_after.unwrap_or_default());
    (wait <= MAX_WAIT && now + wait < until).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn no_run_of_calls_is_tried_again_beyond_the_budget() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let began = Instant::now();
            let budget = RetryBudget::new(began);
            let (mut now, mut calls, mut tries) = (began, 0, 0);
            for step in 0..2000 {
                now += Duration::from_micros(random.below(20_000) as u64);
                budget.called(now);
                calls += 1;
                tries += u32::from(budget.take(now));
                tries += u32::from(budget.take(now));
                let most = 0.2 * f64::from(calls) + 10.0 * (now - began).as_secs_f64() + A_SECOND;
                assert!(f64::from(tries) <= most + 0.001, "seed {seed}, step {step}: {tries} of {most}");
            }
            assert!(tries > 0, "seed {seed}");
        }
    }

    #[test]
    fn waits_grow_and_end_before_the_deadline() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let now = Instant::now();
            let left = Duration::from_millis(random.below(3000) as u64);
            let asked = [None, Some(Duration::from_secs(random.below(5) as u64)), Some(Duration::from_secs(86_400)), Some(Duration::MAX)];
            let retry_after = asked[random.below(4)];
            let tries = 1 + random.below(40) as u32;
            let chance = random.below(1000) as f64 / 1000.0;
            match wait(tries, retry_after, chance, now, now + left) {
                Some(wait) => {
                    assert!(wait < left && wait >= retry_after.unwrap_or_default(), "seed {seed}: {wait:?}");
                    assert!(wait >= FIRST_WAIT / 2, "seed {seed}: {wait:?}");
                }
                None => assert!(left <= MAX_WAIT || retry_after.is_some_and(|asked| asked > MAX_WAIT), "seed {seed}: {left:?}"),
            }
        }
    }
}
