//! Leaders: of all servers of a PostgreSQL database, one does a piece of background work. It holds an advisory lock on the connection of the
//! probe, which PostgreSQL gives up when that connection ends: another server that asks a second later then leads.
//!
//! A server leads until its probe fails or its connection ends. For the moment in which it does not know that yet two may do the same work,
//! so all of it must stay right when done twice. SQLite has one server, which leads. Behind a pooler that runs each transaction on another
//! connection no lock lasts: there each server leads, and the same work is done more than once.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use sha2::{Digest, Sha256};
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use crate::store::availability::Availability;

/// How long a starting server tries to lead: its predecessor may just have ended.
const START_TIMEOUT: Duration = Duration::from_millis(600);
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// Whether this server leads, for each work that it could do.
#[derive(Clone, Default)]
pub struct Leaders(Arc<Mutex<BTreeMap<String, watch::Sender<bool>>>>);

impl Leaders {
    fn works(&self) -> MutexGuard<'_, BTreeMap<String, watch::Sender<bool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether this server leads a work, from now on. The next probe tries to.
    pub fn of(&self, work: &str, availability: Arc<Availability>) -> Leadership {
        let leads = self.works().entry(work.to_owned()).or_default().subscribe();
        Leadership { leads, availability: Some(availability) }
    }

    /// Returns the works that this server does not lead, each with the key of its lock.
    pub fn wanted(&self) -> Vec<(String, i64)> {
        let follows = |(work, leads): (&String, &watch::Sender<bool>)| (!*leads.borrow()).then(|| (work.clone(), key(work)));
        self.works().iter().filter_map(follows).collect()
    }

    /// The probe's connection got a work's lock.
    pub fn lead(&self, work: &str) {
        if let Some(leads) = self.works().get(work) {
            leads.send_replace(true);
            tracing::debug!(work, "of all servers this one does it");
        }
    }

    /// The probe's connection ended, and with it all locks.
    pub fn follow(&self) {
        for leads in self.works().values() {
            leads.send_replace(false);
        }
    }
}

/// The key of a work's lock, which is the same in every server.
fn key(work: &str) -> i64 {
    let hash = Sha256::digest(format!("leader of {work}"));
    i64::from_be_bytes(hash[..8].try_into().expect("it has 32 bytes"))
}

/// Whether this server leads a work.
#[derive(Clone)]
pub struct Leadership {
    leads: watch::Receiver<bool>,
    /// `None`: it leads for good.
    availability: Option<Arc<Availability>>,
}

impl Leadership {
    /// The leadership of a server that has no others beside it.
    pub fn alone() -> Leadership {
        Leadership { leads: watch::Sender::new(true).subscribe(), availability: None }
    }

    /// Returns whether this server leads now.
    pub fn leads(&self) -> bool {
        *self.leads.borrow()
    }

    /// Waits until this server leads, or until it doesn't.
    pub async fn until(&mut self, leads: bool) {
        if self.leads.wait_for(|now| *now == leads).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Tries to lead, for as long as a start may wait for it. Returns whether it does.
    pub async fn begin(&mut self) -> bool {
        let give_up = Instant::now() + START_TIMEOUT;
        while !self.leads() && Instant::now() < give_up {
            if let Some(availability) = &self.availability {
                availability.probe();
            }
            tokio::select! {
                () = self.until(true) => {}
                () = sleep(TRY_AGAIN) => {}
            }
        }
        self.leads()
    }

    /// Does work while this server leads. It is dropped when it no longer does, and begun anew when it does again.
    pub async fn while_leading<F: Future<Output = ()>>(mut self, work: impl Fn() -> F) {
        loop {
            self.clone().until(true).await;
            tokio::select! {
                () = work() => return,
                () = self.until(false) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn work_is_done_while_this_server_leads() {
        let leaders = Leaders::default();
        let leadership = leaders.of("learning", Arc::new(Availability::new()));
        assert!(!leadership.clone().begin().await);
        let (begun, ended) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (Arc::clone(&begun), Arc::clone(&ended));
        let working = tokio::spawn(leadership.while_leading(move || {
            let (begun, ended) = counts.clone();
            async move {
                begun.fetch_add(1, Ordering::Relaxed);
                let _counted = Counted(ended);
                std::future::pending::<()>().await;
            }
        }));
        for round in 1..=3 {
            assert_eq!(leaders.wanted(), [("learning".to_owned(), key("learning"))]);
            leaders.lead("learning");
            assert_eq!(leaders.wanted(), []);
            sleep(Duration::from_millis(1)).await;
            assert_eq!((begun.load(Ordering::Relaxed), ended.load(Ordering::Relaxed)), (round, round - 1));
            leaders.follow();
            sleep(Duration::from_millis(1)).await;
            assert_eq!(ended.load(Ordering::Relaxed), round);
        }
        working.abort();
    }

    struct Counted(Arc<AtomicUsize>);

    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[tokio::test]
    async fn a_server_without_others_leads() {
        let mut alone = Leadership::alone();
        assert!(alone.leads() && alone.begin().await);
        let done = Arc::new(AtomicUsize::new(0));
        alone
            .while_leading(|| async {
                done.fetch_add(1, Ordering::Relaxed);
            })
            .await;
        assert_eq!(done.load(Ordering::Relaxed), 1);
    }
}
