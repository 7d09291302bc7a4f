//! Synchronization primitives of the admission gate, the circuit breaker and the budgets.
//!
//! They are named in one place so that `tests/schedules` can compile the same files against Shuttle's primitives and explore their interleavings.

pub use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

pub use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout_at,
};
