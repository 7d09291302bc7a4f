//! A connection: its peer, its trust, its idle time, and the limits on its calls and bytes.

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
        watch_limits::WatchLimits,
    },
};

/// Concurrent calls without a key per connection.
const MAX_KEYLESS_CALLS: usize = 8;
/// Requests being received per running call: those that are not complete yet cost little.
const RECEIVING_PER_RUNNING: usize = 4;
/// Bytes guaranteed to each connection, whatever the others use: enough for a search.
const GUARANTEED_BYTES: usize = 32 << 10;

/// How far a caller is trusted, by the key that it presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Trust {
    /// No valid key yet.
    Unknown,
    /// A publishable key, or a server without keys.
    Public,
    /// A secret key.
    Secret,
}

/// The usage limits of one group of callers: requests being received, running calls, bytes in flight.
#[derive(Debug)]
pub struct UsageLimits {
    requests: Arc<UsageLimit>,
    calls: Arc<UsageLimit>,
    bytes: Arc<UsageLimit>,
}

impl UsageLimits {
    /// One of `parts` equal shares of the total.
    fn share(limits: &Limits, parts: usize) -> UsageLimits {
        UsageLimits {
            requests: UsageLimit::new(limits.max_calls * RECEIVING_PER_RUNNING / parts),
            calls: UsageLimit::new(limits.max_calls / parts),
            bytes: UsageLimit::new(limits.max_bytes_in_flight / parts),
        }
    }

    /// The limits of one peer, for callers without a secret key: a quarter of the total.
    pub fn for_peer(limits: &Limits) -> Arc<UsageLimits> {
        Arc::new(UsageLimits::share(limits, 4))
    }
}

/// The limits and state that all connections share.
#[derive(Debug)]
pub struct SharedLimits {
    pub limits: Limits,
    all: UsageLimits,
    /// For callers without a secret key: half of the total. The other half is reserved for agents.
    public: UsageLimits,
    started: Instant,
    pub watches: WatchLimits,
    /// Aborts the calls that are left after the drain timeout.
    pub abort: CancellationToken,
}

impl SharedLimits {
    pub fn new(limits: Limits) -> Arc<SharedLimits> {
        let (all, public) = (UsageLimits::share(&limits, 1), UsageLimits::share(&limits, 2));
        let watches = WatchLimits::new(limits.max_watches);
        Arc::new(SharedLimits { limits, all, public, watches, started: Instant::now(), abort: CancellationToken::new() })
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    pub number: u64,
    pub peer: IpAddr,
    address: IpAddr,
    shared: Arc<SharedLimits>,
    /// `None` for a trusted proxy, which carries the calls of many.
    peer_limits: Option<Arc<UsageLimits>>,
    bytes: Arc<UsageLimit>,
    keyless: Arc<UsageLimit>,
    trust: AtomicU8,
    calls: AtomicUsize,
    /// When its last call ended or its client last read something, in milliseconds since the server started.
    active_at: AtomicU64,
    closing: CancellationToken,
    leaving: CancellationToken,
    abort: CancellationToken,
}

impl Connection {
    pub fn new(
        number: u64,
        address: IpAddr,
        peer: IpAddr,
        peer_limits: Option<Arc<UsageLimits>>,
        shared: &Arc<SharedLimits>,
    ) -> Arc<Connection> {
        let connection = Connection {
            number,
            peer,
            address,
            peer_limits,
            bytes: UsageLimit::new(shared.limits.max_bytes_in_flight / 8),
            keyless: UsageLimit::new(MAX_KEYLESS_CALLS),
            trust: AtomicU8::new(Trust::Unknown as u8),
            calls: AtomicUsize::new(0),
            active_at: AtomicU64::new(0),
            closing: CancellationToken::new(),
            leaving: CancellationToken::new(),
            // A child token, so that calls of different connections don't contend for one lock.
            abort: shared.abort.child_token(),
            shared: Arc::clone(shared),
        };
        connection.touch();
        Arc::new(connection)
    }

    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Whether it comes from a trusted proxy.
    pub fn is_of_proxy(&self) -> bool {
        self.shared.limits.is_trusted_proxy(self.address)
    }

