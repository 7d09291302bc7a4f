//! Statistics for ranking: standard deviation, and confidence from a score.

/// How fast a confidence approaches 1.
pub const STEEPNESS: f64 = 1.6;

/// Returns the standard deviation, at least a tiny positive number, so that dividing by it stays finite.
pub fn deviation(values: &[f32]) -> f32 {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt().max(1e-6)
}

/// Maps a word score, as a share of the highest possible one, to a confidence under 1; keeps the order.
pub fn confidence(words: f32, max_score: f32) -> f64 {
    if max_score > 0.0 { 1.0 - (-STEEPNESS * f64::from(words / max_score)).exp() } else { 0.0 }
}
