//! PostgreSQL: connections, directly or through a pooler, and migrations.

use std::{str::FromStr, time::Duration};

use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, Executor, PgConnection, PgPool,
    migrate::Migrator,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::store::{
    error::{StoreError, unavailable},
    migrations,
    session::Session,
    sql,
};

/// The URL option for a server behind a pooler in transaction mode: `?pooler=transaction`.
const POOLER: &str = "pooler";
/// The URL's option for how many connections reads have, and writes.
const CONNECTIONS: &str = "connections";
const DEFAULT_CONNECTIONS: u32 = 4;
/// How much longer the client waits than the server's statement timeout, so that the server ends a statement first.
const TIMEOUT_GRACE: Duration = Duration::from_millis(500);
/// A transaction that is idle for this long is ended: its process hangs, and others may wait for its locks.
const MAX_IDLE_IN_TRANSACTION: Duration = Duration::from_secs(60);
/// How often the server checks that the client of a running statement is still connected.
const CLIENT_CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Timeout of the first connection: longer, as the server may just be starting.
const FIRST_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The advisory lock that serializes migrations: one server at a time changes the schema.
pub const MIGRATION_LOCK: i64 = 0x6465_736b_6861_6e64;

/// How to reach the server.
#[derive(Clone)]
pub struct Postgres {
    options: PgConnectOptions,
    /// Whether a pooler may run each transaction on another connection: then session state does not outlive a transaction.
    pooled: bool,
    connections: u32,
}

impl Postgres {
    pub fn new(url: &str) -> Result<Postgres, sqlx::Error> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut pooled, mut connections, mut theirs) = (false, DEFAULT_CONNECTIONS, Vec::new());
        for option in query.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match (name, value) {
                (POOLER, "session") => pooled = false,
                (POOLER, "transaction") => pooled = true,
                (POOLER, _) => {
                    return Err(sqlx::Error::Configuration("`pooler` in the database URL must be `transaction` or `session`".into()));
                }
                (CONNECTIONS, count) => {
                    let allowed = || sqlx::Error::Configuration("`connections` in the database URL must be from 1 to 100".into());
                    connections = count.parse().ok().filter(|count| (1..=100).contains(count)).ok_or_else(allowed)?;
                }
                _ => theirs.push(option),
            }
        }
        let options = PgConnectOptions::from_str(&format!("{base}?{}", theirs.join("&")))?.statement_cache_capacity(sql::PREPARED);
        // A pooler refuses startup parameters that it can't track per client.
        let options = if pooled { options.extra_float_digits(None).statement_cache_capacity(0) } else { options };
        Ok(Postgres { options, pooled, connections })
    }

    /// The same for read-only sessions. A pooler may not pass the option on; with one, each read is a READ ONLY transaction.
    pub fn read_only(self) -> Postgres {
        let options = if self.pooled { self.options } else { self.options.options([("default_transaction_read_only", "on")]) };
        Postgres { options, ..self }
    }

    pub fn is_pooled(&self) -> bool {
        self.pooled
    }

    /// How many connections reads have, and writes.
    pub fn connections(&self) -> u32 {
        self.connections
    }

    /// A connection without timeouts.
    pub async fn connect_plain(&self) -> Result<PgConnection, sqlx::Error> {
        self.options.connect().await
    }

    /// A pool of one connection without timeouts.
    pub fn pool_of_one(&self) -> PgPool {
        PgPoolOptions::new().max_connections(1).connect_lazy_with(self.options.clone())
    }

    /// A connection with a statement timeout.
    pub async fn connect(&self, timeout: Duration) -> Result<Session, sqlx::Error> {
        let mut connection = self.connect_plain().await?;
        if !self.pooled {
            connection.execute(AssertSqlSafe(settings("SET", timeout))).await?;
            // Servers on systems that can't detect this refuse the setting; then only `statement_timeout` ends abandoned statements.
            let check = format!("SET client_connection_check_interval = {}", CLIENT_CHECK_INTERVAL.as_millis());
            if let Err(error @ sqlx::Error::Io(_)) = connection.execute(AssertSqlSafe(check)).await {
                return Err(error);
            }
        }
        Ok(Session::remote(connection, !self.pooled, timeout + TIMEOUT_GRACE))
    }

    /// The statements that begin a write transaction.
    pub fn begin_write(&self, timeout: Duration) -> String {
        if self.pooled { format!("BEGIN; {}", settings("SET LOCAL", timeout)) } else { "BEGIN".to_owned() }
    }

    /// The statements that begin a read, if each read must be a transaction.
    pub fn begin_read(&self, timeout: Duration) -> String {
        format!("BEGIN READ ONLY; SET LOCAL jit = off; SET LOCAL statement_timeout = {}", timeout.as_millis())
    }

    /// Migrates the schema, in one transaction: with a pooler, no lock lasts longer than that.
    pub async fn migrate(&self, wanted: &Migrator) -> Result<(), StoreError> {
        let connecting = tokio::time::timeout(FIRST_CONNECT_TIMEOUT, self.connect_plain());
        let mut connection = connecting.await.map_err(|_| unavailable())??;
        let mut transaction = connection.begin().await?;
        // Named prepared statements of migrations would collide on a pooler's connection.
        (&mut *transaction).execute("DEALLOCATE ALL").await?;
        let lock = format!("SET LOCAL statement_timeout = 0; SELECT pg_advisory_xact_lock({MIGRATION_LOCK})");
        (&mut *transaction).execute(AssertSqlSafe(lock)).await?;
        let has_schema = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(&mut *transaction).await?;
        if has_schema {
            let applied: Vec<(i64, String)> = sqlx::query_as(migrations::APPLIED).fetch_all(&mut *transaction).await?;
            migrations::check_newer(&migrations::POSTGRES, &applied)?;
        }
        let unlocked =
            Migrator { migrations: wanted.migrations.clone(), locking: false, ignore_missing: wanted.ignore_missing, ..Migrator::DEFAULT };
        unlocked.run_direct(None, &mut *transaction, false).await?;
        (&mut *transaction).execute("DEALLOCATE ALL").await?;
        transaction.commit().await?;
        connection.close().await?;
        Ok(())
    }

    /// Explains a pooler's refusal.
    pub fn explained(error: StoreError) -> StoreError {
        match &error {
            StoreError::Broken(sqlx::Error::Database(refusal)) if refusal.message().contains("unsupported startup parameter") => {
                let hint = "the database is behind a connection pooler; add `?pooler=transaction` to its URL";
                StoreError::Failed(sqlx::Error::Configuration(hint.into()))
            }
            _ => error,
        }
    }
}

