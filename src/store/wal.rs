//! Truncates SQLite's write-ahead log (WAL) when it has grown large. The WAL grows while a reader needs an older state, and SQLite does not
//! shrink the file afterwards.

use std::{fs, path::PathBuf, str::FromStr, time::Duration};

use sqlx::{ConnectOptions, Connection, Executor, Row, sqlite::SqliteConnectOptions};
use tokio::time::interval;
use tokio_util::task::AbortOnDropHandle;

use crate::store::error::StoreError;

/// A WAL larger than this is truncated, in bytes. SQLite itself restarts it at about 16 MiB, if no reader is in the way.
const MAX_WAL_BYTES: u64 = 32 << 20;
/// How often the length is checked.
const CHECK_INTERVAL: Duration = Duration::from_secs(5);

/// Keeps the WAL short until the handle is dropped.
pub fn keep_truncated(url: String, log: PathBuf) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let mut ticks = interval(CHECK_INTERVAL);
        loop {
            ticks.tick().await;
            if fs::metadata(&log).is_ok_and(|log| log.len() > MAX_WAL_BYTES) {
                // A blocking reader, or another failure, may be gone at the next check.
                if let Err(error) = empty_log(&url).await {
                    tracing::debug!(error = %error, "can't truncate the write-ahead log");
                }
            }
        }
    }))
}

/// Checkpoints the WAL into the database and truncates it. Returns false if a reader or writer prevented that. It does not wait for them, so
/// that no append waits for it.
pub async fn empty_log(url: &str) -> Result<bool, StoreError> {
    let mut connection = SqliteConnectOptions::from_str(url)?.connect().await?;
    connection.execute("PRAGMA busy_timeout = 0").await?;
    // The passive checkpoint does most of the work while others write; the rest takes the write lock for a moment.
    let emptied = async {
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").await?;
        connection.fetch_one("PRAGMA wal_checkpoint(TRUNCATE)").await?.try_get::<i64, _>(0)
    };
    let busy = emptied.await.map_err(StoreError::from);
    connection.close().await?;
    match busy {
        Ok(busy) => Ok(busy == 0),
        Err(StoreError::Busy) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn the_log_is_truncated_after_a_long_reader_has_left() {
        let folder = tempfile::tempdir().unwrap();
        let url = Store::sqlite_url(folder.path());
        let store = Store::open(&url).await.unwrap();
        let mut reader = SqliteConnectOptions::from_str(&url).unwrap().connect().await.unwrap();
        reader.execute("BEGIN").await.unwrap();
        reader.fetch_all("SELECT * FROM chat").await.unwrap();
        for id in 0..40 {
            let mut write = store.begin().await.unwrap();
            sqlx::query("INSERT INTO draft (workspace, draft_id, chat_id, sources, kind, language, sketch, at) VALUES ('w', $1, 'c', $2, 0, '', '', 0)")
                .bind(id.to_string())
                .bind("x".repeat(1 << 20))
                .execute(&mut *write)
                .await
                .unwrap();
            write.commit().await.unwrap();
        }
        let log = folder.path().join("deskhand.sqlite-wal");
        let length = || fs::metadata(&log).unwrap().len();
        assert!(length() > MAX_WAL_BYTES, "{}", length());
        reader.close().await.unwrap();

        let until = tokio::time::Instant::now() + Duration::from_secs(60);
        while length() > 0 {
            assert!(tokio::time::Instant::now() < until, "the WAL is still {} bytes long", length());
            tokio::task::yield_now().await;
        }
        store.close().await;
    }
}
