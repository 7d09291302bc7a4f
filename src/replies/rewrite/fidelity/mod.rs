//! Fidelity of rewrites: facts are sent to the model as marks, restored in its answer, and counted at the end.

#[cfg(test)]
pub mod mangled_tests;

use std::{ops::Range, sync::Arc};

use crate::{
    facts::{Difference, Fact, FactKind, Known, Marks, difference, facts, forged_marks, replaced},
    replies::{
        rewrite::{
            compare::meaning_warnings,
            meaning::{Purpose, Version},
        },
        stream::{
            filter::{FilteredText, OutputFilter, RESTORED},
            result::{Warning, WarningKind},
        },
    },
    text::{Language, visible},
};

/// A text whose facts are protected.
pub struct Protected {
    pub text: String,
    /// The text as the model gets it.
    pub marked: String,
    marks: Arc<Marks>,
    /// The marks in it, in order.
    order: Vec<usize>,
    /// The text with [`RESTORED`] in place of each fact.
    bare: String,
    /// Its language and the target language; empty if unknown.
    source: String,
    target: String,
    /// Whether facts may change their order, as they do in another language.
    may_move: bool,
}

/// What a rewrite did to the facts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loss {
    /// Marks that occur less often than before, and more often.
    missing: Vec<usize>,
    repeated: Vec<usize>,
    /// Marks that the model invented.
    invented: usize,
    /// A mark that changed its order among those of its kind.
    moved: Option<usize>,
    figures: Difference,
    /// Links and addresses that were added.
    new: Vec<String>,
}

impl Protected {
    pub fn of(text: String, known: &Known, source: Option<&Language>, target: Option<&Language>) -> Protected {
        // Invisible characters are removed, as they are from the model's answer.
        let seen = visible(&text);
        let found = with_forged(facts(&seen, known, |_| true), &seen);
        let mut marks = Marks::default();
        let (marked, order) = marks.replace(&seen, &found);
        let bare = replaced(&seen, &found, |_| RESTORED.to_string());
        let primary = |language: Option<&Language>| language.map_or_else(String::new, |language| language.primary().to_owned());
        let (source, target) = (primary(source), primary(target));
        let may_move = source != target;
        Protected { text, marked, marks: Arc::new(marks), order, bare, source, target, may_move }
    }

    /// Returns the filter that restores the facts in the model's text.
    pub fn output_filter(&self) -> OutputFilter {
        OutputFilter::new(0, Arc::clone(&self.marks), &self.target)
    }

    /// Returns the kinds of the personal facts that were masked.
    pub fn masked(&self) -> Vec<FactKind> {
        self.marks.all().iter().map(|marked| marked.kind).filter(|kind| kind.is_personal()).collect()
    }

    /// Compares the facts of the model's text with the original's.
    pub fn loss(&self, filtered: &FilteredText) -> Loss {
        let count = |order: &[usize], which: usize| order.iter().filter(|one| **one == which).count();
        let changed = |fewer: bool| {
            let differs = |which: &usize| {
                let (before, after) = (count(&self.order, *which), count(&filtered.restored, *which));
                if fewer { after < before } else { after > before }
            };
            (0..self.marks.all().len()).filter(differs).collect::<Vec<usize>>()
        };
        let (missing, repeated) = (changed(true), changed(false));
        let moved = if missing.is_empty() && repeated.is_empty() { self.moved(&filtered.restored) } else { None };
        let is_address = |kind: FactKind| matches!(kind, FactKind::Link | FactKind::Email | FactKind::Handle);
        let mut new: Vec<String> =
            facts(&filtered.bare, &Known::default(), is_address).into_iter().map(|fact| filtered.bare[fact.range].to_owned()).collect();
        if lengthened(&filtered.bare) > lengthened(&self.bare) {
            new.push(String::new());
        }
        let figures = difference((&self.bare, &self.source), (&filtered.bare, &self.target));
        Loss { missing, repeated, invented: filtered.invented.len(), moved, figures, new }
    }

