//! The folder while serving: its changes are taken in, its problems told.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use notify::{RecursiveMode, Watcher};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::{
    Catalog, KnowledgeError, Shelf,
    folder::{Folder, Problem},
};
use crate::task;

/// Editors write a file in several steps: a change is read when the folder has been quiet this long.
const QUIET: Duration = Duration::from_millis(100);

/// How long after a failure the folder is taken in again.
const AGAIN: Duration = Duration::from_secs(2);

/// Watches a folder until it is dropped.
pub struct Watch {
    reading: Arc<Reading>,
    _watcher: Option<notify::RecommendedWatcher>,
    _follow: AbortOnDropHandle<()>,
}

struct Reading {
    root: PathBuf,
    catalog: Catalog,
    shelf: Arc<RwLock<Shelf>>,
    /// What was told already, so that each problem is told once.
    told: Mutex<Vec<Problem>>,
    /// One reading at a time, so that the latest is the one that is taken last.
    turn: tokio::sync::Mutex<()>,
}

impl Watch {
    /// Begins to watch. Where the system can't watch, the folder is read at start alone, and that is said.
    pub fn begin(root: PathBuf, catalog: Catalog, shelf: Arc<RwLock<Shelf>>) -> Watch {
        let changed = Arc::new(Notify::new());
        let wake = Arc::clone(&changed);
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if event.is_ok_and(|event| !event.kind.is_access()) {
                wake.notify_one();
            }
        })
        .and_then(|mut watcher| watcher.watch(&root, RecursiveMode::Recursive).map(|()| watcher));
        if let Err(error) = &watcher {
            tracing::warn!(error = %error, "the knowledge base folder can't be watched; restart to take its changes in");
        }
        let reading = Arc::new(Reading { root, catalog, shelf, told: Mutex::default(), turn: tokio::sync::Mutex::default() });
        let followed = Arc::clone(&reading);
        let follow = task::supervised("following the knowledge base folder", move || Arc::clone(&followed).follow(Arc::clone(&changed)));
        Watch { reading, _watcher: watcher.ok(), _follow: follow }
    }

    /// Reads the folder now.
    pub async fn read_now(&self) -> Result<(), KnowledgeError> {
        self.reading.read().await
    }
}

impl Reading {
    async fn follow(self: Arc<Reading>, changed: Arc<Notify>) {
        loop {
            changed.notified().await;
            while tokio::time::timeout(QUIET, changed.notified()).await.is_ok() {}
            while let Err(error) = self.read().await {
                tracing::warn!(error = %error, "the knowledge base folder could not be taken in; it is tried again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    async fn read(&self) -> Result<(), KnowledgeError> {
        let _turn = self.turn.lock().await;
        let root = self.root.clone();
        let mut folder = task::blocking("reading the knowledge base folder", move || Folder::read(&root)).await?;
        self.tell(&folder.problems);
        let changes = self.catalog.take_folder(&folder).await?;
        self.shelf.write().unwrap_or_else(PoisonError::into_inner).take(&mut folder);
        if changes > 0 {
            tracing::info!(documents = folder.documents.len(), changes, "took in the knowledge base folder");
        }
        Ok(())
    }

    fn tell(&self, problems: &[Problem]) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        for problem in problems.iter().filter(|problem| !told.contains(problem)) {
            tracing::warn!(file = %problem.file.display(), line = problem.line, problem = problem.message, "a file of the knowledge base can't be read; what was taken in of it before stays");
        }
        *told = problems.to_vec();
    }
}
