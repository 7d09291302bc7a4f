//! Partitions of the log on PostgreSQL: `event` is partitioned by range of `chat`, one partition for the chats that began in a month of UTC,
//! such as `event_2026_12`. When the last chat of a past month is erased, its partition is dropped, and its space goes back to the disk at
//! once, without a vacuum. SQLite has one table.
//!
//! - A chat's number tells when it began ([`first_number`](super::first_number)), so a range of numbers is a month, and all events of a chat
//!   are in one partition. Numbers are of now: a past month gets no new chats, and a chat that was erased and begins anew has a new number.
//! - What is in no other partition goes to `event_default`: no append fails because a month was not made.
//! - Each server makes the partitions of this month and of the next two, as it starts and every hour. All of it is right when several servers do it at
//!   once, as they do behind a pooler, where none leads: a change is made in one transaction, under the lock of migrations.
//! - A log without partitions, of a version before or of a new database, becomes the first partition, as it is: see [`conversion`]. Servers of
//!   the version before read and write either.
//! - Nobody waits for long: a change that does not get its lock in [`LOCK_TIMEOUT`] is given up and tried again later.

mod conversion;
mod month;

use std::{collections::BTreeSet, time::Duration};

use futures::{FutureExt, future::BoxFuture};
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Postgres as PgDatabase, Row, Transaction, postgres::PgRow};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use crate::store::{
    Dialect, Store,
    error::{StoreError, unavailable},
    partitions::month::Month,
    postgres::{MIGRATION_LOCK, Postgres},
};

/// How often it is looked which months are there.
const INTERVAL: Duration = Duration::from_secs(3600);
/// How many months are made ahead.
const MONTHS_AHEAD: i32 = 2;
/// How long a start waits for the first look: longer than it takes, unless a large log is converted.
const START_TIMEOUT: Duration = Duration::from_secs(5);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time for one look, with a conversion.
const MAX_LOOK: Duration = Duration::from_secs(2 * 3600);
/// The longest wait for a lock, which is the longest that appends have to wait behind it.
const LOCK_TIMEOUT: Duration = Duration::from_millis(250);
/// The longest statement of a change, without locks that it waits for.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a change that does not get its lock is tried, and how long after the last try.
const TRIES: usize = 20;
const TRY_AGAIN: Duration = Duration::from_millis(250);

/// The partitions, each with its bounds.
const BOUNDS: &str = "SELECT CAST(pg_class.relname AS TEXT), pg_get_expr(pg_class.relpartbound, pg_class.oid) FROM pg_inherits
     JOIN pg_class ON pg_class.oid = pg_inherits.inhrelid WHERE pg_inherits.inhparent = to_regclass('event') ORDER BY 1";
/// Whether the log has partitions.
pub const IS_PARTITIONED: &str = "SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass('event')";

/// Why the log's partitions can't be changed. The log serves on as it is.
#[derive(Debug, thiserror::Error)]
pub enum PartitionError {
    /// The database's user does not own the table.
    #[error("the database's user may not alter the table `event`; run `deskhand migrate` once as the user that owns it")]
    Denied,
    /// Others made views, triggers, policies or publications of the table, which would stay with its first partition.
    #[error(
        "views, triggers, policies or publications depend on the table `event`; drop them, run `deskhand migrate`, and make them again"
    )]
    DependedOn,
    /// Another transaction holds the table, such as that of `pg_dump`.
    #[error("a long transaction holds the table `event`, such as a backup's; it is tried again in an hour, or by `deskhand migrate`")]
    InUse,
    /// The database failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<sqlx::Error> for PartitionError {
    fn from(error: sqlx::Error) -> PartitionError {
        let code = error.as_database_error().and_then(|error| error.code()).unwrap_or_default();
        match &*code {
            "42501" => PartitionError::Denied,
            "55P03" | "57014" => PartitionError::InUse,
            _ => PartitionError::Store(error.into()),
        }
    }
}

/// A partition: the numbers of its chats, from the first until before the end.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Partition {
    name: String,
    start: i64,
    end: i64,
}

impl Partition {
    /// Reads bounds as PostgreSQL writes them; `None` for the default partition.
    fn read(name: String, bounds: &str) -> Option<Partition> {
        let (start, end) = bounds.strip_prefix("FOR VALUES FROM (")?.strip_suffix(')')?.split_once(") TO (")?;
        let number = |text: &str| match text {
            "MINVALUE" => Some(i64::MIN),
            "MAXVALUE" => Some(i64::MAX),
            _ => text.trim_matches('\'').parse().ok(),
        };
        Some(Partition { name, start: number(start)?, end: number(end)? })
    }

    fn overlaps(&self, month: Month) -> bool {
        self.start < month.after(1).first_number() && month.first_number() < self.end
    }
}

