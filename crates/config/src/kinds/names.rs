//! Names: of hosts, cookies, headers, people's own, and words to choose from.

use std::net::Ipv6Addr;

use model::Mode;

use super::{Bad, Found, Kind, Shape, Text, kind_of, quoted};
use crate::finding::Problems;
use crate::nearest::nearest;
use crate::settings::MonitorAs;

/// Where a front writes the client's address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientAddress {
    /// `X-Forwarded-For`: the last address that is no front.
    XForwardedFor,
    /// `Forwarded` (RFC 7239): the last `for=` that is no front.
    Forwarded,
    /// A header of its own that holds one address; lower case.
    Header(String),
    /// The PROXY protocol; no header is read.
    ProxyProtocol,
}

/// The oldest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246) and 1.3.
    Tls12,
    /// TLS 1.3 (RFC 8446) alone.
    Tls13,
}

/// How an authority is shown that a host is ours.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Proof {
    /// In a handshake (RFC 8737).
    TlsAlpn01,
    /// With a request (RFC 8555, section 8.3).
    Http01,
}

/// Whether a server of the app takes gRPC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Grpc {
    /// It does not.
    Never,
    /// Beside everything else.
    Also,
    /// Nothing but gRPC.
    Only,
}

/// A word from a short list.
pub(crate) struct Choice<T: 'static> {
    pub(super) words: &'static [&'static str],
    pub(super) choose: fn(&str) -> Option<T>,
    /// Words that somebody may well write, and why there is no need for them.
    pub(super) needless: &'static [(&'static str, &'static str)],
}

/// The mode of a site.
pub(crate) const MODE: Choice<Mode> =
    Choice { words: &["observe", "assist", "auto"], choose: |word| word.parse().ok(), needless: &[] };

/// See [`Grpc`].
pub(crate) const GRPC: Choice<Grpc> = Choice {
    words: &["never", "also", "only"],
    choose: |word| match word {
        "never" => Some(Grpc::Never),
        "also" => Some(Grpc::Also),
        "only" => Some(Grpc::Only),
        _ => None,
    },
    needless: &[],
};

/// See [`TlsVersion`].
pub(crate) const TLS_VERSION: Choice<TlsVersion> = Choice {
    words: &["1.2", "1.3"],
    choose: |word| match word {
        "1.2" => Some(TlsVersion::Tls12),
        "1.3" => Some(TlsVersion::Tls13),
        _ => None,
    },
    needless: &[],
};

/// Whom a monitor counts as.
pub(crate) const MONITOR_AS: Choice<MonitorAs> = Choice {
    words: &["admin"],
    choose: |word| (word == "admin").then_some(MonitorAs::Admin),
    needless: &[("known", MONITOR_KNOWN), ("unknown", MONITOR_UNKNOWN)],
};

/// A host name.
pub(crate) const HOST: Text<String> =
    Text::new("a host name", r"^[A-Za-z0-9.\-]+$|^\[[0-9a-fA-F:.]+\]$", "shop.example", parse_host);

/// A domain that several hosts lie in.
pub(crate) const DOMAIN: Text<String> =
    Text::new("a domain", r"^\.?[A-Za-z0-9\-]+(\.[A-Za-z0-9\-]+)+$", "shop.example", parse_domain);

