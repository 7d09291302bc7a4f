//! Bounds on what is in use at once: calls, and bytes of requests and replies.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A counter with a bound.
#[derive(Debug)]
pub struct UsageLimit {
    used: AtomicUsize,
    max: usize,
}

impl UsageLimit {
    pub fn new(max: usize) -> Arc<UsageLimit> {
        Arc::new(UsageLimit { used: AtomicUsize::new(0), max })
    }

    pub fn used(&self) -> usize {
        self.used.load(Relaxed)
    }

    fn take(&self, amount: usize) -> bool {
        let within = |used: usize| used.checked_add(amount).filter(|used| *used <= self.max);
        self.used.fetch_update(Relaxed, Relaxed, within).is_ok()
    }

    fn give_back(&self, amount: usize) {
        self.used.fetch_sub(amount, Relaxed);
    }
}

/// What one call takes of several gauges at once. It is given back when the share is dropped.
#[derive(Debug)]
pub struct UsageShare {
    gauges: Vec<Arc<UsageLimit>>,
    held: usize,
}

impl UsageShare {
    /// A share of nothing yet.
    pub fn of(gauges: Vec<Arc<UsageLimit>>) -> UsageShare {
        UsageShare { gauges, held: 0 }
    }

    /// Takes so much more of every gauge, or nothing at all.
    #[must_use]
    pub fn grow(&mut self, amount: usize) -> bool {
        for (taken, gauge) in self.gauges.iter().enumerate() {
            if !gauge.take(amount) {
                self.gauges[..taken].iter().for_each(|gauge| gauge.give_back(amount));
                return false;
            }
        }
        self.held += amount;
        true
    }
}

impl Drop for UsageShare {
    fn drop(&mut self) {
        self.gauges.iter().for_each(|gauge| gauge.give_back(self.held));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_takes_of_all_gauges_or_of_none_and_gives_all_back() {
        let (narrow, wide) = (UsageLimit::new(10), UsageLimit::new(100));
        let mut one = UsageShare::of(vec![Arc::clone(&wide), Arc::clone(&narrow)]);
        assert!(one.grow(4) && one.grow(6) && !one.grow(1));
        assert_eq!((narrow.used(), wide.used()), (10, 10));
        let mut other = UsageShare::of(vec![Arc::clone(&wide)]);
        assert!(other.grow(90) && !other.grow(usize::MAX));
        drop(one);
        assert_eq!((narrow.used(), wide.used()), (0, 90));
        drop(other);
        assert_eq!(wide.used(), 0);
    }
}
