//! Retries of failed calls: only before the first token was sent, within a retry budget (a token bucket), with exponential backoff.

use std::time::Duration;

use tokio::time::Instant;

use super::sync::{Mutex, MutexGuard, PoisonError};

/// Limit on tries of one call at one model.
pub const MAX_TRIES: u32 = 3;
/// Refill of the token bucket: retries per call, plus retries per second. Finagle's and Linkerd's numbers.
const RETRIES_PER_CALL: f64 = 0.2;
const RETRIES_PER_SECOND: f64 = 10.0;
/// Size of the token bucket: ten seconds' worth.
const MAX_TOKENS: f64 = 10.0 * RETRIES_PER_SECOND;
/// Backoff before the second try, and the longest: it doubles with each try.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const MAX_WAIT: Duration = Duration::from_secs(2);

/// The retry budget of a model: a token bucket.
pub struct RetryBudget {
    /// Tokens in the bucket, and when they were counted.
    bucket: Mutex<(f64, Instant)>,
}

impl RetryBudget {
    pub fn new(now: Instant) -> RetryBudget {
        RetryBudget { bucket: Mutex::new((RETRIES_PER_SECOND, now)) }
    }

    /// Counts a call, which refills the bucket.
    pub fn count_call(&self, now: Instant) {
        let mut bucket = self.refilled(now);
        bucket.0 = (bucket.0 + RETRIES_PER_CALL).min(MAX_TOKENS);
    }

    /// Takes one retry, if the budget has it.
    pub fn take(&self, now: Instant) -> bool {
        let mut bucket = self.refilled(now);
        let allowed = bucket.0 >= 1.0;
        if allowed {
            bucket.0 -= 1.0;
        }
        allowed
    }

    fn refilled(&self, now: Instant) -> MutexGuard<'_, (f64, Instant)> {
        let mut bucket = self.bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = now.saturating_duration_since(bucket.1).as_secs_f64();
        *bucket = ((bucket.0 + passed * RETRIES_PER_SECOND).min(MAX_TOKENS), now.max(bucket.1));
        bucket
    }
}

/// The backoff before another try after `tries` of them: exponential, half of it jitter (`jitter` is from 0 to 1), and no less than the
/// server's `Retry-After`. `None`: the retry would start after `until`, or the server asks for a longer wait than an agent at a reply box has.
pub fn backoff(tries: u32, retry_after: Option<Duration>, jitter: f64, now: Instant, until: Instant) -> Option<Duration> {
    let full = FIRST_WAIT.saturating_mul(1 << (tries - 1).min(10)).min(MAX_WAIT);
    let wait = full.mul_f64(0.5 + jitter / 2.0).max(retry_after.unwrap_or_default());
    (wait <= MAX_WAIT && now + wait < until).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn retries_never_exceed_the_budget() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let began = Instant::now();
            let budget = RetryBudget::new(began);
            let (mut now, mut calls, mut tries) = (began, 0, 0);
            for step in 0..2000 {
                now += Duration::from_micros(random.below(20_000) as u64);
                budget.count_call(now);
                calls += 1;
                tries += u32::from(budget.take(now));
                tries += u32::from(budget.take(now));
                let max = 0.2 * f64::from(calls) + 10.0 * (now - began).as_secs_f64() + RETRIES_PER_SECOND;
                assert!(f64::from(tries) <= max + 0.001, "seed {seed}, step {step}: {tries} of {max}");
            }
            assert!(tries > 0, "seed {seed}");
        }
    }

    #[test]
    fn backoff_grows_and_ends_before_the_deadline() {
        for seed in 0..200 {
            let mut random = Random(seed);
            let now = Instant::now();
            let left = Duration::from_millis(random.below(3000) as u64);
            let choices = [None, Some(Duration::from_secs(random.below(5) as u64)), Some(Duration::from_secs(86_400)), Some(Duration::MAX)];
            let retry_after = choices[random.below(4)];
            let tries = 1 + random.below(40) as u32;
            let jitter = random.below(1000) as f64 / 1000.0;
            match backoff(tries, retry_after, jitter, now, now + left) {
                Some(wait) => {
                    assert!(wait < left && wait >= retry_after.unwrap_or_default(), "seed {seed}: {wait:?}");
                    assert!(wait >= FIRST_WAIT / 2, "seed {seed}: {wait:?}");
                }
                None => assert!(left <= MAX_WAIT || retry_after.is_some_and(|wait| wait > MAX_WAIT), "seed {seed}: {left:?}"),
            }
        }
    }
}
