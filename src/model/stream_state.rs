//! What the transport of a call and the reader of its answer tell each other beside the stream.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tokio::{sync::Notify, time::Instant};

/// Shared by the transport of a call and the reader of its answer.
pub struct StreamState {
    /// Notified whenever the reader waits for more: backpressure on the transport.
    pub demand: Notify,
    done: AtomicBool,
    one_document: AtomicBool,
    heard_at: Mutex<Instant>,
}

impl StreamState {
    /// The state of a call that was made at `started`.
    pub fn new(started: Instant) -> StreamState {
        StreamState {
            demand: Notify::new(),
            done: AtomicBool::default(),
            one_document: AtomicBool::default(),
            heard_at: Mutex::new(started),
        }
    }

    /// Whether the stream said `[DONE]`.
    pub fn is_done(&self) -> bool {
        self.done.load(Ordering::Relaxed)
    }

    /// The stream said `[DONE]`.
    pub fn set_done(&self) {
        self.done.store(true, Ordering::Relaxed);
    }

    /// Whether the answer was one JSON, whole to its end.
    pub fn is_one_document(&self) -> bool {
        self.one_document.load(Ordering::Relaxed)
    }

    /// The answer was one JSON, whole to its end.
    pub fn set_one_document(&self) {
        self.one_document.store(true, Ordering::Relaxed);
    }

    /// When the last line of any kind arrived, comments and blank ones among them; at first, when the call was made.
    pub fn heard_at(&self) -> Instant {
        *self.heard_at.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line arrived.
    pub fn heard(&self) {
        *self.heard_at.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }
}
