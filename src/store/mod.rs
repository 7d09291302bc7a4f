//! The database: SQLite in the data folder by default, PostgreSQL by its URL; the same statements serve both.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sqlx::{AnyConnection, AnyPool, Connection, any::AnyPoolOptions, migrate::Migrator};

mod error;
pub mod sql;
mod time;
mod write;
mod writer;

pub use error::StoreError;
pub use time::{nanoseconds, timestamp};
pub use write::Write;
pub use writer::Writer;

/// SQLite before this version may corrupt a WAL that two connections use at once.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// The write lock first: a transaction that reads before it writes could not get it later.
const SQLITE_BEGIN: &str = "BEGIN IMMEDIATE";
const READERS: u32 = 4;
/// How long a statement waits for a connection or for SQLite's write lock.
const WAIT: Duration = Duration::from_secs(5);

/// How often an emptying of the log is tried at once; each try waits for readers.
const LOG_TRIES: usize = 3;

/// Forward only, each in a transaction of its own. Statements are the same for both databases, tables are not quite.
static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// The open database.
#[derive(Clone)]
pub struct Store {
    writes: AnyPool,
    reads: AnyPool,
    begin: &'static str,
    /// Whether the write-ahead log may hold what was wiped.
    log_due: Arc<AtomicBool>,
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
        Ok(Store { writes, reads, begin, log_due: Arc::default() })
    }

    /// The URL of the SQLite file `deskhand.sqlite` in a data folder.
    pub fn sqlite_url(data: &Path) -> String {
        let path = data.join("deskhand.sqlite").to_string_lossy().into_owned();
        let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        format!("sqlite:{escaped}?mode=rwc")
    }

    /// Begins a write. On SQLite there is one writer at a time, which waits for its turn here.
    pub async fn begin(&self) -> Result<Write, StoreError> {
        Write::begin(self.writes.acquire().await?, self.begin).await
    }

    /// Empties SQLite's write-ahead log into the database, so that no wiped text stays in it. It comes after a commit, which stands
    /// whatever becomes of it: what a reader still needs is tried again, at once a few times and then by [`Store::empty_log_if_due`].
    pub async fn empty_log(&self) {
        if self.begin != SQLITE_BEGIN {
            return;
        }
        self.log_due.store(true, Ordering::Relaxed);
        for _ in 0..LOG_TRIES {
            if self.empty_log_if_due().await {
                return;
            }
        }
        tracing::warn!("wiped text stays in the write-ahead log until no reader needs it");
    }

    /// Empties the log if it still holds what was wiped; tells whether it holds nothing of it.
    pub async fn empty_log_if_due(&self) -> bool {
        if !self.log_due.swap(false, Ordering::Relaxed) {
            return true;
        }
        // Its row says whether something kept it from emptying the log.
        let busy: Result<i64, _> = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&self.writes).await;
        let emptied = matches!(busy, Ok(0));
        if let Err(error) = busy {
            tracing::warn!(error = %error, "the write-ahead log can't be emptied");
        }
        if !emptied {
            self.log_due.store(true, Ordering::Relaxed);
        }
        emptied
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
        options.after_connect(|connection, _| {
            Box::pin(async move {
                for pragma in [
                    "PRAGMA journal_mode = WAL",
                    "PRAGMA synchronous = FULL",
                    "PRAGMA secure_delete = ON",
                    "PRAGMA trusted_schema = OFF",
                    "PRAGMA busy_timeout = 5000",
                    "PRAGMA journal_size_limit = 67108864",
                    "PRAGMA temp_store = MEMORY",
                    "PRAGMA cache_size = -16384",
                ] {
                    sqlx::query(pragma).execute(&mut *connection).await?;
                }
                Ok(())
            })
        })
    } else {
        options
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
