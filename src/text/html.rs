//! Renders untrusted Markdown as safe HTML: HTML in it is escaped, except comments, which are removed; images become links, and a link may
//! only go to allowed targets.

use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};

use crate::text::comments::{decode_entities, without_comments};

/// Allowed link targets.
const SCHEMES: [&str; 4] = ["http://", "https://", "mailto:", "tel:"];

/// Renders Markdown. Headings are demoted by one level: the page has the title.
pub fn html(markdown: &str) -> String {
    let mut open_links = Vec::new();
    let visible = without_comments(markdown);
    let events = Parser::new_ext(&visible, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).filter_map(|event| {
        Some(match event {
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(decode_entities(&text).into_owned().into()),
            Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                let link = opened(&dest_url);
                open_links.push(link.is_some());
                raw(link?)
            }
            Event::End(TagEnd::Link | TagEnd::Image) => match open_links.pop() {
                Some(true) => raw("</a>".to_owned()),
                _ => return None,
            },
            Event::Start(Tag::Heading { level, .. }) => {
                Event::Start(Tag::Heading { level: lower(level), id: None, classes: Vec::new(), attrs: Vec::new() })
            }
            Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(lower(level))),
            other => other,
        })
    });
    let mut written = String::with_capacity(markdown.len() * 3 / 2);
    push_html(&mut written, events);
    written
}

/// Escapes text for HTML and its attributes.
pub fn escape_html(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => written.push_str("&amp;"),
            '<' => written.push_str("&lt;"),
            '>' => written.push_str("&gt;"),
            '"' => written.push_str("&quot;"),
            '\'' => written.push_str("&#39;"),
            other => written.push(other),
        }
    }
    written
}

/// HTML of ours among the events of a document.
pub(super) fn raw(html: String) -> Event<'static> {
    Event::InlineHtml(CowStr::from(html))
}

/// Returns the tag of a link to the web, or to another article by its file; `None` for other targets.
fn opened(address: &str) -> Option<String> {
    if is_safe(address) {
        return Some(format!("<a href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">", escape_html(address)));
    }
    let file = address.split('#').next()?.rsplit('/').next()?;
    let id = file.strip_suffix(".md").filter(|id| !id.is_empty() && !address.contains(':'))?;
    let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    plain.then(|| format!("<a href=\"#article={id}\" data-article=\"{id}\">"))
}

/// Whether a link may go to an address of another site.
pub(super) fn is_safe(address: &str) -> bool {
    let address = address.to_ascii_lowercase();
    SCHEMES.iter().any(|scheme| address.starts_with(scheme)) && !address.chars().any(char::is_control)
}

fn lower(level: HeadingLevel) -> HeadingLevel {
    match level {
        HeadingLevel::H1 => HeadingLevel::H2,
        HeadingLevel::H2 => HeadingLevel::H3,
        HeadingLevel::H3 => HeadingLevel::H4,
        HeadingLevel::H4 => HeadingLevel::H5,
        HeadingLevel::H5 | HeadingLevel::H6 => HeadingLevel::H6,
    }
}

/// Every tag is one of ours, with no attribute but ours.
#[cfg(any(test, fuzzing))]
pub fn is_tame(html: &str) -> bool {
    html.split('<').skip(1).all(|tag| {
        let Some((tag, _)) = tag.split_once('>') else { return false };
        let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
        let known = [
            "p",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "strong",
            "em",
            "del",
            "code",
            "pre",
            "ul",
            "ol",
            "li",
            "table",
            "thead",
            "tbody",
            "tr",
            "td",
            "th",
            "blockquote",
            "br",
            "hr",
            "a",
        ];
        let rest = tag.trim_start_matches('/').trim_start_matches(name);
        let attributes_ok = match name {
            "a" => {
                rest.is_empty()
                    || rest.strip_prefix(" href=\"#article=").and_then(|rest| rest.split_once("\" data-article=\"")).is_some_and(
                        |(id, rest)| {
                            rest.strip_suffix('"') == Some(id)
                                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
                        },
                    )
                    || rest
                        .strip_prefix(" href=\"")
                        .and_then(|rest| rest.strip_suffix("\" target=\"_blank\" rel=\"noopener noreferrer nofollow\""))
                        .is_some_and(|address| is_safe(address) && !address.contains('"'))
            }
            "code" => {
                rest.is_empty()
                    || rest.strip_prefix(" class=\"").and_then(|rest| rest.strip_suffix('"')).is_some_and(|class| !class.contains('"'))
            }
            "ol" => rest.is_empty() || rest.starts_with(" start=\""),
            "td" | "th" => rest.is_empty() || rest.starts_with(" style=\"text-align: "),
            _ => matches!(rest, "" | " /"),
        };
        known.contains(&name) && attributes_ok
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_articles_are_made_of_is_shown() {
        let shown = html("# A\n\n**b** _c_ ~~d~~ `e`\n\n- one\n\n|x|y|\n|-|-|\n|1|2|\n\n[shop](https://shop.example/a?b=1&c=2)");
        for part in [
            "<h2>A</h2>",
            "<strong>b</strong>",
            "<em>c</em>",
            "<code>e</code>",
            "<li>one</li>",
            "<td>1</td>",
            "<a href=\"https://shop.example/a?b=1&amp;c=2\" target=\"_blank\" rel=\"noopener noreferrer nofollow\">shop</a>",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
    }

    #[test]
    fn an_article_links_to_another_by_its_file() {
        let shown = html("[sizes](../products/size-guide.md#duvets) and [a file](../x.txt)");
        assert_eq!(shown, "<p><a href=\"#article=size-guide\" data-article=\"size-guide\">sizes</a> and a file</p>\n");
    }

    #[test]
    fn comments_are_not_shown_and_entities_are_characters() {
        let shown = html("a <!-- margin --> b\n\n<div>\n<!-- 41 percent -->Q&amp;A &lt;i&gt;\n</div>");
        assert!(!shown.contains("margin") && !shown.contains("percent") && !shown.contains("!--"), "{shown}");
        assert!(shown.contains("Q&amp;A &lt;i&gt;"), "{shown}");
    }

    #[test]
    fn a_picture_is_a_link() {
        let shown = html("![the *label*](https://shop.example/label.png \"x\")");
        assert!(shown.contains("href=\"https://shop.example/label.png\""), "{shown}");
        assert!(shown.contains("label</em></a>") && !shown.contains("<img"), "{shown}");
    }

    #[test]
    fn nothing_of_it_runs() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[x](javascript:alert(1))",
            "[x](JaVaScRiPt:alert(1))",
            "[x](java\tscript:alert(1))",
            "[x](&#106;avascript:alert(1))",
            "![x](data:text/html,<script>alert(1)</script>)",
            "<a href='vbscript:x'>y</a>",
            "[x](https://a\"onmouseover=\"alert(1))",
            "<div\n onclick=alert(1)>\n\nx\n\n</div>",
            "<!-- --><svg/onload=alert(1)>",
            "```html\"onx=1\n<script>\n```",
            "<https://a.example/\"onclick=\"x>",
            "<javascript:alert(1)>",
            "[x]: javascript:alert(1)\n\n[x]",
        ] {
            assert!(is_tame(&html(hostile)), "{hostile} gave {}", html(hostile));
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_no_tag_is_its_writers(markdown in r#"([<>"'`\[\]()!&;:/=#*_|~\\\n -]|script|javascript:|on|src|\\.md|https://|a){0,40}"#) {
            prop_assert!(is_tame(&html(&markdown)), "{:?} gave {}", markdown, html(&markdown));
        }
    }
}
