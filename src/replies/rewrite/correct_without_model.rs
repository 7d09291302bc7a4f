//! Corrections without a model: English, by harper. Names, codes and links are left alone, and only plain errors are mended.

use std::{
    cmp::Ordering,
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use harper_core::{
    Dialect, Document,
    linting::{Lint, LintGroup, LintKind, Linter, Suggestion},
    parsers::PlainEnglish,
    remove_overlaps,
    spell::{Dictionary, FstDictionary},
};

use crate::task::{self, TaskError};

/// The corrector. Its dictionary is loaded on first use (about 150 MB and a second).
#[derive(Clone, Default)]
pub struct Corrector {
    linter: Arc<Mutex<Option<LintGroup>>>,
}

impl Corrector {
    /// Corrects an English text; words of `names` are right.
    pub async fn correct(&self, text: String, names: Vec<String>) -> Result<String, TaskError> {
        let linter = Arc::clone(&self.linter);
        let work = move || {
            let mut linter = linter.lock().unwrap_or_else(|broken: PoisonError<_>| {
                // One that panicked may hold anything.
                let mut linter = broken.into_inner();
                *linter = None;
                linter
            });
            let linter = linter.get_or_insert_with(|| LintGroup::new_curated(FstDictionary::curated(), Dialect::American));
            correct(linter, &text, &names)
        };
        task::blocking("correcting with the built-in engine", work).await
    }
}

fn correct(linter: &mut LintGroup, text: &str, names: &[String]) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let guarded = guarded(&letters, names);
    let mut lints = linter.lint(&Document::new_curated(text, &PlainEnglish));
    remove_overlaps(&mut lints);
    lints.sort_by_key(|lint| std::cmp::Reverse(lint.span.start));
    for lint in lints {
        if guarded[lint.span.start..lint.span.end.min(guarded.len())].contains(&true) {
            continue;
        }
        if let Some(suggestion) = mending(&lint, &letters) {
            suggestion.apply(lint.span, &mut letters);
        }
    }
    letters.into_iter().collect()
}

/// Marks the letters that no correction may touch: tokens that are no plain words (links, addresses, codes, numbers, placeholders,
/// marks, words of other alphabets), quoted lines, and names.
fn guarded(letters: &[char], names: &[String]) -> Vec<bool> {
    let names: HashSet<String> = names.iter().flat_map(|name| name.split_whitespace()).map(str::to_lowercase).collect();
    let mut guarded = vec![false; letters.len()];
    let mut start = 0;
    while start < letters.len() {
        if letters[start].is_whitespace() {
            start += 1;
            continue;
        }
        let end = (start..letters.len()).find(|at| letters[*at].is_whitespace()).unwrap_or(letters.len());
        let token = &letters[start..end];
        let word: String = token.iter().filter(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '\'')).collect();
        let odd = token
            .iter()
            .any(|letter| letter.is_ascii_digit() || !(letter.is_ascii() || matches!(letter, '’' | '“' | '”' | '–' | '—' | '…')))
            || token
                .iter()
                .any(|letter| matches!(letter, '@' | '/' | '_' | '#' | '{' | '}' | '[' | ']' | '%' | '$' | '<' | '>' | '`' | '\\' | '*'))
            || token.iter().skip(1).any(|letter| letter.is_uppercase())
            || token[..token.len() - 1].contains(&'.');
        if odd || names.contains(&word.to_lowercase()) {
            guarded[start..end].fill(true);
        }
        start = end;
    }
    guarded
}

