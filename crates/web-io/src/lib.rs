//! A small HTTP/1.1 server and client for our own pages, metrics, probes and the sample shop.
//!
//! It is *not* the data plane: bodies are read whole and bounded, there is no streaming, no TLS, no redirects.
//! Everything runs on a current-thread runtime with its timers and I/O; futures need not be `Send`.
//! Its main items are [`serve`] with [`ServerLimits`], and [`Connection`].

mod client;
mod patience;
mod server;

pub use bytes::Bytes;
pub use client::{ClientError, Connection};
pub use server::{ServerLimits, serve};

#[cfg(test)]
mod tests;
