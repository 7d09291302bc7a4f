//! A connection: whom it belongs to, what it has shown, since when it is idle, and what its calls may take.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use http::HeaderMap;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::{
    config::Limits,
    server::{
        peer::visitor,
        usage::{UsageLimit, UsageShare},
    },
};

/// Most calls without a key at once on one connection.
const MAX_KEYLESS_CALLS: usize = 8;
/// Calls whose request is not yet whole cost little; so many times as many as may run are waited for.
const WAITING_PER_RUNNING: usize = 4;
/// Bytes that a connection has for itself, whatever the others take: a search needs no more.
const MIN_BYTES: usize = 32 << 10;

/// What a caller has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// No key.
    Unknown,
    /// A key that anybody may have, or none is needed.
    Public,
    /// A secret key.
    Secret,
}

/// What calls take of, in one circle of callers.
#[derive(Debug)]
pub struct UsageLimits {
    requests: Arc<UsageLimit>,
    calls: Arc<UsageLimit>,
    bytes: Arc<UsageLimit>,
}

impl UsageLimits {
    /// One of `parts` equal parts of everything.
    fn part(limits: &Limits, parts: usize) -> UsageLimits {
        UsageLimits {
            requests: UsageLimit::new(limits.max_calls * WAITING_PER_RUNNING / parts),
            calls: UsageLimit::new(limits.max_calls / parts),
            bytes: UsageLimit::new(limits.max_bytes_in_flight / parts),
        }
    }

    /// What one peer may take of what is for callers without a secret key.
    pub fn of_peer(limits: &Limits) -> Arc<UsageLimits> {
        Arc::new(UsageLimits::part(limits, 4))
    }
}

/// What all connections have in common.
#[derive(Debug)]
pub struct SharedLimits {
    pub limits: Limits,
    all: UsageLimits,
    /// Of those without a secret key: agents always have the other half.
    public: UsageLimits,
    began: Instant,
    /// Ends the calls that are left when the server stops.
    pub cut: CancellationToken,
}

impl SharedLimits {
    pub fn new(limits: Limits) -> Arc<SharedLimits> {
        let (all, public) = (UsageLimits::part(&limits, 1), UsageLimits::part(&limits, 2));
        Arc::new(SharedLimits { limits, all, public, began: Instant::now(), cut: CancellationToken::new() })
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    pub number: u64,
    pub peer: IpAddr,
    address: IpAddr,
    common: Arc<SharedLimits>,
    /// `None` for a trusted proxy, which speaks for many.
    of_peer: Option<Arc<UsageLimits>>,
    bytes: Arc<UsageLimit>,
    keyless: Arc<UsageLimit>,
    trust: AtomicU8,
    calls: AtomicUsize,
    /// When its last call ended or its client last took something, in milliseconds since the server began.
    active_at: AtomicU64,
    closing: CancellationToken,
    cut: CancellationToken,
}

impl Connection {
    pub fn new(
        number: u64,
        address: IpAddr,
        peer: IpAddr,
        of_peer: Option<Arc<UsageLimits>>,
        common: &Arc<SharedLimits>,
    ) -> Arc<Connection> {
        let connection = Connection {
            number,
            peer,
            address,
            of_peer,
            bytes: UsageLimit::new(common.limits.max_bytes_in_flight / 8),
            keyless: UsageLimit::new(MAX_KEYLESS_CALLS),
            trust: AtomicU8::new(Trust::Unknown as u8),
            calls: AtomicUsize::new(0),
            active_at: AtomicU64::new(0),
            closing: CancellationToken::new(),
            // A token of its own, so that calls of different connections don't meet at one lock.
            cut: common.cut.child_token(),
            common: Arc::clone(common),
        };
        connection.touch();
        Arc::new(connection)
    }

    pub fn limits(&self) -> &Limits {
        &self.common.limits
    }

    /// Whom a call on it comes from.
    pub fn visitor(&self, headers: &HeaderMap) -> IpAddr {
        visitor(self.address, headers, &self.common.limits.trusted_proxies)
    }

    pub fn trust(&self) -> Trust {
        match self.trust.load(Relaxed) {
            0 => Trust::Unknown,
            1 => Trust::Public,
            _ => Trust::Secret,
        }
    }

    /// A call on it has shown this much.
    pub fn show(&self, trust: Trust) {
        self.trust.fetch_max(trust as u8, Relaxed);
    }

    /// Its client is there: it called, or took some of a reply.
    pub fn touch(&self) {
        let now = self.common.began.elapsed().as_millis();
        self.active_at.store(u64::try_from(now).unwrap_or(u64::MAX), Relaxed);
    }

    pub fn is_busy(&self) -> bool {
        self.calls.load(Relaxed) > 0
    }

    /// In which order connections give up their places; `None`: this one does not. Who made no call goes first, then who showed no key;
    /// the calls of secret keys are never broken off.
    pub fn rank(&self) -> Option<(bool, Trust, u64, u64)> {
        let (busy, trust) = (self.is_busy(), self.trust());
        (!busy || trust < Trust::Secret).then(|| (busy, trust, self.active_at.load(Relaxed), self.number))
    }

    /// Ends it, soon.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Waits until somebody closes it.
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Waits until its calls are broken off because the server stops.
    pub async fn cut(&self) {
        self.cut.cancelled().await;
    }