    /// What the model's text says differently, its facts apart.
    pub fn meaning_warnings(&self, filtered: &FilteredText, purpose: Purpose) -> Vec<Warning> {
        let before = Version { text: &self.bare, language: &self.source };
        meaning_warnings(before, Version { text: &filtered.bare, language: &self.target }, purpose)
    }

    /// Describes a changed meaning for the model, for a second attempt; `None` if nothing seems to have changed.
    pub fn changed_meaning(&self, filtered: &FilteredText, purpose: Purpose) -> Option<String> {
        let warnings = self.meaning_warnings(filtered, purpose);
        let changed = warnings
            .iter()
            .filter(|warning| warning.kind == WarningKind::FactChanged)
            .map(|warning| warning.message.as_str())
            .collect::<Vec<&str>>()
            .join("; ");
        (!changed.is_empty()).then(|| format!("Your last answer seems to say something else than the text ({changed}). Keep its meaning."))
    }

    /// Returns the first mark that changed its order among those of its kind.
    fn moved(&self, restored: &[usize]) -> Option<usize> {
        let kinds: Vec<&str> = self.order.iter().map(|which| self.marks.get(*which).kind.word()).collect();
        kinds.iter().enumerate().filter(|(at, kind)| kinds.iter().position(|other| other == *kind) == Some(*at)).find_map(|(_, kind)| {
            let of_kind =
                |order: &[usize]| order.iter().copied().filter(|which| self.marks.get(*which).kind.word() == *kind).collect::<Vec<usize>>();
            of_kind(&self.order).into_iter().zip(of_kind(restored)).find(|(before, after)| before != after).map(|(_, after)| after)
        })
    }

    /// Returns whether a text with such a loss must not be shown.
    pub fn refuses(&self, loss: &Loss) -> bool {
        let Loss { missing, repeated, invented, moved, figures, new } = loss;
        let kept = missing.is_empty() && repeated.is_empty() && *invented == 0 && *figures == Difference::default() && new.is_empty();
        !kept || (moved.is_some() && !self.may_move)
    }

    /// Describes the loss for the model, for a second attempt.
    pub fn correction(&self, loss: &Loss) -> String {
        let written = |those: &[usize]| those.iter().map(|which| self.marks.written(*which)).collect::<Vec<String>>().join(", ");
        let mut sentences = Vec::new();
        let mut add = |what: &str, those: String| {
            if !those.is_empty() {
                sentences.push(format!("{what}: {those}."));
            }
        };
        add("These marks were missing or written otherwise", written(&loss.missing));
        add("These marks were there too often", written(&loss.repeated));
        add("This mark was not in its place", loss.moved.map(|which| written(&[which])).unwrap_or_default());
        add("These numbers or dates were missing or written otherwise", loss.figures.lost.join(", "));
        add("These numbers or dates are not in the text", loss.figures.added.join(", "));
        add("These are not in the text", loss.new.join(", "));
        if loss.invented > 0 {
            sentences.push("There were marks that are not in the text.".to_owned());
        }
        format!(
            "Your last answer changed facts. {} Copy every mark, number and date exactly as it stands, each as often as in the text, and add none.",
            sentences.join(" ")
        )
    }

    /// Returns the agent's warning of a loss.
    pub fn warning(&self, loss: &Loss) -> Option<Warning> {
        let value = |which: &usize| self.marks.get(*which).value.clone();
        let changed = loss.missing.first().or(loss.repeated.first()).map(value).or_else(|| loss.figures.lost.first().cloned());
        let added = loss.figures.added.first().or(loss.new.first()).cloned();
        let (excerpt, message) = match (changed, added, &loss.moved) {
            (Some(changed), ..) => (changed, "the rewrite lost or changed this; the text is the original"),
            (None, Some(added), _) => (
                String::new(),
                if added.is_empty() {
                    "the rewrite lengthened a fact; the text is the original"
                } else {
                    "the rewrite added a number, date or link; the text is the original"
                },
            ),
            _ if loss.invented > 0 => (String::new(), "the rewrite invented a fact; the text is the original"),
            (None, None, Some(which)) if self.may_move => (value(which), "this is in another place than in the original"),
            (None, None, Some(which)) => (value(which), "the rewrite put this in another place; the text is the original"),
            (None, None, None) => return None,
        };
        Some(Warning { kind: WarningKind::FactChanged, excerpt, message: message.to_owned() })
    }
}

