//! The erasures that a database has completed.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::store::{Store, StoreError, Write, nanoseconds};

/// Returns the ids of the erasures completed in this database.
pub async fn seen(store: &Store) -> Result<BTreeSet<String>, StoreError> {
    let seen: Vec<String> = sqlx::query_scalar("SELECT erasure_id FROM erasure").fetch_all(store.reads()).await?;
    Ok(seen.into_iter().collect())
}

/// Records an erasure, in the same write that performs it.
pub async fn insert(write: &mut Write, erasure_id: &str, at: Timestamp) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO erasure (erasure_id, at) VALUES ($1, $2) ON CONFLICT (erasure_id) DO NOTHING")
        .bind(erasure_id.to_owned())
        .bind(nanoseconds(at))
        .execute(&mut **write)
        .await?;
    Ok(())
}
