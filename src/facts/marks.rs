//! Marks: placeholders of facts and personal data in the text that a model gets, and their restoration.

use std::{collections::BTreeSet, ops::Range};

use crate::{
    facts::{Fact, FactKind},
    text::fold,
};

/// Longest mark as a model may write it, in bytes.
const MAX_MARK: usize = 64;
/// Most characters between a mark's kind and its number.
const MAX_BETWEEN: usize = 3;
/// Most digits of a mark's number; of one without brackets fewer, as codes look like that.
const MAX_DIGITS: usize = 5;
const MAX_BARE_DIGITS: usize = 3;
/// Openings of a mark that also occur in other text: such a mark must be of a known kind.
const DOUBLE: [&str; 6] = ["[[", "{{", "<<", "\\[\\[", "\\{\\{", "&lt;&lt;"];
/// Openings that only begin a mark.
const OPENS: [&str; 26] = [
    "⟦", "〚", "【", "⟪", "《", "『", "「", "〖", "〔", "［", "[[", "{{", "<<", "\\[\\[", "\\{\\{", "&#10214;", "&#x27e6;", "&#x27E6;",
    "&lobrk;", "&lt;&lt;", "\\u27e6", "\\u27E6", "\u{2e22}", "⸨", "⦋", "⌈",
];
/// All openings of a mark.
const MAY_OPEN: [&str; 9] = ["[", "{", "<", "\\[", "\\{", "\\<", "&lt;", "|", "｛"];
const CLOSES: [&str; 26] = [
    "⟧", "〛", "】", "⟫", "》", "』", "」", "〗", "〕", "］", "]]", "}}", ">>", "\\]\\]", "\\}\\}", "&#10215;", "&#x27e7;", "&#x27E7;",
    "&robrk;", "&gt;&gt;", "\\u27e7", "\\u27E7", "\u{2e23}", "⸩", "⦌", "⌉",
];
const MAY_CLOSE: [&str; 9] = ["]", "}", ">", "\\]", "\\}", "\\>", "&gt;", "|", "｝"];
const KINDS: [&str; 15] = [
    "PLACEHOLDER",
    "SNIPPET",
    "LINK",
    "EMAIL",
    "PHONE",
    "CARD",
    "IBAN",
    "ID",
    "AMOUNT",
    "CODE",
    "FILE",
    "HANDLE",
    "NAME",
    "ADDRESS",
    "TERM",
];

/// The value of a mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Marked {
    /// What kind of fact it stands for, by which the mark is named.
    pub kind: FactKind,
    /// The text that restores it.
    pub value: String,
    /// Its normalized form, for comparison.
    key: String,
}

/// The marks of one call.
#[derive(Debug, Clone, Default)]
pub struct Marks {
    marked: Vec<Marked>,
    withheld: BTreeSet<usize>,
    /// Whether any number counts as one of them.
    any: bool,
}

/// A mark in a model's text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMark {
    pub range: Range<usize>,
    /// The index of the mark, from 0; `None` if the model invented it.
    pub which: Option<usize>,
}

impl Marks {
    /// Creates marks that recognize every possible mark of any call.
    pub(crate) fn any() -> Marks {
        Marks { any: true, ..Marks::default() }
    }

    /// Returns the mark of a fact as written: the same letters have the same mark.
    pub fn mark(&mut self, kind: FactKind, written: &str, becomes: Option<&str>) -> usize {
        self.find_or_add(kind, written.to_owned(), becomes.unwrap_or(written))
    }

    /// Returns the mark of a personal fact, in any notation: its first notation is restored.
    pub fn mark_person(&mut self, kind: FactKind, written: &str) -> usize {
        self.find_or_add(kind, person_key(written), written)
    }

    /// Returns whether a personal fact has a mark, in any notation.
    pub fn has_person(&self, kind: FactKind, written: &str) -> bool {
        let key = person_key(written);
        self.marked.iter().any(|marked| marked.kind == kind && marked.key == key)
    }

