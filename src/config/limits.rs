//! How much of the server one caller, one address and all together may take, and for how long.

use std::{net::IpAddr, time::Duration};

use toml::Value;

use crate::config::value;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The bounds on connections, calls, bytes and time.
#[derive(Debug, Clone)]
pub struct Limits {
    pub max_connections: usize,
    /// Of one peer: an IPv4 address, or an IPv6 network of 64 bits.
    pub max_connections_per_peer: usize,
    /// Calls that run at once.
    pub max_calls: usize,
    /// Bytes of requests that are being received and of replies that are not yet read, of all connections together.
    pub max_bytes_in_flight: usize,
    /// For a connection without a valid key: to make a call after it connected, and after its last one.
    pub keyless_timeout: Duration,
    /// For a connection that has shown a key: how long it may stay without a call.
    pub idle_timeout: Duration,
    /// For a request to be whole.
    pub request_timeout: Duration,
    /// For a caller to read something of what waits for it.
    pub write_timeout: Duration,
    /// For calls that run to end when the server stops.
    pub drain_timeout: Duration,
    /// Of one peer with one publishable key, a second.
    pub calls_per_visitor: u32,
    /// What searches, opened articles and ratings of the public may add to the database in a day, in bytes a workspace.
    pub report_bytes_per_day: u64,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_connections: 1024,
            max_connections_per_peer: 256,
            max_calls: 1024,
            max_bytes_in_flight: 96 << 20,
            keyless_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(5 * 60),
            request_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(30),
            drain_timeout: Duration::from_secs(10),
            calls_per_visitor: 10,
            report_bytes_per_day: 64 << 20,
            trusted_proxies: Vec::new(),
        }
    }
}

impl Limits {
    /// Sets one key; the error says what is allowed. `None`: there is no such key.
    pub fn set(&mut self, key: &str, given: &Value) -> Option<Result<(), String>> {
        let count = |least, most| value::whole(given, least, most).map(|count| count as usize);
        Some(match key {
            "max_connections" => count(8, 1_000_000).map(|most| self.max_connections = most),
            "max_connections_per_peer" => count(1, 1_000_000).map(|most| self.max_connections_per_peer = most),
            "max_calls" => count(8, 1_000_000).map(|most| self.max_calls = most),
            // A Put of 8 MiB must fit into one connection's part.
            "max_bytes_in_flight" => count(80 << 20, 1 << 40).map(|most| self.max_bytes_in_flight = most),
            "keyless_timeout" => value::duration(given, DAY).map(|time| self.keyless_timeout = time),
            "idle_timeout" => value::duration(given, DAY).map(|time| self.idle_timeout = time),
            "request_timeout" => value::duration(given, DAY).map(|time| self.request_timeout = time),
            "write_timeout" => value::duration(given, DAY).map(|time| self.write_timeout = time),
            "drain_timeout" => value::duration(given, DAY).map(|time| self.drain_timeout = time),
            "calls_per_visitor" => value::whole(given, 1, 1_000_000).map(|most| self.calls_per_visitor = most as u32),
            "report_bytes_per_day" => value::whole(given, 1 << 20, 1 << 40).map(|most| self.report_bytes_per_day = most as u64),
            "trusted_proxies" => value::addresses(given).map(|addresses| self.trusted_proxies = addresses),
            _ => return None,
        })
    }
}
