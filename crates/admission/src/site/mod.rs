//! One protected site: everything that admission knows of it, joined.
//!
//! A request goes [`Site::identify`] → [`Site::admit`] → a slot of [`Site::slots`] → the origin → [`Site::learn`].
//! Once every 100 ms the [`Controller`] moves limit, threshold and level from what the workers counted.

mod admit;
mod classes;
mod control;
mod facts;
mod identify;
mod inherit;
mod learn;
mod lists;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

use arc_swap::{ArcSwap, Guard};
use model::{Decision, Level, Mode, Reason, SiteId, Tier, Timestamp};
use std::net::IpAddr;
use std::sync::Arc;

use crate::caps::{CapRefused, ConnectionTable, Ticket};
use crate::known::Known;
use crate::lane::Lane;
use crate::limits::{Ladder, Rate, Table};
use crate::nat::NatTable;
use crate::pass::{PassKeys, PassTable};
use crate::reference::{Reference, ReferenceKey, ReferenceText};
use crate::slots::Slots;
use crate::trip::Layer;

pub use classes::{CLASSES, Classes};
pub use control::{Controller, Served, Tick, Turn};
pub use facts::{Demand, Facts, Headers, Identity, PASS_COPIES_MAX, Proof, Refusal, Verdict, Waiting};
pub use inherit::INHERIT_FOR;
pub use learn::{Answered, Confirmed, Lesson, SetCookies, Watch};
pub use lists::{ENTRIES_MAX, Entry, List, ListFull};
pub use settings::{Monitor, Partner, SiteSettings};
