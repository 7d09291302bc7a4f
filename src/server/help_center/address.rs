//! The addresses of a help center's pages. Names of one segment that are fixed win over articles' ids, which have no `/` in an address.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::{ids::Id, text::Language};

/// Where the style sheet stands.
pub const STYLE: &str = "/help/center.css";
/// Where the list of all addresses stands, for search engines.
pub const SITEMAP: &str = "/help/sitemap.xml";
const ROBOTS: &str = "/robots.txt";
const SEARCH: &str = "search";
const CATEGORIES: &str = "categories";
/// What stays as it is in a segment of a path.
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// What an address names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HelpAddress {
    /// `/help/LANGUAGE`: all categories.
    Index(Language),
    /// `/help/LANGUAGE/categories/NAME`; without a name: articles without a category.
    Category(Language, String),
    /// `/help/LANGUAGE/ID`
    Article(Language, Id),
    /// `/help/LANGUAGE/search?q=…`
    Search(Language),
    /// `/help/sitemap.xml`, or a part of it: `/help/sitemap-2.xml`
    Sitemap(Option<usize>),
    /// `/help/center.css`
    Style,
    /// `/robots.txt`
    Robots,
    /// Anything else below a language.
    Unknown(Language),
}

impl HelpAddress {
    /// Returns what a path names; `None` if it is no address of a help center.
    pub fn at(path: &str) -> Option<HelpAddress> {
        match path {
            STYLE => return Some(HelpAddress::Style),
            ROBOTS => return Some(HelpAddress::Robots),
            SITEMAP => return Some(HelpAddress::Sitemap(None)),
            _ => {}
        }
        let below = path.strip_prefix("/help/")?;
        if let Some(part) = below.strip_prefix("sitemap-").and_then(|part| part.strip_suffix(".xml")) {
            return part.parse().ok().filter(|part| *part > 0).map(|part| HelpAddress::Sitemap(Some(part)));
        }
        let (tag, rest) = below.split_once('/').unwrap_or((below, ""));
        let language = Language::parse(tag).ok()?;
        let decoded = |segment: &str| percent_decode_str(segment).decode_utf8().ok().map(|text| text.into_owned());
        let segments: Vec<&str> = rest.split('/').collect();
        let found = match segments[..] {
            [""] => Some(HelpAddress::Index(language.clone())),
            [SEARCH] => Some(HelpAddress::Search(language.clone())),
            [CATEGORIES] => Some(HelpAddress::Category(language.clone(), String::new())),
            [CATEGORIES, name] => decoded(name).map(|name| HelpAddress::Category(language.clone(), name)),
            [id] => decoded(id).and_then(|id| Id::new(id).ok()).map(|id| HelpAddress::Article(language.clone(), id)),
            _ => None,
        };
        Some(found.unwrap_or(HelpAddress::Unknown(language)))
    }

    /// The language of the page.
    pub fn language(&self) -> Option<&Language> {
        match self {
            HelpAddress::Index(language)
            | HelpAddress::Category(language, _)
            | HelpAddress::Article(language, _)
            | HelpAddress::Search(language)
            | HelpAddress::Unknown(language) => Some(language),
            HelpAddress::Sitemap(_) | HelpAddress::Style | HelpAddress::Robots => None,
        }
    }
}

/// The path of a language's index.
pub fn index(language: &Language) -> String {
    format!("/help/{language}")
}

/// The path of a category's page.
pub fn category(language: &Language, name: &str) -> String {
    let name = if name.is_empty() { String::new() } else { format!("/{}", segment(name)) };
    format!("/help/{language}/{CATEGORIES}{name}")
}

/// The path of a language's search.
pub fn search(language: &Language) -> String {
    format!("/help/{language}/{SEARCH}")
}

/// The path of an article's page; `None` for an id that browsers take for a step in a path.
pub fn article(language: &Language, id: &Id) -> Option<String> {
    let segment = match id.as_str() {
        "." | ".." => return None,
        // Fixed names win, so these are written otherwise.
        SEARCH => "%73earch".to_owned(),
        CATEGORIES => "%63ategories".to_owned(),
        id => segment(id),
    };
    Some(format!("/help/{language}/{segment}"))
}

fn segment(text: &str) -> String {
    utf8_percent_encode(text, &PLAIN).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(tag: &str) -> Language {
        Language::parse(tag).unwrap()
    }

    #[test]
    fn an_address_names_what_it_was_made_for() {
        let german = language("de");
        for id in ["returns", "Größe & Maß/50% +?#", "search", "categories", "categories/x", "a..b", "...", "%73earch"] {
            let path = article(&german, &Id::new(id).unwrap()).unwrap();
            assert_eq!(HelpAddress::at(&path), Some(HelpAddress::Article(german.clone(), Id::new(id).unwrap())), "{path}");
        }
        for name in ["", "account", "Größe/Maß", "search"] {
            assert_eq!(HelpAddress::at(&category(&german, name)), Some(HelpAddress::Category(german.clone(), name.to_owned())));
        }
        assert_eq!(HelpAddress::at(&index(&german)), Some(HelpAddress::Index(german.clone())));
        assert_eq!(HelpAddress::at("/help/DE/"), Some(HelpAddress::Index(german.clone())));
        assert_eq!(HelpAddress::at(&search(&german)), Some(HelpAddress::Search(german.clone())));
        assert!(article(&german, &Id::new("..").unwrap()).is_none());
    }

    #[test]
    fn other_addresses_are_left_to_others() {
        for path in ["/help", "/help/", "/help/search", "/help/articles/x", "/help/opens", "/help/search.js", "/help/featured", "/helpx/en"]
        {
            assert_eq!(HelpAddress::at(path), None, "{path}");
        }
        for path in ["/help/en/a/b", "/help/en/%ff", "/help/en/%00", "/help/en//", "/help/en/../x", "/help/en/categories/a/b"] {
            assert_eq!(HelpAddress::at(path), Some(HelpAddress::Unknown(language("en"))), "{path}");
        }
        assert_eq!(HelpAddress::at("/help/sitemap-2.xml"), Some(HelpAddress::Sitemap(Some(2))));
        assert_eq!(HelpAddress::at("/help/sitemap-0.xml"), None);
    }
}
