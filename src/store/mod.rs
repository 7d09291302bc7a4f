//! The database: SQLite in the data folder by default, or PostgreSQL by URL; both run the same statements.

mod availability;
pub mod backup;
mod chat_news;
pub mod days;
mod error;
pub mod files;
mod inspect;
mod leader;
pub mod metrics;
pub mod migrations;
pub mod partitions;
mod pool;
mod postgres;
mod probe;
mod pulse;
mod read_only;
mod session;
mod signer;
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
pub use chat_news::ChatNews;
pub use error::StoreError;
pub use leader::Leadership;
pub use partitions::PartitionError;
pub use pool::Reads;
pub use pulse::{Counters, Pulse, Pulses};
pub use signer::Signer;
pub use time::{first_number, nanoseconds, timestamp};
pub use write::Write;
pub use writer::Writer;

use crate::store::{
    availability::Availability,
    leader::Leaders,
    pool::{Database, Pool},
    postgres::Postgres,
    sqlite::Sqlite,
    wipe::Wiper,
};

/// Older SQLite versions may corrupt a WAL that two connections use at once.
const MIN_SQLITE_VERSION: (u32, u32, u32) = (3, 51, 3);
/// Takes the write lock at once: a transaction that reads before it writes might not get it later.
const SQLITE_BEGIN: &str = "BEGIN IMMEDIATE";
const READERS: u32 = 4;
/// Page caches, in KiB. The writer's is large: appends change pages all over the indexes of chats and events.
const WRITER_CACHE: &str = "PRAGMA cache_size = -65536";
const READER_CACHE: &str = "PRAGMA cache_size = -8192";
/// Statement timeouts: of reads that serve a call, and of writes (a batch of calls, an erasure). A caller's own deadline may end them sooner.
const READ_TIMEOUT: Duration = Duration::from_secs(15);
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a write waits for an advisory lock, such as while another server imports a large folder. Within `WRITE_TIMEOUT`.
const LOCK_TIMEOUT: Duration = Duration::from_secs(50);

/// The database's own SQL, for the few statements that are not the same for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite's, with FTS5.
    Sqlite,
    /// PostgreSQL's, with arrays and GIN.
    Postgres,
}

/// The open database.
#[derive(Clone)]
pub struct Store {
    writes: Pool,
    reads: Reads,
    begin: Arc<str>,
    dialect: Dialect,
    /// SQLite only.
    wiper: Option<Arc<Wiper>>,
    sqlite: Option<Sqlite>,
    /// PostgreSQL only.
    availability: Option<Arc<Availability>>,
    upkeep: Vec<Arc<AbortOnDropHandle<()>>>,
    signer: Signer,
    pulses: Pulses,
    chat_news: ChatNews,
    wakes_others: bool,
    /// `None` if each server leads.
    leaders: Option<Leaders>,
    /// See [`Store::open_read_only`].
    read_only: bool,
}

