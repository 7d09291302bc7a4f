//! The database: SQLite in the data folder by default, PostgreSQL by its URL; the same statements serve both.

mod availability;
pub mod backup;
mod error;
pub mod files;
mod inspect;
mod pool;
mod postgres;
mod probe;
mod read_only;
mod session;
pub mod sql;
mod sqlite;
mod time;
mod wal;
mod wipe;
mod write;
mod writer;

use std::{
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, migrate::Migrator, sqlite::SqliteConnectOptions};
use tokio_util::task::AbortOnDropHandle;

pub use availability::State;
pub use error::StoreError;
pub use pool::Reads;
pub use time::{nanoseconds, timestamp};
pub use write::Write;
pub use writer::Writer;

use crate::store::{
    availability::Availability,
    pool::{Database, Pool},
    postgres::Postgres,
    sqlite::Sqlite,
    wipe::Wiper,
};

/// SQLite before this version may corrupt a WAL that two connections use at once.
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);
/// The write lock first: a transaction that reads before it writes could not get it later.
const SQLITE_BEGIN: &str = "BEGIN IMMEDIATE";
const READERS: u32 = 4;
/// The pages that SQLite keeps at hand, in KiB. New words of the archive go to the end of each word's list: a page for each word that is in use
/// is written to again and again.
const WRITERS_CACHE: &str = "PRAGMA cache_size = -65536";
const READERS_CACHE: &str = "PRAGMA cache_size = -8192";
/// How long a statement may take that serves a call, and one that writes: a batch of calls, an erasure. Callers' own deadlines end it sooner.
const READ_LIMIT: Duration = Duration::from_secs(15);
const WRITE_LIMIT: Duration = Duration::from_secs(60);
/// How long a write waits for a lock that another one holds, such as while another server takes a large folder in: within `WRITE_LIMIT`.
const LOCK_WAIT: Duration = Duration::from_secs(50);

/// Forward only, each in a transaction of its own. Statements are the same for both databases, tables are not quite.
static SQLITE_MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/sqlite");
static POSTGRES_MIGRATIONS: Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// The open database.
#[derive(Clone)]
pub struct Store {
    writes: Pool,
    reads: Reads,
    begin: Arc<str>,
    /// SQLite's alone.
    wiper: Option<Arc<Wiper>>,
    sqlite: Option<Sqlite>,
    /// PostgreSQL's alone.
    availability: Option<Arc<Availability>>,
    _upkeep: Option<Arc<AbortOnDropHandle<()>>>,
    /// See [`Store::open_read_only`].
    read_only: bool,
}

