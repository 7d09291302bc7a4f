//! PostgreSQL: how it is connected to, directly or through a pooler, and its migrations.

use std::{str::FromStr, time::Duration};

use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, migrate::Migrator, postgres::PgConnectOptions};

use crate::store::{
    error::{StoreError, unavailable},
    session::Session,
};

/// The option of a URL that says that a pooler in transaction mode stands before the server: `?pooler=transaction`.
const POOLER: &str = "pooler";
/// The server ends a statement itself, a little before its client gives up on it.
const GRACE: Duration = Duration::from_millis(500);
/// A transaction in which nothing happens for so long is ended: its process hangs, and others may wait for its rows.
const MAX_IDLE_IN_TRANSACTION: Duration = Duration::from_secs(60);
/// How often the server looks whether the client of a running statement is still there.
const CLIENT_CHECK: Duration = Duration::from_millis(500);
/// How long the first connection may take: a server that just starts has some time.
const FIRST_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Serializes migrations: one server at a time brings the schema up to date.
const MIGRATION_LOCK: i64 = 0x6465_736b_6861_6e64;

/// How to reach the server.
#[derive(Clone)]
pub struct Postgres {
    options: PgConnectOptions,
    /// Whether a pooler may give each transaction to another connection: nothing of a session then lasts longer than a transaction.
    pooled: bool,
}

impl Postgres {
    pub fn new(url: &str) -> Result<Postgres, sqlx::Error> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (ours, theirs): (Vec<&str>, Vec<&str>) =
            query.split('&').filter(|option| !option.is_empty()).partition(|option| option.split('=').next() == Some(POOLER));
        let pooled = match ours.as_slice() {
            [] | ["pooler=session"] => false,
            ["pooler=transaction"] => true,
            _ => return Err(sqlx::Error::Configuration("`pooler` in the database's URL must be `transaction` or `session`".into())),
        };
        let options = PgConnectOptions::from_str(&format!("{base}?{}", theirs.join("&")))?;
        // A pooler refuses what it can't set for each of its clients.
        let options = if pooled { options.extra_float_digits(None).statement_cache_capacity(0) } else { options };
        Ok(Postgres { options, pooled })
    }

    /// The same for sessions that can't write. A pooler may not pass the option on; there each read is a transaction that says so itself.
    pub fn read_only(self) -> Postgres {
        let options = if self.pooled { self.options } else { self.options.options([("default_transaction_read_only", "on")]) };
        Postgres { options, ..self }
    }

    pub fn is_pooled(&self) -> bool {
        self.pooled
    }

    /// A connection without limits.
    pub async fn connect_plain(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }

    /// A connection whose statements take no longer than `limit`.
    pub async fn connect(&self, limit: Duration) -> Result<Session, sqlx::Error> {
        let mut connection = self.connect_plain().await?;
        if !self.pooled {
            connection.execute(AssertSqlSafe(settings("SET", limit))).await?;
            // A server on a system that can't tell refuses; then `statement_timeout` alone ends what nobody waits for.
            let check = format!("SET client_connection_check_interval = {}", CLIENT_CHECK.as_millis());
            if let Err(error @ sqlx::Error::Io(_)) = connection.execute(AssertSqlSafe(check)).await {
                return Err(error);
            }
        }
        Ok(Session::remote(connection, !self.pooled, limit + GRACE))
    }

    /// What begins a write.
    pub fn begin_write(&self, limit: Duration) -> String {
        if self.pooled { format!("BEGIN; {}", settings("SET LOCAL", limit)) } else { "BEGIN".to_owned() }
    }

    /// What begins a read, where one must be a transaction of its own.
    pub fn begin_read(&self, limit: Duration) -> String {
        format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {}", limit.as_millis())
    }

    /// Brings the schema up to date, in one transaction: with a pooler there is no longer lock than that.
    pub async fn migrate(&self, migrations: &Migrator) -> Result<(), StoreError> {
        let connecting = tokio::time::timeout(FIRST_CONNECT_TIMEOUT, self.connect_plain());
        let mut connection = connecting.await.map_err(|_| unavailable())??;
        let mut transaction = connection.begin().await?;
        // What migrations prepare by name would meet itself on a pooler's connection.
        (&mut *transaction).execute("DEALLOCATE ALL").await?;
        let lock = format!("SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
        (&mut *transaction).execute(AssertSqlSafe(lock)).await?;
        let unlocked = Migrator { migrations: migrations.migrations.clone(), locking: false, ..Migrator::DEFAULT };
        unlocked.run_direct(None, &mut *transaction, false).await?;
        (&mut *transaction).execute("DEALLOCATE ALL").await?;
        transaction.commit().await?;
        connection.close().await?;
        Ok(())
    }

    /// Says what a pooler's refusal means.
    pub fn explained(error: StoreError) -> StoreError {
        match &error {
            StoreError::Broken(sqlx::Error::Database(refusal)) if refusal.message().contains("unsupported startup parameter") => {
                let hint = "a connection pooler stands before the database; add `?pooler=transaction` to its URL";
                StoreError::Failed(sqlx::Error::Configuration(hint.into()))
            }
            _ => error,
        }
    }
}

/// An answer means durable, whatever the server's default is; and nothing runs for ever.
fn settings(set: &str, limit: Duration) -> String {
    format!(
        "{set} synchronous_commit = on; {set} statement_timeout = {}; {set} idle_in_transaction_session_timeout = {}",
        limit.as_millis(),
        MAX_IDLE_IN_TRANSACTION.as_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urls_option_says_that_a_pooler_is_there() {
        let pooled = |url| Postgres::new(url).map(|postgres| postgres.is_pooled()).map_err(drop);
        assert_eq!(pooled("postgres://desk@127.0.0.1/desk"), Ok(false));
        assert_eq!(pooled("postgres://desk@127.0.0.1/desk?sslmode=disable"), Ok(false));
        assert_eq!(pooled("postgres://desk@127.0.0.1/desk?sslmode=disable&pooler=transaction"), Ok(true));
        assert_eq!(pooled("postgres://desk@127.0.0.1/desk?pooler=statement"), Err(()));
    }
}