impl Store {
    /// Opens the database at `url` (`sqlite:…` or `postgres://…`), creates it if it is SQLite and absent, and migrates its
    /// schema.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        Store::open_migrated(url, migrations::at_start).await
    }

    /// Opens a database beside the main one, for what is seldom asked of it: nothing is followed in it, and it is not watched.
    pub async fn open_beside(url: &str) -> Result<Store, StoreError> {
        let store = Store::open(url).await?;
        store.upkeep.iter().for_each(|task| task.abort());
        Ok(store)
    }

    /// The same, and takes away what only older versions need: see [`migrations`].
    pub async fn open_contracted(url: &str) -> Result<Store, StoreError> {
        Store::open_migrated(url, migrations::all).await
    }

    async fn open_migrated(url: &str, which: fn(&Migrator) -> Migrator) -> Result<Store, StoreError> {
        // Backups use the `Any` driver.
        sqlx::any::install_default_drivers();
        let store = match url.starts_with("sqlite:") {
            true => Store::open_sqlite(url, &which(&migrations::SQLITE)).await,
            false => Store::open_postgres(url, &which(&migrations::POSTGRES)).await,
        }?;
        let signer = Signer::shared(&store).await?;
        Ok(Store { signer, ..store })
    }

    async fn open_sqlite(url: &str, migrations: &Migrator) -> Result<Store, StoreError> {
        let url = if url.contains('?') { url.to_owned() } else { format!("{url}?mode=rwc") };
        let (writer, reader) = (Sqlite::new(&url, WRITER_CACHE)?, Sqlite::new(&url, READER_CACHE)?);
        inspect::inspect(&writer).await?;
        let file = writer.file();
        if url.contains("mode=rwc") {
            sqlite::make_private(&file);
        }
        // Migrations have no timeout.
        let mut connection = SqliteConnectOptions::from_str(&url)?.connect().await?;
        check_sqlite(&mut connection).await?;
        let applied: Vec<(i64, String)> = match sqlx::query_as(migrations::APPLIED).fetch_all(&mut connection).await {
            Ok(applied) => applied,
            Err(error) if StoreError::is_missing_table(&error) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        migrations::check_newer(&migrations::SQLITE, &applied)?;
        migrations.run_direct(None, &mut connection, false).await?;
        connection.close().await?;
        let writes = Pool::new(Database::Sqlite(writer), 1, WRITE_TIMEOUT, None);
        let reads = Reads::new(Pool::new(Database::Sqlite(reader.clone()), READERS, READ_TIMEOUT, None), None);
        if !wipe::has_page_table(&reads).await? {
            tracing::warn!(
                "built without LIBSQLITE3_FLAGS=-DSQLITE_ENABLE_DBPAGE_VTAB: each erasure and redaction rewrites the whole database (VACUUM)"
            );
        }
        let [_, log, _] = sqlite::files(&file);
        let upkeep = wal::keep_truncated(url.clone(), log);
        let (pulses, pulse) = pulse::follow(reads.clone());
        let wiper = Some(Arc::new(Wiper::start(url, writes.clone(), reads.clone())));
        Ok(Store {
            writes,
            reads,
            begin: SQLITE_BEGIN.into(),
            dialect: Dialect::Sqlite,
            wiper,
            sqlite: Some(reader),
            availability: None,
            upkeep: vec![Arc::new(upkeep), Arc::new(pulse)],
            signer: Signer::unshared(),
            pulses,
            chat_news: ChatNews::default(),
            wakes_others: false,
            leaders: None,
            read_only: false,
        })
    }

    async fn open_postgres(url: &str, migrations: &Migrator) -> Result<Store, StoreError> {
        let postgres = Postgres::new(url)?;
        postgres.migrate(migrations).await.map_err(Postgres::explained)?;
        let leaders = Leaders::default();
        let chat_news = ChatNews::default();
        let (availability, pulses, mut upkeep) = probe::watch(postgres.clone(), leaders.clone(), chat_news.clone());
        upkeep.push(partitions::keep(postgres.clone()).await);
        let pool = |limit| Pool::new(Database::Postgres(postgres.clone()), postgres.connections(), limit, Some(Arc::clone(&availability)));
        let reads = Reads::new(pool(READ_TIMEOUT), postgres.is_pooled().then(|| postgres.begin_read(READ_TIMEOUT)));
        let (writes, begin) = (pool(WRITE_TIMEOUT), postgres.begin_write(WRITE_TIMEOUT).into());
        Ok(Store {
            writes,
            reads,
            begin,
            dialect: Dialect::Postgres,
            wiper: None,
            sqlite: None,
            availability: Some(availability),
            upkeep: upkeep.into_iter().map(Arc::new).collect(),
            signer: Signer::unshared(),
            pulses,
            chat_news,
            wakes_others: !postgres.is_pooled(),
            leaders: (!postgres.is_pooled()).then_some(leaders),
            read_only: false,
        })
    }

    /// Which SQL the database speaks.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Follows what changes in the database.
    pub fn pulses(&self) -> Pulses {
        self.pulses.clone()
    }

    /// Tells that chats changed.
    pub fn chat_news(&self) -> &ChatNews {
        &self.chat_news
    }

    /// Whether this server does a piece of background work, of all servers of the database that could.
    pub fn leadership(&self, work: &str) -> Leadership {
        match (&self.leaders, &self.availability) {
            (Some(leaders), Some(availability)) => leaders.of(work, Arc::clone(availability)),
            _ => Leadership::alone(),
        }
    }

    /// Signs ids, with the key that all servers of this database share.
    pub fn signer(&self) -> &Signer {
        &self.signer
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

    /// Begins a write transaction. On SQLite there is one writer at a time; others queue here.
    pub async fn begin(&self) -> Result<Write, StoreError> {
        if self.read_only {
            return Err(StoreError::ReadOnly);
        }
        Write::begin(self.writes.acquire().await?, &self.begin, self.dialect, self.wakes_others).await
    }

    /// Takes the advisory lock of this name for a write transaction, until its end. Not needed on SQLite, which has one writer at a time.
    pub async fn lock(&self, write: &mut Write, name: &str) -> Result<(), StoreError> {
        if self.wiper.is_some() {
            return Ok(());
        }
        // The function returns void, which this driver can't read.
        let locked = sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0)) IS NULL").bind(name.to_owned());
        tokio::time::timeout(LOCK_TIMEOUT, locked.execute(&mut **write)).await.map_err(|_| StoreError::Busy)??;
        Ok(())
    }

    /// Marks, in the write that deletes or overwrites data, that a wipe is due: no byte of it may remain. [`Store::wipe`] does it after the
    /// commit; if the process ends before that is done, the next process resumes it.
    pub async fn mark_wipe(&self, write: &mut Write) -> Result<(), StoreError> {
        if self.wiper.is_some() { wipe::mark(write).await } else { Ok(()) }
    }

    /// Requests a wipe of everything deleted or overwritten so far from the database's files. The returned future waits for its end. On
    /// PostgreSQL this is left to its own vacuum.
    pub fn wipe(&self) -> impl Future<Output = ()> + Send + 'static {
        let done = self.wiper.as_ref().map(|wiper| wiper.wipe());
        async move {
            if let Some(done) = done {
                done.await;
            }
        }
    }

    /// The read connections; each statement sees what was committed before it.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// The current state of the database.
    pub async fn state(&self) -> State {
        match &self.availability {
            Some(availability) => availability.state(),
            None if sqlx::query("SELECT 1").execute(&self.reads).await.is_ok() => State::Up,
            None => State::Down,
        }
    }

    /// Waits until the state is another than `known`. For SQLite it never returns: poll [`Store::state`].
    pub async fn changed_from(&self, known: State) {
        match &self.availability {
            Some(availability) => availability.changed_from(known).await,
            None => std::future::pending().await,
        }
    }

    /// The work of all reads so far, in thousands of SQLite VM steps.
    #[cfg(test)]
    pub fn read_steps(&self) -> u64 {
        self.sqlite.as_ref().map_or(0, |sqlite| sqlite.checks.load(std::sync::atomic::Ordering::Relaxed))
    }

    /// Checks the pages of a SQLite file in the background, until the handle is dropped.
    pub fn check_pages(&self) -> Option<AbortOnDropHandle<()>> {
        self.sqlite.clone().map(inspect::check_pages)
    }

    /// Closes every connection, after its running statement. Another server may then lead at once.
    pub async fn close(&self) {
        self.upkeep.iter().for_each(|task| task.abort());
        self.reads.close().await;
        self.writes.close().await;
    }
}

