//! The pages of a help center: which there are, and what stands on each.

use std::{collections::BTreeMap, sync::Arc};

use jiff::tz::TimeZone;
use minijinja::{Value, context, value::Serde};
use serde::Serialize;
use tonic::Status;
use uuid::Uuid;

use crate::{
    api::pb,
    ids::Id,
    knowledge::{Audience, Document, Kind, PublicArticle, PublicArticles},
    replies::Desk,
    server::help_center::{
        address,
        place::Place,
        reply::Reply,
        sitemap::{alternates, version_of},
        texts::{Texts, about},
        view::{ArticleLink, Frame, Page, Step, Version, direction},
    },
    text::{ArticleHtml, BlockKind, Destinations, Language, article_html, blocks, lookup, sentences},
};

/// Most articles of a page of a category, and hits of a page of results.
const MAX_LISTED: usize = 50;
/// Hits of a page of results.
pub const MAX_HITS: usize = 20;
/// Topics on an index, the largest number of articles under each, and the number of topics from which on there are fewer, and none.
const MAX_TOPICS: usize = 200;
const TOPIC_ARTICLES: [(usize, usize); 3] = [(12, 5), (30, 2), (usize::MAX, 0)];
const MAX_FEATURED: usize = 5;
const MAX_RELATED: usize = 5;
/// From how many headings of the first level on an article has a table of contents, and its largest number of entries.
const MIN_CONTENTS: usize = 3;
const MAX_CONTENTS: usize = 30;
/// Longest title in a list, and longest description, in characters.
const MAX_TITLE: usize = 120;
const MAX_DESCRIPTION: usize = 160;

/// The pages of one help center, for one visit.
pub struct Pages<'a> {
    pub place: &'a Place,
    pub desk: &'a Desk,
    pub list: Arc<PublicArticles>,
}

/// A topic on an index.
#[derive(Serialize)]
struct Topic {
    name: String,
    path: String,
    articles: Vec<ArticleLink>,
    more: String,
}

/// What a visitor said of an article just before.
pub struct Rated {
    pub id: Uuid,
    /// Whether it may still be said what was missing.
    pub asks_why: bool,
}

