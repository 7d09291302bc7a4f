//! The words of mail programs, of all languages: a customer's program speaks another language than its user often enough.

use std::sync::LazyLock;

use crate::lexicon::{labels::Quotations, lexica, vocabulary::Signatures, words::plain};

/// What stands for any words in a pattern.
const ANY: char = '…';

/// A field of the header above a quoted e-mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Label {
    From,
    Sent,
    To,
    Subject,
}

/// A line with words that may be any between those that are fixed.
pub struct Pattern(Vec<String>);

impl Pattern {
    fn new(written: &str) -> Pattern {
        Pattern(written.split(ANY).map(folded_part).collect())
    }

    /// Returns whether its first words are fixed.
    pub fn begins_fixed(&self) -> bool {
        !self.0[0].is_empty()
    }

    /// Returns whether a normalized line is so.
    pub fn is(&self, line: &str) -> bool {
        let [first, middle @ .., last] = self.0.as_slice() else { return self.0.first().is_some_and(|whole| whole == line) };
        let Some(mut rest) = line.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str())) else { return false };
        middle.iter().all(|part| match rest.find(part.as_str()) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    }
}

/// The patterns and phrases of all languages, normalized.
pub struct Patterns {
    pub wrote: Vec<Pattern>,
    pub original: Vec<String>,
    pub forwarded: Vec<String>,
    labels: Vec<(String, Label)>,
    pub sent_from: Vec<Pattern>,
    pub disclaimers: Vec<String>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let quotations = |list: fn(&Quotations) -> &Vec<String>| lexica().iter().flat_map(move |lexicon| list(&lexicon.words.quotations));
    let signatures = |list: fn(&Signatures) -> &Vec<String>| lexica().iter().flat_map(move |lexicon| list(&lexicon.words.signatures));
    let labelled = |list: fn(&Quotations) -> &Vec<String>, label: Label| quotations(list).map(move |words| (normalized(words), label));
    Patterns {
        wrote: quotations(|words| &words.wrote).map(|line| Pattern::new(line)).collect(),
        original: quotations(|words| &words.original).map(|words| normalized(words)).collect(),
        forwarded: quotations(|words| &words.forwarded).map(|words| normalized(words)).collect(),
        labels: labelled(|words| &words.from, Label::From)
            .chain(labelled(|words| &words.sent, Label::Sent))
            .chain(labelled(|words| &words.to, Label::To))
            .chain(labelled(|words| &words.subject, Label::Subject))
            .collect(),
        sent_from: signatures(|words| &words.sent_from).map(|line| Pattern::new(line)).collect(),
        disclaimers: signatures(|words| &words.disclaimers).map(|words| normalized(words)).collect(),
    }
});

/// The patterns of all languages.
pub fn patterns() -> &'static Patterns {
    &PATTERNS
}

impl Patterns {
    /// Returns the header's field of a normalized name, its colon with it.
    pub fn label(&self, name: &str) -> Option<Label> {
        self.labels.iter().find(|(words, _)| words == name).map(|(_, label)| *label)
    }
}

/// A line as patterns are compared: without accents and case, with single spaces and none before a colon.
pub fn normalized(line: &str) -> String {
    let words = line.split_whitespace().collect::<Vec<&str>>().join(" ");
    plain(&words).replace('：', ":").replace(" :", ":")
}

/// The same, with the spaces at its ends kept: they part it from what may be any words.
fn folded_part(part: &str) -> String {
    let (before, after) = (part.starts_with(' '), part.ends_with(' ') && !part.trim().is_empty());
    let part = normalized(part);
    // `a écrit :` after a name has its colon at the word.
    let space = |is: bool| if is && !part.is_empty() && part != ":" { " " } else { "" };
    format!("{}{part}{}", space(before), space(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_holds_its_fixed_words_in_order() {
        let is = |pattern: &str, line: &str| Pattern::new(pattern).is(&normalized(line));
        assert!(is("Am … schrieb …:", "Am 18.11.2026 um 10:12 schrieb Keten Ev:"));
        assert!(is("Le … a écrit :", "Le mer. 18 nov. 2026 à 10:12, Keten Ev\u{a0}a écrit\u{a0}:"));
        assert!(is("… ezt írta (időpont: …):", "Keten Ev <a@b.hu> ezt írta (időpont: 2026. nov. 18., Sze, 10:12):"));
        assert!(is("On the go", "on the  GO"));
        for line in ["Amt schrieb mir:", "Am Montag schrieb ich euch", "schrieb Am 3.: x"] {
            assert!(!is("Am … schrieb …:", line), "{line}");
        }
    }
}
