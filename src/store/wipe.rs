//! Nothing of what was deleted stays in SQLite's files.
//!
//! `secure_delete` overwrites deleted rows, but not the copies that are left behind when a page that is full is split: they lie in the
//! page's gap, between its cell pointers and its cells (<https://www.sqlite.org/fileformat2.html#b_tree_pages>), which SQLite never
//! reads. And the write-ahead log holds every page as it was. So after something was deleted every gap is overwritten and
//! the log emptied, a few pages in a transaction. A mark that is written with the deletion outlives the process.

use std::time::Duration;

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    store::{
        SQLITE_BEGIN,
        error::StoreError,
        pool::{Pool, Reads},
        session::FOREVER,
        time::nanoseconds,
        wal::empty_log,
        write::Write,
    },
    task,
};

/// Pages read in one statement, and most of them overwritten in one transaction.
const PAGES: i64 = 512;
/// How long a wipe that a reader or the disk kept from its end waits before it is tried again: at first, and at most.
const AGAIN: Duration = Duration::from_millis(20);
const MAX_AGAIN: Duration = Duration::from_secs(2);

/// Asks for wipes, and tells when they are done. Wipes that are asked for while one runs are one.
#[derive(Debug)]
pub struct Wiper {
    asked: watch::Sender<u64>,
    done: watch::Receiver<u64>,
    _task: AbortOnDropHandle<()>,
}

impl Wiper {
    /// Starts the task, which goes on with a wipe that the last process did not end.
    pub fn start(url: String, writes: Pool, reads: Reads) -> Wiper {
        let (asked, to_do) = watch::channel(0);
        let (tell, done) = watch::channel(0);
        let task = task::supervised("wiping what was deleted", move || {
            let (mut to_do, tell) = (to_do.clone(), tell.clone());
            let (url, writes, reads) = (url.clone(), writes.clone(), reads.clone());
            async move {
                loop {
                    let asked = *to_do.borrow_and_update();
                    let mut wait = AGAIN;
                    while let Err(error) = wipe(&url, &writes, &reads).await {
                        tracing::warn!(error = %error, "what was deleted still lies in the database's files; it is tried again");
                        tokio::time::sleep(wait).await;
                        wait = MAX_AGAIN.min(2 * wait);
                    }
                    tell.send_replace(asked);
                    if to_do.changed().await.is_err() {
                        return;
                    }
                }
            }
        });
        Wiper { asked, done, _task: task }
    }

    /// Asks for a wipe of all that was deleted before; what comes back waits for its end.
    pub fn wipe(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut number = 0;
        self.asked.send_modify(|asked| {
            *asked += 1;
            number = *asked;
        });
        let mut done = self.done.clone();
        async move {
            let _ = done.wait_for(|done| *done >= number).await;
        }
    }
}

/// Marks, in the write that deletes something, that a wipe is due: the mark survives the process.
pub async fn mark(write: &mut Write) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO wipe (id, asked_at) VALUES (1, $1) ON CONFLICT (id) DO UPDATE SET asked_at = excluded.asked_at")
        .bind(nanoseconds(Timestamp::now()))
        .execute(&mut **write)
        .await?;
    Ok(())
}

/// Does what is marked, if something is.
async fn wipe(url: &str, writes: &Pool, reads: &Reads) -> Result<(), StoreError> {
    let marked: Option<i64> = sqlx::query_scalar("SELECT asked_at FROM wipe").fetch_optional(reads).await?;
    let Some(marked) = marked else { return Ok(()) };
    if knows_its_pages(reads).await? {
        // The gaps are looked for in the pages as they are now, whether in the log or not.
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(reads).await?;
        let mut first = 1;
        while first <= pages {
            let numbers: Vec<i64> = (first..=pages.min(first + PAGES - 1)).collect();
            let dirty: Vec<i64> = gaps(read_pages(reads, &numbers).await?).into_iter().map(|(number, _)| number).collect();
            if !dirty.is_empty() {
                overwrite(writes, &dirty).await?;
            }
            first += PAGES;
        }
    } else {
        // A SQLite that was built without the table of its pages writes everything anew.
        let mut writer = writes.acquire().await?;
        writer.set_limit(FOREVER);
        sqlx::query("VACUUM").execute(&mut *writer).await?;
    }
    let mut wait = AGAIN;
    while !empty_log(url).await? {
        tokio::time::sleep(wait).await;
        wait = MAX_AGAIN.min(2 * wait);
    }
    // Last, so that a process that ends before leaves the mark. What was deleted meanwhile has a mark of its own.
    sqlx::query("DELETE FROM wipe WHERE asked_at = $1").bind(marked).execute(&mut *writes.acquire().await?).await?;
    Ok(())
}

/// Whether this SQLite was built with the table of its own pages.
pub async fn knows_its_pages(reads: &Reads) -> Result<bool, StoreError> {
    let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pragma_module_list WHERE name = 'sqlite_dbpage'").fetch_one(reads).await?;
    Ok(known > 0)
}

/// Reads pages by their numbers: the table of pages finds only single ones.
async fn read_pages<'c>(from: impl sqlx::Executor<'c, Database = sqlx::Any>, numbers: &[i64]) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    // The numbers are ours.
    let wanted: Vec<String> = numbers.iter().map(|number| format!("({number})")).collect();
    let statement =
        format!("SELECT pgno, data FROM (VALUES {}) AS wanted CROSS JOIN sqlite_dbpage ON pgno = wanted.column1", wanted.join(","));
    let rows = sqlx::query(AssertSqlSafe(statement)).persistent(false).fetch_all(from).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Reads the pages again, now that nobody else writes, and overwrites their gaps.
async fn overwrite(writes: &Pool, numbers: &[i64]) -> Result<(), StoreError> {
    let mut write = Write::begin(writes.acquire().await?, SQLITE_BEGIN).await?;
    let pages = read_pages(&mut *write, numbers).await?;
    for (number, page) in gaps(pages) {
        sqlx::query("UPDATE sqlite_dbpage SET data = $1 WHERE pgno = $2").bind(page).bind(number).execute(&mut *write).await?;
    }
    write.commit().await
}

/// Of the pages, those whose gap held something, with nothing in it.
fn gaps(pages: Vec<(i64, Vec<u8>)>) -> Vec<(i64, Vec<u8>)> {
    let cleared = pages.into_iter().filter_map(|(number, mut page)| {
        let gap = gap(number, &page)?;
        let held = page.get_mut(gap).filter(|gap| gap.iter().any(|byte| *byte != 0))?;
        held.fill(0);
        Some((number, page))
    });
    cleared.collect()
}

/// Where a page's gap is; only pages of tables and indexes have one.
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
    // Nothing stands for 65,536.
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
