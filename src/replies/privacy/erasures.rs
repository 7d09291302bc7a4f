//! Where erasures are remembered, so that what a restored backup brings back is erased again: in a file of the data folder, or in a database of
//! their own that all servers share.

use std::{collections::BTreeMap, io, path::Path, sync::Arc};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::{
    failpoint::failpoint,
    replies::privacy::{
        erasure_file::{self, ErasureFile},
        remembered_erasure_rows,
    },
    store::{Store, StoreError},
    task::{self, TaskError},
    text::fingerprint,
};

/// The memory of erasures.
#[derive(Clone)]
pub struct Erasures {
    memory: Memory,
    /// One erasure at a time, in the order in which they were asked for.
    turns: Arc<Semaphore>,
}

#[derive(Clone)]
enum Memory {
    File(ErasureFile),
    Database { store: Box<Store>, salt: Arc<str> },
}

/// Why an erasure could not be remembered; then nothing is erased.
#[derive(Debug, thiserror::Error)]
pub enum ErasureMemoryError {
    /// The file can't be written.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The database of erasures failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The task that remembers it ended.
    #[error(transparent)]
    Task(#[from] TaskError),
}

impl Erasures {
    /// Remembers them in a file of the data folder.
    pub fn in_folder(data: &Path) -> io::Result<Erasures> {
        Ok(Erasures::of(Memory::File(ErasureFile::open(data)?)))
    }

    /// Remembers them in a database of their own.
    pub async fn in_database(store: Store) -> Result<Erasures, StoreError> {
        let salt = remembered_erasure_rows::salt(&store).await?.into();
        Ok(Erasures::of(Memory::Database { store: Box::new(store), salt }))
    }

    fn of(memory: Memory) -> Erasures {
        Erasures { memory, turns: Arc::new(Semaphore::new(1)) }
    }

    /// Waits until the erasures before this one are done: one whose caller left must not erase what comes after a later one.
    pub async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes it.
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }

    /// Remembers an erasure durably, and returns the ids of all of the person, those of failed attempts among them. The hash that is kept
    /// reveals nobody, short of trying every id.
    pub async fn remember(&self, workspace: &str, customer_id: &str) -> Result<Vec<String>, ErasureMemoryError> {
        let (workspace, person) = (workspace.to_owned(), customer_id.to_owned());
        match &self.memory {
            Memory::File(file) => {
                let file = file.clone();
                let remember = move || -> io::Result<Vec<String>> {
                    failpoint("erasure", &person);
                    file.remember(&workspace, &person)?;
                    Ok(file.of(&workspace, &person))
                };
                Ok(task::blocking("remembering the erasure", remember).await??)
            }
            Memory::Database { store, salt } => {
                let hash = erasure_file::hash(salt, &workspace, &person);
                Ok(remembered_erasure_rows::remember(store, &Uuid::now_v7().to_string(), &hash).await?)
            }
        }
    }

    /// Returns the ids and hashes of all erasures.
    pub async fn known(&self) -> Result<BTreeMap<String, String>, StoreError> {
        match &self.memory {
            Memory::File(file) => Ok(file.known()),
            Memory::Database { store, .. } => remembered_erasure_rows::known(store).await,
        }
    }

    /// Returns a person's fingerprint, as it is remembered.
    pub fn hash(&self, workspace: &str, customer_id: &str) -> String {
        match &self.memory {
            Memory::File(file) => file.hash(workspace, customer_id),
            Memory::Database { salt, .. } => erasure_file::hash(salt, workspace, customer_id),
        }
    }

    /// Returns what tells this memory from others.
    pub fn home(&self) -> String {
        match &self.memory {
            Memory::File(file) => file.home(),
            Memory::Database { salt, .. } => fingerprint(format!("home {salt}")),
        }
    }

    /// Returns whether all servers share it.
    pub fn is_shared(&self) -> bool {
        matches!(self.memory, Memory::Database { .. })
    }

    /// Closes the database of erasures.
    pub async fn close(&self) {
        if let Memory::Database { store, .. } = &self.memory {
            store.close().await;
        }
    }
}
