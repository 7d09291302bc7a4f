//! The peer of a connection: one IPv4 address, or one IPv6 /64 network, which is what a provider assigns to a single customer.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;

/// The header in which a proxy names the client.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// Returns the peer that an address belongs to.
pub fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

/// Returns the peer that a call comes from. Behind a trusted proxy it is the last address in its header that is not a trusted proxy itself;
/// other senders of the header are ignored.
pub fn visitor(address: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpAddr]) -> IpAddr {
    let is_proxy = |address: &IpAddr| trusted_proxies.contains(&address.to_canonical());
    if !is_proxy(&address) {
        return peer(address);
    }
    let lines = headers.get_all(FORWARDED_FOR).into_iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    // An unparsable hop ends the chain: the hops before it may be forged.
    let client = hops.map_while(|hop| hop.trim().parse().ok()).find(|hop| !is_proxy(hop));
    peer(client.unwrap_or(address))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        let one = peer(address("2001:db8:1:2:3:4:5:6"));
        assert_eq!(one, peer(address("2001:db8:1:2:ffff::1")));
        assert_ne!(one, peer(address("2001:db8:1:3::1")));
        assert_eq!(peer(address("::ffff:192.0.2.7")), address("192.0.2.7"));
        assert_ne!(peer(address("192.0.2.7")), peer(address("192.0.2.8")));
    }

    #[test]
    fn only_a_trusted_proxys_header_is_used() {
        let proxies = [address("10.0.0.1"), address("10.0.0.2")];
        let client = |from: &str, lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (FORWARDED_FOR.parse().unwrap(), http::HeaderValue::from_static(line)));
            visitor(address(from), &lines.collect(), &proxies).to_string()
        };
        assert_eq!(client("192.0.2.7", &["198.51.100.1"]), "192.0.2.7", "anybody can send the header");
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"]), "198.51.100.1", "earlier hops may be forged");
        assert_eq!(client("10.0.0.1", &["203.0.113.9", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.9, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }
}
