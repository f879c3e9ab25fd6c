//! What is needed to tell somebody of an incident.

use std::fmt;
use std::net::IpAddr;

use super::names::{Choice, is_host, port_of};
use super::networks::has_credentials;
use super::{Bad, Text, quoted};
use crate::settings::{MailTls, NotifyKind, Severity};

/// An address of a web server with everything behind it. It may be a secret: neither `Debug` nor a message shows it.
#[derive(Clone, Eq, PartialEq)]
pub struct WebUrl(String);

impl WebUrl {
    /// The longest address, in bytes.
    pub const BYTES_MAX: usize = 2_048;

    /// The address, for whoever asks for it.
    pub const fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// Whether what is sent there can be read on the way: plain http to another machine.
    pub fn is_readable_on_the_way(&self) -> bool {
        self.0.strip_prefix("http://").is_some_and(|rest| !is_this_machine(authority(rest)))
    }
}

impl std::str::FromStr for WebUrl {
    type Err = WebUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse_url(text).map_err(|Bad { what, cure }| WebUrlError { what, cure })
    }
}

/// Why a text is no [`WebUrl`].
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{what}; {cure}")]
pub struct WebUrlError {
    what: String,
    cure: String,
}

impl fmt::Debug for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebUrl(…)")
    }
}

/// A mail server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MailServer {
    /// Its name or address; an IPv6 address in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl MailServer {
    /// Whether it is on this machine.
    pub fn is_this_machine(&self) -> bool {
        is_this_machine(&self.host)
    }
}

/// The whole address of something on a web server.
pub(crate) const WEB_URL: Text<WebUrl> = Text::new(
    "an https:// or http:// address",
    r"^https?://[^@#\s]+$",
    "https://alerts.shop.example/portcullis",
    parse_url,
)
.hiding(|_| true);

/// A mail server.
pub(crate) const MAIL_SERVER: Text<MailServer> = Text::new(
    "a mail server",
    r"^[^:/@\s]+:[0-9]+$|^\[[^\]]+\]:[0-9]+$",
    "smtp.shop.example:587",
    parse_server,
);

/// See [`NotifyKind`].
pub(crate) const NOTIFY_KIND: Choice<NotifyKind> = Choice {
    words: &["pagerduty", "alertmanager", "slack", "webhook", "mail", "heartbeat"],
    choose: |word| match word {
        "pagerduty" => Some(NotifyKind::PagerDuty),
        "alertmanager" => Some(NotifyKind::Alertmanager),
        "slack" => Some(NotifyKind::Slack),
        "webhook" => Some(NotifyKind::Webhook),
        "mail" => Some(NotifyKind::Mail),
        "heartbeat" => Some(NotifyKind::Heartbeat),
        _ => None,
    },
    needless: &[],
};

/// See [`Severity`].
pub(crate) const SEVERITY: Choice<Severity> = Choice {
    words: &["info", "warning", "error", "critical"],
    choose: |word| match word {
        "info" => Some(Severity::Info),
        "warning" => Some(Severity::Warning),
        "error" => Some(Severity::Error),
        "critical" => Some(Severity::Critical),
        _ => None,
    },
    needless: &[],
};

/// See [`MailTls`].
pub(crate) const MAIL_TLS: Choice<MailTls> = Choice {
    words: &["starttls", "implicit", "none"],
    choose: |word| match word {
        "starttls" => Some(MailTls::StartTls),
        "implicit" => Some(MailTls::Implicit),
        "none" => Some(MailTls::None),
        _ => None,
    },
    needless: &[],
};

/// The text is not quoted: it may be a secret.
fn parse_url(text: &str) -> Result<WebUrl, Bad> {
    const CURE: &str = "write https://HOST/PATH as the receiver shows it";
    if has_credentials(text) || text.contains('#') {
        return Err(Bad::new("this address holds a user, a password or a fragment", CURE));
    }
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let authority = authority(rest.unwrap_or_default());
    let host = match port_of(authority) {
        Some((host, port)) if port.parse().is_ok_and(|port: u16| port != 0) => host,
        Some(_) => "",
        None => authority,
    };
    let is_plain = text.len() <= WebUrl::BYTES_MAX && text.bytes().all(|byte| byte.is_ascii_graphic());
    // Names of containers have underscores, though those of hosts have none.
    if !is_plain || !is_host(&host.replace('_', "x")) {
        return Err(Bad::new("this is no https:// or http:// address", CURE));
    }
    Ok(WebUrl(text.to_owned()))
}

fn authority(rest: &str) -> &str {
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn is_this_machine(authority: &str) -> bool {
    let host = port_of(authority).map_or(authority, |(host, _)| host);
    let address = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

fn parse_server(text: &str) -> Result<MailServer, Bad> {
    let found = port_of(text).and_then(|(host, port)| Some((host, port.parse().ok()?)));
    match found.filter(|(host, port)| *port != 0 && is_host(&host.replace('_', "x"))) {
        Some((host, port)) => Ok(MailServer { host: host.to_ascii_lowercase(), port }),
        None => Err(Bad::new(
            format!("{} is no mail server", quoted(text)),
            "write HOST:PORT, such as \"smtp.shop.example:587\"",
        )),
    }
}
