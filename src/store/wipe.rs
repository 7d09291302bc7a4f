//! Nothing of what was deleted stays in SQLite's files.
//!
//! `secure_delete` overwrites deleted rows, but not the copies that are left behind when a page that is full is split: they lie in the
//! page's gap, between its cell pointers and its cells (<https://www.sqlite.org/fileformat2.html#b_tree_pages>), which SQLite never
//! reads. And the write-ahead log holds every page as it was. So after something was deleted the log is emptied and every gap
//! overwritten, a few pages in a transaction.

use std::time::Duration;

use sqlx::{AnyPool, AssertSqlSafe, Row};
use tokio::{sync::watch, time::timeout};
use tokio_util::task::AbortOnDropHandle;

use super::{SQLITE_BEGIN, StoreError, Write};

/// Pages read in one statement, and most of them overwritten in one transaction.
const PAGES: i64 = 512;
/// How long a wipe that a reader or the disk kept from its end waits before it is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Asks for wipes, and tells when they are done. Wipes that are asked for while one runs are one.
#[derive(Debug)]
pub struct Wiper {
    asked: watch::Sender<u64>,
    done: watch::Receiver<u64>,
    _task: AbortOnDropHandle<()>,
}

impl Wiper {
    pub fn start(writes: AnyPool, reads: AnyPool) -> Wiper {
        let (asked, mut to_do) = watch::channel(0);
        let (tell, done) = watch::channel(0);
        let task = tokio::spawn(async move {
            while to_do.changed().await.is_ok() {
                let asked = *to_do.borrow_and_update();
                while let Err(error) = wipe(&writes, &reads).await {
                    tracing::warn!(error = %error, "what was deleted still lies in the database's files; it is tried again");
                    // Asked again or not, it is tried again.
                    let _ = timeout(AGAIN, to_do.changed()).await;
                }
                tell.send_replace(asked);
            }
        });
        Wiper { asked, done, _task: AbortOnDropHandle::new(task) }
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

async fn wipe(writes: &AnyPool, reads: &AnyPool) -> Result<(), StoreError> {
    let known: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM pragma_module_list WHERE name = 'sqlite_dbpage'").fetch_one(reads).await?;
    if known == 0 {
        // A SQLite that was built without it writes everything anew.
        sqlx::query("VACUUM").execute(writes).await?;
        return empty_log(writes).await;
    }
    // The gaps are looked for in the pages as they are now, whether in the log or not.
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(writes).await?;
    let mut first = 1;
    while first <= pages {
        let last = first + PAGES - 1;
        if !gaps(read_pages(reads, first, last).await?).is_empty() {
            overwrite(writes, first, last).await?;
        }
        first = last + 1;
    }
    empty_log(writes).await
}

/// Empties the log into the database. A reader that still needs it keeps it from that.
async fn empty_log(writes: &AnyPool) -> Result<(), StoreError> {
    let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(writes).await?;
    if busy == 0 { Ok(()) } else { Err(StoreError::Busy) }
}

async fn read_pages<'c>(
    from: impl sqlx::Executor<'c, Database = sqlx::Any>,
    first: i64,
    last: i64,
) -> Result<Vec<(i64, Vec<u8>)>, StoreError> {
    let statement = format!("SELECT pgno, data FROM sqlite_dbpage WHERE pgno BETWEEN {first} AND {last}");
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(from).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Reads the pages again, now that nobody else writes, and overwrites their gaps.
async fn overwrite(writes: &AnyPool, first: i64, last: i64) -> Result<(), StoreError> {
    let mut write = Write::begin(writes.acquire().await?, SQLITE_BEGIN).await?;
    let pages = read_pages(&mut *write, first, last).await?;
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
