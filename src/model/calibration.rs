//! What a model counts as a token, learned from the usage that it reports.

use std::sync::atomic::{AtomicU64, Ordering};

/// How much of a new report counts.
const NEW: f64 = 0.2;
/// A report further off than this is taken for a mistake; smaller prompts tell little.
const BOUNDS: (f64, f64) = (0.4, 2.5);
const MIN_ESTIMATE: usize = 100;

/// What a prompt for a model may hold.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Budget of the context, as the model counts tokens.
    pub context_tokens: usize,
    /// Tokens of the model for one that [`crate::text::estimate_tokens`] estimates.
    pub tokens_per_estimate: f64,
}

impl Window {
    /// The budget in estimated tokens.
    pub fn budget(self) -> usize {
        (self.context_tokens as f64 / self.tokens_per_estimate) as usize
    }

    /// An estimate as the model will count it.
    pub fn tokens(self, estimate: usize) -> usize {
        (estimate as f64 * self.tokens_per_estimate).ceil() as usize
    }
}

/// Tokens of a model for one estimated token: at first 1, then a moving mean of what was reported.
#[derive(Debug)]
pub struct Calibration(AtomicU64);

impl Calibration {
    pub fn new() -> Calibration {
        Calibration(AtomicU64::new(1.0_f64.to_bits()))
    }

    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Takes in a prompt's estimate and what the model reports of it.
    pub fn learn(&self, estimate: usize, reported: u32) {
        let ratio = f64::from(reported) / estimate.max(1) as f64;
        if estimate >= MIN_ESTIMATE && (BOUNDS.0..=BOUNDS.1).contains(&ratio) {
            let moved = self.get() * (1.0 - NEW) + ratio * NEW;
            // Of two reports at once one may be lost; the mean does not mind.
            self.0.store(moved.to_bits(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_move_the_mean_and_nonsense_does_not() {
        let calibration = Calibration::new();
        for _ in 0..50 {
            calibration.learn(1000, 1300);
        }
        assert!((calibration.get() - 1.3).abs() < 0.01);
        calibration.learn(1000, 0);
        calibration.learn(1000, 1_000_000);
        calibration.learn(3, 30);
        assert!((calibration.get() - 1.3).abs() < 0.01);
        let window = Window { context_tokens: 1300, tokens_per_estimate: 1.3 };
        assert_eq!((window.budget(), window.tokens(1000)), (1000, 1300));
    }
}
