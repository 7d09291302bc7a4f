//! Words that people write as one or apart: `e-mail`, `KE-901377`, `5 kg`, `0850 222 33 44`, `8,349.90`.

use crate::text::segment::{is_apostrophe, is_digit};

/// Most words that are joined, and the longest joined word, in bytes.
const MAX_JOINED: usize = 8;
const MAX_BYTES: usize = 64;
/// Letters up to which a word belongs to the number before it: a unit (`kg`).
const MAX_UNIT: usize = 3;
/// Digits from which on the number of a code is looked for without its letters.
const MIN_CODE: usize = 4;
/// Signs that stand between the groups of a number.
const MAX_SIGNS: usize = 2;

/// A run of words that may be one.
#[derive(Default)]
pub struct Run {
    /// Their starts and ends in the text.
    pub words: Vec<(usize, usize)>,
}

impl Run {
    /// Returns whether the word from `start` to `end` belongs to the run, of which it is the next.
    pub fn goes_on(&self, text: &str, start: usize, end: usize) -> bool {
        let Some((last_start, last_end)) = self.words.last() else { return true };
        if self.words.len() == MAX_JOINED || start < *last_end {
            return false;
        }
        let between = &text[*last_end..start];
        if between.is_empty() {
            // Words of a script without spaces are words by a dictionary; only parts of letters and digits were one.
            return text[*last_start..*last_end].contains(is_digit) || text[start..end].contains(is_digit);
        }
        if between.len() > MAX_SIGNS * 3 {
            return false;
        }
        let mut signs = between.chars();
        let one = (signs.next(), signs.next());
        if let (Some(sign), None) = one
            && is_joiner(sign)
        {
            return true;
        }
        let (last, next) = (&text[*last_start..*last_end], &text[start..end]);
        let (last_digits, next_digits) = (last.chars().all(is_digit), next.chars().all(is_digit));
        let is_unit = |word: &str| word.chars().count() <= MAX_UNIT && word.chars().all(char::is_alphabetic);
        match one {
            (Some(sign), None) if is_space(sign) => {
                (last_digits && (next_digits || is_unit(next))) || (next_digits && last.chars().all(char::is_alphabetic))
            }
            (Some(one), other) if signs.next().is_none() => {
                let groups = |sign: char| is_space(sign) || matches!(sign, ',' | '(' | ')' | '-');
                last_digits && next_digits && groups(one) && other.is_none_or(groups)
            }
            _ => false,
        }
    }

    pub fn push(&mut self, start: usize, end: usize) {
        self.words.push((start, end));
    }
}

fn is_space(sign: char) -> bool {
    matches!(sign, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}')
}

/// Returns whether a sign stands inside what is also written as one word.
fn is_joiner(sign: char) -> bool {
    matches!(sign, '-' | '\u{2010}' | '\u{2011}' | '.' | '/' | '·' | '&' | '_' | '+') || is_apostrophe(sign)
}

/// Returns, for each folded word of a run, the joined words that it is a part of: the whole run, each two that follow one another, and of a number
/// each of its beginnings (`8,349` of `8,349.90`); for a code by itself its number (`901377` of `KE901377`).
pub fn joined(words: &[&str]) -> Vec<Vec<String>> {
    let mut joined = vec![Vec::new(); words.len()];
    if let [word] = words {
        joined[0].extend(number_of_code(word));
        return joined;
    }
    let mut add = |from: usize, to: usize| {
        let whole: String = words[from..to].concat();
        if whole.len() <= MAX_BYTES {
            for word in &mut joined[from..to] {
                if !word.contains(&whole) {
                    word.push(whole.clone());
                }
            }
        }
    };
    add(0, words.len());
    let is_number = words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
    for to in 2..words.len() {
        if is_number {
            add(0, to);
        }
        add(to - 2, to);
    }
    add(words.len() - 2, words.len());
    joined
}

fn number_of_code(folded: &str) -> Option<String> {
    let number = folded.trim_start_matches(|letter: char| letter.is_alphabetic());
    let is_number = number.len() >= MIN_CODE && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && number.len() < folded.len()).then(|| number.to_owned())
}
