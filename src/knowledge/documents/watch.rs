//! The folder while serving: its changes are taken in, its problems are logged.
//!
//! Where the system says what changes, it is listened to. Besides, the folder is looked at: every second whether another one took its
//! place, by a rename or a switched link, and now and then whether anything in it changed, as network file systems say nothing.

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
        FolderContents,
        documents::{
            catalog::Catalog,
            folder::{
                Folder, Problem,
                stamp::{Identity, stamp},
            },
            intake::{Intake, MassDelete},
        },
        error::KnowledgeError,
    },
    task,
};

/// Editors write a file in several steps: a change is read when the folder has been quiet this long.
const QUIET: Duration = Duration::from_millis(100);
/// A folder that is never quiet is read all the same.
const MAX_UNREST: Duration = Duration::from_secs(5);
/// How long after a failure the folder is taken in again.
const AGAIN: Duration = Duration::from_secs(2);
/// How often it is looked whether another folder took its place.
const IDENTITY_EVERY: Duration = Duration::from_secs(1);
/// How often it is looked whether anything changed: without events, and beside them.
const POLL_EVERY: Duration = Duration::from_secs(2);
const CHECK_EVERY: Duration = Duration::from_secs(30);
/// Looking takes at most this share of the time, however large the folder is.
const MAX_SHARE: u32 = 50;

/// How a workspace's folder is taken in.
#[derive(Debug, Clone)]
pub struct FolderSettings {
    pub root: PathBuf,
    pub watch: FolderWatch,
    /// Whether what is read at start may delete most documents. What is read later never may.
    pub mass_delete: MassDelete,
}

/// Watches a folder until it is dropped.
pub struct Watch {
    reading: Arc<Reading>,
    at_start: MassDelete,
    _follow: AbortOnDropHandle<()>,
}

/// What counters tell of a folder.
#[derive(Default)]
pub struct FolderState {
    /// Documents that only agents see, as their file can't be read.
    pub withdrawn: AtomicU64,
    pub problems: AtomicU64,
    /// Whether what was read last would have deleted most documents, so that nothing of it was taken.
    pub refused: AtomicBool,
    /// Whether the folder can't be read at all now.
    pub missing: AtomicBool,
}

struct Reading {
    root: PathBuf,
    catalog: Catalog,
    contents: Arc<RwLock<FolderContents>>,
    state: Arc<FolderState>,
    /// What was logged already, so that each problem is logged once.
    logged: Mutex<Vec<Problem>>,
    /// One reading at a time, so that the latest is the one that is taken last.
    turn: tokio::sync::Mutex<()>,
}

impl Watch {
    /// Begins to watch.
    pub async fn begin(
        settings: FolderSettings,
        catalog: Catalog,
        contents: Arc<RwLock<FolderContents>>,
        state: Arc<FolderState>,
    ) -> Watch {
        let FolderSettings { root, watch, mass_delete } = settings;
        let reading = Arc::new(Reading {
            root: root.clone(),
            catalog,
            contents,
            state,
            logged: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        });
        let first = Observer::new(root.clone(), watch);
        let first = Mutex::new(task::blocking("looking at the knowledge base folder", move || first.looked().0).await.ok());
        let followed = Arc::clone(&reading);
        let follow = task::supervised("following the knowledge base folder", move || {
            let observer = first.lock().unwrap_or_else(PoisonError::into_inner).take();
            // After a panic it is looked anew, and what is there then is a change.
            let observer = observer.unwrap_or_else(|| Observer::new(root.clone(), watch));
            Arc::clone(&followed).follow(observer)
        });
        Watch { reading, at_start: mass_delete, _follow: follow }
    }

    /// Reads the folder at start.
    pub async fn read_first(&self) -> Result<(), KnowledgeError> {
        self.reading.read(self.at_start).await.map(drop)
    }
}

/// What sees that the folder changed.
struct Observer {
    root: PathBuf,
    watch: FolderWatch,
    events: Arc<Notify>,
    watcher: Option<notify::RecommendedWatcher>,
    identity: Option<Identity>,
    stamp: u64,
    next_stamp: Instant,
    /// When what could not be read is read again, although nothing seems to have changed.
    again: Option<Instant>,
}

impl Observer {
    fn new(root: PathBuf, watch: FolderWatch) -> Observer {
        Observer { root, watch, events: Arc::default(), watcher: None, identity: None, stamp: 0, next_stamp: Instant::now(), again: None }
    }

