//! Inspects a SQLite database before anything is written to it: refuses one that is damaged, emptied or of a newer version.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::Path,
    time::Duration,
};

use sqlx::{ConnectOptions, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio_util::task::AbortOnDropHandle;

use crate::store::{
    error::StoreError,
    migrations,
    session::NO_TIMEOUT,
    sqlite::{Sqlite, files},
};

/// Files next to a database that show that it existed before: the search index and the log of erasures.
const REMAINS: [&str; 2] = ["index", "erasures"];
/// Length of the database header: <https://www.sqlite.org/fileformat2.html#the_database_header>.
const HEADER: usize = 100;

/// Refuses a database that must not be written to.
pub async fn inspect(sqlite: &Sqlite) -> Result<(), StoreError> {
    let file = sqlite.file();
    let mut header = Vec::new();
    match File::open(&file) {
        Ok(opened) => {
            opened.take(HEADER as u64).read_to_end(&mut header).map_err(|error| StoreError::Broken(error.into()))?;
        }
        // SQLite creates it, or reports why it can't.
        Err(_) => return Ok(()),
    }
    if header.is_empty() {
        let [_, log, _] = files(&file);
        let remains = fs::metadata(log).is_ok_and(|log| log.len() > 0)
            || REMAINS.iter().any(|name| file.parent().is_some_and(|folder| folder.join(name).exists()));
        return if remains { Err(StoreError::Emptied(file)) } else { Ok(()) };
    }
    if let Some(problem) = header_problem(&header) {
        return Err(StoreError::Corrupt(file, problem.to_owned()));
    }
    let checked = async {
        let mut database = sqlite.connect_read_only().await?;
        let checked = check_schema(&mut database, &file).await;
        database.close().await?;
        checked
    };
    match checked.await {
        Err(StoreError::Failed(sqlx::Error::Database(error))) => Err(StoreError::Corrupt(file, error.message().to_owned())),
        checked => checked,
    }
}

/// What is wrong with the header, if it is not that of our databases.
fn header_problem(header: &[u8]) -> Option<&'static str> {
    let Some((header, [])) = header.split_first_chunk::<HEADER>() else { return Some("it is truncated") };
    let number = |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let page_size = u16::from_be_bytes([header[16], header[17]]);
    let fits = header.starts_with(b"SQLite format 3\0")
        && (page_size == 1 || (page_size >= 512 && page_size.is_power_of_two()))
        && header[18..20].iter().all(|version| (1..=2).contains(version))
        && header[20..24] == [0, 64, 32, 32]
        && (1..=4).contains(&number(44))
        && number(52) == 0
        && number(56) == 1
        && number(64) == 0
        && header[72..92].iter().all(|byte| *byte == 0);
    if fits { None } else { Some("its header is invalid") }
}

/// Compares the tables and indexes with those that the applied migrations create.
async fn check_schema(database: &mut SqliteConnection, file: &Path) -> Result<(), StoreError> {
    let found = schema(database).await?;
    if found.is_empty() {
        // A first start was interrupted before it created anything.
        return Ok(());
    }
    if !found.contains_key("_sqlx_migrations") {
        return Err(StoreError::Corrupt(file.to_owned(), "its table of migrations is missing".to_owned()));
    }
    let applied: Vec<(i64, String)> = sqlx::query_as(migrations::APPLIED).fetch_all(&mut *database).await?;
    migrations::check_newer(&migrations::SQLITE, &applied)?;
    let ours = |version: i64| migrations::SQLITE.iter().any(|migration| migration.version == version);
    if applied.iter().any(|(version, _)| !ours(*version)) {
        // A newer version added to it what this one does not know.
        return Ok(());
    }
    let mut reference = SqliteConnectOptions::new().in_memory(true).connect().await?;
    for migration in migrations::SQLITE.iter().filter(|migration| applied.iter().any(|(version, _)| *version == migration.version)) {
        sqlx::raw_sql(migration.sql.clone()).execute(&mut reference).await?;
    }
    let expected = schema(&mut reference).await?;
    reference.close().await?;
    match expected.into_iter().find(|(name, sql)| found.get(name) != Some(sql)) {
        Some((name, _)) => Err(StoreError::Corrupt(file.to_owned(), format!("its schema of `{name}` was changed"))),
        None => Ok(()),
    }
}

async fn schema(database: &mut SqliteConnection) -> Result<BTreeMap<String, String>, StoreError> {
    let statement = "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
    let rows: Vec<(String, String)> = sqlx::query_as(statement).fetch_all(database).await?;
    Ok(rows.into_iter().collect())
}

/// Checks every page in the background, which may take minutes, and logs the result. The check ends when its handle is dropped.
pub fn check_pages(sqlite: Sqlite) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let file = sqlite.file();
        match quick_check(&sqlite, NO_TIMEOUT).await {
            Ok(None) => tracing::info!(file = %file.display(), "database check passed"),
            // It names a page or index, never its content.
            Ok(Some(problem)) => tracing::error!(
                file = %file.display(),
                problem,
                "the database is damaged: stop the server, keep a copy of the data folder, and restore a backup with `deskhand restore FILE --replace`"
            ),
            Err(error) => tracing::warn!(file = %file.display(), error = %error, "database check failed to run"),
        }
    }))
}

