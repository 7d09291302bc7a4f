//! Wipes deleted data from SQLite's files: rows, page slack and the WAL.
//!
//! `secure_delete` overwrites deleted rows, but not the copies left behind when a full page is split: they are in the page's slack (gap)
//! between its cell pointers and its cells (<https://www.sqlite.org/fileformat2.html#b_tree_pages>), which SQLite never
//! reads. And the write-ahead log has earlier versions of pages. So after a deletion every gap is overwritten, a few pages per transaction,
//! and the WAL is truncated. A mark that is written with the deletion survives the process.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    store::{
        Dialect, SQLITE_BEGIN,
        error::StoreError,
        pool::{Pool, Reads},
        session::NO_TIMEOUT,
        time::nanoseconds,
        wal::empty_log,
        write::Write,
    },
    task,
};

/// Pages that are read in one statement, and overwritten in one transaction at most.
const PAGE_BATCH: i64 = 512;
/// Backoff of a wipe that a reader or the disk prevented: first and longest wait.
const FIRST_RETRY_WAIT: Duration = Duration::from_millis(20);
const MAX_RETRY_WAIT: Duration = Duration::from_secs(2);

/// Runs wipes on request. Requests that arrive while one runs are combined.
#[derive(Debug)]
pub struct Wiper {
    requested: watch::Sender<u64>,
    done: watch::Receiver<u64>,
    _task: AbortOnDropHandle<()>,
}

impl Wiper {
    /// Starts the task. It first resumes a wipe that the last process did not finish.
    pub fn start(url: String, writes: Pool, reads: Reads) -> Wiper {
        let (requested, requests) = watch::channel(0);
        let (finished, done) = watch::channel(0);
        let task = task::supervised("wiping deleted data", move || {
            let (mut requests, finished) = (requests.clone(), finished.clone());
            let (url, writes, reads) = (url.clone(), writes.clone(), reads.clone());
            async move {
                loop {
                    let number = *requests.borrow_and_update();
                    let mut wait = FIRST_RETRY_WAIT;
                    while let Err(error) = wipe(&url, &writes, &reads).await {
                        tracing::warn!(error = %error, "wipe failed: deleted data is still in the database's files; retrying");
                        tokio::time::sleep(wait).await;
                        wait = MAX_RETRY_WAIT.min(2 * wait);
                    }
                    finished.send_replace(number);
                    if requests.changed().await.is_err() {
                        return;
                    }
                }
            }
        });
        Wiper { requested, done, _task: task }
    }

    /// Returns whether a requested wipe is not done yet.
    pub fn is_wiping(&self) -> bool {
        *self.done.borrow() < *self.requested.borrow()
    }

    /// Requests a wipe of everything deleted before. The returned future waits for its end.
    pub fn wipe(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut number = 0;
        self.requested.send_modify(|requested| {
            *requested += 1;
            number = *requested;
        });
        let mut done = self.done.clone();
        async move {
            let _ = done.wait_for(|done| *done >= number).await;
        }
    }
}

