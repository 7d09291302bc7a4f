//! Migrations of the schema: forward only, each in a transaction of its own on SQLite, all in one on PostgreSQL.
//!
//! They come in two steps, so that servers of the version before go on serving while others are upgraded. A migration whose name begins with
//! `expand` adds what the new version needs and takes nothing away; a server runs it at its start, and a server that does not know it yet
//! serves on and even starts. One whose name begins with `contract` takes away what no server uses any more: `deskhand migrate --contract`
//! runs it, once all servers have the new version.

use std::borrow::Cow;

use sqlx::{
    AnyConnection, AssertSqlSafe, Connection, Row,
    migrate::{Migration, Migrator},
};

use crate::store::{error::StoreError, partitions::IS_PARTITIONED};

/// Those of SQLite. Table definitions differ slightly, statements are the same for both.
pub static SQLITE: Migrator = sqlx::migrate!("src/store/migrations/sqlite");
/// Those of PostgreSQL.
pub static POSTGRES: Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// The last migration before they came in two steps.
const LAST_OF_ONE_STEP: i64 = 3;

/// What a migration does to servers of the version before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// They go on serving.
    Expand,
    /// They fail.
    Contract,
}

impl Step {
    fn of(description: &str) -> Step {
        if description.starts_with("expand ") { Step::Expand } else { Step::Contract }
    }
}

/// The migrations that a server runs at its start. Those of a newer version are passed over if they only expanded.
pub fn at_start(all: &Migrator) -> Migrator {
    let runs = |migration: &&Migration| migration.version <= LAST_OF_ONE_STEP || Step::of(&migration.description) == Step::Expand;
    let migrations: Vec<Migration> = all.iter().filter(runs).cloned().collect();
    Migrator { migrations: Cow::Owned(migrations), ignore_missing: true, ..Migrator::DEFAULT }
}

/// All migrations, those that contract among them.
pub fn all(all: &Migrator) -> Migrator {
    Migrator { migrations: all.migrations.clone(), ignore_missing: true, ..Migrator::DEFAULT }
}

/// Refuses a schema that a newer version made and this one can't serve. `applied`: versions and descriptions.
pub fn check_newer(ours: &Migrator, applied: &[(i64, String)]) -> Result<(), StoreError> {
    let newest = ours.iter().map(|migration| migration.version).max().unwrap_or_default();
    let breaks = |(version, description): &&(i64, String)| *version > newest && Step::of(description) == Step::Contract;
    match applied.iter().find(breaks) {
        Some((version, _)) => Err(StoreError::Newer(*version)),
        None => Ok(()),
    }
}

/// The statement that reads what was applied, the oldest first.
pub const APPLIED: &str = "SELECT version, description FROM _sqlx_migrations WHERE success ORDER BY version";

/// What is to be done to a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// How many migrations were applied.
    pub applied: usize,
    /// Those that are not, in order.
    pub pending: Vec<Pending>,
    /// Of a log that is to be converted to one with partitions: about how many events it has.
    pub unpartitioned: Option<i64>,
}

/// A migration that was not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its number.
    pub version: i64,
    /// Its name.
    pub description: String,
    /// What it does to servers of the version before.
    pub step: Step,
    /// What it is for, from the head of its file.
    pub comment: String,
    /// Tables that were there before and that it changes, with about how many rows each has.
    pub changed: Vec<(String, i64)>,
}

