//! A write transaction.

use std::ops::{Deref, DerefMut};

use sqlx::{AssertSqlSafe, Executor};

use crate::store::{
    Dialect,
    error::StoreError,
    pool::Lease,
    pulse::{CHANNEL, CHATS_CHANNEL},
    session::Session,
};

/// A write transaction. If it is dropped, or its commit fails, its connection is closed: the state on the disk or the server is then unknown,
/// and nothing more is acknowledged on a connection that failed once.
pub struct Write {
    lease: Lease,
    dialect: Dialect,
    /// Whether other servers may be woken: PostgreSQL, without a pooler that shares connections.
    wakes_others: bool,
}

impl Write {
    pub(crate) async fn begin(mut lease: Lease, begin: &str, dialect: Dialect, wakes_others: bool) -> Result<Write, StoreError> {
        // The connection counts as unhealthy until the commit.
        let result = lease.execute(AssertSqlSafe(begin.to_owned())).await;
        lease.set_healthy(false);
        result?;
        Ok(Write { lease, dialect, wakes_others })
    }

    /// Which SQL the database speaks.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Wakes the servers of this database once the write is durable: they need not wait for their next pulse.
    pub async fn wake_others(&mut self) -> Result<(), StoreError> {
        if self.wakes_others {
            sqlx::query("SELECT pg_notify($1, '')").bind(CHANNEL).execute(&mut **self).await?;
        }
        Ok(())
    }

    /// Tells the other servers of this database that chats changed, once the write is durable. `sender` tells which server wrote.
    pub async fn tell_of_chats(&mut self, sender: &str) -> Result<(), StoreError> {
        if self.wakes_others {
            sqlx::query("SELECT pg_notify($1, $2)").bind(CHATS_CHANNEL).bind(sender.to_owned()).execute(&mut **self).await?;
        }
        Ok(())
    }

    /// Commits; when it returns, the write is durable.
    pub async fn commit(self) -> Result<(), StoreError> {
        self.end("COMMIT").await
    }

    /// Rolls back a transaction that has nothing to write after all.
    pub async fn roll_back(self) -> Result<(), StoreError> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, statement: &'static str) -> Result<(), StoreError> {
        self.lease.execute(statement).await?;
        self.lease.set_healthy(true);
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
