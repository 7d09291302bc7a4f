//! The connections that a store shares: a bounded number, made when they are needed, kept while they are fit.

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

/// How long a caller waits for a connection that others use.
const PLACE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take to be made, or to show that it is alive.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(900);
/// A connection to a server that was idle for longer shows first that it is alive; one that is older is made anew.
const MAX_UNPROVEN: Duration = Duration::from_secs(1);
const MAX_AGE: Duration = Duration::from_secs(30 * 60);
/// How long the end of a connection, or of all, is waited for.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Where connections lead.
pub enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// A bounded number of connections.
#[derive(Clone)]
pub struct Pool(Arc<Inner>);

struct Inner {
    database: Database,
    /// How long a statement may take.
    limit: Duration,
    most: u32,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    availability: Option<Arc<Availability>>,
}

struct Idle {
    session: Session,
    made: Instant,
    generation: u64,
    since: Instant,
}

impl Pool {
    pub fn new(database: Database, most: u32, limit: Duration, availability: Option<Arc<Availability>>) -> Pool {
        let places = Arc::new(Semaphore::new(most as usize));
        Pool(Arc::new(Inner { database, limit, most, places, idle: Mutex::default(), availability }))
    }

    /// Takes a connection; waits, within a bound, while all are in use.
    pub async fn acquire(&self) -> Result<Lease, Error> {
        let inner = &self.0;
        let wait = timeout(PLACE_TIMEOUT, Arc::clone(&inner.places).acquire_owned());
        let place = match &inner.availability {
            None => wait.await,
            Some(availability) => tokio::select! {
                biased;
                error = availability.lost() => return Err(error),
                place = wait => place,
            },
        };
        let place = place.map_err(|_| Error::PoolTimedOut)?.map_err(|_| Error::PoolClosed)?;
        let generation = inner.generation();
        loop {
            let idle = inner.idle().pop();
            let Some(Idle { mut session, made, generation: its, since }) = idle else { break };
            let proven = match inner.database {
                Database::Sqlite(_) => true,
                Database::Postgres(_) if its != generation || made.elapsed() > MAX_AGE => false,
                Database::Postgres(_) => {
                    since.elapsed() < MAX_UNPROVEN || timeout(CONNECT_TIMEOUT, session.ping()).await.is_ok_and(|pinged| pinged.is_ok())
                }
            };
            if proven {
                session.set_limit(inner.limit);
                return Ok(Lease { session: Some(session), made, generation: its, place: Some(place), pool: self.clone() });
            }
            session.set_fit(false);
            close(session, None);
        }
        let session = match timeout(CONNECT_TIMEOUT.max(inner.database.patience()), inner.connect()).await {
            Ok(connected) => connected,
            Err(_) => Err(unavailable()),
        };
        let session = session.inspect_err(|error| {
            if let Some(availability) = inner.availability.as_ref().filter(|_| StoreError::is_of_session(error)) {
                availability.connection_failed();
            }
        })?;
        Ok(Lease { session: Some(session), made: Instant::now(), generation, place: Some(place), pool: self.clone() })
    }

    /// Closes all connections, after the statements that run, within a bound.
    pub async fn close(&self) {
        let all = timeout(CLOSE_TIMEOUT, self.0.places.acquire_many(self.0.most)).await;
        self.0.places.close();
        let idle = std::mem::take(&mut *self.0.idle());
        for Idle { session, .. } in idle {
            let _ = timeout(CLOSE_TIMEOUT, session.close()).await;
        }
        drop(all);
    }
}

impl Inner {
    async fn connect(&self) -> Result<Session, Error> {
        let session = match &self.database {
            Database::Sqlite(sqlite) => sqlite.connect(self.limit).await?,
            Database::Postgres(postgres) => postgres.connect(self.limit).await?,
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
    /// SQLite may wait for its lock while it sets a connection up.
    fn patience(&self) -> Duration {
        match self {
            Database::Sqlite(_) => Duration::from_secs(10),
            Database::Postgres(_) => CONNECT_TIMEOUT,
        }
    }
}

/// A connection in use. It goes back when it is dropped, if it is fit; else its place is free when it is closed, so that there are never
/// more than so many.
pub struct Lease {
    /// `None` only in its `drop`.
    session: Option<Session>,
    made: Instant,
    generation: u64,
    place: Option<OwnedSemaphorePermit>,
    pool: Pool,
}

impl Deref for Lease {
    type Target = Session;

    fn deref(&self) -> &Session {
        self.session.as_ref().expect("it is there until it is dropped")
    }
}

impl DerefMut for Lease {
    fn deref_mut(&mut self) -> &mut Session {
        self.session.as_mut().expect("it is there until it is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(session) = self.session.take() else { return };
        let inner = &self.pool.0;
        if session.is_fit() && !inner.places.is_closed() {
            inner.idle().push(Idle { session, made: self.made, generation: self.generation, since: Instant::now() });
        } else {
            close(session, self.place.take());
        }
    }
}

/// Closes a connection behind the back of who used it.
fn close(session: Session, place: Option<OwnedSemaphorePermit>) {
    // Without a runtime the process is ending.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async move {
            let _ = timeout(CLOSE_TIMEOUT, session.close()).await;
            drop(place);
        });
    }
}

/// Connections to read from; each statement sees what was committed before it.
#[derive(Clone)]
pub struct Reads {
    pool: Pool,
    /// What begins a read where each must be a transaction: a pooler would tear a statement's preparation from its execution.
    begin: Option<String>,
}

impl fmt::Debug for Reads {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Reads").finish_non_exhaustive()
    }
}

impl Reads {
    pub fn new(pool: Pool, begin: Option<String>) -> Reads {
        Reads { pool, begin }
    }

    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(&self) -> Result<Lease, Error> {
        let mut lease = self.pool.acquire().await?;
        if let Some(begin) = &self.begin {
            lease.execute(AssertSqlSafe(begin.clone())).await?;
            lease.set_fit(false);
        }
        Ok(lease)
    }

    async fn end(&self, mut lease: Lease) -> Result<(), Error> {
        if self.begin.is_some() {
            lease.execute("COMMIT").await?;
            lease.set_fit(true);
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
        let statement = Statement::of(query);
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
        future::ready(Statement::of(query))
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
