//! All that a report is made of.

use std::net::IpAddr;

use model::{Prefix, Timestamp};

use crate::kept::KeptPeaks;
use crate::link::{Finding, Link};
use crate::measure::Rates;
use crate::ring::{Peaks, Second};

/// The zone of the clock on the wall, at the moment of the report.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Zone {
    /// East of UTC.
    pub offset_seconds: i32,
}

/// All that a report is made of. What is not known is `None` or empty, and is said to be so.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Now.
    pub at: Timestamp,
    /// How people here read a clock.
    pub zone: Zone,
    /// What the admin calls the site.
    pub site: String,
    /// What the provider calls this customer: a contract, a circuit.
    pub reference: Option<String>,
    /// What is going on, or was.
    pub happening: Option<Happening>,
    /// The record of incidents did not answer, so that something may be going on that is not told.
    pub is_record_silent: bool,
    /// Where people reach the site.
    pub destination: Destination,
    /// The interface whose link is watched.
    pub interface: Option<String>,
    /// How fast it is.
    pub link: Option<Link>,
    /// What is to be said of the link now, or of what was: when it was worst.
    pub finding: Finding,
    /// The worst that was said of the link since it began, and when.
    pub worst: Option<(Finding, Timestamp)>,
    /// The mean of the last seconds; `None` of what is over, or where nothing was counted yet.
    pub now: Option<Rates>,
    /// The most since it began, or of the last quarter of an hour.
    pub peaks: Peaks,
    /// What was usual before.
    pub usual: Option<Rates>,
    /// Since when this machine is counted; `None`: nothing was counted.
    pub counted_since: Option<Timestamp>,
    /// Seconds that show it, oldest first.
    pub seconds: Vec<Second>,
    /// From where what was refused came.
    pub networks: Networks,
    /// What the gate's rules found the requests to have in common. Values are the attacker's own.
    pub alike: Vec<String>,
}

/// An incident, as far as a provider needs it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Happening {
    /// Under which the gate's admins know it.
    pub id: String,
    /// One line. People or other programs may have written it.
    pub title: String,
    /// When it began.
    pub since: Timestamp,
    /// When it was over; `None`: it goes on.
    pub until: Option<Timestamp>,
    /// Whether when it was over is known.
    pub is_over: bool,
}

/// Where people reach the site.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Destination {
    /// Addresses as the provider sees them, or those of this machine's interfaces.
    pub addresses: Vec<Prefix>,
    /// An admin wrote them down.
    pub is_configured: bool,
    /// TCP ports.
    pub ports: Vec<u16>,
}

/// Refusals by source network, from samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Networks {
    /// Where most came from, first.
    pub rows: Vec<NetworkRow>,
    /// Refusals in all.
    pub refused: u64,
    /// Networks in all.
    pub count: u64,
}

/// One source network.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NetworkRow {
    /// IPv4 /24, IPv6 /48.
    pub network: Prefix,
    /// Requests that were refused, or would have been.
    pub refused: u64,
    /// Sign-ins from there that the app confirmed, as far back as they are kept: customers live there. `None`: it is not known.
    pub sign_ins: Option<u64>,
}

impl Facts {
    /// Takes what was kept of an incident in place of what is counted now.
    #[must_use]
    pub fn with_kept(mut self, kept: &KeptPeaks) -> Self {
        self.peaks.merge(&kept.peaks);
        self.usual = self.usual.or(kept.usual);
        let is_worse = self.worst.as_ref().is_none_or(|(finding, _)| kept.finding.verdict > finding.verdict);
        if is_worse {
            self.worst = Some((kept.finding.clone(), Timestamp::from_millis(kept.finding_at)));
        }
        self
    }
}

/// Whether others on the internet can reach an address; the rest is translated on its way, or private.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let [first, second, ..] = four.octets();
            // RFC 6598: 100.64.0.0/10.
            let is_shared = first == 100 && second & 0xC0 == 64;
            !(four.is_private() || is_shared || four.is_loopback() || four.is_link_local())
        }
        // RFC 4193: fc00::/7.
        IpAddr::V6(six) => six.segments()[0] & 0xFE00 != 0xFC00 && !six.is_loopback(),
    }
}
