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
            document_rows,
            front_matter::line_at,
            rules::{Broken, Rule, Shortcuts, broken_links, flawed_comments, linked, missing_translations, unknown_placeholders},
        },
        error::KnowledgeError,
    },
    task,
    text::Language,
};

/// Documents that are read at a time, and their bytes.
const PAGE: usize = 200;
const MAX_PAGE_BYTES: usize = 4 << 20;
/// Most links of documents to be put that are looked up; those beyond count as broken.
const MAX_LOOKED_UP: usize = 20_000;
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

/// What is looked up for documents that are about to be put.
#[derive(Debug)]
pub struct LookedUp {
    /// Stored documents that have the shortcut of one of them.
    pub same_shortcut: Vec<Document>,
    /// The languages that there are documents of a kind in.
    pub languages: BTreeSet<(Kind, Language)>,
    /// See [`linked_articles`].
    pub linked_articles: BTreeSet<String>,
}

/// What is known of other documents while some are checked.
#[derive(Default)]
struct Surroundings {
    keys: BTreeSet<DocumentKey>,
    /// The languages that there are documents of a kind in.
    languages: BTreeSet<(Kind, Language)>,
    /// The ids of articles, with one form of each accent.
    articles: HashSet<String>,
    shortcuts: Shortcuts,
    findings: Vec<Finding>,
}

impl Catalog {
    /// Checks all documents that are stored. They are read twice: a link may lead to a document that comes later.
    pub async fn check_all(&self) -> Result<Checked, KnowledgeError> {
        let mut around = Surroundings::default();
        let mut pages = Pages::default();
        while let Some(page) = pages.next(self).await? {
            page.iter().for_each(|document| around.take(document, true));
        }
        around.find_untranslated(|_| true);
        let Surroundings { keys, articles, mut findings, .. } = around;
        let articles = Arc::new(articles);
        let mut pages = Pages::default();
        while let Some(page) = pages.next(self).await? {
            findings.extend(in_texts(page, &articles).await?);
        }
        Ok(Checked::of(keys.len(), findings))
    }

    /// Checks documents as they would be put, however many others are stored.
    pub async fn check_new(&self, new: Vec<Document>, looked_up: LookedUp) -> Result<Checked, KnowledgeError> {
        let LookedUp { same_shortcut, languages, linked_articles } = looked_up;
        let mut around = Surroundings { languages, ..Surroundings::default() };
        same_shortcut.iter().for_each(|document| around.take(document, false));
        let checked: HashSet<DocumentKey> = new.iter().map(Document::key).collect();
        for kind in KINDS {
            let mut ids = if kind == Kind::Article { linked_articles.clone() } else { BTreeSet::new() };
            ids.extend(checked.iter().filter(|key| key.kind == kind).map(|key| key.id.to_string()));
            let ids: Vec<String> = ids.into_iter().collect();
            document_rows::keys(&self.store, &self.workspace, kind, &ids).await?.into_iter().for_each(|key| around.take_key(key));
        }
        new.iter().for_each(|document| around.take(document, true));
        around.find_untranslated(|key| checked.contains(key));
        let Surroundings { articles, mut findings, .. } = around;
        let documents = new.len();
        findings.extend(in_texts(new, &Arc::new(articles)).await?);
        Ok(Checked::of(documents, findings))
    }
}

impl Checked {
    fn of(documents: usize, mut findings: Vec<Finding>) -> Checked {
        findings.sort_by(|one, other| (&one.key, one.line).cmp(&(&other.key, other.line)));
        Checked { documents, findings }
    }
}

/// Reads all documents, a page at a time.
#[derive(Default)]
struct Pages {
    kind: usize,
    token: String,
}

impl Pages {
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
        self.take_key(key);
    }

    fn take_key(&mut self, key: DocumentKey) {
        if key.kind == Kind::Article {
            self.articles.insert(key.id.as_str().nfc().collect());
        }
        self.languages.insert((key.kind, key.language.clone()));
        self.keys.insert(key);
    }

    /// Finds the languages that documents lack, each told at a version that is checked.
    fn find_untranslated(&mut self, is_checked: impl Fn(&DocumentKey) -> bool) {
        for kind in KINDS {
            let untranslated = missing_translations(kind, self.keys.iter(), &self.languages);
            let told = untranslated.into_iter().filter_map(|(first, rule)| {
                let is_version = |key: &&DocumentKey| (key.kind, &key.id) == (first.kind, &first.id) && is_checked(key);
                let key = self.keys.range(first.clone()..).take_while(|key| key.id == first.id).find(is_version)?.clone();
                Some(Finding { key, rule, field: "language", line: 1 })
            });
            self.findings.extend(told);
        }
    }
}

/// The id, with one form of each accent, of the article that a link must lead to: a link between articles is one to their files, whose names
/// are their ids. `None` if it leads to another file.
fn article_of(link: &str) -> Option<String> {
    let name = link.rsplit('/').next().unwrap_or(link);
    let id = name.strip_suffix(".md").or_else(|| (!name.contains('.')).then_some(name))?;
    Some(id.nfc().collect())
}

/// Returns the ids of articles that documents have links to, with both forms of each accent.
pub fn linked_articles(documents: &[Document]) -> BTreeSet<String> {
    let links = documents.iter().flat_map(|document| linked(&document.body));
    links.filter_map(|link| article_of(&link)).flat_map(|id| [id.nfd().collect(), id]).take(MAX_LOOKED_UP).collect()
}

/// What the texts of documents break.
async fn in_texts(documents: Vec<Document>, articles: &Arc<HashSet<String>>) -> Result<Vec<Finding>, KnowledgeError> {
    let articles = Arc::clone(articles);
    let check = move || documents.iter().flat_map(|document| in_text(document, &articles)).collect();
    Ok(task::blocking("the check of documents", check).await?)
}

fn in_text(document: &Document, articles: &HashSet<String>) -> Vec<Finding> {
    let leads = |link: &str| article_of(link).is_none_or(|id| articles.contains(&id));
    let body = &document.body;
    let mut broken = unknown_placeholders(document.kind(), body);
    broken.extend(broken_links(body, leads));
    broken.extend(flawed_comments(body));
    let finding = |(start, rule): Broken| Finding { key: document.key(), rule, field: "body", line: line_at(body, start) };
    broken.into_iter().map(finding).collect()
}
