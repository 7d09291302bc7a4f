//! A write transaction.

use std::ops::{Deref, DerefMut};

use sqlx::{Any, AnyConnection, Executor, pool::PoolConnection};

use super::StoreError;

/// A write transaction. One that is dropped, or whose commit fails, takes its connection with it: what the disk or the server holds of
/// it is then unknown, and nothing is acknowledged on a handle that failed once.
pub struct Write {
    connection: PoolConnection<Any>,
    done: bool,
}

impl Write {
    pub(super) async fn begin(mut connection: PoolConnection<Any>, begin: &'static str) -> Result<Write, StoreError> {
        // Until it is committed, it counts as failed.
        if let Err(error) = connection.execute(begin).await {
            connection.close_on_drop();
            return Err(error.into());
        }
        Ok(Write { connection, done: false })
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
        self.connection.execute(statement).await?;
        self.done = true;
        Ok(())
    }
}

impl Drop for Write {
    fn drop(&mut self) {
        if !self.done {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Write {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}
