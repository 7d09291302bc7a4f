//! Read-only access to the database: it creates, migrates, writes and cleans up nothing.

use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use sqlx::migrate::Migrator;

use crate::store::{
    ChatNews, Dialect, READ_TIMEOUT, READER_CACHE, READERS, Store,
    error::StoreError,
    migrations,
    pool::{Database, Pool, Reads},
    postgres::Postgres,
    pulse::Pulses,
    signer::Signer,
    sqlite::Sqlite,
};

impl Store {
    /// Opens the database at `url` read-only, also while a server uses it. Fails if it does not exist, or if its schema is of another version.
    pub async fn open_read_only(url: &str) -> Result<Store, StoreError> {
        sqlx::any::install_default_drivers();
        let (database, begin, migrations) = match url.strip_prefix("sqlite:") {
            Some(file) => (Database::Sqlite(Sqlite::read_only(&sqlite_url(file)?, READER_CACHE)?), None, &migrations::SQLITE),
            None => {
                let postgres = Postgres::new(url)?.read_only();
                let begin = postgres.is_pooled().then(|| postgres.begin_read(READ_TIMEOUT));
                (Database::Postgres(postgres), begin, &migrations::POSTGRES)
            }
        };
        let dialect = if matches!(database, Database::Sqlite(_)) { Dialect::Sqlite } else { Dialect::Postgres };
        let pool = Pool::new(database, READERS, READ_TIMEOUT, None);
        let reads = Reads::new(pool.clone(), begin);
        check_schema(&reads, migrations).await?;
        Ok(Store {
            writes: pool,
            reads,
            begin: "".into(),
            dialect,
            wiper: None,
            sqlite: None,
            availability: None,
            upkeep: Vec::new(),
            signer: Signer::unshared(),
            pulses: Pulses::still(),
            chat_news: ChatNews::default(),
            wakes_others: false,
            leaders: None,
            read_only: true,
        })
    }
}

/// The read-only URL of an existing SQLite file. Without a WAL next to it nobody has it open; SQLite would create a WAL even to read, unless
/// the file is opened as immutable.
fn sqlite_url(file: &str) -> Result<String, StoreError> {
    let file = file.split('?').next().unwrap_or_default();
    let path = file.strip_prefix("//").unwrap_or(file);
    let path = PathBuf::from(percent_decode_str(path).decode_utf8_lossy().into_owned());
    if !path.exists() {
        return Err(StoreError::Absent(path));
    }
    let mut log = path.into_os_string();
    log.push("-wal");
    let immutable = if PathBuf::from(log).exists() { "" } else { "&immutable=true" };
    Ok(format!("sqlite:{file}?mode=ro{immutable}"))
}

/// Checks that the schema has what this program's version needs.
async fn check_schema(reads: &Reads, all: &Migrator) -> Result<(), StoreError> {
    // A database without the table was never opened by a server.
    match sqlx::query_as::<_, (i64, String)>(migrations::APPLIED).fetch_all(reads).await {
        Ok(applied) => {
            migrations::check_newer(all, &applied)?;
            let is_applied = |version: i64| applied.iter().any(|(applied, _)| *applied == version);
            if migrations::at_start(all).iter().all(|migration| is_applied(migration.version)) { Ok(()) } else { Err(StoreError::Older) }
        }
        Err(error) if StoreError::is_missing_table(&error) => Err(StoreError::Older),
        Err(error) => Err(Postgres::explained(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path};

    use super::*;

    fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
        let read = files.map(|file| (file.file_name().into_string().unwrap(), fs::read(file.path()).unwrap()));
        read.filter(|(name, _)| !name.ends_with("-shm")).collect()
    }

    #[tokio::test]
    async fn nothing_changes_with_or_without_a_server() {
        let folder = tempfile::tempdir().unwrap();
        let odd = folder.path().join("a b?c#d%20ş");
        fs::create_dir(&odd).unwrap();
        let url = Store::sqlite_url(&odd);
        assert!(matches!(Store::open_read_only(&url).await, Err(StoreError::Absent(_))));
        assert!(files(&odd).is_empty(), "nothing is created");
        let served = Store::open(&url).await.unwrap();
        let mut write = served.begin().await.unwrap();
        sqlx::query("INSERT INTO document_counter (workspace, number) VALUES ('default', 7)").execute(&mut *write).await.unwrap();
        write.commit().await.unwrap();

        for is_served in [true, false] {
            if !is_served {
                served.close().await;
            }
            let before = files(&odd);
            let store = Store::open_read_only(&url).await.unwrap();
            let number: i64 = sqlx::query_scalar("SELECT number FROM document_counter").fetch_one(store.reads()).await.unwrap();
            assert_eq!(number, 7, "what was committed is read");
            assert!(store.begin().await.is_err(), "writes are refused");
            assert!(sqlx::query("DELETE FROM document_counter").execute(store.reads()).await.is_err());
            store.close().await;
            assert!(files(&odd) == before, "served: {is_served}");
        }
    }

    #[tokio::test]
    async fn an_older_schema_is_reported_and_not_migrated() {
        let folder = tempfile::tempdir().unwrap();
        let url = Store::sqlite_url(folder.path());
        let store = Store::open(&url).await.unwrap();
        let mut write = store.begin().await.unwrap();
        sqlx::query("DELETE FROM _sqlx_migrations").execute(&mut *write).await.unwrap();
        write.commit().await.unwrap();
        store.close().await;
        let before = files(folder.path());

        let error = Store::open_read_only(&url).await.err().unwrap();

        assert!(error.to_string().contains("start `deskhand serve` once"), "{error}");
        assert!(files(folder.path()) == before);
    }
}