/// Marks, in the write that deletes data, that a wipe is due. The mark survives the process.
pub async fn mark(write: &mut Write) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO wipe (id, asked_at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET asked_at = excluded.asked_at")
        .bind(nanoseconds(Timestamp::now()))
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Does the wipe if one is marked.
async fn wipe(url: &str, writes: &Pool, reads: &Reads) -> Result<(), StoreError> {
    let marked: Option<i64> = sqlx::query_scalar("SELECT asked_at FROM wipe").fetch_optional(reads).await?;
    let Some(marked) = marked else { return Ok(()) };
    if has_page_table(reads).await? {
        // This reads the current version of each page, whether it is in the WAL or in the database file.
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(reads).await?;
        let mut first = 1;
        while first <= pages {
            let numbers: Vec<i64> = (first..=pages.min(first + PAGE_BATCH - 1)).collect();
            let dirty: Vec<i64> = gaps(read_pages(reads, &numbers).await?).into_iter().map(|(number, _)| number).collect();
            if !dirty.is_empty() {
                overwrite(writes, &dirty).await?;
            }
            first += PAGE_BATCH;
        }
    } else {
        // Without the page table everything is rewritten.
        let mut writer = writes.acquire().await?;
        writer.set_timeout(NO_TIMEOUT);
        sqlx::query("VACUUM").execute(&mut *writer).await?;
    }
    let mut wait = FIRST_RETRY_WAIT;
    while !empty_log(url).await? {
        tokio::time::sleep(wait).await;
        wait = MAX_RETRY_WAIT.min(2 * wait);
    }
    // Last, so that the mark stays if the process ends before. Deletions in the meantime have a newer mark.
    sqlx::query("DELETE FROM wipe WHERE asked_at = $1").bind(marked).execute(&mut *writes.acquire().await?).await?;
    Ok(())
}

/// Whether this SQLite was built with the page table `sqlite_dbpage`.
pub async fn has_page_table(reads: &Reads) -> Result<bool, StoreError> {
    let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pragma_module_list WHERE name = 'sqlite_dbpage'").fetch_one(reads).await?;
    Ok(known > 0)
}

/// Reads pages by their numbers. `sqlite_dbpage` supports only look-ups of single pages, hence the join.
async fn read_pages<'c>(from: impl sqlx::Executor<'c, Database = sqlx::Any>, numbers: &[i64]) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    // The numbers are not user input.
    let wanted: Vec<String> = numbers.iter().map(|number| format!("({number})")).collect();
    let statement =
        format!("SELECT pgno, data FROM (VALUES {}) AS wanted CROSS JOIN sqlite_dbpage ON pgno = wanted.column1", wanted.join(","));
    let rows = sqlx::query(AssertSqlSafe(statement)).persistent(false).fetch_all(from).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Reads the pages again under the write lock, and overwrites their gaps.
async fn overwrite(writes: &Pool, numbers: &[i64]) -> Result<(), StoreError> {
    let mut write = Write::begin(writes.acquire().await?, SQLITE_BEGIN, Dialect::Sqlite, false).await?;
    let pages = read_pages(&mut *write, numbers).await?;
    for (number, page) in gaps(pages) {
        sqlx::query("UPDATE sqlite_dbpage SET data = $1 WHERE pgno = $2").bind(page).bind(number).execute(&mut *write).await?;
    }
    write.commit().await
}

/// The pages whose gap had data, with the gap zeroed.
fn gaps(pages: Vec<(i64, Vec<u8>)>) -> Vec<(i64, Vec<u8>)> {
    let cleared = pages.into_iter().filter_map(|(number, mut page)| {
        let gap = gap(number, &page)?;
        let held = page.get_mut(gap).filter(|gap| gap.iter().any(|byte| *byte != 0))?;
        held.fill(0);
        Some((number, page))
    });
    cleared.collect()
}

/// The range of a page's gap; only b-tree pages (tables and indexes) have one.
fn gap(number: i64, page: &[u8]) -> Option<std::ops::Range<usize>> {
    // The first page begins with the file's header of 100 bytes.
    let head = if number == 1 { 100 } else { 0 };
    let head_length = match page.get(head)? {
        2 | 5 => 12,
        10 | 13 => 8,
        _ => return None,
    };
    let two_bytes = |at: usize| Some(usize::from(u16::from_be_bytes([*page.get(at)?, *page.get(at + 1)?])));
    let start = head + head_length + 2 * two_bytes(head + 3)?;
    // Zero means 65,536.
    let end = match two_bytes(head + 5)? {
        0 => 65_536,
        end => end,
    };
    (start <= end && end <= page.len()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_lies_between_pointers_and_cells() {
        let mut page = vec![7_u8; 64];
        page[..8].copy_from_slice(&[13, 0, 0, 0, 2, 0, 40, 0]);
        assert_eq!(gap(2, &page), Some(12..40));
        let cleared = gaps(vec![(2, page)]);
        assert!(cleared[0].1[12..40].iter().all(|byte| *byte == 0) && cleared[0].1[40..].iter().all(|byte| *byte == 7));
        assert_eq!(gaps(cleared), []);
        assert_eq!(gap(3, &[7; 64]), None, "an overflow page has none");
        assert_eq!(gap(3, &[13, 0, 0, 255, 255, 0, 1]), None);
    }
}
