//! Lines: where a text breaks, whatever system wrote it, and how the lines of others are told from ours in a prompt.

use std::borrow::Cow;

/// What every line of a foreign text begins with where it does not stand behind words of ours. No line of ours begins with it.
pub const QUOTE: &str = "| ";
/// What stands for a line break in a text that is shown on one line.
const JOIN: &str = " / ";

/// Whether a character ends a line for anybody who reads the text: Unicode's mandatory breaks, and the separators that Python's
/// `splitlines` and old terminals take for breaks.
pub fn is_line_break(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// A text's lines; `\r\n` ends one line.
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

/// How many lines of a text are marked where it stands behind words of ours.
pub fn quoted_lines(text: &str) -> usize {
    if text.contains(is_line_break) { said(text).count().saturating_sub(1) } else { 0 }
}

/// A text whose lines all end in `\n`.
pub fn with_newlines(text: &str) -> Cow<'_, str> {
    if text.contains(|letter| is_line_break(letter) && letter != '\n') { join(lines(text), "\n").into() } else { text.into() }
}

/// A text on one line.
pub fn on_one_line(text: &str) -> Cow<'_, str> {
    if !text.contains(is_line_break) {
        return text.into();
    }
    join(lines(text).map(str::trim).filter(|line| !line.is_empty()), JOIN).into()
}

/// A text that stands behind words of ours: each line but the first is marked as a quotation. Empty ones say nothing, and are left out.
pub fn quoted_behind(text: &str) -> String {
    if text.contains(is_line_break) { join(said(text), &format!("\n{QUOTE}")) } else { text.to_owned() }
}

/// A text that stands for itself: each line is marked as a quotation.
pub fn quoted(text: &str) -> String {
    format!("{QUOTE}{}", quoted_behind(text))
}

/// The lines that say something.
fn said(text: &str) -> impl Iterator<Item = &str> {
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
