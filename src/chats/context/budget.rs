//! The token budget of a prompt: counts tokens as they are spent, and cuts texts that exceed their share.

use crate::text::{estimate_tokens, quoted_lines};

/// Overhead of a line, in tokens.
const LINE: usize = 4;

/// The remaining tokens.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    left: usize,
    used: usize,
}

impl Budget {
    pub fn new(tokens: usize) -> Budget {
        Budget { left: tokens, used: 0 }
    }

    pub fn left(&self) -> usize {
        self.left
    }

    pub fn used(&self) -> usize {
        self.used
    }

    /// Spends a text's tokens even beyond the budget.
    pub fn spend(&mut self, text: &str) {
        self.spend_tokens(cost(text));
    }

    /// Spends tokens that are not a text's.
    pub fn spend_tokens(&mut self, tokens: usize) {
        self.left = self.left.saturating_sub(tokens);
        self.used += tokens;
    }

    /// Spends a text's tokens if it fits; returns whether it did.
    pub fn take(&mut self, text: &str) -> bool {
        let fits = cost(text) <= self.left;
        if fits {
            self.spend(text);
        }
        fits
    }

    /// Lets `spend` use at most `share` of the remaining tokens.
    pub fn share<T>(&mut self, share: usize, spend: impl FnOnce(&mut Budget) -> T) -> T {
        let mut part = Budget::new(share.min(self.left));
        let done = spend(&mut part);
        self.spend_tokens(part.used);
        done
    }
}

/// Returns a text's tokens, with its line's overhead.
pub fn cost(text: &str) -> usize {
    tokens(text) + LINE
}

/// Returns a text's tokens as quoted in a prompt: each of its lines is marked.
fn tokens(text: &str) -> usize {
    estimate_tokens(text) + quoted_lines(text)
}

/// Cuts a text to about `max_tokens`: its beginning and its end, with a mark that says how much is omitted between them.
pub fn cut(text: &str, max_tokens: usize) -> String {
    let estimate = tokens(text);
    if estimate <= max_tokens {
        return text.to_owned();
    }
    let letters: Vec<(usize, char)> = text.char_indices().collect();
    let kept = (letters.len() * max_tokens / estimate).saturating_sub(20).max(20).min(letters.len());
    let (head, tail) = (kept * 2 / 3, kept / 3);
    // Words stay whole where there are spaces.
    let space = |at: &usize| letters[*at].1.is_whitespace();
    let head = (head / 2..=head).rev().find(space).unwrap_or(head);
    let tail = (letters.len() - tail - 1..letters.len() - tail / 2).find(space).unwrap_or(letters.len() - tail);
    if head >= tail {
        return text.to_owned();
    }
    let (head_end, tail_start) = (letters[head].0, letters.get(tail).map_or(text.len(), |letter| letter.0));
    format!("{} [… {} characters left out …] {}", text[..head_end].trim_end(), tail - head, text[tail_start..].trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_says_what_it_left_out() {
        assert_eq!(cut("short", 10), "short");
        let long = format!("{}END", "word ".repeat(2000));
        let cut = cut(&long, 100);
        assert!(cut.contains("characters left out") && cut.ends_with("END") && cut.starts_with("word"), "{cut}");
        assert!(estimate_tokens(&cut) <= 110, "{}", estimate_tokens(&cut));
    }

    #[test]
    fn a_share_bounds_what_is_spent() {
        let mut budget = Budget::new(100);
        assert!(!budget.share(10, |part| part.take("a text of more tokens than ten, as anybody can see")));
        assert!(budget.take("short"));
        assert_eq!(budget.left() + budget.used(), 100);
    }
}
