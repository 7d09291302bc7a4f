//! Values that stand after what they are called, in records and in lines such as `Name: Ann Lee`.

use std::ops::Range;

use crate::{
    facts::{Fact, FactKind},
    replies::masking::fields::{Held, held, is_label, is_like_a_name, personal_kind},
};

/// Longest label of a line in bytes, most words of it, and the longest value.
const MAX_LABEL: usize = 40;
const MAX_LABEL_WORDS: usize = 4;
const MAX_VALUE: usize = 160;

/// A value whose label says what it is.
pub struct Labelled {
    range: Range<usize>,
    /// `None`: it is nobody's.
    kind: Option<FactKind>,
}

impl Labelled {
    /// A value at a place of a text, if its field's name says anything of it.
    pub fn of(field: &str, range: Range<usize>, value: &str) -> Option<Labelled> {
        let held = held(field);
        match personal_kind(held, value) {
            Some(kind) => Some(Labelled { range, kind: Some(kind) }),
            None => (held == Held::Other).then_some(Labelled { range, kind: None }),
        }
    }
}

/// The values of a text's lines with labels.
pub fn of_lines(text: &str) -> Vec<Labelled> {
    let mut at = 0;
    let mut labelled = Vec::new();
    for line in text.split_inclusive('\n') {
        labelled.extend(of_line(line, at));
        at += line.len();
    }
    labelled
}

fn of_line(line: &str, at: usize) -> Option<Labelled> {
    let (label, rest) = line.split_once(':').filter(|(label, rest)| label.len() <= MAX_LABEL && rest.starts_with([' ', '\t']))?;
    let label = label.trim_start_matches(|letter: char| !letter.is_alphanumeric());
    let value = rest.trim();
    if label.split_whitespace().count() > MAX_LABEL_WORDS || value.is_empty() || value.len() > MAX_VALUE {
        return None;
    }
    let start = at + line.len() - rest.trim_start().len();
    let held = Some(held(label)).filter(|_| is_label(label))?;
    // Of a sentence, only what stands before its first comma or point.
    let first = value.split([',', ';', '/']).next().unwrap_or_default();
    let first = first.split(". ").next().unwrap_or_default().trim_end();
    let short =
        |kind: FactKind| matches!(kind, FactKind::NationalId | FactKind::Iban | FactKind::Card) && first.split_whitespace().count() <= 8;
    let capitals = |text: &str| text.split_whitespace().filter(|word| word.starts_with(char::is_uppercase)).count();
    let words = first.split_whitespace().count();
    let (kind, length) = match personal_kind(held, first).or_else(|| personal_kind(held, value))? {
        FactKind::Person if held == Held::Username => (FactKind::Person, first.len()),
        FactKind::Person => {
            let named = is_like_a_name(first) || held != Held::Name && words <= 3 && capitals(first) == words;
            (named.then_some(FactKind::Person)?, first.len())
        }
        // `customer: refund me 500 EUR` is no address: only what is labelled as one is.
        FactKind::Address if !matches!(held, Held::Personal(FactKind::Address)) => return None,
        FactKind::Address => {
            let numbered = value.contains(|letter: char| letter.is_ascii_digit()) && capitals(value) > 0;
            let place = value.split_whitespace().count() <= 4 && value.split_whitespace().all(|word| word.starts_with(char::is_uppercase));
            ((numbered || place).then_some(FactKind::Address)?, value.len())
        }
        kind if short(kind) && held != Held::Birth => (kind, first.len()),
        FactKind::NationalId if held == Held::Birth => (FactKind::NationalId, first.len()),
        _ => return None,
    };
    Some(Labelled { range: start..start + length, kind: Some(kind) })
}

/// Facts with what labels say: a labelled value is one fact, and one that is nobody's has none but addresses for e-mail and accounts, which
/// prove themselves.
pub fn overlaid(mut found: Vec<Fact>, text: &str, labelled: &[Labelled]) -> Vec<Fact> {
    if labelled.is_empty() {
        return found;
    }
    for Labelled { range, kind } in labelled {
        let proven = |fact: &Fact| kind.is_none() && matches!(fact.kind, FactKind::Email | FactKind::Iban);
        found.retain(|fact| fact.range.end <= range.start || range.end <= fact.range.start || proven(fact));
        if let Some(kind) = kind.filter(|_| text.is_char_boundary(range.end)) {
            found.push(Fact { kind, range: range.clone(), becomes: None });
        }
    }
    found.sort_by_key(|fact| fact.range.start);
    found
}
