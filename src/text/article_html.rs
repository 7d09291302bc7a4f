//! Renders an article's untrusted Markdown as the body of a page: headings have ids, links between articles lead to their pages, pictures of
//! allowed hosts are shown. HTML in it is literal text.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;
use pulldown_cmark::{Alignment, CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html::push_html};

use crate::text::{
    comments::{decode_entities, without_comments},
    html::{escape_html, is_safe, raw},
};

/// Longest id of a heading, in characters.
const MAX_SLUG: usize = 60;

/// Where the links and pictures of an article lead.
pub struct Destinations<'a> {
    /// The path of another article's page, by its id; `None`: it has none.
    pub article: &'a dyn Fn(&str) -> Option<String>,
    /// The origin of the site itself: links to other sites are marked as such.
    pub origin: &'a str,
    /// Hosts whose pictures are shown, in lower case.
    pub picture_hosts: &'a [String],
    /// What a link to a picture without words of its own is called.
    pub picture: &'a str,
    /// What a table is called.
    pub table: &'a str,
}

/// A rendered article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArticleHtml {
    /// Safe HTML: every tag is one of ours.
    pub html: String,
    /// Its headings, in order.
    pub headings: Vec<Heading>,
}

/// A heading of an article.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heading {
    /// From 2: the page's title is 1. No level is left out.
    pub level: usize,
    /// Unique among the headings: letters, digits and `-` alone.
    pub id: String,
    /// Its words.
    pub text: String,
}

/// Renders Markdown.
pub fn article_html(markdown: &str, to: &Destinations) -> ArticleHtml {
    let visible = without_comments(markdown);
    let events: Vec<Event> = Parser::new_ext(&visible, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH).collect();
    let mut writer =
        Writer { to, written: Vec::with_capacity(events.len()), headings: Vec::new(), slugs: HashMap::new(), links: Vec::new() };
    let mut at = 0;
    while at < events.len() {
        at = writer.write(&events, at);
    }
    let mut html = String::with_capacity(markdown.len() * 3 / 2);
    push_html(&mut html, writer.written.into_iter());
    ArticleHtml { html, headings: writer.headings }
}

struct Writer<'a, 'm> {
    to: &'a Destinations<'a>,
    written: Vec<Event<'m>>,
    headings: Vec<Heading>,
    slugs: HashMap<String, usize>,
    /// The open links, and whether each was written.
    links: Vec<bool>,
}

