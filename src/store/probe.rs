//! Probing PostgreSQL: one small statement a second on a connection of its own, and more often while something is wrong. It also tells what changed
//! for the server, and tries to lead: see [`pulse`] and [`leader`](super::leader).

use std::{sync::Arc, time::Duration};

use sqlx::{
    AssertSqlSafe, PgConnection, Row,
    postgres::{PgListener, PgRow},
};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::store::{
    availability::{Availability, State},
    chat_news::ChatNews,
    error::StoreError,
    leader::Leaders,
    postgres::Postgres,
    pulse::{self, Pulse, Pulses},
};

/// How often the database is probed while it is not up.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
/// The longest wait for a probe, with its connection.
const PROBE_TIMEOUT: Duration = Duration::from_millis(700);
/// Probes that are asked for by many at once are this far apart.
const MIN_PROBE_INTERVAL: Duration = Duration::from_millis(50);
/// The longest wait for what changed, after which only the state is asked for: a migration may hold a table.
const PULSE_TIMEOUT: Duration = Duration::from_millis(350);
/// PostgreSQL ends the connection, and with it what this server leads, when it says nothing for four seconds: it hangs, or is cut off.
const LIMIT_SILENCE: &str = "SELECT set_config(name, '4000', false) FROM pg_settings WHERE name = 'idle_session_timeout'";
/// Tells whether the database takes no writes.
const READ_ONLY: &str = "SELECT current_setting('transaction_read_only')";
/// How long after a failure it is listened again.
const LISTEN_AGAIN: Duration = Duration::from_secs(1);

/// Starts to watch a database that was just connected to. It ends when the handles are dropped.
pub fn watch(postgres: Postgres, leaders: Leaders, chats: ChatNews) -> (Arc<Availability>, Pulses, Vec<AbortOnDropHandle<()>>) {
    let availability = Arc::new(Availability::new());
    let sender = watch::Sender::default();
    let pulses = Pulses::of(&sender);
    let listening = (!postgres.is_pooled()).then(|| tokio::spawn(listen(postgres.clone(), Arc::clone(&availability), chats)));
    let watched = Arc::clone(&availability);
    let probing = tokio::spawn(async move {
        let mut connection = None;
        loop {
            let state = match timeout(PROBE_TIMEOUT, probe(&postgres, &leaders, &mut connection)).await {
                Ok(Ok((state, pulse))) => {
                    if let Some(pulse) = pulse {
                        pulse::send(&sender, pulse);
                    }
                    state
                }
                Ok(Err(error)) if !StoreError::is_connection_failure(&error) => watched.state(),
                Ok(Err(_)) | Err(_) => State::Down,
            };
            if state != State::Up {
                // After a failover, the next probe may reach another server.
                connection = None;
            }
            if connection.is_none() {
                leaders.follow();
            }
            watched.found(state);
            let interval = if state == State::Up { pulse::INTERVAL } else { RETRY_INTERVAL };
            tokio::select! {
                () = sleep(interval) => {}
                () = watched.probe_wanted() => sleep(MIN_PROBE_INTERVAL).await,
            }
        }
    });
    (availability, pulses, [probing].into_iter().chain(listening).map(AbortOnDropHandle::new).collect())
}

/// Probes at once when another server wrote what this one follows, and tells of changed chats. Without it, the next probe tells.
async fn listen(postgres: Postgres, availability: Arc<Availability>, chats: ChatNews) {
    loop {
        let heard: Result<(), sqlx::Error> = async {
            let mut listener = PgListener::connect_with(&postgres.pool_of_one()).await?;
            listener.listen_all([pulse::CHANNEL, pulse::CHATS_CHANNEL]).await?;
            loop {
                let heard = listener.recv().await?;
                match heard.channel() {
                    pulse::CHATS_CHANNEL if heard.payload() == chats.sender() => {}
                    pulse::CHATS_CHANNEL => chats.tell(),
                    _ => availability.probe(),
                }
            }
        }
        .await;
        if let Err(error) = heard {
            tracing::debug!(error = %error, "can't listen to other servers; the next probe tells what they wrote");
        }
        sleep(LISTEN_AGAIN).await;
    }
}

async fn probe(postgres: &Postgres, leaders: &Leaders, cached: &mut Option<PgConnection>) -> Result<(State, Option<Pulse>), sqlx::Error> {
    // The cached connection may lead to a server that is gone; only a new one shows whether another took over.
    if let Some(connection) = cached.take() {
        if let Ok(Ok((state, pulse))) = timeout(PULSE_TIMEOUT, query_pulse(connection, leaders, cached)).await {
            return Ok((state, Some(pulse)));
        }
        leaders.follow();
    }
    let mut connection = postgres.connect_plain().await?;
    if !postgres.is_pooled() {
        sqlx::raw_sql(LIMIT_SILENCE).execute(&mut connection).await?;
    }
    // `raw_sql` is not a prepared statement, which a pooler might not support.
    let row = sqlx::raw_sql(READ_ONLY).fetch_one(&mut connection).await?;
    *cached = Some(connection);
    Ok((state_of(&row)?, None))
}

/// Queries state and pulse on a connection, tries to lead what this server does not lead, and caches the connection on
/// success. If this is dropped, the connection is closed.
async fn query_pulse(
    mut connection: PgConnection,
    leaders: &Leaders,
    cached: &mut Option<PgConnection>,
) -> Result<(State, Pulse), sqlx::Error> {
    let wanted = leaders.wanted();
    let locks: String = wanted.iter().map(|(_, key)| format!(", pg_try_advisory_lock({key})")).collect();
    let statements = format!("{READ_ONLY}{locks}; {}", pulse::STATEMENT);
    let mut rows = sqlx::raw_sql(AssertSqlSafe(statements)).fetch_all(&mut connection).await?;
    if rows.is_empty() {
        return Err(sqlx::Error::RowNotFound);
    }
    let first = rows.remove(0);
    let state = state_of(&first)?;
    let pulse = Pulse::read(&rows)?;
    *cached = Some(connection);
    for (place, (work, _)) in wanted.iter().enumerate() {
        if state == State::Up && first.try_get(place + 1)? {
            leaders.lead(work);
        }
    }
    Ok((state, pulse))
}

fn state_of(row: &PgRow) -> Result<State, sqlx::Error> {
    let read_only: String = row.try_get(0)?;
    Ok(if read_only == "on" { State::ReadOnly } else { State::Up })
}
