//! A write transaction.

use std::ops::{Deref, DerefMut};

use sqlx::{AssertSqlSafe, Executor};

use crate::store::{error::StoreError, pool::Lease, session::Session};

/// A write transaction. One that is dropped, or whose commit fails, takes its connection with it: what the disk or the server holds of
/// it is then unknown, and nothing is acknowledged on a handle that failed once.
pub struct Write {
    lease: Lease,
}

impl Write {
    pub(crate) async fn begin(mut lease: Lease, begin: &str) -> Result<Write, StoreError> {
        // Until it is committed, it counts as failed.
        let begun = lease.execute(AssertSqlSafe(begin.to_owned())).await;
        lease.set_fit(false);
        begun?;
        Ok(Write { lease })
    }

    /// Ends the transaction; when it returns, what was written is durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.end("COMMIT").await
    }

    /// Ends a transaction that has nothing to write after all.
    pub async fn roll_back(self) -> Result<(), StoreError> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> Result<(), StoreError> {
        self.lease.execute(statement).await?;
        self.lease.set_fit(true);
        Ok(())
    }
}

impl Deref for Write {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.lease
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.lease
    }
}
