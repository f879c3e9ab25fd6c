//! The client's address as a front tells it.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;
use model::Prefix;

/// A CDN or load balancer before the gate.
#[derive(Clone, Debug)]
pub struct Front {
    /// Where it connects from.
    pub sources: Vec<Prefix>,
    /// Where it writes the client's address.
    pub client_address: ClientAddress,
}

/// Where a front writes the client's address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientAddress {
    /// The last address of `X-Forwarded-For` that is no front.
    XForwardedFor,
    /// The last `for=` of `Forwarded` (RFC 7239) that is no front.
    Forwarded,
    /// A header of its own that holds one address, such as `CF-Connecting-IP`; lower case.
    Header(String),
    /// The PROXY protocol; no header is read.
    ProxyProtocol,
}

impl Front {
    /// Whether a peer is this front.
    pub fn is(&self, peer: IpAddr) -> bool {
        self.sources.iter().any(|source| source.contains(peer))
    }

    /// The client's address; `None` when the front names none, and then nothing is judged by address.
    ///
    /// Lists are read from the right: the rightmost address that is no front itself was seen by a front; everything
    /// left of it may be invented by the client. At most 16 entries are read.
    pub fn client(&self, headers: &HeaderMap) -> Option<IpAddr> {
        match &self.client_address {
            ClientAddress::XForwardedFor => self.rightmost(headers, "x-forwarded-for", parse_node),
            ClientAddress::Forwarded => self.rightmost(headers, "forwarded", parse_element),
            ClientAddress::Header(name) => headers.get(name)?.to_str().ok().and_then(parse_node),
            ClientAddress::ProxyProtocol => None,
        }
    }

    fn rightmost(
        &self,
        headers: &HeaderMap,
        name: &str,
        parse: fn(&str) -> Option<IpAddr>,
    ) -> Option<IpAddr> {
        let lines: Vec<_> = headers.get_all(name).iter().collect();
        let elements = lines.iter().rev().flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
        let mut last = None;
        for element in elements.take(HOPS_MAX) {
            // An entry that cannot be read ends the part that fronts vouch for; what stands left of it does not matter.
            let Some(address) = std::str::from_utf8(element).ok().and_then(|text| parse(text.trim())) else {
                break;
            };
            last = Some(address);
            if !self.is(address) {
                break;
            }
        }
        last
    }
}

/// An address with or without a port, IPv6 with or without brackets.
fn parse_node(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip().to_canonical());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse().ok()
}

/// The `for=` of one RFC 7239 element.
fn parse_element(element: &str) -> Option<IpAddr> {
    element.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        if name.trim().eq_ignore_ascii_case("for") { parse_node(value) } else { None }
    })
}

/// Entries of a forwarding list that are read, from the right.
pub(crate) const HOPS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(client_address: ClientAddress, name: &'static str, value: &str, expected: &str) {
        let front = Front { sources: vec!["198.51.100.0/24".parse().unwrap()], client_address };
        let mut headers = HeaderMap::new();
        headers.insert(name, http::HeaderValue::from_bytes(value.as_bytes()).unwrap());
        let found = front.client(&headers).map_or("none".to_owned(), |address| address.to_string());
        assert_eq!(found, expected, "{value}");
    }

    #[test]
    fn the_rightmost_address_that_is_no_front_counts() {
        let xff = |value, expected| check(ClientAddress::XForwardedFor, "x-forwarded-for", value, expected);
        xff("1.1.1.1, 192.0.2.9, 198.51.100.2", "192.0.2.9");
        xff("192.0.2.9:4711", "192.0.2.9");
        xff("[2001:db8::1]:443", "2001:db8::1");
        xff("198.51.100.2", "198.51.100.2");
        xff("unknown", "none");
        xff("192.0.2.9, junk, 198.51.100.2", "198.51.100.2");
        xff("gr\u{fc}n, 192.0.2.9", "192.0.2.9");
    }

    #[test]
    fn of_several_lines_the_last_is_the_rightmost() {
        let front = Front {
            sources: vec!["198.51.100.0/24".parse().unwrap()],
            client_address: ClientAddress::XForwardedFor,
        };
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", "1.1.1.1".parse().unwrap());
        headers.append("x-forwarded-for", "192.0.2.9".parse().unwrap());
        headers.append("x-forwarded-for", "198.51.100.2".parse().unwrap());
        assert_eq!(front.client(&headers), Some("192.0.2.9".parse().unwrap()));
    }

    #[test]
    fn forwarded_and_own_headers_are_read() {
        let value = "for=1.1.1.1, for=\"[2001:db8::7]:80\";proto=https";
        check(ClientAddress::Forwarded, "forwarded", value, "2001:db8::7");
        check(ClientAddress::Header("cf-connecting-ip".into()), "cf-connecting-ip", "192.0.2.1", "192.0.2.1");
    }

    proptest! {
        #[test]
        fn arbitrary_lists_never_panic(text in "[ -~]{0,200}") {
            let front = Front { sources: vec![], client_address: ClientAddress::Forwarded };
            let mut headers = HeaderMap::new();
            headers.insert("forwarded", text.parse().unwrap());
            let _ignored = front.client(&headers);
            let _ignored = parse_node(&text);
        }
    }
}
