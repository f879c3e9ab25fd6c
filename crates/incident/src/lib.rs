//! Incidents: what was judged, probed and done in; a record of what happened and what the public is told out.
//!
//! It is *not* where pages are made (`status`), kept (`journal-io`) or sent (`status-io`, `notify-io`): time is an argument, and
//! everything that is said is an entry of a record that is only ever added to. The main types are [`View`] and [`Civil`].

mod civil;
mod view;
mod words;

pub use civil::Civil;
pub use view::{Component, Incident, Maintenance, Progress, Trouble, Update, View};
pub use words::{Audience, Impact, NoId, PublicId, Service, Stage, Status};
