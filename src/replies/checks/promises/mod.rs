//! Promises: sentences that commit the shop to something, and whether the shop said so anywhere.
//!
//! A commitment is an action that matters to a customer (a refund, a replacement, a gift …) with a form that commits (first person,
//! future, done) or a time. It is grounded by a sentence of the shop's that affirms the same action, its time by one that names it.
//! Actions and times are known by the beginnings of words in English, Turkish, Hungarian and German; other languages are not checked.

pub mod words;

use std::{collections::HashSet, ops::Deref};

use crate::{
    facts::{FigureValue, figures},
    replies::checks::promises::words::{
        ACTIONS, CONDITIONS, CONFIRMATIONS, FEES, FOR_LESS, FORM_ENDINGS, FORMS, HARMLESS, LANGUAGES, MENTIONS, NEGATIVES, REPORTS, TIMES,
        WITHOUT, Words,
    },
    text::{fold, sentences},
};

/// What the shop said, ready to be compared with.
#[derive(Default)]
pub struct GroundedPromises {
    /// The actions of all clauses that deny nothing.
    actions: u32,
    /// The times of all sentences.
    times: u32,
    words: HashSet<String>,
}

impl GroundedPromises {
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>, language: &str) -> GroundedPromises {
        let own = LANGUAGES.iter().position(|known| *known == language);
        let mut said = GroundedPromises::default();
        for sentence in texts.into_iter().flat_map(sentences) {
            let folded = folded(sentence);
            let in_any = |text: &Begun<'_>, words: &Words| (0..4).any(|place| text.has(words[place], own.is_some_and(|own| own != place)));
            let whole = Begun::of(&folded);
            said.times |= bits(TIMES.iter().map(|words| in_any(&whole, words)));
            said.words.extend(folded.split(|letter: char| !letter.is_alphanumeric()).map(str::to_owned));
            for clause in clauses(&folded) {
                let clause = format!(" {} ", clause.trim());
                let clause = Begun::of(&clause);
                let denied = in_any(&clause, &NEGATIVES);
                // `There is no charge` says what `free` says.
                if in_any(&clause, &FEES) && (denied || in_any(&clause, &WITHOUT)) {
                    said.actions |= 1 << FOR_LESS;
                }
                if !denied {
                    said.actions |= bits(ACTIONS.iter().map(|action| in_any(&clause, &action.words)));
                }
            }
        }
        said
    }

    /// Whether the shop affirmed an action, and named the times of it.
    fn grounds(&self, action: u32, times: u32) -> bool {
        self.actions & action != 0 && times & !self.times == 0
    }
}

/// The sentences of a draft that promise what the shop never said, which is asked for only if one promises anything.
pub fn ungrounded<'a>(draft: &'a str, language: &str, said: &impl Deref<Target = GroundedPromises>) -> Vec<&'a str> {
    let Some(own) = LANGUAGES.iter().position(|known| *known == language) else { return Vec::new() };
    sentences(draft).filter(|sentence| is_ungrounded(sentence, own, said)).collect()
}