    /// Prevents a mark from being restored: its value is not for the reader of the text.
    pub fn withhold(&mut self, which: usize) {
        self.withheld.insert(which);
    }

    /// Returns whether a mark stays a mark in the reader's text.
    pub fn is_withheld(&self, which: usize) -> bool {
        self.withheld.contains(&which)
    }

    fn find_or_add(&mut self, kind: FactKind, key: String, value: &str) -> usize {
        self.marked.iter().position(|marked| marked.kind == kind && marked.key == key).unwrap_or_else(|| {
            self.marked.push(Marked { kind, value: value.to_owned(), key });
            self.marked.len() - 1
        })
    }

    /// Returns a mark as a model reads it.
    pub fn written(&self, which: usize) -> String {
        format!("⟦{}_{}⟧", self.marked[which].kind.word(), which + 1)
    }

    /// Returns the value of a mark. Panics if `which` is not an index of these marks.
    pub fn get(&self, which: usize) -> &Marked {
        &self.marked[which]
    }

    /// Returns the values of all marks; the first is that of the mark with number 1.
    pub fn all(&self) -> &[Marked] {
        &self.marked
    }

    /// Replaces facts by marks. Also returns the marks in the text, in order.
    pub fn replace(&mut self, text: &str, facts: &[Fact]) -> (String, Vec<usize>) {
        let mut order = Vec::with_capacity(facts.len());
        let marked = replaced(text, facts, |fact| {
            let which = self.mark(fact.kind, &text[fact.range.clone()], fact.becomes.as_deref());
            order.push(which);
            self.written(which)
        });
        (marked, order)
    }

    /// Returns the next mark from `from` on; `before` is the character before the text, `whole` says that no text follows. If something may
    /// still become a mark, returns where it begins.
    pub fn next(&self, before: Option<char>, text: &str, from: usize, whole: bool) -> Next {
        let mut before = text[..from].chars().next_back().or(before);
        for (place, letter) in text[from..].char_indices() {
            let at = from + place;
            let begins = !before.is_some_and(char::is_alphanumeric);
            before = Some(letter);
            let plain = letter.is_alphabetic() && begins;
            if !plain && letter.is_ascii() && !matches!(letter, '[' | '{' | '<' | '\\' | '&' | '|') || letter.is_whitespace() {
                continue;
            }
            if letter.is_alphabetic() && (!begins || !may_be_bare(&text[at..])) {
                continue;
            }
            match self.read(text, at, whole) {
                Read::Mark(mark) => return Next::Mark(mark),
                Read::Unsure => return Next::Unsure(at),
                Read::None => {}
            }
        }
        Next::None
    }

