//! Markdown as people read it.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// The text of a Markdown document without its markup. HTML stays, as the literal text that it is.
pub fn plain(markdown: &str) -> String {
    paragraphs(markdown).join("\n\n")
}

/// The paragraphs, headings, list items and table rows of a Markdown document as plain text, in order, none empty.
pub fn paragraphs(markdown: &str) -> Vec<String> {
    let mut paragraphs = Vec::new();
    let mut text = String::new();
    let mut close = |text: &mut String| {
        let trimmed = text.trim();
        if !trimmed.is_empty() {
            paragraphs.push(trimmed.to_owned());
        }
        text.clear();
    };
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Text(piece) | Event::Code(piece) | Event::Html(piece) | Event::InlineHtml(piece) => text.push_str(&piece),
            Event::SoftBreak | Event::HardBreak => text.push(' '),
            Event::Start(Tag::Item) => close(&mut text),
            Event::End(TagEnd::TableCell) => text.push_str("  "),
            Event::End(
                TagEnd::Paragraph
                | TagEnd::Heading(_)
                | TagEnd::Item
                | TagEnd::CodeBlock
                | TagEnd::TableRow
                | TagEnd::TableHead
                | TagEnd::HtmlBlock,
            ) => close(&mut text),
            _ => {}
        }
    }
    close(&mut text);
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_goes_and_text_stays() {
        let markdown = "# Title\n\nSee [returns](../r.md) in **30 days**.\nReally.\n\n- one\n- two `x`\n\n<b>literal</b> 3 < 4";
        assert_eq!(paragraphs(markdown), ["Title", "See returns in 30 days. Really.", "one", "two x", "<b>literal</b> 3 < 4"]);
    }

    #[test]
    fn a_table_gives_its_rows() {
        assert_eq!(paragraphs("|a|b|\n|-|-|\n|1|2|"), ["a  b", "1  2"]);
    }
}