fn is_ungrounded(sentence: &str, own: usize, said: &impl Deref<Target = GroundedPromises>) -> bool {
    // What stands in quotes is a name or another's word.
    let folded = without_quotes(&folded(sentence));
    let whole = Begun::of(&folded);
    let own_has = |words: &Words| whole.has(words[own], false);
    let soon = own_has(&TIMES[0]) || own_has(&TIMES[1]);
    // `As you were told` makes what was told the shop's own word.
    let confirms = own_has(&CONFIRMATIONS);
    if sentence.trim_end().ends_with('?') || (own_has(&REPORTS) && !confirms) {
        return false;
    }
    let mentions = own_has(&MENTIONS) && !soon && !confirms;
    // A date or a clock's time says when, and is checked for itself.
    let dated = figures(sentence).iter().any(|figure| !matches!(figure.value, FigureValue::Number(_))) || has_clock(&folded);
    // A clause denies for itself alone: `we don't usually, but for you we do`.
    clauses(&folded).into_iter().any(|clause| {
        let clause = without_at_once(&format!(" {} ", clause.trim_matches(|letter: char| !letter.is_alphanumeric())));
        let begun = Begun::of(&clause);
        let has = |words: &Words| begun.has(words[own], false);
        let negative = has(&NEGATIVES);
        if !mentions && !negative && claims_done(&clause, own, said) {
            return true;
        }
        let times = if dated { 0 } else { bits(TIMES.iter().map(has)) };
        let ends = |word: &str| FORM_ENDINGS[own].iter().any(|ending| word.ends_with(ending));
        // What hangs on a condition, or repeats the customer, is promised only by a word that promises in any form.
        if mentions && (has(&MENTIONS) || !own_has(&CONDITIONS)) {
            return false;
        }
        let commits = has(&FORMS) || clause.split(' ').any(ends);
        ACTIONS.iter().enumerate().filter(|(_, action)| has(&action.words)).any(|(place, action)| {
            let counts = !negative && (action.always || (!mentions && (times != 0 || (commits && action.commits))));
            counts && !said.grounds(1 << place, times)
        })
    })
}

fn without_quotes(folded: &str) -> String {
    const PAIRS: [(char, char); 5] = [('"', '"'), ('“', '”'), ('„', '“'), ('„', '”'), ('«', '»')];
    let mut left = folded.replace(" '", " \"").replace("' ", "\" ").replace("'.", "\".").replace("',", "\",");
    for (open, close) in PAIRS {
        while let Some(from) = left.find(open)
            && let Some(length) = left[from + open.len_utf8()..].find(close)
        {
            left.replace_range(from..from + open.len_utf8() + length + close.len_utf8(), "");
        }
    }
    left
}

/// Turkish says `as soon as it comes` as `comes, comes not`.
fn without_at_once(clause: &str) -> String {
    let words: Vec<&str> = clause.split(' ').collect();
    let denies_the_last = |at: usize| {
        let (one, other) = (words[at - 1], words[at]);
        one.len() >= 3 && one.ends_with('r') && other.get(..2) == one.get(..2) && (other.ends_with("mez") || other.ends_with("maz"))
    };
    let kept = (0..words.len()).filter(|at| *at == 0 || !denies_the_last(*at)).map(|at| words[at]);
    kept.collect::<Vec<&str>>().join(" ")
}

/// Whether a clause says in the first person that something was done, other than having looked, read, asked or passed on.
fn claims_done(clause: &str, own: usize, said: &impl Deref<Target = GroundedPromises>) -> bool {
    let words: Vec<&str> =
        clause.split(|letter: char| !letter.is_alphanumeric() && letter != '\'').filter(|word| !word.is_empty()).collect();
    let harmless = |word: &str| HARMLESS[own].iter().any(|begins| word.starts_with(begins));
    let is_done = |at: usize| {
        let word = words[at];
        let before = |back: usize| at.checked_sub(back).map_or("", |at| words[at]);
        let ends = match own {
            0 => {
                let mut back = 1;
                while ["already", "just", "now", "also", "gone", "ahead", "and", "manually", "personally"].contains(&before(back)) {
                    back += 1;
                }
                let first = matches!((before(back + 1), before(back)), ("i" | "we", "have")) || matches!(before(back), "i've" | "we've");
                first && word.ends_with("ed") && word.len() > 4
            }
            // `anlattım` is a past, `anlatım` a noun.
            1 => {
                let soft = ["dim", "dum"].iter().any(|ending| word.ends_with(ending));
                let hard = ["tim", "tum"].iter().find_map(|ending| word.strip_suffix(ending));
                word.len() > 4 && (soft || hard.is_some_and(|stem| stem.ends_with(['p', 'c', 't', 'k', 'f', 'h', 's'])))
            }
            // After a vowel it is the present of another verb: `vezetem`.
            2 => {
                let stem = ["tam", "tem"].iter().find_map(|ending| word.strip_suffix(ending));
                stem.is_some_and(|stem| stem.len() > 2 && !stem.ends_with(['a', 'e', 'i', 'o', 'u']))
            }
            3 => {
                let helped = words.iter().take(at).any(|word| matches!(*word, "habe" | "hab"));
                let with_ge = word.find("ge").is_some_and(|place| place <= 5) && (word.ends_with('t') || word.ends_with("en"));
                helped && words.contains(&"ich") && word.len() > 5 && (with_ge || word.ends_with("iert"))
            }
            _ => false,
        };
        // `not ettim`, `kontrol ettik`: the word before says what.
        let helper = own == 1 && ["ettim", "ettik", "yaptim", "yaptik"].contains(&word);
        let is_harmless = harmless(word) || (helper && harmless(before(1)));
        ends && !is_harmless && !said.words.contains(word)
    };
    (0..words.len()).any(is_done)
}

