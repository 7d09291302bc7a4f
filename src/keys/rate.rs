//! How many calls a key may make.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// So many seconds' calls may come at once.
const BURST: f64 = 2.0;

/// Calls that are left of a key's.
pub struct Rate {
    calls_per_second: Option<u32>,
    left: Mutex<Option<(f64, Instant)>>,
}

impl Rate {
    pub fn new(calls_per_second: Option<u32>) -> Rate {
        Rate { calls_per_second, left: Mutex::default() }
    }

    /// Takes one call. `Err`: there is none; when there will be.
    pub fn take(&self, now: Instant) -> Result<(), Duration> {
        let Some(rate) = self.calls_per_second.map(f64::from) else { return Ok(()) };
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (calls, at) = left.unwrap_or((rate * BURST, now));
        let calls = (calls + now.saturating_duration_since(at).as_secs_f64() * rate).min(rate * BURST);
        let taken = calls >= 1.0;
        *left = Some((if taken { calls - 1.0 } else { calls }, now));
        if taken { Ok(()) } else { Err(Duration::from_secs_f64((1.0 - calls) / rate)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_its_rate_and_no_more() {
        let now = Instant::now();
        let rate = Rate::new(Some(10));
        let at_once = (0..100).filter(|_| rate.take(now).is_ok()).count();
        assert_eq!(at_once, 20);
        let wait = rate.take(now).unwrap_err();
        assert!(wait <= Duration::from_millis(100), "{wait:?}");
        assert!(rate.take(now + wait + Duration::from_millis(1)).is_ok());
        let a_minute = (0..6000).filter(|tick| rate.take(now + Duration::from_millis(10 * tick)).is_ok()).count();
        assert!((590..=620).contains(&a_minute), "{a_minute}");
        assert!((0..1000).all(|_| Rate::new(None).take(now).is_ok()));
    }
}
