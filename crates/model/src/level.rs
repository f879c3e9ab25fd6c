//! How far the gate has come down, and whether it may.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A label derived from the decision: what the gate does to unknown clients at this moment.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
#[repr(u8)]
pub enum Level {
    /// Nobody is refused.
    #[default]
    Calm,
    /// Rules match attack traffic.
    Filtering,
    /// Client limits are tightened.
    Limiting,
    /// Unknown clients must show that they are people.
    Challenging,
    /// Some unknown cohorts are below the threshold.
    CustomersFirst,
    /// Cohorts are being admitted again; milder than customers-first.
    Reopening,
}

impl Level {
    /// All levels by their number.
    pub const ALL: [Self; 6] = [
        Self::Calm,
        Self::Filtering,
        Self::Limiting,
        Self::Challenging,
        Self::CustomersFirst,
        Self::Reopening,
    ];

    /// The number shown in `portcullis_gate_level`, 0 to 5.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The level's name in console, logs and commands.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Filtering => "filtering",
            Self::Limiting => "limiting",
            Self::Challenging => "challenging",
            Self::CustomersFirst => "customers-first",
            Self::Reopening => "reopening",
        }
    }

    /// How severe the level is: `reopening` (number 5) is milder than `customers-first` (number 4).
    pub const fn severity(self) -> u8 {
        match self {
            Self::Calm => 0,
            Self::Filtering => 1,
            Self::Limiting => 2,
            Self::Challenging => 3,
            Self::Reopening => 4,
            Self::CustomersFirst => 5,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A text that names no level.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is not a level; write calm, filtering, limiting, challenging, customers-first or reopening, or a number from 0 to 5"
)]
pub struct ParseLevelError(String);

impl FromStr for Level {
    type Err = ParseLevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|level| level.label() == text || text == level.number().to_string())
            .ok_or_else(|| ParseLevelError(text.to_owned()))
    }
}

/// What the gate may do without asking.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq, Deserialize, Serialize)]
#[repr(u8)]
pub enum Mode {
    /// Decide and report; refuse nothing but what would break the gate itself.
    #[default]
    Observe,
    /// Everything but challenges and customers-first, which need a yes.
    Assist,
    /// Everything.
    Auto,
}

impl Mode {
    /// The mode's name in configuration and commands.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Assist => "assist",
            Self::Auto => "auto",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// A text that names no mode.
#[derive(Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is not a mode; write observe, assist or auto")]
pub struct ParseModeError(String);

impl FromStr for Mode {
    type Err = ParseModeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Observe, Self::Assist, Self::Auto]
            .into_iter()
            .find(|mode| mode.label() == text)
            .ok_or_else(|| ParseModeError(text.to_owned()))
    }
}