    fn read(&self, text: &str, start: usize, whole: bool) -> Read {
        let mut at = start;
        let unsure = |at: usize| if whole || at - start > MAX_MARK { Read::None } else { Read::Unsure };
        let word = text[at..].starts_with(char::is_alphabetic);
        let (opened, sure) = match if word { Fits::No } else { begins_with(&text[at..], &OPENS) } {
            Fits::Whole(length) => {
                at += length;
                (true, true)
            }
            fits => match if word { Fits::No } else { begins_with(&text[at..], &MAY_OPEN) } {
                Fits::Whole(length) => {
                    // `[` may be the start of `[[`.
                    if matches!(fits, Fits::Begins) && !whole {
                        return Read::Unsure;
                    }
                    at += length;
                    (true, false)
                }
                may => {
                    if (matches!(fits, Fits::Begins) || matches!(may, Fits::Begins)) && !whole {
                        return Read::Unsure;
                    }
                    (false, false)
                }
            },
        };
        if opened {
            at += spaces(&text[at..]);
        }
        let word_at = at;
        let mut kind = String::new();
        for letter in text[at..].chars().map(narrow).take_while(|letter| letter.is_alphabetic()) {
            kind.push(letter);
        }
        at += text[at..].chars().take_while(|letter| narrow(*letter).is_alphabetic()).map(char::len_utf8).sum::<usize>();
        let folded = fold(&kind).to_uppercase();
        let known = KINDS.contains(&folded.as_str());
        let open = at == text.len();
        if open && (sure || KINDS.iter().any(|kind| kind.starts_with(&folded))) && (opened || !folded.is_empty()) {
            return if sure && whole { self.invented(start, at) } else { unsure(at) };
        }
        let double = DOUBLE.contains(&&text[start..start + opening(&text[start..])]);
        if (!known && (!sure || double)) || kind.len() > MAX_MARK {
            return Read::None;
        }
        let exact = text[start..].starts_with('⟦');
        // A quotation's line begins with this and a space.
        if text[start..].starts_with('|') && text[start + 1..].starts_with(char::is_whitespace) {
            return Read::None;
        }
        let between = at;
        let mut joined = false;
        let mut spaced = false;
        for letter in text[at..].chars().take(MAX_BETWEEN) {
            match narrow(letter) {
                '_' => joined = true,
                '-' | '\\' | '.' | '#' | '–' => {}
                // The prompt's separator between a field and its value is not part of a mark.
                ':' if exact => {}
                letter if letter.is_whitespace() && letter != '\n' => spaced = true,
                _ => break,
            }
            at += letter.len_utf8();
        }
        let digits: String = text[at..].chars().map(narrow_digit).take_while(|letter| letter.is_ascii_digit()).take(MAX_DIGITS).collect();
        at += text[at..].chars().take(digits.len()).map(char::len_utf8).sum::<usize>();
        if at == text.len() && !whole {
            return unsure(at);
        }
        if digits.is_empty() {
            // The only mark of its kind needs no number.
            if exact {
                return self.without_number(text, start, between, &folded, whole);
            }
            return Read::None;
        }
        let goes_on = text[at..].chars().next().is_some_and(|next| narrow_digit(next).is_ascii_digit());
        if !sure && (goes_on || (!opened && digits.len() > MAX_BARE_DIGITS)) {
            return Read::None;
        }
        // `【1】` and `《第1》` are a citation and a title: what is no kind of ours makes a mark only where a number is joined to it.
        if !known && !exact && (folded.is_empty() || !joined) {
            return Read::None;
        }
        let upper = text[word_at..between].chars().all(char::is_uppercase);
        if !sure && !joined && !(upper && (opened || !spaced)) {
            return Read::None;
        }
        if text[at..].starts_with(char::is_alphabetic) && !sure && !joined {
            return Read::None;
        }
        let number = digits.parse::<usize>().ok().and_then(|number| number.checked_sub(1)).filter(|which| *which < self.marked.len());
        let which = number.filter(|which| folded == self.marked[*which].kind.word() || !(known || folded.is_empty()));
        let which = if self.any { Some(0) } else { which };
        if which.is_none() && !sure && !(joined && upper) {
            return Read::None;
        }
        match if opened { closing(&text[at..], sure, whole) } else { Some(0) } {
            Some(length) => Read::Mark(FoundMark { range: start..at + length, which }),
            None => unsure(at),
        }
    }

    /// A mark whose number the model omitted, or text that only looks like one.
    fn without_number(&self, text: &str, start: usize, at: usize, kind: &str, whole: bool) -> Read {
        let Some(length) = closing(&text[at..], true, whole) else {
            return if at - start > MAX_MARK { Read::None } else { Read::Unsure };
        };
        let brackets = text[start..].starts_with('⟦');
        let mut those = self.marked.iter().enumerate().filter(|(_, marked)| marked.kind.word() == kind);
        match (those.next(), those.next()) {
            (Some((which, _)), None) if length > 0 => Read::Mark(FoundMark { range: start..at + length, which: Some(which) }),
            // No text of ours has these brackets otherwise.
            _ if brackets => {
                let rest = &text[at..];
                let end = rest.find('⟧').filter(|end| *end <= MAX_MARK).map(|end| at + end + '⟧'.len_utf8());
                match end {
                    Some(end) => self.invented(start, end),
                    None if rest.len() <= MAX_MARK && !whole => Read::Unsure,
                    None => self.invented(start, start + '⟦'.len_utf8()),
                }
            }
            _ => Read::None,
        }
    }

