//! Who may read and command: token, host, origin.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};

use admin::Door;
use http::header::{AUTHORIZATION, HOST, ORIGIN, WWW_AUTHENTICATE};
use http::uri::{Authority, Uri};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use model::{Prefix, Untrusted};
use subtle::ConstantTimeEq;
use web_io::Bytes;

use super::problem::Problem;
use crate::ConsoleSettings;

/// What the console asks of a request before it answers.
pub(crate) struct Access {
    token: Box<[u8]>,
    /// Empty: there is none.
    mailer_token: Box<[u8]>,
    address: IpAddr,
    hosts: Vec<String>,
    metrics_allow: Vec<Prefix>,
    /// For people, who show the token once.
    pub(super) door: RefCell<Door>,
}

/// Whose token a request came with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Caller {
    /// An admin's: everything.
    Admin,
    /// The app's mailer's: links for customers.
    Mailer,
}

impl Access {
    /// `address` is where the console listens.
    pub(crate) fn new(address: SocketAddr, settings: &ConsoleSettings) -> Self {
        Self {
            token: settings.token.as_bytes().into(),
            mailer_token: settings.mailer_token.as_deref().unwrap_or_default().as_bytes().into(),
            address: address.ip().to_canonical(),
            hosts: settings.hosts.iter().map(|host| bare(host)).collect(),
            metrics_allow: settings.metrics_allow.clone(),
            door: RefCell::new(Door::new(&settings.token)),
        }
    }

    /// A page whose name an attacker pointed at us (DNS rebinding) still sends that name.
    pub(crate) fn check_host(&self, request: &Request<Bytes>) -> Result<(), Problem> {
        let mut headers = request.headers().get_all(HOST).iter();
        let (host, second) = (headers.next(), headers.next());
        let host = host.and_then(|host| host.to_str().ok()).and_then(|host| host.parse::<Authority>().ok());
        let Some(host) = host.filter(|_| second.is_none()) else {
            return Err(Problem::new(
                StatusCode::BAD_REQUEST,
                "One Host header is needed, with a name or an address.",
            ));
        };
        // RFC 9112, 3.2.2: a target in absolute form counts instead of the header.
        if self.is_ours(host.host()) && request.uri().host().is_none_or(|target| self.is_ours(target)) {
            return Ok(());
        }
        let shown = Untrusted::from(host.host());
        let detail = format!(
            "The console does not answer to the name {shown:?}. If it should, add it to [console] hosts."
        );
        Err(Problem::new(StatusCode::MISDIRECTED_REQUEST, detail))
    }

    /// Browsers say which page a request comes from, but for the simplest requests.
    pub(crate) fn check_origin(&self, request: &Request<Bytes>) -> Result<(), Problem> {
        let mut origins = request.headers().get_all(ORIGIN).iter();
        let Some(foreign) = origins.find(|origin| !self.is_own_page(origin)) else { return Ok(()) };
        let shown = Untrusted::new(foreign.as_bytes());
        Err(Problem::new(StatusCode::FORBIDDEN, format!("Pages of {shown:?} may not use the console.")))
    }

    /// Whose token it is. It is taken from a header only: browsers never add one by themselves.
    pub(crate) fn check_token(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let token = match (given.next().map(HeaderValue::as_bytes), given.next()) {
            (Some(value), None) => bearer(value),
            (None, _) | (Some(_), Some(_)) => None,
        };
        // The time tells the length of the token at most, and that is no secret.
        let is = |ours: &[u8]| token.is_some_and(|token| !ours.is_empty() && bool::from(token.ct_eq(ours)));
        if is(&self.token) {
            return Ok(Caller::Admin);
        }
        if is(&self.mailer_token) {
            return Ok(Caller::Mailer);
        }
        let detail =
            "Send the header `Authorization: Bearer TOKEN` with the token from the file console.token.";
        let scheme = HeaderValue::from_static("Bearer realm=\"console\"");
        Err(Problem::new(StatusCode::UNAUTHORIZED, detail).with(WWW_AUTHENTICATE, scheme))
    }

    /// Whether an address may read the metrics without the token.
    pub(crate) fn may_scrape(&self, peer: IpAddr) -> bool {
        self.metrics_allow.iter().any(|prefix| prefix.contains(peer))
    }

    fn is_own_page(&self, origin: &HeaderValue) -> bool {
        let uri = origin.to_str().ok().and_then(|origin| origin.parse::<Uri>().ok());
        uri.is_some_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| self.is_ours(host))
        })
    }

    /// Ports are left aside: the console may be reached through a forwarded one.
    fn is_ours(&self, host: &str) -> bool {
        let host = bare(host);
        if self.hosts.contains(&host) {
            return true;
        }
        match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
            // Rebinding needs a name: a page at this address came from this machine.
            Ok(address) => {
                self.address.is_unspecified()
                    || address == self.address
                    || (self.address.is_loopback() && address.is_loopback())
            }
            Err(_) => host == "localhost" && (self.address.is_loopback() || self.address.is_unspecified()),
        }
    }
}

/// RFC 6750, 2.1; the scheme's case does not matter (RFC 9110, 11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_ascii())
}

/// Small letters, no brackets around an IPv6 address, no dot at the end.
fn bare(host: &str) -> String {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

const SCHEME: &[u8] = b"bearer ";
