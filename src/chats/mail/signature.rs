//! Finds what stands under an e-mail: its author's name after a closing, what a device adds, a legal notice.

use std::ops::Range;

use crate::{
    chats::mail::{
        Part, is_blank,
        patterns::{normalized, patterns},
    },
    lexicon::{any, topics::Topic, words_of_any},
    text::fold,
};

/// Most lines under `--`: more of them are no signature.
const MAX_SIGNATURE: usize = 20;
/// Longest line of a signature: characters and words; most words of a name, of a closing and of a device's line.
const MAX_CHARACTERS: usize = 90;
const MAX_WORDS: usize = 9;
const MAX_NAME: usize = 5;
const MAX_CLOSING: usize = 7;
/// Fewest words of a line that could be a sentence.
const MIN_SENTENCE: usize = 4;
/// Words of a notice that make one, and how many do for one that begins with them at the end.
const MIN_CUES: usize = 3;
const MIN_CUES_AT_END: usize = 2;
/// Longest paragraph that is looked at for a notice, in bytes.
const MAX_NOTICE_BYTES: usize = 8000;
/// Fewest digits of a phone number, and of an order's.
const MIN_PHONE: usize = 6;
const MAX_PHONE_LETTERS: usize = 15;
const MIN_CODE: usize = 3;

/// Marks signatures and legal notices among the lines that are new.
pub fn mark(lines: &[&str], parts: &mut [Part]) {
    let mut at = 0;
    while at < lines.len() {
        let end = (at..lines.len()).find(|line| parts[*line] == Part::Quotation).unwrap_or(lines.len());
        if end > at {
            mark_between(lines, parts, at..end);
        }
        at = end + 1;
    }
}

/// Marks those of a text that stands between quotations.
fn mark_between(lines: &[&str], parts: &mut [Part], all: Range<usize>) {
    for paragraph in paragraphs(lines, all.clone()).into_iter().rev() {
        let is_last = is_end(lines, parts, paragraph.end, all.end);
        if let Some(first) = notice(lines, paragraph.clone(), is_last) {
            parts[first..paragraph.end].fill(Part::Disclaimer);
        }
    }
    if let Some(dashes) = all.clone().find(|line| lines[*line].trim_end() == "--") {
        let under = (dashes + 1..all.end).filter(|line| !is_blank(lines[*line])).count();
        if under <= MAX_SIGNATURE {
            fill(parts, dashes..all.end);
        }
    }
    for line in all.clone().rev().filter(|line| !is_blank(lines[*line])) {
        if parts[line] == Part::New {
            if !is_of_device(lines[line]) {
                break;
            }
            parts[line] = Part::Signature;
        }
    }
    let written = |line: &usize| !is_blank(lines[*line]) && parts[*line] == Part::New;
    let closings: Vec<usize> = all.clone().filter(written).filter(|line| is_closing(lines[*line])).collect();
    for closing in closings {
        let under = under_closing(lines, parts, closing + 1..all.end);
        if !under.is_empty() {
            fill(parts, under);
            break;
        }
    }
}

fn fill(parts: &mut [Part], lines: Range<usize>) {
    parts[lines].iter_mut().filter(|part| **part == Part::New).for_each(|part| *part = Part::Signature);
}

/// Returns whether nothing new stands between two lines.
fn is_end(lines: &[&str], parts: &[Part], from: usize, to: usize) -> bool {
    (from..to).all(|line| parts[line] != Part::New || is_blank(lines[line]))
}

fn paragraphs(lines: &[&str], all: Range<usize>) -> Vec<Range<usize>> {
    let mut paragraphs: Vec<Range<usize>> = Vec::new();
    for line in all.filter(|line| !is_blank(lines[*line])) {
        match paragraphs.last_mut() {
            Some(last) if last.end == line => last.end = line + 1,
            _ => paragraphs.push(line..line + 1),
        }
    }
    paragraphs
}

/// Returns the line at which a paragraph becomes a legal notice.
fn notice(lines: &[&str], paragraph: Range<usize>, is_last: bool) -> Option<usize> {
    let mut text = String::new();
    let mut begins = Vec::new();
    for line in paragraph.clone() {
        begins.push(text.len());
        text.push_str(&normalized(lines[line]));
        text.push(' ');
        if text.len() > MAX_NOTICE_BYTES {
            break;
        }
    }
    let places: Vec<usize> = patterns().disclaimers.iter().filter_map(|cue| text.find(cue.as_str())).collect();
    let first = places.iter().min()?;
    let begins_so = begins.iter().any(|begin| *first >= *begin && *first <= *begin + 2);
    let enough = if is_last && begins_so { MIN_CUES_AT_END } else { MIN_CUES };
    let line = begins.iter().rposition(|begin| begin <= first)?;
    (places.len() >= enough).then_some(paragraph.start + line)
}

