//! The words that every part of Portcullis shares.
//!
//! This crate holds values and the arithmetic on them: moments, networks, tiers, levels, verdicts, identifiers.
//! It is *not* a place for decisions, formats on the wire, clocks, sockets or files.
//! Its main types are [`Instant`], [`Tier`] with [`Cohort`], and [`Decision`].
//!
//! ```
//! use model::{Instant, Tier};
//! let begun = Instant::from_millis(1_000);
//! assert_eq!(Instant::from_millis(1_250).since(begun).as_millis(), 250);
//! assert!(Tier::T1 < Tier::T5, "a better tier sorts first");
//! ```

mod decision;
mod finite;
mod ground;
mod ids;
mod level;
mod prefix;
mod rule;
mod sample;
mod summary;
mod tier;
mod time;
mod untrusted;
mod user_time;
mod verdict;

pub use decision::{COHORTS, Challenge, Decision, Masks};
pub use finite::Finite;
pub use ground::{Act, Comparison, Ground, Relation};
pub use ids::{AccountId, PassId, SiteId};
pub use level::{Level, Mode, ParseLevelError, ParseModeError};
pub use prefix::{Net, Prefix, PrefixError};
pub use rule::{Action, CONDITIONS_MAX, Condition, DICTIONARY_MAX, Dictionary, RULES_MAX, Rule, Rules, Test};
pub use sample::{Attribute, Attributes, SAMPLES_MAX, Sample, Values};
pub use summary::{Handshakes, Matches, NAMES_MAX, Name, Summary, TierCounts, Traffic};
pub use tier::{Cohort, Group, Tier};
pub use time::{Instant, Timestamp};
pub use untrusted::Untrusted;
pub use user_time::UserTime;
pub use verdict::{Outcome, Reason, RefusalKind};
