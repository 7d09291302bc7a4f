//! Copies of the SQLite database: made while it serves, checked, and put back.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use sqlx::{AnyConnection, Connection, Row};

use crate::store::{SQLITE_MIGRATIONS, error::StoreError};

/// What a checked copy holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    pub chats: i64,
    pub events: i64,
    pub documents: i64,
}

/// Copies the database at `url` to `target` as it is at this moment, also while it is being written to, and checks the copy. Nothing
/// stands at `target` before it is whole and on disk.
pub async fn back_up(url: &str, target: &Path) -> Result<Contents, StoreError> {
    sqlx::any::install_default_drivers();
    let partial = for_workspace(target, "partial");
    remove(&partial)?;
    // The copy is as private as what it is made of.
    make_private(&partial)?;
    let mut database = AnyConnection::connect(&existing(url)).await?;
    sqlx::query("PRAGMA busy_timeout = 5000").execute(&mut database).await?;
    let copied = sqlx::query("VACUUM INTO $1").bind(partial.to_string_lossy().into_owned()).execute(&mut database).await;
    database.close().await?;
    let checked = match copied {
        Ok(_) => check(&partial).await,
        Err(error) => Err(error.into()),
    };
    match checked {
        Ok(contents) => {
            put(&partial, target)?;
            Ok(contents)
        }
        Err(error) => {
            remove(&partial)?;
            Err(error)
        }
    }
}

/// Puts a checked copy of `backup` in the place of the database file `database`. What stood there is gone afterwards.
pub async fn restore(backup: &Path, database: &Path) -> Result<Contents, StoreError> {
    sqlx::any::install_default_drivers();
    let partial = for_workspace(database, "restoring");
    remove(&partial)?;
    let mut copy = make_private(&partial)?;
    File::open(backup).and_then(|mut backup| io::copy(&mut backup, &mut copy)).map_err(broken)?;
    drop(copy);
    let checked = check(&partial).await;
    if checked.is_err() {
        remove(&partial)?;
    }
    let contents = checked?;
    // A log of the database before would be played onto this one; it is emptied into that one, which is then whole until it is replaced.
    if database.exists() {
        // One that is damaged is not whole anyway.
        if let Ok(mut before) = AnyConnection::connect(&file_url(database)).await {
            let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut before).await;
            let _ = before.close().await;
        }
        for ending in ["-wal", "-shm"] {
            let mut name = database.as_os_str().to_owned();
            name.push(ending);
            remove(Path::new(&name))?;
        }
    }
    put(&partial, database)?;
    Ok(contents)
}

/// Checks a copy: it is whole, of this program, and not of a newer version.
async fn check(file: &Path) -> Result<Contents, StoreError> {
    let mut copy = AnyConnection::connect(&file_url(file)).await?;
    let rows = sqlx::query("PRAGMA integrity_check").fetch_all(&mut copy).await?;
    let verdict: String = rows.first().ok_or_else(|| StoreError::malformed("verdict"))?.try_get(0)?;
    if verdict != "ok" {
        return Err(StoreError::Damaged(file.to_owned()));
    }
    let newest: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(version), 0) FROM _sqlx_migrations").fetch_one(&mut copy).await?;
    if SQLITE_MIGRATIONS.iter().all(|migration| migration.version < newest) {
        return Err(StoreError::Newer(newest));
    }
    let count = async |copy: &mut AnyConnection, table: &'static str| {
        let statement = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        sqlx::query_scalar::<_, i64>(statement).fetch_one(copy).await
    };
    let contents = Contents {
        chats: count(&mut copy, "chat").await?,
        events: count(&mut copy, "event").await?,
        documents: count(&mut copy, "document WHERE deleted = 0").await?,
    };
    copy.close().await?;
    Ok(contents)
}

/// The URL of a database that must be there already.
fn existing(url: &str) -> String {
    let (file, options) = url.split_once('?').unwrap_or((url, ""));
    let options: Vec<&str> = options.split('&').filter(|option| !option.is_empty() && !option.starts_with("mode=")).collect();
    format!("{file}?{}", [&options[..], &["mode=rw"]].concat().join("&"))
}

fn file_url(file: &Path) -> String {
    let escaped = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("sqlite:{escaped}?mode=rw")
}

fn for_workspace(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn make_private(file: &Path) -> Result<File, StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(broken)
}

/// Moves a file to its place, and waits until that is on disk.
fn put(from: &Path, to: &Path) -> Result<(), StoreError> {
    File::open(from).and_then(|file| file.sync_all()).map_err(broken)?;
    fs::rename(from, to).map_err(broken)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(broken)
}

fn remove(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(broken(error)),
        _ => Ok(()),
    }
}

fn broken(error: io::Error) -> StoreError {
    StoreError::from(sqlx::Error::Io(error))
}
