//! One statement a second tells what changed in the database, for everything that follows it and for all workspaces: who follows something
//! reads it only when it changed. On PostgreSQL that statement is the probe of its availability, and a write that others wait for wakes it.

use std::{collections::BTreeMap, time::Duration};

use sqlx::{ColumnIndex, Decode, Row, Type};
use tokio::{sync::watch, time::interval};
use tokio_util::task::AbortOnDropHandle;

use crate::store::pool::Reads;

/// How often it is read.
pub const INTERVAL: Duration = Duration::from_secs(1);

/// The channel on which servers wake one another.
pub const CHANNEL: &str = "deskhand";
/// The channel on which servers tell one another that chats changed. Its payload tells which server did.
pub const CHATS_CHANNEL: &str = "deskhand_chats";

/// What marks the row of a workspace's changes of chats.
const OF_CHATS: i64 = -1;

/// Reads the counters of all workspaces, and of the keys, in a row of their own. What waits to be learned from is looked up by an index.
pub const STATEMENT: &str = "
    SELECT document_counter.workspace, document_counter.number,
      COALESCE((SELECT number + removals FROM lesson_counter WHERE lesson_counter.workspace = document_counter.workspace), 0),
      (SELECT COUNT(*) FROM (SELECT 1 FROM chat WHERE chat.workspace = document_counter.workspace AND teaches = 1 LIMIT 1) AS waiting),
      document_counter.wording
    FROM document_counter
    UNION ALL SELECT workspace, number, 0, -1, 0 FROM chat_change_counter
    UNION ALL SELECT '', COUNT(*), COUNT(revoked_at), 0, 0 FROM api_key";

/// The counters of a workspace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// The number of the catalog's last change.
    pub documents: i64,
    /// Rises with each lesson that is added or removed.
    pub lessons: i64,
    /// Whether chats wait to be learned from.
    pub teaches: bool,
    /// Rises with each change of the voice, glossary or synonyms that authors set.
    pub wording: i64,
}

/// What the last statement read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pulse {
    workspaces: BTreeMap<String, Counters>,
    chats: BTreeMap<String, i64>,
    keys: (i64, i64),
}

impl Pulse {
    /// Reads the rows of [`STATEMENT`].
    pub fn read<R: Row>(rows: &[R]) -> Result<Pulse, sqlx::Error>
    where
        usize: ColumnIndex<R>,
        for<'r> String: Decode<'r, R::Database> + Type<R::Database>,
        for<'r> i64: Decode<'r, R::Database> + Type<R::Database>,
    {
        let mut pulse = Pulse::default();
        for row in rows {
            let workspace: String = row.try_get(0)?;
            let [documents, lessons, waiting, wording] = [row.try_get(1)?, row.try_get(2)?, row.try_get(3)?, row.try_get(4)?];
            if workspace.is_empty() {
                pulse.keys = (documents, lessons);
            } else if waiting == OF_CHATS {
                pulse.chats.insert(workspace, documents);
            } else {
                pulse.workspaces.insert(workspace, Counters { documents, lessons, teaches: waiting > 0, wording });
            }
        }
        Ok(pulse)
    }

    /// Returns the counters of a workspace; zeros if it has no documents.
    pub fn of(&self, workspace: &str) -> Counters {
        self.workspaces.get(workspace).copied().unwrap_or_default()
    }

    /// Returns the number of the last change of a workspace's chats; 0 if there was none.
    pub fn chats_of(&self, workspace: &str) -> i64 {
        self.chats.get(workspace).copied().unwrap_or_default()
    }

    /// Returns the number of the last change of chats, by workspace.
    pub fn chats(&self) -> impl Iterator<Item = (&str, i64)> {
        self.chats.iter().map(|(workspace, number)| (workspace.as_str(), *number))
    }

    /// Returns how many keys were created and revoked.
    pub fn keys(&self) -> (i64, i64) {
        self.keys
    }
}

/// Reads the pulse of a SQLite file until the handle is dropped.
pub fn follow(reads: Reads) -> (Pulses, AbortOnDropHandle<()>) {
    let sender = watch::Sender::default();
    let pulses = Pulses::of(&sender);
    let reading = tokio::spawn(async move {
        let mut ticks = interval(INTERVAL);
        loop {
            ticks.tick().await;
            match sqlx::query(STATEMENT).fetch_all(&reads).await.and_then(|rows| Pulse::read(&rows)) {
                Ok(pulse) => send(&sender, pulse),
                Err(error) => tracing::debug!(error = %error, "can't read what changed in the database"),
            }
        }
    });
    (pulses, AbortOnDropHandle::new(reading))
}

/// Sends a pulse to those who follow, if it differs from the last.
pub fn send(sender: &watch::Sender<Pulse>, pulse: Pulse) {
    sender.send_if_modified(|last| {
        let differs = *last != pulse;
        *last = pulse;
        differs
    });
}

/// Follows the pulse.
#[derive(Clone, Debug)]
pub struct Pulses(watch::Receiver<Pulse>);

impl Pulses {
    /// Returns what follows a sender.
    pub fn of(sender: &watch::Sender<Pulse>) -> Pulses {
        Pulses(sender.subscribe())
    }

    /// Returns what never changes, for a database that is only read.
    pub fn still() -> Pulses {
        Pulses::of(&watch::Sender::default())
    }

    /// Returns the last pulse.
    pub fn last(&self) -> Pulse {
        self.0.borrow().clone()
    }

    /// Waits until something holds of the last pulse. Never returns once the database is closed.
    pub async fn until(&mut self, mut holds: impl FnMut(&Pulse) -> bool) {
        if self.0.wait_for(|pulse| holds(pulse)).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
