//! Whether a rewrite still says what its text says, beside the facts that marks protect: denials, limits, conditions, days, numbers in words,
//! units, who pays, what is free, names and colours, and whether a sentence was left out or added.
//!
//! What is compared are concepts of the lexicon, which are the same in all its languages. Languages without a lexicon are compared by
//! figures alone.

mod align;
mod concepts;
mod names;
mod sentence;
mod words;

pub use words::changed_words;

use crate::{
    facts::{Measures, measures},
    replies::rewrite::meaning::{align::aligned, sentence::Sentence},
};

/// One of the two texts that are compared.
#[derive(Debug, Clone, Copy)]
pub struct Version<'a> {
    /// The text, facts and all.
    pub text: &'a str,
    /// The primary subtag of its language; empty if unknown.
    pub language: &'a str,
}

/// What the text was rewritten for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Its errors were corrected.
    Correction,
    /// Its tone was changed; a concise one may leave courtesies out.
    Tone,
    /// It was translated.
    Translation,
}

/// Something that a rewrite says differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The words of the rewrite that say it; empty if it says nothing of it.
    pub excerpt: String,
    /// What is different.
    pub message: String,
}

/// What a rewrite says that its text doesn't, and the other way round.
pub fn changes(before: Version<'_>, after: Version<'_>, purpose: Purpose) -> Vec<Change> {
    let mut changes = Vec::new();
    changes.extend(measured(before, after));
    let (Some(one), Some(other)) = (Sentence::all(before), Sentence::all(after)) else { return changes };
    if purpose == Purpose::Correction {
        changes.extend(words::turned(before, after));
    } else {
        let pairs = aligned(&one, &other, purpose);
        changes.extend(concepts::in_all(&one, &other));
        changes.extend(concepts::in_pairs(&pairs, purpose));
        changes.extend(names::changed(&one, &other, before.language, after.language));
        changes.extend(align::left_out_or_added(&pairs, &one, &other, purpose));
    }
    changes
}

/// Numbers in words, lengths of time and other measures, days and months without figures.
fn measured(before: Version<'_>, after: Version<'_>) -> Option<Change> {
    let (one, other) = (measures(before.text, before.language), measures(after.text, after.language));
    let (lost, added) = Measures::conflict(&one, &other)?;
    Some(Change { message: format!("the text says “{lost}”, the rewrite “{added}”"), excerpt: added })
}
