//! Tasks: a panic becomes an error, with its location in the log, and background tasks restart after one, with backoff.

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
use tracing::Instrument;

/// Backoff before a background task restarts after a panic: first and longest wait.
const MIN_RESTART_WAIT: Duration = Duration::from_millis(100);
const MAX_RESTART_WAIT: Duration = Duration::from_secs(30);
/// A task that ran for this long before it panicked starts over with the first wait.
const BACKOFF_RESET: Duration = Duration::from_secs(60);

/// Why a task gave no result. It does not contain the panic's message, which may have a customer's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// It panicked. The log has the location.
    #[error("{0} failed unexpectedly; see the server's log for the location")]
    Panicked(&'static str),
    /// The runtime ended before the task did.
    #[error("{0} was cancelled: the server is stopping")]
    Cancelled(&'static str),
}

impl TaskError {
    fn from_join(what: &'static str, error: &JoinError) -> TaskError {
        if error.is_cancelled() { TaskError::Cancelled(what) } else { TaskError::Panicked(what) }
    }
}

/// Runs blocking work, on CPU or disk, off the async threads (`spawn_blocking`). `what` names it in errors.
pub async fn blocking<T: Send + 'static>(what: &'static str, work: impl FnOnce() -> T + Send + 'static) -> Result<T, TaskError> {
    spawn_blocking(work).await.map_err(|error| TaskError::from_join(what, &error))
}

/// Runs work in a task of its own, which goes on if its caller leaves.
pub async fn detached<T: Send + 'static>(what: &'static str, work: impl Future<Output = T> + Send + 'static) -> Result<T, TaskError> {
    started(what, work).await
}

/// Starts work in a task of its own at once, and returns what waits for it.
pub fn started<T: Send + 'static>(
    what: &'static str,
    work: impl Future<Output = T> + Send + 'static,
) -> impl Future<Output = Result<T, TaskError>> + Send {
    let task = tokio::spawn(work.in_current_span());
    async move { task.await.map_err(|error| TaskError::from_join(what, &error)) }
}

/// Runs work in the caller's task and catches panics; state that it shares must stay valid after a panic.
pub async fn caught<T>(what: &'static str, work: impl Future<Output = T>) -> Result<T, TaskError> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| TaskError::Panicked(what))
}

/// Starts a background task, which ends when the handle is dropped. It restarts after a panic, with backoff.
pub fn supervised<F>(name: &'static str, work: impl Fn() -> F + Send + Sync + 'static) -> AbortOnDropHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    AbortOnDropHandle::new(tokio::spawn(supervise(name, work)))
}

/// Runs background work to its end, and restarts it after a panic, with backoff.
pub async fn supervise<F: Future<Output = ()>>(name: &'static str, work: impl Fn() -> F) {
    let mut wait = MIN_RESTART_WAIT;
    loop {
        let started = Instant::now();
        if caught(name, async { work().await }).await.is_ok() {
            return;
        }
        if started.elapsed() >= BACKOFF_RESET {
            wait = MIN_RESTART_WAIT;
        }
        tracing::error!(task = name, milliseconds = wait.as_millis(), "background task panicked; restarting after this time");
        sleep(wait).await;
        wait = MAX_RESTART_WAIT.min(2 * wait);
    }
}

/// Installs a panic hook that logs the location instead of the message, which may contain a customer's text. Only messages that are constants
/// of the program are logged.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic: &PanicHookInfo| {
        let place = panic.location().map(Location::to_string).unwrap_or_default();
        tracing::error!(place, message = constant(panic.payload()), "panicked");
    }));
}

/// A panic's message, if it is a constant.
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
    fn work_cancelled_by_the_runtime_is_not_a_panic() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let task = runtime.spawn(std::future::pending::<()>());
        runtime.shutdown_background();
        let other = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let error = other.block_on(task).unwrap_err();
        assert_eq!(TaskError::from_join("an erasure", &error), TaskError::Cancelled("an erasure"));
    }

    #[tokio::test(start_paused = true)]
    async fn background_tasks_restart_with_backoff() {
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
        assert!((100..=3600 / 30 + 12).contains(&in_an_hour), "bounded, and it never gives up: {in_an_hour}");
        drop(handle);
        tokio::task::yield_now().await;
        sleep(Duration::from_secs(3600)).await;
        assert_eq!(begun.load(Ordering::Relaxed), in_an_hour, "it ends with its handle");
    }

    #[tokio::test(start_paused = true)]
    async fn finished_tasks_stay_finished_and_a_long_run_resets_the_backoff() {
        let begun = AtomicUsize::new(0);
        supervise("learning", || async {
            match begun.fetch_add(1, Ordering::Relaxed) {
                9 => {}
                8 => {
                    sleep(BACKOFF_RESET).await;
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
