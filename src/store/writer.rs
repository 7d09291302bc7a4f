//! Group commit: one task commits queued jobs together, so that many callers share one transaction and one disk sync.

use std::sync::Arc;

use futures::future::BoxFuture;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::{store::error::StoreError, task::caught};

/// Largest number of jobs in one transaction.
const MAX_BATCH: usize = 1024;
/// Limits of the queue, in jobs and bytes; with a full queue a caller gets [`StoreError::Busy`].
const MAX_QUEUE: usize = 4096;
const MAX_QUEUE_BYTES: usize = 64 << 20;
/// A batch of this size takes no more jobs, in bytes.
const MAX_BATCH_BYTES: usize = 8 << 20;

/// A handle to the writer's queue. The task ends when every handle is dropped and the queue is empty.
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
    /// Starts the task. `commit` gets the queued jobs in order, and removes each job when it answers it, after the commit. Jobs that it leaves
    /// in the batch, or that are left by a panic, are retried one by one. A job that is left or panics alone is dropped: its caller learns
    /// that from the dropped answer. The other jobs, and the next batches, are written.
    pub fn start<F>(commit: F) -> Writer<J>
    where
        F: for<'a> Fn(&'a mut Vec<J>) -> BoxFuture<'a, ()> + Send + Sync + 'static,
    {
        let (queue, mut jobs) = mpsc::channel::<Queued<J>>(MAX_QUEUE);
        tokio::spawn(async move {
            while let Some(first) = jobs.recv().await {
                let mut rooms = vec![first.room];
                let mut batch = vec![first.job];
                let mut bytes = rooms[0].num_permits();
                while batch.len() < MAX_BATCH && bytes < MAX_BATCH_BYTES {
                    let Ok(next) = jobs.try_recv() else { break };
                    bytes += next.room.num_permits();
                    rooms.push(next.room);
                    batch.push(next.job);
                }
                let jobs_in_batch = batch.len();
                let done = caught("a batch of writes", async { commit(&mut batch).await }).await;
                if done.is_err() {
                    tracing::error!(jobs = jobs_in_batch, left = batch.len(), "a batch of writes panicked; retrying the rest one by one");
                }
                if batch.len() == 1 && jobs_in_batch == 1 {
                    continue;
                }
                for job in batch {
                    let mut alone = vec![job];
                    if caught("a write", async { commit(&mut alone).await }).await.is_err() {
                        tracing::error!("a write panicked on its own, too; it fails, others go on");
                    }
                }
            }
        });
        Writer { queue, room: Arc::new(Semaphore::new(MAX_QUEUE_BYTES)) }
    }

    /// Returns how many jobs wait, and their approximate bytes, those in the batch that is being written included.
    pub fn queued(&self) -> (usize, usize) {
        (MAX_QUEUE - self.queue.capacity(), MAX_QUEUE_BYTES - self.room.available_permits())
    }

    /// Queues a job of about `bytes`. Fails with [`StoreError::Busy`] if the queue is full.
    pub fn queue(&self, job: J, bytes: usize) -> Result<(), StoreError> {
        let bytes = u32::try_from(bytes.min(MAX_QUEUE_BYTES)).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(bytes).map_err(|_| StoreError::Busy)?;
        self.queue.try_send(Queued { job, room }).map_err(|_| StoreError::Busy)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_and_recovers() {
        let (go, gate) = oneshot::channel::<()>();
        let gate = Arc::new(tokio::sync::Mutex::new(Some(gate)));
        let writer = Writer::start(move |batch: &mut Vec<oneshot::Sender<usize>>| {
            let gate = Arc::clone(&gate);
            Box::pin(async move {
                if let Some(gate) = gate.lock().await.take() {
                    let _ = gate.await;
                }
                let size = batch.len();
                for job in batch.drain(..) {
                    let _ = job.send(size);
                }
            })
        });
        let (answer, first) = oneshot::channel();
        writer.queue(answer, MAX_QUEUE_BYTES / 2).unwrap();
        let (answer, second) = oneshot::channel();
        writer.queue(answer, MAX_QUEUE_BYTES / 2).unwrap();
        let (answer, _) = oneshot::channel();
        assert!(matches!(writer.queue(answer, 1), Err(StoreError::Busy)), "there is no room left");

        go.send(()).unwrap();
        first.await.unwrap();
        second.await.unwrap();
        let (answer, third) = oneshot::channel();
        // The room is released right after the answer.
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
    /// A job of these tests: 0 panics, 1 panics after its batch's first job was answered, others are answered.
    type Job = (usize, oneshot::Sender<usize>);

    fn commit(batch: &mut Vec<Job>) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            assert!(batch.iter().all(|(number, _)| *number != 0), "Elif's text");
            while !batch.is_empty() {
                assert_ne!(batch[0].0, 1, "in the middle");
                let (number, answer) = batch.remove(0);
                let _ = answer.send(number);
            }
        })
    }

    #[tokio::test]
    async fn a_job_that_panics_fails_alone_and_the_writer_goes_on() {
        let writer = Writer::start(commit);
        for round in 0..3 {
            let mut answers = Vec::new();
            for number in [5, 0, 6, 1, 0, 7] {
                let (answer, answered) = oneshot::channel();
                writer.queue((number, answer), 1).unwrap();
                answers.push((number, answered));
            }
            for (number, answered) in answers {
                let expected = (number > 1).then_some(number);
                assert_eq!(answered.await.ok(), expected, "round {round}");
            }
        }
        let (answer, answered) = oneshot::channel();
        writer.queue((0, answer), 1).unwrap();
        assert!(answered.await.is_err(), "alone from the beginning");
        let (answer, answered) = oneshot::channel();
        writer.queue((9, answer), MAX_QUEUE_BYTES).unwrap();
        assert_eq!(answered.await.unwrap(), 9, "all room is released");
    }
}
