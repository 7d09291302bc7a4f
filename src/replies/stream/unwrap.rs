//! Takes off what a model puts around the text that was asked for: quotes, fences, a preamble, labels, notes of its own.

use crate::{
    lexicon::{self, words::plain},
    text::fold,
};

/// Opening and closing quotes that may stand around a whole text.
const QUOTES: [(char, char); 8] = [('"', '"'), ('“', '”'), ('„', '“'), ('„', '”'), ('«', '»'), ('»', '«'), ('「', '」'), ('‘', '’')];
/// A preamble or a label is a line of at most so many letters.
const MAX_PREAMBLE: usize = 120;
/// Most layers that are taken off.
const MAX_LAYERS: usize = 6;

/// A text without its wrapping. Of a rewrite, what the text that it was made from (`original`) has itself stays; it is empty for a draft or a
/// summary.
pub fn unwrapped(text: &str, original: &str) -> String {
    let mut text = text.trim().to_owned();
    let has_citations = original.contains("[[") || original.contains('【');
    for _ in 0..MAX_LAYERS {
        let before = text.len();
        for layer in [without_fence, without_quotes, without_rules, without_preamble, without_label, without_note] {
            text = layer(&text, original).trim().to_owned();
        }
        if text.len() == before {
            break;
        }
    }
    if has_citations { text } else { without_citations(&text) }
}

/// Whether a text says nothing: it has no letter and no digit.
pub fn is_empty(text: &str) -> bool {
    !text.contains(char::is_alphanumeric)
}

fn without_fence<'a>(text: &'a str, original: &str) -> &'a str {
    let inside = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```"));
    match inside {
        Some(inside) if !inside.contains("```") && !original.trim_start().starts_with("```") => {
            let (info, body) = inside.split_once('\n').unwrap_or(("", inside));
            if info.trim().contains(' ') { inside } else { body }
        }
        _ => text,
    }
}

fn without_quotes<'a>(text: &'a str, original: &str) -> &'a str {
    let (Some(first), Some(last)) = (text.chars().next(), text.chars().next_back()) else { return text };
    let begins_quoted = original.trim_start().starts_with(first) || original.trim_end().ends_with(last);
    let around = |(open, close): &(char, char)| {
        let inside = text.strip_prefix(*open)?.strip_suffix(*close)?;
        (!inside.contains([*open, *close])).then_some(inside)
    };
    if begins_quoted { text } else { QUOTES.iter().find_map(around).unwrap_or(text) }
}

/// Without rules above and below.
fn without_rules<'a>(text: &'a str, original: &str) -> &'a str {
    if original.contains("---") {
        return text;
    }
    let is_rule = |line: &str| line.len() >= 3 && line.chars().all(|letter| matches!(letter, '-' | '*' | '_' | '='));
    let mut text = text;
    while let Some((first, rest)) = text.split_once('\n').filter(|(first, _)| is_rule(first.trim())) {
        debug_assert!(is_rule(first.trim()));
        text = rest.trim_start();
    }
    while let Some((rest, _)) = text.rsplit_once('\n').filter(|(_, last)| is_rule(last.trim())) {
        text = rest.trim_end();
    }
    text
}

/// Without `Here's a draft you can send:`.
fn without_preamble<'a>(text: &'a str, original: &str) -> &'a str {
    let Some((line, rest)) = text.split_once('\n') else { return text };
    let (bare, own) = (bare(line), first_line(original));
    if !bare.ends_with([':', '：']) || bare.chars().count() > MAX_PREAMBLE || rest.trim().is_empty() || own.ends_with([':', '：']) {
        return text;
    }
    let folded = plain(bare);
    let names_the_text = lexicon::any(|words| words.wrapping.nouns.iter().any(|noun| has_word(&folded, noun)));
    if names_the_text { rest } else { text }
}

/// Without `Translation:`, `agent Selin:`, `Subject: …`.
fn without_label<'a>(text: &'a str, original: &str) -> &'a str {
    let line = text.lines().next().unwrap_or_default();
    let Some((label, _)) = line.split_once([':', '：']) else { return text };
    let written = bare(label).trim_matches(['*', '_', ' ']);
    if written.is_empty() || plain(first_line(original)).starts_with(&plain(written)) {
        return text;
    }
    let folded = plain(written);
    let after = text[label.len()..].trim_start_matches([':', '：', '*', '_', ' ']);
    if lexicon::any(|words| words.wrapping.subjects.contains(&folded)) && text.contains('\n') {
        return text.split_once('\n').map_or(text, |(_, rest)| rest);
    }
    let speaks = lexicon::any(|words| plain(&words.transcript.agent) == folded.split(' ').next().unwrap_or_default());
    let speaker = speaks && written.split(' ').count() <= 3;
    if speaker || lexicon::any(|words| words.wrapping.labels.contains(&folded)) { after } else { text }
}

