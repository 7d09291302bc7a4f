//! SQLite: how its file is opened, and kept private.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use sqlx::{ConnectOptions, Executor, SqliteConnection, sqlite::SqliteConnectOptions};

use crate::store::session::{Interrupt, STEPS, Session};

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

/// Of these, what a connection needs that only reads.
const READ_ONLY_PRAGMAS: [&str; 3] = ["PRAGMA trusted_schema = OFF", "PRAGMA busy_timeout = 5000", "PRAGMA temp_store = MEMORY"];

/// How to open the database's file.
#[derive(Clone)]
pub struct Sqlite {
    options: SqliteConnectOptions,
    /// The statement that sets how much of the file is kept in memory.
    cache: &'static str,
    pragmas: &'static [&'static str],
    /// How often its connections' statements were asked whether to go on: their work.
    #[cfg(test)]
    pub asked: Arc<std::sync::atomic::AtomicU64>,
}

impl Sqlite {
    pub fn new(url: &str, cache: &'static str) -> Result<Sqlite, sqlx::Error> {
        Ok(Sqlite {
            options: SqliteConnectOptions::from_str(url)?,
            cache,
            pragmas: &PRAGMAS,
            #[cfg(test)]
            asked: Arc::default(),
        })
    }

    /// The same for connections that only read; `url` says how.
    pub fn read_only(url: &str, cache: &'static str) -> Result<Sqlite, sqlx::Error> {
        Ok(Sqlite { pragmas: &READ_ONLY_PRAGMAS, ..Sqlite::new(url, cache)? })
    }

    /// The database's file.
    pub fn file(&self) -> PathBuf {
        self.options.get_filename().to_path_buf()
    }

    /// A connection that writes nothing.
    pub async fn connect_read_only(&self) -> Result<SqliteConnection, sqlx::Error> {
        self.options.clone().read_only(true).create_if_missing(false).connect().await
    }

    /// A connection whose statements take no longer than `limit`.
    pub async fn connect(&self, limit: Duration) -> Result<Session, sqlx::Error> {
        let mut connection = self.options.connect().await?;
        for pragma in [self.cache].iter().chain(self.pragmas) {
            connection.execute(*pragma).await?;
        }
        self.interruptible(connection, limit).await
    }

    /// Makes a connection's statements end with their callers.
    pub async fn interruptible(&self, mut connection: SqliteConnection, limit: Duration) -> Result<Session, sqlx::Error> {
        #[cfg(not(test))]
        let interrupt = Arc::new(Interrupt::default());
        #[cfg(test)]
        let interrupt = Arc::new(Interrupt::counted(&self.asked));
        let asked = Arc::clone(&interrupt);
        connection.lock_handle().await?.set_progress_handler(STEPS, move || asked.goes_on());
        Ok(Session::interruptible(connection, interrupt, limit))
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

/// Makes the file for its owner alone, before SQLite would make it as the process makes files; SQLite gives its log the same mode.
pub fn make_private(database: &Path) {
    // What can't be made here SQLite will complain about.
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(database);
    for file in files(database) {
        restrict(&file, 0o600);
    }
}

/// Takes a file or folder away from all but its owner, if it is there.
pub fn restrict(path: &Path, mode: u32) {
    let Ok(found) = fs::symlink_metadata(path) else { return };
    let held = found.permissions().mode() & 0o777;
    if found.is_symlink() || held & !mode == 0 {
        return;
    }
    if let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(held & mode)) {
        tracing::warn!(path = %path.display(), error = %error, "others on this machine may read what is kept here, and that can't be changed");
    }
}
