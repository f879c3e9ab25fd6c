//! What is probed, and the addresses of other machines of ours.

use std::fmt;

use super::names::{Choice, is_host, port_of};
use super::networks::has_credentials;
use super::{Bad, OriginUrl, Text, quoted};
use crate::settings::ProbeShows;

/// Where a probe goes.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct ProbeTarget {
    scheme: Scheme,
    host: String,
    port: u16,
    path: String,
}

/// How it goes there.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Scheme {
    Http,
    Https,
    Tcp,
    Tls,
    Dns,
}

impl Scheme {
    const ALL: [(&str, Self); 5] = [
        ("https", Self::Https),
        ("http", Self::Http),
        ("tcp", Self::Tcp),
        ("tls", Self::Tls),
        ("dns", Self::Dns),
    ];

    const fn port(self) -> Option<u16> {
        match self {
            Self::Http => Some(80),
            Self::Https | Self::Tls => Some(443),
            Self::Dns => Some(53),
            Self::Tcp => None,
        }
    }
}

impl ProbeTarget {
    /// The scheme: `https`, `http`, `tcp`, `tls` or `dns`.
    pub fn scheme(&self) -> &'static str {
        Scheme::ALL.iter().find(|(_, scheme)| *scheme == self.scheme).map_or("", |(word, _)| word)
    }

    /// A name, an IPv4 address, or an IPv6 address without brackets; small letters.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Path and query of a page; `/` for everything else.
    pub const fn path(&self) -> &str {
        self.path.as_str()
    }

    /// Whether a page is asked for.
    pub const fn is_page(&self) -> bool {
        matches!(self.scheme, Scheme::Http | Scheme::Https)
    }

    /// Whether only a name is looked up.
    pub const fn is_name(&self) -> bool {
        matches!(self.scheme, Scheme::Dns)
    }
}

impl fmt::Display for ProbeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}{}", self.scheme(), self.host, self.port, self.path)
    }
}

/// What a probe tries.
pub(crate) const PROBE_TARGET: Text<ProbeTarget> = Text::new(
    "an address that begins with https://, http://, tcp://, tls:// or dns://",
    r"^(https?|tcp|tls|dns)://[^@\s]+$",
    "https://shop.example/",
    parse_target,
)
.hiding(has_credentials);

/// The public half of the key that signs a page: 32 bytes as base64 (RFC 4648).
pub(crate) const PAGE_KEY: Text<String> = Text::new(
    "the key of a page",
    "^[A-Za-z0-9+/]{43}=$",
    "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    parse_key,
);

/// What a probe tells of.
pub(crate) const PROBE_SHOWS: Choice<ProbeShows> = Choice {
    words: &["public", "app", "control"],
    choose: |word| match word {
        "public" => Some(ProbeShows::Public),
        "app" => Some(ProbeShows::App),
        "control" => Some(ProbeShows::Control),
        _ => None,
    },
    needless: &[],
};

/// The address of a web server of ours.
pub(crate) const SERVER_URL: Text<OriginUrl> = Text::new(
    "the https:// or http:// address of a server",
    r"^https?://[^/?#@\s]+/?$",
    "https://outpost.shop.example",
    parse_server,
)
.hiding(has_credentials);

fn parse_target(text: &str) -> Result<ProbeTarget, Bad> {
    if has_credentials(text) {
        let what = "what is probed holds neither user nor password";
        return Err(Bad::new(what, "write SCHEME://HOST, without what stands before the @"));
    }
    let shape = || {
        let cure =
            "write https://HOST/PATH, http://HOST/PATH, tcp://HOST:PORT, tls://HOST:PORT or dns://HOST";
        Bad::new(format!("{} is nothing that can be probed", quoted(text)), cure)
    };
    let (word, rest) = text.split_once("://").ok_or_else(shape)?;
    let known = Scheme::ALL.into_iter().find(|(known, _)| word.eq_ignore_ascii_case(known));
    let scheme = known.map(|(_, scheme)| scheme).ok_or_else(shape)?;
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let (host, port) = match port_of(authority) {
        Some((host, port)) => (host, port.parse().ok().filter(|port| *port != 0).ok_or_else(shape)?),
        None => (authority, scheme.port().ok_or_else(shape)?),
    };
    // Names of containers have underscores, though those of hosts have none.
    if !is_host(&host.replace('_', "x")) {
        return Err(shape());
    }
    let is_page = matches!(scheme, Scheme::Http | Scheme::Https);
    let is_path = path.len() <= PATH_BYTES_MAX
        && !path.contains('#')
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    if (!is_page && !matches!(path, "" | "/")) || !is_path {
        return Err(shape());
    }
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    Ok(ProbeTarget { scheme, host: host.to_ascii_lowercase(), port, path })
}

fn parse_server(text: &str) -> Result<OriginUrl, Bad> {
    text.parse().map_err(|_| {
        let what = format!("{} is not the address of a server", quoted(text));
        Bad::new(what, "write https://HOST, or https://HOST:PORT, and nothing behind it")
    })
}

fn parse_key(text: &str) -> Result<String, Bad> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let is_key =
        text.strip_suffix('=').is_some_and(|key| key.len() == KEY_LETTERS && key.bytes().all(is_letter));
    if is_key {
        return Ok(text.to_owned());
    }
    let cure =
        "write what `portcullis status key` prints on the gate's machine: 44 letters that end with `=`";
    Err(Bad::new(format!("{} is no key of a page", quoted(text)), cure))
}

/// 32 bytes as base64, without the `=` at the end.
const KEY_LETTERS: usize = 43;
/// Bytes of path and query.
const PATH_BYTES_MAX: usize = 1_024;
