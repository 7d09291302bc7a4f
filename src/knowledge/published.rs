//! The public articles of a workspace without their texts, in memory: what lists on pages for the public are made of.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use jiff::Timestamp;
use tokio::sync::Semaphore;

use crate::{
    ids::Id,
    knowledge::{Audience, DocumentKey, Kind, Knowledge, KnowledgeError},
    task::TaskError,
    text::{Language, lookup},
};

/// Changes read at a time, each with its text.
const CHANGES_AT_ONCE: i64 = 100;
/// The tag of articles that are shown first.
const FEATURED: &str = "featured";

/// A public article, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicArticle {
    /// The same in every language.
    pub id: Id,
    /// The language of this version.
    pub language: Language,
    /// Its title, plain.
    pub title: String,
    /// Its category; empty if none.
    pub category: String,
    /// Whether it has the tag `featured`.
    pub is_featured: bool,
    /// When its author last changed it.
    pub updated_at: Timestamp,
}

/// All public articles of a workspace, as of a number of its catalog.
#[derive(Debug, Clone, Default)]
pub struct PublicArticles {
    by_language: BTreeMap<Language, BTreeMap<Id, Arc<PublicArticle>>>,
    number: i64,
    changed_at: Timestamp,
}

impl PublicArticles {
    /// The languages that there are articles in.
    pub fn languages(&self) -> impl Iterator<Item = &Language> + Clone {
        self.by_language.keys()
    }

    /// The articles in a language, compared as a whole tag, in the order of their ids.
    pub fn in_language(&self, language: &Language) -> impl Iterator<Item = &Arc<PublicArticle>> {
        self.by_language.get(language).into_iter().flat_map(BTreeMap::values)
    }

    /// The versions of an article, in the order of their languages.
    pub fn versions(&self, id: &Id) -> impl Iterator<Item = &Arc<PublicArticle>> {
        self.by_language.values().filter_map(|articles| articles.get(id))
    }

    /// The version of an article that a reader of a language is shown: the nearest to it, else to `other`, else any.
    pub fn nearest(&self, id: &Id, language: &Language, other: &Language) -> Option<&Arc<PublicArticle>> {
        let versions: Vec<&Arc<PublicArticle>> = self.versions(id).collect();
        let found = |wanted: &Language| lookup(wanted, versions.iter().map(|article| &article.language)).cloned();
        let best = found(language).or_else(|| found(other));
        versions.iter().find(|article| Some(&article.language) == best.as_ref()).or(versions.first()).copied()
    }

    /// When this server last saw a change of the catalog.
    pub fn changed_at(&self) -> Timestamp {
        self.changed_at
    }

    fn take(&mut self, key: &DocumentKey, article: Option<PublicArticle>) {
        if key.kind != Kind::Article {
            return;
        }
        match article {
            Some(article) => {
                self.by_language.entry(key.language.clone()).or_default().insert(key.id.clone(), Arc::new(article));
            }
            None => {
                if let Some(articles) = self.by_language.get_mut(&key.language) {
                    articles.remove(&key.id);
                }
            }
        }
        self.by_language.retain(|_, articles| !articles.is_empty());
    }
}

/// The list of a workspace, which one caller at a time keeps up with the catalog.
pub struct Listing {
    list: RwLock<Arc<PublicArticles>>,
    turn: Semaphore,
}

impl Default for Listing {
    fn default() -> Listing {
        // What else is on a page is not older than this server.
        let list = PublicArticles { changed_at: Timestamp::now(), ..PublicArticles::default() };
        Listing { list: RwLock::new(Arc::new(list)), turn: Semaphore::new(1) }
    }
}

impl Listing {
    fn known(&self) -> Arc<PublicArticles> {
        Arc::clone(&self.list.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Knowledge {
    /// Returns the public articles as the catalog has them now.
    pub async fn public_articles(&self) -> Result<Arc<PublicArticles>, KnowledgeError> {
        let (catalog, listing) = (&self.base.catalog, &self.base.listing);
        let last = catalog.last_number().await?;
        if listing.known().number == last {
            return Ok(listing.known());
        }
        let _turn = listing.turn.acquire().await.map_err(|_| TaskError::Cancelled("the list of articles"))?;
        let mut list = listing.known();
        if list.number >= last {
            return Ok(list);
        }
        let updated = Arc::make_mut(&mut list);
        loop {
            let changes = catalog.changes(updated.number, CHANGES_AT_ONCE).await?;
            let Some(newest) = changes.last() else { break };
            updated.number = newest.number;
            updated.changed_at = Timestamp::now();
            for change in changes {
                let public = change.document.filter(|document| document.audience() == Audience::Public);
                let article = public.map(|document| PublicArticle {
                    id: document.id,
                    language: document.language,
                    title: document.title,
                    category: document.category,
                    is_featured: document.tags.iter().any(|tag| tag == FEATURED),
                    updated_at: document.updated_at,
                });
                updated.take(&change.key, article);
            }
        }
        // Numbers of vectors are no changes of documents.
        updated.number = updated.number.max(last);
        *listing.list.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&list);
        Ok(list)
    }

    /// Returns the articles that readers of a language are shown first, at most `limit`: those with the tag `featured`, then those that were
    /// opened most from searches, then one of each category.
    pub async fn featured(&self, language: &Language, limit: usize) -> Result<Vec<Arc<PublicArticle>>, KnowledgeError> {
        let (list, openings) = (self.public_articles().await?, self.base.openings());
        let Some(language) = lookup(language, list.languages()) else { return Ok(Vec::new()) };
        let mut ranked: Vec<(u64, &Arc<PublicArticle>)> =
            list.in_language(language).map(|article| (openings.of_article(&article.id), article)).collect();
        ranked.sort_by(|(some, one), (more, other)| (other.is_featured, more, &one.title).cmp(&(one.is_featured, some, &other.title)));
        let is_known = |(opened, article): &&(u64, &Arc<PublicArticle>)| article.is_featured || *opened > 0;
        let mut featured: Vec<Arc<PublicArticle>> =
            ranked.iter().filter(is_known).take(limit).map(|(_, article)| Arc::clone(article)).collect();
        for (_, article) in ranked {
            let is_new = featured.iter().all(|other| other.category != article.category);
            if is_new && featured.len() < limit {
                featured.push(Arc::clone(article));
            }
        }
        Ok(featured)
    }
}