/// The months that have no partition, of this month and those after it that are made ahead.
fn missing(partitions: &[Partition], this_month: Month) -> Vec<Month> {
    let months = (0..=MONTHS_AHEAD).map(|after| this_month.after(after));
    months.filter(|month| !partitions.iter().any(|partition| partition.overlaps(*month))).collect()
}

/// Looks after the partitions until the handle is dropped, every hour. Returns after the first look, or after [`START_TIMEOUT`].
pub async fn keep(postgres: Postgres) -> AbortOnDropHandle<()> {
    let (looked, first) = oneshot::channel();
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        let (mut looked, mut unmade) = (Some(looked), BTreeSet::new());
        loop {
            let done = look(&postgres, &mut unmade).await;
            if let Some(looked) = looked.take() {
                // Nobody waits for it any more if it took long.
                let _ = looked.send(());
            }
            if let Err(error) = done {
                tracing::warn!(error = %error, "the log's partitions can't be made; it serves on without");
                if matches!(error, PartitionError::Denied | PartitionError::DependedOn) {
                    return;
                }
            }
            sleep(INTERVAL).await;
        }
    }));
    let _ = timeout(START_TIMEOUT, first).await;
    task
}

/// Converts a log without partitions, however long it takes, and makes the next months.
pub async fn make(url: &str) -> Result<(), PartitionError> {
    look(&Postgres::new(url)?, &mut BTreeSet::new()).await
}

/// `unmade`: the months of which it was told that they stay in the default partition.
async fn look(postgres: &Postgres, unmade: &mut BTreeSet<Month>) -> Result<(), PartitionError> {
    let looked = timeout(MAX_LOOK, async {
        let mut connection = timeout(CONNECT_TIMEOUT, postgres.connect_plain()).await.map_err(|_| unavailable())??;
        if !is_partitioned(&mut connection).await? {
            conversion::convert(&mut connection).await?;
        }
        make_months(&mut connection, Month::of(Timestamp::now()), unmade).await?;
        connection.close().await?;
        Ok(())
    });
    looked.await.unwrap_or(Err(PartitionError::InUse))
}

async fn is_partitioned(connection: &mut PgConnection) -> Result<bool, PartitionError> {
    Ok(sqlx::raw_sql(IS_PARTITIONED).fetch_one(connection).await?.try_get(0)?)
}

async fn make_months(connection: &mut PgConnection, this_month: Month, unmade: &mut BTreeSet<Month>) -> Result<(), PartitionError> {
    let rows = sqlx::raw_sql(BOUNDS).fetch_all(&mut *connection).await?;
    let read = |row: &PgRow| Ok(Partition::read(row.try_get(0)?, &row.try_get::<String, _>(1)?));
    let partitions: Vec<Partition> = rows.iter().map(read).filter_map(Result::transpose).collect::<Result<_, sqlx::Error>>()?;
    for month in missing(&partitions, this_month) {
        let made = until_unlocked(connection, |connection| make_month(connection, month).boxed()).await?;
        if !made && unmade.insert(month) {
            tracing::warn!(month = month.name(), "`event_default` has chats of this month already: the month stays there");
        }
    }
    Ok(())
}

/// Makes a month's partition, unless the default partition has chats of the month.
async fn make_month(connection: &mut PgConnection, month: Month) -> Result<bool, PartitionError> {
    let (start, end) = (month.first_number(), month.after(1).first_number());
    let mut change = begin(connection).await?;
    let is_taken = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM event WHERE chat >= $1 AND chat < $2)").persistent(false);
    if is_taken.bind(start).bind(end).fetch_one(&mut *change).await? {
        return Ok(false);
    }
    let name = month.name();
    // PostgreSQL checks each row of the default partition; that it has none of the month does not spare this.
    let make = format!("CREATE TABLE IF NOT EXISTS event_{name} PARTITION OF event FOR VALUES FROM ({start}) TO ({end})");
    (&mut *change).execute(AssertSqlSafe(make)).await?;
    change.commit().await?;
    Ok(true)
}

/// Begins a change of the log's tables, one at a time. What it makes belongs to the owner of `event`, in its schema.
async fn begin(connection: &mut PgConnection) -> Result<Transaction<'_, PgDatabase>, PartitionError> {
    let mut change = connection.begin().await?;
    let settings = format!(
        "SET LOCAL statement_timeout = {}; SELECT pg_advisory_xact_lock({MIGRATION_LOCK}); SET LOCAL lock_timeout = {};
         SELECT set_config('search_path', quote_ident(nspname), true), set_config('role', pg_get_userbyid(relowner), true)
         FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace WHERE pg_class.oid = to_regclass('event')",
        STATEMENT_TIMEOUT.as_millis(),
        LOCK_TIMEOUT.as_millis()
    );
    sqlx::raw_sql(AssertSqlSafe(settings)).execute(&mut *change).await?;
    Ok(change)
}