    /// Looks, and tells whether something changed since it was looked last.
    fn looked(mut self) -> (Observer, bool) {
        let identity = Identity::of(&self.root).ok();
        let replaced = identity != self.identity;
        if replaced {
            self.watcher = identity.as_ref().and_then(|identity| self.listen(identity.path()));
            self.identity = identity;
        }
        let changed = (replaced || Instant::now() >= self.next_stamp) && self.renew_stamp();
        let again = self.again.take_if(|at| Instant::now() >= *at).is_some();
        (self, replaced || changed || again)
    }

    /// Takes a new stamp, and tells whether it is another one.
    fn renew_stamp(&mut self) -> bool {
        let begun = Instant::now();
        let stamp = stamp(&self.root);
        let every = if self.watcher.is_some() { CHECK_EVERY } else { POLL_EVERY };
        self.next_stamp = Instant::now() + every.max(begun.elapsed() * MAX_SHARE);
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
            tracing::warn!(error = %error, "the system does not tell of changes in the knowledge base folder; it is looked at every two seconds");
        }
        watcher.ok()
    }
}

impl Reading {
    /// Takes changes in, for ever. If looking at the folder panics, so does this, and is begun again.
    async fn follow(self: Arc<Reading>, mut observer: Observer) {
        let events = Arc::clone(&observer.events);
        loop {
            let told = timeout(IDENTITY_EVERY, events.notified()).await.is_ok();
            let looking = task::blocking("looking at the knowledge base folder", move || observer.looked());
            let Ok((looked, changed)) = looking.await else { panic!("looking at the knowledge base folder failed") };
            observer = looked;
            if !told && !changed {
                continue;
            }
            let until = Instant::now() + MAX_UNREST;
            loop {
                while timeout(QUIET, events.notified()).await.is_ok() && Instant::now() < until {}
                let renewed = task::blocking("looking at the knowledge base folder", move || {
                    let changed = observer.renew_stamp();
                    (observer, changed)
                });
                let Ok((renewed, changed)) = renewed.await else { panic!("looking at the knowledge base folder failed") };
                observer = renewed;
                if !changed || Instant::now() >= until {
                    break;
                }
            }
            loop {
                match self.read(MassDelete::Refuse).await {
                    Ok(complete) => {
                        observer.again = (!complete).then(|| Instant::now() + CHECK_EVERY);
                        break;
                    }
                    Err(error) => {
                        tracing::warn!(error = %error, "the knowledge base folder could not be taken in; it is tried again");
                        tokio::time::sleep(AGAIN).await;
                    }
                }
            }
        }
    }

    /// Reads the folder and takes it in; tells whether all of it could be read.
    async fn read(&self, mass_delete: MassDelete) -> Result<bool, KnowledgeError> {
        let _turn = self.turn.lock().await;
        let root = self.root.clone();
        let folder = task::blocking("reading the knowledge base folder", move || Folder::read(&root)).await?;
        self.state.missing.store(folder.is_err(), Ordering::Relaxed);
        let mut folder = match folder {
            Ok(folder) => folder,
            Err(error) => {
                let message = format!("the folder `{}` can't be read ({error}); its documents stay as they were", self.root.display());
                self.log(vec![Problem { file: PathBuf::from("."), line: 1, message }], &[]);
                return Ok(false);
            }
        };
        let intake = self.catalog.take_folder(&folder, mass_delete).await?;
        let broken: Vec<PathBuf> = folder.broken.iter().filter_map(|key| folder.files.get(key).cloned()).collect();
        let mut problems: Vec<Problem> = folder.problems.iter().chain(&folder.passed_over).cloned().collect();
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
                self.contents.write().unwrap_or_else(PoisonError::into_inner).take(&mut folder);
                if changes > 0 {
                    tracing::info!(documents = folder.documents.len(), changes, withdrawn, "took in the knowledge base folder");
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
                tracing::warn!(workspace, file = %file.display(), line, problem = message, "a document's file can't be used: the public does not see the document until it can");
            } else {
                tracing::warn!(workspace, file = %file.display(), line, problem = message, "a problem in the knowledge base folder");
            }
        }
        *logged = problems;
    }
}

fn refusal(root: &Path, workspace: &str, deleted: usize, documents: usize) -> String {
    let root = std::path::absolute(root).unwrap_or_else(|_| root.to_owned());
    format!(
        "the knowledge base folder `{}` would delete {deleted} of the {documents} documents that workspace `{workspace}` has of its folder; \
         nothing of it is taken in, and they are served as they were. If this is the right folder, start once with --allow-mass-delete",
        root.display()
    )
}
