//! The words of a text that a correction may touch.

use std::ops::Range;

/// A plain word: no part of a link, an address, a code, a number, a placeholder, a mark or a quoted line.
#[derive(Debug)]
pub struct Token {
    pub word: Range<usize>,
    pub begins_sentence: bool,
    /// A single space stands between it and the word before.
    pub follows_a_space: bool,
    /// What stands right after it: a space, punctuation, or nothing at a line's end.
    pub next: Option<char>,
    /// Nothing else stands in its line.
    pub is_alone: bool,
}

/// What a plain word has nowhere near it.
const MARKS: [char; 19] = ['@', '/', '_', '#', '{', '}', '[', ']', '%', '$', '<', '>', '`', '\\', '*', '⟦', '⟧', '|', '='];

/// The words of a text that a correction may touch.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut line_start = 0;
    let mut in_code = false;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if bare.starts_with("```") {
            in_code = !in_code;
        } else if !in_code && !bare.starts_with('>') {
            line_tokens(text, line_start, line, &mut tokens);
        }
        line_start += line.len();
    }
    tokens
}

fn line_tokens(text: &str, line_start: usize, line: &str, tokens: &mut Vec<Token>) {
    let protected = protected(line);
    let is_alone = line.split_whitespace().count() == 1;
    let (mut begins_sentence, mut at) = (true, line_start);
    for token in line.split(char::is_whitespace) {
        let from = at;
        at = from + token.len() + text[from + token.len()..].chars().next().map_or(0, char::len_utf8);
        if token.is_empty() {
            continue;
        }
        let lead = token.find(char::is_alphanumeric).unwrap_or(token.len());
        let word = token[lead..].trim_end_matches(|letter: char| !letter.is_alphanumeric());
        let tail = &token[lead + word.len()..];
        let is_plain = word.chars().all(|letter| letter.is_alphabetic() || letter == '\'') && !token.contains(MARKS);
        let is_protected = protected.iter().any(|span| span.contains(&(from - line_start)));
        if !word.is_empty() && is_plain && !is_protected {
            let word = from + lead..from + lead + word.len();
            let next = text[word.end..].chars().next().filter(|letter| *letter != '\n');
            let follows_a_space = lead == 0 && text[..from].ends_with(' ');
            tokens.push(Token { word, begins_sentence, follows_a_space, next, is_alone });
        }
        // An item's dash or number begins no sentence of its own.
        if word.chars().any(char::is_alphabetic) {
            // The dot after one or two letters is an abbreviation's.
            begins_sentence = tail.contains(['!', '?', ':', '…']) || (tail.contains('.') && word.chars().count() > 2);
        }
    }
}

/// Placeholders, marks and code, which may have spaces in them.
fn protected(line: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    for (open, close) in [("{{", "}}"), ("⟦", "⟧"), ("`", "`"), ("<", ">")] {
        let mut from = 0;
        while let Some(start) = line[from..].find(open).map(|at| from + at) {
            let Some(end) = line[start + open.len()..].find(close).map(|at| start + open.len() + at + close.len()) else { break };
            spans.push(start..end);
            from = end;
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| &text[token.word]).collect()
    }

    #[test]
    fn only_plain_words_are_touched() {
        assert_eq!(words("See https://a.example/teh, KE-204815 or a@b.example: „teh\" (file.pdf)!"), ["See", "or", "teh"]);
        assert_eq!(words("{{ teh name }} ⟦NAME 1⟧ `teh code` <teh tag> it's 5kg e-mail"), ["it's"]);
        assert_eq!(words("> teh quote\n```\nteh code\n```\nend"), ["end"]);
        assert_eq!(words("Größe: şu, ő!"), ["Größe", "şu", "ő"]);
    }

    #[test]
    fn a_token_knows_its_place() {
        let text = "- Teh one. Two,  three\nMárton";
        let found = tokens(text);
        let begins: Vec<bool> = found.iter().map(|token| token.begins_sentence).collect();
        assert_eq!(begins, [true, false, true, false, true]);
        assert_eq!(found.iter().map(|token| token.follows_a_space).collect::<Vec<bool>>(), [true, true, true, true, false]);
        assert_eq!(found[2].next, Some(','));
        assert!(found[4].is_alone && !found[0].is_alone && found[4].next.is_none());
    }
}
