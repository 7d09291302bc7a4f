//! One task that commits what is queued together: many callers share one transaction and one sync of the disk.

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::StoreError;

/// Most jobs in one transaction.
const BATCH: usize = 256;
/// Most jobs waiting, and most of their bytes; a caller that finds the queue full is told that the store is busy.
const QUEUE: usize = 4096;
const QUEUE_BYTES: usize = 64 << 20;
/// What a batch takes no more jobs after, in bytes.
const BATCH_BYTES: usize = 8 << 20;

/// The entrance to a writer's queue. The task ends when every entrance is dropped and the queue is empty.
pub struct Writer<J> {
    queue: mpsc::Sender<Queued<J>>,
    room: Arc<Semaphore>,
}

struct Queued<J> {
    job: J,
    room: OwnedSemaphorePermit,
}

impl<J> Clone for Writer<J> {
    fn clone(&self) -> Writer<J> {
        Writer { queue: self.queue.clone(), room: Arc::clone(&self.room) }
    }
}

impl<J: Send + 'static> Writer<J> {
    /// Starts the task. `commit` gets what was queued, in order, and answers each job itself, after the commit.
    pub fn start<F, C>(commit: F) -> Writer<J>
    where
        F: Fn(Vec<J>) -> C + Send + 'static,
        C: Future<Output = ()> + Send,
    {
        let (queue, mut jobs) = mpsc::channel::<Queued<J>>(QUEUE);
        tokio::spawn(async move {
            while let Some(first) = jobs.recv().await {
                let mut rooms = vec![first.room];
                let mut batch = vec![first.job];
                let mut bytes = rooms[0].num_permits();
                while batch.len() < BATCH && bytes < BATCH_BYTES {
                    let Ok(next) = jobs.try_recv() else { break };
                    bytes += next.room.num_permits();
                    rooms.push(next.room);
                    batch.push(next.job);
                }
                // A batch that panics answers nobody, and its callers are told that the store is busy; the next one is written.
                if AssertUnwindSafe(commit(batch)).catch_unwind().await.is_err() {
                    tracing::error!("a batch of writes was dropped: its commit panicked");
                }
            }
        });
        Writer { queue, room: Arc::new(Semaphore::new(QUEUE_BYTES)) }
    }

    /// Queues a job that holds about `bytes`.
    pub fn queue(&self, job: J, bytes: usize) -> Result<(), StoreError> {
        let bytes = u32::try_from(bytes.min(QUEUE_BYTES)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes).map_err(|_| StoreError::Busy)?;
        self.queue.try_send(Queued { job, room }).map_err(|_| StoreError::Busy)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_and_takes_again() {
        let (go, gate) = oneshot::channel::<()>();
        let gate = Arc::new(tokio::sync::Mutex::new(Some(gate)));
        let writer = Writer::start(move |batch: Vec<oneshot::Sender<usize>>| {
            let gate = Arc::clone(&gate);
            async move {
                if let Some(gate) = gate.lock().await.take() {
                    let _ = gate.await;
                }
                let size = batch.len();
                for job in batch {
                    let _ = job.send(size);
                }
            }
        });
        let (answer, first) = oneshot::channel();
        writer.queue(answer, QUEUE_BYTES / 2).unwrap();
        let (answer, second) = oneshot::channel();
        writer.queue(answer, QUEUE_BYTES / 2).unwrap();
        let (answer, _) = oneshot::channel();
        assert!(matches!(writer.queue(answer, 1), Err(StoreError::Busy)), "there is no room left");

        go.send(()).unwrap();
        first.await.unwrap();
        second.await.unwrap();
        let (answer, third) = oneshot::channel();
        // The room comes back right after the answer.
        let mut answer = Some(answer);
        while let Some(job) = answer.take() {
            if writer.room.available_permits() == 0 {
                answer = Some(job);
                tokio::task::yield_now().await;
            } else {
                writer.queue(job, 1).unwrap();
            }
        }
        assert_eq!(third.await.unwrap(), 1);
    }
}
