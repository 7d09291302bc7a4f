//! One task that commits what is queued together: many callers share one transaction and one sync of the disk.

use std::{collections::VecDeque, future::Future, panic::AssertUnwindSafe};

use futures::FutureExt;
use tokio::sync::mpsc;

use super::StoreError;

/// Most jobs in one transaction.
const BATCH: usize = 256;
/// Most jobs waiting; a caller that finds the queue full is told that the store is busy.
const QUEUE: usize = 4096;

/// The entrance to a writer's queue. The task ends when every entrance is dropped and the queue is empty.
pub struct Writer<J> {
    queue: mpsc::Sender<J>,
}

impl<J> Clone for Writer<J> {
    fn clone(&self) -> Writer<J> {
        Writer { queue: self.queue.clone() }
    }
}

impl<J: Send + 'static> Writer<J> {
    /// Starts the task. `commit` gets what was queued, in order, and answers each job itself, after the commit.
    pub fn start<F, C>(commit: F) -> Writer<J>
    where
        F: Fn(VecDeque<J>) -> C + Send + 'static,
        C: Future<Output = ()> + Send,
    {
        let (queue, mut jobs) = mpsc::channel(QUEUE);
        tokio::spawn(async move {
            let mut batch = Vec::with_capacity(BATCH);
            while jobs.recv_many(&mut batch, BATCH).await > 0 {
                // A batch that panics answers nobody, and its callers are told that the store is busy; the next one is written.
                if AssertUnwindSafe(commit(batch.drain(..).collect())).catch_unwind().await.is_err() {
                    tracing::error!("a batch of writes was dropped: its commit panicked");
                }
            }
        });
        Writer { queue }
    }

    /// Queues a job.
    pub fn queue(&self, job: J) -> Result<(), StoreError> {
        self.queue.try_send(job).map_err(|_| StoreError::Busy)
    }
}
