//! The knowledge base: documents, the folder they are imported from, the catalog that stores them, the index that searches them.

mod authors;
mod bases;
mod documents;
mod error;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod index;
mod intents;
mod published;
mod report;
mod search;
mod statistics;
mod uses;
mod vectors;
mod wording;

use std::{
    num::NonZero,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, atomic::AtomicU64},
};

use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

pub use bases::KnowledgeBases;
pub use documents::{
    asked::{AskedEdit, DocumentFile, documents_in},
    catalog::{Catalog, DocumentPage, ListFilter, NewDocument, VisibilityFilter},
    check::{Findings, check},
    condition::{Condition, Conditions, Subject, check_condition_count},
    document::{
        Audience, Details, Document, DocumentKey, Kind, Visibility, check_asked, check_asked_count, check_body, check_id, check_name,
        check_tag_count, check_time, check_title, check_url,
    },
    document_rows::PutStatus,
    fit::ChatFacts,
    folder::{
        Problem,
        words::{FolderWording, Term},
    },
    intake::MassDelete,
    reader::Reader,
    rules::Rule,
    stored_check::{Checked, Finding},
    voice::Voice,
    watch::FolderSettings,
};
pub use error::KnowledgeError;
pub use published::{PublicArticle, PublicArticles};
pub use report::{
    ArticleRating,
    search_report::{HelpReport, Lines, RatingCount, ReportFilter, SearchCounts, SearchLine, SearchReport, UnhelpfulArticle},
};
pub use search::{
    Hit, Hits, Search,
    highlight::{Highlighter, Segment, matched_words, segments},
    suggestion_query::{Conversation, QueryKind, RankedDocument, SuggestionQuery, Utterance, Vote},
};
pub use vectors::{DocumentTexts, DocumentVectors, KeptVectors, Meaning, shortened_to_end};
pub use wording::{Entry, Listed, NONE, SynonymGroup};

use crate::{
    ids::{Id, Workspace},
    knowledge::{
        documents::{
            folder::Folder,
            watch::{FolderState, Watch},
        },
        index::{Index, MAX_CATCH_UP, MAX_SEARCH_WAIT},
        published::Listing,
        report::Report,
        search::{openings::Openings, query::Typed, synonyms::Synonyms},
        vectors::Vectors,
        wording::Wordings,
    },
    spelling::Dictionaries,
    store::Store,
    task::{self, TaskError},
    text::{Language, lookup},
};

/// Rows of vectors read at a time.
const VECTORS_AT_ONCE: i64 = 100;

/// The knowledge base of one workspace.
#[derive(Clone)]
pub struct Knowledge {
    workspace: Workspace,
    base: Arc<Base>,
    report: Report,
    /// Limits concurrent searches of all workspaces to the number of cores: more at once would only slow each other down.
    concurrency_limit: Arc<Semaphore>,
}

struct Base {
    catalog: Catalog,
    index: Index,
    vectors: RwLock<Arc<Vectors>>,
    openings: RwLock<Arc<Openings>>,
    listing: Listing,
    wording: Wordings,
    folder: Arc<FolderState>,
    /// Searches without a hit, and with one, since the start.
    searches: [AtomicU64; 2],
    /// Which words of a language are right; `None` where nothing is searched.
    dictionaries: Option<Dictionaries>,
    _tasks: (Option<Watch>, Option<AbortOnDropHandle<()>>),
}

impl Knowledge {
    /// Opens a workspace without changing it, for commands that only show something: documents are not imported, voice, glossary and
    /// synonyms are read from the folder and the database, and the index is built in `scratch`.
    pub async fn read_only(
        store: Store,
        workspace: Workspace,
        folder: Option<PathBuf>,
        scratch: &Path,
    ) -> Result<Knowledge, KnowledgeError> {
        let wording = Wordings::open(store.clone(), workspace.clone()).await?;
        if let Some(folder) = folder {
            let read = task::blocking("reading the knowledge base folder", move || Folder::read(&folder));
            // An unreadable voice, glossary or synonyms file is no reason to fail.
            if let Ok(mut folder) = read.await? {
                wording.take_folder(&mut folder);
            }
        }
        let catalog = Catalog { store: store.clone(), workspace: workspace.clone() };
        let index = Index::start_whole(scratch.join("index"), catalog.clone()).await?;
        let base = Base::new(catalog, index, wording);
        Ok(Knowledge { workspace, base: Arc::new(base), report: Report::start(store), concurrency_limit: concurrency_limit() })
    }

