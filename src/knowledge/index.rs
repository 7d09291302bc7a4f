//! The index: a cache of the catalog. Its commit payload names the version of its format and the last change it holds, so that it
//! catches up at start. One that is of another version, damaged, or ahead of the catalog is built anew beside, in a folder of its own, and
//! takes the old one's place when it is whole; what can be searched of the old one is searched until then.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tantivy::{IndexReader, IndexWriter, ReloadPolicy, TantivyError, Term};
use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
};
use tokio_util::task::AbortOnDropHandle;

use super::{
    Catalog, KnowledgeError,
    document_rows::Change,
    schema::{Fields, LINES, LineTokenizer, indexed, key_text, schema},
    view::View,
};

/// Goes up whenever the fields or the analyzer change.
const FORMAT: &str = "4";
/// Stands in the payload of an index that is not whole yet.
const UNFINISHED: &str = "unfinished";
const WRITER_BYTES: usize = 64 << 20;
/// Changes read at a time, and changes after which an index that takes many in commits and tells how far it is.
const STEP: i64 = 2000;
const COMMITTED: usize = 20_000;
/// With more changes than this to take in, an index is served before it has caught up.
const WAITED_FOR: i64 = 5000;
/// How often the catalog is asked for changes that another process made.
const POLL: Duration = Duration::from_millis(500);
/// How long a change waits for the index.
const CATCH_UP: Duration = Duration::from_secs(20);

/// The index of one workspace, and the task that keeps it up with the catalog.
pub struct Index {
    view: Arc<RwLock<Arc<View>>>,
    applied: watch::Receiver<i64>,
    wake: Arc<Notify>,
    suspect: Arc<AtomicBool>,
    _follow: AbortOnDropHandle<()>,
}

impl Index {
    /// Opens the index in `folder`, or begins it anew, catches up with the catalog, and goes on following it. With much to take in, what
    /// is there already is served meanwhile.
    pub async fn start(folder: PathBuf, catalog: Catalog) -> Result<Index, KnowledgeError> {
        let newest = catalog.last_number().await?;
        let suspect = Arc::new(AtomicBool::new(false));
        let (found, root) = (folder.clone(), folder);
        let (current, old) = blocking(move || find(&found, newest)).await?;
        let current = match current {
            Some(current) => Some(current),
            // Whoever begins has nothing to be built beside.
            None if old.is_none() => {
                let root = root.clone();
                Some(blocking(move || OpenIndex::create(next_folder(&root)?)).await?)
            }
            None => None,
        };
        let first = current.as_ref().or(old.as_ref()).expect("one of them was opened or made");
        let (shown, view) = (first.folder.clone(), Arc::new(RwLock::new(Arc::new(first.view(None)?))));
        drop(old);
        let mut follower = Follower { root, catalog, current, shown, view: Arc::clone(&view), suspect: Arc::clone(&suspect) };
        if follower.current.is_some() && follower.catalog.count_changes(follower.held()).await? <= WAITED_FOR {
            follower.catch_up().await?;
        }
        let (tell, applied) = watch::channel(follower.held());
        let wake = Arc::new(Notify::new());
        let follow = AbortOnDropHandle::new(tokio::spawn(follower.follow(tell, Arc::clone(&wake))));
        Ok(Index { view, applied, wake, suspect, _follow: follow })
    }

    /// What can be searched now.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says that a search failed: the index's files are looked through, and it is built anew if they are damaged.
    pub fn suspect(&self) {
        self.suspect.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Waits until the change of this number can be found.
    pub async fn holds(&self, number: i64) -> Result<(), KnowledgeError> {
        self.wake.notify_one();
        let mut applied = self.applied.clone();
        match tokio::time::timeout(CATCH_UP, applied.wait_for(|held| *held >= number)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(KnowledgeError::IndexBehind),
        }
    }
}

/// An index that is open.
struct OpenIndex {
    folder: PathBuf,
    index: tantivy::Index,
    fields: Fields,
    writer: IndexWriter,
    reader: IndexReader,
    /// The last change it holds; 0 of another version's, or one that is not whole.
    held: i64,
}

impl OpenIndex {
    fn create(folder: PathBuf) -> Result<OpenIndex, TantivyError> {
        fs::create_dir_all(&folder)?;
        let (schema, _) = schema();
        let directory = tantivy::directory::MmapDirectory::open(&folder)?;
        let index = tantivy::Index::create(directory, schema, tantivy::IndexSettings::default())?;
        OpenIndex::of(folder, index, 0)
    }

