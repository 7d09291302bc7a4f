//! Watches the folder while serving: imports its changes, logs its problems.
//!
//! Where the system reports file events, they are used. Besides, the folder is polled: every second for having been replaced, by a rename
//! or a switched link, and less often for any change in it, as network file systems send no events.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use notify::{RecursiveMode, Watcher};
use tokio::{sync::Notify, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    config::FolderWatch,
    knowledge::{
        documents::{
            catalog::Catalog,
            folder::{
                Folder, Problem,
                stamp::{Identity, stamp},
            },
            intake::{Intake, MassDelete},
        },
        error::KnowledgeError,
        wording::in_force::Wording,
    },
    store::Leadership,
    task,
};

/// Debounce: editors write a file in several steps, so a change is read when the folder has been quiet this long.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// A folder that is never quiet is read after this long.
const MAX_DEBOUNCE: Duration = Duration::from_secs(5);
/// Delay before a failed import is retried.
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// How often the folder is checked for having been replaced.
const IDENTITY_EVERY: Duration = Duration::from_secs(1);
/// How often the folder is polled for changes: without file events, and with them.
const POLL_EVERY: Duration = Duration::from_secs(2);
const CHECK_EVERY: Duration = Duration::from_secs(30);
/// Polling takes at most 1 of this many parts of the time, however large the folder is.
const MAX_SHARE: u32 = 50;

/// How a workspace's folder is imported.
#[derive(Debug, Clone)]
pub struct FolderSettings {
    /// The folder's path; its files are read, never written.
    pub root: PathBuf,
    /// How changes in it are noticed.
    pub watch: FolderWatch,
    /// Whether the import at start may delete most documents. Later imports never may.
    pub mass_delete: MassDelete,
}

/// Watches a folder until it is dropped.
pub struct Watch {
    reading: Arc<Reading>,
    at_start: MassDelete,
    _follow: AbortOnDropHandle<()>,
}

/// The metrics of a folder.
#[derive(Default)]
pub struct FolderState {
    /// Documents that only agents see, as their file can't be read.
    pub withdrawn: AtomicU64,
    pub problems: AtomicU64,
    /// Whether the last import was refused because it would have deleted most documents.
    pub refused: AtomicBool,
    /// Whether the folder can't be read at all now.
    pub missing: AtomicBool,
}

struct Reading {
    root: PathBuf,
    catalog: Catalog,
    /// Of several servers one imports the folder; the others read the files that every server reads for itself, such as its voice.
    leadership: Leadership,
    wording: Arc<RwLock<Wording>>,
    state: Arc<FolderState>,
    /// The problems already logged, so that each is logged once.
    logged: Mutex<Vec<Problem>>,
    /// Serializes imports, so that the latest one wins.
    import: tokio::sync::Mutex<()>,
}

impl Watch {
    /// Starts watching.
    pub async fn begin(settings: FolderSettings, catalog: Catalog, wording: Arc<RwLock<Wording>>, state: Arc<FolderState>) -> Watch {
        let FolderSettings { root, watch, mass_delete } = settings;
        let reading = Arc::new(Reading {
            root: root.clone(),
            leadership: catalog.store.leadership(&format!("folder of {}", catalog.workspace)),
            catalog,
            wording,
            state,
            logged: Mutex::default(),
            import: tokio::sync::Mutex::default(),
        });
        let first = Observer::new(root.clone(), watch);
        let first = Mutex::new(task::blocking("polling the knowledge base folder", move || first.poll().0).await.ok());
        let followed = Arc::clone(&reading);
        let follow = task::supervised("following the knowledge base folder", move || {
            let observer = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            // After a panic the observer starts over, and whatever it finds counts as a change.
            let observer = observer.unwrap_or_else(|| Observer::new(root.clone(), watch));
            Arc::clone(&followed).follow(observer)
        });
        Watch { reading, at_start: mass_delete, _follow: follow }
    }

    /// Imports the folder at start.
    pub async fn read_first(&self) -> Result<(), KnowledgeError> {
        self.reading.leadership.clone().begin().await;
        self.reading.read(self.at_start).await.map(drop)
    }
}

/// Detects changes of the folder.
struct Observer {
    root: PathBuf,
    watch: FolderWatch,
    events: Arc<Notify>,
    watcher: Option<notify::RecommendedWatcher>,
    identity: Option<Identity>,
    stamp: u64,
    next_stamp: Instant,
    /// When unreadable files are retried, although nothing seems to have changed.
    retry_at: Option<Instant>,
}

impl Observer {
    fn new(root: PathBuf, watch: FolderWatch) -> Observer {
        Observer {
            root,
            watch,
            events: Arc::default(),
            watcher: None,
            identity: None,
            stamp: 0,
            next_stamp: Instant::now(),
            retry_at: None,
        }
    }

    /// Polls, and returns whether something changed since the last poll.
    fn poll(mut self) -> (Observer, bool) {
        let identity = Identity::of(&self.root).ok();
        let replaced = identity != self.identity;
        if replaced {
            self.watcher = identity.as_ref().and_then(|identity| self.listen(identity.path()));
            self.identity = identity;
        }
        let changed = (replaced || Instant::now() >= self.next_stamp) && self.renew_stamp();
        let is_retry_due = self.retry_at.take_if(|at| Instant::now() >= *at).is_some();
        (self, replaced || changed || is_retry_due)
    }

