//! Rate limits as token buckets: of a key, and of one visitor with a publishable key.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Size of a token bucket, in seconds of its rate: the largest burst.
const BURST: f64 = 2.0;
/// Largest number of visitors in memory. A visitor without a call for [`BURST`] has a full bucket like a new one, and is forgotten.
const MAX_VISITORS: usize = 1 << 18;

/// A token bucket: the calls that are left, and when they were counted.
#[derive(Debug, Clone, Copy)]
struct TokenBucket {
    calls: f64,
    at: Instant,
}

impl TokenBucket {
    fn full(rate: f64, now: Instant) -> TokenBucket {
        TokenBucket { calls: rate * BURST, at: now }
    }

    fn left(&self, rate: f64, now: Instant) -> f64 {
        (self.calls + now.saturating_duration_since(self.at).as_secs_f64() * rate).min(rate * BURST)
    }

    /// Takes one call. `Err`: none is left; how long until there is one.
    fn take(&mut self, rate: f64, now: Instant) -> Result<(), Duration> {
        let calls = self.left(rate, now);
        let taken = calls >= 1.0;
        *self = TokenBucket { calls: if taken { calls - 1.0 } else { calls }, at: now };
        if taken { Ok(()) } else { Err(Duration::from_secs_f64((1.0 - calls) / rate)) }
    }
}

/// The rate limit of a key.
pub struct RateLimit {
    calls_per_second: Option<u32>,
    left: Mutex<Option<TokenBucket>>,
}

impl RateLimit {
    pub fn new(calls_per_second: Option<u32>) -> RateLimit {
        RateLimit { calls_per_second, left: Mutex::default() }
    }

    /// Takes one call. `Err`: none is left; how long until there is one.
    pub fn take(&self, now: Instant) -> Result<(), Duration> {
        let Some(rate) = self.calls_per_second.map(f64::from) else { return Ok(()) };
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.get_or_insert_with(|| TokenBucket::full(rate, now)).take(rate, now)
    }
}

/// The rate limit of each visitor with each publishable key.
pub struct VisitorRateLimits {
    rate: f64,
    hasher: RandomState,
    /// Keyed by a hash with a random seed, so that collisions can't be forced.
    left: Mutex<HashMap<u64, TokenBucket>>,
}

impl VisitorRateLimits {
    pub fn new(calls_per_second: u32) -> VisitorRateLimits {
        VisitorRateLimits { rate: f64::from(calls_per_second), hasher: RandomState::new(), left: Mutex::default() }
    }

    /// Takes one call. `Err`: none is left; how long until there is one.
    pub fn take(&self, key_id: &str, visitor: IpAddr, now: Instant) -> Result<(), Duration> {
        let name = self.hasher.hash_one((key_id, visitor));
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if left.len() >= MAX_VISITORS && !left.contains_key(&name) {
            left.retain(|_, bucket| bucket.left(self.rate, now) < self.rate * BURST);
            // All of them called just now: evict any.
            if left.len() >= MAX_VISITORS {
                let any = left.keys().next().copied();
                any.map(|any| left.remove(&any));
            }
        }
        left.entry(name).or_insert_with(|| TokenBucket::full(self.rate, now)).take(self.rate, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_limited_to_its_rate() {
        let now = Instant::now();
        let rate = RateLimit::new(Some(10));
        let at_once = (0..100).filter(|_| rate.take(now).is_ok()).count();
        assert_eq!(at_once, 20);
        let wait = rate.take(now).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        assert!(rate.take(now + wait + Duration::from_millis(1)).is_ok());
        let in_a_minute = (0..6000).filter(|tick| rate.take(now + Duration::from_millis(10 * tick)).is_ok()).count();
        assert!((590..=620).contains(&in_a_minute), "{in_a_minute}");
        assert!((0..1000).all(|_| RateLimit::new(None).take(now).is_ok()));
    }

    #[test]
    fn visitors_have_separate_limits() {
        let now = Instant::now();
        let rates = VisitorRateLimits::new(10);
        let [one, other] = [[192, 0, 2, 1], [192, 0, 2, 2]].map(IpAddr::from);
        let in_a_minute = (0..60_000).filter(|tick| rates.take("key", one, now + Duration::from_millis(*tick)).is_ok()).count();
        assert!((600..=630).contains(&in_a_minute), "{in_a_minute}");
        assert!(rates.take("key", other, now).is_ok());
        assert!(rates.take("other", one, now).is_ok(), "keys have separate limits");
    }

    #[test]
    fn a_million_visitors_take_little_memory_and_reset_no_limit() {
        let began = Instant::now();
        let rates = VisitorRateLimits::new(10);
        let limited = IpAddr::from([192, 0, 2, 1]);
        let mut passed = 0;
        for number in 0..1_000_000_u32 {
            // 100,000 visitors a second.
            let now = began + Duration::from_micros(10 * u64::from(number));
            let _ = rates.take("key", IpAddr::from(number.to_be_bytes()), now);
            passed += usize::from(number % 100 == 0 && rates.take("key", limited, now).is_ok());
        }
        // Ten seconds.
        assert!((100..=126).contains(&passed), "{passed}");
        let left = rates.left.lock().unwrap();
        assert!(left.len() <= MAX_VISITORS);
        let bytes = left.capacity() * 8 / 7 * (size_of::<(u64, TokenBucket)>() + 1);
        assert!(bytes < 32 << 20, "{bytes}");
    }
}
