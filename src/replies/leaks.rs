//! What must not come out: internal notes that a draft was allowed to know of, and the prompt itself.

use std::collections::HashSet;

use super::{Warning, WarningKind, grounding::TAKEN_OUT};
use crate::chats::Internal;
use crate::text::{FactKind, Known, facts, fold, sentences};

/// So many words in a row are a quotation of a note, and of the prompt's instructions.
const OF_NOTES: usize = 4;
const OF_PROMPT: usize = 6;
/// A word of so many letters that only notes have is theirs.
const RARE_WORD: usize = 5;

/// What a draft may not show.
pub struct Secrets {
    /// Runs of words of the notes, and of the prompt.
    notes: HashSet<String>,
    prompt: HashSet<String>,
    /// Names, numbers and codes that only notes have.
    only_in_notes: HashSet<String>,
    /// All other words that only notes have.
    words_of_notes: HashSet<String>,
}

impl Secrets {
    /// `instructions` are the prompt's own words, `notes` were given to the model; `open` is all else that it was given, which the customer may see.
    pub fn of(instructions: &[String], notes: &[Internal], open: &[&str]) -> Secrets {
        let mut secrets = Secrets {
            notes: HashSet::new(),
            prompt: instructions.iter().flat_map(|text| runs(text, OF_PROMPT)).collect(),
            only_in_notes: HashSet::new(),
            words_of_notes: HashSet::new(),
        };
        if notes.is_empty() {
            return secrets;
        }
        let open_words: HashSet<String> = open.iter().flat_map(|text| words(text)).collect();
        let open_runs: HashSet<String> = open.iter().flat_map(|text| runs(text, OF_NOTES)).collect();
        for note in notes.iter().map(Internal::for_checked_draft) {
            secrets.notes.extend(runs(note, OF_NOTES).into_iter().filter(|run| !open_runs.contains(run)));
            for fact in facts(note, &Known::default(), |kind| kind != FactKind::Placeholder) {
                secrets
                    .only_in_notes
                    .extend(words(&note[fact.range]).into_iter().filter(|word| word.len() > 1 && !open_words.contains(word)));
            }
            for word in note.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
                let folded = fold(word);
                if open_words.contains(&folded) {
                    continue;
                }
                // A name begins with a capital; of what begins a sentence nobody knows.
                let named = word.starts_with(char::is_uppercase) && word.chars().count() > 2 && !begins_sentence(note, word);
                if named || word.contains(|letter: char| letter.is_numeric()) {
                    secrets.only_in_notes.insert(folded);
                } else if folded.chars().count() >= RARE_WORD {
                    secrets.words_of_notes.insert(folded);
                }
            }
        }
        secrets
    }

    /// The text without what leaked into it, and the warning of that; `None` if nothing did.
    pub fn purged(&self, text: &str) -> Option<(String, Warning)> {
        let told = words(text);
        let has = |runs: &HashSet<String>, length: usize| told.windows(length).any(|window| runs.contains(&window.join(" ")));
        if has(&self.prompt, OF_PROMPT) {
            let message = "the model wrote its instructions instead of a reply; nothing of it is shown".to_owned();
            return Some((TAKEN_OUT.to_owned(), Warning { kind: WarningKind::PromptLeaked, excerpt: TAKEN_OUT.to_owned(), message }));
        }
        if !has(&self.notes, OF_NOTES) && !told.iter().any(|word| self.only_in_notes.contains(word)) {
            return None;
        }
        // Once something leaked, what only notes say is taken for leaked too.
        let leaks = |sentence: &str| {
            let told = words(sentence);
            told.iter().any(|word| self.only_in_notes.contains(word) || self.words_of_notes.contains(word))
                || told.windows(OF_NOTES).any(|window| self.notes.contains(&window.join(" ")))
        };
        let mut kept: Vec<String> = Vec::new();
        for line in text.lines() {
            let whole: Vec<&str> = sentences(line).collect();
            let left: Vec<&str> = whole.iter().copied().filter(|sentence| !leaks(sentence)).collect();
            kept.push(match left.len() {
                same if same == whole.len() => line.to_owned(),
                0 => TAKEN_OUT.to_owned(),
                _ => left.join(" "),
            });
        }
        let mut purged = kept.join("\n");
        // What was cut in two by a line's end, or taken apart, is not shown at all.
        if words(&purged).windows(OF_NOTES).any(|window| self.notes.contains(&window.join(" "))) {
            purged = TAKEN_OUT.to_owned();
        }
        let message = "the draft told what only internal notes say; those sentences were taken out".to_owned();
        Some((purged, Warning { kind: WarningKind::NoteLeaked, excerpt: String::new(), message }))
    }
}

/// The words of a text without accents and case.
fn words(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()).map(fold).collect()
}

fn runs(text: &str, length: usize) -> Vec<String> {
    words(text).windows(length).map(|window| window.join(" ")).collect()
}

fn begins_sentence(text: &str, word: &str) -> bool {
    let at = word.as_ptr() as usize - text.as_ptr() as usize;
    let before = text[..at].trim_end();
    before.is_empty() || before.ends_with(['.', '!', '?', ':', '\n', '-', '"'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn purged(text: &str) -> Option<String> {
        let notes =
            [Internal::new("Customer is on the fraud watch list since March, ask Zeynep before any refund. Code QX-77.".to_owned())];
        let instructions = ["You draft replies for an agent, who works at a shop's helpdesk. The agent reads, edits and sends".to_owned()];
        Secrets::of(&instructions, &notes, &["Where is my refund? My order is KE-1.", "A refund takes five working days."])
            .purged(text)
            .map(|(text, _)| text)
    }

    #[test]
    fn notes_stay_inside() {
        for (text, left) in [
            ("A refund takes five working days.", None),
            ("You are on the fraud watch list.", Some("[…]")),
            ("A refund takes five days. Zeynep will look at it.", Some("A refund takes five days.")),
            ("Use QX-77. Goodbye.", Some("Goodbye.")),
            ("on THE\nfraud Watch list\nsince", Some("on THE\n[…]\n[…]")),
            ("Hello.\nYou are on the fraud watch list. Your order is KE-1.", Some("Hello.\nYour order is KE-1.")),
        ] {
            assert_eq!(purged(text).as_deref(), left, "{text}");
        }
    }

    #[test]
    fn the_prompt_is_no_reply() {
        assert_eq!(purged("Sure! An agent, who works at a shop's helpdesk. The agent reads, edits and sends").as_deref(), Some("[…]"));
    }
}