/// Adds text that looks like a mark to the facts, so that it comes back as it was written.
fn with_forged(mut found: Vec<Fact>, text: &str) -> Vec<Fact> {
    let apart = |range: &Range<usize>| !found.iter().any(|fact| fact.range.start < range.end && range.start < fact.range.end);
    let forged: Vec<Fact> =
        forged_marks(text).into_iter().filter(apart).map(|range| Fact { kind: FactKind::Code, range, becomes: None }).collect();
    found.extend(forged);
    found.sort_by_key(|fact| fact.range.start);
    found
}

/// Counts the facts with a digit or a capital letter right beside them, which makes them other facts.
fn lengthened(bare: &str) -> usize {
    let letters: Vec<char> = bare.chars().collect();
    let is_beside =
        |pair: &&[char]| matches!(pair, [RESTORED, letter] | [letter, RESTORED] if letter.is_numeric() || letter.is_uppercase());
    letters.windows(2).filter(is_beside).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Order KE-1 and KE-2 cost 49,90 €, paid on 3 December. See https://shop.com/a or mail a@shop.com, 14 days.";

    fn rewritten(model: impl Fn(&str) -> String, target: &str) -> (String, bool) {
        let (source, target) = (Language::parse("en").unwrap(), Language::parse(target).unwrap());
        let protected = Protected::of(TEXT.to_owned(), &Known::default(), Some(&source), Some(&target));
        let mut filter = protected.output_filter();
        filter.push(&model(&protected.marked));
        filter.finish();
        let loss = protected.loss(filter.output());
        assert_eq!(protected.warning(&loss).is_some(), loss != Loss::default());
        (filter.output().text.clone(), protected.refuses(&loss))
    }

    #[test]
    fn a_faithful_rewrite_has_every_fact() {
        assert_eq!(rewritten(str::to_owned, "en"), (TEXT.to_owned(), false));
        assert!(!rewritten(|marked| format!("Hi! {}", marked.to_lowercase()), "en").1);
        assert!(!rewritten(|marked| marked.replace("14 days", "fourteen days"), "en").1);
    }

    #[test]
    fn a_changed_fact_is_refused() {
        let swap = |marked: &str| marked.replace("CODE_1", "x").replace("CODE_2", "CODE_1").replace('x', "CODE_2");
        for (what, mangled) in [
            ("dropped", rewritten(|marked| marked.replacen("⟦CODE_1⟧", "", 1), "en")),
            ("doubled", rewritten(|marked| marked.replacen("⟦CODE_1⟧", "⟦CODE_1⟧ ⟦CODE_1⟧", 1), "en")),
            ("swapped", rewritten(swap, "en")),
            ("renamed", rewritten(|marked| marked.replace("CODE_1", "LINK_1"), "en")),
            ("invented", rewritten(|marked| format!("{marked} ⟦CODE_9⟧"), "en")),
            ("date", rewritten(|marked| marked.replace("3 December", "4 December"), "en")),
            ("number", rewritten(|marked| marked.replace("14 days", "15 days"), "en")),
            ("link", rewritten(|marked| format!("{marked} evil.com"), "en")),
            ("digits", rewritten(|marked| marked.replace("⟦AMOUNT_3⟧", "49.90 €"), "en")),
        ] {
            assert!(mangled.1, "{what}: {}", mangled.0);
        }
        assert!(!rewritten(swap, "de").1, "a translation may move facts");
    }
}
