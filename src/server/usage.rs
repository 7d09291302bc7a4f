//! Limits on concurrent usage: calls, and bytes of requests and replies in flight.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A usage counter with a maximum.
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

    fn release(&self, amount: usize) {
        self.used.fetch_sub(amount, Relaxed);
    }
}

/// The usage of one call, counted against several limits at once. It is released when the share is dropped.
#[derive(Debug)]
pub struct UsageShare {
    limits: Vec<Arc<UsageLimit>>,
    held: usize,
}

impl UsageShare {
    /// An empty share.
    pub fn new(limits: Vec<Arc<UsageLimit>>) -> UsageShare {
        UsageShare { limits, held: 0 }
    }

    /// Gives back what it holds.
    pub fn clear(&mut self) {
        self.limits.iter().for_each(|limit| limit.release(self.held));
        self.held = 0;
    }

    /// Takes `amount` more of every limit, or nothing at all.
    #[must_use]
    pub fn grow(&mut self, amount: usize) -> bool {
        for (taken, limit) in self.limits.iter().enumerate() {
            if !limit.take(amount) {
                self.limits[..taken].iter().for_each(|limit| limit.release(amount));
                return false;
            }
        }
        self.held += amount;
        true
    }
}

impl Drop for UsageShare {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_counts_against_all_limits_or_none_and_releases_everything() {
        let (narrow, wide) = (UsageLimit::new(10), UsageLimit::new(100));
        let mut one = UsageShare::new(vec![Arc::clone(&wide), Arc::clone(&narrow)]);
        assert!(one.grow(4) && one.grow(6) && !one.grow(1));
        assert_eq!((narrow.used(), wide.used()), (10, 10));
        let mut other = UsageShare::new(vec![Arc::clone(&wide)]);
        assert!(other.grow(90) && !other.grow(usize::MAX));
        drop(one);
        assert_eq!((narrow.used(), wide.used()), (0, 90));
        drop(other);
        assert_eq!(wide.used(), 0);
    }
}
