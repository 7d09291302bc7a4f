//! Checks documents of the catalog, or those that an author is about to put, by the rules of `deskhand check`.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
};

use unicode_normalization::UnicodeNormalization;

use crate::{
    knowledge::{
        documents::{
            catalog::{Catalog, ListFilter},
            document::{Document, DocumentKey, Kind},
            front_matter::line_at,
            rules::{Broken, Rule, Shortcuts, broken_links, flawed_comments, missing_translations, unknown_placeholders},
        },
        error::KnowledgeError,
    },
    task,
};

/// Documents that are read at a time, and their bytes.
const PAGE: usize = 200;
const MAX_PAGE_BYTES: usize = 4 << 20;
const KINDS: [Kind; 2] = [Kind::Article, Kind::CannedAnswer];

/// What a document breaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The document.
    pub key: DocumentKey,
    /// What is wrong.
    pub rule: Rule,
    /// The field that it stands in.
    pub field: &'static str,
    /// The line of the field, from 1.
    pub line: usize,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Checked {
    /// How many documents were checked.
    pub documents: usize,
    /// By document.
    pub findings: Vec<Finding>,
}

/// What is known of all documents while some are checked.
#[derive(Default)]
struct Surroundings {
    keys: BTreeSet<DocumentKey>,
    /// The ids of articles, with one form of each accent.
    articles: HashSet<String>,
    shortcuts: Shortcuts,
    findings: Vec<Finding>,
}

impl Catalog {
    /// Checks documents as they would be put, or all that are stored if there are none.
    pub async fn check(&self, new: Vec<Document>) -> Result<Checked, KnowledgeError> {
        let replaced: HashSet<DocumentKey> = new.iter().map(Document::key).collect();
        let mut around = Surroundings::default();
        let mut pages = Pages::default();
        while let Some(page) = pages.next(self).await? {
            page.iter().filter(|document| !replaced.contains(&document.key())).for_each(|document| around.take(document, new.is_empty()));
        }
        new.iter().for_each(|document| around.take(document, true));
        let is_checked = |key: &DocumentKey| replaced.is_empty() || replaced.contains(key);
        for kind in KINDS {
            let untranslated = missing_translations(kind, around.keys.iter());
            // Told at the version that is checked.
            let told = untranslated.into_iter().filter_map(|(first, rule)| {
                let is_version = |key: &&DocumentKey| (key.kind, &key.id) == (first.kind, &first.id) && is_checked(key);
                let key = around.keys.range(first.clone()..).take_while(|key| key.id == first.id).find(is_version)?.clone();
                Some(Finding { key, rule, field: "language", line: 1 })
            });
            let told: Vec<Finding> = told.collect();
            around.findings.extend(told);
        }
        let Surroundings { keys, articles, shortcuts: _, mut findings } = around;
        let documents = if new.is_empty() { keys.len() } else { new.len() };
        let articles = Arc::new(articles);
        let mut pages = if new.is_empty() { Pages::default() } else { Pages::ended() };
        let mut next = if new.is_empty() { pages.next(self).await? } else { Some(new) };
        while let Some(page) = next {
            let articles = Arc::clone(&articles);
            let check = move || page.iter().flat_map(|document| in_text(document, &articles)).collect::<Vec<Finding>>();
            findings.extend(task::blocking("the check of documents", check).await?);
            next = pages.next(self).await?;
        }
        findings.sort_by(|one, other| (&one.key, one.line).cmp(&(&other.key, other.line)));
        Ok(Checked { documents, findings })
    }
}

/// Reads all documents, a page at a time.
#[derive(Default)]
struct Pages {
    kind: usize,
    token: String,
}

impl Pages {
    fn ended() -> Pages {
        Pages { kind: KINDS.len(), token: String::new() }
    }

    async fn next(&mut self, catalog: &Catalog) -> Result<Option<Vec<Document>>, KnowledgeError> {
        let Some(kind) = KINDS.get(self.kind) else { return Ok(None) };
        let page = catalog.list(*kind, &ListFilter::default(), PAGE, &self.token, MAX_PAGE_BYTES).await?;
        self.token = page.next_page_token;
        self.kind += usize::from(self.token.is_empty());
        Ok(Some(page.documents))
    }
}

impl Surroundings {
    fn take(&mut self, document: &Document, is_checked: bool) {
        let key = document.key();
        let taken = self.shortcuts.take(document, format!("`{}`", key.id));
        if let Some(rule) = taken.filter(|_| is_checked) {
            self.findings.push(Finding { key: key.clone(), rule, field: "shortcut", line: 1 });
        }
        if key.kind == Kind::Article {
            self.articles.insert(key.id.as_str().nfc().collect());
        }
        self.keys.insert(key);
    }
}

/// What a document's text breaks.
fn in_text(document: &Document, articles: &HashSet<String>) -> Vec<Finding> {
    // A link between articles is one to their files, whose names are their ids.
    let leads = |link: &str| {
        let name = link.rsplit('/').next().unwrap_or(link);
        match name.strip_suffix(".md") {
            Some(id) => articles.contains(&id.nfc().collect::<String>()),
            None => name.contains('.') || articles.contains(&name.nfc().collect::<String>()),
        }
    };
    let body = &document.body;
    let mut broken = unknown_placeholders(document.kind(), body);
    broken.extend(broken_links(body, leads));
    broken.extend(flawed_comments(body));
    let finding = |(start, rule): Broken| Finding { key: document.key(), rule, field: "body", line: line_at(body, start) };
    broken.into_iter().map(finding).collect()
}
