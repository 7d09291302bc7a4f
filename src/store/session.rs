//! A database connection on which no statement outlives its caller: it is interrupted when its future is dropped or its timeout passes.

use std::{
    fmt, future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_stream::try_stream;
use futures::{FutureExt, StreamExt, TryFutureExt, future::BoxFuture, stream::BoxStream};
use sqlx::{
    Any, Describe, Either, Error, Execute, Executor, SqlStr,
    any::{AnyArguments, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo},
};
use sqlx_core::any::AnyConnectionBackend;

use crate::store::{
    availability::Availability,
    error::{StatementTimeout, StoreError},
};

/// The results of a statement: rows, and counts of affected rows.
pub type Steps<'s> = BoxStream<'s, Result<Either<AnyQueryResult, AnyRow>, Error>>;

/// A statement and its bound values.
pub struct Statement {
    pub sql: SqlStr,
    pub arguments: Option<AnyArguments>,
    /// Whether the database should keep it prepared.
    pub persistent: bool,
}

impl Statement {
    pub fn from_query<'q>(mut query: impl Execute<'q, Any>) -> Result<Statement, Error> {
        let arguments = query.take_arguments().map_err(Error::Encode)?;
        Ok(Statement { persistent: query.persistent(), arguments, sql: query.sql() })
    }
}

/// A connection. After an abandoned statement or a failure it is unhealthy: it must not be reused.
pub struct Session {
    backend: Box<dyn AnyConnectionBackend>,
    state: State,
}

/// Separate from the connection, so that it can be changed while a statement runs.
struct State {
    timeout: Duration,
    /// Whether statements may stay prepared on the server.
    prepares: bool,
    /// SQLite only.
    interrupt: Option<Arc<Interrupt>>,
    /// PostgreSQL only.
    availability: Option<Arc<Availability>>,
    healthy: bool,
}

impl Session {
    /// A SQLite connection whose progress handler checks `interrupt`.
    pub fn interruptible(backend: impl AnyConnectionBackend, interrupt: Arc<Interrupt>, timeout: Duration) -> Session {
        let state = State { timeout, prepares: true, interrupt: Some(interrupt), availability: None, healthy: true };
        Session { backend: Box::new(backend), state }
    }

    /// A connection to a server that ends statements itself when their client is gone or their timeout has passed.
    pub fn remote(backend: impl AnyConnectionBackend, prepares: bool, timeout: Duration) -> Session {
        let state = State { timeout, prepares, interrupt: None, availability: None, healthy: true };
        Session { backend: Box::new(backend), state }
    }

    /// Makes the session's waits end once the database is known to be down.
    pub fn watched_by(mut self, availability: Option<&Arc<Availability>>) -> Session {
        self.state.availability = availability.cloned();
        self
    }

    /// Changes the statement timeout.
    pub fn set_timeout(&mut self, timeout: Duration) {
        self.state.timeout = timeout;
    }

    pub fn is_healthy(&self) -> bool {
        self.state.healthy
    }

    /// Sets whether the session may be reused; inside of a transaction it may not.
    pub fn set_healthy(&mut self, healthy: bool) {
        self.state.healthy = healthy;
    }

    pub async fn ping(&mut self) -> Result<(), Error> {
        self.backend.ping().await
    }

    /// Closes the connection; when this returns, none of its statements runs in this process.
    pub async fn close(self) {
        let _ = if self.state.healthy || self.state.interrupt.is_some() { self.backend.close() } else { self.backend.close_hard() }.await;
    }

    /// Runs a statement.
    pub fn run(&mut self, statement: Statement) -> Steps<'_> {
        let Session { backend, state } = self;
        Box::pin(try_stream! {
            let persistent = statement.persistent && state.prepares;
            let mut running = Running::begin(state)?;
            let mut steps = backend.fetch_many(statement.sql, persistent, statement.arguments);
            while let Some(step) = running.wait(steps.next().map(Option::transpose)).await? {
                yield step;
            }
            running.done = true;
        })
    }

    /// Runs a statement for its first row.
    pub async fn run_for_one(&mut self, statement: Statement) -> Result<Option<AnyRow>, Error> {
        let Session { backend, state } = self;
        let persistent = statement.persistent && state.prepares;
        let mut running = Running::begin(state)?;
        let row = running.wait(backend.fetch_optional(statement.sql, persistent, statement.arguments)).await?;
        running.done = true;
        Ok(row)
    }
}

