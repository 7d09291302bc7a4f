//! API keys in the database.

use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row as _};

use crate::{
    config::TokenLimits,
    ids::Workspace,
    keys::key::{Key, Scope},
    store::{Store, StoreError, Write, nanoseconds, timestamp},
};

const COLUMNS: &str = "key_id, workspace, secret_hash, scopes, origins, calls_per_second, tokens_per_minute, tokens_per_day, created_at, expires_at, revoked_at";

/// A stored key: with the hash of its secret.
pub struct Row {
    pub key: Key,
    pub secret_hash: [u8; 32],
}

/// Inserts a key.
pub async fn insert(write: &mut Write, key: &Key, secret_hash: &[u8; 32]) -> Result<(), StoreError> {
    let Key { key_id, workspace, scopes, origins, calls_per_second, token_limits, created_at, expires_at, revoked_at } = key;
    let scopes: Vec<&str> = scopes.iter().map(|scope| scope.word()).collect();
    let origins: Vec<String> = origins.iter().map(ToString::to_string).collect();
    let count = |count: Option<u64>| count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    sqlx::query(
        "INSERT INTO api_key (key_id, workspace, secret_hash, scopes, origins, calls_per_second, tokens_per_minute, tokens_per_day, \
         created_at, expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
    )
    .bind(key_id.clone())
    .bind(workspace.as_str().to_owned())
    .bind(secret_hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    .bind(scopes.join(","))
    .bind(origins.join(" "))
    .bind(calls_per_second.map(i64::from))
    .bind(count(token_limits.per_minute))
    .bind(count(token_limits.per_day))
    .bind(nanoseconds(*created_at))
    .bind(expires_at.map(nanoseconds))
    .bind(revoked_at.map(nanoseconds))
    .execute(&mut **write)
    .await?;
    Ok(())
}

/// Every key, oldest first.
pub async fn all(store: &Store) -> Result<Vec<Row>, StoreError> {
    let statement = format!("SELECT {COLUMNS} FROM api_key ORDER BY created_at, key_id");
    let rows = sqlx::query(AssertSqlSafe(statement)).fetch_all(store.reads()).await?;
    rows.iter().map(read).collect()
}

/// The key with an id.
pub async fn one(store: &Store, key_id: &str) -> Result<Option<Row>, StoreError> {
    let statement = format!("SELECT {COLUMNS} FROM api_key WHERE key_id = $1");
    let row = sqlx::query(AssertSqlSafe(statement)).bind(key_id.to_owned()).fetch_optional(store.reads()).await?;
    row.as_ref().map(read).transpose()
}

/// Revokes a key. Returns whether there was a valid key to revoke.
pub async fn revoke(write: &mut Write, key_id: &str, at: Timestamp) -> Result<bool, StoreError> {
    let done = sqlx::query("UPDATE api_key SET revoked_at = $1 WHERE key_id = $2 AND revoked_at IS NULL")
        .bind(nanoseconds(at))
        .bind(key_id.to_owned())
        .execute(&mut **write)
        .await?;
    Ok(done.rows_affected() > 0)
}

fn read(row: &sqlx::any::AnyRow) -> Result<Row, StoreError> {
    let count = |name: &str| Ok::<_, sqlx::Error>(row.try_get::<Option<i64>, _>(name)?.and_then(|count| u64::try_from(count).ok()));
    let words = |name: &str| row.try_get::<String, _>(name);
    let key = Key {
        key_id: words("key_id")?,
        workspace: Workspace::new(&words("workspace")?).map_err(|_| StoreError::malformed("workspace"))?,
        // Unknown scopes of a newer version are ignored: they allow nothing here.
        scopes: words("scopes")?.split(',').filter_map(|word| word.parse::<Scope>().ok()).collect(),
        origins: words("origins")?.split_whitespace().filter_map(|origin| origin.parse().ok()).collect(),
        calls_per_second: count("calls_per_second")?.and_then(|calls| u32::try_from(calls).ok()),
        token_limits: TokenLimits { per_minute: count("tokens_per_minute")?, per_day: count("tokens_per_day")? },
        created_at: timestamp(row.try_get("created_at")?)?,
        expires_at: row.try_get::<Option<i64>, _>("expires_at")?.map(timestamp).transpose()?,
        revoked_at: row.try_get::<Option<i64>, _>("revoked_at")?.map(timestamp).transpose()?,
    };
    let hex = words("secret_hash")?;
    let mut secret_hash = [0; 32];
    for (index, byte) in secret_hash.iter_mut().enumerate() {
        let digits = hex.get(2 * index..2 * index + 2);
        *byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()).ok_or_else(|| StoreError::malformed("key"))?;
    }
    Ok(Row { key, secret_hash })
}
