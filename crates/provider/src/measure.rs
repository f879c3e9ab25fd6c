//! What is counted, and how fast it grows.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Something that is counted on this machine. Its number is its place in [`Totals`] and [`Rates`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// Bits that came in by the interface, as the kernel counts them: without the 24 bytes that Ethernet adds to each frame.
    InBits,
    /// Packets that came in by the interface.
    InPackets,
    /// Bits that went out by it.
    OutBits,
    /// Packets that the card or its driver could not take (`/proc/net/dev`, drop and fifo of the receiving side).
    Missed,
    /// Packets that no processor of this machine had time for (`/proc/net/softnet_stat`).
    Backlog,
    /// TCP segments, with those between the gate and an app on the same machine.
    Tcp,
    /// UDP datagrams, also to ports where nothing listens.
    Udp,
    /// ICMP messages.
    Icmp,
    /// Packets of other protocols, or of none that the kernel delivers.
    Other,
    /// Fragments of packets.
    Fragments,
    /// TCP connections that the kernel took, whoever listens.
    Opens,
    /// Connection attempts that were answered with a SYN cookie: more were half open than there is room for.
    Cookies,
    /// Connections and attempts that were dropped because a listener's queue was full.
    Overflows,
    /// Requests at the gate.
    Requests,
    /// Of these, those that it refused.
    Refused,
    /// Connections that the gate took.
    Connections,
    /// TLS handshakes at the gate that failed, came too late or were refused.
    Handshakes,
}

impl Measure {
    /// How many there are.
    pub const COUNT: usize = 17;

    /// All of them, by their number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::InBits,
        Self::InPackets,
        Self::OutBits,
        Self::Missed,
        Self::Backlog,
        Self::Tcp,
        Self::Udp,
        Self::Icmp,
        Self::Other,
        Self::Fragments,
        Self::Opens,
        Self::Cookies,
        Self::Overflows,
        Self::Requests,
        Self::Refused,
        Self::Connections,
        Self::Handshakes,
    ];

    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InBits => "in_bits",
            Self::InPackets => "in_packets",
            Self::OutBits => "out_bits",
            Self::Missed => "missed_packets",
            Self::Backlog => "backlog_drops",
            Self::Tcp => "tcp_packets",
            Self::Udp => "udp_packets",
            Self::Icmp => "icmp_packets",
            Self::Other => "other_packets",
            Self::Fragments => "fragments",
            Self::Opens => "tcp_opens",
            Self::Cookies => "syn_cookies",
            Self::Overflows => "listen_drops",
            Self::Requests => "requests",
            Self::Refused => "refused_requests",
            Self::Connections => "gate_connections",
            Self::Handshakes => "failed_handshakes",
        }
    }

    /// For people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::InBits => "inbound",
            Self::InPackets => "inbound packets",
            Self::OutBits => "outbound",
            Self::Missed => "packets the card lost",
            Self::Backlog => "packets lost in queues",
            Self::Tcp => "TCP packets",
            Self::Udp => "UDP packets",
            Self::Icmp => "ICMP packets",
            Self::Other => "other protocols",
            Self::Fragments => "fragments",
            Self::Opens => "TCP connections taken",
            Self::Cookies => "SYN cookies sent",
            Self::Overflows => "no room to connect",
            Self::Requests => "requests at the gate",
            Self::Refused => "of these refused",
            Self::Connections => "connections at the gate",
            Self::Handshakes => "failed TLS handshakes",
        }
    }

    /// Whether it is bits, of which people want to read Mbit/s.
    pub const fn is_bits(self) -> bool {
        matches!(self, Self::InBits | Self::OutBits)
    }

    /// Its number.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What was counted since the machine began. Differences count, and one that is negative counts as none: a counter began anew.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Totals([u64; Measure::COUNT]);

impl Totals {
    /// Sets what was counted of one.
    pub const fn set(&mut self, measure: Measure, total: u64) {
        self.0[measure.index()] = total;
    }

    /// How fast it grew in a time; `None` where the time is no second or so.
    pub(crate) fn rates(&self, before: &Self, passed: Duration) -> Option<Rates> {
        let millis = u64::try_from(passed.as_millis()).ok().filter(|millis| STEP.contains(millis))?;
        let mut rates = Rates::default();
        for ((rate, after), before) in rates.0.iter_mut().zip(self.0).zip(before.0) {
            let grown = after.wrapping_sub(before).cast_signed().max(0).cast_unsigned();
            let rate_wide = u128::from(grown) * 1_000 / u128::from(millis);
            *rate = u64::try_from(rate_wide).unwrap_or(u64::MAX);
        }
        Some(rates)
    }
}

/// How fast everything grew, per second.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Deserialize, Serialize)]
pub struct Rates([u64; Measure::COUNT]);

impl Rates {
    /// Of one.
    pub const fn get(&self, measure: Measure) -> u64 {
        self.0[measure.index()]
    }

    /// Sets one.
    pub const fn set(&mut self, measure: Measure, rate: u64) {
        self.0[measure.index()] = rate;
    }

    /// Bits a second of the line: with the preamble, check sum and gap of each Ethernet frame (IEEE 802.3), 24 bytes in all. A flood of
    /// the smallest packets fills a line at 70 % of its bits as the kernel counts them.
    pub const fn line_bits(&self) -> u64 {
        let frames = self.get(Measure::InPackets).saturating_mul(24 * 8);
        self.get(Measure::InBits).saturating_add(frames)
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(sum, rate)| *sum = sum.saturating_add(rate));
    }

    /// A part of each; `parts` is at least 1.
    pub(crate) fn divided(mut self, parts: u64) -> Self {
        self.0.iter_mut().for_each(|sum| *sum /= parts.max(1));
        self
    }
}

/// Milliseconds between two looks of which a rate can be told.
const STEP: std::ops::RangeInclusive<u64> = 100..=10_000;