impl Pages<'_> {
    /// The index of a language; of one without articles, that of the nearest language that has some.
    pub async fn index(&self, language: &Language) -> Result<Option<Reply>, Status> {
        let own = &self.desk.settings().language;
        if self.list.in_language(language).next().is_none() && language != own {
            return Ok(lookup(language, self.list.languages()).map(|nearest| Reply::found(address::index(nearest))));
        }
        let mut frame = self.frame(language, "", address::index);
        let texts = frame.texts.1;
        let topics = self.topics(language);
        let (_, shown) = TOPIC_ARTICLES.into_iter().find(|(topics_up_to, _)| topics.len() <= *topics_up_to).unwrap_or_default();
        let topics = topics.into_iter().take(MAX_TOPICS).map(|(name, articles)| Topic {
            path: address::category(language, name),
            more: if articles.len() > shown { about(&texts.all_of, &articles.len().to_string()) } else { String::new() },
            articles: articles.iter().take(shown).filter_map(|article| link(article)).collect(),
            name: topic_name(name),
        });
        let topics: Vec<Topic> = topics.collect();
        let featured = self.desk.knowledge().featured(language, MAX_FEATURED).await?;
        let featured: Vec<ArticleLink> = featured.iter().filter_map(|article| link(article)).collect();
        let versions = self.list.languages().map(|language| Version { language: language.clone(), path: address::index(language) });
        let page = Page {
            title: frame.title().to_owned(),
            description: texts.lead.clone(),
            is_hidden: false,
            versions: alternates(versions.collect()),
            ..Page::hidden(language, String::new(), address::index(language))
        };
        let origin = &self.place.origin;
        let url = format!("{origin}{}", page.path);
        frame.data = Some(serde_json::json!({ "@type": "WebSite", "name": page.title, "url": url, "inLanguage": language }));
        let own = context! { featured => Value::from(Serde(&featured)), topics => Value::from(Serde(&topics)) };
        Ok(Some(self.kept(frame.render("index.html", &page, own)?)))
    }

    /// The articles of a category, or without a name those that have none.
    pub fn category(&self, language: &Language, name: &str, number: usize) -> Result<Option<Reply>, Status> {
        let articles = self.topic(language, name);
        let last = articles.len().div_ceil(MAX_LISTED);
        // Without articles there is no page.
        if number > last {
            return Ok(None);
        }
        let frame = self.frame(language, "", address::index);
        let texts = frame.texts.1;
        let path = |number: usize| numbered(&address::category(language, name), "", number);
        let title = if name.is_empty() { texts.other.clone() } else { topic_name(name) };
        let page = Page {
            description: shortened(&format!("{title} – {}", frame.title()), MAX_DESCRIPTION),
            is_hidden: false,
            trail: self.trail(&frame, language, None),
            ..Page::hidden(language, title, path(number))
        };
        let shown = articles.iter().skip((number - 1) * MAX_LISTED).take(MAX_LISTED);
        let articles: Vec<ArticleLink> = shown.filter_map(|article| link(article)).collect();
        let own = context! {
            name,
            articles => Value::from(Serde(&articles)),
            previous => (number > 1).then(|| path(number - 1)),
            next => (number < last).then(|| path(number + 1)),
        };
        Ok(Some(self.kept(frame.render("category.html", &page, own)?)))
    }

    /// An article in a language; if it has none in it, leads to the one that its readers are shown.
    pub async fn article(&self, language: &Language, id: &Id, rated: Option<Rated>) -> Result<Option<Reply>, Status> {
        let settings = self.desk.settings();
        let mut versions = self.desk.knowledge().versions(Kind::Article, id).await?;
        versions.retain(|document| document.audience() == Audience::Public);
        let Some(nearest) = self.list.nearest(id, language, &settings.language) else { return Ok(None) };
        let Some(path) = address::article(&nearest.language, id) else { return Ok(None) };
        // The list may be of a moment before.
        let Some(document) = versions.into_iter().find(|document| document.language == nearest.language) else { return Ok(None) };
        if document.language != *language {
            return Ok(Some(Reply::found(path)));
        }
        let versions: Vec<Version> = self.list.versions(id).filter_map(|version| version_of(version)).collect();
        let elsewhere = |other: &Language| {
            let version = versions.iter().find(|version| version.language == *other);
            version.map_or_else(|| address::index(other), |version| version.path.clone())
        };
        let mut frame = self.frame(language, "", elsewhere);
        let texts = frame.texts.1;
        let page = Page {
            description: description(&document.body),
            kind: "article",
            is_hidden: rated.is_some(),
            trail: self.trail(&frame, language, Some(&document.category)),
            versions: alternates(versions.clone()),
            ..Page::hidden(language, document.title.clone(), path)
        };
        frame.data = Some(serde_json::json!({
            "@type": "Article",
            "headline": shortened(&document.title, 110),
            "inLanguage": language,
            "dateModified": document.updated_at.to_string(),
            "mainEntityOfPage": format!("{}{}", self.place.origin, page.path),
        }));
        let rendered = self.body(&document, texts);
        let contents: Vec<_> = rendered.headings.iter().filter(|heading| heading.level == 2).take(MAX_CONTENTS).collect();
        let contents =
            contents.iter().map(|heading| context! { id => heading.id.as_str(), text => heading.text.as_str() }).collect::<Vec<Value>>();
        let related = self.related(&document);
        let own = context! {
            updated => texts.day(document.updated_at, &settings.time_zone),
            updated_at => document.updated_at.to_zoned(TimeZone::UTC).date().to_string(),
            contents => if contents.len() >= MIN_CONTENTS { contents } else { Vec::new() },
            body => Value::from_safe_string(rendered.html),
            related => Value::from(Serde(&related)),
            rating => rated.as_ref().map(|rated| rated.id.to_string()),
            asks_why => rated.as_ref().is_some_and(|rated| rated.asks_why),
        };
        let html = frame.render("article.html", &page, own)?;
        Ok(Some(if rated.is_some() { Reply::fresh(html) } else { self.kept(html) }))
    }

    /// The results of a search; `number` counts their pages from 1.
    pub fn results(&self, language: &Language, query: &str, number: usize, found: pb::SearchResponse) -> Result<Reply, Status> {
        let path = |language: &Language, number: usize| numbered(&address::search(language), query, number);
        let frame = self.frame(language, query, |other| path(other, 1));
        let texts = frame.texts.1;
        let title = match query {
            "" => texts.search.clone(),
            _ if found.hits.is_empty() => about(&texts.nothing, query),
            _ => about(&texts.results, query),
        };
        let trail = self.trail(&frame, language, None);
        let page = Page { trail, ..Page::hidden(language, title, path(language, number)) };
        let segments = |segments: Vec<pb::Segment>| {
            let part = |pb::Segment { kind, text }: pb::Segment| context! { matched => kind == pb::SegmentKind::Matched as i32, text };
            segments.into_iter().map(part).collect::<Vec<Value>>()
        };
        let total = found.total as usize;
        let hits = found.hits.into_iter().filter_map(|hit| {
            let language = Language::parse(&hit.language).ok()?;
            let path = address::article(&language, &Id::new(hit.id).ok()?)?;
            let path = if found.search_id.is_empty() { path } else { format!("{path}?{}", encoded("search", &found.search_id)) };
            let (title, snippet) = (segments(hit.title), segments(hit.snippet));
            Some(context! { path, language => language.as_str(), direction => direction(&language), title, snippet })
        });
        let own = context! {
            hits => hits.collect::<Vec<Value>>(),
            found => about(&texts.found, &total.to_string()),
            corrected => if found.corrected_query.is_empty() { String::new() } else { about(&texts.corrected, &found.corrected_query) },
            previous => (number > 1).then(|| path(language, number - 1)),
            next => (number * MAX_HITS < total).then(|| path(language, number + 1)),
        };
        Ok(Reply::fresh(frame.render("results.html", &page, own)?))
    }

    /// What each page keeps until something changes.
    fn kept(&self, html: String) -> Reply {
        Reply::kept(html, self.list.changed_at())
    }

    fn frame<'a>(&'a self, language: &Language, query: &'a str, elsewhere: impl Fn(&Language) -> String) -> Frame<'a> {
        let own = &self.desk.settings().language;
        let languages = self.list.languages().map(|language| Version { language: language.clone(), path: elsewhere(language) }).collect();
        Frame { place: self.place, languages, texts: Texts::of(language, own), query, data: None }
    }

    /// The pages above one; an article has its category among them.
    fn trail(&self, frame: &Frame, language: &Language, category: Option<&str>) -> Vec<Step> {
        let index = Step { text: frame.title().to_owned(), path: address::index(language), lang: None };
        let category = category.filter(|name| !name.is_empty()).map(|name| Step {
            text: topic_name(name),
            path: address::category(language, name),
            lang: Some(language.clone()),
        });
        std::iter::once(index).chain(category).collect()
    }

    /// The articles of a language by their categories, each in the order of their titles; those without one last.
    fn topics(&self, language: &Language) -> Vec<(&str, Vec<&PublicArticle>)> {
        let mut topics: BTreeMap<(bool, &str), Vec<&PublicArticle>> = BTreeMap::new();
        for article in self.list.in_language(language) {
            topics.entry((article.category.is_empty(), &article.category)).or_default().push(article);
        }
        topics.into_iter().map(|((_, name), articles)| (name, by_title(articles))).collect()
    }

    /// The articles of a category, or without a name those that have none, in the order of their titles.
    fn topic(&self, language: &Language, name: &str) -> Vec<&PublicArticle> {
        by_title(self.list.in_language(language).map(|article| &**article).filter(|article| article.category == name).collect())
    }

    /// Other articles of its category: those that follow it in the order of titles, then the first ones.
    fn related(&self, document: &Document) -> Vec<ArticleLink> {
        let articles = self.topic(&document.language, &document.category);
        let own = articles.iter().position(|article| article.id == document.id).unwrap_or_default();
        let (before, after) = articles.split_at(own);
        after.iter().skip(1).chain(before).take(MAX_RELATED).filter_map(|article| link(article)).collect()
    }

    fn body(&self, document: &Document, texts: &Texts) -> ArticleHtml {
        let own = &self.desk.settings().language;
        let page = |id: &str| {
            let article = self.list.nearest(&Id::new(id).ok()?, &document.language, own)?;
            address::article(&article.language, &article.id)
        };
        let to = Destinations {
            article: &page,
            origin: &self.place.origin,
            picture_hosts: &self.place.center.theme.picture_hosts,
            picture: &texts.picture,
            table: &texts.table,
        };
        article_html(&document.body, &to)
    }
}

