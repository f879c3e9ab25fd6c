//! One request or connection: facts in, verdict with its reason out.
//!
//! Everything here is pure: time and random bytes are arguments, there is no clock, socket, file or thread, and on
//! the way of a request nothing is locked or allocated; all memory is fixed at construction. It is *not* the core
//! that decides once a second what to do about an attack, and it knows nothing of HTTP beyond the texts it is given.
//! Its main types are [`site::Site`], which joins the rest, [`limits::Ladder`], [`slots::Slots`] and
//! [`pass::PassKeys`].

pub mod account;
mod bits;
pub mod caps;
pub mod challenge;
pub mod concurrency;
pub mod core;
pub mod crawlers;
pub mod handover;
pub mod handshakes;
pub mod known;
pub mod lane;
pub mod limits;
pub mod nat;
pub mod partners;
pub mod pass;
pub mod reference;
pub mod site;
pub mod slots;
pub mod threshold;
mod ticket;
pub mod trip;
