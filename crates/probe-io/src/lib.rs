//! Tries targets over HTTP, HTTPS, TCP, TLS and DNS, each attempt with one deadline for all of it.
//!
//! It is *not* where results are judged or attempts are planned (`probe`). It is no tool to attack others with: targets are few, each
//! host is tried once a second at most, on one connection, by a named user agent, and of an answer 64 KiB are read.
//! Its main type is [`Prober`].

mod attempt;
mod names;
mod prober;

pub use prober::{Clock, Job, Now, Prober};
