//! Online backup of the SQLite database, verification of the copy, and restore.

use std::{
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
};

use sqlx::{AnyConnection, Connection, Row};

use crate::store::{error::StoreError, migrations};

/// The contents of a verified copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// Chats of all workspaces.
    pub chats: i64,
    /// Events of all chats.
    pub events: i64,
    /// Documents of all workspaces, deleted ones not counted.
    pub documents: i64,
}

/// Copies a snapshot of the database at `url` to `target`, also while it is being written to, and verifies the copy. `target` appears only
/// when it is complete and on disk.
pub async fn back_up(url: &str, target: &Path) -> Result<Contents, StoreError> {
    sqlx::any::install_default_drivers();
    let partial = with_suffix(target, "partial");
    remove(&partial)?;
    // The copy is as private as its source.
    make_private(&partial)?;
    let mut database = AnyConnection::connect(&existing(url)).await?;
    sqlx::query("PRAGMA busy_timeout = 5000").execute(&mut database).await?;
    let result = sqlx::query("VACUUM INTO $1").bind(partial.to_string_lossy().into_owned()).execute(&mut database).await;
    database.close().await?;
    let checked = match result {
        Ok(_) => check(&partial).await,
        Err(error) => Err(error.into()),
    };
    match checked {
        Ok(contents) => {
            rename_durably(&partial, target)?;
            Ok(contents)
        }
        Err(error) => {
            remove(&partial)?;
            Err(error)
        }
    }
}

/// Replaces the database file `database` with a verified copy of `backup`.
pub async fn restore(backup: &Path, database: &Path) -> Result<Contents, StoreError> {
    sqlx::any::install_default_drivers();
    let partial = with_suffix(database, "restoring");
    remove(&partial)?;
    let mut copy = make_private(&partial)?;
    File::open(backup).and_then(|mut backup| io::copy(&mut backup, &mut copy)).map_err(io_failure)?;
    drop(copy);
    let checked = check(&partial).await;
    if checked.is_err() {
        remove(&partial)?;
    }
    let contents = checked?;
    // The WAL of the old database would be replayed onto the new one. It is checkpointed first, so that the old database stays whole until it is
    // replaced.
    if database.exists() {
        // A damaged database can't be kept whole.
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
    rename_durably(&partial, database)?;
    Ok(contents)
}

/// Verifies a copy: it is intact, belongs to this program, and is not of a newer version.
async fn check(file: &Path) -> Result<Contents, StoreError> {
    let mut copy = AnyConnection::connect(&file_url(file)).await?;
    let rows = sqlx::query("PRAGMA integrity_check").fetch_all(&mut copy).await?;
    let verdict: String = rows.first().ok_or_else(|| StoreError::malformed("verdict"))?.try_get(0)?;
    if verdict != "ok" {
        return Err(StoreError::Damaged(file.to_owned()));
    }
    let applied: Vec<(i64, String)> = sqlx::query_as(migrations::APPLIED).fetch_all(&mut copy).await?;
    migrations::check_newer(&migrations::SQLITE, &applied)?;
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

/// The URL that opens a database only if it exists.
fn existing(url: &str) -> String {
    let (file, options) = url.split_once('?').unwrap_or((url, ""));
    let options: Vec<&str> = options.split('&').filter(|option| !option.is_empty() && !option.starts_with("mode=")).collect();
    format!("{file}?{}", [&options[..], &["mode=rw"]].concat().join("&"))
}

fn file_url(file: &Path) -> String {
    let escaped = file.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("sqlite:{escaped}?mode=rw")
}

fn with_suffix(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

fn make_private(file: &Path) -> Result<File, StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(io_failure)
}

/// Renames a file durably: syncs the file, renames it, and syncs the folder.
fn rename_durably(from: &Path, to: &Path) -> Result<(), StoreError> {
    File::open(from).and_then(|file| file.sync_all()).map_err(io_failure)?;
    fs::rename(from, to).map_err(io_failure)?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(io_failure)
}

fn remove(file: &Path) -> Result<(), StoreError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(io_failure(error)),
        _ => Ok(()),
    }
}

fn io_failure(error: io::Error) -> StoreError {
    StoreError::from(sqlx::Error::Io(error))
}
