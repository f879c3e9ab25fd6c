//! What rules may ask of a request, as keyed hashes: neither samples nor rules hold what a client sent.
//!
//! Nothing is allocated and the work is bounded, however long the head is. Only requests that are sampled, and all while there
//! are rules, come here.

mod names;
#[cfg(test)]
mod tests;

use std::hash::Hasher;
use std::net::IpAddr;

use http::Version;
use http::header::{ACCEPT_LANGUAGE, COOKIE, REFERER, USER_AGENT};
use http::request::Parts;
use model::{Attribute, Prefix, Values};
use siphasher::sip::SipHasher13;

use crate::connection::Connection;
use crate::cookies;
use crate::subject::named_host;
use crate::template::template;
use crate::tls::Ja4;

pub(crate) use names::Named;

/// What attributes are read from.
pub(crate) struct Looks<'a> {
    pub(crate) parts: &'a Parts,
    /// The client's address; `None` when a front names nobody.
    pub(crate) address: Option<IpAddr>,
    /// Length of the body; `None` when it is not told.
    pub(crate) length: Option<u64>,
    /// The app's session cookie.
    pub(crate) session: Option<&'a str>,
    /// The fingerprint of the client's own TLS.
    pub(crate) ja4: Option<Ja4>,
    /// Requests before this one on the client's own connection.
    pub(crate) before: Option<u32>,
}

impl<'a> Looks<'a> {
    /// A front's connection says nothing about its clients.
    pub(crate) fn new(
        parts: &'a Parts,
        connection: &Connection,
        address: Option<IpAddr>,
        length: Option<u64>,
        session: Option<&'a str>,
    ) -> Self {
        let (ja4, before) = if connection.front {
            (None, None)
        } else {
            (connection.ja4(), Some(connection.requests_before()))
        };
        Self { parts, address, length, session, ja4, before }
    }

    fn header(&self, name: http::HeaderName) -> Option<&'a [u8]> {
        self.parts.headers.get(name).map(http::HeaderValue::as_bytes)
    }
}

/// Hashes attributes under a key of the site.
pub(crate) struct AttributeKey(SipHasher13);

impl AttributeKey {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(&key))
    }

    /// The value of each attribute; 0 where it has none.
    pub(crate) fn values(&self, looks: &Looks<'_>) -> Values {
        let mut values = Values::default();
        self.set_target(looks, &mut values);
        self.set_headers(looks, &mut values);
        self.set_words(looks, &mut values);
        self.set_client(looks, &mut values);
        values
    }

    fn set_target(&self, looks: &Looks<'_>, values: &mut Values) {
        let (parts, uri) = (looks.parts, &looks.parts.uri);
        values.set(Attribute::Method, self.of(Attribute::Method, parts.method.as_str().as_bytes()));
        let path = self.value(Attribute::Path, |hasher| {
            for segment in template(uri.path()) {
                hasher.write(segment.as_bytes());
                hasher.write_u8(b'/');
            }
        });
        values.set(Attribute::Path, path);
        if let Some(query) = uri.query() {
            values.set(Attribute::Query, self.of(Attribute::Query, query.as_bytes()));
            let names = query_names(query).take(QUERY_NAMES_MAX);
            let names = names.map(|name| self.of(Attribute::QueryKeys, name.as_bytes()));
            values.set(Attribute::QueryKeys, self.of_set(Attribute::QueryKeys, names));
        }
        if let Some(host) = named_host(parts) {
            let host = self.value(Attribute::Host, |hasher| {
                host.iter().take(HOST_BYTES_MAX).for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
            });
            values.set(Attribute::Host, host);
        }
        let version = match parts.version {
            Version::HTTP_2 => 20,
            Version::HTTP_11 => 11,
            Version::HTTP_10 => 10,
            _ => 0,
        };
        values.set(Attribute::Version, self.of(Attribute::Version, &[version]));
    }

    /// The names of header fields, in the order in which each came first, and without order.
    fn set_headers(&self, looks: &Looks<'_>, values: &mut Values) {
        let names = || looks.parts.headers.keys().take(FIELDS_MAX);
        let order = self.value(Attribute::HeaderOrder, |hasher| {
            for name in names() {
                hasher.write(name.as_str().as_bytes());
                hasher.write_u8(b'\n');
            }
        });
        values.set(Attribute::HeaderOrder, order);
        let each = names().map(|name| self.of(Attribute::HeaderSet, name.as_str().as_bytes()));
        values.set(Attribute::HeaderSet, self.of_set(Attribute::HeaderSet, each));
    }

    /// What single header fields say.
    fn set_words(&self, looks: &Looks<'_>, values: &mut Values) {
        if let Some(agent) = looks.header(USER_AGENT) {
            values.set(Attribute::UserAgent, self.of(Attribute::UserAgent, agent));
            let (product, major) = family(agent);
            let family = self.value(Attribute::UserAgentFamily, |hasher| {
                hasher.write(product);
                hasher.write_u8(b'/');
                hasher.write(major);
            });
            values.set(Attribute::UserAgentFamily, family);
        }
        if let Some(language) = looks.header(ACCEPT_LANGUAGE) {
            values.set(Attribute::Language, self.of(Attribute::Language, language));
        }
        values.set(Attribute::Cookies, self.of(Attribute::Cookies, &[kinds_of_cookies(looks)]));
        let from = looks.header(REFERER).map_or(Referred::Nowhere, |referer| {
            let is_here = named_host(looks.parts).is_some_and(|host| is_on(referer, host));
            if is_here { Referred::Here } else { Referred::Elsewhere }
        });
        values.set(Attribute::Referer, self.of(Attribute::Referer, &[from as u8]));
    }

    /// What is seen of its sender and its connection.
    fn set_client(&self, looks: &Looks<'_>, values: &mut Values) {
        let size = looks.length.map_or(UNTOLD, power_of_four);
        values.set(Attribute::BodySize, self.of(Attribute::BodySize, &[size]));
        if let Some(before) = looks.before {
            let before = power_of_four(before.into());
            values.set(Attribute::Reuse, self.of(Attribute::Reuse, &[before]));
        }
        if let Some(address) = looks.address {
            let is_v4 = address.to_canonical().is_ipv4();
            let (network, wide) = if is_v4 { (24, 16) } else { (48, 32) };
            values.set(Attribute::Network, self.of_network(Attribute::Network, address, network));
            values.set(Attribute::WideNetwork, self.of_network(Attribute::WideNetwork, address, wide));
        }
        if let Some(ja4) = looks.ja4 {
            let parts = [Attribute::Ja4A, Attribute::Ja4B, Attribute::Ja4C].into_iter();
            for (attribute, part) in parts.zip(ja4.as_str().split('_')) {
                values.set(attribute, self.of(attribute, part.as_bytes()));
            }
        }
    }

    fn of_network(&self, attribute: Attribute, address: IpAddr, length: u8) -> u64 {
        self.value(attribute, |hasher| match Prefix::of(address, length).addr() {
            IpAddr::V4(v4) => hasher.write(&v4.octets()),
            IpAddr::V6(v6) => hasher.write(&v6.octets()),
        })
    }

    /// The value of what has no order, from the values of its parts.
    fn of_set(&self, attribute: Attribute, parts: impl Iterator<Item = u64>) -> u64 {
        let mut list = [0; FIELDS_MAX];
        let mut length = 0;
        for (place, part) in list.iter_mut().zip(parts) {
            *place = part;
            length += 1;
        }
        let list = &mut list[..length];
        list.sort_unstable();
        self.value(attribute, |hasher| {
            // A part's own value is hashed without this.
            hasher.write_u8(b'+');
            list.iter().for_each(|part| hasher.write_u64(*part));
        })
    }

    fn of(&self, attribute: Attribute, bytes: &[u8]) -> u64 {
        self.value(attribute, |hasher| hasher.write(bytes))
    }

    /// The same bytes have another value in each attribute, and none has 0.
    fn value(&self, attribute: Attribute, fill: impl FnOnce(&mut SipHasher13)) -> u64 {
        let mut hasher = self.0;
        hasher.write_u8(attribute as u8);
        fill(&mut hasher);
        hasher.finish().max(1)
    }
}

