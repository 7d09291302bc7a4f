//! The search index: a cache of the catalog. Its commit payload names its format version and the last change that it contains, so that it
//! catches up at start. An index of another version, a damaged one, or one ahead of the catalog is rebuilt beside the old one, in a folder
//! of its own, and replaces it once complete; until then the old one is searched as far as it can be.

#[cfg(test)]
pub mod damage_tests;
pub mod needs;
pub mod open_index;
pub mod schema;
pub mod scope;
pub mod sealed_directory;
pub mod snapshot;

use std::{
    path::PathBuf,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    knowledge::{
        documents::catalog::Catalog,
        error::KnowledgeError,
        index::{
            open_index::{FORMAT, OpenIndex, UNFINISHED, blocking, check, find, next_folder, remove_others},
            snapshot::IndexSnapshot,
        },
    },
    store::Pulse,
    task::caught,
};

/// Changes read per batch, and changes after which a long catch-up commits and logs its progress.
const BATCH: i64 = 2000;
const COMMIT_EVERY: usize = 20_000;
/// With more pending changes than this, the index is served before it has caught up.
const MAX_PENDING_AT_START: i64 = 5000;
/// Wait after a first failure.
const FIRST_RETRY: Duration = Duration::from_millis(500);
/// How often the catalog is read even though nothing is known to have changed.
const SLOW_POLL: Duration = Duration::from_secs(30);
/// Least time between two integrity checks of the index's files, however many searches fail.
const CHECK_PAUSE: Duration = Duration::from_secs(10);
/// Longest backoff before an index that keeps failing is rebuilt.
const MAX_POLL: Duration = Duration::from_secs(30);
/// Longest wait of a write until the index contains it, and of a search until it contains what its caller wrote.
pub const MAX_CATCH_UP: Duration = Duration::from_secs(20);
pub const MAX_SEARCH_WAIT: Duration = Duration::from_secs(2);

/// The index of one workspace, and the task that follows the catalog.
pub struct Index {
    snapshot: Arc<RwLock<Arc<IndexSnapshot>>>,
    applied: watch::Receiver<i64>,
    wake: Arc<Notify>,
    suspect: Arc<AtomicBool>,
    /// The catalog's last change when it was opened; 0 if an older index, which has the documents as they were, was served at once.
    behind_until: i64,
    _follow: AbortOnDropHandle<()>,
}

impl Index {
    /// Opens the index in `folder`, or creates it, catches up with the catalog, and keeps following it. With many pending changes, what is
    /// indexed already is served meanwhile.
    pub async fn start(folder: PathBuf, catalog: Catalog) -> Result<Index, KnowledgeError> {
        Index::open(folder, catalog, MAX_PENDING_AT_START).await
    }

    /// Starts likewise, but waits until the index contains the whole catalog.
    pub async fn start_whole(folder: PathBuf, catalog: Catalog) -> Result<Index, KnowledgeError> {
        Index::open(folder, catalog, i64::MAX).await
    }

    async fn open(folder: PathBuf, catalog: Catalog, max_pending: i64) -> Result<Index, KnowledgeError> {
        let newest = catalog.last_number().await?;
        let suspect = Arc::new(AtomicBool::new(false));
        let (found, root) = (folder.clone(), folder);
        let (current, old) = blocking(move || find(&found, newest)).await?;
        let current = match current {
            Some(current) => Some(current),
            // Without an old index there is nothing to rebuild beside.
            None if old.is_none() => {
                let root = root.clone();
                Some(blocking(move || OpenIndex::create(next_folder(&root)?)).await?)
            }
            None => None,
        };
        let first = current.as_ref().or(old.as_ref()).expect("one of them was opened or made");
        let behind_until = if old.is_some() { 0 } else { newest };
        let (served, snapshot) = (first.folder.clone(), Arc::new(RwLock::new(Arc::clone(&first.snapshot))));
        drop(old);
        let mut follower =
            Follower { root, catalog, current, served, snapshot: Arc::clone(&snapshot), suspect: Arc::clone(&suspect), checked: None };
        let mut complete = 0;
        if follower.current.is_some() && follower.catalog.count_changes(follower.last_change()).await? <= max_pending {
            match follower.catch_up().await {
                Err(error @ (KnowledgeError::Index(_) | KnowledgeError::Task(_))) => {
                    tracing::warn!(error = %error, "index can't be written; rebuilding it");
                    follower.build().await?;
                }
                result => result?,
            }
            complete = newest;
        }
        let (progress, applied) = watch::channel(complete.max(follower.last_change()));
        let wake = Arc::new(Notify::new());
        let follow = AbortOnDropHandle::new(tokio::spawn(follower.follow(progress, Arc::clone(&wake))));
        Ok(Index { snapshot, applied, wake, suspect, behind_until, _follow: follow })
    }

