//! The corrections measured over sentences of help desks: right ones, which stay as they are, and such with a slip. `DESKHAND_TEST_SPELLING`
//! names another folder of them. They need the dictionaries that `scripts/test` installs.

use std::{fs, path::PathBuf};

use super::*;

/// Of 60 slips, at least so many are mended.
const MIN_MENDED: usize = 36;

fn samples(file: &str) -> String {
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/spelling");
    let folder = std::env::var_os("DESKHAND_TEST_SPELLING").map_or_else(own, PathBuf::from);
    fs::read_to_string(folder.join(file)).unwrap()
}

fn installed(language: &str) -> std::sync::Arc<Dictionary> {
    let dictionaries = Dictionaries::new(PathBuf::from("/usr/share/hunspell"));
    let package = package(language).unwrap();
    dictionaries.get(language).unwrap_or_else(|| panic!("this test needs a dictionary: `apt-get install {package}`"))
}

fn measure(language: &str) {
    let (dictionary, english) = (installed(language), installed("en"));
    let words = Words { dictionary: Some(&dictionary), english: Some(&english), shop: &|_| false };
    let corrected = |text: &str| correct(text, language, words);
    let right = samples(&format!("{language}-right.txt"));
    let mut problems: Vec<String> = Vec::new();
    for line in right.lines() {
        let made = corrected(line);
        if made != line {
            problems.push(format!("right: {line}\n made: {made}"));
        }
    }
    let slips = samples(&format!("{language}-slips.tsv"));
    let (mut mended, mut missed) = (0, Vec::new());
    for (typed, meant) in slips.lines().filter_map(|line| line.split_once('\t')) {
        let made = corrected(typed);
        match made {
            made if made == meant => mended += 1,
            made if made == typed => missed.push(typed),
            made => problems.push(format!("meant: {meant}\n made: {made}")),
        }
    }
    println!("{language}: {mended} of {} mended\n{}", slips.lines().count(), missed.join("\n"));
    assert!(problems.is_empty(), "{language}: {} are wrong\n{}", problems.len(), problems.join("\n"));
    assert!(mended >= MIN_MENDED, "{language}: only {mended} were mended; not these:\n{}", missed.join("\n"));
}

#[test]
fn english_slips_are_mended_and_right_words_are_left() {
    measure("en");
}

#[test]
fn turkish_slips_are_mended_and_right_words_are_left() {
    measure("tr");
}

#[test]
fn hungarian_slips_are_mended_and_right_words_are_left() {
    measure("hu");
}

#[test]
fn german_slips_are_mended_and_right_words_are_left() {
    measure("de");
}
