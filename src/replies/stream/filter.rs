//! Filters a model's text on its way to the agent: sanitizes it, holds white space at both ends back, strips and records citations,
//! restores masked facts.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    facts::{FactKind, MAX_SUFFIX_LETTERS, Marks, Next, with_ending},
    replies::stream::sanitizer::Sanitizer,
};

/// Longest citation mark that is buffered, such as `[[12, 3]]`.
const MAX_MARK: usize = 24;

/// Placeholder of a restored fact in a text that is examined without its facts.
pub const RESTORED: char = '\u{fffc}';

/// A streaming filter: takes pieces and returns what may be shown. Joined, its output is the text.
#[derive(Debug, Default)]
pub struct OutputFilter {
    cleaner: Sanitizer,
    /// How many sources may be cited; with 0, brackets are plain text.
    sources: usize,
    marks: Arc<Marks>,
    /// The language of the text, which decides the endings of restored names.
    language: String,
    held: String,
    /// The character before the held text.
    before: Option<char>,
    /// The citations stripped from the held text: their offset, and the sources' numbers, in order.
    citations: Vec<(usize, Vec<usize>)>,
    output: FilteredText,
}

/// The output of the filter.
#[derive(Debug, Clone, Default)]
pub struct FilteredText {
    /// Everything that was shown.
    pub text: String,
    /// The text with [`RESTORED`] in place of each restored fact.
    pub bare: String,
    /// The cited sources by their numbers, from 1, with the byte offsets of the citations.
    pub cited: BTreeMap<usize, BTreeSet<usize>>,
    /// The marks that were restored, in order.
    pub restored: Vec<usize>,
    /// Byte offsets where marks were removed: those that the model was never given, and those whose value its reader must not see.
    pub invented: Vec<usize>,
}

/// The part of the held text that may be shown.
struct Restored {
    shown: String,
    /// The same with [`RESTORED`] in place of each fact.
    bare: String,
    /// Its length in the held text.
    read: usize,
    /// Where each mark ended in the held text and in the shown text.
    facts: Vec<(usize, usize)>,
    /// Where marks were removed, in the shown text.
    invented: Vec<usize>,
}

impl OutputFilter {
    pub fn new(sources: usize, marks: Arc<Marks>, language: &str) -> OutputFilter {
        OutputFilter { sources, marks, language: language.to_owned(), ..OutputFilter::default() }
    }

    /// Takes a piece and returns what is certain now: often the whole piece, sometimes nothing.
    pub fn push(&mut self, piece: &str) -> String {
        let clean = self.cleaner.push(piece);
        self.held.push_str(&clean);
        self.strip_citations();
        let restored = self.restore(false);
        self.before = self.held[..restored.read].chars().next_back().or(self.before);
        self.held.drain(..restored.read);
        self.show(restored)
    }

    /// Returns the rest, after the last piece.
    pub fn finish(&mut self) -> String {
        let clean = self.cleaner.finish();
        self.held.push_str(&clean);
        self.strip_citations();
        let kept = self.held.trim_end().len();
        self.held.truncate(kept);
        for (at, _) in &mut self.citations {
            *at = kept.min(*at);
        }
        let restored = self.restore(true);
        self.held.clear();
        self.show(restored)
    }

    /// Returns the output so far.
    pub fn output(&self) -> &FilteredText {
        &self.output
    }

    /// Returns the output.
    pub fn into_output(self) -> FilteredText {
        self.output
    }

    fn show(&mut self, restored: Restored) -> String {
        let Restored { mut shown, bare, read, facts, invented } = restored;
        let first = self.output.text.is_empty();
        let cut = if first { shown.len() - shown.trim_start().len() } else { 0 };
        let offset = |held: usize| {
            let (read, shown) = facts.iter().rfind(|(read, _)| *read <= held).copied().unwrap_or_default();
            self.output.text.len() + (shown + held - read).saturating_sub(cut)
        };
        let passed = self.citations.iter().take_while(|(at, _)| *at <= read).count();
        for (at, numbers) in self.citations.drain(..passed) {
            for number in numbers {
                self.output.cited.entry(number).or_default().insert(offset(at));
            }
        }
        for (at, _) in &mut self.citations {
            *at -= read;
        }
        let begins = self.output.text.len();
        self.output.invented.extend(invented.into_iter().map(|at| (begins + at).saturating_sub(cut)));
        shown.drain(..cut);
        self.output.text.push_str(&shown);
        self.output.bare.push_str(if first { bare.trim_start() } else { &bare });
        shown
    }

