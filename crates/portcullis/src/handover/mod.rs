//! One process takes the place of another, and nobody notices (decision record 010).
//!
//! ```text
//!  SIGHUP ─▶ old: starts the program that lies under its own name, with the same arguments
//!            new: reads its configuration and certificates     Hello ─▶
//!            ◀─ Sockets  the listening sockets with what waits in them, the journal's lock; what tables are keyed with
//!            new: builds its tables, reads the journal          Take ─▶
//!            ◀─ Estate   limit, threshold, debts, passes in use, pins, switches
//!            new: serves                                      Serves ─▶
//!            old: accepts nothing more; ◀─ Inflight  how much it still has at the app, until its last request has ended
//! ```
//!
//! Whatever goes wrong before `Serves` ends the new process, and the old one goes on as if nothing had been.

mod channel;
mod inherited;
mod predecessor;
mod successor;
mod supervisor;

pub(crate) use channel::ChannelError;
pub(crate) use inherited::Inherited;
pub(crate) use predecessor::{Bequest, Heir, HeirError, Program, Raising};
pub(crate) use successor::{Beginning, Offer, Takeover, clock, mode, table_seed};
pub(crate) use supervisor::Supervisor;

use std::time::Duration;

/// Names the descriptor of the channel in the new process's environment.
const VARIABLE: &str = "PORTCULLIS_TAKEOVER";
/// What stands there: the only descriptor that a program can be given without unsafe code.
const STDIN: &str = "stdin";
/// Reading a configuration, its certificates and names.
const HELLO_WITHIN: Duration = Duration::from_secs(60);
/// Reading a journal with a million rows.
const STEP_WITHIN: Duration = Duration::from_secs(120);
/// How often the new process hears what the old one still has at the app.
pub(crate) const INFLIGHT_EVERY: Duration = Duration::from_millis(100);
