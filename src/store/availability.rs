//! Whether PostgreSQL can be reached and takes writes: one small statement a second on a connection of its own, and more often while something
//! is wrong. What waits for the database learns of it at once, instead of waiting for a timeout of its own.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sqlx::PgConnection;
use tokio::{
    sync::{Notify, watch},
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::store::{
    error::{StoreError, unavailable},
    postgres::Postgres,
};

/// How often the database is probed: while it is up, and while it is not.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
/// The longest wait for a probe, with its connection.
const PROBE_TIMEOUT: Duration = Duration::from_millis(700);
/// A statement that waits for longer than this has the database probed.
const SLOW: Duration = Duration::from_millis(200);
/// Probes that are asked for by many at once are this far apart.
const MIN_PROBE_INTERVAL: Duration = Duration::from_millis(50);

/// What the database can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Up,
    /// It answers, but takes no writes: a standby, after a failover.
    ReadOnly,
    Down,
}

/// The last known state, shared by all who use the database.
#[derive(Debug)]
pub struct Availability {
    state: watch::Sender<State>,
    probe: Notify,
    /// Connections of an earlier generation may be dead, or lead to a server that is no longer the primary.
    generation: AtomicU64,
}

impl Availability {
    /// Starts to watch a database that was just connected to.
    pub fn start(postgres: Postgres) -> (Arc<Availability>, AbortOnDropHandle<()>) {
        let availability =
            Arc::new(Availability { state: watch::Sender::new(State::Up), probe: Notify::new(), generation: AtomicU64::new(0) });
        let watching = Arc::clone(&availability);
        let task = tokio::spawn(async move {
            let mut connection = None;
            loop {
                let state = match timeout(PROBE_TIMEOUT, probe(&postgres, &mut connection)).await {
                    Ok(Ok(state)) => state,
                    Ok(Err(error)) if !StoreError::is_of_session(&error) => *watching.state.borrow(),
                    Ok(Err(_)) | Err(_) => State::Down,
                };
                if state != State::Up {
                    // The next probe may reach another server, which has taken over.
                    connection = None;
                }
                let changed = watching.state.send_if_modified(|last| std::mem::replace(last, state) != state);
                if changed {
                    watching.renew_connections();
                }
                let interval = if state == State::Up { PROBE_INTERVAL } else { RETRY_INTERVAL };
                tokio::select! {
                    () = sleep(interval) => {}
                    () = watching.probe.notified() => sleep(MIN_PROBE_INTERVAL).await,
                }
            }
        });
        (availability, AbortOnDropHandle::new(task))
    }

    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Waits until the state is another one than `known`.
    pub async fn changed_from(&self, known: State) {
        let _ = self.state.subscribe().wait_for(|state| *state != known).await;
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// A connection failed: the others may be dead as well.
    pub fn connection_failed(&self) {
        self.renew_connections();
        self.probe.notify_one();
    }

    /// Waits until the database is down; has it probed if that takes longer than statements do.
    pub async fn lost(&self) -> sqlx::Error {
        let mut state = self.state.subscribe();
        let mut down = async || {
            let _ = state.wait_for(|state| *state == State::Down).await;
        };
        if timeout(SLOW, down()).await.is_err() {
            self.probe.notify_one();
            down().await;
        }
        unavailable()
    }

    fn renew_connections(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }
}

async fn probe(postgres: &Postgres, kept: &mut Option<PgConnection>) -> Result<State, sqlx::Error> {
    // A connection that was kept may be one of a server that has gone since; only a new one tells whether there is another.
    if let Some(connection) = kept.take()
        && let Ok(state) = ask(connection, kept).await
    {
        return Ok(state);
    }
    ask(postgres.connect_plain().await?, kept).await
}

/// Asks on a connection, and keeps it if that went well. One that is cut off is not left behind.
async fn ask(mut connection: PgConnection, kept: &mut Option<PgConnection>) -> Result<State, sqlx::Error> {
    // Without arguments it is no prepared statement.
    let row = sqlx::raw_sql("SELECT current_setting('transaction_read_only')").fetch_one(&mut connection).await?;
    let read_only: String = sqlx::Row::try_get(&row, 0)?;
    *kept = Some(connection);
    Ok(if read_only == "on" { State::ReadOnly } else { State::Up })
}
