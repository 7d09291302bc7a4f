//! Korean: what stands behind the noun of a word.

use std::sync::LazyLock;

/// Syllables that a stem has at least: most shorter ones would be other words.
const MIN_SYLLABLES: usize = 2;

/// The endings, longest first.
static ENDINGS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let mut endings: Vec<&str> =
        include_str!("korean_endings.txt").lines().filter(|line| !line.starts_with('#')).flat_map(str::split_whitespace).collect();
    endings.sort_by_key(|ending| std::cmp::Reverse(ending.len()));
    endings
});

/// Returns a word in lower case without its longest known ending.
pub fn stem(word: &str) -> &str {
    let stem = ENDINGS.iter().find_map(|ending| word.strip_suffix(ending).filter(|stem| stem.chars().count() >= MIN_SYLLABLES));
    stem.unwrap_or(word)
}