/// Without a last paragraph that is a note of the model's own, or an offer to go on.
fn without_note<'a>(text: &'a str, original: &str) -> &'a str {
    let Some((before, last)) = text.rsplit_once("\n\n") else { return text };
    let folded = plain(last.trim_start_matches(['(', '*', '_', '[', '-', '>', ' ']));
    let label = folded.split_once(':').map(|(label, _)| label.trim_matches(['*', '_', ' ']));
    let own = fold(original);
    let is_note = label.is_some_and(|label| {
        lexicon::any(|words| words.wrapping.notes.contains(label) && words.wrapping.tells.iter().any(|tell| has_word(&folded, tell)))
            && !own.contains(label)
    });
    let offers =
        lexicon::any(|words| words.wrapping.offers.iter().any(|offer| folded.starts_with(offer.trim()) && !own.contains(offer.trim())));
    if is_note || offers { before } else { text }
}

/// Without citations that the prompt didn't ask for: `[[1]]`, `【2】`, `【3†source】`.
fn without_citations(text: &str) -> String {
    let mut bare = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['[', '【']) {
        let open = &rest[at..];
        let inside = open
            .strip_prefix("[[")
            .and_then(|inside| inside.split_once("]]"))
            .or_else(|| open.strip_prefix('【').and_then(|inside| inside.split_once('】')));
        match inside {
            Some((number, after)) if is_citation(number) => {
                bare.push_str(rest[..at].trim_end_matches(' '));
                rest = after;
            }
            _ => {
                let width = open.chars().next().map_or(1, char::len_utf8);
                bare.push_str(&rest[..at + width]);
                rest = &rest[at + width..];
            }
        }
    }
    bare.push_str(rest);
    bare
}

fn is_citation(inside: &str) -> bool {
    let number = inside.split('†').next().unwrap_or_default();
    !number.is_empty() && number.len() <= 12 && number.chars().all(|letter| letter.is_ascii_digit() || matches!(letter, ',' | ' ' | ':'))
}

/// A line without the marks around it.
fn bare(line: &str) -> &str {
    line.trim().trim_matches(['*', '_', '#']).trim()
}

fn first_line(text: &str) -> &str {
    bare(text.trim_start().lines().next().unwrap_or_default())
}

/// Whether a folded text has a word that begins as a table's word, or is it.
fn has_word(folded: &str, word: &str) -> bool {
    let letters = word.trim_end_matches(' ');
    folded.match_indices(letters).any(|(at, _)| {
        let begins = !folded[..at].ends_with(char::is_alphanumeric);
        begins && (letters.len() == word.len() || !folded[at + letters.len()..].starts_with(char::is_alphanumeric))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_puts_around_is_taken_off() {
        for (text, left) in [
            ("\"Hi Elif, it ships today.\"", "Hi Elif, it ships today."),
            ("„Hallo Elif, es kommt heute.“", "Hallo Elif, es kommt heute."),
            ("```\nHi Elif!\n```", "Hi Elif!"),
            ("```markdown\nHi Elif!\n```", "Hi Elif!"),
            ("Here's a draft you can send:\n\nHi Elif!", "Hi Elif!"),
            ("Elbette! İşte yanıt taslağı:\n\nMerhaba Elif!", "Merhaba Elif!"),
            ("Sure! Here is the corrected version:\n\n\"Hi Elif!\"", "Hi Elif!"),
            ("Subject: Your order\n\nHi Elif!", "Hi Elif!"),
            ("**Betreff:** Ihre Bestellung\n\nHallo Elif!", "Hallo Elif!"),
            ("agent Selin: Hi Elif!", "Hi Elif!"),
            ("Translation: Hi Elif!", "Hi Elif!"),
            ("Fordítás: Szia Elif!", "Szia Elif!"),
            ("Hi Elif!\n\nNote: I kept the tone friendly.", "Hi Elif!"),
            ("Hallo Elif!\n\n(Hinweis: Ich habe den Ton beibehalten.)", "Hallo Elif!"),
            ("Hi Elif!\n\nLet me know if you'd like me to adjust it.", "Hi Elif!"),
            ("---\nHi Elif!\n---", "Hi Elif!"),
            ("It is on its way [[1]]. Write to us【2†source】.", "It is on its way. Write to us."),
        ] {
            assert_eq!(unwrapped(text, ""), left, "{text}");
        }
    }

    #[test]
    fn what_belongs_to_the_text_stays() {
        for (text, original) in [
            ("He said \"yes\" and \"no\"", ""),
            ("\"Yes\" is what I read, and \"no\"", ""),
            ("\"Ja\", sagte sie.", ""),
            ("Please do this:\n\n1. Open it.", ""),
            ("Hi Elif!\n\nNote: returns need the box.", ""),
            ("Translation: x", "Translation: y"),
            ("\"Merhaba\"", "\"Hello\""),
            ("Bestellung: KE-1", ""),
            ("see [[2]]", "siehe [[2]]"),
        ] {
            assert_eq!(unwrapped(text, original), text, "{text}");
        }
    }
}
