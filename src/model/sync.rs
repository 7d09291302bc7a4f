//! What the gate, the breaker and the budgets lock, count and wait with.
//!
//! Named in one place so that `tests/schedules` can compile the same files against Shuttle's primitives and try out their interleavings.

pub use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

pub use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};