    /// Restores the marks of the held text.
    fn restore(&mut self, whole: bool) -> Restored {
        let (mut shown, mut bare, mut facts, mut invented) = (String::new(), String::new(), Vec::new(), Vec::new());
        let until = if whole { self.held.len() } else { self.certain_end() };
        let mut from = 0;
        // Without marks there is nothing to wait for, but what looks like a mark must still be removed.
        let has_marks = !self.marks.all().is_empty() || self.held.contains('⟦');
        loop {
            let next = if has_marks { self.marks.next(self.before, &self.held, from, whole) } else { Next::None };
            match next {
                Next::Mark(mark) if mark.range.start < until => {
                    let ending = mark.which.map_or(Some(0), |which| self.ending(which, mark.range.end, whole));
                    let before = &self.held[from..mark.range.start];
                    let Some(ending) = ending else {
                        shown.push_str(before);
                        bare.push_str(before);
                        return Restored { shown, bare, read: mark.range.start, facts, invented };
                    };
                    shown.push_str(before);
                    bare.push_str(before);
                    from = mark.range.end + ending;
                    let Some(which) = mark.which.filter(|which| !self.marks.is_withheld(*which)) else {
                        invented.push(shown.len());
                        facts.push((from, shown.len()));
                        continue;
                    };
                    let written = &self.held[mark.range.end..from];
                    shown.push_str(&with_ending(&self.marks.get(which).value, written, &self.language));
                    bare.push(RESTORED);
                    self.output.restored.push(which);
                    facts.push((from, shown.len()));
                }
                Next::Unsure(at) => {
                    let until = until.min(at).max(from);
                    let sure = self.held[from..until].trim_end();
                    shown.push_str(sure);
                    bare.push_str(sure);
                    return Restored { shown, bare, read: from + sure.len(), facts, invented };
                }
                _ => break,
            }
        }
        let until = until.max(from);
        shown.push_str(&self.held[from..until]);
        bare.push_str(&self.held[from..until]);
        Restored { shown, bare, read: until, facts, invented }
    }

    /// Returns the length of the ending of a restored name; `None` if more of it may follow.
    fn ending(&self, which: usize, at: usize, whole: bool) -> Option<usize> {
        let is_declined = matches!(self.marks.get(which).kind, FactKind::Name | FactKind::Person | FactKind::Term);
        if !is_declined || !matches!(self.language.as_str(), "tr" | "hu") {
            return Some(0);
        }
        let rest = &self.held[at..];
        let apostrophe = rest.chars().take_while(|letter| matches!(letter, '\'' | '’' | '-')).take(1).map(char::len_utf8).sum::<usize>();
        let letters: usize =
            rest[apostrophe..].chars().take(MAX_SUFFIX_LETTERS + 1).take_while(|letter| letter.is_alphabetic()).map(char::len_utf8).sum();
        let length = apostrophe + letters;
        if length == rest.len() && !whole && rest.chars().count() <= MAX_SUFFIX_LETTERS + 1 {
            return None;
        }
        Some(if letters == 0 || rest[apostrophe..].chars().take_while(|letter| letter.is_alphabetic()).count() > MAX_SUFFIX_LETTERS {
            0
        } else {
            length
        })
    }

    fn strip_citations(&mut self) {
        let mut from = 0;
        while let Some(end) = self.held[from..].find("]]").map(|end| from + end + 2) {
            let start = self.held[..end - 2].rfind("[[");
            let number = |text: &str| text.trim_matches(' ').parse().ok().filter(|_| !text.contains('+'));
            let numbers = |start: usize| self.held[start + 2..end - 2].split(',').map(number).collect::<Option<Vec<usize>>>();
            match start.and_then(|start| Some((start, numbers(start)?))) {
                Some((start, numbers)) if end - start <= MAX_MARK && numbers.iter().all(|number| (1..=self.sources).contains(number)) => {
                    let before = self.held[..start].trim_end_matches(' ').len();
                    self.held.replace_range(before..end, "");
                    self.citations.push((before, numbers));
                    from = before;
                }
                _ => from = end - 1,
            }
        }
    }

