//! Each connection has a place. When all are taken, or all of one peer, the one that has been idle longest gives its own up: nobody is shut
//! out by connections that do nothing, and no peer can hold all places.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::server::{
    connection::{Connection, SharedLimits, UsageLimits},
    peer::peer,
};

/// The places.
#[derive(Clone)]
pub struct ConnectionLimits {
    common: Arc<SharedLimits>,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    connections: HashMap<u64, Arc<Connection>>,
    peers: HashMap<IpAddr, Peer>,
}

struct Peer {
    connections: usize,
    gauges: Arc<UsageLimits>,
}

/// A place; it is given back when it is dropped.
pub struct ConnectionPermit {
    pub connection: Arc<Connection>,
    places: ConnectionLimits,
}

impl ConnectionLimits {
    pub fn new(common: Arc<SharedLimits>) -> ConnectionLimits {
        ConnectionLimits { common, taken: Arc::default() }
    }

    /// A place for a connection from this address. `None`: all are taken by calls that are not broken off.
    pub fn enter(&self, address: IpAddr) -> Option<ConnectionPermit> {
        let limits = &self.common.limits;
        let is_proxy = limits.trusted_proxies.contains(&address.to_canonical());
        let peer = peer(address);
        let mut taken = self.taken();
        let of_peer = taken.peers.get(&peer).map_or(0, |peer| peer.connections);
        let peer_is_full = !is_proxy && of_peer >= limits.max_connections_per_peer;
        if peer_is_full || taken.connections.len() >= limits.max_connections {
            let able = taken.connections.values().filter(|connection| !peer_is_full || connection.peer == peer);
            let (_, number) = able.filter_map(|connection| Some((connection.rank()?, connection.number))).min()?;
            if let Some(closed) = taken.leave(number) {
                closed.close();
            }
        }
        let number = taken.next;
        taken.next += 1;
        let of_peer = taken.peers.entry(peer).or_insert_with(|| Peer { connections: 0, gauges: UsageLimits::of_peer(limits) });
        of_peer.connections += 1;
        let gauges = (!is_proxy).then(|| Arc::clone(&of_peer.gauges));
        let connection = Connection::new(number, address, peer, gauges, &self.common);
        taken.connections.insert(number, Arc::clone(&connection));
        drop(taken);
        Some(ConnectionPermit { connection, places: self.clone() })
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    fn leave(&mut self, number: u64) -> Option<Arc<Connection>> {
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
        self.places.taken().leave(self.connection.number);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::FutureExt;
    use tokio::time::advance;

    use super::*;
    use crate::{config::Limits, server::connection::Trust};

    fn places(max_connections: usize, max_connections_per_peer: usize) -> ConnectionLimits {
        ConnectionLimits::new(SharedLimits::new(Limits { max_connections, max_connections_per_peer, ..Limits::default() }))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_closed(place: &ConnectionPermit) -> bool {
        place.connection.closing().now_or_never().is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_has_been_idle_longest_gives_its_place_up() {
        let places = places(4, 4);
        let mut held = Vec::new();
        for name in ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4"] {
            held.push(places.enter(address(name)).unwrap());
            advance(Duration::from_secs(1)).await;
        }
        held[0].connection.show(Trust::Secret);
        let _call = held[1].connection.begin();
        let newcomer = places.enter(address("192.0.2.5")).unwrap();
        assert_eq!(held.iter().map(is_closed).collect::<Vec<_>>(), [false, false, true, false]);
        let _call = newcomer.connection.begin();
        let _next = places.enter(address("192.0.2.6")).unwrap();
        assert!(is_closed(&held[3]));
    }

    #[test]
    fn one_peer_never_holds_all_places() {
        let places = places(10, 3);
        let of_one: Vec<ConnectionPermit> = (0..100).map(|host| places.enter(address(&format!("2001:db8::{host}"))).unwrap()).collect();
        assert_eq!(of_one.iter().filter(|place| !is_closed(place)).count(), 3);
        let others: Vec<ConnectionPermit> =
            (0..7).map(|network| places.enter(address(&format!("2001:db8:1:{network}::1"))).unwrap()).collect();
        assert!(!others.iter().any(is_closed) && !is_closed(&of_one[99]));
        drop((of_one, others));
        let taken = places.taken();
        assert!(taken.connections.is_empty() && taken.peers.is_empty());
    }

    #[test]
    fn the_calls_of_secret_keys_are_not_broken_off() {
        let places = places(2, 2);
        let held: Vec<ConnectionPermit> = (0..2).map(|_| places.enter(address("192.0.2.1")).unwrap()).collect();
        let calls: Vec<_> = held.iter().map(|place| place.connection.begin()).collect();
        held.iter().for_each(|place| place.connection.show(Trust::Secret));
        assert!(places.enter(address("192.0.2.2")).is_none());
        drop(calls);
        assert!(places.enter(address("192.0.2.2")).is_some());
    }
}
