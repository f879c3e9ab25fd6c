//! A small HTTP/1.1 server and client for our own pages, metrics, probes and the sample shop.
//!
//! It is *not* the data plane: bodies are read whole and bounded, there is no streaming, and redirects are not followed.
//! Everything runs on a current-thread runtime with its timers and I/O; futures need not be `Send`.
//! Its main items are [`serve`] with [`ServerLimits`], [`Connection`] and [`Client`].

mod body;
mod client;
mod fetch;
mod patience;
mod roots;
mod seats;
mod server;

pub use bytes::Bytes;
pub use client::{ClientError, Connection};
pub use fetch::{Client, FetchError};
pub use roots::{RootsError, roots, tls_client};
pub use server::{ServerLimits, serve};

#[cfg(test)]
mod tests;