/// The first problem of the database's pages.
async fn quick_check(sqlite: &Sqlite, limit: Duration) -> Result<Option<String>, StoreError> {
    let mut session = sqlite.interruptible(sqlite.connect_read_only().await?, limit).await?;
    let verdict = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut session).await;
    session.close().await;
    match verdict.map_err(StoreError::from) {
        Ok(verdict) => Ok(Some(verdict).filter(|verdict: &String| verdict != "ok")),
        // With bad damage the check itself fails.
        Err(StoreError::Failed(sqlx::Error::Database(error))) => Ok(Some(error.message().to_owned())),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    /// A closed, migrated database.
    async fn database() -> (tempfile::TempDir, std::path::PathBuf, String) {
        let folder = tempfile::tempdir().unwrap();
        let url = Store::sqlite_url(folder.path());
        Store::open(&url).await.unwrap().close().await;
        let file = Store::sqlite_file(folder.path());
        (folder, file, url)
    }

    async fn open(url: &str) -> Result<(), StoreError> {
        Store::open(url).await.map(drop)
    }

    fn write(file: &Path, at: usize, byte: u8) -> std::io::Result<()> {
        let mut bytes = fs::read(file)?;
        bytes[at] ^= byte;
        fs::write(file, bytes)
    }

    #[tokio::test]
    async fn a_flipped_bit_in_the_header_is_refused_and_nothing_is_written() {
        let (_folder, file, url) = database().await;
        let whole = fs::read(&file).unwrap();
        // The fields that determine how the rest is read.
        for at in (0..24).chain([44, 47, 52, 56, 59, 64, 72, 91]) {
            write(&file, at, 0x40).unwrap();
            let damaged = fs::read(&file).unwrap();
            let error = open(&url).await.unwrap_err();
            assert!(matches!(error, StoreError::Corrupt(..)), "byte {at}: {error:?}");
            assert!(error.to_string().contains("deskhand restore"), "{error}");
            assert!(fs::read(&file).unwrap() == damaged, "byte {at}: a damaged database was written to");
            fs::write(&file, &whole).unwrap();
        }
        for length in [1, 15, 16, 99, 100, 512, 4000] {
            fs::write(&file, &whole[..length]).unwrap();
            let error = open(&url).await.unwrap_err();
            assert!(matches!(error, StoreError::Corrupt(..)), "{length} bytes: {error:?}");
        }
        fs::write(&file, &whole).unwrap();
        open(&url).await.unwrap();
    }

    #[tokio::test]
    async fn a_flipped_bit_in_the_schema_is_refused() {
        let (_folder, file, url) = database().await;
        let whole = fs::read(&file).unwrap();
        let text = b"customer_id TEXT NOT NULL";
        let mut refused = 0;
        for at in (0..whole.len() - text.len()).filter(|at| whole[*at..].starts_with(text)) {
            write(&file, at + 3, 1).unwrap();
            match open(&url).await {
                Err(StoreError::Corrupt(..)) => refused += 1,
                Err(other) => panic!("{other:?}"),
                // Remains of tables that a migration dropped.
                Ok(()) => {}
            }
            fs::write(&file, &whole).unwrap();
        }
        assert!(refused >= 2, "`chat` and `chat_customer` have it");
    }

    #[tokio::test]
    async fn an_emptied_database_does_not_count_as_new() {
        for remains in REMAINS {
            let (folder, file, url) = database().await;
            fs::write(folder.path().join(remains), "x").unwrap();
            fs::write(&file, "").unwrap();
            let error = open(&url).await.unwrap_err();
            assert!(matches!(error, StoreError::Emptied(_)), "{error:?}");
            assert_eq!(fs::metadata(&file).unwrap().len(), 0);
            // A database that does not exist is created.
            fs::remove_file(&file).unwrap();
            open(&url).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_backup_replaces_a_damaged_database() {
        let (folder, file, url) = database().await;
        let backup = folder.path().join("backup");
        crate::store::backup::back_up(&url, &backup).await.unwrap();
        for damaged in [Vec::new(), b"not a database".repeat(1000)] {
            fs::write(&file, damaged).unwrap();
            crate::store::backup::restore(&backup, &file).await.unwrap();
            open(&url).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_damaged_page_is_found() {
        let (_folder, file, url) = database().await;
        let sqlite = Sqlite::new(&url, "PRAGMA cache_size = -100").unwrap();
        assert_eq!(quick_check(&sqlite, NO_TIMEOUT).await.unwrap(), None);
        let mut bytes = fs::read(&file).unwrap();
        let last = bytes.len() - 4096;
        bytes[last..last + 8].fill(0x55);
        fs::write(&file, bytes).unwrap();
        assert!(quick_check(&sqlite, NO_TIMEOUT).await.unwrap().is_some());
    }
}
