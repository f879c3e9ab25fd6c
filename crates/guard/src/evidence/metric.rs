//! What is counted each second, and in which unit.

use model::{Finite, Tier};
use serde::{Deserialize, Serialize};

use super::second::Second;

/// A figure of one second that has a baseline.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[repr(u8)]
pub enum Metric {
    /// Requests/s of everybody.
    Requests,
    /// Requests/s of T0 to T2.
    Known,
    /// Requests/s of T3 to T6.
    Others,
    /// Offered load of everybody, in requests in service.
    Load,
    /// Offered load of T0 to T2.
    KnownLoad,
    /// Offered load of T3 to T6.
    OthersLoad,
    /// TLS handshakes/s: full, resumed and failed.
    Handshakes,
    /// Connection slots in use, in thousandths of all.
    Connections,
    /// Login attempts/s that the app answered.
    Logins,
    /// Share of requests of T3 to T6 that came from networks seen before.
    SeenNetworks,
    /// Share of login attempts that the app confirmed.
    LoginSuccess,
    /// Share of handshakes that failed.
    FailedHandshakes,
    /// Share of navigations among requests of T3 to T6.
    Navigations,
    /// Share of requests of T3 to T6 with a ticket that the gate gave.
    Cookies,
    /// Cost of a request of T4 to T6, in milliseconds of service.
    Cost,
    /// Requests/s of T3 to T6 from the network of a typical one of them.
    Pace,
}

impl Metric {
    /// How many metrics there are.
    pub const COUNT: usize = 16;

    /// Those whose volume is judged second by second.
    pub const VOLUMES: [Self; 9] = [
        Self::Requests,
        Self::Known,
        Self::Others,
        Self::Load,
        Self::KnownLoad,
        Self::OthersLoad,
        Self::Handshakes,
        Self::Connections,
        Self::Logins,
    ];

    /// All metrics by their number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Requests,
        Self::Known,
        Self::Others,
        Self::Load,
        Self::KnownLoad,
        Self::OthersLoad,
        Self::Handshakes,
        Self::Connections,
        Self::Logins,
        Self::SeenNetworks,
        Self::LoginSuccess,
        Self::FailedHandshakes,
        Self::Navigations,
        Self::Cookies,
        Self::Cost,
        Self::Pace,
    ];

    /// The metric's place, 0 to 15.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The words that an admin reads.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Requests => "requests/s",
            Self::Known => "requests/s of known clients",
            Self::Others => "requests/s of other clients",
            Self::Load => "load",
            Self::KnownLoad => "load of known clients",
            Self::OthersLoad => "load of other clients",
            Self::Handshakes => "handshakes/s",
            Self::Connections => "connections",
            Self::Logins => "login attempts/s",
            Self::SeenNetworks => "share of networks seen before",
            Self::LoginSuccess => "share of logins confirmed",
            Self::FailedHandshakes => "share of handshakes that failed",
            Self::Navigations => "share of navigations",
            Self::Cookies => "share of requests with a ticket",
            Self::Cost => "cost of a request",
            Self::Pace => "requests/s from one network",
        }
    }
}

/// The metrics of one second; `None` where there was nothing to measure.
pub(super) type Figures = [Option<Finite>; Metric::COUNT];

/// Measures one second; `pace` is what the window of samples says of it.
pub(super) fn measure(second: &Second, pace: Option<Finite>) -> Figures {
    let requests = |tiers: &[Tier]| second.per_second(second.requests(tiers));
    let load = |tiers: &[Tier]| Finite::count(second.cost(tiers)) / Finite::count(second.millis);
    let handshakes: u64 = second.handshakes.iter().fold(0, |sum, part| sum.saturating_add(*part));
    let unknown = &Tier::ALL[Tier::T4.index()..];
    Metric::ALL.map(|metric| match metric {
        Metric::Requests => Some(requests(&Tier::ALL)),
        Metric::Known => Some(requests(KNOWN)),
        Metric::Others => Some(requests(OTHERS)),
        Metric::Load => Some(load(&Tier::ALL)),
        Metric::KnownLoad => Some(load(KNOWN)),
        Metric::OthersLoad => Some(load(OTHERS)),
        Metric::Handshakes => Some(second.per_second(handshakes)),
        Metric::Connections => Some(second.connections * Finite::new(1_000.0)),
        Metric::Logins => Some(second.per_second(second.logins[0])),
        Metric::SeenNetworks => share(second.seen_networks[0], second.seen_networks[1]),
        Metric::LoginSuccess => share(second.logins[1], second.logins[0]),
        Metric::FailedHandshakes => share(second.handshakes[2], handshakes),
        Metric::Navigations => share(second.navigations, second.sampled),
        Metric::Cookies => share(second.with_cookies, second.sampled),
        Metric::Cost => share(second.cost(unknown), second.requests(unknown)),
        Metric::Pace => pace,
    })
}

/// A part of a whole; `None` of nothing.
pub(super) fn share(part: u64, whole: u64) -> Option<Finite> {
    (whole > 0).then(|| Finite::count(part) / Finite::count(whole))
}

/// The tiers of known clients.
pub(super) const KNOWN: &[Tier] = &[Tier::T0, Tier::T1, Tier::T2];
/// All other tiers.
pub(super) const OTHERS: &[Tier] = &[Tier::T3, Tier::T4, Tier::T5, Tier::T6];
