//! HTML comments and entities in Markdown: comments are removed, entities are decoded.

use std::{borrow::Cow, ops::Range};

use pulldown_cmark::{Event, Options, Parser, Tag};

const OPENING: &str = "<!--";
const CLOSING: &str = "-->";
/// Longest entity of HTML, with `&` and `;`.
const MAX_ENTITY_BYTES: usize = 34;
/// How often a text is reparsed because a comment hid the beginning of code. After that nothing counts as code.
const MAX_PARSES: usize = 20;

/// A comment in a Markdown text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    pub range: Range<usize>,
    /// What its author should fix.
    pub flaw: Option<CommentFlaw>,
}

/// What is wrong with an HTML comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommentFlaw {
    /// It is not closed, so it hides the rest of the text.
    Unclosed,
    /// It contains another comment. HTML ends both at the first end; here both ends count, so that nothing is shown that was meant to be
    /// hidden.
    Nested,
}

/// Returns the text without its comments. Comments in code are text.
pub fn without_comments(markdown: &str) -> Cow<'_, str> {
    let comments = comments(markdown);
    if comments.is_empty() {
        return Cow::Borrowed(markdown);
    }
    let mut visible = String::with_capacity(markdown.len());
    let mut from = 0;
    for comment in comments {
        visible.push_str(&markdown[from..comment.range.start]);
        from = comment.range.end;
    }
    visible.push_str(&markdown[from..]);
    Cow::Owned(visible)
}

/// Returns the comments of a Markdown text, in order. Those in code, or after a backslash, don't count.
pub fn comments(markdown: &str) -> Vec<Comment> {
    let mut found = Vec::new();
    if !markdown.contains(OPENING) {
        return found;
    }
    let (mut code, mut parses) = (code_ranges(markdown, 0), 1);
    let mut from = 0;
    while let Some(start) = markdown[from..].find(OPENING).map(|start| from + start) {
        if let Some(range) = containing(&code, start) {
            from = range.end;
            continue;
        }
        if is_escaped(markdown, start) {
            from = start + 1;
            continue;
        }
        let Some((end, flaw)) = end_of_comment(markdown, start) else {
            found.push(Comment { range: start..markdown.len(), flaw: Some(CommentFlaw::Unclosed) });
            return found;
        };
        // What looks like code from inside the comment on is not code: the comment came first.
        if containing(&code, end.saturating_sub(1)).is_some_and(|range| range.end > end) {
            code = if parses < MAX_PARSES { code_ranges(markdown, end) } else { Vec::new() };
            parses += 1;
        }
        found.push(Comment { range: start..end, flaw });
        from = end;
    }
    found
}

/// Returns the end of the comment that begins at `start`; `None` if it is not closed.
fn end_of_comment(text: &str, start: usize) -> Option<(usize, Option<CommentFlaw>)> {
    let inner = start + OPENING.len();
    // In HTML, `<!-->` and `<!--->` are complete comments.
    if let Some(short) = [">", "->"].iter().find(|short| text[inner..].starts_with(**short)) {
        return Some((inner + short.len(), None));
    }
    let mut end = inner + text[inner..].find(CLOSING)?;
    let nested = text[inner..end].matches(OPENING).count();
    end += CLOSING.len();
    for _ in 0..nested {
        let rest = &text[end..];
        match (rest.find(CLOSING), rest.find(OPENING)) {
            (Some(closing), opening) if opening.is_none_or(|opening| closing < opening) => end += closing + CLOSING.len(),
            _ => break,
        }
    }
    Some((end, (nested > 0).then_some(CommentFlaw::Nested)))
}

/// Returns the ranges of code in a text, spans and blocks, from `from` on.
fn code_ranges(markdown: &str, from: usize) -> Vec<Range<usize>> {
    let events = Parser::new_ext(&markdown[from..], Options::ENABLE_TABLES).into_offset_iter();
    let code = events.filter(|(event, _)| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_))));
    code.map(|(_, range)| range.start + from..range.end + from).collect()
}

fn containing(ranges: &[Range<usize>], at: usize) -> Option<&Range<usize>> {
    let after = ranges.partition_point(|range| range.start <= at);
    ranges[..after].last().filter(|range| range.contains(&at))
}

fn is_escaped(text: &str, at: usize) -> bool {
    let backslashes = text.as_bytes()[..at].iter().rev().take_while(|byte| **byte == b'\\').count();
    backslashes % 2 == 1
}

/// Decodes the entities of Markdown, except those in code.
pub fn without_entities(markdown: &str) -> Cow<'_, str> {
    if !markdown.contains('&') {
        return Cow::Borrowed(markdown);
    }
    let mut decoded = String::with_capacity(markdown.len());
    let mut from = 0;
    for code in code_ranges(markdown, 0) {
        decoded.push_str(&decode_entities(&markdown[from..code.start]));
        decoded.push_str(&markdown[code.clone()]);
        from = code.end;
    }
    decoded.push_str(&decode_entities(&markdown[from..]));
    Cow::Owned(decoded)
}