/// Returns what would be done to the database at `url`; nothing is changed. A database that does not exist has all migrations pending.
pub async fn plan(url: &str) -> Result<Plan, StoreError> {
    sqlx::any::install_default_drivers();
    let is_sqlite = url.starts_with("sqlite:");
    let all = if is_sqlite { &SQLITE } else { &POSTGRES };
    let mut connection = AnyConnection::connect(&url.replace("mode=rwc", "mode=ro")).await?;
    let applied: Vec<(i64, String)> = match sqlx::query_as(APPLIED).fetch_all(&mut connection).await {
        Ok(applied) => applied,
        Err(error) if StoreError::is_missing_table(&error) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    check_newer(all, &applied)?;
    let mut pending = Vec::new();
    for migration in all.iter().filter(|migration| !applied.iter().any(|(version, _)| *version == migration.version)) {
        let sql = migration.sql.as_str();
        let mut changed = Vec::new();
        for table in changed_tables(sql) {
            if !applied.is_empty() {
                let rows = rows(&mut connection, is_sqlite, &table).await?;
                changed.push((table, rows));
            }
        }
        let step = if migration.version <= LAST_OF_ONE_STEP { Step::Expand } else { Step::of(&migration.description) };
        let description = migration.description.to_string();
        pending.push(Pending { version: migration.version, description, step, comment: comment(sql), changed });
    }
    let unpartitioned = match is_sqlite || applied.is_empty() || sqlx::query_scalar(IS_PARTITIONED).fetch_one(&mut connection).await? {
        true => None,
        false => Some(rows(&mut connection, is_sqlite, "event").await?),
    };
    connection.close().await?;
    Ok(Plan { applied: applied.len(), pending, unpartitioned })
}

/// About how many rows a table has, with its partitions: as PostgreSQL estimates them, or as SQLite counts them.
async fn rows(connection: &mut AnyConnection, is_sqlite: bool, table: &str) -> Result<i64, StoreError> {
    let row = if is_sqlite {
        sqlx::query(AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"))).fetch_optional(connection).await?
    } else {
        let statement = "SELECT CAST(SUM(GREATEST(reltuples, 0)) AS BIGINT) FROM pg_class
             WHERE relkind = 'r' AND (oid = to_regclass($1) OR oid IN (SELECT relid FROM pg_partition_tree(to_regclass($1))))";
        sqlx::query(statement).bind(table.to_owned()).fetch_optional(connection).await?
    };
    Ok(row.map(|row| row.try_get(0)).transpose()?.unwrap_or_default())
}

/// The comment that a migration begins with, on one line.
fn comment(sql: &str) -> String {
    let lines = sql.lines().take_while(|line| line.starts_with("--"));
    lines.map(|line| line.trim_start_matches("--").trim()).collect::<Vec<_>>().join(" ")
}

/// The tables that a migration changes and does not make itself.
fn changed_tables(sql: &str) -> Vec<String> {
    let text: String = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect::<Vec<_>>().join(" ");
    let (mut made, mut changed) = (Vec::new(), Vec::new());
    for statement in text.split(';') {
        let words: Vec<&str> =
            statement.split(|letter: char| letter.is_whitespace() || letter == '(').filter(|word| !word.is_empty()).collect();
        let after = |word: &str| words.iter().position(|found| *found == word).and_then(|place| words.get(place + 1)).copied();
        match &words[..] {
            ["CREATE", "TABLE" | "VIRTUAL", ..] => made.extend(after("TABLE")),
            ["CREATE", ..] => changed.extend(after("ON")),
            ["ALTER" | "DROP", "TABLE", table, ..]
            | ["UPDATE", table, ..]
            | ["DELETE", "FROM", table, ..]
            | ["INSERT", "INTO", table, ..] => {
                changed.push(table);
            }
            _ => {}
        }
    }
    let mut tables: Vec<String> = changed.into_iter().filter(|table| !made.contains(table)).map(str::to_owned).collect();
    tables.dedup();
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_version_that_only_expanded_is_served() {
        let applied = |description: &str| [(1, "schema".to_owned()), (9999, description.to_owned())];
        assert!(check_newer(&SQLITE, &applied("expand more")).is_ok());
        assert!(matches!(check_newer(&SQLITE, &applied("contract more")), Err(StoreError::Newer(9999))));
        assert!(matches!(check_newer(&SQLITE, &applied("x")), Err(StoreError::Newer(9999))));
    }

    #[test]
    fn each_migration_says_what_it_is_for_and_which_step_it_is() {
        for migrations in [&SQLITE, &POSTGRES] {
            for migration in migrations.iter() {
                assert!(!comment(migration.sql.as_str()).is_empty(), "{}", migration.version);
                let description = &migration.description;
                let named = description.starts_with("expand ") || description.starts_with("contract ");
                assert!(named || migration.version <= LAST_OF_ONE_STEP, "{description}");
                if migration.version > LAST_OF_ONE_STEP && Step::of(description) == Step::Expand {
                    let gone = ["DROP ", "RENAME "].iter().any(|word| migration.sql.as_str().contains(word));
                    assert!(!gone, "{description} takes something away");
                }
            }
        }
        assert_eq!(SQLITE.iter().map(|one| one.version).collect::<Vec<_>>(), POSTGRES.iter().map(|one| one.version).collect::<Vec<_>>());
    }

    #[test]
    fn changed_tables_are_those_that_were_there() {
        let sql = "-- About ALTER TABLE x.\nCREATE TABLE new (a BIGINT);\nCREATE INDEX i ON new (a);\nCREATE UNIQUE INDEX j ON chat (a);\n\
                   ALTER TABLE event ADD COLUMN b TEXT;\nDROP TABLE chat_word;\nCREATE VIRTUAL TABLE f USING fts5(a);\nINSERT INTO f (f) VALUES (1);";
        assert_eq!(changed_tables(sql), ["chat", "event", "chat_word"]);
        assert_eq!(comment(sql), "About ALTER TABLE x.");
    }
}
