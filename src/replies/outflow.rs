//! A model's text on its way to the agent: white space at both ends held back, citations taken out and remembered.

use std::collections::BTreeSet;

/// Longest citation mark that is waited for, such as `[[12, 3]]`.
const MOST_MARK: usize = 24;

/// Takes pieces in and gives out what may be shown. What it gave out joined is the text.
#[derive(Debug, Default)]
pub struct Outflow {
    /// How many sources may be cited; 0: brackets are just text.
    sources: usize,
    held: String,
    text: String,
    cited: BTreeSet<usize>,
}

impl Outflow {
    pub fn new(sources: usize) -> Outflow {
        Outflow { sources, ..Outflow::default() }
    }

    /// Takes a piece in, and gives out what is sure now: often the whole piece, sometimes nothing.
    pub fn push(&mut self, piece: &str) -> String {
        // Control characters have no place in a reply.
        self.held.extend(piece.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')));
        self.take_citations_out();
        let keep = self.first_unsure();
        let sure: String = self.held.drain(..keep).collect();
        self.show(sure)
    }

    /// The rest, after the last piece.
    pub fn finish(&mut self) -> String {
        self.take_citations_out();
        let rest = std::mem::take(&mut self.held);
        let rest = rest.trim_end().to_owned();
        self.show(rest)
    }

    /// All that was shown.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The numbers of the cited sources, from 1.
    pub fn cited(&self) -> impl Iterator<Item = usize> {
        self.cited.iter().copied()
    }

    fn show(&mut self, piece: String) -> String {
        let piece = if self.text.is_empty() { piece.trim_start().to_owned() } else { piece };
        self.text.push_str(&piece);
        piece
    }

    fn take_citations_out(&mut self) {
        let mut from = 0;
        while let Some(end) = self.held[from..].find("]]").map(|end| from + end + 2) {
            let start = self.held[..end - 2].rfind("[[");
            let number = |text: &str| text.trim_matches(' ').parse().ok().filter(|_| !text.contains('+'));
            let numbers = |start: usize| self.held[start + 2..end - 2].split(',').map(number).collect::<Option<Vec<usize>>>();
            match start.and_then(|start| Some((start, numbers(start)?))) {
                Some((start, numbers)) if end - start <= MOST_MARK && numbers.iter().all(|number| (1..=self.sources).contains(number)) => {
                    self.cited.extend(numbers);
                    let before = self.held[..start].trim_end_matches(' ').len();
                    self.held.replace_range(before..end, "");
                    from = before;
                }
                _ => from = end - 1,
            }
        }
    }

    /// Where the text begins that may still change: a mark that is not whole yet, or white space that may be the last.
    fn first_unsure(&self) -> usize {
        let mark = match self.held.rfind('[') {
            Some(last) if self.sources > 0 => {
                let start = if self.held[..last].ends_with('[') { last - 1 } else { last };
                let open = &self.held[start..];
                let possible = open.len() <= MOST_MARK
                    && open.trim_start_matches('[').chars().all(|letter| letter.is_ascii_digit() || matches!(letter, ',' | ' ' | ']'))
                    && !open.ends_with("]]");
                if possible { start } else { self.held.len() }
            }
            _ => self.held.len(),
        };
        self.held[..mark].trim_end().len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flow(pieces: &[&str], sources: usize) -> (String, Vec<usize>) {
        let mut outflow = Outflow::new(sources);
        let mut shown: String = pieces.iter().map(|piece| outflow.push(piece)).collect();
        shown.push_str(&outflow.finish());
        assert_eq!(shown, outflow.text());
        (shown, outflow.cited().collect())
    }

    #[test]
    fn citations_vanish_and_are_remembered() {
        assert_eq!(flow(&["  It ships today [", "[2]", "]. Bye [[1, 3]]\n"], 3), ("It ships today. Bye".into(), vec![1, 2, 3]));
    }

    #[test]
    fn other_brackets_are_text() {
        assert_eq!(flow(&["see [1] and [[9]] and [[x]] [", "end"], 3).0, "see [1] and [[9]] and [[x]] [end");
        assert_eq!(flow(&["[[1]]"], 0).0, "[[1]]");
    }

    #[test]
    fn ordinary_text_is_not_held_back() {
        let mut outflow = Outflow::new(3);
        assert_eq!(outflow.push("Hello"), "Hello");
        assert_eq!(outflow.push(" there"), " there");
        assert_eq!(outflow.push(" "), "");
        assert_eq!(outflow.push("you"), " you");
    }

    proptest! {
        #[test]
        fn where_pieces_are_cut_does_not_matter(text in "[a\\[\\]12 ,\n]{0,60}", cuts in proptest::collection::vec(0usize..60, 0..8)) {
            let mut at: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            at.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in at {
                pieces.push(&text[from..cut]);
                from = cut;
            }
            pieces.push(&text[from..]);
            prop_assert_eq!(flow(&pieces, 2), flow(&[&text], 2));
        }
    }
}