/// Decodes the HTML entities of a plain text.
pub fn decode_entities(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut decoded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        decoded.push_str(&rest[..start]);
        rest = &rest[start..];
        let length = entity_length(rest);
        match length.and_then(|length| character(&rest[..length])) {
            Some(character) => decoded.push_str(&character),
            None => decoded.push_str(&rest[..length.unwrap_or(1)]),
        }
        rest = &rest[length.unwrap_or(1)..];
    }
    decoded.push_str(rest);
    Cow::Owned(decoded)
}

/// Returns the length of what looks like an entity at the beginning of a text.
fn entity_length(text: &str) -> Option<usize> {
    let end = text.bytes().take(MAX_ENTITY_BYTES).position(|byte| byte == b';')?;
    let name = &text[1..end];
    let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'#');
    plain.then_some(end + 1)
}

/// Decodes an entity: the Markdown parser has HTML's table of them.
fn character(entity: &str) -> Option<String> {
    let mut decoded = String::new();
    for event in Parser::new(entity) {
        if let Event::Text(text) = event {
            decoded.push_str(&text);
        }
    }
    (decoded != entity).then_some(decoded)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(markdown: &str) -> String {
        without_comments(markdown).into_owned()
    }

    #[test]
    fn comments_go_and_the_rest_stays() {
        for (markdown, visible) in [
            ("a <!-- margin 41 --> b", "a  b"),
            ("<!-- one -->\n\nText\n<!--\ntwo\n\nthree\n-->\nEnd", "\n\nText\n\nEnd"),
            ("Text <!-- over\n\nparagraphs --> end", "Text  end"),
            ("a<!---->b<!-->c<!--->d", "abcd"),
            ("- item <!-- x -->\n- other", "- item \n- other"),
            ("<div><!-- x -->y</div>", "<div>y</div>"),
            ("|a <!-- x -->|b|\n|-|-|\n|1|2 <!-- y -->|", "|a |b|\n|-|-|\n|1|2 |"),
            ("no comment: a < b -- c -> d", "no comment: a < b -- c -> d"),
            ("a \\<!-- literal", "a \\<!-- literal"),
        ] {
            assert_eq!(shown(markdown), visible, "{markdown:?}");
        }
    }

    #[test]
    fn a_comment_in_code_is_text() {
        for text in [
            "Write `<!-- note -->` here",
            "```html\n<!-- note -->\n```\nafter",
            "Text\n\n    <!-- note -->\n\nafter",
            "``a ` <!-- b --> ``",
        ] {
            assert_eq!(shown(text), text);
        }
        assert_eq!(shown("`a` <!-- x --> `<!-- b -->`"), "`a`  `<!-- b -->`");
    }

    #[test]
    fn code_that_begins_in_a_comment_hides_nothing_behind_it() {
        assert_eq!(shown("Text <!-- note\n\n```\ncode --> after\n\nAnd <!-- secret --> end"), "Text  after\n\nAnd  end");
        assert_eq!(shown("<!-- ` --> a <!-- secret --> `"), " a  `");
    }

    #[test]
    fn doubt_hides() {
        assert_eq!(shown("a <!-- secret"), "a ");
        assert_eq!(shown("a\n\n<!-- secret\n\nmore"), "a\n\n");
        assert_eq!(shown("a <!-- one <!-- two --> three --> b"), "a  b");
        assert_eq!(shown("a <!-- one <!-- two --> b <!-- three --> c"), "a  b  c");
        let flaws = |text| comments(text).into_iter().map(|comment| comment.flaw).collect::<Vec<_>>();
        assert_eq!(flaws("a <!-- x --> <!-- y"), [None, Some(CommentFlaw::Unclosed)]);
        assert_eq!(flaws("<!-- <!-- x -->"), [Some(CommentFlaw::Nested)]);
    }

    #[test]
    fn entities_are_characters_but_in_code() {
        assert_eq!(decode_entities("Q&amp;A &mdash; 5&nbsp;&euro; &#220;&#x15f; AT&T &nope; &;"), "Q&A — 5\u{a0}€ Üş AT&T &nope; &;");
        assert_eq!(without_entities("a &amp; `&amp;` &lt;b&gt;"), "a & `&amp;` <b>");
        assert_eq!(decode_entities("&amp;amp;"), "&amp;", "once");
    }

    #[test]
    fn many_comments_take_no_long_time() {
        let text = "x <!-- \n\n```\n--> ".repeat(10_000);
        assert!(!shown(&text).contains(OPENING));
    }

    proptest! {
        #[test]
        fn outside_of_code_no_word_of_a_closed_comment_is_left(before in "[a-z >*_\n-]{0,20}", inside in "[a-z `*\n<-]{0,20}", after in "[a-z \n]{0,20}") {
            prop_assume!(!inside.contains("<!--"));
            let visible = shown(&format!("{before}<!-- SECRET {inside}-->{after}"));
            prop_assert!(!visible.contains("SECRET") || before.contains("    "), "{visible:?}");
        }
    }
}