/// Session settings: durable commits, whatever the server's default is, timeouts, and no compilation of statements, which takes reports longer
/// than their run.
fn settings(set: &str, timeout: Duration) -> String {
    format!(
        "{set} synchronous_commit = on; {set} jit = off; {set} statement_timeout = {}; {set} idle_in_transaction_session_timeout = {}",
        timeout.as_millis(),
        MAX_IDLE_IN_TRANSACTION.as_millis()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_urls_own_options_are_read() {
        let pooled = |url| Postgres::new(url).map(|postgres| postgres.is_pooled()).map_err(drop);
        assert_eq!(pooled("postgres://desk@127.0.0.1/desk"), Ok(false));
        assert_eq!(pooled("postgres://desk@127.0.0.1/desk?sslmode=disable"), Ok(false));
        assert_eq!(pooled("postgres://desk@127.0.0.1/desk?sslmode=disable&pooler=transaction"), Ok(true));
        assert_eq!(pooled("postgres://desk@127.0.0.1/desk?pooler=statement"), Err(()));
        let connections = |url: &str| Postgres::new(url).map(|postgres| postgres.connections()).map_err(drop);
        assert_eq!(connections("postgres://desk@127.0.0.1/desk"), Ok(DEFAULT_CONNECTIONS));
        assert_eq!(connections("postgres://desk@127.0.0.1/desk?sslmode=disable&connections=16&pooler=transaction"), Ok(16));
        for count in ["", "0", "101", "-1", "many"] {
            let url = format!("postgres://desk@127.0.0.1/desk?connections={count}");
            assert_eq!(connections(&url), Err(()), "{count}");
        }
    }
}
