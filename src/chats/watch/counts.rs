//! Counts listeners, for monitoring.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Counters of all listeners, for monitoring.
#[derive(Debug, Default)]
pub struct Counts {
    open: AtomicU64,
    told: AtomicU64,
    slow: AtomicU64,
}

impl Counts {
    pub fn opened(&self) {
        self.open.fetch_add(1, Relaxed);
    }

    /// Counts the end of a listener, and whether it was too slow.
    pub fn closed(&self, slow: bool) {
        self.open.fetch_sub(1, Relaxed);
        self.slow.fetch_add(u64::from(slow), Relaxed);
    }

    pub fn told(&self) {
        self.told.fetch_add(1, Relaxed);
    }

    pub fn too_slow(&self) {
        self.slow.fetch_add(1, Relaxed);
    }

    /// How many listen, how many changes they were told, and how many listeners were too slow.
    pub fn all(&self) -> [u64; 3] {
        [&self.open, &self.told, &self.slow].map(|count| count.load(Relaxed))
    }
}
