//! What must not come out: internal notes that a draft was allowed to know of, and the prompt itself.

use std::{collections::HashSet, sync::Arc};

use unicode_normalization::UnicodeNormalization;

use crate::{
    chats::Internal,
    facts::{FactKind, Known, facts},
    replies::{
        checks::TAKEN_OUT,
        prompts::FENCE,
        stream::result::{Warning, WarningKind},
    },
    text::{fold, is_invisible, sentences},
};

/// So many words in a row are a quotation of a note, and of the prompt's instructions.
const OF_NOTES: usize = 4;
const OF_PROMPT: usize = 6;
/// A word of so many letters that only notes have is theirs.
const RARE_WORD: usize = 5;
/// From so many letters that stand apart a word may be spelled out, and fewest of them that tell a secret.
const MIN_SPELLED: usize = 3;

/// The instructions of a workspace's prompts, as they are known again: read once.
#[derive(Clone, Default)]
pub struct Instructions {
    /// Runs of their words, without what stands between them.
    runs: Arc<HashSet<String>>,
    /// Lines above the prompt's data.
    headings: Arc<HashSet<String>>,
}

impl Instructions {
    /// Of the prompt's own words.
    pub fn of(texts: &[String]) -> Instructions {
        let headings = texts.iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| is_heading(line)).map(plain).collect();
        Instructions { runs: Arc::new(texts.iter().flat_map(|text| runs(text, OF_PROMPT)).collect()), headings: Arc::new(headings) }
    }
}

/// What a draft may not show.
pub struct LeakCheck {
    instructions: Instructions,
    /// More runs of words that are the prompt's, and those that are not, as the text that is rewritten has them; its lines, too.
    prompt: HashSet<String>,
    not_the_prompts: HashSet<String>,
    lines: HashSet<String>,
    /// Runs of words of the notes.
    notes: HashSet<String>,
    /// Names, numbers and codes that only notes have.
    only_in_notes: HashSet<String>,
    /// All other words that only notes have.
    words_of_notes: HashSet<String>,
    /// All of these, and whole codes, as they are known where they are spelled out.
    spelled: HashSet<String>,
}