/// A page that says why there is no other.
pub fn message(frame: &Frame, language: &Language, title: &str, hint: &str) -> Result<String, Status> {
    let page = Page::hidden(language, title.to_owned(), address::index(language));
    frame.render("message.html", &page, context! { hint })
}

fn by_title(mut articles: Vec<&PublicArticle>) -> Vec<&PublicArticle> {
    articles.sort_by_cached_key(|article| article.title.to_lowercase());
    articles
}

fn link(article: &PublicArticle) -> Option<ArticleLink> {
    Some(ArticleLink { path: address::article(&article.language, &article.id)?, title: shortened(&article.title, MAX_TITLE) })
}

/// A category's name as readers see it: names of folders have hyphens for spaces.
fn topic_name(name: &str) -> String {
    if name.contains(' ') { name.to_owned() } else { name.replace(['-', '_'], " ") }
}

/// The address of one of several pages.
fn numbered(path: &str, query: &str, number: usize) -> String {
    let query = (!query.is_empty()).then(|| encoded("q", query));
    let number = (number > 1).then(|| format!("page={number}"));
    let parameters: Vec<String> = query.into_iter().chain(number).collect();
    if parameters.is_empty() { path.to_owned() } else { format!("{path}?{}", parameters.join("&")) }
}

/// A parameter of a query.
pub fn encoded(name: &str, value: &str) -> String {
    format!("{name}={}", percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC))
}

