//! Who asks for what: everything that is read from the head of a request.

use std::net::IpAddr;

use admission::site::{Facts, Identity, VerifyJwt};
use http::header::{COOKIE, HOST, HeaderMap, HeaderValue};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Method, Version};
use model::Instant;

use crate::attributes::Looks;
use crate::connection::Connection;
use crate::cookies::{self, Found};
use crate::grpc;
use crate::headers::{self, Chores, Scan};
use crate::remembered::AskedCors;
use crate::worker::Worker;

/// A request's head, read once.
pub(crate) struct Subject {
    pub(crate) identity: Identity,
    /// The client's address; `None` when a front names nobody.
    pub(crate) address: Option<IpAddr>,
    pub(crate) method: Method,
    pub(crate) path: Option<PathAndQuery>,
    pub(crate) user_agent: Option<HeaderValue>,
    /// What a page of another origin asks, for answers that its script must be able to read.
    pub(crate) cors: Option<AskedCors>,
    pub(crate) chores: Chores,
    pub(crate) navigation: bool,
    pub(crate) websocket: bool,
    /// The client speaks https: to the gate, or to the front before it.
    pub(crate) https: bool,
    /// It is a call of gRPC.
    pub(crate) grpc: bool,
    /// Length of the body; `None` when it is not told.
    pub(crate) length: Option<u64>,
    /// The route class.
    pub(crate) class: u8,
}

impl Subject {
    pub(crate) fn of(worker: &Worker, connection: &Connection, parts: &Parts, now: Instant) -> Self {
        let site = &worker.shared().site;
        let scan = headers::scan(&parts.headers);
        note_forwarded(worker, connection, &scan);
        let address = client_address(worker, connection, &parts.headers);
        let found = match scan.cookie {
            Some(_) => cookies::find(parts.headers.get_all(COOKIE).iter(), site.session_cookie()),
            None => Found::default(),
        };
        let identity = if site.is_bypassed() {
            Identity::unjudged()
        } else {
            let jwt = worker.jwt(&parts.headers, address, now);
            let lookup = Lookup(&parts.headers);
            let mut facts = facts(connection, parts, &scan, &found, address, &lookup);
            // Of many clients on one connection none answers for another.
            facts.inherited = connection.proof().filter(|_| !worker.shared().carries_many(connection));
            let values = site.asked_attributes().map(|wanted| {
                let length = body_length(parts.version, &scan);
                let front = worker.shared().front_of(connection);
                let looks = Looks::new(parts, connection, front, address, length, site.session_cookie());
                worker.shared().attributes.values(&looks, wanted)
            });
            facts.values = values.as_ref();
            facts.jwt = jwt.as_ref().map(|jwt| jwt as &dyn VerifyJwt);
            site.identify(&facts, now)
        };
        Self {
            identity,
            address,
            method: parts.method.clone(),
            path: parts.uri.path_and_query().cloned(),
            user_agent: scan.user_agent.cloned(),
            cors: AskedCors::of(scan.origin, parts.method == Method::OPTIONS, &parts.headers),
            chores: scan.chores(found.gate),
            navigation: scan.navigation,
            websocket: scan.wants_websocket(),
            https: is_https(connection, &scan),
            grpc: is_grpc(parts.version, &scan),
            length: body_length(parts.version, &scan),
            class: site.class_of(parts.method.as_str(), parts.uri.path()),
        }
    }

    /// The path without its query.
    pub(crate) fn path(&self) -> &str {
        self.path.as_ref().map_or("*", PathAndQuery::path)
    }

    /// The user agent's bytes, empty without one.
    pub(crate) fn user_agent(&self) -> &[u8] {
        self.user_agent.as_ref().map_or(b"", |value| value.as_bytes())
    }
}

/// gRPC goes over HTTP/2 alone.
fn is_grpc(version: Version, scan: &Scan<'_>) -> bool {
    version == Version::HTTP_2 && scan.content_type.is_some_and(|kind| grpc::is_grpc(kind.as_bytes()))
}