    /// Returns the offset from which the text may still change: an incomplete mark, or white space that may be trailing.
    fn certain_end(&self) -> usize {
        let mark = match self.held.rfind('[') {
            Some(last) if self.sources > 0 => {
                let start = if self.held[..last].ends_with('[') { last - 1 } else { last };
                let open = &self.held[start..];
                let possible = open.len() <= MAX_MARK
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
        let output = restored(pieces, sources, &Marks::default(), "en");
        (output.text, output.cited.into_keys().collect())
    }

    fn restored(pieces: &[&str], sources: usize, marks: &Marks, language: &str) -> FilteredText {
        let mut filter = OutputFilter::new(sources, Arc::new(marks.clone()), language);
        let mut shown: String = pieces.iter().map(|piece| filter.push(piece)).collect();
        shown.push_str(&filter.finish());
        assert_eq!(shown, filter.output().text);
        filter.output().clone()
    }

    fn marks() -> Marks {
        let mut marks = Marks::default();
        marks.mark(FactKind::Code, "KE-204815", None);
        marks.mark(FactKind::Person, "Elif", None);
        marks
    }

    #[test]
    fn marks_are_restored_as_they_pass() {
        let output = restored(&["Order ⟦", "CODE", "_1⟧", " of ⟦NAME_2⟧", "'nın", " ⟦CODE_7⟧, code 1 [[1]]. "], 1, &marks(), "tr");
        assert_eq!(output.text, "Order KE-204815 of Elif'in , code 1.");
        assert_eq!((output.restored, output.invented, output.cited.len()), (vec![0, 1], vec!["Order KE-204815 of Elif'in ".len()], 1));
        assert_eq!(output.bare, "Order \u{fffc} of \u{fffc} , code 1.");
        assert_eq!(restored(&["⟦NAME_2⟧na", "k"], 0, &marks(), "hu").text, "Elifnek");
        let mut filter = OutputFilter::new(0, Arc::new(marks()), "en");
        assert_eq!(
            [" Hi", " ⟦NAME_2", "⟧", "!", " a", " b", " co", "at"].map(|piece| filter.push(piece)),
            ["Hi", "", " Elif", "!", "", " a b", "", " coat"]
        );
    }

    #[test]
    fn what_is_withheld_is_not_written_back() {
        let mut marks = marks();
        marks.withhold(1);
        let output = restored(&["\n Hello ⟦NAME", "_2⟧'nin, code ⟦CODE_1⟧"], 0, &marks, "tr");
        assert_eq!((output.text.as_str(), output.restored, output.invented), ("Hello , code KE-204815", vec![0], vec!["Hello ".len()]));
    }

    #[test]
    fn citations_vanish_and_are_remembered() {
        assert_eq!(flow(&["  It ships today [", "[2]", "]. Bye [[1, 3]]\n"], 3), ("It ships today. Bye".into(), vec![1, 2, 3]));
        let output = restored(&["\nHi ⟦NAME_2⟧", "! Your ⟦CODE_1⟧ ships [", "[1]]. Bye.\n[[2]", "]"], 2, &marks(), "en");
        assert_eq!(output.text, "Hi Elif! Your KE-204815 ships. Bye.");
        let ends = ["Hi Elif! Your KE-204815 ships", "Hi Elif! Your KE-204815 ships. Bye."].map(str::len);
        assert_eq!(output.cited, BTreeMap::from([(1, BTreeSet::from([ends[0]])), (2, BTreeSet::from([ends[1]]))]));
    }

    #[test]
    fn other_brackets_are_text() {
        assert_eq!(flow(&["see [1] and [[9]] and [[x]] [", "end"], 3).0, "see [1] and [[9]] and [[x]] [end");
        assert_eq!(flow(&["[[1]]"], 0).0, "[[1]]");
    }

    #[test]
    fn ordinary_text_is_not_held_back() {
        let mut filter = OutputFilter::new(3, Arc::default(), "en");
        assert_eq!(filter.push("Hello"), "Hello");
        assert_eq!(filter.push(" there"), " there");
        assert_eq!(filter.push(" "), "");
        assert_eq!(filter.push("you"), " you");
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
            let (cut, whole) = (restored(&pieces, 2, &Marks::default(), "en"), restored(&[&text], 2, &Marks::default(), "en"));
            prop_assert_eq!((cut.text, cut.cited), (whole.text, whole.cited));
        }

        #[test]
        fn nor_does_it_for_marks(text in "(⟦CODE_1⟧|⟦NAME_2⟧|'nin|⟦|CODE_|\\[|\\]|1|2|⟧| |a|Name|é|<|b>){0,20}", cuts in proptest::collection::vec(0usize..90, 0..12)) {
            let mut at: Vec<usize> = cuts.into_iter().map(|cut| (0..=cut.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)).collect();
            at.sort_unstable();
            let mut pieces = Vec::new();
            let mut from = 0;
            for cut in at {
                pieces.push(&text[from..cut]);
                from = cut;
            }
            pieces.push(&text[from..]);
            let (cut, whole) = (restored(&pieces, 0, &marks(), "tr"), restored(&[&text], 0, &marks(), "tr"));
            prop_assert_eq!((cut.text, cut.restored, cut.invented), (whole.text, whole.restored, whole.invented));
        }
    }
}
