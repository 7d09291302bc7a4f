//! Errors of the database.

use std::{io, path::PathBuf};

use sqlx::migrate::MigrateError;

/// Why the database failed, as far as callers can distinguish.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk or the database's quota is full.
    #[error("the disk or the database is full")]
    Full,
    /// The queue of waiting work is full, or the wait timed out.
    #[error("the database is busy; retry soon")]
    Busy,
    /// Another replica wrote the same rows at the same time; nothing was written.
    #[error("conflict with another write")]
    Conflict,
    /// The database's disk, or the connection to it, failed; nothing was acknowledged.
    #[error("the database's disk or connection failed")]
    Broken(#[source] sqlx::Error),
    /// The schema was made by a newer version of this program.
    #[error("the database was written by a newer version (its schema has migration {0}, unknown here); update deskhand")]
    Newer(i64),
    /// The schema is older than this program, and a read-only command must not migrate it.
    #[error("the database's schema is older than this program; start `deskhand serve` once")]
    Older,
    /// There is no database, and a read-only command must not create one.
    #[error("there is no database `{}`; start `deskhand serve` once", .0.display())]
    Absent(PathBuf),
    /// The database was opened read-only.
    #[error("the database was opened read-only")]
    ReadOnly,
    /// A copy of the database is damaged: it failed the integrity check.
    #[error("`{}` is damaged", .0.display())]
    Damaged(PathBuf),
    /// The database itself is damaged, and how; nothing was written to it.
    #[error(
        "the database `{}` is damaged ({}); keep a copy of its folder, then restore a backup with `deskhand restore FILE --replace`",
        .0.display(),
        .1
    )]
    Corrupt(PathBuf, String),
    /// The database file is empty, although there was a database before.
    #[error(
        "the database `{}` is empty, but files next to it belong to one that was not; restore a backup with `deskhand restore FILE \
         --replace`, or remove the empty file to start over",
        .0.display()
    )]
    Emptied(PathBuf),
    /// A statement exceeded its timeout and was interrupted.
    #[error("the database timed out")]
    TimedOut,
    /// Any other database error.
    #[error("the database failed")]
    Failed(#[source] sqlx::Error),
    /// Stored JSON can't be parsed.
    #[error("the database has a row that can't be read")]
    Unreadable(#[from] serde_json::Error),
}

impl StoreError {
    /// A stored row has an invalid value.
    pub fn malformed(what: &str) -> StoreError {
        StoreError::Failed(sqlx::Error::Decode(format!("a stored {what} is malformed").into()))
    }

    /// A copy of the error for another caller of the same transaction. Its cause is left out, since it is logged once.
    pub fn alike(&self) -> StoreError {
        match self {
            StoreError::Full => StoreError::Full,
            StoreError::Busy => StoreError::Busy,
            StoreError::Conflict => StoreError::Conflict,
            StoreError::Newer(version) => StoreError::Newer(*version),
            StoreError::Damaged(file) => StoreError::Damaged(file.clone()),
            StoreError::Corrupt(file, problem) => StoreError::Corrupt(file.clone(), problem.clone()),
            StoreError::Emptied(file) => StoreError::Emptied(file.clone()),
            StoreError::TimedOut => StoreError::TimedOut,
            StoreError::Older => StoreError::Older,
            StoreError::Absent(file) => StoreError::Absent(file.clone()),
            StoreError::ReadOnly => StoreError::ReadOnly,
            StoreError::Broken(_) => StoreError::Broken(sqlx::Error::WorkerCrashed),
            StoreError::Failed(_) | StoreError::Unreadable(_) => StoreError::malformed("row"),
        }
    }

    /// Whether its connection must not be reused: it broke, or leads to a server that accepts no writes.
    pub fn is_connection_failure(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Io(error) => !StatementTimeout::is(error),
            sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::WorkerCrashed => true,
            sqlx::Error::Database(error) => error.code().is_some_and(|code| is_server_unavailable(&code)),
            _ => false,
        }
    }

    /// Whether a statement failed for a missing table; SQLite has no error code of its own for that.
    pub fn is_missing_table(error: &sqlx::Error) -> bool {
        let error = error.as_database_error();
        error.is_some_and(|error| error.code().is_some_and(|code| code == "42P01") || error.message().starts_with("no such table"))
    }

    /// Whether the same write may succeed if it is retried at once: nothing of it was written.
    pub fn is_retried_at_once(&self) -> bool {
        self.remedy() == Remedy::Retry
    }

    /// Whether the error may belong to a single call, so that the others in its transaction may succeed without it.
    pub fn is_of_one_call(&self) -> bool {
        self.remedy() == Remedy::OneByOne
    }

    /// Every variant is listed, so that a new one does not compile until this is decided.
    fn remedy(&self) -> Remedy {
        match self {
            StoreError::Conflict => Remedy::Retry,
            StoreError::Failed(_) | StoreError::Unreadable(_) => Remedy::OneByOne,
            StoreError::Full
            | StoreError::Busy
            | StoreError::Broken(_)
            | StoreError::TimedOut
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
    /// Retry the calls of the transaction one by one.
    OneByOne,
    None,
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let code = match &error {
            sqlx::Error::PoolTimedOut => return StoreError::Busy,
            sqlx::Error::Io(error) if StatementTimeout::is(error) => return StoreError::TimedOut,
            sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::Protocol(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
                return StoreError::Broken(error);
            }
            sqlx::Error::Database(error) => error.code().map(|code| code.into_owned()).unwrap_or_default(),
            _ => return StoreError::Failed(error),
        };
        // PostgreSQL's codes have five characters; SQLite's are numbers whose low byte is the primary code.
        if code.len() == 5 {
            return match code.as_str() {
                "53100" | "53200" => StoreError::Full,
                "53300" => StoreError::Busy,
                "40001" | "40P01" => StoreError::Conflict,
                "57014" => StoreError::TimedOut,
                "58030" => StoreError::Broken(error),
                _ if is_server_unavailable(&code) => StoreError::Broken(error),
                _ => StoreError::Failed(error),
            };
        }
        match code.parse::<u32>().unwrap_or_default() & 0xff {
            // SQLITE_BUSY, SQLITE_LOCKED
            5 | 6 => StoreError::Busy,
            // SQLITE_INTERRUPT
            9 => StoreError::TimedOut,
            // SQLITE_READONLY, SQLITE_IOERR, SQLITE_CANTOPEN
            8 | 10 | 14 => StoreError::Broken(error),
            // SQLITE_FULL
            13 => StoreError::Full,
            _ => StoreError::Failed(error),
        }
    }
}

/// PostgreSQL's codes of a server that is shutting down, starting, unreachable, or read-only after a failover.
fn is_server_unavailable(code: &str) -> bool {
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

/// The inner error of a driver's error when a statement was interrupted at its timeout.
#[derive(Debug, thiserror::Error)]
#[error("statement timeout")]
pub struct StatementTimeout;

impl StatementTimeout {
    pub fn error() -> sqlx::Error {
        sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, StatementTimeout))
    }

    fn is(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<StatementTimeout>())
    }
}

/// The error of a statement while the database is down.
pub fn unavailable() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::NotConnected, "the database does not answer"))
}
