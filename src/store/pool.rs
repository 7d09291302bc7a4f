//! The connection pool: a bounded number of connections, opened on demand and reused while they are healthy.

use std::{
    fmt, future,
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_stream::try_stream;
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt, future::BoxFuture};
use sqlx::{
    Any, AssertSqlSafe, Describe, Error, Execute, Executor, SqlStr,
    any::{AnyRow, AnyStatement, AnyTypeInfo},
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::store::{
    availability::Availability,
    error::{StoreError, unavailable},
    postgres::Postgres,
    session::{Session, Statement, Steps},
    sqlite::Sqlite,
};

/// How long a caller waits for a free connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take to open, or to answer a ping.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(900);
/// A server connection that was idle for longer than this is pinged before its use.
const MAX_IDLE_WITHOUT_PING: Duration = Duration::from_secs(1);
/// A server connection older than this is replaced.
const MAX_AGE: Duration = Duration::from_secs(30 * 60);
/// How long to wait for a connection, or all of them, to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// What connections connect to.
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// A connection pool.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    database: Database,
    /// Statement timeout.
    timeout: Duration,
    max: u32,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    availability: Option<Arc<Availability>>,
}

struct Idle {
    session: Session,
    opened_at: Instant,
    generation: u64,
    idle_since: Instant,
}

impl Pool {
    pub fn new(database: Database, max: u32, timeout: Duration, availability: Option<Arc<Availability>>) -> Pool {
        let permits = Arc::new(Semaphore::new(max as usize));
        Pool(Arc::new(Inner { database, timeout, max, permits, idle: Mutex::default(), availability }))
    }

    /// Takes a connection; waits for a limited time while all are in use.
    pub async fn acquire(&self) -> Result<Lease, Error> {
        let inner = &self.0;
        let wait = timeout(ACQUIRE_TIMEOUT, Arc::clone(&inner.permits).acquire_owned());
        let permit = match &inner.availability {
            None => wait.await,
            Some(availability) => tokio::select! {
                biased;
                error = availability.lost() => return Err(error),
                permit = wait => permit,
            },
        };
        let permit = permit.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        let generation = inner.generation();
        loop {
            let idle = inner.idle().pop();
            let Some(Idle { mut session, opened_at, generation: own_generation, idle_since }) = idle else { break };
            let healthy = match inner.database {
                Database::Sqlite(_) => true,
                Database::Postgres(_) if own_generation != generation || opened_at.elapsed() > MAX_AGE => false,
                Database::Postgres(_) => {
                    idle_since.elapsed() < MAX_IDLE_WITHOUT_PING
                        || timeout(CONNECT_TIMEOUT, session.ping()).await.is_ok_and(|pinged| pinged.is_ok())
                }
            };
            if healthy {
                session.set_timeout(inner.timeout);
                return Ok(Lease {
                    session: Some(session),
                    opened_at,
                    generation: own_generation,
                    permit: Some(permit),
                    pool: self.clone(),
                });
            }
            session.set_healthy(false);
            close(session, None);
        }
        let session = match timeout(CONNECT_TIMEOUT.max(inner.database.connect_timeout()), inner.connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(unavailable()),
        };
        let session = session.map_err(|error| match &inner.availability {
            Some(availability) if StoreError::is_connection_failure(&error) || is_turned_away(&error) => {
                availability.connection_failed();
                unavailable()
            }
            _ => error,
        })?;
        Ok(Lease { session: Some(session), opened_at: Instant::now(), generation, permit: Some(permit), pool: self.clone() })
    }

    /// Returns how many connections are in use, how many are idle, and the limit of both together.
    pub fn usage(&self) -> [usize; 3] {
        let max = self.0.max as usize;
        [max.saturating_sub(self.0.permits.available_permits()), self.0.idle().len(), max]
    }

    /// Closes all connections, after their running statements; waits for a limited time.
    pub async fn close(&self) {
        let all = timeout(CLOSE_TIMEOUT, self.0.permits.acquire_many(self.0.max)).await;
        self.0.permits.close();
        let idle = std::mem::take(&mut *self.0.idle());
        for Idle { session, .. } in idle {
            let _ = timeout(CLOSE_TIMEOUT, session.close()).await;
        }
        drop(all);
    }
}

