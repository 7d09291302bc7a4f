//! Availability probe of PostgreSQL: is it reachable, and does it accept writes? Sends one small statement per second on a connection of its
//! own, and more often while something is wrong. Callers that wait for the database fail at once, instead of after a timeout of their own.

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
/// Timeout of a probe, including its connection.
const PROBE_TIMEOUT: Duration = Duration::from_millis(700);
/// A statement that waits for longer than this triggers a probe.
const SLOW_STATEMENT: Duration = Duration::from_millis(200);
/// Smallest interval between requested probes.
const MIN_PROBE_INTERVAL: Duration = Duration::from_millis(50);

/// The state of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Up,
    /// It answers, but accepts no writes: a standby, after a failover.
    ReadOnly,
    Down,
}

/// The last known state, shared by all users of the database.
#[derive(Debug)]
pub struct Availability {
    state: watch::Sender<State>,
    probe: Notify,
    /// Connections of an earlier generation may be dead, or belong to a server that is no longer the primary.
    generation: AtomicU64,
}

impl Availability {
    /// Starts to probe a database that was just connected to.
    pub fn start(postgres: Postgres) -> (Arc<Availability>, AbortOnDropHandle<()>) {
        let availability =
            Arc::new(Availability { state: watch::Sender::new(State::Up), probe: Notify::new(), generation: AtomicU64::new(0) });
        let watching = Arc::clone(&availability);
        let task = tokio::spawn(async move {
            let mut connection = None;
            loop {
                let state = match timeout(PROBE_TIMEOUT, probe(&postgres, &mut connection)).await {
                    Ok(Ok(state)) => state,
                    Ok(Err(error)) if !StoreError::is_connection_failure(&error) => *watching.state.borrow(),
                    Ok(Err(_)) | Err(_) => State::Down,
                };
                if state != State::Up {
                    // After a failover, the next probe may reach another server.
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

    /// Waits until the state is another than `known`.
    pub async fn changed_from(&self, known: State) {
        let _ = self.state.subscribe().wait_for(|state| *state != known).await;
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Reports a failed connection: the others may be dead as well, so all are renewed and a probe is triggered.
    pub fn connection_failed(&self) {
        self.renew_connections();
        self.probe.notify_one();
    }

    /// Waits until the database is down; triggers a probe if the wait is longer than a statement usually takes.
    pub async fn lost(&self) -> sqlx::Error {
        let mut state = self.state.subscribe();
        let mut down = async || {
            let _ = state.wait_for(|state| *state == State::Down).await;
        };
        if timeout(SLOW_STATEMENT, down()).await.is_err() {
            self.probe.notify_one();
            down().await;
        }
        unavailable()
    }

    fn renew_connections(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }
}

async fn probe(postgres: &Postgres, cached: &mut Option<PgConnection>) -> Result<State, sqlx::Error> {
    // The cached connection may lead to a server that is gone; only a new one shows whether another took over.
    if let Some(connection) = cached.take()
        && let Ok(state) = query_state(connection, cached).await
    {
        return Ok(state);
    }
    query_state(postgres.connect_plain().await?, cached).await
}

/// Queries the state on a connection, and caches the connection on success. If this is dropped, the connection is closed.
async fn query_state(mut connection: PgConnection, cached: &mut Option<PgConnection>) -> Result<State, sqlx::Error> {
    // `raw_sql` is not a prepared statement, which a pooler might not support.
    let row = sqlx::raw_sql("SELECT current_setting('transaction_read_only')").fetch_one(&mut connection).await?;
    let read_only: String = sqlx::Row::try_get(&row, 0)?;
    *cached = Some(connection);
    Ok(if read_only == "on" { State::ReadOnly } else { State::Up })
}