    /// Opens an index that is whole and of this version; another one, if it can be searched at all, is returned as the error.
    fn open(folder: PathBuf) -> Result<Result<OpenIndex, OpenIndex>, TantivyError> {
        let index = tantivy::Index::open(tantivy::directory::MmapDirectory::open(&folder)?)?;
        if index.schema() != schema().0 {
            return Err(TantivyError::InternalError("it has other fields".to_owned()));
        }
        if !index.validate_checksum()?.is_empty() {
            return Err(TantivyError::InternalError("a file's checksum does not fit".to_owned()));
        }
        let payload = index.load_metas()?.payload;
        let held = payload.as_deref().and_then(|payload| payload.split_once(':')).filter(|(format, _)| *format == FORMAT);
        match held.and_then(|(_, number)| number.parse().ok()) {
            Some(number) => Ok(Ok(OpenIndex::of(folder, index, number)?)),
            None => Ok(Err(OpenIndex::of(folder, index, 0)?)),
        }
    }

    fn of(folder: PathBuf, index: tantivy::Index, held: i64) -> Result<OpenIndex, TantivyError> {
        index.tokenizers().register(LINES, LineTokenizer::default());
        let writer = index.writer_with_num_threads(1, WRITER_BYTES)?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(OpenIndex { folder, index, fields: schema().1, writer, reader, held })
    }

    fn view(&self, last: Option<&View>) -> Result<View, TantivyError> {
        View::new(self.reader.searcher(), self.fields, last)
    }

    /// Adds changes, of which `last` is the last one's number. An index that failed is of no use any more: what was added but not committed
    /// must not come in with the next commit.
    fn apply(mut self, changes: &[Change], last: i64) -> Result<OpenIndex, TantivyError> {
        for change in changes {
            self.writer.delete_term(Term::from_field_text(self.fields.key, &key_text(&change.key)));
            if let Some(document) = &change.document {
                self.writer.add_document(indexed(self.fields, document)?)?;
            }
        }
        self.held = last;
        Ok(self)
    }

    fn commit(mut self, format: &str) -> Result<OpenIndex, TantivyError> {
        let mut commit = self.writer.prepare_commit()?;
        commit.set_payload(&format!("{format}:{}", self.held));
        commit.commit()?;
        self.reader.reload()?;
        Ok(self)
    }
}

/// Applies the catalog's changes, in order.
struct Follower {
    root: PathBuf,
    catalog: Catalog,
    /// `None` while what is shown is another version's, or failed.
    current: Option<OpenIndex>,
    /// The folder of what is shown.
    shown: PathBuf,
    view: Arc<RwLock<Arc<View>>>,
    suspect: Arc<AtomicBool>,
}

impl Follower {
    async fn follow(mut self, tell: watch::Sender<i64>, wake: Arc<Notify>) {
        loop {
            let done = match self.current {
                Some(_) => self.catch_up().await,
                None => self.build().await,
            };
            tell.send_if_modified(|held| std::mem::replace(held, self.held()) != self.held());
            match done {
                Ok(()) => {}
                Err(KnowledgeError::Index(error)) => {
                    tracing::warn!(error = %error, "the index failed; it is built anew, and what was there is searched until then");
                    self.current = None;
                }
                // The next turn tries again; a Put that waits is told that the index is behind.
                Err(error) => tracing::warn!(error = %error, "the index can't follow the catalog"),
            }
            let _ = tokio::time::timeout(POLL, wake.notified()).await;
            if self.suspect.swap(false, Ordering::Relaxed) && !self.is_sound().await {
                tracing::warn!("the index is damaged; it is built anew, and what was there is searched until then");
                self.current = None;
            }
        }
    }

    fn held(&self) -> i64 {
        self.current.as_ref().map_or(0, |current| current.held)
    }

    async fn is_sound(&self) -> bool {
        let Some(current) = &self.current else { return true };
        let index = current.index.clone();
        blocking(move || index.validate_checksum()).await.is_ok_and(|damaged| damaged.is_empty())
    }

    /// Takes in what is new.
    async fn catch_up(&mut self) -> Result<(), KnowledgeError> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let (current, done) = self.take_in(current, false).await?;
        self.current = Some(current);
        done
    }

