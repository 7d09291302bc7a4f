//! Texts of a source as ours: HTML as Markdown, placeholders by our names, pictures by address. What a text has and we cannot keep is
//! listed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use htmd::{
    HtmlToMarkdown,
    options::{BulletListMarker, Options},
};
use pulldown_cmark::{Event, Options as MarkdownOptions, Parser, Tag};
use reqwest::Url;

use crate::{
    cli::import::account::Account,
    text::{is_known_placeholder, placeholders},
};

/// Elements whose content is not text for readers.
const SKIPPED: [&str; 16] = [
    "script", "style", "iframe", "object", "embed", "applet", "noscript", "template", "svg", "math", "canvas", "video", "audio", "form",
    "head", "title",
];
/// Those among them that may hold something a reader would miss.
const MISSED: [&str; 9] = ["iframe", "object", "embed", "svg", "math", "canvas", "video", "audio", "form"];
/// Elements of HTML that a message or an article may be written with.
const ELEMENTS: &str = " a abbr address article aside b big blockquote body br button caption center cite code col colgroup dd del details dfn div dl \
    dt em embed fieldset figcaption figure font footer form h1 h2 h3 h4 h5 h6 head header hr html i iframe img input ins kbd label legend li link \
    main mark meta nav noscript object ol optgroup option p picture pre q s samp script section select small source span strike strong style sub \
    summary sup svg table tbody td template textarea tfoot th thead time title tr tt u ul var video audio wbr ";
/// Elements that need no end: one of them does not stand in the one before.
const UNCLOSED: [&str; 24] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr", "p", "li", "td", "th",
    "tr", "dt", "dd", "option", "thead", "tbody",
];
/// How deep elements may stand in one another: a thread's stack has room for many times as many.
const MAX_NESTING: usize = 200;
/// What stands for a placeholder while HTML becomes Markdown: characters that no text has, and no converter escapes.
const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';
/// Schemes that a link may have.
const SCHEMES: [&str; 4] = ["http://", "https://", "mailto:", "tel:"];

/// What a source's placeholder is with us; `None` if we have none.
pub type Placeholders = fn(&str) -> Option<String>;

/// Which tags in Markdown are markup.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tags {
    /// Those of HTML; `<ORDER NUMBER>` is a text.
    OfHtml,
    /// All of them: components of a page are tags, too.
    All,
}

impl Tags {
    fn has(self, markup: &str) -> bool {
        let name = markup.trim_start().trim_start_matches(['<', '/']);
        let name = name.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
        let is_comment = markup.trim_start().starts_with("<!--");
        !is_comment && (self == Tags::All || ELEMENTS.contains(&format!(" {} ", name.to_ascii_lowercase())))
    }
}

/// How texts are taken.
#[derive(Debug, Clone, Default)]
pub struct Bodies {
    /// Hosts whose pictures stay pictures, in lower case.
    pub picture_hosts: BTreeSet<String>,
}

impl Bodies {
    /// The body of an article in HTML. `url` is where the article stands, from which addresses of pictures may lead; empty if unknown.
    pub fn article_html(&self, html: &str, known: Placeholders, url: &str, id: &str, account: &mut Account) -> String {
        self.article(&markdown_of(html, id, account), known, url, id, account)
    }

    /// The body of an article in Markdown, likewise.
    pub fn article(&self, markdown: &str, known: Placeholders, url: &str, id: &str, account: &mut Account) -> String {
        self.cleaned(&named(markdown, known, id, account), Tags::All, url, id, account)
    }

    /// The body of a canned answer in HTML. A message is sent as it is, so what Markdown would escape is not escaped.
    pub fn answer_html(&self, html: &str, known: Placeholders, id: &str, account: &mut Account) -> String {
        let markdown = self.cleaned(&markdown_of(html, id, account), Tags::OfHtml, "", id, account);
        named(&unescaped(&markdown), known, id, account)
    }

    /// The body of a canned answer that is plain or Markdown.
    pub fn answer(&self, text: &str, known: Placeholders, id: &str, account: &mut Account) -> String {
        self.cleaned(&named(text, known, id, account), Tags::OfHtml, "", id, account)
    }

