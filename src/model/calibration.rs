//! Calibrates token estimates to a model's tokenizer, from the usage that it reports.

use std::sync::atomic::{AtomicU64, Ordering};

/// Weight of a new report in the EWMA.
const EWMA_WEIGHT: f64 = 0.2;
/// Reports outside of these ratios are ignored as mistakes, as are those of small prompts, which say little.
const BOUNDS: (f64, f64) = (0.4, 2.5);
const MIN_ESTIMATE: usize = 100;

/// The context window of a model's prompts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Budget of the context, as the model counts tokens.
    pub context_tokens: usize,
    /// What it would be if the model read fast enough.
    pub full_context_tokens: usize,
    /// The tokens that the model reads in a second, as measured; `None`: not known.
    pub reading_speed: Option<f64>,
    /// The model's tokens per token that [`crate::text::estimate_tokens`] estimates.
    pub tokens_per_estimate: f64,
}

impl Window {
    /// The window of a model of which nothing was measured.
    pub fn unmeasured(context_tokens: usize) -> Window {
        Window { context_tokens, full_context_tokens: context_tokens, reading_speed: None, tokens_per_estimate: 1.0 }
    }

    /// The budget in estimated tokens.
    pub fn budget(self) -> usize {
        (self.context_tokens as f64 / self.tokens_per_estimate) as usize
    }

    /// Converts an estimate to the model's tokens.
    pub fn tokens(self, estimate: usize) -> usize {
        (estimate as f64 * self.tokens_per_estimate).ceil() as usize
    }
}

/// The model's tokens per estimated token: initially 1, then an EWMA of the reports.
#[derive(Debug)]
pub struct Calibration(AtomicU64);

impl Calibration {
    pub fn new() -> Calibration {
        Calibration(AtomicU64::new(1.0_f64.to_bits()))
    }

    pub fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// Learns from a prompt's estimate and the count that the model reports.
    pub fn learn(&self, estimate: usize, reported: u32) {
        let ratio = f64::from(reported) / estimate.max(1) as f64;
        if estimate >= MIN_ESTIMATE && (BOUNDS.0..=BOUNDS.1).contains(&ratio) {
            let mean = self.get() * (1.0 - EWMA_WEIGHT) + ratio * EWMA_WEIGHT;
            // A concurrent report may be lost, which hardly changes the mean.
            self.0.store(mean.to_bits(), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plausible_reports_move_the_mean_and_others_do_not() {
        let calibration = Calibration::new();
        for _ in 0..50 {
            calibration.learn(1000, 1300);
        }
        assert!((calibration.get() - 1.3).abs() < 0.01);
        calibration.learn(1000, 0);
        calibration.learn(1000, 1_000_000);
        calibration.learn(3, 30);
        assert!((calibration.get() - 1.3).abs() < 0.01);
        let window = Window { tokens_per_estimate: 1.3, ..Window::unmeasured(1300) };
        assert_eq!((window.budget(), window.tokens(1000)), (1000, 1300));
    }
}
