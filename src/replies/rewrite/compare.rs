//! Compares a text with what was made of it, where no marks tell the facts apart: a reply that an agent changed, or wrote anew.

use crate::{
    facts::{Difference, FactKind, Known, currency, difference, facts, figures, named_currency, replaced},
    replies::{
        masking::known_facts::add_greeted,
        rewrite::{
            edits::over_edited,
            meaning::{Purpose, Version, changed_words, changes},
        },
        stream::{
            filter::RESTORED,
            result::{Warning, WarningKind},
        },
    },
    text::{fold, sentences},
};

/// A rewrite of more than so many times its text's bytes, and so many more, is not compared.
const MAX_LONGER: usize = 6;
const MAX_LONGER_BYTES: usize = 2000;

/// A text and what was made of it, to be compared.
pub struct RewriteCheck<'a> {
    /// The text.
    pub text: &'a str,
    /// The primary subtag of its language; empty if unknown.
    pub language: &'a str,
    /// What was made of it.
    pub rewrite: &'a str,
    /// The primary subtag of the rewrite's language.
    pub target: &'a str,
    /// What it was rewritten for.
    pub purpose: Purpose,
}

impl RewriteCheck<'_> {
    /// What the rewrite changed.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut known = Known::default();
        add_greeted(&mut known, self.text);
        let before = Version { text: self.text, language: self.language };
        compared(before, Version { text: self.rewrite, language: self.target }, &known, self.purpose)
    }
}

/// A fact as two writings of it are compared.
#[derive(Debug, Clone)]
struct Compared {
    kind: FactKind,
    written: String,
    /// Letters and digits alone, without accents.
    letters: String,
}

/// What a rewrite changed: facts, figures, meaning, and, in a correction, words that were right.
pub fn compared(before: Version<'_>, after: Version<'_>, known: &Known, purpose: Purpose) -> Vec<Warning> {
    let changed = |excerpt: &str, message: String| Warning { kind: WarningKind::FactChanged, excerpt: excerpt.to_owned(), message };
    let mut warnings = Vec::new();
    let (one, mut bare) = facts_of(before.text, known);
    let (other, mut other_bare) = facts_of(after.text, known);
    let (mut lost, mut added) = (lacking(&one, &other), lacking(&other, &one));
    // An amount may be an amount by its currency's name in one text, and by its sign in the other.
    lost.retain(|fact| !fact.is_said_in(&mut other_bare));
    added.retain(|fact| !fact.is_said_in(&mut bare));
    // A concise tone drops the greeting, and its name with it.
    let greeting = sentences(before.text).next().unwrap_or_default();
    let greeted = |fact: &&Compared| {
        let is_name = matches!(fact.kind, FactKind::Name | FactKind::Person);
        is_name && greeting.contains(fact.written.as_str()) && before.text.matches(fact.written.as_str()).count() == 1
    };
    if purpose == Purpose::Tone {
        lost.retain(|fact| !greeted(fact));
    }
    if let Some(lost) = lost.first() {
        let excerpt = added.iter().find(|added| added.kind == lost.kind).map_or("", |added| added.written.as_str());
        warnings.push(changed(excerpt, format!("the text has “{}” here", lost.written)));
    } else if let Some(added) = added.first() {
        warnings.push(changed(&added.written, "the text doesn't have this".to_owned()));
    } else if purpose == Purpose::Correction && !same_order(&one, &other) {
        warnings.push(changed("", "facts changed their places".to_owned()));
    }
    let Difference { lost, added } = difference((&bare, before.language), (&other_bare, after.language));
    if let Some(lost) = lost.first() {
        warnings.push(changed(added.first().map_or("", String::as_str), format!("the text has “{lost}”")));
    } else if let Some(added) = added.first() {
        warnings.push(changed(added, "the text doesn't have this number, date or time".to_owned()));
    }
    let (before, after) = (Version { text: &bare, ..before }, Version { text: &other_bare, ..after });
    warnings.extend(meaning_warnings(before, after, purpose));
    warnings
}

