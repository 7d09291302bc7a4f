//! Plain text of Markdown.

use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::text::comments::{decode_entities, without_comments};

/// A block of a Markdown document, as plain text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// What kind of block it was.
    pub kind: BlockKind,
    /// Its text without markup, never empty. Line breaks are kept in paragraphs that are not wrapped, and are spaces elsewhere.
    pub text: String,
}

/// A kind of block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// A heading of any level.
    Heading,
    /// A paragraph, code or HTML among them.
    Paragraph,
    /// An item of a list, or a row of a table.
    Item,
}

/// Returns the text of a Markdown document without its markup. HTML stays, as literal text, except comments.
pub fn plain(markdown: &str) -> String {
    paragraphs(markdown).join("\n\n")
}

/// Returns a Markdown document with its markup, as a model reads it: without comments, and without the addresses of pictures and of links that
/// lead nowhere outside of its folder.
pub fn readable(markdown: &str) -> String {
    let markdown = without_comments(markdown);
    let (mut readable, mut from) = (String::with_capacity(markdown.len()), 0);
    // The link or picture that is open, with the range of what stands in it.
    let mut open: Option<(Range<usize>, Option<Range<usize>>)> = None;
    for (event, range) in Parser::new_ext(&markdown, Options::ENABLE_TABLES).into_offset_iter() {
        let is_local = |address: &str| !["http://", "https://", "mailto:", "tel:"].iter().any(|scheme| address.starts_with(scheme));
        match (event, &mut open) {
            (Event::Start(Tag::Link { dest_url, .. }), None) if is_local(&dest_url) => open = Some((range, None)),
            (Event::Start(Tag::Image { .. }), None) => open = Some((range, None)),
            (Event::End(TagEnd::Link | TagEnd::Image), Some((whole, inside))) if *whole == range => {
                readable.push_str(&markdown[from..whole.start]);
                readable.push_str(inside.clone().map_or("", |inside| &markdown[inside]));
                from = whole.end;
                open = None;
            }
            (_, Some((_, inside))) => *inside = Some(inside.as_ref().map_or(range.start, |inside| inside.start)..range.end),
            _ => {}
        }
    }
    readable.push_str(&markdown[from..]);
    decode_entities(readable.trim()).into_owned()
}

/// Returns the texts of a document's blocks, in order.
pub fn paragraphs(markdown: &str) -> Vec<String> {
    blocks(markdown).into_iter().map(|block| block.text).collect()
}

/// Returns the headings, paragraphs, list items and table rows of a Markdown document, in order, none empty.
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut text = String::new();
    let mut items = 0_usize;
    let mut close = |text: &mut String, kind: BlockKind| {
        let trimmed = text.trim();
        if !trimmed.is_empty() {
            let text = if kind == BlockKind::Paragraph && !is_wrapped(trimmed) { trimmed.to_owned() } else { trimmed.replace('\n', " ") };
            blocks.push(Block { kind, text });
        }
        text.clear();
    };
    for event in Parser::new_ext(&without_comments(markdown), Options::ENABLE_TABLES) {
        let kind = if items > 0 { BlockKind::Item } else { BlockKind::Paragraph };
        match event {
            Event::Text(piece) | Event::Code(piece) => text.push_str(&piece),
            Event::Html(piece) | Event::InlineHtml(piece) => text.push_str(&decode_entities(&piece)),
            Event::SoftBreak | Event::HardBreak => text.push('\n'),
            Event::Start(Tag::Item) => {
                close(&mut text, kind);
                items += 1;
            }
            Event::End(TagEnd::Item) => {
                close(&mut text, kind);
                items -= 1;
            }
            Event::End(TagEnd::TableCell) => text.push_str("  "),
            Event::End(TagEnd::TableRow | TagEnd::TableHead) => close(&mut text, BlockKind::Item),
            Event::End(TagEnd::Heading(_)) => close(&mut text, BlockKind::Heading),
            Event::End(TagEnd::Paragraph | TagEnd::CodeBlock | TagEnd::HtmlBlock) => close(&mut text, kind),
            _ => {}
        }
    }
    close(&mut text, BlockKind::Paragraph);
    blocks
}

/// Returns whether a paragraph is hard-wrapped: no line but the last has room for the next word. Lines broken elsewhere are meant to stand
/// alone.
fn is_wrapped(text: &str) -> bool {
    let length = |text: &str| text.chars().count();
    let lines: Vec<&str> = text.lines().collect();
    let width = lines.iter().map(|line| length(line)).max().unwrap_or_default();
    let next = |line: &str| length(line.split_whitespace().next().unwrap_or_default());
    lines.windows(2).all(|pair| length(pair[0]) + 1 + next(pair[1]) > width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_goes_and_text_stays() {
        let markdown = "# Title\n\nSee [returns](../r.md) in **30 days**.\nReally.\n\n- one\n- two `x`\n\n<b>literal</b> 3 < 4";
        assert_eq!(paragraphs(markdown), ["Title", "See returns in 30 days. Really.", "one", "two x", "<b>literal</b> 3 < 4"]);
        let kinds: Vec<BlockKind> = blocks(markdown).into_iter().map(|block| block.kind).collect();
        use BlockKind::{Heading, Item, Paragraph};
        assert_eq!(kinds, [Heading, Paragraph, Item, Item, Paragraph]);
    }

    #[test]
    fn lines_that_were_meant_stay_and_wrapped_ones_are_joined() {
        assert_eq!(
            paragraphs("where is my refund\nI can't find it. Please help.\nno"),
            ["where is my refund\nI can't find it. Please help.\nno"]
        );
        let wrapped = "A refund goes back to the card that was paid\nwith, and takes five working days to show\nup.";
        assert_eq!(paragraphs(wrapped), [wrapped.replace('\n', " ")]);
    }

    #[test]
    fn what_a_model_reads_keeps_headings_and_tables() {
        let markdown = "## Fees\n\nSee [**our** returns](../r.md) or [the site](https://shop.example/r). <!-- 41 percent -->\n\n| a | b |\n|---|---|\n| 1 | [x](#y) |\n\n![A red towel](t.png)";
        let expected =
            "## Fees\n\nSee **our** returns or [the site](https://shop.example/r). \n\n| a | b |\n|---|---|\n| 1 | x |\n\nA red towel";
        assert_eq!(readable(markdown), expected);
    }

    #[test]
    fn comments_are_no_text_and_entities_are_characters() {
        let markdown = "Tea &amp; cake <!-- margin is 41 percent -->\n\n<div>\n5&nbsp;&euro; &mdash; <!-- x\n\ny --> fine\n</div>\n\n`<!-- code &amp; -->`";
        let text = plain(markdown);
        assert!(!text.contains("margin") && !text.contains('x') && !text.contains('y'), "{text}");
        for part in ["Tea & cake", "5\u{a0}€ — ", "fine", "<!-- code &amp; -->"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn a_table_gives_its_rows() {
        assert_eq!(paragraphs("|a|b|\n|-|-|\n|1|2|"), ["a  b", "1  2"]);
    }
}
