//! Carries alerts to pagers, chats, webhooks and mail servers, on a thread of its own: a slow receiver holds nobody up, not even
//! another receiver.
//!
//! It is *not* where anything is decided: what is sent, to whom, when and in which bytes comes from `notify`, and what must outlive a
//! crash goes to a [`Book`] that the binary gives. Its main types are [`Courier`], [`Outlet`] and [`Book`].

mod courier;
mod route;

pub use courier::{Book, Clock, Courier};
pub use route::{Encryption, MailServer, Outlet, RouteError, check};