    pub fn is_cut(&self) -> bool {
        self.cut.is_cancelled()
    }

    /// Waits until it has been without a call for too long.
    pub async fn idle(&self) {
        loop {
            let limits = &self.common.limits;
            let patience = if self.trust() == Trust::Unknown { limits.keyless_timeout } else { limits.idle_timeout };
            let until = match self.is_busy() {
                true => Instant::now() + patience,
                false => self.common.began + Duration::from_millis(self.active_at.load(Relaxed)) + patience,
            };
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// Begins a call: it is not idle until what comes back is dropped.
    pub fn begin(self: &Arc<Connection>) -> Active {
        self.calls.fetch_add(1, Relaxed);
        Active { connection: Arc::clone(self) }
    }

    /// A share of the requests that are waited for.
    pub fn requests(&self, trust: Trust) -> UsageShare {
        UsageShare::of(self.gauges(trust, |gauges| &gauges.requests))
    }

    /// A share of the calls that run.
    pub fn calls(&self, trust: Trust) -> UsageShare {
        let mut gauges = self.gauges(trust, |gauges| &gauges.calls);
        if trust == Trust::Unknown {
            gauges.push(Arc::clone(&self.keyless));
        }
        UsageShare::of(gauges)
    }

    /// A share of the bytes in flight.
    pub fn bytes(&self, trust: Trust) -> Bytes {
        let own = Arc::clone(&self.bytes);
        Bytes {
            own: UsageShare::of(vec![Arc::clone(&own)]),
            gauge: own,
            shared: UsageShare::of(self.gauges(trust, |gauges| &gauges.bytes)),
        }
    }

    fn gauges(&self, trust: Trust, kind: impl Fn(&UsageLimits) -> &Arc<UsageLimit>) -> Vec<Arc<UsageLimit>> {
        let all = Some(kind(&self.common.all));
        let public = (trust < Trust::Secret).then(|| kind(&self.common.public));
        let peer = self.of_peer.as_deref().filter(|_| trust < Trust::Secret).map(kind);
        [all, public, peer].into_iter().flatten().map(Arc::clone).collect()
    }
}

/// The bytes in flight of one call.
#[derive(Debug)]
pub struct Bytes {
    own: UsageShare,
    gauge: Arc<UsageLimit>,
    shared: UsageShare,
}

impl Bytes {
    /// Takes so many more; what is taken stays taken if there is no room.
    #[must_use]
    pub fn grow(&mut self, amount: usize) -> bool {
        self.own.grow(amount) && (self.gauge.used() <= MIN_BYTES || self.shared.grow(amount))
    }
}

/// A call that is under way on a connection.
#[derive(Debug)]
pub struct Active {
    connection: Arc<Connection>,
}

impl Active {
    pub fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.connection.touch();
        self.connection.calls.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(limits: Limits) -> (Arc<SharedLimits>, Arc<Connection>) {
        let common = SharedLimits::new(limits);
        let address = IpAddr::from([192, 0, 2, 7]);
        let connection = Connection::new(0, address, address, Some(UsageLimits::of_peer(&common.limits)), &common);
        (common, connection)
    }

    #[tokio::test(start_paused = true)]
    async fn who_makes_no_call_is_not_waited_for() {
        let (_, connection) = connection(Limits::default());
        let began = Instant::now();
        connection.idle().await;
        assert_eq!(began.elapsed(), connection.limits().keyless_timeout);

        connection.show(Trust::Public);
        let call = connection.begin();
        let waited = tokio::time::timeout(10 * connection.limits().idle_timeout, connection.idle()).await;
        assert!(waited.is_err(), "a connection with a call is not idle");
        drop(call);
        let began = Instant::now();
        connection.idle().await;
        assert_eq!(began.elapsed(), connection.limits().idle_timeout);
    }

    #[test]
    fn agents_have_room_when_the_public_has_taken_all_of_its_own() {
        let (common, connection) = connection(Limits::default());
        let other = IpAddr::from([192, 0, 2, 8]);
        let of_peer = || Some(UsageLimits::of_peer(&common.limits));
        let filled: Vec<UsageShare> = (0..2000)
            .filter_map(|number| {
                let mut share = Connection::new(number, other, other, of_peer(), &common).calls(Trust::Public);
                share.grow(1).then_some(share)
            })
            .collect();
        assert_eq!(filled.len(), common.limits.max_calls / 2);
        assert!(!connection.calls(Trust::Public).grow(1));
        assert!(connection.calls(Trust::Secret).grow(1));
    }

    #[test]
    fn a_search_has_room_when_others_have_taken_all() {
        let (common, connection) = connection(Limits::default());
        let mut all = UsageShare::of(vec![Arc::clone(&common.all.bytes)]);
        assert!(all.grow(common.limits.max_bytes_in_flight));
        let mut bytes = connection.bytes(Trust::Public);
        assert!(bytes.grow(MIN_BYTES) && !bytes.grow(1));
    }

    #[test]
    fn a_connection_has_few_calls_without_a_key() {
        let (_, connection) = connection(Limits::default());
        let mut calls: Vec<UsageShare> = (0..20).map(|_| connection.calls(Trust::Unknown)).collect();
        assert_eq!(calls.iter_mut().filter_map(|call| call.grow(1).then_some(())).count(), MAX_KEYLESS_CALLS);
    }
}
