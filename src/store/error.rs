//! Why the database could not do what it was asked for.

use std::{io, path::PathBuf};

use sqlx::migrate::MigrateError;

/// What the callers of a store can tell apart.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or the database's quota is full.
    #[error("the store is full")]
    Full,
    /// More work is waiting than the store takes.
    #[error("the store is busy")]
    Busy,
    /// Another replica wrote the same rows at the same time; nothing was written.
    #[error("another write came in between")]
    Conflict,
    /// The disk under the database, or the connection to it, failed; nothing was acknowledged.
    #[error("the store's disk or connection failed")]
    Broken(#[source] sqlx::Error),
    /// The database's schema was made by a newer version of this program.
    #[error("the database was written by a newer version (its schema has migration {0}, unknown here); update deskhand")]
    Newer(i64),
    /// The database's schema was made by an older version of this program, and whoever asks may not change it.
    #[error("the database's schema is older than this program's; start `deskhand serve` once")]
    Older,
    /// There is no database, and whoever asks may not make one.
    #[error("there is no database `{}`; start `deskhand serve` once", .0.display())]
    Absent(PathBuf),
    /// The database was opened to be read.
    #[error("the store was opened to be read only")]
    ReadOnly,
    /// A copy of the database is damaged.
    #[error("`{}` is damaged", .0.display())]
    Damaged(PathBuf),
    /// The database itself is, and why it seems so; nothing was written to it.
    #[error(
        "the database `{}` is damaged ({}); keep a copy of its folder, then restore a backup with `deskhand restore FILE --replace`",
        .0.display(),
        .1
    )]
    Corrupt(PathBuf, String),
    /// The database has no byte, and yet was there before.
    #[error(
        "the database `{}` is empty, but what is beside it belongs to one that was not; restore a backup with `deskhand restore FILE \
         --replace`, or remove the empty file to begin anew",
        .0.display()
    )]
    Emptied(PathBuf),
    /// A statement took longer than any may; it was ended.
    #[error("the store took too long")]
    TooLong,
    /// Anything else that the database says.
    #[error("the store failed")]
    Failed(#[source] sqlx::Error),
    /// What was kept can't be read back.
    #[error("the store holds a row that can't be read")]
    Unreadable(#[from] serde_json::Error),
}

impl StoreError {
    /// A stored row does not hold what it should.
    pub fn malformed(what: &str) -> StoreError {
        StoreError::Failed(sqlx::Error::Decode(format!("a stored {what} is malformed").into()))
    }

    /// The same failure for another caller that it hit; the cause is told once.
    pub fn alike(&self) -> StoreError {
        match self {
            StoreError::Full => StoreError::Full,
            StoreError::Busy => StoreError::Busy,
            StoreError::Conflict => StoreError::Conflict,
            StoreError::Newer(version) => StoreError::Newer(*version),
            StoreError::Damaged(file) => StoreError::Damaged(file.clone()),
            StoreError::Corrupt(file, problem) => StoreError::Corrupt(file.clone(), problem.clone()),
            StoreError::Emptied(file) => StoreError::Emptied(file.clone()),
            StoreError::TooLong => StoreError::TooLong,
            StoreError::Older => StoreError::Older,
            StoreError::Absent(file) => StoreError::Absent(file.clone()),
            StoreError::ReadOnly => StoreError::ReadOnly,
            StoreError::Broken(_) => StoreError::Broken(sqlx::Error::WorkerCrashed),
            StoreError::Failed(_) | StoreError::Unreadable(_) => StoreError::malformed("row"),
        }
    }

    /// Whether the connection that this came from should not be used again: it broke, or leads to a server that takes no writes.
    pub fn is_of_session(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Io(error) => !TooLong::is(error),
            sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| is_of_server(&code)),
            _ => false,
        }
    }

    /// Whether the same write may succeed when it is tried again at once: nothing of it was written.
    pub fn is_retried_at_once(&self) -> bool {
        self.remedy() == Remedy::Retry
    }

    /// Whether the error may be one call's own, so that its neighbours in a transaction may succeed without it.
    pub fn is_of_one_call(&self) -> bool {
        self.remedy() == Remedy::OneByOne
    }

    /// Every kind of error has its line: a new one does not compile until it is decided.
    fn remedy(&self) -> Remedy {
        match self {
            StoreError::Conflict => Remedy::Retry,
            StoreError::Failed(_) | StoreError::Unreadable(_) => Remedy::OneByOne,
            StoreError::Full
            | StoreError::Busy
            | StoreError::Broken(_)
            | StoreError::TooLong
            | StoreError::Newer(_)
            | StoreError::Older
            | StoreError::Absent(_)
            | StoreError::ReadOnly
            | StoreError::Damaged(_)
            | StoreError::Corrupt(..)
            | StoreError::Emptied(_) => Remedy::None,
        }
    }
}

/// What a writer can do about an error.
#[derive(PartialEq, Eq)]
enum Remedy {
    Retry,
    /// Try the calls of the transaction one by one.
    OneByOne,
    None,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let code = match &error {
            sqlx::Error::PoolTimedOut => return StoreError::Busy,
            sqlx::Error::Io(error) if TooLong::is(error) => return StoreError::TooLong,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                return StoreError::Broken(error);
            }
            sqlx::Error::Database(error) => error.code().map(|code| code.into_owned()).unwrap_or_default(),
            _ => return StoreError::Failed(error),
        };
        // PostgreSQL's codes have five letters, SQLite's are numbers whose low byte is the kind.
        if code.len() == 5 {
            return match code.as_str() {
                "53100" | "53200" => StoreError::Full,
                "53300" => StoreError::Busy,
                "40001" | "40P01" => StoreError::Conflict,
                "57014" => StoreError::TooLong,
                "58030" => StoreError::Broken(error),
                _ if is_of_server(&code) => StoreError::Broken(error),
                _ => StoreError::Failed(error),
            };
        }
        match code.parse::<u32>().unwrap_or_default() & 0xff {
            // SQLITE_BUSY, SQLITE_LOCKED
            5 | 6 => StoreError::Busy,
            // SQLITE_INTERRUPT
            9 => StoreError::TooLong,
            // SQLITE_READONLY, SQLITE_IOERR, SQLITE_CANTOPEN
            8 | 10 | 14 => StoreError::Broken(error),
            // SQLITE_FULL
            13 => StoreError::Full,
            _ => StoreError::Failed(error),
        }
    }
}

/// PostgreSQL's codes of a server that goes, comes, cannot be reached, or takes no writes since another took over.
fn is_of_server(code: &str) -> bool {
    matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "25P03" | "25006") || (code.len() == 5 && code.starts_with("08"))
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> StoreError {
        match error {
            MigrateError::VersionMissing(version) => StoreError::Newer(version),
            MigrateError::Execute(error) => error.into(),
            other => StoreError::Failed(sqlx::Error::Migrate(Box::new(other))),
        }
    }
}

/// What stands in an error of the driver's when a statement was ended for its time.
#[derive(Debug, thiserror::Error)]
#[error("a statement took too long")]
pub struct TooLong;

impl TooLong {
    pub fn error() -> sqlx::Error {
        sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, TooLong))
    }

    fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<TooLong>())
    }
}

/// The error of whoever needs a database that is down.
pub fn unavailable() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::NotConnected, "the database does not answer"))
}
