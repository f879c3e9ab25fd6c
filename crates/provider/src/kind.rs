//! What kind of traffic it is, told only from what this machine counts.

use serde::Serialize;

use crate::measure::{Measure, Rates};
use crate::ring::Peaks;

/// A kind of traffic that can be asked to be filtered.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// UDP datagrams.
    Udp,
    /// Fragments.
    Fragments,
    /// ICMP messages.
    Icmp,
    /// Packets that are neither TCP, UDP nor ICMP.
    Other,
    /// TCP connections that are begun and never finished.
    Syn,
    /// TCP segments in great numbers, without connections or requests in great numbers.
    Tcp,
    /// TCP connections that are finished.
    Connections,
    /// HTTP requests.
    Requests,
    /// TLS handshakes that come to nothing.
    Handshakes,
}

/// A kind of traffic, with how much of it came.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Seen {
    /// Which.
    pub kind: Kind,
    /// The most in a second.
    pub peak: u64,
    /// What was usual before; `None`: it is not known.
    pub usual: Option<u64>,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::Udp,
        Self::Fragments,
        Self::Icmp,
        Self::Other,
        Self::Syn,
        Self::Tcp,
        Self::Connections,
        Self::Requests,
        Self::Handshakes,
    ];

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Udp => "UDP packets",
            Self::Fragments => "IP fragments",
            Self::Icmp => "ICMP packets",
            Self::Other => "packets that are neither TCP, UDP nor ICMP",
            Self::Syn => "TCP connection attempts that are not finished (SYN flood)",
            Self::Tcp => "TCP packets that belong to no more connections than usual",
            Self::Connections => "finished TCP connections to the site",
            Self::Requests => "HTTP requests",
            Self::Handshakes => "TLS handshakes that come to nothing",
        }
    }

    /// Whether its packets need no connection, so that their source addresses may be forged.
    pub const fn may_be_forged(self) -> bool {
        match self {
            Self::Udp | Self::Fragments | Self::Icmp | Self::Other | Self::Syn | Self::Tcp => true,
            Self::Connections | Self::Requests | Self::Handshakes => false,
        }
    }

    /// Whether it is counted in packets that come in.
    const fn is_of_packets(self) -> bool {
        match self {
            Self::Udp | Self::Fragments | Self::Icmp | Self::Other | Self::Tcp => true,
            Self::Syn | Self::Connections | Self::Requests | Self::Handshakes => false,
        }
    }

    const fn measure(self) -> Measure {
        match self {
            Self::Udp => Measure::Udp,
            Self::Fragments => Measure::Fragments,
            Self::Icmp => Measure::Icmp,
            Self::Other => Measure::Other,
            Self::Syn => Measure::Cookies,
            Self::Tcp => Measure::Tcp,
            Self::Connections => Measure::Connections,
            Self::Requests => Measure::Requests,
            Self::Handshakes => Measure::Handshakes,
        }
    }

    /// Below so many a second it is no flood, however little was usual.
    const fn floor(self) -> u64 {
        match self {
            Self::Udp | Self::Other => 1_000,
            Self::Fragments | Self::Icmp => 500,
            Self::Syn | Self::Handshakes => 20,
            Self::Tcp => 5_000,
            Self::Connections => 50,
            Self::Requests => 100,
        }
    }
}

impl Seen {
    /// Kinds that came in numbers: far more than usual, or, where what is usual is not known, many. Of a link that is full, also what
    /// makes most of its packets, however few those are.
    pub fn all(peaks: &Peaks, usual: Option<&Rates>, is_link_full: bool) -> Vec<Self> {
        let packets = peaks.get(Measure::InPackets).rate;
        let seen = |kind: Kind| {
            let (measure, peak) = (kind.measure(), peaks.get(kind.measure()).rate);
            Self { kind, peak, usual: usual.map(|usual| usual.get(measure)) }
        };
        let mut all: Vec<Self> =
            Kind::ALL.into_iter().map(seen).filter(|seen| seen.is_unusual(packets, is_link_full)).collect();
        if all.iter().any(|seen| matches!(seen.kind, Kind::Connections | Kind::Requests)) {
            all.retain(|seen| seen.kind != Kind::Tcp);
        }
        all
    }

    fn is_unusual(&self, packets: u64, is_link_full: bool) -> bool {
        let is_more = self.usual.is_none_or(|usual| self.peak >= usual.saturating_mul(TIMES_USUAL));
        let is_most = is_link_full && self.kind.is_of_packets() && self.peak > packets / 2;
        is_more && (is_most || self.peak >= self.kind.floor())
    }
}

/// So many times what is usual is no ordinary hour.
const TIMES_USUAL: u64 = 4;