/// The first sentences of an article, as far as they fit.
fn description(body: &str) -> String {
    let blocks = blocks(body);
    let first = blocks.iter().find(|block| block.kind == BlockKind::Paragraph).or(blocks.first());
    let text = first.map(|block| block.text.replace('\n', " ")).unwrap_or_default();
    let mut said = String::new();
    for sentence in sentences(&text) {
        if !said.is_empty() && said.chars().count() + 1 + sentence.chars().count() > MAX_DESCRIPTION {
            break;
        }
        said = if said.is_empty() { sentence.to_owned() } else { format!("{said} {sentence}") };
    }
    shortened(&said, MAX_DESCRIPTION)
}

/// A text of at most so many characters, cut at a word if it can be.
fn shortened(text: &str, max: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(max) else { return text.to_owned() };
    let cut = text[..end].char_indices().nth(max - 1).map_or(text, |(at, _)| &text[..at]);
    let at_word = cut.rfind(char::is_whitespace).filter(|at| *at * 2 > cut.len()).unwrap_or(cut.len());
    format!("{}…", cut[..at_word].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_the_first_sentences_that_fit() {
        assert_eq!(description("# Title\n\nYes, **as long** as it is not sent. One hour."), "Yes, as long as it is not sent. One hour.");
        assert_eq!(description(&format!("Short. {}.", "word ".repeat(40).trim())), "Short.");
        let long = description(&"word ".repeat(100));
        assert!(long.chars().count() <= MAX_DESCRIPTION && long.ends_with("word…"), "{long}");
        let unspaced = description(&"語".repeat(500));
        assert_eq!(unspaced.chars().count(), MAX_DESCRIPTION);
    }

    #[test]
    fn a_later_page_has_its_query_and_its_number() {
        assert_eq!(numbered("/help/en/search", "a&b=ü", 1), "/help/en/search?q=a%26b%3D%C3%BC");
        assert_eq!(numbered("/x", "", 2), "/x?page=2");
        assert_eq!(numbered("/x", "", 1), "/x");
    }
}