impl LeakCheck {
    /// `notes` were given to the model; `open` is all else that it was given, which the customer may see.
    pub fn of(instructions: &Instructions, notes: &[Internal], open: &[&str]) -> LeakCheck {
        let mut secrets = LeakCheck {
            instructions: instructions.clone(),
            prompt: HashSet::new(),
            not_the_prompts: HashSet::new(),
            lines: HashSet::new(),
            notes: HashSet::new(),
            only_in_notes: HashSet::new(),
            words_of_notes: HashSet::new(),
            spelled: HashSet::new(),
        };
        if notes.is_empty() {
            return secrets;
        }
        let open_words: HashSet<String> = open.iter().flat_map(|text| words(text)).collect();
        let open_runs: HashSet<String> = open.iter().flat_map(|text| runs(text, OF_NOTES)).collect();
        for note in notes.iter().map(Internal::for_checked_draft) {
            secrets.notes.extend(runs(note, OF_NOTES).into_iter().filter(|run| !open_runs.contains(run)));
            for fact in facts(note, &Known::default(), |kind| kind != FactKind::Placeholder) {
                let fact_words = words(&note[fact.range]);
                if !fact_words.iter().all(|word| open_words.contains(word)) {
                    secrets.spelled.insert(fact_words.concat());
                }
                secrets.only_in_notes.extend(fact_words.into_iter().filter(|word| word.len() > 1 && !open_words.contains(word)));
            }
            for word in note.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
                let folded = plain(word);
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
        let single = secrets.only_in_notes.iter().chain(&secrets.words_of_notes).cloned();
        let spelled: Vec<String> = single.filter(|word| word.chars().count() >= MIN_SPELLED).collect();
        secrets.spelled.extend(spelled);
        secrets.spelled.retain(|word| word.chars().count() >= MIN_SPELLED);
        secrets
    }

    /// The text without what leaked into it, and the warning of that; `None` if nothing did.
    pub fn purged(&self, text: &str) -> Option<(String, Warning)> {
        let written = words(text);
        if self.quotes_prompt(&written) || text.contains(FENCE) || self.has_heading(text) {
            let message = "the model wrote its instructions instead of a reply; nothing of it is shown".to_owned();
            return Some((TAKEN_OUT.to_owned(), Warning { kind: WarningKind::PromptLeaked, excerpt: TAKEN_OUT.to_owned(), message }));
        }
        if !quotes(&written, &self.notes) && !self.spells(&written) && !written.iter().any(|word| self.only_in_notes.contains(word)) {
            return None;
        }
        // Once something leaked, what only notes say is taken for leaked too.
        let leaks = |sentence: &str| {
            let written = words(sentence);
            written.iter().any(|word| self.only_in_notes.contains(word) || self.words_of_notes.contains(word))
                || quotes(&written, &self.notes)
                || self.spells(&written)
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
        let left = words(&purged);
        if quotes(&left, &self.notes) || self.spells(&left) {
            purged = TAKEN_OUT.to_owned();
        }
        let message = "the draft said what only internal notes say; those sentences were taken out".to_owned();
        Some((purged, Warning { kind: WarningKind::NoteLeaked, excerpt: String::new(), message }))
    }
}

impl LeakCheck {
    /// What a rewrite may not show: the prompt's own words, and the shop's rules of writing, where its text doesn't have them itself.
    pub fn of_rewrite(instructions: &Instructions, voice: &str, text: &str) -> LeakCheck {
        let mut secrets = LeakCheck::of(instructions, &[], &[]);
        secrets.prompt.extend(runs(voice, OF_PROMPT));
        secrets.not_the_prompts.extend(runs(text, OF_PROMPT));
        secrets.lines.extend(text.lines().map(|line| plain(line.trim())));
        secrets
    }

    fn quotes_prompt(&self, written: &[String]) -> bool {
        let written = written.concat();
        let known = self.instructions.runs.iter().chain(&self.prompt);
        known.filter(|run| written.contains(run.as_str())).any(|run| !self.not_the_prompts.contains(run))
    }

    /// Adds what a second try was told of the first.
    pub fn add_correction(&mut self, correction: &str) {
        for run in runs(correction, OF_PROMPT) {
            self.not_the_prompts.remove(&run);
            self.prompt.insert(run);
        }
    }

    /// Whether a line above data of the prompt stands in a text, with data under it.
    fn has_heading(&self, text: &str) -> bool {
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let is_heading = |line: &str| {
            let line = plain(line);
            self.instructions.headings.contains(&line) && !self.lines.contains(&line)
        };
        lines.windows(2).any(|pair| is_heading(pair[0]) && pair[1].starts_with(['-', '[', '|']))
    }

    /// Whether letters that stand apart spell something that only notes say.
    fn spells(&self, written: &[String]) -> bool {
        let apart = |word: &String| word.chars().nth(1).is_none();
        written
            .chunk_by(|one, other| apart(one) && apart(other))
            .filter(|run| run.len() >= MIN_SPELLED)
            .any(|run| self.spelled.iter().any(|word| run.concat().contains(word.as_str())))
    }
}

/// Whether a line of a template stands above data: it ends with a colon and is no sentence.
fn is_heading(line: &str) -> bool {
    line.ends_with(':') && line.contains(' ') && line.split(' ').count() <= 8 && line.starts_with(char::is_uppercase)
}

/// Whether words have one of these runs, whatever stands between them and between their letters.
fn quotes(written: &[String], runs: &HashSet<String>) -> bool {
    let written = written.concat();
    runs.iter().any(|run| written.contains(run.as_str()))
}

/// The words of a text in plain letters, without the marks by which sources are cited.
fn words(text: &str) -> Vec<String> {
    without_citations(&plain(text))
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A text without accents and case, and without the disguises that Unicode has for letters.
fn plain(text: &str) -> String {
    // Small raised figures cite; as plain ones they would be numbers.
    let raised = |letter: &char| matches!(letter, '¹' | '²' | '³' | '\u{2070}'..='\u{2079}');
    fold(&text.chars().filter(|letter| !is_invisible(*letter) && !raised(letter)).nfkc().collect::<String>())
}

/// A text without `[[1]]`, `[2]`, `[1, 3]`.
fn without_citations(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    for piece in text.split_inclusive(']') {
        let number = |letter: char| letter.is_ascii_digit() || matches!(letter, ',' | ' ' | '[' | ']');
        let cited = piece.rfind(|letter: char| !number(letter)).map_or(0, |at| at + piece[at..].chars().next().map_or(0, char::len_utf8));
        let mark = piece[cited..].find('[').map_or(piece.len(), |at| cited + at);
        bare.push_str(if piece[mark..].ends_with(']') { &piece[..mark] } else { piece });
        bare.push(' ');
    }
    bare
}

fn runs(text: &str, length: usize) -> Vec<String> {
    words(text).windows(length).map(<[String]>::concat).collect()
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
        LeakCheck::of(
            &Instructions::of(&instructions),
            &notes,
            &["Where is my refund? My order is KE-1.", "A refund takes five working days."],
        )
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
            ("You are on the ｆｒａｕｄ　ｗａｔｃｈ　ｌｉｓｔ.", Some("[…]")),
            ("Fine. O.n t.h.e f.r.a.u.d w.a.t.c.h l.i.s.t.", Some("Fine.")),
            ("o n t h e f r a u d w a t c h l i s t", Some("[…]")),
            ("on [[1]] the fraud [2] watch¹ list [1, 3]", Some("[…]")),
            ("on the fra\u{3164}ud wa\u{200b}tch list", Some("[…]")),
            ("𝐨𝐧 𝐭𝐡𝐞 𝐟𝐫𝐚𝐮𝐝 𝐰𝐚𝐭𝐜𝐡 𝐥𝐢𝐬𝐭", Some("[…]")),
            ("Ask Z-e-y-n-e-p. Goodbye.", Some("Goodbye.")),
            ("It is Q X 7 7", Some("[…]")),
            ("It is ＱＸ-７７", Some("[…]")),
            ("Z. e. y. n. e. p.", Some("[…]")),
            ("Take vitamins A, B, C and D, and 1 2 3 [4].", None),
            ("Hello.\nYou are on the fraud watch list. Your order is KE-1.", Some("Hello.\nYour order is KE-1.")),
        ] {
            assert_eq!(purged(text).as_deref(), left, "{text}");
        }
    }

    #[test]
    fn what_a_second_try_was_told_is_not_shown() {
        let mut check = LeakCheck::of_rewrite(&Instructions::default(), "", "Your parcel KE-1 is late.");
        let told = "Your last answer changed facts. These marks were missing or written otherwise: ⟦CODE_1⟧.";
        let echoed = format!("Your parcel KE-1 is a bit late. {told}");
        assert!(check.purged(&echoed).is_none());
        check.add_correction(told);
        assert!(check.purged(&echoed).is_some());
        assert!(check.purged("Your parcel KE-1 is a bit late.").is_none());
    }

    #[test]
    fn a_prompt_is_known_by_its_fences_and_headings() {
        let instructions = ["What the shop's systems know:\n- ".to_owned()];
        let check = LeakCheck::of(&Instructions::of(&instructions), &[], &[]);
        assert!(check.purged("Hi\n===data-0123456789ab===\nx").is_some());
        assert!(check.purged("What the shop's systems know:\n- order KE-1").is_some());
        assert!(check.purged("The shop's systems know: nothing").is_none());
        assert!(
            LeakCheck::of_rewrite(&Instructions::of(&instructions), "", "What the shop's systems know:\n- order")
                .purged("What the shop's systems know:\n- order")
                .is_none()
        );
        assert!(
            LeakCheck::of_rewrite(&Instructions::default(), "We always write in short and friendly sentences.", "Hi")
                .purged("We always write in short and friendly sentences. Hi")
                .is_some()
        );
    }

    #[test]
    fn the_prompt_is_no_reply() {
        assert_eq!(purged("Sure! An agent, who works at a shop's helpdesk. The agent reads, edits and sends").as_deref(), Some("[…]"));
    }
}
