//! How a workspace writes: its voice, its glossary, its synonyms. What the knowledge base folder has goes first; the rest is what authors set
//! through the API, which is kept in the database.

mod entry;
pub mod in_force;
mod wording_rows;

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::{sleep, timeout};

pub use entry::{Entry, Listed, NONE, SynonymGroup};
use in_force::{StoredWording, Wording};

use crate::{
    ids::Workspace,
    knowledge::{
        documents::{
            document_rows::PutStatus,
            folder::{Folder, words::Term},
            voice::Voice,
        },
        error::{KnowledgeError, MAX_ENTRIES},
    },
    store::{Pulse, Store},
};

/// How often it is looked for changes if the pulse tells of none.
const SLOW_POLL: Duration = Duration::from_secs(30);
/// Wait after a failure before the changes are read again.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The wording of one workspace, in force and in the database.
#[derive(Clone)]
pub struct Wordings {
    store: Store,
    workspace: Workspace,
    in_force: Arc<RwLock<Wording>>,
    /// Serializes reading, so that what was read last is the latest.
    reading: Arc<tokio::sync::Mutex<()>>,
}

impl Wordings {
    /// Reads what is stored. The folder's part comes with the folder.
    pub async fn open(store: Store, workspace: Workspace) -> Result<Wordings, KnowledgeError> {
        let wordings = Wordings { store, workspace, in_force: Arc::default(), reading: Arc::default() };
        wordings.read().await?;
        Ok(wordings)
    }

    /// What is in force.
    pub fn in_force(&self) -> Arc<RwLock<Wording>> {
        Arc::clone(&self.in_force)
    }

    /// Takes what the folder has.
    pub fn take_folder(&self, folder: &mut Folder) {
        self.in_force.write().unwrap_or_else(PoisonError::into_inner).take_folder(folder);
    }

    /// Reads what other servers stored, forever.
    pub async fn follow(self) {
        let mut pulses = self.store.pulses();
        let number = |pulse: &Pulse| pulse.of(self.workspace.as_str()).wording;
        loop {
            let seen = number(&pulses.last());
            if seen != self.of(Wording::number)
                && let Err(error) = self.read().await
            {
                tracing::warn!(error = %error, "can't read the workspace's voice, glossary and synonyms; retrying");
                sleep(RETRY_DELAY).await;
                continue;
            }
            let _ = timeout(SLOW_POLL, pulses.until(|pulse| number(pulse) != seen)).await;
        }
    }

    async fn read(&self) -> Result<(), KnowledgeError> {
        let _reading = self.reading.lock().await;
        // The number first: what is stored meanwhile is read once more.
        let number = wording_rows::number(&self.store, &self.workspace).await?;
        let mut stored = StoredWording { number, ..StoredWording::default() };
        for (kind, content, updated_at) in wording_rows::all(&self.store, &self.workspace).await? {
            match kind {
                Voice::KIND => stored.voice = Some(Listed::stored(&content, updated_at)?),
                Term::KIND => stored.terms.push(Listed::stored(&content, updated_at)?),
                SynonymGroup::KIND => stored.groups.push(Listed::stored(&content, updated_at)?),
                // A newer version's.
                _ => {}
            }
        }
        self.in_force.write().unwrap_or_else(PoisonError::into_inner).take_stored(stored);
        Ok(())
    }

    /// Reads something of what is in force.
    pub fn of<T>(&self, read: impl FnOnce(&Wording) -> T) -> T {
        read(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Creates or updates entries, all or none. With an etag, only if what is stored has it. Returns each one's status and new etag, once this
    /// server goes by them.
    pub async fn put<E: Entry>(&self, entries: &[(E, String)]) -> Result<Vec<(PutStatus, String)>, KnowledgeError> {
        self.check_folder::<E>(entries.iter().map(|(entry, _)| entry.id()))?;
        let now = Timestamp::now();
        let mut write = self.store.begin().await?;
        wording_rows::take_number(&mut write, &self.workspace).await?;
        let ids: Vec<String> = entries.iter().map(|(entry, _)| entry.id().to_owned()).collect();
        let kept = wording_rows::some(&mut write, &self.workspace, E::KIND, &ids).await?;
        let mut results = Vec::with_capacity(entries.len());
        for (entry, etag) in entries {
            let kept = kept.get(entry.id()).map_or(NONE.to_owned(), |content| entry::etag(content));
            let content = serde_json::to_string(entry)?;
            let new = if entry.is_empty() { NONE.to_owned() } else { entry::etag(&content) };
            let status = match () {
                () if kept == new => PutStatus::Unchanged,
                () if !etag.is_empty() && *etag != kept => PutStatus::Stale,
                () if kept == NONE => PutStatus::Created,
                () => PutStatus::Updated,
            };
            match status {
                PutStatus::Created | PutStatus::Updated if entry.is_empty() => {
                    wording_rows::delete(&mut write, &self.workspace, E::KIND, entry.id()).await?;
                }
                PutStatus::Created | PutStatus::Updated => {
                    wording_rows::store(&mut write, &self.workspace, E::KIND, entry.id(), now, content).await?;
                }
                PutStatus::Unchanged | PutStatus::Stale => {}
            }
            results.push((status, if status == PutStatus::Stale { String::new() } else { new }));
        }
        if !results.iter().any(|(status, _)| matches!(status, PutStatus::Created | PutStatus::Updated)) {
            write.roll_back().await?;
            return Ok(results);
        }
        if wording_rows::count(&mut write, &self.workspace, E::KIND).await? > MAX_ENTRIES as i64 {
            write.roll_back().await?;
            return Err(KnowledgeError::WordingFull { what: E::WORD });
        }
        write.commit().await?;
        self.read().await?;
        Ok(results)
    }

    /// Deletes entries, all or none, and returns how many there were, once this server does not go by them any more.
    pub async fn delete<E: Entry>(&self, ids: &[String]) -> Result<usize, KnowledgeError> {
        self.check_folder::<E>(ids.iter().map(String::as_str))?;
        let mut write = self.store.begin().await?;
        wording_rows::take_number(&mut write, &self.workspace).await?;
        let kept = wording_rows::some(&mut write, &self.workspace, E::KIND, ids).await?;
        for id in kept.keys() {
            wording_rows::delete(&mut write, &self.workspace, E::KIND, id).await?;
        }
        write.commit().await?;
        self.read().await?;
        Ok(kept.len())
    }

    /// Refuses entries that the folder has.
    fn check_folder<'a, E: Entry>(&self, mut ids: impl Iterator<Item = &'a str>) -> Result<(), KnowledgeError> {
        match self.of(|wording| ids.find(|id| wording.is_of_folder::<E>(id))) {
            Some(id) => Err(KnowledgeError::FolderWording { what: E::WORD, id: id.to_owned(), file: E::FILE }),
            None => Ok(()),
        }
    }
}