/// A running statement. If it is dropped before it is done, the statement is interrupted and the session becomes unhealthy.
struct Running<'s> {
    state: &'s mut State,
    until: tokio::time::Instant,
    done: bool,
}

impl<'s> Running<'s> {
    fn begin(state: &'s mut State) -> Result<Running<'s>, Error> {
        if let Some(interrupt) = &state.interrupt {
            interrupt.arm(state.timeout);
        }
        // Capped, so that the addition can't overflow.
        let until = tokio::time::Instant::now() + state.timeout.min(NO_TIMEOUT);
        Ok(Running { state, until, done: false })
    }

    async fn wait<T>(&mut self, step: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let availability = self.state.availability.as_deref();
        let lost = async {
            match availability {
                Some(availability) => availability.lost().await,
                None => future::pending().await,
            }
        };
        let error = tokio::select! {
            biased;
            stepped = step => match stepped {
                Ok(step) => return Ok(step),
                Err(error) => {
                    // The database has ended the statement.
                    self.done = true;
                    error
                }
            },
            () = tokio::time::sleep_until(self.until) => StatementTimeout::error(),
            error = lost => error,
        };
        if StoreError::is_connection_failure(&error) {
            self.state.healthy = false;
            if let Some(availability) = &self.state.availability {
                availability.connection_failed();
            }
        }
        Err(error)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.state.healthy = false;
            if let Some(interrupt) = &self.state.interrupt {
                interrupt.stop();
            }
        }
    }
}

/// As good as no timeout: a year.
pub const NO_TIMEOUT: Duration = Duration::from_secs(365 * 24 * 3600);

/// The deadline of SQLite's running statement, which its progress handler checks every [`STEPS`] steps.
pub struct Interrupt {
    started: Instant,
    /// In nanoseconds since `started`.
    until: AtomicU64,
    #[cfg(test)]
    checks: Arc<AtomicU64>,
}

/// Steps of SQLite's virtual machine between two checks: some microseconds.
pub const STEPS: i32 = 1000;

impl Default for Interrupt {
    fn default() -> Interrupt {
        Interrupt {
            started: Instant::now(),
            until: AtomicU64::new(u64::MAX),
            #[cfg(test)]
            checks: Arc::default(),
        }
    }
}

impl Interrupt {
    /// Whether the running statement may go on.
    pub fn may_continue(&self) -> bool {
        #[cfg(test)]
        self.checks.fetch_add(1, Ordering::Relaxed);
        self.now() < self.until.load(Ordering::Relaxed)
    }

    fn arm(&self, timeout: Duration) {
        let timeout = u64::try_from(timeout.as_nanos()).unwrap_or(u64::MAX);
        self.until.store(self.now().saturating_add(timeout), Ordering::Relaxed);
    }

    fn stop(&self) {
        self.until.store(0, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// An interrupt that counts its checks, together with others.
    #[cfg(test)]
    pub fn counted(checks: &Arc<AtomicU64>) -> Interrupt {
        Interrupt { checks: Arc::clone(checks), ..Interrupt::default() }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("healthy", &self.state.healthy).finish_non_exhaustive()
    }
}

impl<'c> Executor<'c> for &'c mut Session {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match Statement::from_query(query) {
            Ok(statement) => self.run(statement),
            Err(error) => futures::stream::once(future::ready(Err(error))).boxed(),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        future::ready(Statement::from_query(query)).and_then(|statement| self.run_for_one(statement)).boxed()
    }

    fn prepare_with<'e>(self, sql: SqlStr, parameters: &'e [AnyTypeInfo]) -> BoxFuture<'e, Result<AnyStatement, Error>>
    where
        'c: 'e,
    {
        self.backend.prepare_with(sql, parameters)
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<Any>, Error>>
    where
        'c: 'e,
    {
        self.backend.describe(sql)
    }
}