/// The name of a cookie (RFC 6265, section 4.1.1).
pub(crate) const COOKIE: Text<String> =
    Text::new("the name of a cookie", "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "sessionid", parse_cookie);

/// The name of a header, lower case (RFC 9110, section 5.1).
pub(crate) const HEADER: Text<String> =
    Text::new("the name of a header", "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", "x-partner-key", parse_header);

/// Where a front writes the client's address.
pub(crate) const CLIENT_ADDRESS: Text<ClientAddress> = Text::new(
    "\"x-forwarded-for\", \"forwarded\", \"proxy-protocol\" or the name of a header",
    "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$",
    "x-forwarded-for",
    parse_client_address,
);

/// An ACME authority's directory.
pub(crate) const ACME_DIRECTORY: Text<String> = Text::new(
    "the https address of an ACME directory",
    r"^https://[^/?#@\s]+(/\S*)?$",
    "https://acme-v02.api.letsencrypt.org/directory",
    parse_directory,
);

/// A mail address, with or without `mailto:`.
pub(crate) const CONTACT: Text<String> =
    Text::new("a mail address", r"^(mailto:)?[^@\s]+@[^@\s]+$", "ops@shop.example", parse_contact);

/// How a host is proved.
pub(crate) const PROOF: Choice<Proof> = Choice {
    words: &["tls-alpn-01", "http-01"],
    choose: |word| match word {
        "tls-alpn-01" => Some(Proof::TlsAlpn01),
        "http-01" => Some(Proof::Http01),
        _ => None,
    },
    needless: &[],
};

/// What people call a thing in logs and reports.
pub(crate) const NAME: Text<String> =
    Text::new("a name", "^.{1,64}$", "warehouse", |text| parse_text(text, 64));

/// Free text that is compared as a whole.
pub(crate) const TEXT: Text<String> = Text::new("text", "^.{1,256}$", "shop", |text| parse_text(text, 256));

impl<T> Kind for Choice<T> {
    type Value = T;

    fn read(&self, found: Found<'_>, problems: &mut Problems) -> Option<T> {
        let list = self.words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let one_of =
            if self.words.len() == 1 { format!("write {list}") } else { format!("write one of {list}") };
        let Some(word) = found.value.get_ref().as_str() else {
            let what = format!("this is {}, not a word", kind_of(found.value.get_ref()));
            problems.error(found.span(), found.path, what, one_of);
            return None;
        };
        let chosen = (self.choose)(word);
        if chosen.is_none() {
            let needless = self.needless.iter().find(|(name, _)| *name == word);
            let cure = match (needless, nearest(word, self.words.iter().copied())) {
                (Some((_, instead)), _) => (*instead).to_owned(),
                (None, Some(near)) => format!("write \"{near}\""),
                (None, None) => one_of,
            };
            let what = format!("{} cannot be chosen here", quoted(word));
            problems.error(found.span(), found.path, what, cure);
        }
        chosen
    }

    fn shape(&self) -> Shape {
        Shape::Choice(self.words)
    }

    fn toml(&self, plain: &str) -> String {
        format!("\"{plain}\"")
    }
}

fn parse_host(text: &str) -> Result<String, Bad> {
    if is_host(text) {
        return Ok(text.to_ascii_lowercase());
    }
    let what = format!("{} is not a host name", quoted(text));
    let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
    let bare = bare.split('/').next().unwrap_or_default();
    let bare = port_of(bare).map_or(bare, |(host, _)| host);
    let cure = if text.contains('*') {
        "write each host name; without `hosts` any host is served".to_owned()
    } else if !text.is_ascii() {
        "write the name's ASCII form, which begins with xn--".to_owned()
    } else if bare != text && is_host(bare) {
        format!("write {}: a name only, neither scheme nor port nor path", quoted(bare))
    } else if text.parse::<Ipv6Addr>().is_ok() {
        format!("write \"[{text}]\"")
    } else {
        "write letters, digits and hyphens with dots between, such as \"shop.example\"".to_owned()
    };
    Err(Bad::new(what, cure))
}

fn parse_domain(text: &str) -> Result<String, Bad> {
    let domain = text.strip_prefix('.').unwrap_or(text);
    let is_address = domain.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if is_host(domain) && domain.contains('.') && !is_address {
        return Ok(domain.to_ascii_lowercase());
    }
    // Browsers refuse cookies for a whole top-level domain, and for addresses (RFC 6265, section 5.3).
    let what = format!("{} is not a domain that a cookie can be set for", quoted(text));
    Err(Bad::new(what, "write the domain that your hosts share, such as \"shop.example\""))
}

/// Host names (RFC 1123, section 2.1), IPv4 addresses, IPv6 addresses in brackets.
pub(super) fn is_host(text: &str) -> bool {
    if let Some(inner) = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok();
    }
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Host and port of `HOST:PORT`; an IPv6 address in brackets is one host.
pub(super) fn port_of(authority: &str) -> Option<(&str, &str)> {
    let end = authority.find(']').map_or(0, |at| at + 1);
    let at = end + authority[end..].find(':')?;
    Some((&authority[..at], &authority[at + 1..]))
}

fn parse_cookie(text: &str) -> Result<String, Bad> {
    if !is_token(text) {
        let cure = "write the name only, without its value: letters, digits, - and _, such as \"sessionid\"";
        return Err(Bad::new(format!("{} is not the name of a cookie", quoted(text)), cure));
    }
    if OWN_COOKIES.contains(&text) {
        return Err(Bad::new(
            format!("{} is a cookie of the gate's own", quoted(text)),
            "write the name of the app's session cookie",
        ));
    }
    Ok(text.to_owned())
}

fn parse_header(text: &str) -> Result<String, Bad> {
    let name = text.to_ascii_lowercase();
    if !is_token(&name) {
        let cure = "write the name only, without `:` and value, such as \"x-partner-key\"";
        return Err(Bad::new(format!("{} is not the name of a header", quoted(text)), cure));
    }
    if name.starts_with("portcullis-") || FRAMING.contains(&name.as_str()) {
        let cure = "write a header that clients send and the gate leaves alone, such as \"x-partner-key\"";
        return Err(Bad::new(format!("{} has a meaning of its own to the gate", quoted(text)), cure));
    }
    Ok(name)
}

fn parse_client_address(text: &str) -> Result<ClientAddress, Bad> {
    match text.to_ascii_lowercase().as_str() {
        "x-forwarded-for" => Ok(ClientAddress::XForwardedFor),
        "forwarded" => Ok(ClientAddress::Forwarded),
        "proxy-protocol" => Ok(ClientAddress::ProxyProtocol),
        _ => parse_header(text).map(ClientAddress::Header),
    }
}

fn parse_directory(text: &str) -> Result<String, Bad> {
    let host = text.strip_prefix("https://").unwrap_or_default();
    let has_host = host.split('/').next().is_some_and(|host| !host.is_empty());
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains(['@', '?', '#']);
    if has_host && plain {
        return Ok(text.to_owned());
    }
    let what = format!("{} is no https address of a directory", quoted(text));
    Err(Bad::new(what, "write it as the authority shows it, beginning with https://"))
}

fn parse_contact(text: &str) -> Result<String, Bad> {
    let mail = text.strip_prefix("mailto:").unwrap_or(text);
    let sound = mail.len() <= 254
        && mail.bytes().all(|byte| byte.is_ascii_graphic() && !b",?<>\"".contains(&byte))
        && mail.split_once('@').is_some_and(|(name, host)| !name.is_empty() && is_host(host));
    if sound {
        return Ok(format!("mailto:{mail}"));
    }
    Err(Bad::new(format!("{} is no mail address", quoted(text)), "write one such as \"ops@shop.example\""))
}

fn parse_text(text: &str, chars_max: usize) -> Result<String, Bad> {
    let length = text.chars().count();
    if (1..=chars_max).contains(&length) && !text.chars().any(char::is_control) && text.trim() == text {
        return Ok(text.to_owned());
    }
    let cure = format!("write 1 to {chars_max} printable characters, no space at either end");
    Err(Bad::new(format!("{} cannot be used here", quoted(text)), cure))
}

/// RFC 9110, section 5.6.2, at most 64 bytes.
fn is_token(text: &str) -> bool {
    let is_tchar = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(is_tchar)
}

/// Headers that say where a message ends or goes: nothing else may be read from them.
const FRAMING: [&str; 9] = [
    "connection",
    "content-length",
    "cookie",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "set-cookie",
];
const OWN_COOKIES: [&str; 4] = ["portcullis", "__Host-portcullis", "__Secure-portcullis", "portcullis-lane"];
const MONITOR_KNOWN: &str = "to measure as a customer, let the monitor sign in and leave its [[monitor]] out; write \"admin\" for one that must always get through";
const MONITOR_UNKNOWN: &str = "who has no [[monitor]] measures as a stranger already; write \"admin\" for one that must always get through";
