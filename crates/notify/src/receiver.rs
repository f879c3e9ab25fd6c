//! Who is told, and how.

use std::time::Duration;

use crate::consent::{Asked, ConsentLinks};
use crate::hidden::{Hidden, SigningKey};
use crate::notice::{Notice, Severity, What};

/// Somebody who is told.
#[derive(Clone, Debug)]
pub struct Receiver {
    /// As the configuration calls it; no other is called so.
    pub name: String,
    /// Told of incidents that are, or were, at least so urgent.
    pub least: Severity,
    /// Told again after so long that nobody has acknowledged an incident; `None`: once is enough.
    pub remind: Option<Duration>,
    /// Messages in a minute at most; a few may come at once.
    pub per_minute: u32,
    /// How.
    pub way: Way,
}

/// How a receiver is told.
#[derive(Clone, Debug)]
pub enum Way {
    /// PagerDuty's Events API v2.
    PagerDuty {
        /// Scheme and host, without the path.
        url: String,
        /// The integration's routing key.
        key: Hidden,
    },
    /// Prometheus Alertmanager's API v2.
    Alertmanager {
        /// Scheme, host and perhaps a path, without `/api/v2/alerts`.
        url: String,
        /// For the `Authorization` header.
        bearer: Option<Hidden>,
    },
    /// An incoming webhook of Slack, or of what understands the same.
    Slack {
        /// The whole address, which is a secret.
        url: Hidden,
    },
    /// Signed JSON (Standard Webhooks 1.0).
    Webhook {
        /// The whole address.
        url: Hidden,
        /// What it is signed with.
        key: SigningKey,
    },
    /// Mail.
    Mail {
        /// From whom.
        from: String,
        /// To whom: one, because a mail server that refuses one of several mostly gets no mail at all.
        to: String,
    },
    /// An address that is asked for as long as all is well with the gate: silence is the alarm.
    Heartbeat {
        /// The whole address, which is mostly a secret.
        url: Hidden,
        /// How often.
        every: Duration,
    },
}

impl Receiver {
    /// The web server that is spoken to; it may be a secret. `None`: none is.
    pub const fn url(&self) -> Option<&str> {
        match &self.way {
            Way::PagerDuty { url, .. } | Way::Alertmanager { url, .. } => Some(url.as_str()),
            Way::Slack { url } | Way::Webhook { url, .. } | Way::Heartbeat { url, .. } => Some(url.expose()),
            Way::Mail { .. } => None,
        }
    }

    /// Whether it is to be told of this.
    pub(crate) fn wants(&self, notice: &Notice) -> bool {
        let is_its_kind = match &self.way {
            Way::PagerDuty { .. } => {
                notice.what.calls() || matches!(notice.what, What::Acknowledged | What::Over)
            }
            Way::Alertmanager { .. } => notice.what.calls() || notice.what == What::Over,
            Way::Slack { .. } | Way::Webhook { .. } | Way::Mail { .. } => true,
            Way::Heartbeat { .. } => false,
        };
        is_its_kind && notice.severity >= self.least
    }

    /// Whether people read it, who may have to be reminded: others repeat themselves.
    pub(crate) const fn is_read(&self) -> bool {
        matches!(self.way, Way::Slack { .. } | Way::Webhook { .. } | Way::Mail { .. })
    }
}

/// Who tells.
#[derive(Clone, Debug, Default)]
pub struct Sender {
    /// The site.
    pub site: String,
    /// The public address of the status page, without a slash at its end.
    pub page: Option<String>,
    /// With which whoever is told decides about words that wait; `None`: nobody outside can reach this gate by a name.
    pub consent: Option<ConsentLinks>,
}

impl Sender {
    /// Where it is decided about the words that this news asks about.
    pub(crate) fn link(&self, notice: &Notice) -> Option<String> {
        self.link_if(notice.asks, notice)
    }

    /// The same for whoever is only called, and hears nothing when words begin to wait: as long as the public is yet to be told.
    pub(crate) fn link_of_call(&self, notice: &Notice) -> Option<String> {
        self.link_if(notice.asks || notice.is_untold, notice)
    }

    fn link_if(&self, asks: bool, notice: &Notice) -> Option<String> {
        let links = self.consent.as_ref().filter(|_| asks)?;
        Some(links.link(&Asked { number: notice.number, seq: notice.seq }))
    }
}
