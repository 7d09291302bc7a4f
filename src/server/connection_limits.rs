//! Connection limits, in total and per peer. At a limit the connection that has been idle longest is evicted: idle connections shut nobody
//! out, and no peer can hold all permits.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::server::{
    connection::{Connection, SharedLimits, UsageLimits},
    peer::peer,
};

/// Hands out permits for connections.
#[derive(Clone)]
pub struct ConnectionLimits {
    shared: Arc<SharedLimits>,
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
    peers: HashMap<IpAddr, Peer>,
}

struct Peer {
    connections: usize,
    usage_limits: Arc<UsageLimits>,
}

/// The permit of an open connection; dropping it releases it.
pub struct ConnectionPermit {
    pub connection: Arc<Connection>,
    limits: ConnectionLimits,
}

impl ConnectionLimits {
    pub fn new(shared: Arc<SharedLimits>) -> ConnectionLimits {
        ConnectionLimits { shared, open: Arc::default() }
    }

    /// A permit for a connection from this address; may evict another connection. `None`: all permits are held by connections that can't be
    /// evicted.
    pub fn enter(&self, address: IpAddr) -> Option<ConnectionPermit> {
        let limits = &self.shared.limits;
        let is_proxy = limits.is_trusted_proxy(address);
        let peer = peer(address);
        let mut open = self.open();
        let count = open.peers.get(&peer).map_or(0, |peer| peer.connections);
        let peer_is_full = !is_proxy && count >= limits.max_connections_per_peer;
        if peer_is_full || open.connections.len() >= limits.max_connections {
            let candidates = open.connections.values().filter(|connection| !peer_is_full || connection.peer == peer);
            let (_, number) = candidates.filter_map(|connection| Some((connection.eviction_rank()?, connection.number))).min()?;
            if let Some(evicted) = open.remove(number) {
                evicted.close();
            }
        }
        let number = open.next;
        open.next += 1;
        let entry = open.peers.entry(peer).or_insert_with(|| Peer { connections: 0, usage_limits: UsageLimits::for_peer(limits) });
        entry.connections += 1;
        let peer_limits = (!is_proxy).then(|| Arc::clone(&entry.usage_limits));
        let connection = Connection::new(number, address, peer, peer_limits, &self.shared);
        open.connections.insert(number, Arc::clone(&connection));
        drop(open);
        Some(ConnectionPermit { connection, limits: self.clone() })
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn remove(&mut self, number: u64) -> Option<Arc<Connection>> {
        let connection = self.connections.remove(&number)?;
        if let Some(peer) = self.peers.get_mut(&connection.peer) {
            peer.connections -= 1;
            if peer.connections == 0 {
                self.peers.remove(&connection.peer);
            }
        }
        Some(connection)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.limits.open().remove(self.connection.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;
    use tokio::time::advance;

    use super::*;
    use crate::{config::Limits, server::connection::Trust};

    fn limits(max_connections: usize, max_connections_per_peer: usize) -> ConnectionLimits {
        ConnectionLimits::new(SharedLimits::new(Limits { max_connections, max_connections_per_peer, ..Limits::default() }))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_closed(permit: &ConnectionPermit) -> bool {
        permit.connection.closing().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_connection_that_has_been_idle_longest_is_evicted() {
        let limits = limits(4, 4);
        let mut held = Vec::new();
        for name in ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] {
            held.push(limits.enter(address(name)).unwrap());
            advance(Duration::from_secs(1)).await;
        }
        held[0].connection.raise_trust(Trust::Secret);
        let _call = held[1].connection.begin_call();
        let newcomer = limits.enter(address("192.0.2.5")).unwrap();
        assert_eq!(held.iter().map(is_closed).collect::<Vec<_>>(), [false, false, true, false]);
        let _call = newcomer.connection.begin_call();
        let _next = limits.enter(address("192.0.2.6")).unwrap();
        assert!(is_closed(&held[3]));
    }

    #[test]
    fn one_peer_never_holds_all_permits() {
        let limits = limits(10, 3);
        let one_peer: Vec<ConnectionPermit> = (0..100).map(|host| limits.enter(address(&format!("2001:db8::{host}"))).unwrap()).collect();
        assert_eq!(one_peer.iter().filter(|permit| !is_closed(permit)).count(), 3);
        let others: Vec<ConnectionPermit> =
            (0..7).map(|network| limits.enter(address(&format!("2001:db8:1:{network}::1"))).unwrap()).collect();
        assert!(!others.iter().any(is_closed) && !is_closed(&one_peer[99]));
        drop((one_peer, others));
        let open = limits.open();
        assert!(open.connections.is_empty() && open.peers.is_empty());
    }

    #[test]
    fn the_calls_of_secret_keys_are_not_evicted() {
        let limits = limits(2, 2);
        let held: Vec<ConnectionPermit> = (0..2).map(|_| limits.enter(address("192.0.2.1")).unwrap()).collect();
        let calls: Vec<_> = held.iter().map(|permit| permit.connection.begin_call()).collect();
        held.iter().for_each(|permit| permit.connection.raise_trust(Trust::Secret));
        assert!(limits.enter(address("192.0.2.2")).is_none());
        drop(calls);
        assert!(limits.enter(address("192.0.2.2")).is_some());
    }
}
