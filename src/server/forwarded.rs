//! The header `Forwarded` of RFC 7239, in which proxies name whom a call comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Reads one line of the header and returns its hops, the nearest last: the address that each is from, or `None` where it names none
/// (`unknown`, a made-up name, no `for` at all). `None` if anything of the line is not as the RFC has it: quotes that do not end, say, could
/// hide what a proxy has added.
pub fn hops(line: &str) -> Option<Vec<Option<IpAddr>>> {
    let mut rest = line;
    let (mut hops, mut hop, mut has_for) = (Vec::new(), None, false);
    loop {
        rest = rest.trim_start_matches([' ', '\t']);
        // A pair may be left out, between semicolons and between commas.
        if !rest.is_empty() && !rest.starts_with([',', ';']) {
            let (name, value, behind) = pair(rest)?;
            if name.eq_ignore_ascii_case("for") {
                if has_for {
                    return None;
                }
                has_for = true;
                hop = address(&value);
            }
            rest = behind.trim_start_matches([' ', '\t']);
        }
        let Some(behind) = rest.strip_prefix(';') else {
            hops.push(hop.take());
            has_for = false;
            if rest.is_empty() {
                return Some(hops);
            }
            rest = rest.strip_prefix(',')?;
            continue;
        };
        rest = behind;
    }
}

/// Takes `name=value` from the beginning; the value is a token, or quoted.
fn pair(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = token(text)?;
    let rest = rest.strip_prefix('=')?;
    let Some(quoted) = rest.strip_prefix('"') else {
        let (value, rest) = token(rest)?;
        return Some((name, value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((name, value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            character => value.push(character),
        }
    }
}

fn token(text: &str) -> Option<(&str, &str)> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let end = text.bytes().position(|byte| !is_allowed(byte)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// The address of a node: an IPv4 address, or an IPv6 address in brackets, with or without a port.
fn address(node: &str) -> Option<IpAddr> {
    let (address, rest) = match node.strip_prefix('[') {
        Some(node) => {
            let (address, rest) = node.split_once(']')?;
            (IpAddr::V6(address.parse::<Ipv6Addr>().ok()?), rest)
        }
        None => {
            let (address, rest) = node.split_at(node.find(':').unwrap_or(node.len()));
            (IpAddr::V4(address.parse::<Ipv4Addr>().ok()?), rest)
        }
    };
    let is_port = |port: &str| match port.strip_prefix('_') {
        Some(name) => !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)),
        None => (1..=5).contains(&port.len()) && port.bytes().all(|byte| byte.is_ascii_digit()),
    };
    (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port)).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hops of a line as text, with `-` for one that names no address; `broken` if the line is.
    fn read(line: &str) -> String {
        let text = |hop: Option<IpAddr>| hop.map_or("-".to_owned(), |address| address.to_string());
        hops(line).map_or("broken".to_owned(), |hops| hops.into_iter().map(text).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn each_hop_has_the_address_that_it_is_from() {
        assert_eq!(read("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60");
        assert_eq!(read("proto=http;FOR=\"192.0.2.60:4711\""), "192.0.2.60");
        assert_eq!(read("For=\"[2001:db8:cafe::17]:4711\""), "2001:db8:cafe::17");
        assert_eq!(
            read("for=\"[2001:db8::1]\", for=198.51.100.17 ,for=\"[2001:db8::2]:_hidden\""),
            "2001:db8::1 198.51.100.17 2001:db8::2"
        );
        assert_eq!(read("for=\"\\1\\92.0.2.60\" ; host=\"a\\\"b\""), "192.0.2.60", "a quoted character stands for itself");
        assert_eq!(read("for=192.0.2.1;; proto=https;,,for=192.0.2.2"), "192.0.2.1 - 192.0.2.2", "what is left out names nobody");
    }

    #[test]
    fn what_is_no_address_names_nobody() {
        for node in
            ["unknown", "_gazonk", "\"_x:80\"", "\"unknown:80\"", "\"\"", "localhost", "1.2.3", "01.2.3.4", "1.2.3.4.5", "\" 192.0.2.1\""]
        {
            assert_eq!(read(&format!("for={node}")), "-", "{node}");
        }
        for node in [
            "2001:db8::1",
            "[2001:db8::1",
            "[2001:db8::1]x",
            "[2001:db8::1]:",
            "[::1%eth0]",
            "[192.0.2.1]",
            "192.0.2.1:",
            "192.0.2.1:x",
            "192.0.2.1:123456",
        ] {
            assert_eq!(read(&format!("for=\"{node}\"")), "-", "{node}");
        }
        assert_eq!(read("proto=https;by=192.0.2.1"), "-");
        assert_eq!(read(""), "-");
    }

    #[test]
    fn what_stands_in_quotes_is_no_hop() {
        assert_eq!(read("for=192.0.2.60;host=\"a, for=203.0.113.9\""), "192.0.2.60");
        assert_eq!(read("for=192.0.2.60;host=\"a\\\", for=203.0.113.9\""), "192.0.2.60");
        assert_eq!(read("for=192.0.2.60;host=\"a;for=203.0.113.9\";proto=http"), "192.0.2.60");
    }

    #[test]
    fn a_line_of_another_form_is_broken() {
        // What a client could send so that the quotes swallow what its proxy adds.
        assert_eq!(read("for=203.0.113.9;x=\", for=\"[2001:db8::1]:4711\""), "broken");
        assert_eq!(read("for=\"203.0.113.9, for=192.0.2.60"), "broken");
        assert_eq!(read("x=\"\\, for=192.0.2.60;by=\"_proxy\""), "broken");
        for line in [
            "192.0.2.60",
            "for",
            "for=",
            "=192.0.2.60",
            "for 192.0.2.60",
            "for= 192.0.2.60",
            "for =192.0.2.60",
            "for=[2001:db8::1]",
            "for=192.0.2.60:80",
            "for=192.0.2.60;for=203.0.113.9",
            "for=unknown;For=203.0.113.9",
            "for=\"192.0.2.60\"x",
            "for=192.0.2.60 proto=http",
            "for=192.0.2.60\"",
            "for=\"192.0.2.60\\",
            "for='192.0.2.60', x y",
            "für=192.0.2.60",
        ] {
            assert_eq!(read(line), "broken", "{line}");
        }
    }

    #[test]
    fn no_line_is_too_much() {
        for piece in ["\"", "\\", ",", ";", "for=", "for=\"", "=", "for=1.2.3.4,", "[", "é"] {
            let _ = hops(&piece.repeat(20_000));
        }
        assert_eq!(hops(&",".repeat(20_000)).map(|hops| hops.len()), Some(20_001));
    }
}
