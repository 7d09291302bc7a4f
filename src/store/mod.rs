//! The database: SQLite in the data folder by default, PostgreSQL by its URL; the same statements serve both.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{AnyConnection, AnyPool, Connection, any::AnyPoolOptions, migrate::Migrator};

pub mod backup;
mod error;
mod read_only;
pub mod sql;
mod time;
mod wipe;
mod write;
mod writer;

pub use error::StoreError;
pub use time::{nanoseconds, timestamp};
pub use write::Write;
pub use writer::Writer;

use wipe::Wiper;

/// SQLite before this version may corrupt a WAL that two connections use at once.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// The write lock first: a transaction that reads before it writes could not get it later.
const SQLITE_BEGIN: &str = "BEGIN IMMEDIATE";
const READERS: u32 = 4;
/// The pages that SQLite keeps at hand, in KiB. New words of the archive go to the end of each word's list: a page for each word that is in use
/// is written to again and again.
const WRITERS_CACHE: &str = "PRAGMA cache_size = -65536";
const READERS_CACHE: &str = "PRAGMA cache_size = -8192";
/// How long a statement waits for a connection or for SQLite's write lock.
const WAIT: Duration = Duration::from_secs(5);

/// Forward only, each in a transaction of its own. Statements are the same for both databases, tables are not quite.
static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// The open database.
#[derive(Clone)]
pub struct Store {
    writes: AnyPool,
    reads: AnyPool,
    begin: &'static str,
    /// SQLite's alone.
    wiper: Option<Arc<Wiper>>,
    /// See [`Store::open_read_only`].
    read_only: bool,
}

impl Store {
    /// Opens the database at `url` (`sqlite:…` or `postgres://…`), creates it if it is SQLite and absent, and brings its
    /// schema up to date.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        let url = &if sqlite && !url.contains('?') { format!("{url}?mode=rwc") } else { url.to_owned() };
        let (writers, begin) = if sqlite { (1, SQLITE_BEGIN) } else { (READERS, "BEGIN") };
        // A pool tries again and again; the first connection says what is wrong.
        let mut first = AnyConnection::connect(url).await?;
        sqlx::query(if sqlite { "PRAGMA schema_version" } else { "SELECT 1" }).execute(&mut first).await?;
        first.close().await?;
        let writes = pool(url, writers, sqlite).await?;
        if sqlite {
            check_sqlite(&writes).await?;
        }
        let migrations = if sqlite { &SQLITE_MIGRATIONS } else { &POSTGRES_MIGRATIONS };
        migrations.run(&writes).await.map_err(|error| match error {
            sqlx::migrate::MigrateError::VersionMissing(version) => StoreError::Newer(version),
            other => StoreError::Failed(sqlx::Error::Migrate(Box::new(other))),
        })?;
        let reads = pool(url, READERS, sqlite).await?;
        if sqlite && !wipe::knows_its_pages(&reads).await? {
            tracing::warn!(
                "this program was built without LIBSQLITE3_FLAGS=-DSQLITE_ENABLE_DBPAGE_VTAB: each erasure and redaction writes the whole database anew"
            );
        }
        let wiper = sqlite.then(|| Arc::new(Wiper::start(url.clone(), writes.clone(), reads.clone())));
        Ok(Store { writes, reads, begin, wiper, read_only: false })
    }

    /// The SQLite file in a data folder.
    pub fn sqlite_file(data: &Path) -> PathBuf {
        data.join("deskhand.sqlite")
    }

    /// The URL of the SQLite file in a data folder.
    pub fn sqlite_url(data: &Path) -> String {
        let path = Store::sqlite_file(data).to_string_lossy().into_owned();
        let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        format!("sqlite:{escaped}?mode=rwc")
    }

    /// Begins a write. On SQLite there is one writer at a time, which waits for its turn here.
    pub async fn begin(&self) -> Result<Write, StoreError> {
        if self.read_only {
            return Err(StoreError::ReadOnly);
        }
        Write::begin(self.writes.acquire().await?, self.begin).await
    }

    /// Marks, in the write that deletes or overwrites something, that no byte of it may stay. [`Store::wipe`] sees to it after the commit; if
    /// the process ends before that is done, the next one goes on.
    pub async fn mark_wipe(&self, write: &mut Write) -> Result<(), StoreError> {
        if self.wiper.is_some() { wipe::mark(write).await } else { Ok(()) }
    }

    /// Asks that nothing of what was deleted or overwritten until now stays in the database's files; what comes back waits for it. On
    /// PostgreSQL that is for its own vacuum.
    pub fn wipe(&self) -> impl Future<Output = ()> + Send + 'static {
        let done = self.wiper.as_ref().map(|wiper| wiper.wipe());
        async move {
            if let Some(done) = done {
                done.await;
            }
        }
    }

    /// Connections to read from; each statement sees what was committed before it.
    pub fn reads(&self) -> &AnyPool {
        &self.reads
    }

    /// Whether the database answers.
    pub async fn answers(&self) -> bool {
        sqlx::query("SELECT 1").execute(&self.reads).await.is_ok()
    }

    /// Closes every connection, after the statements that run.
    pub async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }
}

async fn pool(url: &str, connections: u32, sqlite: bool) -> Result<AnyPool, StoreError> {
    let options = AnyPoolOptions::new().max_connections(connections).acquire_timeout(WAIT);
    let options = if sqlite {
        let cache = if connections == 1 { WRITERS_CACHE } else { READERS_CACHE };
        options.after_connect(move |connection, _| {
            Box::pin(async move {
                for pragma in [
                    cache,
                    "PRAGMA journal_mode = WAL",
                    "PRAGMA synchronous = FULL",
                    "PRAGMA secure_delete = ON",
                    "PRAGMA trusted_schema = OFF",
                    "PRAGMA busy_timeout = 5000",
                    "PRAGMA journal_size_limit = 67108864",
                    "PRAGMA temp_store = MEMORY",
                    "PRAGMA wal_autocheckpoint = 4000",
                ] {
                    sqlx::query(pragma).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
    } else {
        // An answer means durable, whatever the server's default is.
        options.after_connect(|connection, _| {
            Box::pin(async move {
                sqlx::query("SET synchronous_commit = on").execute(connection).await?;
                Ok(())
            })
        })
    };
    Ok(options.connect(url).await?)
}

async fn check_sqlite(pool: &AnyPool) -> Result<(), StoreError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(pool).await?;
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) < OLDEST_SQLITE {
        let message = format!("SQLite {version} is too old: 3.51.3 or newer is needed");
        return Err(StoreError::Failed(sqlx::Error::Configuration(message.into())));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_newer_schema_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let url = Store::sqlite_url(folder.path());
        let store = Store::open(&url).await.unwrap();
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'x', 1, x'00', 0)",
        )
        .execute(&store.writes)
        .await
        .unwrap();
        store.close().await;

        let error = Store::open(&url).await.err().unwrap();

        assert!(matches!(error, StoreError::Newer(9999)), "{error:?}");
    }

    #[tokio::test]
    async fn a_folder_with_odd_characters_serves() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a b?c#d%20ş");
        std::fs::create_dir(&odd).unwrap();

        let store = Store::open(&Store::sqlite_url(&odd)).await.unwrap();

        assert!(store.answers().await);
        assert!(odd.join("deskhand.sqlite").exists());
    }
}
