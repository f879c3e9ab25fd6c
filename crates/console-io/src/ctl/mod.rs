//! The control socket: one JSON [`Command`] a line, one JSON [`Reply`] a line.
//!
//! It works without a network and without a token: who may open the socket may command the gate.

mod client;
mod command;
mod name;
mod reply;
pub(crate) mod socket;
#[cfg(test)]
mod tests;
mod wire;

pub use client::{CtlError, call};
pub use command::{Command, CommandError, Hint, ListName, Subject};
pub use name::{ClientName, ClientNameError};
pub use reply::Reply;

/// The socket's name in the state folder.
pub const SOCKET_NAME: &str = "ctl/portcullis.sock";

/// Bytes of a request or reply, its line end included.
pub const LINE_BYTES_MAX: usize = 64 * 1024;
