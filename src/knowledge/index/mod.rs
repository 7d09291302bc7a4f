//! The index: a cache of the catalog. Its commit payload names the version of its format and the last change it holds, so that it
//! catches up at start. One that is of another version, damaged, or ahead of the catalog is built anew beside, in a folder of its own, and
//! takes the old one's place when it is whole; what can be searched of the old one is searched until then.

#[cfg(test)]
pub mod damage_tests;
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

use tokio::sync::{Notify, watch};
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
    task::caught,
};

/// Changes read at a time, and changes after which an index that takes many in commits and tells how far it is.
const STEP: i64 = 2000;
const COMMITTED: usize = 20_000;
/// With more changes than this to take in, an index is served before it has caught up.
const WAITED_FOR: i64 = 5000;
/// How often the catalog is asked for changes that another process made.
const POLL: Duration = Duration::from_millis(500);
/// How long after the index's files were looked through they are looked through again, however many searches fail.
const CHECK_PAUSE: Duration = Duration::from_secs(10);
/// The longest wait before an index that fails again and again is built anew.
const MAX_POLL: Duration = Duration::from_secs(30);
/// How long a change waits for the index.
const CATCH_UP: Duration = Duration::from_secs(20);

/// The index of one workspace, and the task that keeps it up with the catalog.
pub struct Index {
    view: Arc<RwLock<Arc<IndexSnapshot>>>,
    applied: watch::Receiver<i64>,
    wake: Arc<Notify>,
    suspect: Arc<AtomicBool>,
    _follow: AbortOnDropHandle<()>,
}

impl Index {
    /// Opens the index in `folder`, or begins it anew, catches up with the catalog, and goes on following it. With much to take in, what
    /// is there already is served meanwhile.
    pub async fn start(folder: PathBuf, catalog: Catalog) -> Result<Index, KnowledgeError> {
        Index::open(folder, catalog, WAITED_FOR).await
    }

    /// The same, however much there is to take in: it holds all that there is.
    pub async fn start_whole(folder: PathBuf, catalog: Catalog) -> Result<Index, KnowledgeError> {
        Index::open(folder, catalog, i64::MAX).await
    }

    async fn open(folder: PathBuf, catalog: Catalog, waited_for: i64) -> Result<Index, KnowledgeError> {
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
        let (shown, view) = (first.folder.clone(), Arc::new(RwLock::new(Arc::clone(&first.view))));
        drop(old);
        let mut follower =
            Follower { root, catalog, current, shown, view: Arc::clone(&view), suspect: Arc::clone(&suspect), checked: None };
        if follower.current.is_some() && follower.catalog.count_changes(follower.held()).await? <= waited_for {
            match follower.catch_up().await {
                Err(error @ (KnowledgeError::Index(_) | KnowledgeError::Task(_))) => {
                    tracing::warn!(error = %error, "the index can't be written to; it is built anew");
                    follower.build().await?;
                }
                done => done?,
            }
        }
        let (tell, applied) = watch::channel(follower.held());
        let wake = Arc::new(Notify::new());
        let follow = AbortOnDropHandle::new(tokio::spawn(follower.follow(tell, Arc::clone(&wake))));
        Ok(Index { view, applied, wake, suspect, _follow: follow })
    }

    /// What can be searched now.
    pub fn view(&self) -> Arc<IndexSnapshot> {
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

/// Applies the catalog's changes, in order.
struct Follower {
    root: PathBuf,
    catalog: Catalog,
    /// `None` while what is shown is another version's, or failed.
    current: Option<OpenIndex>,
    /// The folder of what is shown.
    shown: PathBuf,
    view: Arc<RwLock<Arc<IndexSnapshot>>>,
    suspect: Arc<AtomicBool>,
    /// When the index's files were last looked through.
    checked: Option<Instant>,
}

impl Follower {
    async fn follow(mut self, tell: watch::Sender<i64>, wake: Arc<Notify>) {
        let mut wait = POLL;
        loop {
            let turn = async {
                match self.current {
                    Some(_) => self.catch_up().await,
                    None => self.build().await,
                }
            };
            let done = caught("following the catalog", turn).await.unwrap_or_else(|panicked| Err(panicked.into()));
            tell.send_if_modified(|held| std::mem::replace(held, self.held()) != self.held());
            match done {
                Ok(()) => wait = POLL,
                // Work that panicked may have left anything.
                Err(error @ (KnowledgeError::Index(_) | KnowledgeError::Task(_))) => {
                    tracing::warn!(error = %error, "the index failed; it is built anew, and what was there is searched until then");
                    self.current = None;
                    wait = MAX_POLL.min(2 * wait);
                }
                // The next turn tries again; a Put that waits is told that the index is behind.
                Err(error) => tracing::warn!(error = %error, "the index can't follow the catalog"),
            }
            let _ = tokio::time::timeout(wait, wake.notified()).await;
            let may_check = self.checked.is_none_or(|checked| checked.elapsed() >= CHECK_PAUSE);
            if may_check && self.suspect.swap(false, Ordering::Relaxed) {
                let is_sound = self.is_sound().await;
                // One that was built anew is another.
                self.checked = is_sound.then(Instant::now);
                if !is_sound {
                    tracing::warn!("the index is damaged; it is built anew, and what was there is searched until then");
                    self.current = None;
                }
            }
        }
    }

    fn held(&self) -> i64 {
        self.current.as_ref().map_or(0, |current| current.held)
    }

    async fn is_sound(&self) -> bool {
        let Some(current) = &self.current else { return true };
        let index = current.index.clone();
        blocking(move || check(&index)).await.is_ok()
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
        self.show(&built);
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
    async fn take_in(&self, mut open: OpenIndex, for_workspace: bool) -> Result<(OpenIndex, Result<(), KnowledgeError>), KnowledgeError> {
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
                if commits { open.commit(if for_workspace { UNFINISHED } else { FORMAT }) } else { Ok(open) }
            });
            let applied;
            (applied, next) = tokio::join!(applying, self.catalog.changes(last, STEP));
            open = applied?;
            if commits {
                uncommitted = 0;
                if !for_workspace {
                    self.show(&open);
                }
                if taken >= COMMITTED {
                    tracing::info!(changes = taken, "building the index");
                }
            }
        };
        if uncommitted > 0 && !for_workspace {
            open = blocking(move || open.commit(FORMAT)).await?;
            self.show(&open);
        }
        Ok((open, done))
    }

    fn show(&self, open: &OpenIndex) {
        *self.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&open.view);
    }
}
