//! Limits on connections, calls, bytes and time: per caller, per address and in total.

use std::{net::IpAddr, time::Duration};

use toml::Value;

use crate::config::value;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The header in which proxies name the client of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`: addresses with commas between them, the nearest hop last.
    XForwardedFor,
    /// `Forwarded`, by RFC 7239.
    Forwarded,
}

/// Limits on connections, calls, bytes and time.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Open connections in all, default 1,024. For one more, the one idle for longest is closed.
    pub max_connections: usize,
    /// Connections per peer: an IPv4 address, or an IPv6 /64 network.
    pub max_connections_per_peer: usize,
    /// Concurrent calls.
    pub max_calls: usize,
    /// Open streams of `Watch`, which are not among those calls. One key may have half of them, a key for one agent 32.
    pub max_watches: usize,
    /// After how long without another message a stream of `Watch` sends a heartbeat.
    pub watch_heartbeat: Duration,
    /// Bytes of requests being received and of replies not yet read, over all connections.
    pub max_bytes_in_flight: usize,
    /// Idle timeout of a connection that has not shown a valid key: after connecting, and after its last call.
    pub keyless_timeout: Duration,
    /// Idle timeout of a connection that has shown a valid key.
    pub idle_timeout: Duration,
    /// Longest time to receive a whole request.
    pub request_timeout: Duration,
    /// Longest time that a caller may read nothing of a reply that waits for it.
    pub write_timeout: Duration,
    /// How long the server goes on as before once it is to stop and reports that it is not ready.
    pub drain_delay: Duration,
    /// Longest life of a connection, a tenth more or less; zero: no limit.
    pub max_connection_age: Duration,
    /// Longest time that running calls get to finish when the server drains.
    pub drain_timeout: Duration,
    /// Rate limit of one peer with one publishable key, in calls per second.
    pub calls_per_visitor: u32,
    /// Bytes per day and workspace that public searches, opened articles and ratings may add to the database.
    pub report_bytes_per_day: u64,
    /// Proxies that are trusted to name the client.
    pub trusted_proxies: Vec<IpAddr>,
    /// The header in which they do; the other one is never read.
    pub forwarded_header: ForwardedHeader,
    /// Whether connections of trusted proxies begin with a header of the PROXY protocol, which names the client.
    pub proxy_protocol: bool,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_connections: 1024,
            max_connections_per_peer: 256,
            max_calls: 1024,
            max_watches: 4096,
            watch_heartbeat: Duration::from_secs(15),
            max_bytes_in_flight: 96 << 20,
            keyless_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(5 * 60),
            request_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
            max_connection_age: Duration::ZERO,
            drain_timeout: Duration::from_secs(10),
            calls_per_visitor: 10,
            report_bytes_per_day: 64 << 20,
            trusted_proxies: Vec::new(),
            forwarded_header: ForwardedHeader::XForwardedFor,
            proxy_protocol: false,
        }
    }
}

impl Limits {
    /// Whether an address is a trusted proxy's.
    pub fn is_trusted_proxy(&self, address: IpAddr) -> bool {
        self.trusted_proxies.contains(&address.to_canonical())
    }

    /// Sets one key; the error says which values are allowed. `None`: the key is unknown.
    pub fn set(&mut self, key: &str, given: &Value) -> Option<Result<(), String>> {
        let count = |min, max| value::whole(given, min, max).map(|count| count as usize);
        Some(match key {
            "max_connections" => count(8, 1_000_000).map(|limit| self.max_connections = limit),
            "max_connections_per_peer" => count(1, 1_000_000).map(|limit| self.max_connections_per_peer = limit),
            "max_calls" => count(8, 1_000_000).map(|limit| self.max_calls = limit),
            "max_watches" => count(2, 1_000_000).map(|limit| self.max_watches = limit),
            "watch_heartbeat" => value::duration(given, DAY).map(|time| self.watch_heartbeat = time),
            // A Put of 8 MiB must fit into one connection's share.
            "max_bytes_in_flight" => count(80 << 20, 1 << 40).map(|limit| self.max_bytes_in_flight = limit),
            "keyless_timeout" => value::duration(given, DAY).map(|time| self.keyless_timeout = time),
            "idle_timeout" => value::duration(given, DAY).map(|time| self.idle_timeout = time),
            "request_timeout" => value::duration(given, DAY).map(|time| self.request_timeout = time),
            "write_timeout" => value::duration(given, DAY).map(|time| self.write_timeout = time),
            "drain_delay" => value::duration_or_zero(given, DAY).map(|time| self.drain_delay = time),
            "max_connection_age" => value::duration_or_zero(given, DAY).map(|time| self.max_connection_age = time),
            "drain_timeout" => value::duration(given, DAY).map(|time| self.drain_timeout = time),
            "calls_per_visitor" => value::whole(given, 1, 1_000_000).map(|limit| self.calls_per_visitor = limit as u32),
            "report_bytes_per_day" => value::whole(given, 1 << 20, 1 << 40).map(|limit| self.report_bytes_per_day = limit as u64),
            "trusted_proxies" => value::addresses(given).map(|addresses| self.trusted_proxies = addresses),
            "forwarded_header" => value::one_of(given, &["x-forwarded-for", "forwarded"]).map(|header| {
                self.forwarded_header = if header == "forwarded" { ForwardedHeader::Forwarded } else { ForwardedHeader::XForwardedFor };
            }),
            "proxy_protocol" => value::truth(given).map(|truth| self.proxy_protocol = truth),
            _ => return None,
        })
    }
}
