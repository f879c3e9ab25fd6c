//! The client's address as a front tells it.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderMap, HeaderName};
use model::Prefix;

use crate::tls::Ja4;

/// A CDN or load balancer before the gate.
#[derive(Clone, Debug)]
pub struct Front {
    /// Where it connects from.
    pub sources: Vec<Prefix>,
    /// Where it writes the client's address.
    pub client_address: ClientAddress,
    /// The header in which it writes the JA4 fingerprint of the client's own TLS; lower case.
    pub ja4_header: Option<String>,
    /// The header in which it writes the client's country, as two letters; lower case.
    pub country_header: Option<String>,
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

    /// The fingerprint of the client's TLS, if it writes one that has the form of JA4.
    pub(crate) fn ja4(&self, headers: &HeaderMap) -> Option<Ja4> {
        Ja4::parse(only(headers, self.ja4_header.as_deref()?)?)
    }

    /// The client's country, in capitals, if it writes two letters (ISO 3166-1 alpha-2, or what a front writes where it knows none).
    pub(crate) fn country(&self, headers: &HeaderMap) -> Option<[u8; 2]> {
        let country: [u8; 2] = only(headers, self.country_header.as_deref()?)?.try_into().ok()?;
        country.iter().all(u8::is_ascii_alphabetic).then(|| country.map(|letter| letter.to_ascii_uppercase()))
    }

    /// The headers in which it vouches for its clients, besides the address.
    fn vouches(&self) -> impl Iterator<Item = &str> {
        [&self.ja4_header, &self.country_header].into_iter().filter_map(Option::as_deref)
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

/// Removes headers in which fronts vouch for their clients from a request that did not come from one that writes them: the app
/// must not believe a client of itself. `_` counts as `-`, as many apps read it.
pub(crate) fn remove_unvouched(headers: &mut HeaderMap, fronts: &[Front], from: Option<&Front>) {
    let folded = |name: &str, header: &str| {
        name.len() == header.len() && name.bytes().zip(header.bytes()).all(|(a, b)| dashed(a) == dashed(b))
    };
    for header in fronts.iter().flat_map(Front::vouches) {
        let is_its_own = from.is_some_and(|from| from.vouches().any(|own| own == header));
        let is_forged =
            |name: &&HeaderName| folded(name.as_str(), header) && !(is_its_own && *name == header);
        let forged: Vec<_> = headers.keys().filter(is_forged).cloned().collect();
        for name in forged {
            headers.remove(name);
        }
    }
}

const fn dashed(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte }
}

/// The value of a header that is there once: of two, one may be the client's.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.as_bytes();
    values.next().is_none().then_some(value)
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

    fn front(client_address: ClientAddress) -> Front {
        Front {
            sources: vec!["198.51.100.0/24".parse().unwrap()],
            client_address,
            ja4_header: Some("x-ja4".into()),
            country_header: Some("x-country".into()),
        }
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn a_fingerprint_and_a_country_are_believed_in_their_form_alone_and_when_said_once() {
        let front = front(ClientAddress::XForwardedFor);
        let ja4 = "t13d1516h2_8daaf6152771_e5627efa2ab1";
        let said = |fields: &[(&'static str, &str)]| {
            let headers = headers(fields);
            let country = front.country(&headers).map(|country| String::from_utf8(country.to_vec()).unwrap());
            (front.ja4(&headers).map(|ja4| ja4.as_str().to_owned()), country)
        };
        assert_eq!(
            said(&[("x-ja4", ja4), ("x-country", "de")]),
            (Some(ja4.to_owned()), Some("DE".to_owned()))
        );
        for bad in [
            "",
            "t13d1516h2",
            &ja4.to_uppercase(),
            &format!("{ja4}0"),
            &ja4.replace('_', "-"),
            &ja4.replace("15", "é"),
        ] {
            assert_eq!(said(&[("x-ja4", bad)]).0, None, "{bad}");
        }
        for bad in ["", "D", "DEU", "T1", "d-", "D,E"] {
            assert_eq!(said(&[("x-country", bad)]).1, None, "{bad}");
        }
        assert_eq!(
            said(&[("x-ja4", ja4), ("x-ja4", ja4), ("x-country", "DE"), ("x-country", "FR")]),
            (None, None)
        );
        let silent = Front { ja4_header: None, country_header: None, ..front.clone() };
        assert_eq!(silent.country(&headers(&[("x-country", "DE")])), None);
    }

    #[test]
    fn what_a_front_vouches_for_reaches_the_app_from_that_front_alone() {
        let all = front(ClientAddress::XForwardedFor);
        let country_alone = Front { ja4_header: None, ..all.clone() };
        let fronts = [all.clone(), country_alone.clone()];
        let left = |from: Option<&Front>| {
            let mut headers =
                headers(&[("x-ja4", "a"), ("x_country", "b"), ("x-country", "c"), ("x-other", "d")]);
            remove_unvouched(&mut headers, &fronts, from);
            headers.keys().map(|name| name.as_str().to_owned()).collect::<std::collections::BTreeSet<_>>()
        };
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(left(None), names(&["x-other"]));
        assert_eq!(left(Some(&country_alone)), names(&["x-other", "x-country"]));
        assert_eq!(left(Some(&all)), names(&["x-other", "x-country", "x-ja4"]));
    }

    #[track_caller]
    fn check(client_address: ClientAddress, name: &'static str, value: &str, expected: &str) {
        let front = front(client_address);
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
        let front = front(ClientAddress::XForwardedFor);
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
            let front = Front { sources: vec![], ..front(ClientAddress::Forwarded) };
            let mut headers = HeaderMap::new();
            headers.insert("forwarded", text.parse().unwrap());
            let _ignored = front.client(&headers);
            let _ignored = parse_node(&text);
        }
    }
}
