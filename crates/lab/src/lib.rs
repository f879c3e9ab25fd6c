//! Real processes and kernels: peers, the gate's own binary, load, drills and comparisons.
//!
//! Everything here starts real programs on loopback, waits for them by polling, and ends them by their process number.
//! It is *not* part of the product, nothing but tests and `xtask` depends on it, and it is the only crate that sleeps.
//! Its main types are [`Peer`], [`Gate`] and [`Running`]; a test whose peer is missing says so through [`need!`].

pub mod certificate;
pub mod clock;
pub mod cpu;
pub mod crowd;
pub mod http2;
pub mod idle;
pub mod load;
pub mod mail;
pub mod origin;
pub mod tls;
pub mod web;

mod browser;
mod gate;
mod html;
mod judge;
mod peer;
mod place;
mod process;
mod skip;

pub use browser::Browser;
pub use gate::{Gate, GateError, Placement};
pub use html::HtmlChecker;
pub use judge::Judge;
pub use peer::{Missing, Peer};
pub use place::{checkout, free_address, peers_folder, shared_data, target_folder};
pub use process::{Running, StartError};
pub use rustix::process::Signal;
pub use skip::{REQUIRE_PEERS, SKIPPED, skipped};