/// HTTP/2 ends bodies without telling their length before (RFC 9113, section 8.1).
fn body_length(version: Version, scan: &Scan<'_>) -> Option<u64> {
    if scan.chunked || (version == Version::HTTP_2 && scan.content_length.is_none()) {
        return None;
    }
    Some(scan.content_length.unwrap_or(0))
}

fn facts<'a>(
    connection: &Connection,
    parts: &'a Parts,
    scan: &Scan<'a>,
    found: &Found<'a>,
    address: Option<IpAddr>,
    headers: &'a Lookup<'a>,
) -> Facts<'a> {
    Facts {
        address,
        peer: connection.address,
        passes: found.passes,
        pass_header: scan.pass.map(HeaderValue::as_bytes),
        lane: found.lane,
        ticket: found.ticket,
        visit: found.visit,
        session: found.session,
        user_agent: scan.user_agent.map_or(b"", |value| value.as_bytes()),
        method: parts.method.as_str(),
        path: parts.uri.path(),
        navigation: scan.navigation,
        inherited: None,
        headers,
        values: None,
        jwt: None,
    }
}

/// Gives admission the headers that its settings name.
pub(crate) struct Lookup<'a>(pub(crate) &'a HeaderMap);

impl admission::site::Headers for Lookup<'_> {
    fn value(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name).map(HeaderValue::as_bytes)
    }

    fn cookies(&self, each: &mut dyn FnMut(&[u8], &[u8])) {
        for header in self.0.get_all(COOKIE) {
            cookies::pairs(header.as_bytes()).for_each(|(name, value)| each(name, value));
        }
    }
}

/// A client that is named by whoever is no front may come through one that nobody has told of.
fn note_forwarded(worker: &Worker, connection: &Connection, scan: &Scan<'_>) {
    let shared = worker.shared();
    if let Some(named) = scan.forwarded_for.filter(|_| !connection.front && shared.settings.fronts.is_empty())
    {
        shared.undeclared.note(worker.index(), connection.address, named.as_bytes());
    }
}

/// The client's address: the peer, or what its front says.
pub(crate) fn client_address(
    worker: &Worker,
    connection: &Connection,
    headers: &HeaderMap,
) -> Option<IpAddr> {
    if !connection.front {
        return Some(connection.address);
    }
    worker.shared().front_of(connection).and_then(|front| front.client(headers))
}

/// Whether the client speaks https: to the gate, or to the front before it.
pub(crate) fn is_https(connection: &Connection, scan: &Scan<'_>) -> bool {
    connection.security.tls || (connection.front && scan.proto_https)
}

/// Whether a request is for this host name, whatever the port.
pub(crate) fn is_host(parts: &Parts, wanted: &str) -> bool {
    named_host(parts).is_some_and(|named| named.eq_ignore_ascii_case(wanted.as_bytes()))
}

/// The host that a request names, without its port. RFC 9112 section 3.2.2: an absolute target wins.
pub(crate) fn named_host(parts: &Parts) -> Option<&[u8]> {
    let named = match parts.uri.host() {
        Some(host) => host.as_bytes(),
        None => parts.headers.get(HOST)?.as_bytes(),
    };
    let end = if named.first() == Some(&b'[') {
        memchr::memchr(b']', named).map_or(named.len(), |at| at + 1)
    } else {
        memchr::memchr(b':', named).unwrap_or(named.len())
    };
    Some(&named[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    #[test]
    fn a_host_is_compared_without_port_and_case() {
        let named = |uri: &str, host: &str, wanted: &str| {
            let request = Request::builder().uri(uri).header(HOST, host).body(()).unwrap();
            is_host(&request.into_parts().0, wanted)
        };
        assert!(named("/", "Shop.Example:8080", "shop.example"));
        assert!(named("/", "[::1]:80", "[::1]"));
        assert!(named("http://shop.example/", "evil.example", "shop.example"));
        assert!(!named("http://evil.example/", "shop.example", "shop.example"));
        assert!(!named("/", "shop.example.evil", "shop.example"));
    }
}
