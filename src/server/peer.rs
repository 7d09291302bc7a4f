//! The peer of a connection: one IPv4 address, or one IPv6 /64 network, which is what a provider assigns to a single customer.

use std::net::{IpAddr, Ipv6Addr};

use http::HeaderMap;

use crate::{
    config::{ForwardedHeader, Limits},
    server::forwarded,
};

const X_FORWARDED_FOR: &str = "x-forwarded-for";

/// Returns the peer that an address belongs to.
pub fn peer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address => address,
    }
}

/// Returns the peer that a call comes from. Behind a trusted proxy it is the last address that is not a trusted proxy itself, in the one
/// header that the proxies write; the other header is ignored, as are other senders.
pub fn visitor(address: IpAddr, headers: &HeaderMap, limits: &Limits) -> IpAddr {
    if !limits.is_trusted_proxy(address) {
        return peer(address);
    }
    // The hops from the nearest on. One that names no address ends the chain: those before it may be forged.
    let client = match limits.forwarded_header {
        ForwardedHeader::XForwardedFor => {
            let lines = headers.get_all(X_FORWARDED_FOR).into_iter().rev();
            let hops = lines.flat_map(|line| line.to_str().unwrap_or_default().rsplit(','));
            first_client(hops.map(|hop| hop.trim().parse().ok()), limits)
        }
        ForwardedHeader::Forwarded => {
            let lines = headers.get_all(http::header::FORWARDED).into_iter().rev();
            let hops = lines.flat_map(|line| line.to_str().ok().and_then(forwarded::hops).unwrap_or_else(|| vec![None]).into_iter().rev());
            first_client(hops, limits)
        }
    };
    peer(client.unwrap_or(address))
}

fn first_client(hops: impl Iterator<Item = Option<IpAddr>>, limits: &Limits) -> Option<IpAddr> {
    hops.map_while(|hop| hop).find(|hop| !limits.is_trusted_proxy(*hop))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at<'a>(name: &'static str, lines: &[&'a str]) -> Vec<(&'static str, &'a str)> {
        lines.iter().map(|line| (name, *line)).collect()
    }

    /// Whom a call with these lines is from, behind two trusted proxies.
    fn client(header: ForwardedHeader, from: &str, lines: &[(&'static str, &str)]) -> String {
        let trusted_proxies = vec![address("10.0.0.1"), address("10.0.0.2")];
        let limits = Limits { trusted_proxies, forwarded_header: header, ..Limits::default() };
        let lines = lines.iter().map(|(name, line)| (name.parse().unwrap(), http::HeaderValue::from_bytes(line.as_bytes()).unwrap()));
        visitor(address(from), &lines.collect(), &limits).to_string()
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
        let client = |from: &str, lines: &[&str]| client(ForwardedHeader::XForwardedFor, from, &at(X_FORWARDED_FOR, lines));
        assert_eq!(client("192.0.2.7", &["198.51.100.1"]), "192.0.2.7", "anybody can send the header");
        assert_eq!(client("10.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("::ffff:10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"]), "198.51.100.1", "earlier hops may be forged");
        assert_eq!(client("10.0.0.1", &["203.0.113.9", "198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["203.0.113.9, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn the_standard_header_is_read_from_its_end() {
        let client = |from: &str, lines: &[&str]| client(ForwardedHeader::Forwarded, from, &at("forwarded", lines));
        assert_eq!(client("192.0.2.7", &["for=198.51.100.1"]), "192.0.2.7", "anybody can send the header");
        assert_eq!(client("10.0.0.1", &["for=198.51.100.1"]), "198.51.100.1");
        assert_eq!(client("10.0.0.1", &["for=\"[2001:db8:1:2::7]:4711\""]), "2001:db8:1:2::");
        assert_eq!(
            client("10.0.0.1", &["for=203.0.113.9, for=198.51.100.1, for=\"10.0.0.2:80\""]),
            "198.51.100.1",
            "earlier hops may be forged"
        );
        assert_eq!(client("10.0.0.1", &["for=203.0.113.9", "for=198.51.100.1, for=\"[::ffff:10.0.0.2]\""]), "198.51.100.1");
        assert_eq!(
            client("10.0.0.1", &["for=\"", "for=198.51.100.1"]),
            "198.51.100.1",
            "a line that the client broke is before the proxy's own"
        );
        for unnamed in [
            "for=unknown",
            "for=_x",
            "proto=https",
            "",
            "for=\"2001:db8::1\"",
            "for=203.0.113.9, for=unknown",
            "for=203.0.113.9, for=_x, for=10.0.0.2",
        ] {
            assert_eq!(client("10.0.0.1", &[unnamed]), "10.0.0.1", "{unnamed}");
        }
        for broken in
            ["for=\"203.0.113.9, for=198.51.100.1", "for=203.0.113.9;x=\", for=\"[2001:db8::1]:4711\"", "203.0.113.9", "for=203.0.113.9é"]
        {
            assert_eq!(client("10.0.0.1", &[broken]), "10.0.0.1", "{broken}");
            assert_eq!(client("10.0.0.1", &["for=203.0.113.9", broken]), "10.0.0.1", "{broken}");
        }
    }

    #[test]
    fn the_header_that_the_proxies_do_not_write_counts_for_nothing() {
        let both: Vec<_> = [at(X_FORWARDED_FOR, &["203.0.113.9"]), at("forwarded", &["for=198.51.100.1"])].concat();
        assert_eq!(client(ForwardedHeader::XForwardedFor, "10.0.0.1", &both), "203.0.113.9");
        assert_eq!(client(ForwardedHeader::Forwarded, "10.0.0.1", &both), "198.51.100.1");
        assert_eq!(
            client(ForwardedHeader::Forwarded, "10.0.0.1", &both[..1]),
            "10.0.0.1",
            "forged where only the other one is overwritten"
        );
        assert_eq!(client(ForwardedHeader::XForwardedFor, "10.0.0.1", &both[1..]), "10.0.0.1");
    }
}
