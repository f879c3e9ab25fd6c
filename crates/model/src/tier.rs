//! Whose request it is: seven tiers, 128 cohorts in each.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The place of a request in the admission order; a better tier sorts first.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[repr(u8)]
pub enum Tier {
    /// Admins and monitors, proved by socket peer, client certificate, or source *and* secret.
    T0,
    /// Known and aged: a pass minted at least 24 hours ago, outside an incident.
    T1,
    /// Newly known, and partners.
    T2,
    /// The login lane.
    T3,
    /// Challenge or visit ticket passed, verified crawlers.
    T4,
    /// Unknown.
    T5,
    /// Demoted: matched a rule, or ignored challenges.
    T6,
}

impl Tier {
    /// How many tiers there are.
    pub const COUNT: usize = 7;

    /// All tiers, best first.
    pub const ALL: [Self; Self::COUNT] =
        [Self::T0, Self::T1, Self::T2, Self::T3, Self::T4, Self::T5, Self::T6];

    /// The tier's place, 0 to 6.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The label in metrics, logs and the `Portcullis-Tier` header: `t0` to `t6`.
    pub const fn label(self) -> &'static str {
        match self {
            Self::T0 => "t0",
            Self::T1 => "t1",
            Self::T2 => "t2",
            Self::T3 => "t3",
            Self::T4 => "t4",
            Self::T5 => "t5",
            Self::T6 => "t6",
        }
    }

    /// Whether the app's own answers confirmed this client (or it proved to be an admin or monitor).
    pub const fn is_known(self) -> bool {
        matches!(self, Self::T0 | Self::T1 | Self::T2)
    }

    /// The group whose reserved share the tier draws on.
    pub const fn group(self) -> Group {
        match self {
            Self::T0 => Group::Admin,
            Self::T1 | Self::T2 => Group::Known,
            Self::T3 => Group::Login,
            Self::T4 => Group::Ticket,
            Self::T5 | Self::T6 => Group::Unknown,
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Tiers that share one reserve of a scarce resource (decision-science, section 3).
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Group {
    /// T0.
    Admin,
    /// T1 and T2.
    Known,
    /// T3.
    Login,
    /// T4.
    Ticket,
    /// T5 and T6.
    Unknown,
}

impl Group {
    /// How many groups there are.
    pub const COUNT: usize = 5;

    /// All groups in the order in which they are served.
    pub const ALL: [Self; Self::COUNT] = [Self::Admin, Self::Known, Self::Login, Self::Ticket, Self::Unknown];

    /// The group's place, 0 to 4.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// One of 128 equal parts of a tier; a client stays in its cohort for a whole incident.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
pub struct Cohort(u8);

impl Cohort {
    /// The cohort that a keyed hash falls into: its low seven bits.
    pub const fn from_hash(hash: u64) -> Self {
        Self((hash & 127) as u8)
    }

    /// The cohort with this number; larger numbers are cut to seven bits.
    pub const fn new(index: u8) -> Self {
        Self(index & 127)
    }

    /// The number, 0 to 127.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