    /// Markdown without pictures of hosts that are not allowed, without links that run something, and without HTML.
    fn cleaned(&self, markdown: &str, tags: Tags, url: &str, id: &str, account: &mut Account) -> String {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        let options = MarkdownOptions::ENABLE_TABLES | MarkdownOptions::ENABLE_STRIKETHROUGH;
        for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
            if edits.last().is_some_and(|(edited, _)| edited.end > range.start) {
                continue;
            }
            match event {
                Event::Start(Tag::Image { dest_url, title: _, link_type: _, id: _ }) => {
                    let shown = label(&markdown[range.clone()]);
                    if let Some(edit) = self.picture(&dest_url, &shown, url, id, account) {
                        edits.push((range, edit));
                    }
                }
                Event::Start(Tag::Link { dest_url, .. }) if has_other_scheme(&dest_url) => {
                    account.list("links to addresses that are neither http, mailto nor tel", id);
                    edits.push((range.clone(), label(&markdown[range])));
                }
                Event::Start(Tag::HtmlBlock) if tags.has(&markdown[range.clone()]) => {
                    account.list("HTML in Markdown, taken as its text", id);
                    let text = markdown_of(&markdown[range.clone()], id, account);
                    edits.push((range, format!("{text}\n\n")));
                }
                Event::InlineHtml(html) if tags.has(&html) => {
                    account.list("HTML in Markdown, taken as its text", id);
                    let is_break = html.starts_with("<br");
                    edits.push((range, if is_break { "  \n".to_owned() } else { String::new() }));
                }
                _ => {}
            }
        }
        let mut cleaned = markdown.to_owned();
        for (range, edit) in edits.into_iter().rev() {
            cleaned.replace_range(range, &edit);
        }
        cleaned.trim().to_owned()
    }

    /// What stands for a picture; `None` if it stays as it is.
    fn picture(&self, address: &str, shown: &str, url: &str, id: &str, account: &mut Account) -> Option<String> {
        let shown = shown.trim();
        let Some(whole) = whole_address(address, url) else {
            account.list("pictures in the file or beside it, without an address", id);
            return Some(shown.to_owned());
        };
        let host = whole.host_str().unwrap_or_default();
        // Brackets would end the address.
        let to = whole.as_str().replace('(', "%28").replace(')', "%29");
        if self.picture_hosts.contains(host) {
            return (to != address).then(|| format!("![{shown}]({to})"));
        }
        account.list(format!("pictures of {host} as links; --picture-host {host} keeps them"), id);
        Some(format!("[{}]({to})", if shown.is_empty() { "picture" } else { shown }))
    }
}

/// The address of a picture, where it is one of the web: as it is, or from where its article stands.
fn whole_address(address: &str, url: &str) -> Option<Url> {
    let whole = match Url::parse(url) {
        Ok(base) => base.join(address),
        // A host without a scheme is one of the web, wherever the article stands.
        Err(_) if address.starts_with("//") => Url::parse(&format!("https:{address}")),
        Err(_) => Url::parse(address),
    };
    whole.ok().filter(|whole| matches!(whole.scheme(), "http" | "https"))
}

/// HTML as Markdown. Scripts, styles and whatever is not text go.
pub fn markdown_of(html: &str, id: &str, account: &mut Account) -> String {
    let lower = html.to_ascii_lowercase();
    for element in MISSED {
        if lower.contains(&format!("<{element}")) {
            account.list(format!("<{element}> in HTML"), id);
        }
    }
    if nesting(&lower) > MAX_NESTING {
        account.list(format!("HTML nested more than {MAX_NESTING} deep, left out"), id);
        return String::new();
    }
    // A placeholder's underscores must not be escaped.
    let mut shielded = String::with_capacity(html.len());
    let mut names = Vec::new();
    let mut from = 0;
    for found in placeholders(html) {
        shielded.push_str(&html[from..found.start]);
        shielded.push_str(&format!("{OPEN}{}{CLOSE}", names.len()));
        names.push(&html[found.start..found.end]);
        from = found.end;
    }
    shielded.push_str(&html[from..]);
    let options = Options { bullet_list_marker: BulletListMarker::Dash, ul_bullet_spacing: 1, ol_number_spacing: 1, ..Options::default() };
    let converter = HtmlToMarkdown::builder().options(options).skip_tags(SKIPPED.to_vec()).build();
    let Ok(markdown) = converter.convert(&shielded) else {
        account.list("HTML that can't be read, taken as it is", id);
        return html.to_owned();
    };
    let markdown = with_entities(&markdown);
    let mut restored = String::with_capacity(markdown.len());
    let mut rest = markdown.as_str();
    while let Some(open) = rest.find(OPEN) {
        restored.push_str(&rest[..open]);
        let behind = &rest[open + OPEN.len_utf8()..];
        let name = behind.split_once(CLOSE).and_then(|(number, tail)| Some((names.get(number.parse::<usize>().ok()?)?, tail)));
        match name {
            Some((name, tail)) => {
                restored.push_str(name);
                rest = tail;
            }
            None => rest = behind,
        }
    }
    restored.push_str(rest);
    restored
}

