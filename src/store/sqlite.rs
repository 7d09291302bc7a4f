//! SQLite: opens the database file, and keeps it private.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use sqlx::{ConnectOptions, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::store::{
    session::{Interrupt, STEPS, Session},
    sql,
};

const PRAGMAS: [&str; 8] = [
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA temp_store = MEMORY",
    "PRAGMA wal_autocheckpoint = 4000",
];

/// The subset of these for read-only connections.
const READ_ONLY_PRAGMAS: [&str; 3] = ["PRAGMA trusted_schema = OFF", "PRAGMA busy_timeout = 5000", "PRAGMA temp_store = MEMORY"];

/// How to open the database's file.
#[derive(Clone)]
pub struct Sqlite {
    options: SqliteConnectOptions,
    /// The pragma that sets the page cache's size.
    cache: &'static str,
    pragmas: &'static [&'static str],
    /// How often the progress handler ran: the statements' work.
    #[cfg(test)]
    pub checks: Arc<std::sync::atomic::AtomicU64>,
}

impl Sqlite {
    pub fn new(url: &str, cache: &'static str) -> Result<Sqlite, sqlx::Error> {
        Ok(Sqlite {
            options: SqliteConnectOptions::from_str(url)?.statement_cache_capacity(sql::PREPARED),
            cache,
            pragmas: &PRAGMAS,
            #[cfg(test)]
            checks: Arc::default(),
        })
    }

    /// The same for read-only connections; `url` must open the file read-only.
    pub fn read_only(url: &str, cache: &'static str) -> Result<Sqlite, sqlx::Error> {
        Ok(Sqlite { pragmas: &READ_ONLY_PRAGMAS, ..Sqlite::new(url, cache)? })
    }

    /// The database's file.
    pub fn file(&self) -> PathBuf {
        self.options.get_filename().to_path_buf()
    }

    /// A read-only connection.
    pub async fn connect_read_only(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.options.clone().read_only(true).create_if_missing(false).connect().await
    }

    /// A connection with a statement timeout.
    pub async fn connect(&self, timeout: Duration) -> Result<Session, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        for pragma in [self.cache].iter().chain(self.pragmas) {
            connection.execute(*pragma).await?;
        }
        self.interruptible(connection, timeout).await
    }

    /// Makes a connection's statements interruptible: they end with their callers.
    pub async fn interruptible(&self, mut connection: SqliteConnection, timeout: Duration) -> Result<Session, sqlx::Error> {
        #[cfg(not(test))]
        let interrupt = Arc::new(Interrupt::default());
        #[cfg(test)]
        let interrupt = Arc::new(Interrupt::counted(&self.checks));
        let handler = Arc::clone(&interrupt);
        connection.lock_handle().await?.set_progress_handler(STEPS, move || handler.may_continue());
        Ok(Session::interruptible(connection, interrupt, timeout))
    }
}

/// The files of a database: itself, its write-ahead log, and the log's index.
pub fn files(database: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|ending| {
        let mut name = database.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    })
}

/// Creates the file as private before SQLite creates it with the process's umask; SQLite gives its WAL the same mode.
pub fn make_private(database: &Path) {
    // If this fails, SQLite reports why.
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(database);
    for file in files(database) {
        restrict(&file, 0o600);
    }
}

/// Removes the permissions of a file or folder beyond `mode`, if it exists.
pub fn restrict(path: &Path, mode: u32) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    let current = metadata.permissions().mode() & 0o777;
    if metadata.is_symlink() || current & !mode == 0 {
        return;
    }
    if let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(current & mode)) {
        tracing::warn!(path = %path.display(), error = %error, "can't restrict permissions: other users of this machine may read this file");
    }
}