impl<'m> Writer<'_, 'm> {
    /// Writes the event at a place; returns the place of the next one.
    fn write(&mut self, events: &[Event<'m>], at: usize) -> usize {
        let next = at + 1;
        match &events[at] {
            Event::Html(text) | Event::InlineHtml(text) => self.written.push(Event::Text(decode_entities(text).into_owned().into())),
            Event::Start(Tag::HtmlBlock) => self.written.push(Event::Start(Tag::Paragraph)),
            Event::End(TagEnd::HtmlBlock) => self.written.push(Event::End(TagEnd::Paragraph)),
            Event::Start(Tag::Heading { level, .. }) => {
                let (text, end) = words(events, at);
                if text.is_empty() {
                    return end + 1;
                }
                self.heading(*level, text);
            }
            Event::End(TagEnd::Heading(_)) => {
                let level = self.headings.last().map_or(2, |heading| heading.level);
                self.raw(format!("</h{level}>\n"));
            }
            Event::Start(Tag::Link { dest_url, .. }) => {
                let is_named = !words(events, at).0.is_empty();
                let link = self.link(dest_url).filter(|_| is_named && !self.links.contains(&true));
                self.links.push(link.is_some());
                link.into_iter().for_each(|link| self.raw(link));
            }
            Event::End(TagEnd::Link) => {
                if self.links.pop() == Some(true) {
                    self.raw("</a>".to_owned());
                }
            }
            Event::Start(Tag::Image { dest_url, .. }) => {
                let (text, end) = words(events, at);
                self.picture(dest_url, &text);
                return end + 1;
            }
            // Styles of single cells are not allowed by the page's policy. On a phone the table scrolls by itself.
            Event::Start(Tag::Table(columns)) => {
                self.raw(format!("<div class=\"table\" role=\"group\" tabindex=\"0\" aria-label=\"{}\">", escape_html(self.to.table)));
                self.written.push(Event::Start(Tag::Table(vec![Alignment::None; columns.len()])));
            }
            Event::End(TagEnd::Table) => {
                self.written.push(Event::End(TagEnd::Table));
                self.raw("</div>\n".to_owned());
            }
            Event::Start(Tag::TableHead) => {
                self.written.push(Event::Start(Tag::TableHead));
                return self.table_head(events, next);
            }
            other => self.written.push(other.clone()),
        }
        next
    }

    /// Writes the cells of a table's head: one without words is no header.
    fn table_head(&mut self, events: &[Event<'m>], mut at: usize) -> usize {
        while at < events.len() && events[at] != Event::End(TagEnd::TableHead) {
            let is_empty = events[at] == Event::Start(Tag::TableCell) && events.get(at + 1) == Some(&Event::End(TagEnd::TableCell));
            if is_empty {
                self.raw("<td></td>".to_owned());
                at += 2;
            } else {
                at = self.write(events, at);
            }
        }
        at
    }

    fn heading(&mut self, level: HeadingLevel, text: String) {
        let above = self.headings.last().map_or(1, |heading| heading.level);
        let level = (level as usize + 1).min(above + 1).min(6);
        let slug = slug(&text);
        let times = self.slugs.entry(slug.clone()).or_default();
        *times += 1;
        let mut id = if *times == 1 { slug } else { format!("{slug}-{times}") };
        // A heading may be written like another one's number.
        while self.headings.iter().any(|heading| heading.id == id) {
            id.push('-');
        }
        self.raw(format!("<h{level} id=\"{id}\">"));
        self.headings.push(Heading { level, id, text });
    }

    /// The opening tag of a link; `None` for a target that is not allowed.
    fn link(&self, address: &str) -> Option<String> {
        if is_safe(address) {
            return Some(self.link_to_site(address));
        }
        if address.chars().any(|letter| letter.is_control() || letter == '\\') {
            return None;
        }
        let is_path = address.starts_with('/') && !address.starts_with("//");
        if is_path || address.starts_with('#') {
            return Some(format!("<a href=\"{}\">", escape_html(address)));
        }
        let (path, place) = address.split_once('#').map_or((address, ""), |(path, place)| (path, place));
        let file = path.rsplit('/').next()?;
        let id =
            file.strip_suffix(".md").or_else(|| (file == path).then_some(file)).filter(|id| !id.is_empty() && !address.contains(':'))?;
        let page = (self.to.article)(&percent_decode_str(id).decode_utf8().ok()?)?;
        let place = if place.is_empty() { String::new() } else { format!("#{}", escape_html(place)) };
        Some(format!("<a href=\"{}{place}\">", escape_html(&page)))
    }

    fn link_to_site(&self, address: &str) -> String {
        let is_own = address.strip_prefix(self.to.origin).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let marked = if is_own { "" } else { " rel=\"noopener noreferrer nofollow\"" };
        format!("<a href=\"{}\"{marked}>", escape_html(address))
    }

    /// Shows a picture of an allowed host; of another, links to it by its words.
    fn picture(&mut self, address: &str, text: &str) {
        let url = reqwest::Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        let is_shown = url.as_ref().is_some_and(|url| {
            url.scheme() == "https" && url.port().is_none() && self.to.picture_hosts.iter().any(|host| url.host_str() == Some(host))
        });
        match url {
            Some(url) if is_shown => {
                self.raw(format!("<img src=\"{}\" alt=\"{}\" loading=\"lazy\">", escape_html(url.as_str()), escape_html(text)));
            }
            Some(url) if !self.links.contains(&true) => {
                let name = if text.is_empty() { self.to.picture } else { text };
                let link = self.link_to_site(url.as_str());
                self.raw(format!("{link}{}</a>", escape_html(name)));
            }
            _ => self.written.push(Event::Text(CowStr::from(text.to_owned()))),
        }
    }

    fn raw(&mut self, html: String) {
        self.written.push(raw(html));
    }
}

/// The words within the element that begins at a place, and where it ends.
fn words(events: &[Event], start: usize) -> (String, usize) {
    let (mut words, mut depth) = (String::new(), 0_usize);
    for (at, event) in events.iter().enumerate().skip(start) {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => {
                depth -= 1;
                if depth == 0 {
                    return (words.trim().to_owned(), at);
                }
            }
            Event::Text(text) | Event::Code(text) => words.push_str(text),
            Event::Html(text) | Event::InlineHtml(text) => words.push_str(&decode_entities(text)),
            Event::SoftBreak | Event::HardBreak => words.push(' '),
            _ => {}
        }
    }
    (words.trim().to_owned(), events.len() - 1)
}

