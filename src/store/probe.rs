//! Probing PostgreSQL: one small statement a second on a connection of its own, and more often while something is wrong.

use std::{sync::Arc, time::Duration};

use sqlx::PgConnection;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::store::{
    availability::{Availability, State},
    error::StoreError,
    postgres::Postgres,
};

/// How often the database is probed: while it is up, and while it is not.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
/// The longest wait for a probe, with its connection.
const PROBE_TIMEOUT: Duration = Duration::from_millis(700);
/// Probes that are asked for by many at once are this far apart.
const MIN_PROBE_INTERVAL: Duration = Duration::from_millis(50);

/// Starts to watch a database that was just connected to. It ends when the handle is dropped.
pub fn watch(postgres: Postgres) -> (Arc<Availability>, AbortOnDropHandle<()>) {
    let availability = Arc::new(Availability::new());
    let watched = Arc::clone(&availability);
    let task = tokio::spawn(async move {
        let mut connection = None;
        loop {
            let state = match timeout(PROBE_TIMEOUT, probe(&postgres, &mut connection)).await {
                Ok(Ok(state)) => state,
                Ok(Err(error)) if !StoreError::is_connection_failure(&error) => watched.state(),
                Ok(Err(_)) | Err(_) => State::Down,
            };
            if state != State::Up {
                // After a failover, the next probe may reach another server.
                connection = None;
            }
            watched.found(state);
            let interval = if state == State::Up { PROBE_INTERVAL } else { RETRY_INTERVAL };
            tokio::select! {
                () = sleep(interval) => {}
                () = watched.probe_wanted() => sleep(MIN_PROBE_INTERVAL).await,
            }
        }
    });
    (availability, AbortOnDropHandle::new(task))
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