    /// Takes a new stamp, and returns whether it differs from the last.
    fn renew_stamp(&mut self) -> bool {
        let started = Instant::now();
        let stamp = stamp(&self.root);
        let every = if self.watcher.is_some() { CHECK_EVERY } else { POLL_EVERY };
        self.next_stamp = Instant::now() + every.max(started.elapsed() * MAX_SHARE);
        std::mem::replace(&mut self.stamp, stamp) != stamp
    }

    fn listen(&self, folder: &Path) -> Option<notify::RecommendedWatcher> {
        if self.watch == FolderWatch::Poll {
            return None;
        }
        let events = Arc::clone(&self.events);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                events.notify_one();
            }
        })
        .and_then(|mut watcher| watcher.watch(folder, RecursiveMode::Recursive).map(|()| watcher));
        if let Err(error) = &watcher {
            tracing::warn!(error = %error, "no file events for the knowledge base folder; polling it every two seconds");
        }
        watcher.ok()
    }
}

impl Reading {
    /// Imports changes forever. If polling the folder panics, this panics too, and is restarted.
    async fn follow(self: Arc<Reading>, mut observer: Observer) {
        let events = Arc::clone(&observer.events);
        let mut led = self.leadership.leads();
        loop {
            let has_event = timeout(IDENTITY_EVERY, events.notified()).await.is_ok();
            let polling = task::blocking("polling the knowledge base folder", move || observer.poll());
            let Ok((polled, changed)) = polling.await else { panic!("polling the knowledge base folder failed") };
            observer = polled;
            let takes_over = self.leadership.leads() && !std::mem::replace(&mut led, self.leadership.leads());
            if !has_event && !changed && !takes_over {
                continue;
            }
            let until = Instant::now() + MAX_DEBOUNCE;
            loop {
                while timeout(DEBOUNCE, events.notified()).await.is_ok() && Instant::now() < until {}
                let renewed = task::blocking("polling the knowledge base folder", move || {
                    let changed = observer.renew_stamp();
                    (observer, changed)
                });
                let Ok((renewed, changed)) = renewed.await else { panic!("polling the knowledge base folder failed") };
                observer = renewed;
                if !changed || Instant::now() >= until {
                    break;
                }
            }
            loop {
                match self.read(MassDelete::Refuse).await {
                    Ok(complete) => {
                        observer.retry_at = (!complete).then(|| Instant::now() + CHECK_EVERY);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(error = %error, "importing the knowledge base folder failed; retrying");
                        tokio::time::sleep(RETRY_DELAY).await;
                    }
                }
            }
        }
    }

    /// Reads and imports the folder; returns whether all of it could be read.
    async fn read(&self, mass_delete: MassDelete) -> Result<bool, KnowledgeError> {
        let _import = self.import.lock().await;
        let root = self.root.clone();
        let folder = task::blocking("reading the knowledge base folder", move || Folder::read(&root)).await?;
        self.state.missing.store(folder.is_err(), Ordering::Relaxed);
        let mut folder = match folder {
            Ok(folder) => folder,
            Err(error) => {
                let message = format!("the folder `{}` can't be read ({error}); its documents are kept", self.root.display());
                self.log(vec![Problem { file: PathBuf::from("."), line: 1, message }], &[]);
                return Ok(false);
            }
        };
        let intake = self.catalog.take_folder(&folder, mass_delete, self.leadership.leads()).await?;
        let broken: Vec<PathBuf> = folder.broken.iter().filter_map(|key| folder.files.get(key).cloned()).collect();
        let mut problems: Vec<Problem> = folder.problems.iter().chain(&folder.ignored).cloned().collect();
        self.state.problems.store(folder.problems.len() as u64, Ordering::Relaxed);
        self.state.refused.store(matches!(intake, Intake::Refused { .. }), Ordering::Relaxed);
        let complete = !folder.incomplete && !folder.unreadable;
        match intake {
            Intake::Refused { deleted, documents } => {
                let message = refusal(&self.root, self.catalog.workspace.as_str(), deleted, documents);
                problems = vec![Problem { file: PathBuf::from("."), line: 1, message }];
            }
            Intake::Taken { changes, withdrawn } => {
                self.state.withdrawn.store(withdrawn as u64, Ordering::Relaxed);
                self.wording.write().unwrap_or_else(PoisonError::into_inner).take_folder(&mut folder);
                if changes > 0 {
                    tracing::info!(documents = folder.documents.len(), changes, withdrawn, "imported the knowledge base folder");
                }
            }
        }
        self.log(problems, &broken);
        Ok(complete)
    }

    fn log(&self, problems: Vec<Problem>, broken: &[PathBuf]) {
        let workspace = self.catalog.workspace.as_str();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        for Problem { file, line, message } in problems.iter().filter(|problem| !logged.contains(problem)) {
            if *file == Path::new(".") {
                tracing::error!(workspace, "{message}");
            } else if broken.contains(file) {
                tracing::warn!(workspace, file = %file.display(), line, problem = message, "a document's file can't be used; the document is hidden from the public until it is fixed");
            } else {
                tracing::warn!(workspace, file = %file.display(), line, problem = message, "problem in the knowledge base folder");
            }
        }
        *logged = problems;
    }
}

fn refusal(root: &Path, workspace: &str, deleted: usize, documents: usize) -> String {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    format!(
        "the knowledge base folder `{}` would delete {deleted} of the {documents} documents that workspace `{workspace}` has from it; \
         nothing is imported, and the documents are served as before. If this is the right folder, start once with --allow-mass-delete",
        root.display()
    )
}
