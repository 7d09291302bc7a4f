//! The inputs that fuzzing begins with, and those that it once found something with: tests run them, too.

use std::{fs, path::Path};

/// The seeds of a target.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let files = fs::read_dir(&folder).expect("every target has seeds");
    let seeds: Vec<Vec<u8>> = files.map(|file| fs::read(file.expect("a file").path()).expect("it can be read")).collect();
    assert!(!seeds.is_empty(), "{target} has no seeds");
    seeds
}