/// Whether a clock's time is written with a point: `18.00-20.00`.
fn has_clock(folded: &str) -> bool {
    let digit = |byte: &u8| byte.is_ascii_digit();
    folded
        .as_bytes()
        .windows(5)
        .any(|window| matches!(window, [a, b, b'.', c, d] if [a, b, c, d].into_iter().all(digit) && *a <= b'2' && *c <= b'5'))
}

/// The parts of a sentence between its commas, and where it turns.
fn clauses(sentence: &str) -> Vec<&str> {
    const BUT: [&str; 11] =
        [" but ", " so ", " however ", " aber ", " doch ", " jedoch ", " ama ", " ancak ", " fakat ", " viszont ", " azonban "];
    let mut clauses: Vec<&str> = sentence.split([',', ';', ':', '–', '—']).collect();
    for but in BUT {
        clauses = clauses.into_iter().flat_map(|clause| clause.split(but)).collect();
    }
    clauses
}

fn bits(those: impl Iterator<Item = bool>) -> u32 {
    those.enumerate().fold(0, |bits, (place, is)| bits | (u32::from(is) << place))
}

/// Without accents, spaces of one kind, one before the first word and one after the last.
fn folded(sentence: &str) -> String {
    let plain = fold(sentence).replace('’', "'");
    format!(" {} ", plain.split_whitespace().collect::<Vec<&str>>().join(" "))
}

/// A folded text, with the pairs of letters that its words begin with: by them most of a table's words are passed over.
struct Begun<'a> {
    text: &'a str,
    begins: [u64; 8],
}

impl<'a> Begun<'a> {
    fn of(text: &'a str) -> Begun<'a> {
        let mut begins = [0; 8];
        let mut inside = false;
        for (at, letter) in text.char_indices() {
            if letter.is_alphanumeric() && !inside {
                let place = Begun::place(&text.as_bytes()[at..]);
                begins[place / 64] |= 1 << (place % 64);
            }
            inside = letter.is_alphanumeric();
        }
        Begun { text, begins }
    }

    fn place(bytes: &[u8]) -> usize {
        let second = bytes.get(1).copied().unwrap_or(b' ');
        (usize::from(bytes[0]) * 31 + usize::from(second)) % 512
    }

    /// Whether a word of the text may begin so.
    fn may_begin(&self, word: &str) -> bool {
        let place = Begun::place(word.trim_start().as_bytes());
        self.begins[place / 64] & (1 << (place % 64)) != 0
    }

    /// Whether a word, or a run of words, begins so. Of another language than the text's only longer beginnings count.
    fn has(&self, words: &[&str], foreign: bool) -> bool {
        let at_a_word = |at: usize| !self.text[..at].ends_with(char::is_alphanumeric);
        words.iter().filter(|word| !foreign || word.len() > 5).any(|word| match word.strip_prefix('~') {
            Some(inside) => self.text.contains(inside),
            None => self.may_begin(word) && self.text.match_indices(word).any(|(at, _)| word.starts_with(' ') || at_a_word(at)),
        })
    }
}