    /// Runs CPU-bound work, like [`Knowledge::search`] and [`Knowledge::suggestions`], off the serving threads, within the concurrency
    /// limit.
    pub async fn run_cpu_bound<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Knowledge) -> Result<T, KnowledgeError> + Send + 'static,
    ) -> Result<T, KnowledgeError> {
        let _permit = self.concurrency_limit.acquire().await.map_err(|_| TaskError::Cancelled("the search"))?;
        let knowledge = self.clone();
        task::blocking("the search", move || work(&knowledge)).await?
    }

    /// Searches articles.
    pub fn search(&self, search: &Search) -> Result<Hits, KnowledgeError> {
        let base = &self.base;
        base.checked(|| {
            let (vectors, openings) = (base.vectors(), base.openings());
            search::search(&base.index, &base.synonyms(), (&vectors, &openings), base.dictionaries.as_ref(), search)
        })
    }

    /// Returns the text of a query that is worth embedding: none for a query that ends in the prefix of a word that its reader may see, or
    /// while no document has vectors.
    pub fn text_to_embed(
        &self,
        query: &str,
        language: &Language,
        kinds: &[Kind],
        reader: &Reader,
    ) -> Result<Option<String>, KnowledgeError> {
        let base = &self.base;
        let typed = Typed::read(query, language.primary());
        if base.vectors().is_empty() || typed.query.words.is_empty() {
            return Ok(None);
        }
        let is_half = base.checked(|| search::ends_in_half_a_word(&base.index, &typed, language, kinds, reader))?;
        Ok((!is_half).then(|| shortened_to_end(&typed.text)).filter(|text| !text.is_empty()))
    }

    /// Returns whether any document has vectors.
    pub fn has_vectors(&self) -> bool {
        !self.base.vectors().is_empty()
    }

    /// Returns the documents that changed after a number and have no vectors of a model, at most `limit`, each with its number.
    pub async fn without_vectors(&self, model: &str, after: i64, limit: i64) -> Result<Vec<(i64, Document)>, KnowledgeError> {
        self.base.catalog.without_vectors(model, after, limit).await
    }

    /// Returns how many such documents there are.
    pub async fn count_without_vectors(&self, model: &str, after: i64) -> Result<i64, KnowledgeError> {
        self.base.catalog.count_without_vectors(model, after).await
    }

    /// Returns the number of the catalog's last change.
    pub async fn last_number(&self) -> Result<i64, KnowledgeError> {
        self.base.catalog.last_number().await
    }

    /// Stores documents' vectors in the catalog. A document that has changed since they were made keeps its old ones.
    pub async fn store_vectors(&self, model: &str, kept: &[KeptVectors]) -> Result<(), KnowledgeError> {
        self.base.catalog.store_vectors(model, kept).await
    }

    /// Loads newly stored vectors into memory. Searches go by the older ones until all are read: they are copied once, not for each page.
    pub async fn load_vectors(&self, model: &str) -> Result<(), KnowledgeError> {
        let base = &self.base;
        let mut loaded = base.vectors();
        let before = loaded.number;
        loop {
            let page = base.catalog.vectors(model, loaded.number, VECTORS_AT_ONCE).await?;
            if page.is_empty() {
                break;
            }
            let updated = Arc::make_mut(&mut loaded);
            for (number, key, vectors) in page {
                updated.take(number, &key, vectors);
            }
        }
        if loaded.number != before {
            *base.vectors.write().unwrap_or_else(PoisonError::into_inner) = loaded;
        }
        Ok(())
    }

    /// Ranks documents for a conversation, best first.
    pub fn suggestions(&self, query: &SuggestionQuery) -> Result<Vec<RankedDocument>, KnowledgeError> {
        let base = &self.base;
        base.checked(|| search::suggestions::suggestions(&base.index, &base.synonyms(), &base.vectors(), query))
    }

    /// Returns the canned answer that an agent's message equals or nearly equals.
    pub fn near_match(&self, text: &str, language: &Language, reader: &Reader) -> Result<Option<Document>, KnowledgeError> {
        let base = &self.base;
        base.checked(|| search::near_match::near_match(&base.index, &base.synonyms(), text, language.primary(), reader))
    }

    /// Whether documents in a language write a word, given in lower case, with the same accents.
    pub fn writes(&self, word: &str, language: &str) -> Result<bool, KnowledgeError> {
        let base = &self.base;
        base.checked(|| search::written::is_written(&base.index, word, language))
    }

    /// Returns the changes of the catalog after a number, in order, at most `limit`: each change's number, its key, and the document unless
    /// it was deleted.
    pub async fn changes(&self, after: i64, limit: i64) -> Result<Vec<(i64, DocumentKey, Option<Document>)>, KnowledgeError> {
        let changes = self.base.catalog.changes(after, limit).await?;
        Ok(changes.into_iter().map(|change| (change.number, change.key, change.document)).collect())
    }

    /// Returns an article for a reader, in the first of `languages` that it has, or the closest to one, else in any.
    pub async fn article(&self, id: &Id, languages: &[&Language], reader: &Reader) -> Result<Document, KnowledgeError> {
        let mut versions = self.versions(Kind::Article, id).await?;
        versions.retain(|document| reader.sees(document.audience()));
        let found = |wanted: &&Language| lookup(wanted, versions.iter().map(|document| &document.language)).cloned();
        let best = languages.iter().find_map(found);
        let index = best.and_then(|best| versions.iter().position(|document| document.language == best)).unwrap_or(0);
        if versions.is_empty() {
            return Err(KnowledgeError::NotFound { kind: Kind::Article, id: id.to_string() });
        }
        Ok(versions.swap_remove(index))
    }

    /// Returns every language version of a document.
    pub async fn versions(&self, kind: Kind, id: &Id) -> Result<Vec<Document>, KnowledgeError> {
        self.base.catalog.versions(kind, id).await
    }

    /// Lists documents.
    pub async fn list(
        &self,
        kind: Kind,
        filter: &ListFilter,
        page_size: usize,
        page_token: &str,
        most_bytes: usize,
    ) -> Result<DocumentPage, KnowledgeError> {
        self.base.catalog.list(kind, filter, page_size, page_token, most_bytes).await
    }

    /// Creates or updates documents, and returns once they can be found, with the catalog's revision. The write continues if the caller hangs up.
    pub async fn put(&self, documents: Vec<NewDocument>) -> Result<(Vec<PutStatus>, i64), KnowledgeError> {
        self.put_if(documents, Vec::new()).await
    }

    /// The same, each with the etag that the stored version must have; one that is empty or left out asks for none.
    pub async fn put_if(&self, documents: Vec<NewDocument>, etags: Vec<String>) -> Result<(Vec<PutStatus>, i64), KnowledgeError> {
        let (statuses, changed) = self.base.catalog.put_if(documents, &etags).await?;
        Ok((statuses, self.findable(changed).await?))
    }

    /// Deletes documents, and returns their number once they can't be found any more, with the catalog's revision.
    pub async fn delete(&self, kind: Kind, ids: &[Id], language: Option<&Language>) -> Result<(usize, i64), KnowledgeError> {
        let (deleted, changed) = self.base.catalog.delete(kind, ids, language).await?;
        Ok((deleted, self.findable(changed).await?))
    }

    /// Waits until a change can be found; returns its revision, or the catalog's if nothing changed.
    async fn findable(&self, changed: Option<i64>) -> Result<i64, KnowledgeError> {
        let Some(revision) = changed else { return self.last_number().await };
        self.base.index.wait_for_change(revision, MAX_CATCH_UP).await?;
        Ok(revision)
    }

    /// Waits until the index has a revision of the catalog: a caller's own write, which another server may have taken.
    pub async fn wait_for_revision(&self, revision: i64) -> Result<(), KnowledgeError> {
        self.base.index.wait_for_change(revision, MAX_SEARCH_WAIT).await
    }

    /// Returns how the workspace writes.
    pub fn voice(&self) -> Arc<Voice> {
        self.base.wording.of(|wording| Arc::clone(&wording.voice))
    }

    /// Returns the workspace's glossary.
    pub fn glossary(&self) -> Arc<Vec<Term>> {
        self.base.wording.of(|wording| Arc::clone(&wording.glossary))
    }
}

