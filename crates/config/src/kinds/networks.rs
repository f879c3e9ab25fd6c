//! Addresses: to listen on, of networks, of the app.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use model::{Prefix, PrefixError};

use super::names::{is_host, port_of};
use super::{Bad, Text, quoted};

/// The app's address: `http://HOST:PORT` or `https://HOST:PORT`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct OriginUrl {
    host: String,
    port: u16,
    https: bool,
}

impl OriginUrl {
    /// The host: a name, an IPv4 address, or an IPv6 address in brackets.
    pub const fn host(&self) -> &str {
        self.host.as_str()
    }

    /// Whether it is spoken to over TLS.
    pub const fn is_https(&self) -> bool {
        self.https
    }

    /// The port; 80 for http and 443 for https unless another is written.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `HOST:PORT`, to connect to and for the `Host` header.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for OriginUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http{}://{}:{}", if self.https { "s" } else { "" }, self.host, self.port)
    }
}

/// Why a text is no address of an app.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum OriginUrlError {
    /// A user or password. They are not quoted.
    Credentials,
    /// A path, a query or a fragment.
    More(String, OriginUrl),
    /// Anything else.
    Shape(String),
}

impl OriginUrlError {
    fn bad(&self) -> Bad {
        match self {
            Self::Credentials => {
                Bad::new("the address of an app holds neither user nor password", "write http://HOST:PORT")
            }
            Self::More(text, url) => Bad::new(
                format!("{} is more than an address", quoted(text)),
                format!("write {url}: paths go to the app as they come"),
            ),
            Self::Shape(text) => Bad::new(
                format!("{} is not the address of an app", quoted(text)),
                "write http://HOST:PORT, such as http://127.0.0.1:3000",
            ),
        }
    }
}

impl fmt::Display for OriginUrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Bad { what, cure } = self.bad();
        write!(f, "{what}; {cure}")
    }
}

impl std::error::Error for OriginUrlError {}

impl FromStr for OriginUrl {
    type Err = OriginUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape = || OriginUrlError::Shape(text.to_owned());
        if has_credentials(text) {
            return Err(OriginUrlError::Credentials);
        }
        let https = starts_with_ignoring_case(text, "https://");
        let rest = text.get(if https { 8 } else { 7 }..).ok_or_else(shape)?;
        if !https && !starts_with_ignoring_case(text, "http://") {
            return Err(shape());
        }
        let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
        let (host, port) = match port_of(authority) {
            Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0).ok_or_else(shape)?),
            None => (authority, if https { 443 } else { 80 }),
        };
        // Names of containers have underscores, though those of hosts have none.
        if !is_host(&host.replace('_', "x")) {
            return Err(shape());
        }
        let url = Self { host: host.to_ascii_lowercase(), port, https };
        if path.is_empty() || path == "/" { Ok(url) } else { Err(OriginUrlError::More(text.to_owned(), url)) }
    }
}

/// An address with a port, to listen on.
pub(crate) const ADDRESS: Text<SocketAddr> = Text::new(
    "an address with a port",
    r"^(\[[0-9a-fA-F:.]+\]|[0-9.]+):[0-9]{1,5}$",
    "127.0.0.1:8080",
    parse_address,
);

/// A network.
pub(crate) const PREFIX: Text<Prefix> =
    Text::new("a network", "^[0-9a-fA-F:.]+(/[0-9]{1,3})?$", "192.0.2.0/24", parse_prefix);

/// A network of a front: never so large that nearly everybody would be one.
pub(crate) const FRONT_SOURCE: Text<Prefix> = Text { parse: parse_front_source, ..PREFIX };

/// The app's address.
pub(crate) const ORIGIN_URL: Text<OriginUrl> =
    Text::new("the address of the app", r"^http://[^/?#@\s]+/?$", "http://127.0.0.1:3000", parse_origin)
        .hiding(has_credentials);

fn parse_address(text: &str) -> Result<SocketAddr, Bad> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return if address.port() == 0 {
            Err(Bad::new(
                format!("{} has port 0, which is a different port at each start", quoted(text)),
                "write a port from 1 to 65535",
            ))
        } else {
            Ok(address)
        };
    }
    let what = format!("{} is not an address with a port", quoted(text));
    let port = text.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()).filter(|port| *port != 0);
    let host = text.rsplit_once(':').map_or("", |(host, _)| host);
    let cure = match (host, port, text.parse::<IpAddr>()) {
        (_, _, Ok(IpAddr::V4(address))) => format!("write a port too: \"{address}:8080\""),
        (_, _, Ok(IpAddr::V6(address))) => format!("write a port too: \"[{address}]:8080\""),
        ("localhost", Some(port), _) => format!("write \"127.0.0.1:{port}\": names are not looked up"),
        ("" | "*", Some(port), _) => {
            format!("write \"127.0.0.1:{port}\" for this machine only, or \"0.0.0.0:{port}\" for everybody")
        }
        _ => "write an address and a port, such as \"127.0.0.1:8080\" or \"[::1]:8080\", no name".to_owned(),
    };
    Err(Bad::new(what, cure))
}

fn parse_prefix(text: &str) -> Result<Prefix, Bad> {
    let shown = quoted(text);
    text.parse::<Prefix>().map_err(|error| match error {
        PrefixError::HostBits { network, .. } => Bad::new(
            format!("{shown} has host bits set"),
            format!("write `{network}` if you mean the whole network"),
        ),
        PrefixError::TooLong { longest, .. } => Bad::new(
            format!("{shown} is too long"),
            format!("the longest prefix of this address family is /{longest}"),
        ),
        PrefixError::Shape { .. } => Bad::new(
            format!("{shown} is not a network"),
            "write an address and a length, such as \"192.0.2.0/24\"",
        ),
    })
}

/// A front is believed and never limited: it must not be everybody. No CDN announces a network as large as
/// this.
fn parse_front_source(text: &str) -> Result<Prefix, Bad> {
    let prefix = parse_prefix(text)?;
    if prefix.length() >= if prefix.addr().is_ipv4() { 8 } else { 16 } {
        return Ok(prefix);
    }
    let what = format!("with `{prefix}` nearly everybody would be a front, and could claim any address");
    Err(Bad::new(what, "write the addresses of your CDN or load balancer only"))
}

fn parse_origin(text: &str) -> Result<OriginUrl, Bad> {
    text.parse::<OriginUrl>().map_err(|error| error.bad())
}

/// Whether a URL holds a user, and perhaps a password (RFC 3986, section 3.2.1).
pub(super) fn has_credentials(url: &str) -> bool {
    url.contains('@')
}

fn starts_with_ignoring_case(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}
