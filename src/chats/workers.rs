//! Work that grows with its input, off the threads that serve: as many at once as there are cores, the others in the order of their coming.

use std::{future::pending, panic::resume_unwind, sync::Arc, thread::available_parallelism};

use tokio::{sync::Semaphore, task::spawn_blocking};

/// Where texts are analysed, chats folded and prompts made.
#[derive(Debug, Clone)]
pub struct Workers(Arc<Semaphore>);

impl Workers {
    pub fn start() -> Workers {
        Workers(Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))))
    }

    /// Does work when its turn has come. A panic in it is its caller's.
    pub async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        // Nobody closes the semaphore; a runtime that ends takes its callers along.
        let Ok(turn) = Arc::clone(&self.0).acquire_owned().await else { return pending().await };
        let turned = move || {
            // The turn ends with the work, not with a caller that leaves.
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