/// What a rewrite says differently, its facts apart.
pub fn meaning_warnings(before: Version<'_>, after: Version<'_>, purpose: Purpose) -> Vec<Warning> {
    // What is so much longer is marked for that, and compared no further.
    if after.text.len() > MAX_LONGER * before.text.len() + MAX_LONGER_BYTES {
        return Vec::new();
    }
    let excerpt = |excerpt: String| if excerpt.contains(RESTORED) { String::new() } else { excerpt };
    let mut warnings: Vec<Warning> = changes(before, after, purpose)
        .into_iter()
        .map(|change| Warning {
            kind: WarningKind::FactChanged,
            excerpt: excerpt(change.excerpt),
            message: change.message.replace(RESTORED, "…"),
        })
        .collect();
    if purpose == Purpose::Correction {
        for (old, new) in changed_words(before.text, after.text) {
            let message = if old.is_empty() { "the text doesn't have this".to_owned() } else { format!("the text has “{old}” here") };
            warnings.push(Warning { kind: WarningKind::OverEdited, excerpt: excerpt(new), message: message.replace(RESTORED, "…") });
        }
        if warnings.is_empty() && over_edited(before.text, after.text).is_some() {
            let message = "the correction changed more than errors".to_owned();
            warnings.push(Warning { kind: WarningKind::OverEdited, excerpt: String::new(), message });
        }
    }
    warnings
}

/// The facts of a text, and the text without them.
fn facts_of(text: &str, known: &Known) -> (Vec<Compared>, String) {
    let found = facts(text, known, |_| true);
    let compared = |written: &str, kind: FactKind| Compared {
        kind,
        written: written.to_owned(),
        letters: fold(written).chars().filter(|letter| letter.is_alphanumeric()).collect(),
    };
    let all = found.iter().map(|fact| compared(fact.becomes.as_deref().unwrap_or(&text[fact.range.clone()]), fact.kind)).collect();
    (all, replaced(text, &found, |_| RESTORED.to_string()))
}

/// The first facts that are not among others.
fn lacking<'a>(facts: &'a [Compared], others: &[Compared]) -> Vec<&'a Compared> {
    let mut left: Vec<&Compared> = others.iter().collect();
    let mut missing = Vec::new();
    for fact in facts {
        match left.iter().position(|other| fact.is(other)) {
            Some(at) => {
                left.remove(at);
            }
            // A name or a code may be said once more, or once less.
            None if others.iter().any(|other| fact.is(other)) => {}
            None => missing.push(fact),
        }
    }
    missing
}

impl Compared {
    /// Whether an amount's number stands in a text without its facts, whose currency is the same or not named; it is taken out of it.
    fn is_said_in(&self, bare: &mut String) -> bool {
        if matches!(self.kind, FactKind::Name | FactKind::Person) {
            // `Peti` is `Péter` where the tone is another.
            let begins: String = self.letters.chars().take(3).collect();
            let alike = |word: &&str| begins.chars().count() == 3 && fold(word).starts_with(&begins);
            let place = bare.split(|letter: char| !letter.is_alphabetic()).find(alike).map(|word| {
                let at = word.as_ptr() as usize - bare.as_ptr() as usize;
                at..at + word.len()
            });
            if let Some(place) = place.clone() {
                bare.replace_range(place, &RESTORED.to_string());
            }
            return place.is_some();
        }
        // A long number is a code without spaces, and an amount with them.
        let number = self.kind == FactKind::Code && self.written.bytes().all(|byte| byte.is_ascii_digit());
        if self.kind != FactKind::Amount && !number {
            return false;
        }
        let own = figures(&self.written);
        let [own] = own.as_slice() else { return false };
        let found = figures(bare).into_iter().find_map(|figure| {
            let at = bare.find(&figure.written)?;
            let after = &bare[at + figure.written.len()..];
            let same_currency = currency(&self.written).zip(named_currency(after)).is_none_or(|(one, other)| one == other);
            (own.may_be(&figure) && same_currency).then(|| at..at + figure.written.len())
        });
        if let Some(place) = found.clone() {
            bare.replace_range(place, &RESTORED.to_string());
        }
        found.is_some()
    }

    fn is(&self, other: &Compared) -> bool {
        if self.kind == FactKind::Amount && other.kind == FactKind::Amount {
            let (one, another) = (figures(&self.written), figures(&other.written));
            let same = one.len() == another.len() && one.iter().zip(&another).all(|(one, other)| one.may_be(other));
            return same && currency(&self.written).zip(currency(&other.written)).is_none_or(|(one, other)| one == other);
        }
        let (short, long) =
            if self.letters.len() < other.letters.len() { (&self.letters, &other.letters) } else { (&other.letters, &self.letters) };
        let is_name = matches!(self.kind, FactKind::Name | FactKind::Person | FactKind::Term);
        // A name takes endings, titles and short forms.
        let begins = |one: &str, other: &str| one.chars().take(3).eq(other.chars().take(3));
        short == long || (is_name && (long.contains(short.as_str()) || begins(short, long)))
    }
}

fn same_order(one: &[Compared], other: &[Compared]) -> bool {
    one.len() != other.len() || one.iter().zip(other).all(|(one, other)| one.is(other))
}