/// How deep elements of HTML in lower case may stand in one another, at most. The converter goes down into each.
fn nesting(html: &str) -> usize {
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    let (mut depth, mut deepest) = (0_usize, 0);
    for (at, _) in html.match_indices('<') {
        let rest = &html[at + 1..];
        let (is_end, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        let name = rest.split(|letter: char| !letter.is_ascii_alphanumeric()).next().unwrap_or_default();
        if name.is_empty() || UNCLOSED.contains(&name) {
            continue;
        }
        let of_name = open.entry(name).or_default();
        // An end of what was not begun ends nothing.
        if is_end && *of_name > 0 {
            *of_name -= 1;
            depth -= 1;
        } else if !is_end {
            *of_name += 1;
            depth += 1;
            deepest = deepest.max(depth);
        }
    }
    deepest
}

/// The text of HTML, for a message of a chat: Markdown without escapes and without pictures.
pub fn text_of(html: &str) -> String {
    let markdown = markdown_of(html, "", &mut Account::default());
    let text = unescaped(&Bodies::default().cleaned(&markdown, Tags::OfHtml, "", "", &mut Account::default()));
    crate::text::without_entities(&text).into_owned()
}

/// A text with the placeholders that are ours. The others stay as they are, and are listed.
fn named(text: &str, known: Placeholders, id: &str, account: &mut Account) -> String {
    let mut named = String::with_capacity(text.len());
    let mut from = 0;
    for found in placeholders(text) {
        named.push_str(&text[from..found.start]);
        match known(found.name).or_else(|| is_known_placeholder(found.name).then(|| found.name.to_owned())) {
            Some(ours) => named.push_str(&format!("{{{{{ours}}}}}")),
            None => {
                let whole = &text[found.start..found.end];
                account.list(format!("placeholder {whole}, which no chat fills"), id);
                named.push_str(whole);
            }
        }
        from = found.end;
    }
    named.push_str(&text[from..]);
    named
}

/// Markdown in which an escaped `<` is an entity, so that nothing that reads it as another form of text takes it for a tag.
fn with_entities(markdown: &str) -> String {
    with_escapes(markdown, |sign, text| if sign == '<' { text.push_str("&lt;") } else { text.extend(['\\', sign]) })
}

/// Markdown without the backslashes that only keep a character from being read as a sign.
fn unescaped(markdown: &str) -> String {
    let text = with_escapes(markdown, |sign, text| text.push(sign));
    text.lines().map(str::trim_end).collect::<Vec<&str>>().join("\n")
}

/// Markdown with each sign that a backslash escapes written by `write`. Code stays as it is.
fn with_escapes(markdown: &str, write: fn(char, &mut String)) -> String {
    let has_code = |event: &Event<'_>| matches!(event, Event::Code(_) | Event::Start(Tag::CodeBlock(_)));
    let code: Vec<Range<usize>> =
        Parser::new(markdown).into_offset_iter().filter(|(event, _)| has_code(event)).map(|(_, range)| range).collect();
    let mut text = String::with_capacity(markdown.len());
    let mut letters = markdown.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let is_code = || code.get(code.partition_point(|range| range.end <= at)).is_some_and(|range| range.start <= at);
        let is_escape = letter == '\\' && !is_code();
        match letters.next_if(|(_, next)| is_escape && next.is_ascii_punctuation()) {
            Some((_, sign)) => write(sign, &mut text),
            None => text.push(letter),
        }
    }
    text
}

/// What stands between the brackets of a link or picture.
pub fn label(markdown: &str) -> String {
    let inside = markdown.trim_start_matches('!').trim_start_matches('[');
    let end = inside.rfind("](").or_else(|| inside.rfind(']')).unwrap_or(inside.len());
    inside[..end].to_owned()
}

