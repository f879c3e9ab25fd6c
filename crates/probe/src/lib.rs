//! Probes: what was tried in; whether the site can be reached, and what it means when inside and outside disagree, out.
//!
//! It is *not* where anything is tried (`probe-io`) or told (`incident`): time is an argument. One attempt decides nothing: a target is
//! down after several in a row, and a site when all of its targets are. The main types are [`Target`], [`Board`], [`Schedule`],
//! [`Finding`] and, for a machine elsewhere, [`Watch`] and [`Report`].

mod attempt;
mod board;
mod finding;
mod report;
mod schedule;
mod target;
mod watch;

pub use attempt::{Answer, Answers, Attempt, Failure};
pub use board::{Board, Reading, Verdict};
pub use finding::Finding;
pub use report::{Ear, Report, ReportError, Seen, SpellSeen};
pub use schedule::Schedule;
pub use target::{Aim, How, Shows, TARGETS_MAX, Target};
pub use watch::{Event, Watch};
