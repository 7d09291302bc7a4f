//! Sanitizes a model's text: removes control and invisible characters, terminal sequences, HTML, and the tokens by which models mark
//! turns, such as `<|im_end|>`.

use crate::text::Visible;

/// Longest tag that is buffered, in bytes.
const MAX_TAG: usize = 600;
/// Longest token of a model's, in bytes.
const MAX_TOKEN: usize = 40;

/// A streaming sanitizer.
#[derive(Debug, Default)]
pub struct Sanitizer {
    held: String,
    visible: Visible,
}

impl Sanitizer {
    /// Takes a piece and returns what is certain now.
    pub fn push(&mut self, piece: &str) -> String {
        for letter in piece.chars() {
            self.visible.push(letter, &mut self.held);
        }
        self.strip_tags(false)
    }

    /// Returns the rest, after the last piece.
    pub fn finish(&mut self) -> String {
        self.visible.finish(&mut self.held);
        self.strip_tags(true)
    }

    /// Returns the text without tags, up to an incomplete tag.
    fn strip_tags(&mut self, whole: bool) -> String {
        if !self.held.contains('<') {
            return std::mem::take(&mut self.held);
        }
        let mut clean = String::with_capacity(self.held.len());
        let mut rest = self.held.as_str();
        while let Some(at) = rest.find('<') {
            clean.push_str(&rest[..at]);
            rest = &rest[at..];
            let mut letters = rest[1..].chars();
            let opens_tag = match letters.next() {
                None => {
                    if whole {
                        break;
                    }
                    self.held = rest.to_owned();
                    return clean;
                }
                // `<|im_end|>`
                Some('|' | '｜') => {
                    let inside = &rest[1..];
                    let end = inside.find('>');
                    let token = |end: usize| !inside[..end].contains(char::is_whitespace) && inside[..end].ends_with(['|', '｜']);
                    match end {
                        Some(end) if end < MAX_TOKEN && token(end) => {
                            rest = &inside[end + 1..];
                            continue;
                        }
                        None if !whole && inside.len() < MAX_TOKEN && !inside.contains(char::is_whitespace) => {
                            self.held = rest.to_owned();
                            return clean;
                        }
                        _ => false,
                    }
                }
                Some('/' | '!' | '?') => letters.next().is_none_or(|letter| letter.is_ascii_alphabetic() || matches!(letter, '-' | '[')),
                Some(letter) => letter.is_ascii_alphabetic(),
            };
            if !opens_tag {
                // Text removed after it must not turn it into a tag.
                clean.push(if rest[1..].starts_with(['<', '/', '!', '?']) { '‹' } else { '<' });
                rest = &rest[1..];
                continue;
            }
            let inside = &rest[1..];
            let end = inside.find(['<', '>']);
            match end {
                Some(end) if inside.as_bytes()[end] == b'>' => {
                    // `<https://…>` is a link in brackets, `<name@host>` an address.
                    let is_address = inside[..end].contains("://") || (inside[..end].contains('@') && !inside[..end].contains('='));
                    if is_address && !inside[..end].contains(char::is_whitespace) {
                        clean.push_str(&inside[..end]);
                    }
                    rest = &inside[end + 1..];
                }
                None if !whole && inside.len() < MAX_TAG => {
                    self.held = rest.to_owned();
                    return clean;
                }
                // The tag never ends, but a browser would still take it for one.
                _ => rest = inside,
            }
        }
        clean.push_str(rest);
        self.held.clear();
        clean
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn clean(pieces: &[&str]) -> String {
        let mut cleaner = Sanitizer::default();
        let mut clean: String = pieces.iter().map(|piece| cleaner.push(piece)).collect();
        clean.push_str(&cleaner.finish());
        clean
    }

    #[test]
    fn control_characters_and_html_are_removed() {
        for (text, left) in [
            ("a\u{1b}[31mred\u{1b}[0m b\u{7}", "ared b"),
            ("pay\u{202e}load\u{200b}\u{e0041}", "payload"),
            ("a <b>bold</b> <script src='x'>word</script>", "a bold word"),
            ("<!-- no --><img src=x onerror=y>", ""),
            ("see <https://shop.com/a>", "see https://shop.com/a"),
            ("bize <destek@shop.example> yazın", "bize destek@shop.example yazın"),
            ("fine<|eot_id|><｜end▁of▁sentence｜>", "fine"),
            ("a <| b |> c", "a <| b |> c"),
            ("1 < 2, a <3 b, x<= y", "1 < 2, a <3 b, x<= y"),
            ("<img src=x onerror=y", "img src=x onerror=y"),
            ("👩\u{200d}💻 ok می\u{200c}خواهم", "👩\u{200d}💻 ok می\u{200c}خواهم"),
        ] {
            assert_eq!(clean(&[text]), left, "{text:?}");
        }
        let mut cleaner = Sanitizer::default();
        assert_eq!((cleaner.push("Hello"), cleaner.push(" <"), cleaner.push("b>you")), ("Hello".into(), " ".into(), "you".into()));
    }

    proptest! {
        #[test]
        fn no_tag_comes_through_however_it_is_cut(pieces in proptest::collection::vec("[a<>/! =b\\x1b\\[]{0,8}", 0..12)) {
            let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
            let cut = clean(&pieces);
            prop_assert_eq!(&cut, &clean(&[&pieces.concat()]));
            let tag = cut.find('<').map(|at| &cut[at + 1..]);
            prop_assert!(!tag.is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_alphabetic()) && rest.contains('>')), "{}", cut);
        }
    }
}
