//! Carries alerts to pagers, chats, webhooks and mail servers, and what is published to pages that a company has elsewhere, each on a
//! thread of its own: a slow receiver holds nobody up, not even another receiver.
//!
//! It is *not* where anything is decided: what is sent, to whom, when and in which bytes comes from `notify`, and what must outlive a
//! crash goes to a [`Book`] or [`PageBook`] that the binary gives. Its main types are [`Courier`], [`Outlet`] and [`Pages`].

mod courier;
mod pages;
mod route;

pub use courier::{Book, Clock, Courier};
pub use pages::{PageBook, PagePlace, Pages, PlaceError, check_page};
pub use route::{Encryption, MailServer, Outlet, RouteError, check};
