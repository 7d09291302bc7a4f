//! The primitives of `src/model/sync.rs`, as Shuttle has them: each use is a point where another task may run.

use std::{future::Future, sync::Arc, time::Duration};

use futures::future::{Either, select};
use shuttle::future::{
    batch_semaphore::{AcquireError, BatchSemaphore, Fairness, TryAcquireError},
    spawn, yield_now,
};
use tokio::time::Instant;

pub use shuttle::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};
pub use std::sync::PoisonError;

/// Who waits until later than this waits for ever here; an earlier deadline may pass at any moment.
pub const PATIENCE: Duration = Duration::from_secs(3600);

/// Tokio's semaphore gives its permits to the longest waiting one; so does this.
pub struct Semaphore(BatchSemaphore);

pub struct OwnedSemaphorePermit(Arc<Semaphore>);

impl Semaphore {
    pub fn new(permits: usize) -> Semaphore {
        Semaphore(BatchSemaphore::new(permits, Fairness::StrictlyFair))
    }

    pub fn try_acquire_owned(self: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.0.try_acquire(1)?;
        Ok(OwnedSemaphorePermit(self))
    }

    pub async fn acquire_owned(self: Arc<Semaphore>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.0.acquire(1).await?;
        Ok(OwnedSemaphorePermit(self))
    }

    pub fn available_permits(&self) -> usize {
        self.0.available_permits()
    }
}

impl Drop for OwnedSemaphorePermit {
    fn drop(&mut self) {
        self.0.0.release(1);
    }
}

/// Ends with the future, or, if the deadline is near, whenever the schedule has its clock run.
pub async fn timeout_at<F: Future>(until: Instant, future: F) -> Result<F::Output, ()> {
    if until.saturating_duration_since(Instant::now()) > PATIENCE {
        return Ok(future.await);
    }
    match select(Box::pin(future), spawn(yield_now())).await {
        Either::Left((output, _)) => Ok(output),
        Either::Right(_) => Err(()),
    }
}
