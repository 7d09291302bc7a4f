//! Fills the templates of a help center's pages. Everything is escaped, but for the HTML of an article and the data for search engines, which are
//! made safe where they are made.

use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, escape_formatter, syntax::SyntaxConfig, value::Serde};
use serde::Serialize;
use tonic::Status;

use crate::{
    api::status,
    server::help_center::{
        address,
        place::Place,
        texts::{Texts, name},
    },
    text::{Language, escape_html},
};

/// The templates.
const TEMPLATES: [(&str, &str); 8] = [
    ("base.html", include_str!("pages/base.html")),
    ("pager.html", include_str!("pages/pager.html")),
    ("index.html", include_str!("pages/index.html")),
    ("category.html", include_str!("pages/category.html")),
    ("article.html", include_str!("pages/article.html")),
    ("results.html", include_str!("pages/results.html")),
    ("message.html", include_str!("pages/message.html")),
    ("sitemap.xml", include_str!("pages/sitemap.xml")),
];

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // As the default, but that slashes stay: addresses are half of a sitemap.
    environment.set_formatter(|out, state, value| match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if !value.is_safe() => Ok(out.write_str(&escape_html(text))?),
        _ => escape_formatter(out, state, value),
    });
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters are right"));
    for (name, text) in TEMPLATES {
        environment.add_template(name, text).unwrap_or_else(|error| panic!("the template `{name}`: {error}"));
    }
    environment
});

/// A language version of a page.
#[derive(Debug, Clone, Serialize)]
pub struct Version {
    pub language: Language,
    pub path: String,
}

/// A link to an article.
#[derive(Debug, Clone, Serialize)]
pub struct ArticleLink {
    pub path: String,
    pub title: String,
}

/// A page above this one.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    pub text: String,
    pub path: String,
    /// The language of its text, if it is not that of the page's own words.
    pub lang: Option<Language>,
}

/// What every page says of itself.
#[derive(Debug, Clone, Serialize)]
pub struct Page {
    pub language: Language,
    pub title: String,
    /// For search engines, plain and bounded.
    pub description: String,
    /// Its path, with a query if it is a later page of several.
    pub path: String,
    /// Its kind for Open Graph.
    pub kind: &'static str,
    /// Whether search engines shall leave it out.
    pub is_hidden: bool,
    /// Its language versions, itself among them; empty if there are no others.
    pub versions: Vec<Version>,
    /// The pages above, from the index on.
    pub trail: Vec<Step>,
}

impl Page {
    /// A page that search engines leave out.
    pub fn hidden(language: &Language, title: String, path: String) -> Page {
        Page {
            language: language.clone(),
            title,
            description: String::new(),
            path,
            kind: "website",
            is_hidden: true,
            versions: Vec::new(),
            trail: Vec::new(),
        }
    }
}

/// What is around the pages of one visit.
pub struct Frame<'a> {
    pub place: &'a Place,
    /// The languages that readers may choose, each with where it leads.
    pub languages: Vec<Version>,
    /// The texts, and their language.
    pub texts: (&'static Language, &'static Texts),
    /// What was searched.
    pub query: &'a str,
    /// More data for search engines, besides the page's place.
    pub data: Option<serde_json::Value>,
}

impl Frame<'_> {
    /// The name of the help center.
    pub fn title(&self) -> &str {
        let title = &self.place.center.theme.title;
        if title.is_empty() { &self.texts.1.title } else { title }
    }

    /// Fills a template; `own` is what it alone needs.
    pub fn render(&self, template: &str, page: &Page, own: Value) -> Result<String, Status> {
        let Frame { place, languages, texts: (spoken, texts), query, data } = self;
        let theme = &place.center.theme;
        let index = address::index(&page.language);
        let links = languages.iter().map(|Version { language, path }| {
            context! { language => language.as_str(), path, name => name(language), direction => direction(language) }
        });
        let site = context! {
            origin => place.origin.as_str(),
            title => self.title(),
            home => if theme.home.is_empty() { &index } else { &theme.home },
            logo => theme.logo.as_str(),
            footer => Value::from(Serde(&theme.footer)),
            style => place.center.style_address(),
            index => index.as_str(),
            search => address::search(&page.language),
        };
        // What the pages themselves say may be in another language than the articles.
        let is_other = spoken.primary() != page.language.primary();
        let marked = if is_other { format!(" lang=\"{spoken}\" dir=\"{}\"", direction(spoken)) } else { String::new() };
        let data: Vec<serde_json::Value> = data.iter().cloned().chain(self.breadcrumbs(page)).collect();
        let data = serde_json::json!({ "@context": "https://schema.org", "@graph": data });
        let all = context! {
            page => context! { direction => direction(&page.language), languages => links.collect::<Vec<Value>>(), ..Value::from(Serde(page)) },
            site,
            texts => Value::from(Serde(texts)),
            spoken => Value::from_safe_string(marked),
            query => *query,
            data => Value::from_safe_string(json_in_html(&data)),
            ..own
        };
        filled(template, all)
    }

    fn breadcrumbs(&self, page: &Page) -> Option<serde_json::Value> {
        let origin = &self.place.origin;
        let item = |at: usize, name: &str, path: &str| serde_json::json!({ "@type": "ListItem", "position": at + 1, "name": name, "item": format!("{origin}{path}") });
        let steps =
            page.trail.iter().map(|step| (step.text.as_str(), step.path.as_str())).chain([(page.title.as_str(), page.path.as_str())]);
        let items: Vec<serde_json::Value> = steps.enumerate().map(|(at, (name, path))| item(at, name, path)).collect();
        (!page.trail.is_empty()).then(|| serde_json::json!({ "@type": "BreadcrumbList", "itemListElement": items }))
    }
}

/// Fills a template with what it needs.
pub fn filled(template: &str, values: Value) -> Result<String, Status> {
    let rendered = ENVIRONMENT.get_template(template).and_then(|template| template.render(values));
    rendered.map_err(|error| {
        // The error names places in templates, and none of the values.
        tracing::error!(template, line = error.line(), kind = ?error.kind(), "a page of the help center can't be made");
        status::broken(false)
    })
}

/// The direction in which a language is written, as HTML names it.
pub fn direction(language: &Language) -> &'static str {
    if language.is_right_to_left() { "rtl" } else { "ltr" }
}

/// JSON that ends no script and begins no comment, wherever it stands in a page.
fn json_in_html(json: &serde_json::Value) -> String {
    json.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_ends_no_script() {
        let json = serde_json::json!({ "name": "</script><!--<script>&amp;\"'" });
        let written = json_in_html(&json);
        assert!(!written.contains(['<', '>', '&']), "{written}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&written).unwrap(), json);
    }

    #[test]
    fn every_template_is_right() {
        for (name, _) in TEMPLATES {
            ENVIRONMENT.get_template(name).unwrap();
        }
    }
}