    /// Returns the current snapshot.
    pub fn snapshot(&self) -> Arc<IndexSnapshot> {
        Arc::clone(&self.snapshot.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Returns whether it has every document that the catalog had when it was opened.
    pub fn has_caught_up(&self) -> bool {
        *self.applied.borrow() >= self.behind_until
    }

    /// Returns how many changes of the catalog, of those heard of, it does not have yet.
    pub fn lag(&self, newest: i64) -> u64 {
        u64::try_from(newest - *self.applied.borrow()).unwrap_or(0)
    }

    /// Reports that a search failed: the index's files are checked, and the index is rebuilt if they are damaged.
    pub fn suspect(&self) {
        self.suspect.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Waits until the change with this number can be found.
    pub async fn wait_for_change(&self, number: i64, longest: Duration) -> Result<(), KnowledgeError> {
        let mut applied = self.applied.clone();
        if *applied.borrow() >= number {
            return Ok(());
        }
        self.wake.notify_one();
        match timeout(longest, applied.wait_for(|last_change| *last_change >= number)).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(KnowledgeError::IndexBehind),
        }
    }
}

/// Applies the catalog's changes, in order.
struct Follower {
    root: PathBuf,
    catalog: Catalog,
    /// `None` while the served index is of another version, or failed.
    current: Option<OpenIndex>,
    /// The folder of the served index.
    served: PathBuf,
    snapshot: Arc<RwLock<Arc<IndexSnapshot>>>,
    suspect: Arc<AtomicBool>,
    /// When the index's files were last checked.
    checked: Option<Instant>,
}

impl Follower {
    async fn follow(mut self, progress: watch::Sender<i64>, wake: Arc<Notify>) {
        let mut pulses = self.catalog.store.pulses();
        let workspace = self.catalog.workspace.clone();
        let documents = move |pulse: &Pulse| pulse.of(workspace.as_str()).documents;
        let mut wait = FIRST_RETRY;
        loop {
            let seen = documents(&pulses.last());
            let mut is_behind = false;
            let iteration = async {
                match self.current {
                    Some(_) => self.catch_up().await,
                    None => self.build().await,
                }
            };
            let result = caught("following the catalog", iteration).await.unwrap_or_else(|panicked| Err(panicked.into()));
            // The catalog's numbers count stored vectors too, which are no changes for the index: what was read to the end is complete.
            let complete = match &result {
                Ok(()) => self.last_change().max(seen),
                Err(_) if self.current.is_some() => *progress.borrow(),
                Err(_) => 0,
            };
            progress.send_if_modified(|applied| std::mem::replace(applied, complete) != complete);
            match result {
                Ok(()) => wait = FIRST_RETRY,
                // Work that panicked may have left the index in any state.
                Err(error @ (KnowledgeError::Index(_) | KnowledgeError::Task(_))) => {
                    tracing::warn!(error = %error, "index failed; rebuilding it, the old one serves searches until then");
                    self.current = None;
                    is_behind = true;
                    wait = MAX_POLL.min(2 * wait);
                }
                // Retried in the next iteration; a waiting Put fails with IndexBehind.
                Err(error) => {
                    is_behind = true;
                    tracing::warn!(error = %error, "index can't read the catalog; retrying");
                }
            }
            tokio::select! {
                () = wake.notified() => {}
                () = pulses.until(|pulse| documents(pulse) != seen), if !is_behind => {}
                () = sleep(if is_behind { wait } else { SLOW_POLL }) => {}
            }
            let may_check = self.checked.is_none_or(|checked| checked.elapsed() >= CHECK_PAUSE);
            if may_check && self.suspect.swap(false, Ordering::Relaxed) {
                let is_intact = self.is_intact().await;
                // A rebuilt index has not been checked yet.
                self.checked = is_intact.then(Instant::now);
                if !is_intact {
                    tracing::warn!("index is damaged; rebuilding it, the old one serves searches until then");
                    self.current = None;
                }
            }
        }
    }

    fn last_change(&self) -> i64 {
        self.current.as_ref().map_or(0, |current| current.last_change)
    }

    async fn is_intact(&self) -> bool {
        let Some(current) = &self.current else { return true };
        let index = current.index.clone();
        blocking(move || check(&index)).await.is_ok()
    }

    /// Applies the pending changes.
    async fn catch_up(&mut self) -> Result<(), KnowledgeError> {
        let Some(current) = self.current.take() else { return Ok(()) };
        let (current, result) = self.apply_changes(current, false).await?;
        self.current = Some(current);
        result
    }

    /// Rebuilds the index, from the catalog's first change to its last, and serves it instead of the old one.
    async fn build(&mut self) -> Result<(), KnowledgeError> {
        let (root, served) = (self.root.clone(), self.served.clone());
        let created = blocking(move || {
            // Left over from a failed rebuild.
            remove_others(&root, &served);
            OpenIndex::create(next_folder(&root)?)
        });
        let (built, result) = self.apply_changes(created.await?, true).await?;
        result?;
        let built = blocking(move || built.commit(FORMAT)).await?;
        self.serve(&built);
        self.served.clone_from(&built.folder);
        self.current = Some(built);
        let (root, served) = (self.root.clone(), self.served.clone());
        blocking(move || {
            remove_others(&root, &served);
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// Applies the catalog's changes, reading the next batch while the previous one is indexed. A rebuild is not served until it is
    /// complete. An error returned along with the index came from the database; everything read before it has been applied.
    async fn apply_changes(
        &self,
        mut open: OpenIndex,
        is_rebuild: bool,
    ) -> Result<(OpenIndex, Result<(), KnowledgeError>), KnowledgeError> {
        let (mut applied_count, mut uncommitted) = (0, 0);
        let mut next = self.catalog.changes(open.last_change, BATCH).await;
        let result = loop {
            let changes = match next {
                Ok(changes) if changes.is_empty() => break Ok(()),
                Ok(changes) => changes,
                Err(error) => break Err(error),
            };
            let last = changes.last().map_or(open.last_change, |change| change.number);
            (applied_count, uncommitted) = (applied_count + changes.len(), uncommitted + changes.len());
            let commits = uncommitted >= COMMIT_EVERY || changes.len() < BATCH as usize;
            let applying = blocking(move || {
                let open = open.apply(&changes, last)?;
                if commits { open.commit(if is_rebuild { UNFINISHED } else { FORMAT }) } else { Ok(open) }
            });
            let applied;
            (applied, next) = tokio::join!(applying, self.catalog.changes(last, BATCH));
            open = applied?;
            if commits {
                uncommitted = 0;
                if !is_rebuild {
                    self.serve(&open);
                }
                if applied_count >= COMMIT_EVERY {
                    tracing::info!(changes = applied_count, "building the index");
                }
            }
        };
        if uncommitted > 0 && !is_rebuild {
            open = blocking(move || open.commit(FORMAT)).await?;
            self.serve(&open);
        }
        Ok((open, result))
    }

    fn serve(&self, open: &OpenIndex) {
        *self.snapshot.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&open.snapshot);
    }
}
