//! The rows of a database of erasures.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::store::{Store, StoreError};

/// Erasures read in one statement.
const PAGE: i64 = 1000;

/// Returns the salt of the database's hashes, and makes it if there is none.
pub async fn salt(store: &Store) -> Result<String, StoreError> {
    let mut write = store.begin().await?;
    sqlx::query("INSERT INTO erasure_salt (id, salt) VALUES (1, $1) ON CONFLICT (id) DO NOTHING")
        .bind(Uuid::new_v4().simple().to_string())
        .execute(&mut *write)
        .await?;
    let salt = sqlx::query_scalar("SELECT salt FROM erasure_salt WHERE id = 1").fetch_one(&mut *write).await?;
    write.commit().await?;
    Ok(salt)
}

/// Remembers an erasure, and returns the ids of all with this hash.
pub async fn remember(store: &Store, erasure_id: &str, hash: &str) -> Result<Vec<String>, StoreError> {
    let mut write = store.begin().await?;
    sqlx::query("INSERT INTO remembered_erasure (erasure_id, hash) VALUES ($1, $2)")
        .bind(erasure_id.to_owned())
        .bind(hash.to_owned())
        .execute(&mut *write)
        .await?;
    let all = sqlx::query_scalar("SELECT erasure_id FROM remembered_erasure WHERE hash = $1").bind(hash.to_owned());
    let all = all.fetch_all(&mut *write).await?;
    write.commit().await?;
    Ok(all)
}

/// Returns the ids and hashes of all erasures.
pub async fn known(store: &Store) -> Result<BTreeMap<String, String>, StoreError> {
    let (mut known, mut after) = (BTreeMap::new(), String::new());
    loop {
        let statement = "SELECT erasure_id, hash FROM remembered_erasure WHERE erasure_id > $1 ORDER BY erasure_id LIMIT $2";
        let page: Vec<(String, String)> = sqlx::query_as(statement).bind(after.clone()).bind(PAGE).fetch_all(store.reads()).await?;
        let Some((last, _)) = page.last() else { return Ok(known) };
        after.clone_from(last);
        known.extend(page);
    }
}

/// Says where a database's erasures are remembered, if nothing says so yet, and returns where they are.
pub async fn home(store: &Store, ours: &str) -> Result<String, StoreError> {
    let mut write = store.begin().await?;
    sqlx::query("INSERT INTO erasure_home (id, home) VALUES (1, $1) ON CONFLICT (id) DO NOTHING")
        .bind(ours.to_owned())
        .execute(&mut *write)
        .await?;
    let home = sqlx::query_scalar("SELECT home FROM erasure_home WHERE id = 1").fetch_one(&mut *write).await?;
    write.commit().await?;
    Ok(home)
}

/// Says that a database's erasures are remembered elsewhere from now on.
pub async fn move_home(store: &Store, to: &str) -> Result<(), StoreError> {
    let mut write = store.begin().await?;
    sqlx::query("UPDATE erasure_home SET home = $1 WHERE id = 1").bind(to.to_owned()).execute(&mut *write).await?;
    write.commit().await
}