    /// The address that a call on it comes from.
    pub fn visitor(&self, headers: &HeaderMap) -> IpAddr {
        visitor(self.address, headers, &self.shared.limits)
    }

    pub fn trust(&self) -> Trust {
        match self.trust.load(Relaxed) {
            0 => Trust::Unknown,
            1 => Trust::Public,
            _ => Trust::Secret,
        }
    }

    /// Raises its trust after a call's key was checked; trust never falls.
    pub fn raise_trust(&self, trust: Trust) {
        self.trust.fetch_max(trust as u8, Relaxed);
    }

    /// Restarts the idle timer: its client called, or read some of a reply.
    pub fn touch(&self) {
        let now = self.shared.started.elapsed().as_millis();
        self.active_at.store(u64::try_from(now).unwrap_or(u64::MAX), Relaxed);
    }

    pub fn is_busy(&self) -> bool {
        self.calls.load(Relaxed) > 0
    }

    /// Order of eviction when there are too many connections: idle ones first, then those with less trust, then the one inactive longest.
    /// `None`: never evicted, as it runs calls of a secret key.
    pub fn eviction_rank(&self) -> Option<(bool, Trust, u64, u64)> {
        let (busy, trust) = (self.is_busy(), self.trust());
        (!busy || trust < Trust::Secret).then(|| (busy, trust, self.active_at.load(Relaxed), self.number))
    }

    /// Asks its task to close it.
    pub fn close(&self) {
        self.closing.cancel();
    }

    /// Waits until [`Connection::close`].
    pub async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Says that it takes no new calls any more and closes once its calls have ended.
    pub fn leave(&self) {
        self.leaving.cancel();
    }

    /// Waits until [`Connection::leave`].
    pub async fn leaving(&self) {
        self.leaving.cancelled().await;
    }

    /// Waits until its calls are aborted after the drain timeout.
    pub async fn aborted(&self) {
        self.abort.cancelled().await;
    }

    pub fn is_aborted(&self) -> bool {
        self.abort.is_cancelled()
    }

    /// Waits until its idle timeout: it has been without a call for too long.
    pub async fn idle(&self) {
        loop {
            let limits = &self.shared.limits;
            let idle_timeout = if self.trust() == Trust::Unknown { limits.keyless_timeout } else { limits.idle_timeout };
            let until = match self.is_busy() {
                true => Instant::now() + idle_timeout,
                false => self.shared.started + Duration::from_millis(self.active_at.load(Relaxed)) + idle_timeout,
            };
            if until <= Instant::now() {
                return;
            }
            sleep_until(until).await;
        }
    }

    /// Begins a call. The connection is busy until the returned guard is dropped.
    pub fn begin_call(self: &Arc<Connection>) -> Active {
        self.calls.fetch_add(1, Relaxed);
        Active { connection: Arc::clone(self) }
    }

    /// A usage share of the requests being received.
    pub fn requests(&self, trust: Trust) -> UsageShare {
        UsageShare::new(self.usage_limits(trust, |usage_limits| &usage_limits.requests))
    }

    /// A usage share of one open watch with a key, by its id; `None`: there are too many.
    pub fn watch(&self, key_id: Option<&str>, of_agent: bool) -> Option<UsageShare> {
        self.shared.watches.open(key_id.unwrap_or_default(), of_agent)
    }

    /// A usage share of the running calls.
    pub fn calls(&self, trust: Trust) -> UsageShare {
        let mut usage_limits = self.usage_limits(trust, |usage_limits| &usage_limits.calls);
        if trust == Trust::Unknown {
            usage_limits.push(Arc::clone(&self.keyless));
        }
        UsageShare::new(usage_limits)
    }

