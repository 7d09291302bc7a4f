//! Bounds on what is in use at once: calls, and bytes of requests and replies.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A counter with a bound.
#[derive(Debug)]
pub struct Gauge {
    used: AtomicUsize,
    max: usize,
}

impl Gauge {
    pub fn new(max: usize) -> Arc<Gauge> {
        Arc::new(Gauge { used: AtomicUsize::new(0), max })
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
pub struct Share {
    gauges: Vec<Arc<Gauge>>,
    held: usize,
}

impl Share {
    /// A share of nothing yet.
    pub fn of(gauges: Vec<Arc<Gauge>>) -> Share {
        Share { gauges, held: 0 }
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

impl Drop for Share {
    fn drop(&mut self) {
        self.gauges.iter().for_each(|gauge| gauge.give_back(self.held));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_takes_of_all_gauges_or_of_none_and_gives_all_back() {
        let (narrow, wide) = (Gauge::new(10), Gauge::new(100));
        let mut one = Share::of(vec![Arc::clone(&wide), Arc::clone(&narrow)]);
        assert!(one.grow(4) && one.grow(6) && !one.grow(1));
        assert_eq!((narrow.used(), wide.used()), (10, 10));
        let mut other = Share::of(vec![Arc::clone(&wide)]);
        assert!(other.grow(90) && !other.grow(usize::MAX));
        drop(one);
        assert_eq!((narrow.used(), wide.used()), (0, 90));
        drop(other);
        assert_eq!(wide.used(), 0);
    }
}
