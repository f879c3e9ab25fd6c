//! Carries alerts to pagers, chats, webhooks and mail servers, and what is published to pages that a company has elsewhere, each on a
//! thread of its own: a slow receiver holds nobody up, not even another receiver.
//!
//! Mail to subscribers of the page goes on another thread, behind the alerts.
//!
//! It is *not* where anything is decided: what is sent, to whom, when and in which bytes comes from `notify`, and what must outlive a
//! crash goes to a [`Book`], [`PageBook`] or [`MailBook`] that the binary gives. Its main types are [`Courier`], [`Outlet`], [`Pages`] and
//! [`Mailing`].

mod courier;
mod mailing;
mod pages;
mod route;
mod wire;

pub use courier::{Book, Clock, Courier};
pub use mailing::{Ahead, MailBook, Mailing, check_mail_server};
pub use pages::{PageBook, PagePlace, Pages, PlaceError, check_page};
pub use route::{Encryption, MailServer, Outlet, RouteError, TlsFault, check};