    /// A usage share of the bytes in flight.
    pub fn bytes(&self, trust: Trust) -> Bytes {
        let own = Arc::clone(&self.bytes);
        Bytes {
            own: UsageShare::new(vec![Arc::clone(&own)]),
            own_limit: own,
            shared: UsageShare::new(self.usage_limits(trust, |usage_limits| &usage_limits.bytes)),
        }
    }

    fn usage_limits(&self, trust: Trust, kind: impl Fn(&UsageLimits) -> &Arc<UsageLimit>) -> Vec<Arc<UsageLimit>> {
        let all = Some(kind(&self.shared.all));
        let public = (trust < Trust::Secret).then(|| kind(&self.shared.public));
        let peer = self.peer_limits.as_deref().filter(|_| trust < Trust::Secret).map(kind);
        [all, public, peer].into_iter().flatten().map(Arc::clone).collect()
    }
}

/// The bytes in flight of one call.
#[derive(Debug)]
pub struct Bytes {
    own: UsageShare,
    own_limit: Arc<UsageLimit>,
    shared: UsageShare,
}

impl Bytes {
    /// Gives back what was taken: it was sent.
    pub fn clear(&mut self) {
        self.own.clear();
        self.shared.clear();
    }

    /// Takes `amount` more bytes. Returns false without room; the bytes taken so far are kept until this is dropped.
    #[must_use]
    pub fn grow(&mut self, amount: usize) -> bool {
        self.own.grow(amount) && (self.own_limit.used() <= GUARANTEED_BYTES || self.shared.grow(amount))
    }
}

/// A running call on a connection; the guard of [`Connection::begin_call`].
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
        let shared = SharedLimits::new(limits);
        let address = IpAddr::from([192, 0, 2, 7]);
        let connection = Connection::new(0, address, address, Some(UsageLimits::for_peer(&shared.limits)), &shared);
        (shared, connection)
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_without_a_call_reaches_its_idle_timeout() {
        let (_, connection) = connection(Limits::default());
        let began = Instant::now();
        connection.idle().await;
        assert_eq!(began.elapsed(), connection.limits().keyless_timeout);

        connection.raise_trust(Trust::Public);
        let call = connection.begin_call();
        let waited = tokio::time::timeout(10 * connection.limits().idle_timeout, connection.idle()).await;
        assert!(waited.is_err(), "a connection with a call is not idle");
        drop(call);
        let began = Instant::now();
        connection.idle().await;
        assert_eq!(began.elapsed(), connection.limits().idle_timeout);
    }

    #[test]
    fn agents_have_room_when_the_public_has_used_up_its_share() {
        let (shared, connection) = connection(Limits::default());
        let other = IpAddr::from([192, 0, 2, 8]);
        let peer_limits = || Some(UsageLimits::for_peer(&shared.limits));
        let filled: Vec<UsageShare> = (0..2000)
            .filter_map(|number| {
                let mut share = Connection::new(number, other, other, peer_limits(), &shared).calls(Trust::Public);
                share.grow(1).then_some(share)
            })
            .collect();
        assert_eq!(filled.len(), shared.limits.max_calls / 2);
        assert!(!connection.calls(Trust::Public).grow(1));
        assert!(connection.calls(Trust::Secret).grow(1));
    }

    #[test]
    fn a_search_has_room_when_others_use_all_bytes() {
        let (shared, connection) = connection(Limits::default());
        let mut all = UsageShare::new(vec![Arc::clone(&shared.all.bytes)]);
        assert!(all.grow(shared.limits.max_bytes_in_flight));
        let mut bytes = connection.bytes(Trust::Public);
        assert!(bytes.grow(GUARANTEED_BYTES) && !bytes.grow(1));
    }

    #[test]
    fn a_connection_has_few_calls_without_a_key() {
        let (_, connection) = connection(Limits::default());
        let mut calls: Vec<UsageShare> = (0..20).map(|_| connection.calls(Trust::Unknown)).collect();
        assert_eq!(calls.iter_mut().filter_map(|call| call.grow(1).then_some(())).count(), MAX_KEYLESS_CALLS);
    }
}
