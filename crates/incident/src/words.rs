//! The words of status pages. Their names in JSON are those of the public API of Statuspage, version 2.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How far an incident is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Something is wrong, and why is not known.
    Investigating,
    /// The cause is known and something is done about it.
    Identified,
    /// Everybody is served again, and it is watched whether that lasts.
    Monitoring,
    /// Over.
    Resolved,
    /// Over, and a report has been published.
    Postmortem,
}

impl Stage {
    /// All of them, in their order.
    pub const ALL: [Self; 5] =
        [Self::Investigating, Self::Identified, Self::Monitoring, Self::Resolved, Self::Postmortem];

    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Investigating => "investigating",
            Self::Identified => "identified",
            Self::Monitoring => "monitoring",
            Self::Resolved => "resolved",
            Self::Postmortem => "postmortem",
        }
    }

    /// As people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Investigating => "Investigating",
            Self::Identified => "Identified",
            Self::Monitoring => "Monitoring",
            Self::Resolved => "Resolved",
            Self::Postmortem => "Post-mortem",
        }
    }

    /// Whether the incident goes on.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Investigating | Self::Identified | Self::Monitoring)
    }
}

/// How a component does. The order is from best to worst.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It works.
    #[default]
    Operational,
    /// People work on it, as was said before.
    UnderMaintenance,
    /// Everybody is served, some wait.
    DegradedPerformance,
    /// Some are not served.
    PartialOutage,
    /// Hardly anybody is served.
    MajorOutage,
}

impl Status {
    /// All of them, from best to worst.
    pub const ALL: [Self; 5] = [
        Self::Operational,
        Self::UnderMaintenance,
        Self::DegradedPerformance,
        Self::PartialOutage,
        Self::MajorOutage,
    ];

    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Operational => "operational",
            Self::UnderMaintenance => "under_maintenance",
            Self::DegradedPerformance => "degraded_performance",
            Self::PartialOutage => "partial_outage",
            Self::MajorOutage => "major_outage",
        }
    }

    /// As people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Operational => "Operational",
            Self::UnderMaintenance => "Under maintenance",
            Self::DegradedPerformance => "Degraded performance",
            Self::PartialOutage => "Partial outage",
            Self::MajorOutage => "Major outage",
        }
    }

    /// What an incident that has done this to a component is.
    pub const fn impact(self) -> Impact {
        match self {
            Self::Operational | Self::UnderMaintenance => Impact::None,
            Self::DegradedPerformance => Impact::Minor,
            Self::PartialOutage => Impact::Major,
            Self::MajorOutage => Impact::Critical,
        }
    }
}

/// How bad an incident is. The order is from none to worst.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Impact {
    /// Nobody noticed.
    #[default]
    None,
    /// Everybody is served, some wait.
    Minor,
    /// Some are not served.
    Major,
    /// Hardly anybody is served.
    Critical,
}

impl Impact {
    /// As in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minor => "minor",
            Self::Major => "major",
            Self::Critical => "critical",
        }
    }
}

/// For whom it is good or bad.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// People and programs that have signed in before.
    Known,
    /// Everybody else.
    New,
}

impl Audience {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Known, Self::New];

    /// Place in arrays.
    pub const fn index(self) -> usize {
        match self {
            Self::Known => 0,
            Self::New => 1,
        }
    }

    /// As people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Known => "Customers who have signed in before",
            Self::New => "New visitors",
        }
    }
}

/// How an audience does.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Served.
    #[default]
    Good,
    /// Served, some of them later.
    Delayed,
    /// Some are not served.
    Part,
    /// Hardly any are served.
    Down,
}

impl Service {
    /// As people read it.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Good => "served as usual",
            Self::Delayed => "served, some have to wait",
            Self::Part => "some are not served",
            Self::Down => "hardly anybody is served",
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Stage {
    type Err = NoStage;

    fn from_str(text: &str) -> Result<Self, NoStage> {
        Self::ALL.into_iter().find(|stage| stage.name() == text).ok_or_else(|| NoStage(text.to_owned()))
    }
}

/// A text that names no stage.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no stage; write investigating, identified, monitoring or resolved")]
pub struct NoStage(String);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Status {
    type Err = NoStatus;

    fn from_str(text: &str) -> Result<Self, NoStatus> {
        let text = text.replace('-', "_");
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or(NoStatus(text))
    }
}

/// A text that names no status.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is no status; write operational, under_maintenance, degraded_performance, partial_outage or major_outage"
)]
pub struct NoStatus(String);

/// Twelve lower-case letters and digits, as Statuspage has them.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PublicId([u8; 12]);

impl PublicId {
    /// The identity of something that was hashed.
    pub fn of(hash: &[u8; 32]) -> Self {
        let mut number =
            u64::from_be_bytes([hash[0], hash[1], hash[2], hash[3], hash[4], hash[5], hash[6], hash[7]]);
        Self(std::array::from_fn(|place| {
            // A letter first, so that it is never taken for a number.
            let base = if place == 0 { 26 } else { 36 };
            let digit = usize::try_from(number % base).unwrap_or(0);
            number /= base;
            ALPHABET[digit]
        }))
    }

    /// As it is printed.
    pub fn as_str(&self) -> &str {
        // Only bytes of the alphabet are ever in it.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for PublicId {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let bytes: [u8; 12] = text.as_bytes().try_into().map_err(|_| NoId)?;
        let is_plain = bytes.iter().all(|byte| ALPHABET.contains(byte));
        is_plain.then_some(Self(bytes)).ok_or(NoId)
    }
}

impl Serialize for PublicId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for PublicId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// Text that is no [`PublicId`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an id is twelve lower-case letters and digits")]
pub struct NoId;

impl fmt::Display for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for PublicId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