async fn check_sqlite(connection: &mut sqlx::SqliteConnection) -> Result<(), StoreError> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()").fetch_one(connection).await?;
    let mut parts = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    if (next(), next(), next()) < MIN_SQLITE_VERSION {
        let message = format!("SQLite {version} is too old; 3.51.3 or newer is required");
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
    async fn a_statement_is_interrupted_when_its_caller_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(&Store::sqlite_url(folder.path())).await.unwrap();
        for _ in 0..3 {
            // All connections are busy with statements whose callers leave.
            let left = (0..READERS).map(|_| async {
                let endless = sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(store.reads());
                tokio::time::timeout(Duration::from_millis(20), endless).await.unwrap_err();
            });
            futures::future::join_all(left).await;
            // Each connection is free again only when its statement has ended.
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
    async fn a_statement_is_interrupted_at_its_timeout() {
        let folder = tempfile::tempdir().unwrap();
        let url = Store::sqlite_url(folder.path());
        Store::open(&url).await.unwrap().close().await;
        let sqlite = Sqlite::new(&url, READER_CACHE).unwrap();
        let reads = Reads::new(Pool::new(Database::Sqlite(sqlite), 1, Duration::from_millis(50), None), None);
        for _ in 0..3 {
            let error = sqlx::query_scalar::<_, i64>(ENDLESS).fetch_one(&reads).await.unwrap_err();
            assert!(matches!(StoreError::from(error), StoreError::TimedOut));
            let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM chat").fetch_one(&reads).await.unwrap();
            assert_eq!(count, 0);
        }
    }

    #[tokio::test]
    async fn a_folder_with_special_characters_works() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a b?c#d%20ş");
        std::fs::create_dir(&odd).unwrap();

        let store = Store::open(&Store::sqlite_url(&odd)).await.unwrap();

        assert_eq!(store.state().await, State::Up);
        assert!(odd.join("deskhand.sqlite").exists());
    }
}
