//! Alerts: the record of incidents in; who is told what, when, and in which bytes, out.
//!
//! It is *not* where anything is sent (`notify-io`) or kept (`journal-io`): time is an argument, what a receiver answers is told to it,
//! and what must outlive a crash is returned as a [`Change`]. The main types are [`Post`], [`Receiver`], [`Parcel`] and
//! [`Answer`].
//!
//! ```text
//!  Record ─▶ notices ─▶ a queue for each receiver ─▶ Parcel ─▶ (sent elsewhere) ─▶ Answer ─▶ done │ again later │ never
//!  time ───▶ what stands: alerts said again, reminders, the heartbeat ─▶ Parcel
//! ```

mod bodies;
mod chronicle;
mod consent;
mod hidden;
mod lane;
mod notice;
mod pace;
mod pages;
mod post;
mod receiver;
pub mod subscribers;
#[cfg(test)]
mod tests;
mod verdict;

pub use bodies::Parcel;
pub use consent::{Asked, ConsentKey, ConsentLinks};
pub use hidden::{Hidden, SigningKey, SigningKeyError};
pub use lane::{Figures, Next};
pub use notice::Severity;
pub use pages::{
    Access, PageChange, PageFigures, PageKeeper, PageNext, PageSettings, PageWay, Request, Template,
    TemplateError, Templates,
};
pub use post::{Change, Post, Waiting};
pub use receiver::{Receiver, Sender, Way};
pub use verdict::{Answer, State};
