//! A linear model that tells sentences that commit the shop from others: hashed character n-grams and words of a folded sentence.
//!
//! The weights are trained by `cargo run --release -p deskhand-measure --bin train_promises` on `measure/promises/`.

use crate::text::fold;

/// Places for features. Features share a place where their hashes meet.
pub const PLACES: usize = 1 << 16;
/// Lengths of the n-grams, in letters; the blank before and after a word counts.
const SHORTEST: usize = 3;
const LONGEST: usize = 5;
/// Longer sentences are read up to here, in letters.
const MAX_LETTERS: usize = 400;

/// `[scale, bias]` as little-endian `f32`, then a signed byte for each place.
static WEIGHTS: &[u8] = include_bytes!("weights.bin");

/// How likely a sentence commits the shop, from 0 to 1.
pub fn likelihood(sentence: &str) -> f32 {
    let number = |at: usize| f32::from_le_bytes([WEIGHTS[at], WEIGHTS[at + 1], WEIGHTS[at + 2], WEIGHTS[at + 3]]);
    let places = features(sentence);
    let sum: i32 = places.iter().map(|place| i32::from(WEIGHTS[8 + *place as usize].cast_signed())).sum();
    let logit = number(4) + number(0) * sum as f32 / norm(places.len());
    1.0 / (1.0 + (-logit).exp())
}

/// What the sum of a sentence's weights is divided by, so that long sentences don't outweigh short ones.
pub fn norm(features: usize) -> f32 {
    (features.max(1) as f32).sqrt()
}

/// The features of a sentence, each once, as places.
pub fn features(sentence: &str) -> Vec<u32> {
    let folded: String = fold(sentence).chars().take(MAX_LETTERS).map(|letter| if letter.is_numeric() { '0' } else { letter }).collect();
    let words: Vec<&str> =
        folded.split(|letter: char| !letter.is_alphanumeric() && letter != '\'').filter(|word| !word.is_empty()).collect();
    let mut places = Vec::new();
    let mut add = |kind: u8, parts: &[&str]| places.push(place(kind, parts));
    for word in &words {
        add(b'w', &[word]);
        let padded = format!(" {word} ");
        let starts: Vec<usize> = padded.char_indices().map(|(start, _)| start).chain([padded.len()]).collect();
        for length in SHORTEST..=LONGEST {
            for bounds in starts.windows(length + 1) {
                add(b'g', &[&padded[bounds[0]..bounds[length]]]);
            }
        }
    }
    for pair in words.windows(2) {
        add(b'p', pair);
    }
    for triple in words.windows(3) {
        add(b't', triple);
    }
    if let (Some(first), Some(last)) = (words.first(), words.last()) {
        add(b'f', &[first]);
        add(b'l', &[last]);
    }
    add(b'e', &[&folded.trim_end().chars().last().filter(|letter| !letter.is_alphanumeric()).map(String::from).unwrap_or_default()]);
    places.sort_unstable();
    places.dedup();
    places
}

/// FNV-1a.
fn place(kind: u8, parts: &[&str]) -> u32 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut mix = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    mix(kind);
    for part in parts {
        part.bytes().for_each(&mut mix);
        mix(0);
    }
    ((hash ^ (hash >> 32)) as usize % PLACES) as u32
}