    fn invented(&self, start: usize, end: usize) -> Read {
        Read::Mark(FoundMark { range: start..end, which: None })
    }
}

/// Returns whether a word may be a mark without brackets: it is followed by something that joins a number to it, or by nothing yet.
fn may_be_bare(text: &str) -> bool {
    let end = text.find(|letter: char| !narrow(letter).is_alphabetic()).unwrap_or(text.len());
    match text[end..].chars().next().map(narrow) {
        None => true,
        Some(next) => matches!(next, '_' | '-' | '\\' | '.' | ':' | '#' | '–') || narrow_digit(next).is_ascii_digit(),
    }
}

/// What comes next in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The next mark, whether the service made it or the model did.
    Mark(FoundMark),
    /// From here on, more text is needed to decide.
    Unsure(usize),
    /// No mark follows.
    None,
}

enum Read {
    Mark(FoundMark),
    Unsure,
    None,
}

/// Returns the normalized form of a personal fact.
fn person_key(written: &str) -> String {
    fold(written).chars().filter(|letter| letter.is_alphanumeric()).collect()
}

/// Replaces each of a text's facts.
pub fn replaced(text: &str, facts: &[Fact], mut by: impl FnMut(&Fact) -> String) -> String {
    let mut replaced = String::with_capacity(text.len() + facts.len() * 8);
    let mut from = 0;
    for fact in facts {
        replaced.push_str(&text[from..fact.range.start]);
        replaced.push_str(&by(fact));
        from = fact.range.end;
    }
    replaced.push_str(&text[from..]);
    replaced
}

enum Fits {
    Whole(usize),
    /// The text is a prefix of one.
    Begins,
    No,
}

fn begins_with(text: &str, those: &[&str]) -> Fits {
    let longest = those.iter().filter(|one| text.starts_with(**one)).map(|one| one.len()).max();
    if let Some(length) = longest {
        return Fits::Whole(length);
    }
    if those.iter().any(|one| one.starts_with(text)) { Fits::Begins } else { Fits::No }
}

/// Returns the length of a mark's closing, 0 if it is missing; `None` if more text is needed.
fn closing(text: &str, sure: bool, whole: bool) -> Option<usize> {
    let spaces = spaces(text);
    let rest = &text[spaces..];
    let closes = if sure { begins_with(rest, &CLOSES) } else { Fits::No };
    let length = match closes {
        Fits::Whole(length) => spaces + length,
        Fits::Begins if !whole => return None,
        _ => match begins_with(rest, &MAY_CLOSE) {
            Fits::Whole(length) => spaces + length,
            Fits::Begins if !whole => return None,
            _ => 0,
        },
    };
    Some(length)
}

/// Returns the length of a mark's opening, 0 if there is none.
pub(crate) fn opening(text: &str) -> usize {
    let longest = |those: &[&str]| those.iter().filter(|one| text.starts_with(**one)).map(|one| one.len()).max();
    longest(&OPENS).or_else(|| longest(&MAY_OPEN)).unwrap_or(0)
}

fn spaces(text: &str) -> usize {
    text.chars().take(2).take_while(|letter| letter.is_whitespace() && *letter != '\n').map(char::len_utf8).sum()
}

/// Converts a full-width character to a narrow one.
pub(crate) fn narrow(letter: char) -> char {
    match letter {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(letter as u32 - 0xfee0).unwrap_or(letter),
        _ => letter,
    }
}

