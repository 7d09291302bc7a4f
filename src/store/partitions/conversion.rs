//! Makes a log without partitions the first partition of one that has them, while it is read and written.
//!
//! The table stays where it is, and is renamed: `event_before_2027_02` holds the chats that began before that month. For that PostgreSQL needs
//! proof that it has no others, and reads the whole table under a lock that stops all, unless a CHECK proves it. So first a CHECK is added, which
//! reads nothing; then it is validated, which reads the table beside all others; then the tables are exchanged, in a few milliseconds.
//! Statements that servers have prepared are planned anew for the table that has the name then.
//!
//! Until the tables are exchanged the CHECK would refuse chats of the month that it names. It names the month after the next, so that weeks are
//! left; it is taken away if the exchange fails, and a server that ended before has it taken away or used by the next look of any server.

use std::time::Duration;

use futures::FutureExt;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Executor, PgConnection, Row};

use crate::store::{
    error::StoreError,
    partitions::{MONTHS_AHEAD, PartitionError, begin, is_partitioned, month::Month, until_unlocked},
};

/// The longest time that the table is read for.
const VALIDATION_TIMEOUT: Duration = Duration::from_secs(3600);

/// What the partition and its CHECK are called before the name of the month.
const PREFIX: &str = "event_before_";
/// The CHECKs of the log that a conversion added.
const CHECKS: &str = "SELECT CAST(conname AS TEXT), convalidated FROM pg_constraint WHERE conrelid = to_regclass('event') AND starts_with(conname, 'event_before_')";
/// Whether something refers to the table itself, and would go on to refer to it as a partition.
const IS_DEPENDED_ON: &str = "SELECT relrowsecurity
       OR EXISTS (SELECT 1 FROM pg_depend WHERE refobjid = pg_class.oid AND classid = CAST('pg_rewrite' AS REGCLASS))
       OR EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = pg_class.oid AND NOT tgisinternal)
       OR EXISTS (SELECT 1 FROM pg_publication_rel WHERE prrelid = pg_class.oid)
     FROM pg_class WHERE oid = to_regclass('event')";
/// The indexes, each with the statement that makes the same of the new table.
const INDEXES: &str = "SELECT CAST(relname AS TEXT), CASE WHEN conname IS NULL THEN pg_get_indexdef(indexrelid)
         ELSE format('ALTER TABLE event ADD CONSTRAINT %I %s', conname, pg_get_constraintdef(pg_constraint.oid)) END
     FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
     LEFT JOIN pg_constraint ON conindid = indexrelid AND contype IN ('p', 'u')
     WHERE indrelid = to_regclass('event') AND indisvalid";
/// The statements that let others do with the new table what they may do with the old one.
const GRANTS: &str = "SELECT format('GRANT %s ON event TO %s%s', privilege_type,
         CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
         CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
     FROM pg_class CROSS JOIN LATERAL aclexplode(relacl) WHERE oid = to_regclass('event') AND grantee <> relowner";

/// The first partition to be.
#[derive(Clone)]
struct Before {
    /// Of the partition and of the CHECK.
    name: String,
    /// The first number that is not in it.
    end: i64,
}

/// Converts the log, unless another server does it first.
pub async fn convert(connection: &mut PgConnection) -> Result<(), PartitionError> {
    let converted = try_convert(connection).await;
    match converted {
        Err(PartitionError::Denied | PartitionError::DependedOn) | Ok(()) => converted,
        // The reason is that of the failure before.
        Err(error) => {
            let _ = until_unlocked(connection, |connection| withdraw(connection).boxed()).await;
            Err(error)
        }
    }
}

async fn try_convert(connection: &mut PgConnection) -> Result<(), PartitionError> {
    let Some(before) = until_unlocked(connection, |connection| announce(connection).boxed()).await? else { return Ok(()) };
    let validate = format!(
        "BEGIN; SET LOCAL statement_timeout = {}; ALTER TABLE event VALIDATE CONSTRAINT {}; COMMIT",
        VALIDATION_TIMEOUT.as_millis(),
        before.name
    );
    let validated = sqlx::raw_sql(AssertSqlSafe(validate)).execute(&mut *connection).await;
    if let Err(error) = validated {
        (&mut *connection).execute("ROLLBACK").await?;
        // Another server may have converted it meanwhile.
        return if is_partitioned(connection).await? { Ok(()) } else { Err(error.into()) };
    }
    let exchanged = until_unlocked(connection, |connection| {
        let before = before.clone();
        async move { exchange(connection, &before).await }.boxed()
    });
    exchanged.await?;
    tracing::info!(partition = before.name, "the log has partitions now: the table of before is the first");
    Ok(())
}

