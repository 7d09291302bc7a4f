//! The rows of token leases: what all servers of a database took of each budget, in the window that runs.

use futures::{FutureExt, TryFutureExt, future::BoxFuture};
use sqlx::Row;

use crate::{
    model::{Lack, LeaseAnswer, LenderError, Settlement, TokenLender},
    store::{Store, StoreError, Write},
};

/// The budgets in a database.
pub struct TokenLedger(pub Store);

impl TokenLender for TokenLedger {
    fn lease<'a>(&'a self, lack: &'a Lack, now: i64) -> BoxFuture<'a, Result<LeaseAnswer, LenderError>> {
        lease(&self.0, lack, now).map_err(LenderError::from).boxed()
    }

    fn settle<'a>(&'a self, settlement: &'a Settlement, now: i64) -> BoxFuture<'a, Result<(), LenderError>> {
        settle(&self.0, settlement, now).map_err(LenderError::from).boxed()
    }
}

async fn lease(store: &Store, lack: &Lack, now: i64) -> Result<LeaseAnswer, StoreError> {
    let mut write = store.begin().await?;
    let (mut started_at, mut taken) = locked(store, &mut write, &lack.spender, seconds(lack)).await?.unwrap_or((now, 0));
    if now >= started_at.saturating_add(seconds(lack) * 1_000_000_000) {
        (started_at, taken) = (now, 0);
    }
    // A single call larger than the whole limit is allowed in an empty window.
    if taken > 0 && taken.saturating_add(lack.tokens) > lack.limit {
        write.roll_back().await?;
        return Ok(LeaseAnswer::Refused { started_at });
    }
    let tokens = lack.block().min(lack.limit.saturating_sub(taken)).max(lack.tokens);
    store_taken(&mut write, &lack.spender, seconds(lack), started_at, taken.saturating_add(tokens)).await?;
    write.commit().await?;
    Ok(LeaseAnswer::Leased { started_at, tokens })
}

/// What a server gives back of a window that is over is nobody's.
async fn settle(store: &Store, settlement: &Settlement, now: i64) -> Result<(), StoreError> {
    let Settlement { spender, period, started_at, tokens } = settlement;
    let seconds = period.length().as_secs() as i64;
    let mut write = store.begin().await?;
    let running =
        locked(store, &mut write, spender, seconds).await?.filter(|(start, _)| now < start.saturating_add(seconds * 1_000_000_000));
    let (start, taken) = match running {
        Some((start, taken)) if *tokens > 0 || start == *started_at => (start, taken.saturating_add_signed(*tokens)),
        None if *tokens > 0 => (*started_at, tokens.unsigned_abs()),
        _ => return write.roll_back().await,
    };
    store_taken(&mut write, spender, seconds, start, taken).await?;
    write.commit().await
}

fn seconds(lack: &Lack) -> i64 {
    lack.period.length().as_secs() as i64
}

/// Returns a window's start and how many tokens of it were taken. No other server changes that until the write ends.
async fn locked(store: &Store, write: &mut Write, spender: &str, seconds: i64) -> Result<Option<(i64, u64)>, StoreError> {
    store.lock(write, &format!("tokens of {spender}")).await?;
    let row = sqlx::query("SELECT started_at, taken FROM token_lease WHERE spender = $1 AND seconds = $2")
        .bind(spender.to_owned())
        .bind(seconds)
        .fetch_optional(&mut **write)
        .await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get::<i64, _>(1)?.max(0) as u64))).transpose()
}

async fn store_taken(write: &mut Write, spender: &str, seconds: i64, started_at: i64, taken: u64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO token_lease (spender, seconds, started_at, taken) VALUES ($1, $2, $3, $4)
         ON CONFLICT (spender, seconds) DO UPDATE SET started_at = excluded.started_at, taken = excluded.taken",
    )
    .bind(spender.to_owned())
    .bind(seconds)
    .bind(started_at)
    .bind(i64::try_from(taken).unwrap_or(i64::MAX))
    .execute(&mut **write)
    .await?;
    Ok(())
}
