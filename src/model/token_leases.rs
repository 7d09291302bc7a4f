//! Token leases: budgets hold for all servers of a database together, and across restarts. A server leases tokens in blocks, so that most
//! calls don't wait for the database, and gives back within a second what it does not need.

use std::{sync::Arc, time::Duration};

use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::time::{Instant, interval, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    model::token_budget::{Lack, Lease, Reservation, Settlement, Spender, TokenBudget},
    task,
};

/// How often tokens that nobody needs are given back.
const SETTLE_INTERVAL: Duration = Duration::from_secs(1);
/// Longest wait of a call for a lease. Then it gets its tokens as if there were no other server, and the database is told later.
const LEASE_TIMEOUT: Duration = Duration::from_secs(1);
/// How often a call leases again when others took what it leased.
const TRIES: usize = 10;

/// Where the budgets of all servers stand: the database, of which this module does not know.
pub trait TokenLender: Send + Sync + 'static {
    /// Leases what a spender lacks, and a block if there is as much left. `now` is in nanoseconds since 1970.
    fn lease<'a>(&'a self, lack: &'a Lack, now: i64) -> BoxFuture<'a, Result<LeaseAnswer, LenderError>>;

    /// Takes in what a server leased without asking, or gives back.
    fn settle<'a>(&'a self, settlement: &'a Settlement, now: i64) -> BoxFuture<'a, Result<(), LenderError>>;
}

/// Why the lender could not be asked.
pub type LenderError = Box<dyn std::error::Error + Send + Sync>;

/// What a lender says to a server that asks for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseAnswer {
    /// It may use tokens.
    Leased {
        /// When their window began, in nanoseconds since 1970.
        started_at: i64,
        /// How many.
        tokens: u64,
    },
    /// There are too few left.
    Refused {
        /// When their window began, in nanoseconds since 1970.
        started_at: i64,
    },
}

/// The budgets of all servers, as this one sees them.
#[derive(Clone)]
pub struct TokenLeases {
    lender: Arc<dyn TokenLender>,
    budget: Arc<TokenBudget>,
}

impl TokenLeases {
    /// Leases what this budget counts.
    pub fn new(lender: Arc<dyn TokenLender>, budget: Arc<TokenBudget>) -> TokenLeases {
        TokenLeases { lender, budget }
    }

    /// Reserves the most tokens that a call can use, for every spender. `Err`: a spender has too few left; how long until its window resets.
    pub async fn reserve(&self, spenders: &[Spender], tokens: u64) -> Result<Reservation, Duration> {
        for _ in 0..TRIES {
            let lacks = match self.budget.reserve_leased(spenders, tokens, Instant::now()) {
                Ok(reserved) => return Ok(reserved),
                Err(lacks) => lacks,
            };
            for lack in lacks {
                self.lease(&lack).await?;
            }
        }
        Err(SETTLE_INTERVAL)
    }

    async fn lease(&self, lack: &Lack) -> Result<(), Duration> {
        let (now, at) = (Instant::now(), nanoseconds());
        // A server whose clock is behind may see a window that has not begun.
        let since = |started_at: i64| Duration::from_nanos(at.saturating_sub(started_at).max(0) as u64);
        match timeout(LEASE_TIMEOUT, self.lender.lease(lack, at)).await {
            Ok(Ok(LeaseAnswer::Leased { started_at, tokens })) => {
                let start = now.checked_sub(since(started_at)).unwrap_or(now);
                self.budget.add_lease(lack, Lease { start, started_at, tokens });
                Ok(())
            }
            Ok(Ok(LeaseAnswer::Refused { started_at })) => Err(lack.period.length().saturating_sub(since(started_at))),
            Ok(Err(error)) => {
                tracing::debug!(error = %error, "can't lease tokens; the database is told later");
                self.budget.lease_unasked(lack, now, at)
            }
            Err(_) => self.budget.lease_unasked(lack, now, at),
        }
    }

    /// Starts to give back what nobody needs. Stops when the handle is dropped.
    pub fn keep_settled(&self) -> AbortOnDropHandle<()> {
        let leases = self.clone();
        task::supervised("settling token budgets", move || {
            let leases = leases.clone();
            async move {
                let mut ticks = interval(SETTLE_INTERVAL);
                loop {
                    ticks.tick().await;
                    leases.settle(true).await;
                }
            }
        })
    }

    /// Gives back everything that is not reserved, before the server ends.
    pub async fn give_back(&self) {
        self.settle(false).await;
    }

    async fn settle(&self, keep_blocks: bool) {
        for settlement in self.budget.settle(keep_blocks, Instant::now()) {
            if let Err(error) = self.lender.settle(&settlement, nanoseconds()).await {
                tracing::debug!(error = %error, "can't give back tokens; retrying");
                self.budget.not_settled(&settlement);
            }
        }
    }
}

/// The time in nanoseconds since 1970.
fn nanoseconds() -> i64 {
    i64::try_from(Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX)
}
