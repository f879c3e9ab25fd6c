//! What rules may ask of a request, as keyed hashes: neither samples nor rules hold what a client sent.
//!
//! Nothing is allocated and the work is bounded, however long the head is. Only requests that are sampled come here, and while
//! there are rules all, for the attributes that these ask for.

mod agent;
mod names;
#[cfg(test)]
mod tests;

use std::hash::Hasher;
use std::net::IpAddr;

use http::Version;
use http::header::{ACCEPT_LANGUAGE, COOKIE, REFERER, USER_AGENT};
use http::request::Parts;
use model::{Attribute, Attributes, Prefix, Values};
use siphasher::sip::SipHasher13;

use crate::connection::Connection;
use crate::cookies;
use crate::forwarded::Front;
use crate::subject::named_host;
use crate::template::template;
use crate::tls::Ja4;
use agent::family;

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
    /// The client's country, as a front names it.
    pub(crate) country: Option<[u8; 2]>,
    /// Requests before this one on the client's own connection.
    pub(crate) before: Option<u32>,
}

impl<'a> Looks<'a> {
    /// A front's connection says nothing about its clients; what it vouches for does.
    pub(crate) fn new(
        parts: &'a Parts,
        connection: &Connection,
        front: Option<&Front>,
        address: Option<IpAddr>,
        length: Option<u64>,
        session: Option<&'a str>,
    ) -> Self {
        let (ja4, before) = if connection.front {
            (front.and_then(|front| front.ja4(&parts.headers)), None)
        } else {
            (connection.ja4(), Some(connection.requests_before()))
        };
        let country = front.and_then(|front| front.country(&parts.headers));
        Self { parts, address, length, session, ja4, country, before }
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

    /// The values of these attributes; 0 where it has none.
    pub(crate) fn values(&self, looks: &Looks<'_>, wanted: Attributes) -> Values {
        let mut values = Values::default();
        for attribute in wanted.each() {
            values.set(attribute, self.look(looks, attribute));
        }
        values
    }

    fn look(&self, looks: &Looks<'_>, attribute: Attribute) -> u64 {
        let (parts, uri) = (looks.parts, &looks.parts.uri);
        let header = |name| looks.header(name).map_or(0, |value| self.of(attribute, value));
        match attribute {
            Attribute::Method => self.of(attribute, parts.method.as_str().as_bytes()),
            Attribute::Path => self.path(uri.path()),
            Attribute::QueryKeys => uri.query().map_or(0, |query| self.query_names(query)),
            Attribute::Query => uri.query().map_or(0, |query| self.of(attribute, query.as_bytes())),
            Attribute::Host => named_host(parts).map_or(0, |host| self.host(host)),
            Attribute::Version => self.of(attribute, &[version(parts.version)]),
            Attribute::HeaderOrder | Attribute::HeaderSet => self.field_names(looks, attribute),
            Attribute::UserAgentFamily => looks.header(USER_AGENT).map_or(0, |agent| self.family(agent)),
            Attribute::UserAgent => header(USER_AGENT),
            Attribute::Language => header(ACCEPT_LANGUAGE),
            Attribute::Ja4A => self.of_ja4(looks, attribute, 0),
            Attribute::Ja4B => self.of_ja4(looks, attribute, 1),
            Attribute::Ja4C => self.of_ja4(looks, attribute, 2),
            Attribute::Country => looks.country.map_or(0, |country| self.of(attribute, &country)),
            Attribute::Network => self.of_network(looks, attribute, (24, 48)),
            Attribute::WideNetwork => self.of_network(looks, attribute, (16, 32)),
            Attribute::Cookies => self.of(attribute, &[kinds_of_cookies(looks)]),
            Attribute::Referer => self.of(attribute, &[referred(looks) as u8]),
            Attribute::BodySize => self.of(attribute, &[looks.length.map_or(UNTOLD, power_of_four)]),
            Attribute::Reuse => {
                looks.before.map_or(0, |before| self.of(attribute, &[power_of_four(before.into())]))
            }
        }
    }

    fn path(&self, path: &str) -> u64 {
        self.value(Attribute::Path, |hasher| {
            for segment in template(path) {
                hasher.write(segment.as_bytes());
                hasher.write_u8(b'/');
            }
        })
    }

    fn query_names(&self, query: &str) -> u64 {
        let names = query_names(query).take(QUERY_NAMES_MAX);
        self.of_set(Attribute::QueryKeys, names.map(|name| self.of(Attribute::QueryKeys, name.as_bytes())))
    }

    fn host(&self, host: &[u8]) -> u64 {
        self.value(Attribute::Host, |hasher| {
            host.iter().take(HOST_BYTES_MAX).for_each(|byte| hasher.write_u8(byte.to_ascii_lowercase()));
        })
    }

    /// The names of header fields, in the order in which each came first, or without order.
    fn field_names(&self, looks: &Looks<'_>, attribute: Attribute) -> u64 {
        let names = looks.parts.headers.keys().take(FIELDS_MAX);
        if attribute == Attribute::HeaderSet {
            return self.of_set(attribute, names.map(|name| self.of(attribute, name.as_str().as_bytes())));
        }
        self.value(attribute, |hasher| {
            for name in names {
                hasher.write(name.as_str().as_bytes());
                hasher.write_u8(b'\n');
            }
        })
    }

    fn family(&self, agent: &[u8]) -> u64 {
        let (product, major) = family(agent);
        self.value(Attribute::UserAgentFamily, |hasher| {
            hasher.write(product);
            hasher.write_u8(b'/');
            hasher.write(major);
        })
    }

    fn of_ja4(&self, looks: &Looks<'_>, attribute: Attribute, place: usize) -> u64 {
        let part = looks.ja4.as_ref().and_then(|ja4| ja4.as_str().split('_').nth(place));
        part.map_or(0, |part| self.of(attribute, part.as_bytes()))
    }

    /// The client's network, by its length in IPv4 and in IPv6.
    fn of_network(&self, looks: &Looks<'_>, attribute: Attribute, (v4, v6): (u8, u8)) -> u64 {
        let Some(address) = looks.address else { return 0 };
        let length = if address.to_canonical().is_ipv4() { v4 } else { v6 };
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

fn referred(looks: &Looks<'_>) -> Referred {
    let Some(referer) = looks.header(REFERER) else { return Referred::Nowhere };
    let is_here = named_host(looks.parts).is_some_and(|host| is_on(referer, host));
    if is_here { Referred::Here } else { Referred::Elsewhere }
}

fn version(version: Version) -> u8 {
    match version {
        Version::HTTP_2 => 20,
        Version::HTTP_11 => 11,
        Version::HTTP_10 => 10,
        _ => 0,
    }
}

fn query_names(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').map(|pair| pair.split('=').next().unwrap_or_default())
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
