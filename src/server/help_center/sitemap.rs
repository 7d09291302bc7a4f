//! The list of all addresses, for search engines.

use jiff::tz::TimeZone;
use minijinja::{Value, context, value::Serde};
use serde::Serialize;
use tonic::Status;

use crate::{
    knowledge::{PublicArticle, PublicArticles},
    server::help_center::{
        address,
        view::{Version, filled},
    },
};

/// Most addresses of a file. Search engines take 50,000, and 50 MB: with their versions in 25 languages, these have 15 MB.
const MAX_ADDRESSES: usize = 2000;

#[derive(Serialize)]
struct Address {
    path: String,
    updated_at: String,
    versions: Vec<Version>,
}

/// The whole list, or of a long one the list of its parts; or one part. `None`: there is no such part.
pub fn sitemap(origin: &str, list: &PublicArticles, part: Option<usize>) -> Result<Option<String>, Status> {
    let indices = list.languages().count();
    let total = indices + list.languages().map(|language| list.in_language(language).count()).sum::<usize>();
    let parts = total.div_ceil(MAX_ADDRESSES).max(1);
    let is_whole = parts == 1;
    let first = match part {
        None if is_whole => 0,
        None => {
            let parts: Vec<String> = (1..=parts).map(|part| format!("/help/sitemap-{part}.xml")).collect();
            return filled("sitemap.xml", context! { origin, parts }).map(Some);
        }
        Some(part) if part <= parts && !is_whole => (part - 1) * MAX_ADDRESSES,
        Some(_) => return Ok(None),
    };
    let versions: Vec<Version> =
        list.languages().map(|language| Version { language: language.clone(), path: address::index(language) }).collect();
    let indices = versions.iter().map(|version| Address {
        path: version.path.clone(),
        updated_at: String::new(),
        versions: alternates(versions.clone()),
    });
    let articles = list.languages().flat_map(|language| list.in_language(language));
    let articles = articles.filter_map(|article| {
        let versions: Vec<Version> = list.versions(&article.id).filter_map(|version| version_of(version)).collect();
        let path = address::article(&article.language, &article.id)?;
        let updated_at = article.updated_at.to_zoned(TimeZone::UTC).date().to_string();
        Some(Address { path, updated_at, versions: alternates(versions) })
    });
    let addresses: Vec<Address> = indices.chain(articles).skip(first).take(MAX_ADDRESSES).collect();
    let parts: [String; 0] = [];
    filled("sitemap.xml", context! { origin, parts, addresses => Value::from(Serde(&addresses)) }).map(Some)
}

/// The version of an article's page, if it has one.
pub fn version_of(article: &PublicArticle) -> Option<Version> {
    Some(Version { language: article.language.clone(), path: address::article(&article.language, &article.id)? })
}

/// The versions that a page names: none if it is the only one.
pub fn alternates(versions: Vec<Version>) -> Vec<Version> {
    if versions.len() > 1 { versions } else { Vec::new() }
}