    /// Builds the index anew, from the catalog's first change to its last, and puts it in the place of what is shown.
    async fn build(&mut self) -> Result<(), KnowledgeError> {
        let (root, shown) = (self.root.clone(), self.shown.clone());
        let begun = blocking(move || {
            // Of a building that came to nothing.
            remove_others(&root, &shown);
            OpenIndex::create(next_folder(&root)?)
        });
        let (built, done) = self.take_in(begun.await?, true).await?;
        done?;
        let built = blocking(move || built.commit(FORMAT)).await?;
        self.show(&built)?;
        self.shown.clone_from(&built.folder);
        self.current = Some(built);
        let (root, shown) = (self.root.clone(), self.shown.clone());
        blocking(move || {
            remove_others(&root, &shown);
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// Takes in the catalog's changes, reading some while those before are indexed. What is built beside another is not shown yet. The
    /// error that is returned beside the index came from the database; all that was read until then is in.
    async fn take_in(&self, mut open: OpenIndex, beside: bool) -> Result<(OpenIndex, Result<(), KnowledgeError>), KnowledgeError> {
        let (mut taken, mut uncommitted) = (0, 0);
        let mut next = self.catalog.changes(open.held, STEP).await;
        let done = loop {
            let changes = match next {
                Ok(changes) if changes.is_empty() => break Ok(()),
                Ok(changes) => changes,
                Err(error) => break Err(error),
            };
            let last = changes.last().map_or(open.held, |change| change.number);
            (taken, uncommitted) = (taken + changes.len(), uncommitted + changes.len());
            let commits = uncommitted >= COMMITTED || changes.len() < STEP as usize;
            let applying = blocking(move || {
                let open = open.apply(&changes, last)?;
                if commits { open.commit(if beside { UNFINISHED } else { FORMAT }) } else { Ok(open) }
            });
            let applied;
            (applied, next) = tokio::join!(applying, self.catalog.changes(last, STEP));
            open = applied?;
            if commits {
                uncommitted = 0;
                if !beside {
                    self.show(&open)?;
                }
                if taken >= COMMITTED {
                    tracing::info!(changes = taken, "building the index");
                }
            }
        };
        if uncommitted > 0 && !beside {
            open = blocking(move || open.commit(FORMAT)).await?;
            self.show(&open)?;
        }
        Ok((open, done))
    }

    fn show(&self, open: &OpenIndex) -> Result<(), TantivyError> {
        let last = Arc::clone(&self.view.read().unwrap_or_else(PoisonError::into_inner));
        let view = Arc::new(open.view(Some(&last))?);
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = view;
        Ok(())
    }
}

/// The newest index that is whole, of this version and not ahead of the catalog; and if there is none, one that can be searched at least.
fn find(root: &Path, newest: i64) -> Result<(Option<OpenIndex>, Option<OpenIndex>), TantivyError> {
    fs::create_dir_all(root)?;
    let mut old = None;
    for folder in folders(root)?.into_iter().rev() {
        match OpenIndex::open(folder.clone()) {
            Ok(Ok(open)) if open.held <= newest => {
                remove_others(root, &folder);
                return Ok((Some(open), None));
            }
            Ok(Ok(open) | Err(open)) => {
                tracing::warn!("the index is ahead of the catalog, of another format or unfinished; it is built anew");
                if open.reader.searcher().num_docs() > 0 && old.is_none() {
                    old = Some(open);
                }
            }
            Err(error) => tracing::warn!(error = %error, "the index can't be opened; it is built anew"),
        }
    }
    if old.is_none() {
        // Nothing of what is there is of use; names are not used again.
        for folder in folders(root)? {
            fs::remove_dir_all(folder)?;
        }
    }
    Ok((None, old))
}

/// The folders of indexes, in the order in which they were begun.
fn folders(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found: Vec<(u64, PathBuf)> = Vec::new();
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        if let Some(number) = entry.file_name().to_str().and_then(|name| name.parse().ok()) {
            found.push((number, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, folder)| folder).collect())
}

fn next_folder(root: &Path) -> io::Result<PathBuf> {
    let number = |folder: &PathBuf| folder.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
    let last = folders(root)?.last().and_then(number).unwrap_or(0);
    Ok(root.join((last + 1).to_string()))
}

/// Removes all but one index, and what versions before this one left beside the folders. What can't be removed stays for the next time.
fn remove_others(root: &Path, kept: &Path) {
    let Ok(entries) = fs::read_dir(root) else { return };
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path != kept) {
        let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        if let Err(error) = removed {
            tracing::warn!(error = %error, "an old index can't be removed");
        }
    }
}

/// Does what keeps a core or the disk busy off the threads that serve.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, TantivyError> + Send + 'static) -> Result<T, TantivyError> {
    let done = spawn_blocking(work).await;
    done.map_err(|_| TantivyError::InternalError("work on the index was stopped".to_owned()))?
}
