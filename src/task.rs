//! Work in tasks of its own: a panic in it is an error with its place in the log, and background work begins again after one.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, Location, PanicHookInfo},
    time::Duration,
};

use futures::FutureExt;
use tokio::{
    task::{JoinError, spawn_blocking},
    time::{Instant, sleep},
};
use tokio_util::task::AbortOnDropHandle;

/// How long background work that panicked waits before it begins again: at first, and at most.
const MIN_RESTART_WAIT: Duration = Duration::from_millis(100);
const MAX_RESTART_WAIT: Duration = Duration::from_secs(30);
/// Work that ran for so long before it panicked waits as if it had never panicked before.
const STEADY: Duration = Duration::from_secs(60);

/// Why work gave no result. It holds nothing of what a panic says: that may be a customer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// It panicked. The log has the place.
    #[error("{0} failed unexpectedly; the server's log has the place")]
    Panicked(&'static str),
    /// The runtime ended before the work did.
    #[error("{0} was cut off: the server is stopping")]
    Cancelled(&'static str),
}

impl TaskError {
    fn of(what: &'static str, error: &JoinError) -> TaskError {
        if error.is_cancelled() { TaskError::Cancelled(what) } else { TaskError::Panicked(what) }
    }
}

/// Runs work that keeps a core or a disk busy off the threads that serve. `what` names it in errors.
pub async fn blocking<T: Send + 'static>(what: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Result<T, TaskError> {
    spawn_blocking(work).await.map_err(|error| TaskError::of(what, &error))
}

/// Runs work that goes on when its caller leaves.
pub async fn detached<T: Send + 'static>(what: &'static str, work: impl Future<Output = T> + Send + 'static) -> Result<T, TaskError> {
    tokio::spawn(work).await.map_err(|error| TaskError::of(what, &error))
}

/// Runs work in the caller's own task; what it shares with others must hold after a panic.
pub async fn caught<T>(what: &'static str, work: impl Future<Output = T>) -> Result<T, TaskError> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| TaskError::Panicked(what))
}

/// Starts background work, which ends when the handle is dropped. If it panics it begins again, after ever longer waits.
pub fn supervised<F>(name: &'static str, work: impl Fn() -> F + Send + Sync + 'static) -> AbortOnDropHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    AbortOnDropHandle::new(tokio::spawn(supervise(name, work)))
}

/// Does background work to its end, and begins it again whenever it panics.
pub async fn supervise<F: Future<Output = ()>>(name: &'static str, work: impl Fn() -> F) {
    let mut wait = MIN_RESTART_WAIT;
    loop {
        let began = Instant::now();
        if caught(name, async { work().await }).await.is_ok() {
            return;
        }
        if began.elapsed() >= STEADY {
            wait = MIN_RESTART_WAIT;
        }
        tracing::error!(task = name, milliseconds = wait.as_millis(), "background work panicked; it begins again after this time");
        sleep(wait).await;
        wait = MAX_RESTART_WAIT.min(2 * wait);
    }
}

/// Has every panic logged with its place instead of its message, which may hold a customer's text. Only a message that is a constant of the
/// program is logged.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic: &PanicHookInfo| {
        let place = panic.location().map(Location::to_string).unwrap_or_default();
        tracing::error!(place, message = constant(panic.payload()), "panicked");
    }));
}

/// A panic's message if it was not made at run time.
fn constant(payload: &(dyn Any + Send)) -> &'static str {
    payload.downcast_ref::<&'static str>().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn a_panic_is_an_error_without_its_text() {
        let text = "Elif, 14 Rose Lane".to_owned();
        let (one, other, third) = (text.clone(), text.clone(), text.clone());
        let failed = [
            blocking("checking a draft", move || panic!("{one}")).await.map(|()| 0),
            detached("an erasure", async move { panic!("{other}") }).await.map(|()| 0),
            caught("a write", async move { panic!("{third}") }).await.map(|()| 0),
        ];
        for error in failed.map(Result::unwrap_err) {
            assert!(matches!(error, TaskError::Panicked(_)));
            assert!(!format!("{error} {error:?}").contains("Elif"), "{error:?}");
        }
        assert_eq!(blocking("an answer", || 7).await, Ok(7));
    }

    #[test]
    fn work_that_the_end_cuts_off_is_no_panic() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let task = runtime.spawn(std::future::pending::<()>());
        runtime.shutdown_background();
        let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = other.block_on(task).unwrap_err();
        assert_eq!(TaskError::of("an erasure", &error), TaskError::Cancelled("an erasure"));
    }

    #[tokio::test(start_paused = true)]
    async fn background_work_that_panics_begins_again_ever_later() {
        let begun = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&begun);
        let handle = supervised("learning", move || {
            counted.fetch_add(1, Ordering::Relaxed);
            async { panic!("always") }
        });
        sleep(Duration::from_millis(50)).await;
        assert_eq!(begun.load(Ordering::Relaxed), 1);
        sleep(Duration::from_millis(100)).await;
        assert_eq!(begun.load(Ordering::Relaxed), 2);
        sleep(Duration::from_secs(3600)).await;
        let in_an_hour = begun.load(Ordering::Relaxed);
        assert!((100..=3600 / 30 + 12).contains(&in_an_hour), "bounded, and never given up: {in_an_hour}");
        drop(handle);
        tokio::task::yield_now().await;
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(begun.load(Ordering::Relaxed), in_an_hour, "it ends with its handle");
    }

    #[tokio::test(start_paused = true)]
    async fn background_work_that_ends_is_over_and_one_that_began_well_waits_little() {
        let begun = AtomicUsize::new(0);
        supervise("learning", || async {
            match begun.fetch_add(1, Ordering::Relaxed) {
                9 => {}
                8 => {
                    sleep(STEADY).await;
                    panic!("after a long time");
                }
                _ => panic!("at once"),
            }
        })
        .await;
        assert_eq!(begun.load(Ordering::Relaxed), 10);
    }

    #[test]
    fn only_messages_of_the_program_are_logged() {
        let made: Box<dyn Any + Send> = Box::new("Elif".to_owned());
        let fixed: Box<dyn Any + Send> = Box::new("every call's chat was locked");
        assert_eq!((constant(&*made), constant(&*fixed)), ("", "every call's chat was locked"));
    }
}
