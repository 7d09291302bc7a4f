//! What numbers say of their spread, and of how sure a rank is.

/// How fast a confidence nears 1.
pub const STEEPNESS: f64 = 1.6;

/// The standard deviation of values, or next to nothing: what is divided by it stays finite.
pub fn deviation(values: &[f32]) -> f32 {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt().max(1e-6)
}

/// What words count as a share of the most that they could, bent so that it stays under 1 and keeps the order.
pub fn confidence(words: f32, most: f32) -> f64 {
    if most > 0.0 { 1.0 - (-STEEPNESS * f64::from(words / most)).exp() } else { 0.0 }
}
