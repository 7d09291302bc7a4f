//! Lines: line breaks of any system, and the quotation marks that separate others' lines from ours in a prompt.

use std::borrow::Cow;

/// Prefix of a quoted line of somebody else's text. No line of ours begins with it.
pub const QUOTE: &str = "| ";
/// Replacement of a line break in a text that is shown on one line.
const JOIN: &str = " / ";

/// Returns whether a character ends a line for any reader: Unicode's mandatory breaks, and the separators that Python's `splitlines` and
/// old terminals treat as breaks.
pub fn is_line_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Returns a text's lines; `\r\n` ends one line.
pub fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let all = rest?;
        let Some(end) = all.find(is_line_break) else {
            rest = None;
            return Some(all);
        };
        let broken = &all[end..];
        let length = if broken.starts_with("\r\n") { 2 } else { broken.chars().next().map_or(0, char::len_utf8) };
        rest = Some(&broken[length..]);
        Some(&all[..end])
    })
}

/// Returns how many lines of a text are marked when it follows words of ours.
pub fn quoted_lines(text: &str) -> usize {
    if text.contains(is_line_break) { nonempty(text).count().saturating_sub(1) } else { 0 }
}

/// Normalizes all line breaks to `\n`.
pub fn with_newlines(text: &str) -> Cow<'_, str> {
    if text.contains(|letter| is_line_break(letter) && letter != '\n') { join(lines(text), "\n").into() } else { text.into() }
}

/// Puts a text on one line.
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_line_break) {
        return text.into();
    }
    join(lines(text).map(str::trim).filter(|line| !line.is_empty()), JOIN).into()
}

/// Quotes a text that follows words of ours: each line but the first is marked. Empty lines are left out.
pub fn quoted_behind(text: &str) -> String {
    if text.contains(is_line_break) { join(nonempty(text), &format!("\n{QUOTE}")) } else { text.to_owned() }
}

/// Quotes a text that stands alone: each line is marked.
pub fn quoted(text: &str) -> String {
    format!("{QUOTE}{}", quoted_behind(text))
}

/// Returns the nonempty lines.
fn nonempty(text: &str) -> impl Iterator<Item = &str> {
    lines(text).map(str::trim_end).filter(|line| !line.is_empty())
}

fn join<'a>(lines: impl Iterator<Item = &'a str>, between: &str) -> String {
    let mut joined = String::new();
    for (nth, line) in lines.enumerate() {
        if nth > 0 {
            joined.push_str(between);
        }
        joined.push_str(line);
    }
    joined
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BREAKS: [&str; 11] = ["\n", "\r", "\r\n", "\u{b}", "\u{c}", "\u{1c}", "\u{1d}", "\u{1e}", "\u{85}", "\u{2028}", "\u{2029}"];

    #[test]
    fn every_break_is_one() {
        for br in BREAKS {
            let text = format!("one{br}two{br}{br}three");
            assert_eq!(lines(&text).collect::<Vec<_>>(), ["one", "two", "", "three"], "{br:?}");
            assert_eq!(with_newlines(&text), "one\ntwo\n\nthree");
            assert_eq!(on_one_line(&text), "one / two / three");
            assert_eq!(quoted(&text), "| one\n| two\n| three");
            assert_eq!(quoted_behind(&text), "one\n| two\n| three");
        }
    }

    proptest! {
        #[test]
        fn no_line_of_a_quotation_looks_like_ours(pieces in proptest::collection::vec("[a|\\-: ]{0,6}", 0..8), which in proptest::collection::vec(0usize..11, 8)) {
            let text: String = pieces.iter().zip(which).map(|(piece, which)| format!("{piece}{}", BREAKS[which])).collect();
            let quotation = quoted(&text);
            prop_assert!(quotation.split('\n').all(|line| line.starts_with(QUOTE)) && !quotation.contains(|letter| is_line_break(letter) && letter != '\n'));
            prop_assert!(!on_one_line(&text).contains(is_line_break));
        }
    }
}
