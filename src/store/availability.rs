//! Whether PostgreSQL can be reached and takes writes. What waits for the database learns of it at once, instead of waiting for a timeout of
//! its own.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::store::error::unavailable;

/// A statement that waits for longer than this triggers a probe.
const SLOW_STATEMENT: Duration = Duration::from_millis(200);

/// The state of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It answers, and takes writes.
    Up,
    /// It answers, but accepts no writes: a standby, after a failover.
    ReadOnly,
    /// It does not answer.
    Down,
}

/// The last known state, shared by all users of the database.
#[derive(Debug)]
pub struct Availability {
    state: watch::Sender<State>,
    probe: Notify,
    /// Connections of an earlier generation may be dead, or belong to a server that is no longer the primary.
    generation: AtomicU64,
}

impl Availability {
    /// Of a database that was just connected to.
    pub fn new() -> Availability {
        Availability { state: watch::Sender::new(State::Up), probe: Notify::new(), generation: AtomicU64::new(0) }
    }

    /// Takes in what a probe found.
    pub fn found(&self, state: State) {
        if self.state.send_if_modified(|last| std::mem::replace(last, state) != state) {
            self.renew_connections();
        }
    }

    /// Asks for a probe at once.
    pub fn probe(&self) {
        self.probe.notify_one();
    }

    /// Waits until somebody needs to know how the database is.
    pub async fn probe_wanted(&self) {
        self.probe.notified().await;
    }

    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Waits until the state is another than `known`.
    pub async fn changed_from(&self, known: State) {
        let _ = self.state.subscribe().wait_for(|state| *state != known).await;
    }

    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Relaxed)
    }

    /// Reports a failed connection: the others may be dead as well, so all are renewed and a probe is triggered.
    pub fn connection_failed(&self) {
        self.renew_connections();
        self.probe.notify_one();
    }

    /// Waits until the database is down; triggers a probe if the wait is longer than a statement usually takes.
    pub async fn lost(&self) -> sqlx::Error {
        let mut state = self.state.subscribe();
        let mut down = async || {
            let _ = state.wait_for(|state| *state == State::Down).await;
        };
        if timeout(SLOW_STATEMENT, down()).await.is_err() {
            self.probe.notify_one();
            down().await;
        }
        unavailable()
    }

    fn renew_connections(&self) {
        self.generation.fetch_add(1, Ordering::Relaxed);
    }
}