fn has_other_scheme(address: &str) -> bool {
    let lower = address.trim().to_lowercase();
    let scheme = lower.split_once(':').map(|(scheme, _)| scheme).unwrap_or_default();
    let is_scheme = !scheme.is_empty() && scheme.chars().all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    is_scheme && !SCHEMES.iter().any(|known| lower.starts_with(known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn article(html: &str) -> (String, Account) {
        let mut account = Account::default();
        let bodies = Bodies { picture_hosts: ["cdn.shop.example".to_owned()].into() };
        (bodies.article_html(html, |_| None, "https://shop.example/hc/tr/articles/1-iade", "1", &mut account), account)
    }

    #[test]
    fn html_becomes_markdown_without_anything_that_runs() {
        let (text, _) = article(
            "<h2>İade</h2><p>Merhaba <b>siz</b><script>alert(1)</script><style>p{}</style></p><ul><li>bir</li><li>iki</li></ul>\
             <p onclick=\"x()\"><a href=\"javascript:alert(1)\">bas</a> <a href=\"https://shop.example/a\">git</a></p>\
             <iframe src=\"https://evil.example\"></iframe>&lt;script&gt;alert(2)&lt;/script&gt;<svg onload=alert(3)></svg>",
        );
        assert!(text.contains("## İade") && text.contains("**siz**") && text.contains("- bir\n- iki"), "{text}");
        assert!(text.contains("[git](https://shop.example/a)") && text.contains("bas"), "{text}");
        assert!(text.contains("&lt;script>alert(2)&lt;/script>"), "{text}");
        for bad in ["javascript:", "<script", "alert(1)", "alert(3)", "<iframe", "<svg", "onclick", "p{}"] {
            assert!(!text.contains(bad), "{bad} in {text}");
        }
    }

    #[test]
    fn html_of_any_depth_ends() {
        for (element, times, is_kept) in [
            ("div", 100_000, false),
            ("b", 100_000, false),
            ("div></x", 100_000, false),
            ("p", 1000, true),
            ("div", 150, true),
            ("ul><li", 150, true),
        ] {
            let (text, _) = article(&format!("{}x", format!("<{element}>").repeat(times)));
            assert_eq!(text.contains('x'), is_kept, "{times} {element}");
        }
        for sign in ["<p><", ">", "</", "<!--", "[", "`", "\\", "![](", "{{"] {
            article(&sign.repeat(20_000));
        }
    }

    #[test]
    fn pictures_of_allowed_hosts_stay_and_others_become_links() {
        let (text, _) = article(
            "<p><img src=\"https://cdn.shop.example/a.png\" alt=\"A\"> <img src=\"https://other.example/b.png\" alt=\"B\"> \
             <img src=\"data:image/png;base64,AAAA\" alt=\"C\"></p>",
        );
        assert!(text.contains("![A](https://cdn.shop.example/a.png)"), "{text}");
        assert!(text.contains("[B](https://other.example/b.png)") && !text.contains("![B]"), "{text}");
        assert!(text.contains('C') && !text.contains("base64"), "{text}");
    }

    #[test]
    fn addresses_of_pictures_lead_from_where_the_article_stands() {
        let html = "<p><img src=\"/hc/attachments/a (1).png\" alt=\"A\"> <img src=\"//cdn.shop.example/b.png\" alt=\"B\"> \
                    <img src=\"c.png\" alt=\"C\"> <img src=\"javascript:x\" alt=\"D\"></p>";
        let mut account = Account::default();
        let bodies = Bodies { picture_hosts: ["cdn.shop.example".to_owned(), "shop.example".to_owned()].into() };
        let mut article = |bodies: &Bodies, url: &str| bodies.article_html(html, |_| None, url, "1", &mut account);
        let text = article(&bodies, "https://shop.example/hc/tr/articles/1-iade");
        assert_eq!(
            text,
            "![A](https://shop.example/hc/attachments/a%20%281%29.png) ![B](https://cdn.shop.example/b.png) \
             ![C](https://shop.example/hc/tr/articles/c.png) D"
        );
        let text = article(&Bodies::default(), "https://shop.example/hc/tr/articles/1-iade");
        assert!(text.starts_with("[A](https://shop.example/hc/attachments/a%20%281%29.png) [B](https://cdn"), "{text}");
        assert_eq!(article(&bodies, ""), "A ![B](https://cdn.shop.example/b.png) C D");
        assert!(format!("{account:?}").contains("pictures in the file or beside it, without an address"));
    }

    #[test]
    fn placeholders_are_ours_and_survive_the_conversion() {
        let known = |name: &str| (name == "ticket.requester.first_name").then(|| "customer.first_name".to_owned());
        let mut account = Account::default();
        let html = "<p>Hi {{ticket.requester.first_name}}, <em>{{agent.name}}</em> {{ticket.ticket_field_1}} 1. a_b * c \\d &lt;b&gt;</p>";
        let text = Bodies::default().answer_html(html, known, "1", &mut account);
        assert_eq!(text, "Hi {{customer.first_name}}, *{{agent.name}}* {{ticket.ticket_field_1}} 1. a_b * c \\d &lt;b>");
        assert_eq!(text_of("<p>a &lt;b&gt; &amp; c_d <code>\\&lt;x&gt;</code></p>"), "a <b> & c_d `\\<x>`");
    }

    #[test]
    fn html_in_markdown_is_not_kept_as_markup() {
        let mut account = Account::default();
        let markdown = "Text <b>bold</b> here<br>\n\n<div onclick=\"x()\">\n<p>Inside <script>alert(1)</script></p>\n</div>\n\n`<code>`\n";
        let text = Bodies::default().article(markdown, |_| None, "", "1", &mut account);
        assert!(text.contains("Text bold here") && text.contains("Inside") && text.contains("`<code>`"), "{text}");
        assert!(!text.contains("<div") && !text.contains("alert") && !text.contains("<b>"), "{text}");
        let plain = "Your order <ORDER NUMBER> is at <address@shop.example>.\n\n<NAME>\n\n<script>alert(1)</script>";
        let text = Bodies::default().answer(plain, |_| None, "1", &mut account);
        assert_eq!(text, "Your order <ORDER NUMBER> is at <address@shop.example>.\n\n<NAME>");
    }
}