/// The id of a heading, as other renderers of Markdown make it: links from elsewhere go on leading there.
fn slug(text: &str) -> String {
    let kept = text.chars().filter(|letter| letter.is_alphanumeric() || letter.is_whitespace() || *letter == '-');
    let slug: String = kept.flat_map(char::to_lowercase).map(|letter| if letter.is_whitespace() { '-' } else { letter }).collect();
    let slug: String = slug.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-').take(MAX_SLUG).collect();
    if slug.trim_matches('-').is_empty() { "section".to_owned() } else { slug }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rendered(markdown: &str) -> ArticleHtml {
        let article = |id: &str| ["size-guide", "été"].contains(&id).then(|| format!("/help/en/{id}"));
        let hosts = ["cdn.shop.example".to_owned()];
        let to =
            Destinations { article: &article, origin: "https://help.example", picture_hosts: &hosts, picture: "Picture", table: "Table" };
        article_html(markdown, &to)
    }

    #[test]
    fn links_lead_to_pages_of_articles_and_marked_to_other_sites() {
        for (markdown, html) in [
            ("[a](../products/size-guide.md#du-vets)", "<a href=\"/help/en/size-guide#du-vets\">a</a>"),
            ("[a](size-guide)", "<a href=\"/help/en/size-guide\">a</a>"),
            ("[a](%C3%A9t%C3%A9.md)", "<a href=\"/help/en/été\">a</a>"),
            ("[a](missing.md) [b](x/size-guide) [c](a.txt)", "a b c"),
            ("[a](#part)", "<a href=\"#part\">a</a>"),
            ("[a](/contact?x=1&y)", "<a href=\"/contact?x=1&amp;y\">a</a>"),
            ("[a](//evil.example) [b](/\\evil.example)", "a b"),
            ("[a](https://help.example/x)", "<a href=\"https://help.example/x\">a</a>"),
            ("[a](https://help.example.evil/x)", "<a href=\"https://help.example.evil/x\" rel=\"noopener noreferrer nofollow\">a</a>"),
            ("[](https://a.example)", ""),
        ] {
            assert_eq!(rendered(markdown).html, format!("<p>{html}</p>\n"), "{markdown}");
        }
    }

    #[test]
    fn headings_leave_out_no_level_and_have_ids_of_their_own() {
        let shown = rendered("### Größe & Maß\n\n# Fees\n\n## Fees\n\n#\n\n# Fees-2\n\n# <b>\n\n# !");
        let headings: Vec<(usize, &str)> = shown.headings.iter().map(|heading| (heading.level, heading.id.as_str())).collect();
        assert_eq!(headings, [(2, "größe--maß"), (2, "fees"), (3, "fees-2"), (2, "fees-2-"), (2, "b"), (2, "section")]);
        assert!(shown.html.starts_with("<h2 id=\"größe--maß\">Größe &amp; Maß</h2>\n<h2 id=\"fees\">Fees</h2>\n<h3"), "{}", shown.html);
    }

    #[test]
    fn pictures_of_allowed_hosts_are_shown_and_others_are_links() {
        let shown = rendered(
            "![a \"tag\"](https://cdn.shop.example/a.png \"t\") ![b](https://evil.example/b.png) ![](http://x.example/c.png) ![d](d.png)",
        )
        .html;
        for part in [
            "<img src=\"https://cdn.shop.example/a.png\" alt=\"a &quot;tag&quot;\" loading=\"lazy\">",
            "<a href=\"https://evil.example/b.png\" rel=\"noopener noreferrer nofollow\">b</a>",
            "nofollow\">Picture</a> d</p>",
        ] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        let within = rendered("[![b](https://evil.example/b.png)](https://a.example) ![x](https://cdn.shop.example:8443/a)").html;
        assert_eq!((within.matches("<a ").count(), within.contains("<img")), (2, false), "{within}");
    }

    #[test]
    fn a_table_scrolls_and_has_no_styles() {
        let shown = rendered("||b|\n|:-:|--:|\n|1|2|").html;
        assert!(
            shown.starts_with(
                "<div class=\"table\" role=\"group\" tabindex=\"0\" aria-label=\"Table\"><table><thead><tr><td></td><th>b</th>"
            ),
            "{shown}"
        );
        assert!(shown.trim_end().ends_with("</table>\n</div>") && !shown.contains("style"), "{shown}");
    }

    /// Every tag and every attribute is one of ours.
    fn is_tame(html: &str) -> bool {
        html.split('<').skip(1).all(|tag| {
            let Some((tag, _)) = tag.split_once('>') else { return false };
            let name = tag.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
            let is_known = "p h2 h3 h4 h5 h6 strong em del code pre ul ol li table thead tbody tr td th blockquote br hr a img div"
                .split(' ')
                .any(|known| known == name);
            let mut quoted = tag.split('"');
            let attributes: Vec<(String, &str)> = std::iter::from_fn(|| Some((quoted.next()?.to_owned(), quoted.next()?))).collect();
            is_known
                && attributes.iter().all(|(name, value)| match name.rsplit(' ').next().unwrap_or_default() {
                    "href=" | "src=" => is_safe(value) || value.starts_with('#') || (value.starts_with('/') && !value.starts_with("//")),
                    "id=" | "rel=" | "alt=" | "class=" | "role=" | "tabindex=" | "aria-label=" | "loading=" | "start=" => true,
                    _ => false,
                })
        })
    }

    #[test]
    fn nothing_of_it_runs() {
        for hostile in [
            "<script>alert(1)</script>",
            "a <img src=x onerror=alert(1)> b",
            "[x](javascript:alert(1)) [x](JaVaScRiPt:alert(1)) [x](java\tscript:alert(1)) [x](&#106;avascript:alert(1))",
            "![x](data:text/html,<script>alert(1)</script>) ![x](javascript:alert(1)) [x](data:text/html,x)",
            "# a\" onclick=\"x <img src=x>",
            "[x](size-guide.md#\"onclick=\"x) [x](#\"onclick=\"x) [x](/\"onclick=\"x)",
            "![\" onerror=\"alert(1)](https://cdn.shop.example/\"onerror=\"x)",
            "```html\"onx=1\n<script>\n```",
            "|<b>|\"|\n|-|-|\n|<i>|'|",
        ] {
            assert!(is_tame(&rendered(hostile).html), "{hostile} gave {}", rendered(hostile).html);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_written_no_tag_is_its_writers(markdown in r#"([<>"'`\[\]()!&;:/=#*_|~\\\n -]|script|javascript:|on|src|\\.md|size-guide|https://cdn\\.shop\\.example/|a|\n# ){0,40}"#) {
            prop_assert!(is_tame(&rendered(&markdown).html), "{:?} gave {}", markdown, rendered(&markdown).html);
        }
    }
}
