//! Who is at the other end of a connection: one IPv4 address, or one IPv6 network of 64 bits, which a single customer of a provider gets.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;

/// The header in which a proxy names whom it speaks for.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// The peer that an address belongs to.
pub fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

/// Whom a call comes from. Only a trusted proxy is believed: the last address in its header that is not a trusted proxy itself.
pub fn visitor(address: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpAddr]) -> IpAddr {
    let is_proxy = |address: &IpAddr| trusted_proxies.contains(&address.to_canonical());
    if !is_proxy(&address) {
        return peer(address);
    }
    let lines = headers.get_all(FORWARDED_FOR).into_iter().rev();
    let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
    // A hop that can't be read ends the chain: what stands before it may be forged.
    let known = hops.map_while(|hop| hop.trim().parse().ok()).find(|hop| !is_proxy(hop));
    peer(known.unwrap_or(address))
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
    fn only_a_trusted_proxy_says_whom_it_speaks_for() {
        let proxies = [address("10.0.0.1"), address("10.0.0.2")];
        let said = |from: &str, lines: &[&'static str]| {
            let lines = lines.iter().map(|line| (FORWARDED_FOR.parse().unwrap(), http::HeaderValue::from_static(line)));
            visitor(address(from), &lines.collect(), &proxies).to_string()
        };
        assert_eq!(said("192.0.2.7", &["198.51.100.1"]), "192.0.2.7", "anybody may write the header");
        assert_eq!(said("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            said("::ffff:10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"]),
            "198.51.100.1",
            "what stands before it may be forged"
        );
        assert_eq!(said("10.0.0.1", &["203.0.113.9", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(said("10.0.0.1", &["203.0.113.9, unknown"]), "10.0.0.1");
        assert_eq!(said("10.0.0.1", &[]), "10.0.0.1");
    }
}