/// Where a request was referred from.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Referred {
    Nowhere,
    Here,
    Elsewhere,
}

fn query_names(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').map(|pair| pair.split('=').next().unwrap_or_default())
}

/// A user agent's first product and its major version.
fn family(agent: &[u8]) -> (&[u8], &[u8]) {
    let end = agent.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'(' | b';')).unwrap_or(agent.len());
    let first = &agent[..end];
    let Some(slash) = memchr::memchr(b'/', first) else { return (first, b"") };
    let version = &first[slash + 1..];
    let digits = version.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (&first[..slash], &version[..digits])
}

/// One bit for the app's session, one for others of the app; the gate's own do not count.
fn kinds_of_cookies(looks: &Looks<'_>) -> u8 {
    let cookies = looks.parts.headers.get_all(COOKIE).iter();
    let pairs = cookies.flat_map(|header| cookies::pairs(header.as_bytes())).take(COOKIES_MAX);
    pairs.fold(0, |kinds, (name, _)| {
        let is_session = looks.session.is_some_and(|session| session.as_bytes() == name);
        match (is_session, cookies::is_gate_cookie(name)) {
            (true, _) => kinds | 1,
            (false, true) => kinds,
            (false, false) => kinds | 2,
        }
    })
}

/// Whether an address is on a host, whatever the port.
fn is_on(referer: &[u8], host: &[u8]) -> bool {
    let Some(at) = memchr::memmem::find(referer, b"://") else { return false };
    let rest = &referer[at + 3..];
    let Some((named, more)) = rest.split_at_checked(host.len()) else { return false };
    named.eq_ignore_ascii_case(host)
        && more.first().is_none_or(|next| matches!(next, b'/' | b':' | b'?' | b'#'))
}

/// 0 for 0, 1 for 1 to 3, 2 for 4 to 15 and so on.
fn power_of_four(number: u64) -> u8 {
    number.checked_ilog2().map_or(0, |power| u8::try_from(power / 2 + 1).unwrap_or(u8::MAX))
}

/// A body whose length is not told.
const UNTOLD: u8 = u8::MAX;
/// Header fields whose names are looked at.
const FIELDS_MAX: usize = 100;
/// Names in a query that are looked at; no more than [`FIELDS_MAX`].
const QUERY_NAMES_MAX: usize = 64;
/// Cookies that are looked at.
const COOKIES_MAX: usize = 100;
/// Longer host names do not exist (RFC 1035, section 2.3.4).
const HOST_BYTES_MAX: usize = 255;
