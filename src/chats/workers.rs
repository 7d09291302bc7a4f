//! A worker pool for CPU-bound tasks, off the serving threads: as many at once as there are cores, large ones one at a time, the others in FIFO
//! order.

use std::{future::pending, panic::resume_unwind, sync::Arc, thread::available_parallelism};

use tokio::{sync::Semaphore, task::spawn_blocking};

/// Work on more bytes than this is large: it keeps a core busy for long.
const LARGE: usize = 64 << 10;

/// Where texts are analysed, chats folded and prompts made.
#[derive(Debug, Clone)]
pub struct Workers {
    turns: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

impl Workers {
    /// Makes the pool, with a permit per core. Its threads are the runtime's blocking ones.
    pub fn start() -> Workers {
        let turns = available_parallelism().map_or(1, usize::from);
        Workers { turns: Arc::new(Semaphore::new(turns)), large: Arc::new(Semaphore::new(1)) }
    }

    /// Runs a task on so many bytes. Large ones run one at a time, so that the other cores are left to other calls.
    pub async fn work_on<T: Send + 'static>(&self, bytes: usize, work: impl FnOnce() -> T + Send + 'static) -> T {
        if bytes <= LARGE {
            return self.work(work).await;
        }
        let Ok(alone) = Arc::clone(&self.large).acquire_owned().await else { return pending().await };
        let alone_until_done = move || {
            // As below: it is the task that ends, not its caller.
            let _alone = alone;
            work()
        };
        self.work(alone_until_done).await
    }

    /// Runs a task once a permit is free. A panic in it propagates to its caller.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        // Nobody closes the semaphore; a runtime that shuts down ends its callers too.
        let Ok(turn) = Arc::clone(&self.turns).acquire_owned().await else { return pending().await };
        let turned = move || {
            // The permit is released when the task ends, not when its caller hangs up.
            let _turn = turn;
            work()
        };
        match spawn_blocking(turned).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => resume_unwind(panic),
                Err(_) => pending().await,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
    };

    use futures::{FutureExt, future::join_all};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn large_tasks_run_one_at_a_time_also_when_their_callers_hang_up() {
        let (workers, running, max) = (Workers::start(), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let task = || {
            let (running, max) = (Arc::clone(&running), Arc::clone(&max));
            move || {
                max.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                (0..100).for_each(|_| thread::yield_now());
                running.fetch_sub(1, Ordering::SeqCst);
            }
        };
        for _ in 0..100 {
            // The first poll starts the task, or queues it; then the caller is gone.
            let _ = workers.work_on(LARGE + 1, task()).now_or_never();
            workers.work_on(LARGE + 1, task()).await;
        }
        join_all((0..100).map(|_| workers.work_on(LARGE + 1, task()))).await;
        assert_eq!(max.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn work_is_done_on_other_threads_and_no_more_of_it_than_there_are_cores() {
        let (workers, inside, most) = (Workers::start(), Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(0)));
        let serving = thread::current().id();
        let work = || {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            workers.work(move || {
                let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                let mut most = most.lock().unwrap();
                *most = now.max(*most);
                drop(most);
                thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
                thread::current().id()
            })
        };
        let threads = join_all((0..64).map(|_| work())).await;
        assert!(threads.iter().all(|thread| *thread != serving));
        assert!(*most.lock().unwrap() <= available_parallelism().unwrap().get());
    }

    #[tokio::test]
    #[should_panic(expected = "of the work")]
    async fn a_panic_is_the_callers() {
        Workers::start().work(|| panic!("of the work")).await
    }
}