fn concurrency_limit() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, NonZero::get)))
}

impl Base {
    /// What is read from no folder, and searched without dictionaries.
    fn new(catalog: Catalog, index: Index, wording: Wordings) -> Base {
        let (vectors, openings, listing, folder, searches) = Default::default();
        Base { catalog, index, vectors, openings, listing, wording, folder, searches, dictionaries: None, _tasks: (None, None) }
    }

    async fn start(
        store: Store,
        workspace: Workspace,
        folder: Option<FolderSettings>,
        data: &Path,
        dictionaries: Dictionaries,
    ) -> Result<Base, KnowledgeError> {
        let wording = Wordings::open(store.clone(), workspace.clone()).await?;
        let catalog = Catalog { store, workspace: workspace.clone() };
        let state = Arc::new(FolderState::default());
        // Watching begins before the first import, so that no change is missed between the two. A workspace without a folder may still have
        // folder documents: another server may have imported them.
        let watch = match folder {
            Some(folder) => {
                let watch = Watch::begin(folder, catalog.clone(), wording.in_force(), Arc::clone(&state)).await;
                watch.read_first().await?;
                Some(watch)
            }
            None => None,
        };
        let index = Index::start(data.join("index").join(workspace.as_str()), catalog.clone()).await?;
        let followed = wording.clone();
        let follow = task::supervised("following the wording", move || followed.clone().follow());
        let tasks = (watch, Some(follow));
        Ok(Base { folder: state, dictionaries: Some(dictionaries), _tasks: tasks, ..Base::new(catalog, index, wording) })
    }

    /// Queries the index. If that fails, or the library panics over damaged files, the index is checked.
    fn checked<T>(&self, query: impl FnOnce() -> Result<T, KnowledgeError>) -> Result<T, KnowledgeError> {
        match catch_unwind(AssertUnwindSafe(query)) {
            Ok(Err(KnowledgeError::Index(error))) => {
                self.index.suspect();
                Err(KnowledgeError::Index(error))
            }
            Ok(result) => result,
            Err(panic) => {
                self.index.suspect();
                resume_unwind(panic)
            }
        }
    }

    fn synonyms(&self) -> Arc<Synonyms> {
        self.wording.of(|wording| Arc::clone(&wording.synonyms))
    }

    fn vectors(&self) -> Arc<Vectors> {
        Arc::clone(&self.vectors.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn openings(&self) -> Arc<Openings> {
        Arc::clone(&self.openings.read().unwrap_or_else(PoisonError::into_inner))
    }
}