/// Makes a change again and again while another transaction holds what it locks, for a limited time.
async fn until_unlocked<T>(
    connection: &mut PgConnection,
    mut change: impl FnMut(&mut PgConnection) -> BoxFuture<'_, Result<T, PartitionError>>,
) -> Result<T, PartitionError> {
    for _ in 1..TRIES {
        match change(connection).await {
            Err(PartitionError::InUse) => sleep(TRY_AGAIN).await,
            done => return done,
        }
    }
    change(connection).await
}

impl Store {
    /// Drops the partitions of past months whose chats are all erased, in all workspaces; returns their names. One that another transaction
    /// holds is left for the next time. Nothing on SQLite.
    pub async fn drop_past_partitions(&self) -> Result<Vec<String>, PartitionError> {
        let mut dropped = Vec::new();
        if self.dialect == Dialect::Sqlite {
            return Ok(dropped);
        }
        let this_month = Month::of(Timestamp::now()).first_number();
        for row in sqlx::query(BOUNDS).fetch_all(&self.reads).await? {
            let partition = Partition::read(row.try_get(0)?, &row.try_get::<String, _>(1)?);
            let Some(partition) = partition.filter(|partition| partition.end <= this_month) else { continue };
            if !has_chats(&self.reads, &partition).await? && self.drop_partition(&partition).await? {
                dropped.push(partition.name);
            }
        }
        Ok(dropped)
    }

    /// Drops a partition, unless it has chats after all: this is asked again while nobody can write to the log. An append whose chat is of
    /// this month and not committed yet either has events there already, and then the lock is not given before it ends; or its events go to
    /// the default partition after this.
    async fn drop_partition(&self, partition: &Partition) -> Result<bool, PartitionError> {
        let mut write = self.begin().await.map_err(PartitionError::Store)?;
        let lock = format!("SET LOCAL lock_timeout = {}", LOCK_TIMEOUT.as_millis());
        sqlx::query(AssertSqlSafe(lock)).persistent(false).execute(&mut *write).await?;
        sqlx::query("LOCK TABLE ONLY event IN ACCESS EXCLUSIVE MODE").execute(&mut *write).await?;
        if has_chats(&mut *write, partition).await? {
            write.roll_back().await.map_err(PartitionError::Store)?;
            return Ok(false);
        }
        let drop = format!("DROP TABLE IF EXISTS {}", partition.name);
        sqlx::query(AssertSqlSafe(drop)).persistent(false).execute(&mut *write).await?;
        write.commit().await.map_err(PartitionError::Store)?;
        Ok(true)
    }
}

/// Whether there is a chat whose events are in a partition, in any workspace.
async fn has_chats<'c>(from: impl Executor<'c, Database = sqlx::Any>, partition: &Partition) -> Result<bool, sqlx::Error> {
    let query =
        sqlx::query_scalar::<_, i64>("SELECT COUNT(*) FROM (SELECT 1 FROM chat WHERE number >= $1 AND number < $2 LIMIT 1) AS there");
    Ok(query.bind(partition.start).bind(partition.end).fetch_one(from).await? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_read_as_postgresql_writes_them() {
        let read = |bounds| Partition::read("p".into(), bounds).map(|Partition { start, end, .. }| (start, end));
        assert_eq!(read("FOR VALUES FROM ('-5') TO ('7600000000000000')"), Some((-5, 7_600_000_000_000_000)));
        assert_eq!(read("FOR VALUES FROM (MINVALUE) TO ('5')"), Some((i64::MIN, 5)));
        assert_eq!(read("FOR VALUES FROM ('5') TO (MAXVALUE)"), Some((5, i64::MAX)));
        assert_eq!(read("DEFAULT"), None);
    }

    #[test]
    fn months_that_no_partition_overlaps_are_missing() {
        let this_month = Month::of("2026-12-01T00:00:00Z".parse().unwrap());
        let names = |partitions: &[Partition]| missing(partitions, this_month).into_iter().map(Month::name).collect::<Vec<_>>();
        assert_eq!(names(&[]), ["2026_12", "2027_01", "2027_02"]);
        let before = Partition { name: "before".into(), start: i64::MIN, end: this_month.after(1).first_number() };
        let last = Partition { name: "last".into(), start: this_month.after(2).first_number(), end: this_month.after(3).first_number() };
        assert_eq!(names(&[before.clone(), last]), ["2027_01"]);
        assert_eq!(names(&[Partition { end: i64::MAX, ..before }]), [""; 0]);
    }
}