pub(crate) fn narrow_digit(letter: char) -> char {
    match letter {
        '\u{660}'..='\u{669}' => char::from_digit(letter as u32 - 0x660, 10).unwrap_or(letter),
        '\u{966}'..='\u{96f}' => char::from_digit(letter as u32 - 0x966, 10).unwrap_or(letter),
        _ => narrow(letter),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Marks {
        let mut marks = Marks::default();
        marks.mark(FactKind::Code, "KE-1", None);
        marks.mark(FactKind::Link, "https://a.b", None);
        marks.mark(FactKind::Code, "KE-2", None);
        marks
    }

    #[test]
    fn a_damaged_mark_is_known_again() {
        let marks = marks();
        for (text, which) in [
            ("⟦CODE_1⟧", 0),
            ("⟦code_1⟧", 0),
            ("⟦ CODE_1 ⟧", 0),
            ("⟦CODE 1⟧", 0),
            ("⟦CODE-1⟧", 0),
            ("⟦CODE1⟧", 0),
            ("[CODE_1]", 0),
            ("[[CODE_3]]", 2),
            ("{{CODE_1}}", 0),
            ("<LINK_2>", 1),
            ("【CODE_1】", 0),
            ("⟦ＣＯＤＥ＿１⟧", 0),
            ("⟦CODE\\_1⟧", 0),
            ("\\[CODE\\_1\\]", 0),
            ("&#10214;CODE_1&#10215;", 0),
            ("\\u27e6CODE_1\\u27e7", 0),
            ("CODE_1", 0),
            ("⟦CODE_1", 0),
            ("⟦LİNK_2⟧", 1),
            ("⟦lınk_2⟧", 1),
            ("⟦KOD_3⟧", 2),
            ("⟦LINK⟧", 1),
        ] {
            let found = marks.next(None, &format!("a {text} b"), 0, true);
            let Next::Mark(mark) = found else { panic!("{text}: {found:?}") };
            assert_eq!((mark.which, mark.range.start, mark.range.end), (Some(which), 2, 2 + text.len()), "{text}");
        }
    }

    #[test]
    fn an_invented_mark_is_reported_and_text_is_text() {
        let marks = marks();
        for text in ["⟦CODE_9⟧", "⟦LINK_1⟧", "[CODE_9]", "⟦CODE⟧", "⟦…⟧", "⟦"] {
            assert!(matches!(marks.next(None, text, 0, true), Next::Mark(FoundMark { which: None, .. })), "{text}");
        }
        for text in ["use code 1 now", "(code 1)", "name", "[link](x)", "file-1", "a [b] {c} <d>", "CODE 1", "the id_card", "encode_1"] {
            assert_eq!(marks.next(None, text, 0, true), Next::None, "{text}");
        }
    }

    #[test]
    fn what_may_become_a_mark_is_waited_for_and_text_is_not() {
        let marks = marks();
        for (text, at) in
            [("so ⟦", 3), ("so ⟦CO", 3), ("so ⟦CODE_1", 3), ("so [", 3), ("so [[CODE", 3), ("so co", 3), ("so CODE_", 3), ("x &#102", 2)]
        {
            assert_eq!(marks.next(None, text, 0, false), Next::Unsure(at), "{text}");
        }
        for text in ["hello", "the co-op ", "hello [world", "x & y", "a {b"] {
            assert_eq!(marks.next(None, text, 0, false), Next::None, "{text}");
        }
    }

    #[test]
    fn the_same_letters_have_the_same_mark_and_a_person_the_same_however_written() {
        let mut marks = Marks::default();
        assert_eq!(marks.mark(FactKind::Code, "A1", None), marks.mark(FactKind::Code, "A1", None));
        assert_ne!(marks.mark(FactKind::Code, "a1", None), marks.mark(FactKind::Code, "A1", None));
        assert_eq!(marks.mark_person(FactKind::Phone, "0532 123"), marks.mark_person(FactKind::Phone, "0532-123"));
        assert_eq!(marks.written(0), "⟦CODE_1⟧");
    }
}
