//! `[[notify]]`.

use std::path::PathBuf;
use std::time::Duration;

use crate::entry::{default, optional, required, settings};
use crate::kinds::{
    CONTACT, FILE, MAIL_SERVER, MAIL_TLS, MailServer, NAME, NOTIFY_KIND, SEVERITY, TEXT, WEB_URL, WebUrl,
    duration, list, whole,
};

settings! {
    /// Somebody who is alerted when an incident begins, gets worse or is over, and of what the public is told. What cannot be
    /// delivered waits on the disk and is tried for a day.
    pub struct Notify {
        /// What it is called in logs, reports and metrics.
        name: String = required("on-call", NAME);
        /// How it is told. "pagerduty": Events API v2, for PagerDuty and what understands the same; "alertmanager": API v2;
        /// "slack": incoming webhooks, which Mattermost and others have too; "webhook": JSON, signed by the rules of Standard
        /// Webhooks; "mail"; "heartbeat": an address that is asked for as long as the gate works, so that its silence alarms.
        kind: NotifyKind = required("webhook", NOTIFY_KIND);
        /// Where: for "pagerduty" and "alertmanager" without the path of the API, else the whole address. Without it,
        /// "pagerduty" is `https://events.pagerduty.com`.
        url: Option<WebUrl> = optional("https://alerts.shop.example/portcullis", WEB_URL);
        /// A file with the address, instead of `url`: those of "slack" and "heartbeat" are mostly secret.
        url_file: Option<PathBuf> = optional("/etc/portcullis/slack.url", FILE);
        /// A file with the secret: the routing key of "pagerduty", the signing key of "webhook" (`whsec_…`), the password of
        /// "mail", a bearer token of "alertmanager".
        secret_file: Option<PathBuf> = optional("/etc/portcullis/on-call.secret", FILE);
        /// The authority that its server is verified with, as PEM. Without it, those of the system.
        ca: Option<PathBuf> = optional("/etc/portcullis/our-ca.pem", FILE);
        /// It is told of incidents that are, or were, at least so urgent: "info", something is wrong and everybody is served;
        /// "warning", some have to wait; "error", some are not served; "critical", hardly anybody is. Without it, "warning"
        /// for "pagerduty" and "info" for the others.
        least: Option<Severity> = optional("warning", SEVERITY);
        /// People are told again after so long that an incident hurts and nobody has acknowledged it with `portcullis ctl incident
        /// acknowledge`, twelve times at most; 0s: never. It has no effect on "pagerduty" and "alertmanager", which do that themselves.
        remind: Duration = default("15min", duration("0s", "24h"));
        /// Messages in a minute at most; five may come at once.
        per_minute: u32 = default("30", whole(1, 600));
        /// How often a "heartbeat" is asked for.
        every: Duration = default("60s", duration("5s", "1h"));
        /// The server that takes "mail": HOST:PORT.
        server: Option<MailServer> = optional("smtp.shop.example:587", MAIL_SERVER);
        /// How the way to `server` is encrypted: "starttls", mostly on port 587; "implicit", mostly on 465; "none", only to
        /// this machine itself.
        tls: MailTls = default("starttls", MAIL_TLS);
        /// The user at `server`, with the password in `secret_file`. Without it, nobody signs in.
        user: Option<String> = optional("portcullis", TEXT);
        /// From whom mail comes.
        from: Option<String> = optional("portcullis@shop.example", CONTACT);
        /// To whom mail goes.
        to: Vec<String> = default("", list(CONTACT, 16));
    }
}

/// How somebody is told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotifyKind {
    /// PagerDuty's Events API v2.
    PagerDuty,
    /// Prometheus Alertmanager's API v2.
    Alertmanager,
    /// Incoming webhooks of Slack.
    Slack,
    /// Signed JSON.
    Webhook,
    /// Mail.
    Mail,
    /// An address that is asked for as long as the gate works.
    Heartbeat,
}

/// How urgent an incident is, from least to most.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Severity {
    /// Something is wrong, and everybody is served.
    Info,
    /// Some have to wait.
    Warning,
    /// Some are not served.
    Error,
    /// Hardly anybody is served.
    Critical,
}

/// How the way to a mail server is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MailTls {
    /// TLS after a word in plain text (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// Not at all.
    None,
}

impl Notify {
    /// How urgent an incident must be at least.
    pub fn least(&self) -> Severity {
        let usual = if self.kind == NotifyKind::PagerDuty { Severity::Warning } else { Severity::Info };
        self.least.unwrap_or(usual)
    }

    /// From whom mail comes, as an address alone.
    pub fn from(&self) -> Option<&str> {
        self.from.as_deref().map(bare)
    }

    /// To whom mail goes, as addresses alone.
    pub fn to(&self) -> impl Iterator<Item = &str> {
        self.to.iter().map(|to| bare(to))
    }
}

pub(super) fn bare(contact: &str) -> &str {
    contact.trim_start_matches("mailto:")
}
