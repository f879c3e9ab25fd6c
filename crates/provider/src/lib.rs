//! What a carrier or hosting provider is told on the phone: host counters, probes, refusals in; a verdict on the link and a report out.
//!
//! It is *not* where files are read, journals asked or anything is filtered: the texts of `/proc`, the times and the addresses are
//! arguments, and what the provider is asked to do is words. The main types are [`Totals`], [`Ring`], [`Finding`], [`Facts`] and
//! [`Report`].
//!
//! ```text
//!  texts of /proc ─▶ Totals ─▶ Ring ─▶ rates, peaks, what is usual ─┐
//!  probes, outpost ─▶ Grounds ─▶ Finding: is the link full? ────────┼─▶ Facts ─▶ Report (text, JSON)
//!  incident, listeners, refusals by network ────────────────────────┘
//! ```

mod ask;
mod facts;
mod host;
mod kept;
mod kind;
mod link;
mod measure;
mod report;
mod ring;
mod shown;
#[cfg(test)]
mod tests;
mod text;

pub use facts::{Destination, Facts, Happening, NetworkRow, Networks, Zone};
pub use host::{HostTexts, addresses, choose, interfaces};
pub use kept::{Kept, KeptError, KeptPeaks};
pub use kind::{Kind, Seen};
pub use link::{Finding, Grounds, Inside, Link, Outside, SpeedFrom, Sureness, Verdict};
pub use measure::{Measure, Rates, Totals};
pub use report::Report;
pub use ring::{Peak, Peaks, Ring, Second};