/// Adds the CHECK; `None` if the log has partitions already.
async fn announce(connection: &mut PgConnection) -> Result<Option<Before>, PartitionError> {
    let mut change = begin(connection).await?;
    if is_partitioned(&mut change).await? {
        return Ok(None);
    }
    if sqlx::raw_sql(IS_DEPENDED_ON).fetch_one(&mut *change).await?.try_get(0)? {
        return Err(PartitionError::DependedOn);
    }
    let newest: Option<i64> = sqlx::query_scalar("SELECT MAX(chat) FROM event").persistent(false).fetch_one(&mut *change).await?;
    let month = Month::of(Timestamp::now()).after(MONTHS_AHEAD).max(Month::of_number(newest.unwrap_or(0)).after(1));
    let before = Before { name: format!("{PREFIX}{}", month.name()), end: month.first_number() };
    let checks: Vec<String> = checks(&mut change).await?.into_iter().map(|(check, _)| check).collect();
    if !checks.contains(&before.name) {
        let mut actions: Vec<String> = checks.iter().map(|check| format!("DROP CONSTRAINT {check}")).collect();
        actions.push(format!("ADD CONSTRAINT {} CHECK (chat < {}) NOT VALID", before.name, before.end));
        (&mut *change).execute(AssertSqlSafe(format!("ALTER TABLE event {}", actions.join(", ")))).await?;
    }
    change.commit().await?;
    Ok(Some(before))
}

/// Exchanges the table for a partitioned one whose first partition it is.
async fn exchange(connection: &mut PgConnection, before: &Before) -> Result<(), PartitionError> {
    let mut change = begin(connection).await?;
    (&mut *change).execute("LOCK TABLE ONLY event IN ACCESS EXCLUSIVE MODE").await?;
    if is_partitioned(&mut change).await? {
        return Ok(());
    }
    let Before { name, end } = before;
    if !checks(&mut change).await?.contains(&(name.clone(), true)) {
        // Another server named another month meanwhile.
        return Err(PartitionError::Store(StoreError::Conflict));
    }
    let indexes: Vec<(String, String)> = sqlx::query_as(INDEXES).persistent(false).fetch_all(&mut *change).await?;
    let grants: Vec<String> = sqlx::query_scalar(GRANTS).persistent(false).fetch_all(&mut *change).await?;
    let mut statements = vec![format!("ALTER TABLE event RENAME TO {name}")];
    statements.extend(indexes.iter().map(|(index, _)| format!("ALTER INDEX {index} RENAME TO {name}_{index}")));
    statements.push(format!(
        "CREATE TABLE event (LIKE {name} INCLUDING ALL EXCLUDING INDEXES EXCLUDING CONSTRAINTS EXCLUDING STATISTICS) PARTITION BY RANGE (chat)"
    ));
    statements.extend(indexes.into_iter().map(|(_, make)| make));
    statements.extend(grants);
    statements.push(format!("ALTER TABLE event ATTACH PARTITION {name} FOR VALUES FROM (MINVALUE) TO ({end})"));
    statements.push("CREATE TABLE event_default PARTITION OF event DEFAULT".to_owned());
    statements.push(format!("ALTER TABLE {name} DROP CONSTRAINT {name}"));
    // At once: each way to the database and back would be waited for by all.
    (&mut *change).execute(AssertSqlSafe(statements.join("; "))).await?;
    change.commit().await?;
    Ok(())
}

/// Takes the CHECK away.
async fn withdraw(connection: &mut PgConnection) -> Result<(), PartitionError> {
    let mut change = begin(connection).await?;
    for (check, _) in checks(&mut change).await? {
        (&mut *change).execute(AssertSqlSafe(format!("ALTER TABLE event DROP CONSTRAINT {check}"))).await?;
    }
    change.commit().await?;
    Ok(())
}

/// The CHECKs that conversions added, and whether they are valid.
async fn checks(connection: &mut PgConnection) -> Result<Vec<(String, bool)>, PartitionError> {
    Ok(sqlx::query_as(CHECKS).persistent(false).fetch_all(connection).await?)
}