/// Returns whether a line is what a device or a program adds.
fn is_of_device(line: &str) -> bool {
    let line = normalized(line);
    let line = line.trim_matches(|letter: char| !letter.is_alphanumeric());
    line.split(' ').count() <= MAX_WORDS && patterns().sent_from.iter().any(|pattern| pattern.is(line))
}

fn is_closing(line: &str) -> bool {
    let line = line.trim();
    if line.len() > MAX_CHARACTERS * 2 || line.contains(['?', '@']) || line.bytes().any(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let line = normalized(line);
    let line = line.trim_matches(|letter: char| !letter.is_alphanumeric());
    line.split(' ').count() <= MAX_CLOSING && any(|words| words.signatures.closings.begin(line))
}

/// Returns the lines under a closing that are a name, and what belongs to it.
fn under_closing(lines: &[&str], parts: &[Part], rest: Range<usize>) -> Range<usize> {
    let none = rest.start..rest.start;
    let is_new = |line: &usize| parts[*line] == Part::New && !is_blank(lines[*line]);
    let Some(name) = rest.clone().find(is_new) else { return none };
    if !is_name(lines[name]) || is_closing(lines[name]) {
        return none;
    }
    let mut end = name + 1;
    while end < rest.end && is_new(&end) && is_short(lines[end]) {
        end += 1;
        if end - name > MAX_SIGNATURE {
            return none;
        }
    }
    // Another paragraph belongs to it if it has an address or a number.
    while let Some(next) = (end..rest.end).find(|line| !is_blank(lines[*line]))
        && next > end
    {
        let after = (next..rest.end).find(|line| !is_new(line)).unwrap_or(rest.end);
        let belongs = (next..after).all(|line| is_short(lines[line])) && (next..after).any(|line| is_contact(lines[line]));
        if after == next || !belongs || after - name > MAX_SIGNATURE {
            break;
        }
        end = after;
    }
    name..end
}

/// Returns whether a line may be a name: few words without figures, with capitals, or one in small letters.
fn is_name(line: &str) -> bool {
    let line = line.trim().trim_start_matches(|letter: char| !letter.is_alphanumeric()).trim_end_matches(['.', ',']);
    let words: Vec<&str> = line.split_whitespace().collect();
    let is_small = |word: &str| word.trim_start_matches(['(', '"']).starts_with(char::is_lowercase);
    // `von`, `de`, `van`.
    let is_particle = |word: &str| word.chars().count() <= 3;
    let has_others = line.chars().any(|letter| letter.is_numeric() || "@?!:;".contains(letter));
    match words.as_slice() {
        [] => false,
        [_] => !has_others,
        [first, between @ .., last] => {
            let is_named = !is_small(first) && !is_small(last) && between.iter().all(|word| !is_small(word) || is_particle(word));
            words.len() <= MAX_NAME && !has_others && is_named
        }
    }
}

/// Returns whether a line may stand in a signature: short, and no sentence, question or order number.
fn is_short(line: &str) -> bool {
    let line = line.trim();
    let words: Vec<&str> = line.split_whitespace().collect();
    if line.len() > 4 * MAX_CHARACTERS || line.chars().count() > MAX_CHARACTERS || words.len() > MAX_WORDS || line.ends_with(['?', '!']) {
        return false;
    }
    if names_a_code(line) {
        return false;
    }
    let marked = words.iter().filter(|word| !word.starts_with(char::is_lowercase)).count();
    words.len() < MIN_SENTENCE || is_contact(line) || 2 * marked > words.len() && !line.ends_with('.')
}

/// Returns whether a line has an address, a number to call or a place.
fn is_contact(line: &str) -> bool {
    let folded = fold(line.trim());
    let digits = line.bytes().filter(u8::is_ascii_digit).count();
    let letters = line.chars().filter(|letter| letter.is_alphabetic()).count();
    let is_phone = digits >= MIN_PHONE && letters <= MAX_PHONE_LETTERS;
    let names_place =
        words_of_any().text(&folded).has(Topic::CuePlace) || !line.split_whitespace().any(|word| word.starts_with(char::is_lowercase));
    let is_place = digits > 0 && line.split_whitespace().count() <= MAX_NAME + 1 && names_place;
    line.contains('@') || folded.contains("www.") || folded.contains("http") || is_phone || is_place || is_labelled(&folded)
}

/// Returns whether a folded line begins with a word such as `phone`.
fn is_labelled(folded: &str) -> bool {
    let first = folded.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default();
    any(|words| words.fields.phone.begin(first))
}

/// Returns whether a line names an order or the like, which the author wants read.
fn names_a_code(line: &str) -> bool {
    let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
    let is_code =
        |token: &str| token.contains('-') && token.starts_with(|letter: char| letter.is_ascii_uppercase()) && digits(token) >= MIN_CODE;
    let folded = fold(line.trim());
    let is_contact = line.contains('@') || line.contains("//") || is_labelled(&folded);
    let is_named = words_of_any().text(&folded).has(Topic::AskCode) || line.split_whitespace().any(is_code);
    !is_contact && digits(line) >= MIN_CODE && is_named
}
