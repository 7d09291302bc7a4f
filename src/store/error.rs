//! Why the database could not do what it was asked for.

use std::path::PathBuf;

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
    /// A copy of the database is damaged.
    #[error("`{}` is damaged", .0.display())]
    Damaged(PathBuf),
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
            StoreError::Broken(_) => StoreError::Broken(sqlx::Error::WorkerCrashed),
            StoreError::Failed(_) | StoreError::Unreadable(_) => StoreError::malformed("row"),
        }
    }

    /// Whether the same write may succeed when it is tried again at once: nothing of it was written.
    pub fn is_retried_at_once(&self) -> bool {
        match self {
            StoreError::Conflict => true,
            StoreError::Full
            | StoreError::Busy
            | StoreError::Broken(_)
            | StoreError::Newer(_)
            | StoreError::Damaged(_)
            | StoreError::Failed(_)
            | StoreError::Unreadable(_) => false,
        }
    }

    /// Whether the error may be one call's own, so that its neighbours in a transaction may succeed without it.
    pub fn is_of_one_call(&self) -> bool {
        match self {
            StoreError::Failed(_) | StoreError::Unreadable(_) => true,
            StoreError::Full
            | StoreError::Busy
            | StoreError::Conflict
            | StoreError::Broken(_)
            | StoreError::Newer(_)
            | StoreError::Damaged(_) => false,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> StoreError {
        let code = match &error {
            sqlx::Error::PoolTimedOut => return StoreError::Busy,
            sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => return StoreError::Broken(error),
            sqlx::Error::Database(error) => error.code().map(|code| code.into_owned()).unwrap_or_default(),
            _ => return StoreError::Failed(error),
        };
        // PostgreSQL's codes have five letters, SQLite's are numbers whose low byte is the kind.
        if code.len() == 5 {
            return match code.as_str() {
                "53100" | "53200" => StoreError::Full,
                "53300" => StoreError::Busy,
                "40001" | "40P01" => StoreError::Conflict,
                "57P01" | "57P02" | "57P03" | "58030" => StoreError::Broken(error),
                _ if code.starts_with("08") => StoreError::Broken(error),
                _ => StoreError::Failed(error),
            };
        }
        match code.parse::<u32>().unwrap_or_default() & 0xff {
            // SQLITE_BUSY, SQLITE_LOCKED
            5 | 6 => StoreError::Busy,
            // SQLITE_IOERR, SQLITE_CANTOPEN
            10 | 14 => StoreError::Broken(error),
            // SQLITE_FULL
            13 => StoreError::Full,
            _ => StoreError::Failed(error),
        }
    }
}