/// What mends a plain error; `None` for matters of taste, and where more than one thing could be meant.
fn mending(lint: &Lint, letters: &[char]) -> Option<Suggestion> {
    match lint.lint_kind {
        LintKind::Spelling | LintKind::Typo => {
            let word = &letters[lint.span.start..lint.span.end];
            let plain = word.iter().all(|letter| letter.is_ascii_lowercase() || *letter == '\'');
            // A word of another dialect is no error.
            let known = FstDictionary::curated().contains_word(word);
            if !plain || (known && lint.lint_kind == LintKind::Spelling) { None } else { nearest(lint, word) }
        }
        LintKind::Agreement
        | LintKind::BoundaryError
        | LintKind::Capitalization
        | LintKind::Eggcorn
        | LintKind::Grammar
        | LintKind::Malapropism
        | LintKind::Punctuation
        | LintKind::Repetition => match lint.suggestions.as_slice() {
            [only] => Some(only.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The word with the fewest letters changed, if they are few: one in a short word, two in a longer one. Harper's suggestions come
/// first, then the dictionary's common words, which its suggestions sometimes lack (`address` for `adress`).
fn nearest(lint: &Lint, word: &[char]) -> Option<Suggestion> {
    let most = if word.len() <= 4 { 1 } else { 2 };
    let suggested = lint.suggestions.iter().filter_map(|suggestion| match suggestion {
        Suggestion::ReplaceWith(other) => Some(other.clone()),
        _ => None,
    });
    let dictionary = FstDictionary::curated();
    let near = dictionary.fuzzy_match(word, most as u8, 50);
    let common = near.into_iter().filter(|found| found.metadata.common).map(|found| found.word.to_vec());
    suggested
        .chain(common)
        .filter(|other| !other.contains(&' ') && other.first() == word.first())
        .map(|other| (distance(word, &other), slip(word, &other), other))
        .filter(|(changed, _, _)| *changed <= most)
        .min_by_key(|(changed, slip, _)| (*changed, *slip))
        .map(|(_, _, other)| Suggestion::ReplaceWith(other))
}

/// How likely a slip is, the likeliest first: letters swapped, one left out, one for another, one too many.
fn slip(typed: &[char], meant: &[char]) -> usize {
    let sorted = |word: &[char]| {
        let mut letters = word.to_vec();
        letters.sort_unstable();
        letters
    };
    match meant.len().cmp(&typed.len()) {
        Ordering::Equal if sorted(typed) == sorted(meant) => 0,
        Ordering::Greater => 1,
        Ordering::Equal => 2,
        Ordering::Less => 3,
    }
}

/// How many letters are added, dropped, changed or swapped with their neighbour (optimal string alignment).
fn distance(one: &[char], other: &[char]) -> usize {
    let width = other.len() + 1;
    let mut rows = vec![0; (one.len() + 1) * width];
    for row in 0..=one.len() {
        for column in 0..=other.len() {
            rows[row * width + column] = if row == 0 || column == 0 {
                row + column
            } else {
                let change = usize::from(one[row - 1] != other[column - 1]);
                let mut least = (rows[(row - 1) * width + column] + 1)
                    .min(rows[row * width + column - 1] + 1)
                    .min(rows[(row - 1) * width + column - 1] + change);
                if row > 1 && column > 1 && one[row - 1] == other[column - 2] && one[row - 2] == other[column - 1] {
                    least = least.min(rows[(row - 2) * width + column - 2] + 1);
                }
                least
            };
        }
    }
    rows[one.len() * width + other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn corrected(text: &str) -> String {
        Corrector::default().correct(text.to_owned(), vec!["Ayse Kaya".to_owned(), "Karo".to_owned()]).await.unwrap()
    }

    #[tokio::test]
    async fn plain_errors_are_mended_and_the_rest_is_left() {
        assert_eq!(
            corrected("Thank you for the the patience, i recieved teh parcel my frend. Please send the adress tomorow.").await,
            "Thank you for the patience, I received the parcel my friend. Please send the address tomorrow."
        );
        for right in [
            "Dear Ayse, your colour is grey. Use SAVE10 at https://ketenev.example/en/help, order KE-204815.",
            "Hello {{customer.first_name}}, we will refund 79.90 TRY to ayse.kaya@mail.example.",
            "Karo sent it with Yurtiçi Kargo.\n\n- one\n- two\n\nBest,\nMárton",
        ] {
            assert_eq!(corrected(right).await, right);
        }
    }
}