impl Store {
    /// Opens the database at `url` (`sqlite:…` or `postgres://…`), creates it if it is SQLite and absent, and brings its
    /// schema up to date.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        // Backups are made through the common driver.
        sqlx::any::install_default_drivers();
        if url.starts_with("sqlite:") { Store::open_sqlite(url).await } else { Store::open_postgres(url).await }
    }

    async fn open_sqlite(url: &str) -> Result<Store, StoreError> {
        let url = if url.contains('?') { url.to_owned() } else { format!("{url}?mode=rwc") };
        let (writer, reader) = (Sqlite::new(&url, WRITERS_CACHE)?, Sqlite::new(&url, READERS_CACHE)?);
        inspect::inspect(&writer).await?;
        let file = writer.file();
        if url.contains("mode=rwc") {
            sqlite::make_private(&file);
        }
        // Migrations have as long as they need.
        let mut first = SqliteConnectOptions::from_str(&url)?.connect().await?;
        check_sqlite(&mut first).await?;
        SQLITE_MIGRATIONS.run_direct(None, &mut first, false).await?;
        first.close().await?;
        let writes = Pool::new(Database::Sqlite(writer), 1, WRITE_LIMIT, None);
        let reads = Reads::new(Pool::new(Database::Sqlite(reader.clone()), READERS, READ_LIMIT, None), None);
        if !wipe::knows_its_pages(&reads).await? {
            tracing::warn!(
                "this program was built without LIBSQLITE3_FLAGS=-DSQLITE_ENABLE_DBPAGE_VTAB: each erasure and redaction writes the whole database anew"
            );
        }
        let [_, log, _] = sqlite::files(&file);
        let upkeep = wal::keep_short(url.clone(), log);
        let wiper = Some(Arc::new(Wiper::start(url, writes.clone(), reads.clone())));
        Ok(Store {
            writes,
            reads,
            begin: SQLITE_BEGIN.into(),
            wiper,
            sqlite: Some(reader),
            availability: None,
            _upkeep: Some(Arc::new(upkeep)),
            read_only: false,
        })
    }

    async fn open_postgres(url: &str) -> Result<Store, StoreError> {
        let postgres = Postgres::new(url)?;
        postgres.migrate(&POSTGRES_MIGRATIONS).await.map_err(Postgres::explained)?;
        let (availability, upkeep) = probe::watch(postgres.clone());
        let pool = |limit| Pool::new(Database::Postgres(postgres.clone()), READERS, limit, Some(Arc::clone(&availability)));
        let reads = Reads::new(pool(READ_LIMIT), postgres.is_pooled().then(|| postgres.begin_read(READ_LIMIT)));
        let (writes, begin) = (pool(WRITE_LIMIT), postgres.begin_write(WRITE_LIMIT).into());
        Ok(Store {
            writes,
            reads,
            begin,
            wiper: None,
            sqlite: None,
            availability: Some(availability),
            _upkeep: Some(Arc::new(upkeep)),
            read_only: false,
        })
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
        Write::begin(self.writes.acquire().await?, &self.begin).await
    }

    /// Makes a write wait until no other has the lock of this name, and hold it until its end. SQLite has one writer at a time anyway.
    pub async fn lock(&self, write: &mut Write, name: &str) -> Result<(), StoreError> {
        if self.wiper.is_some() {
            return Ok(());
        }
        // The function returns nothing, which this driver can't read.
        let locked = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) IS NULL").bind(name.to_owned());
        tokio::time::timeout(LOCK_WAIT, locked.execute(&mut **write)).await.map_err(|_| StoreError::Busy)??;
        Ok(())
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
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// What the database can do at the moment.
    pub async fn state(&self) -> State {
        match &self.availability {
            Some(availability) => availability.state(),
            None if sqlx::query("SELECT 1").execute(&self.reads).await.is_ok() => State::Up,
            None => State::Down,
        }
    }

    /// Waits until it can do something else; a SQLite file has to be asked.
    pub async fn changed_from(&self, known: State) {
        match &self.availability {
            Some(availability) => availability.changed_from(known).await,
            None => std::future::pending().await,
        }
    }

    /// The steps that reads took so far, in thousands.
    #[cfg(test)]
    pub fn read_steps(&self) -> u64 {
        self.sqlite.as_ref().map_or(0, |sqlite| sqlite.asked.load(std::sync::atomic::Ordering::Relaxed))
    }

    /// Checks the pages of a SQLite file in the background, until the handle is dropped.
    pub fn check_pages(&self) -> Option<AbortOnDropHandle<()>> {
        self.sqlite.clone().map(inspect::check_pages)
    }

    /// Closes every connection, after the statements that run.
    pub async fn close(&self) {
        self.reads.close().await;
        self.writes.close().await;
    }
}

async fn check_sqlite(connection: &mut sqlx::SqliteConnection) -> Result<(), StoreError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(connection).await?;
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
        .execute(&mut *store.writes.acquire().await.unwrap())
        .await
        .unwrap();
        store.close().await;

        let error = Store::open(&url).await.err().unwrap();

        assert!(matches!(error, StoreError::Newer(9999)), "{error:?}");
    }

    /// Runs for hours.
    const ENDLESS: &str = "WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 1000000000000)
         SELECT COUNT(*) FROM counted";

    #[tokio::test]
    async fn a_statement_ends_when_its_caller_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Store::sqlite_url(folder.path())).await.unwrap();
        for _ in 0..3 {
            // All connections are taken by statements that their callers leave.
            let left = (0..READERS).map(|_| async {
                let endless = sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(store.reads());
                tokio::time::timeout(Duration::from_millis(20), endless).await.unwrap_err();
            });
            futures::future::join_all(left).await;
            // Each place is free again only when its statement has ended.
            let all = (0..READERS).map(|_| sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM chat").fetch_one(store.reads()));
            assert!(futures::future::join_all(all).await.into_iter().all(|count| count.unwrap() == 0));
        }
        // The same for a write, whose connection is the only one.
        let mut write = store.begin().await.unwrap();
        let endless = sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(&mut *write);
        tokio::time::timeout(Duration::from_millis(20), endless).await.unwrap_err();
        drop(write);
        store.begin().await.unwrap().roll_back().await.unwrap();
        store.close().await;
    }

    #[tokio::test]
    async fn a_statement_ends_when_its_time_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let url = Store::sqlite_url(folder.path());
        Store::open(&url).await.unwrap().close().await;
        let sqlite = Sqlite::new(&url, READERS_CACHE).unwrap();
        let reads = Reads::new(Pool::new(Database::Sqlite(sqlite), 1, Duration::from_millis(50), None), None);
        for _ in 0..3 {
            let error = sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(&reads).await.unwrap_err();
            assert!(matches!(StoreError::from(error), StoreError::TooLong));
            let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM chat").fetch_one(&reads).await.unwrap();
            assert_eq!(count, 0);
        }
    }

    #[tokio::test]
    async fn a_folder_with_odd_characters_serves() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a b?c#d%20ş");
        std::fs::create_dir(&odd).unwrap();

        let store = Store::open(&Store::sqlite_url(&odd)).await.unwrap();

        assert_eq!(store.state().await, State::Up);
        assert!(odd.join("deskhand.sqlite").exists());
    }
}
