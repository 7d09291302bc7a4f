//! What the benchmarks share. Each is a program in `src/bin`.

pub mod articles;
pub mod floods;
pub mod paced_model;
pub mod relay;
pub mod served;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use deskhand::text::estimate_tokens;

/// The repository's folder.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// The service's program, which `cargo build --release` makes beside this one.
pub fn deskhand() -> PathBuf {
    let program = std::env::current_exe().expect("a program").with_file_name("deskhand");
    assert!(program.is_file(), "`{}` is not there: run `cargo build --release` first", program.display());
    program
}

/// The value that `share` of the samples don't exceed, in milliseconds.
pub fn percentile(samples: &mut [Duration], share: f64) -> f64 {
    samples.sort_unstable();
    let at = ((samples.len() as f64 * share).ceil() as usize).clamp(1, samples.len()) - 1;
    samples[at].as_secs_f64() * 1000.0
}

/// Pseudorandom numbers, the same in each run (SplitMix64).
pub struct Draws(pub u64);

impl Draws {
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, most: usize) -> usize {
        (self.draw() % most.max(1) as u64) as usize
    }

    /// A rank under `most`: half of all draws fall under its square root (Zipf's law).
    pub fn rank(&mut self, most: usize) -> usize {
        (most as f64).powf(self.below(1_000_000) as f64 / 1e6) as usize - 1
    }
}

/// What a service that keeps only the newest messages would show of a chat.
pub fn newest<'a>(messages: impl DoubleEndedIterator<Item = &'a str>, budget: usize) -> String {
    let mut left = budget;
    let fits = |text: &&str| {
        let cost = estimate_tokens(text) + 4;
        let fits = cost <= left;
        left = left.saturating_sub(cost);
        fits
    };
    messages.rev().take_while(fits).collect::<Vec<_>>().join("\n")
}

/// This process's resident memory.
pub fn resident_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or_default() / 1000
}