/// Whether a server refuses all connections to the database: it accepts none now, is not there, or knows another password.
fn is_turned_away(error: &Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.is_some_and(|code| matches!(&*code, "55000" | "3D000" | "28P01" | "28000"))
}

impl Inner {
    async fn connect(&self) -> Result<Session, Error> {
        let session = match &self.database {
            Database::Sqlite(sqlite) => sqlite.connect(self.timeout).await?,
            Database::Postgres(postgres) => postgres.connect(self.timeout).await?,
        };
        Ok(session.watched_by(self.availability.as_ref()))
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn generation(&self) -> u64 {
        self.availability.as_ref().map_or(0, |availability| availability.generation())
    }
}

impl Database {
    /// SQLite may have to wait for its lock to open a connection.
    fn connect_timeout(&self) -> Duration {
        match self {
            Database::Sqlite(_) => Duration::from_secs(10),
            Database::Postgres(_) => CONNECT_TIMEOUT,
        }
    }
}

/// A connection in use. When dropped it returns to the pool if it is healthy; else its permit is released once it is closed, so that the
/// limit is never exceeded.
pub struct Lease {
    /// `None` only in its `drop`.
    session: Option<Session>,
    opened_at: Instant,
    generation: u64,
    permit: Option<OwnedSemaphorePermit>,
    pool: Pool,
}

impl Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session.as_ref().expect("set until drop")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Session {
        self.session.as_mut().expect("set until drop")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let inner = &self.pool.0;
        if session.is_healthy() && !inner.permits.is_closed() {
            inner.idle().push(Idle { session, opened_at: self.opened_at, generation: self.generation, idle_since: Instant::now() });
        } else {
            close(session, self.permit.take());
        }
    }
}

/// Closes a connection in the background.
fn close(session: Session, permit: Option<OwnedSemaphorePermit>) {
    // Without a runtime, the process is ending.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            let _ = timeout(CLOSE_TIMEOUT, session.close()).await;
            drop(permit);
        });
    }
}

/// The read connections; each statement sees what was committed before it.
#[derive(Clone)]
pub struct Reads {
    pool: Pool,
    /// The statement that begins a read, if each read must be a transaction: a pooler might run a statement's preparation and its execution on
    /// different connections.
    begin: Option<String>,
}

impl fmt::Debug for Reads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reads").finish_non_exhaustive()
    }
}

impl Reads {
    /// Reads over a pool, each begun by the statement `begin` if there is one.
    pub fn new(pool: Pool, begin: Option<String>) -> Reads {
        Reads { pool, begin }
    }

    /// See [`Pool::usage`].
    pub fn usage(&self) -> [usize; 3] {
        self.pool.usage()
    }

    /// Closes the connections; reads from now on fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(&self) -> Result<Lease, Error> {
        let mut lease = self.pool.acquire().await?;
        if let Some(begin) = &self.begin {
            lease.execute(AssertSqlSafe(begin.clone())).await?;
            lease.set_healthy(false);
        }
        Ok(lease)
    }

    async fn end(&self, mut lease: Lease) -> Result<(), Error> {
        if self.begin.is_some() {
            lease.execute("COMMIT").await?;
            lease.set_healthy(true);
        }
        Ok(())
    }
}

impl<'c> Executor<'c> for &'c Reads {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let statement = Statement::from_query(query);
        try_stream! {
            let statement = statement?;
            let mut lease = self.begin().await?;
            let mut steps = lease.run(statement);
            while let Some(step) = steps.try_next().await? {
                yield step;
            }
            drop(steps);
            self.end(lease).await?;
        }
        .boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        future::ready(Statement::from_query(query))
            .and_then(async |statement| {
                let mut lease = self.begin().await?;
                let row = lease.run_for_one(statement).await?;
                self.end(lease).await?;
                Ok(row)
            })
            .boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.begin().await?.prepare_with(sql, parameters).await })
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'c: 'e,
    {
        Box::pin(async move { self.begin().await?.describe(sql).await })
    }
}
