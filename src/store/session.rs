//! A database connection on which no statement outlives its caller: it ends when its future is dropped or its time is over.

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
    error::{StoreError, TooLong},
};

/// What a statement comes to, step by step.
pub type Steps<'s> = BoxStream<'s, Result<Either<AnyQueryResult, AnyRow>, Error>>;

/// A statement and its values.
pub struct Statement {
    pub sql: SqlStr,
    pub arguments: Option<AnyArguments>,
    /// Whether the database should keep it prepared.
    pub persistent: bool,
}

impl Statement {
    pub fn of<'q>(mut query: impl Execute<'q, Any>) -> Result<Statement, Error> {
        let arguments = query.take_arguments().map_err(Error::Encode)?;
        Ok(Statement { persistent: query.persistent(), arguments, sql: query.sql() })
    }
}

/// A connection. One whose statement was left, or that failed, is not fit to be used again.
pub struct Session {
    backend: Box<dyn AnyConnectionBackend>,
    state: State,
}

/// Apart from the connection, so that it can be written to while a statement runs.
struct State {
    limit: Duration,
    /// Whether statements may stay prepared on the server.
    prepares: bool,
    /// SQLite's alone.
    interrupt: Option<Arc<Interrupt>>,
    /// PostgreSQL's alone.
    availability: Option<Arc<Availability>>,
    fit: bool,
}

impl Session {
    /// A SQLite connection whose progress handler asks `interrupt`.
    pub fn interruptible(backend: impl AnyConnectionBackend, interrupt: Arc<Interrupt>, limit: Duration) -> Session {
        let state = State { limit, prepares: true, interrupt: Some(interrupt), availability: None, fit: true };
        Session { backend: Box::new(backend), state }
    }

    /// A connection to a server that ends statements itself when their client is gone or their time is over.
    pub fn remote(backend: impl AnyConnectionBackend, prepares: bool, limit: Duration) -> Session {
        let state = State { limit, prepares, interrupt: None, availability: None, fit: true };
        Session { backend: Box::new(backend), state }
    }

    /// Has the session's waits end when the database is known to be down.
    pub fn watched_by(mut self, availability: Option<&Arc<Availability>>) -> Session {
        self.state.availability = availability.cloned();
        self
    }

    /// Changes how long a statement may take.
    pub fn set_limit(&mut self, limit: Duration) {
        self.state.limit = limit;
    }

    pub fn is_fit(&self) -> bool {
        self.state.fit
    }

    /// Whether the session is known to be in a transaction that has not ended: then it can't be used by anybody else.
    pub fn set_fit(&mut self, fit: bool) {
        self.state.fit = fit;
    }

    pub async fn ping(&mut self) -> Result<(), Error> {
        self.backend.ping().await
    }

    /// Closes it; when this returns, no statement of it runs in this process.
    pub async fn close(self) {
        let _ = if self.state.fit || self.state.interrupt.is_some() { self.backend.close() } else { self.backend.close_hard() }.await;
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

/// A statement that runs. Dropped before it is done, it interrupts the statement and makes the session unfit.
struct Running<'s> {
    state: &'s mut State,
    until: tokio::time::Instant,
    done: bool,
}

impl<'s> Running<'s> {
    fn begin(state: &'s mut State) -> Result<Running<'s>, Error> {
        if let Some(interrupt) = &state.interrupt {
            interrupt.allow(state.limit);
        }
        // No limit is further away than anybody waits.
        let until = tokio::time::Instant::now() + state.limit.min(FOREVER);
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
                    // The database is through with it.
                    self.done = true;
                    error
                }
            },
            () = tokio::time::sleep_until(self.until) => TooLong::error(),
            error = lost => error,
        };
        if StoreError::is_of_session(&error) {
            self.state.fit = false;
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
            self.state.fit = false;
            if let Some(interrupt) = &self.state.interrupt {
                interrupt.stop();
            }
        }
    }
}

/// As good as no limit.
pub const FOREVER: Duration = Duration::from_secs(365 * 24 * 3600);

/// What SQLite asks, every so many steps of a statement, whether to go on.
pub struct Interrupt {
    began: Instant,
    /// In nanoseconds since it began.
    until: AtomicU64,
    #[cfg(test)]
    asked: Arc<AtomicU64>,
}

/// Steps of SQLite's virtual machine between two questions: some microseconds.
pub const STEPS: i32 = 1000;

impl Default for Interrupt {
    fn default() -> Interrupt {
        Interrupt {
            began: Instant::now(),
            until: AtomicU64::new(u64::MAX),
            #[cfg(test)]
            asked: Arc::default(),
        }
    }
}

impl Interrupt {
    pub fn goes_on(&self) -> bool {
        #[cfg(test)]
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.now() < self.until.load(Ordering::Relaxed)
    }

    fn allow(&self, limit: Duration) {
        let limit = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        self.until.store(self.now().saturating_add(limit), Ordering::Relaxed);
    }

    fn stop(&self) {
        self.until.store(0, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// One that counts, together with others, how often it was asked.
    #[cfg(test)]
    pub fn counted(asked: &Arc<AtomicU64>) -> Interrupt {
        Interrupt { asked: Arc::clone(asked), ..Interrupt::default() }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Session").field("fit", &self.state.fit).finish_non_exhaustive()
    }
}

impl<'c> Executor<'c> for &'c mut Session {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> Steps<'e>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        match Statement::of(query) {
            Ok(statement) => self.run(statement),
            Err(error) => futures::stream::once(future::ready(Err(error))).boxed(),
        }
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<AnyRow>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        future::ready(Statement::of(query)).and_then(|statement| self.run_for_one(statement)).boxed()
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
