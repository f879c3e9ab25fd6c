//! The control socket: one JSON [`Command`] a line, one JSON [`Reply`] a line.
//!
//! It works without a network and without a token: who may open the socket may command the gate. The same commands
//! are taken by `POST /api/v1/ctl`.

mod client;
mod command;
mod listener;
mod name;
mod page;
mod reply;
mod socket;
mod subscriber;
mod transfer;
mod wire;

pub use client::{CtlError, call};
pub use command::{Command, CommandError, Hint, Subject};
pub use name::{ClientName, ClientNameError};
pub use page::{ComponentStatus, PageCommand};
pub use reply::Reply;
pub use socket::SocketError;
pub use subscriber::SubscriberCommand;
pub use transfer::{Imported, TransferError, export, export_subscribers, import};

pub(crate) use listener::{listen, parse};
pub(crate) use socket::{Socket, group_id};

/// The socket's name in the state folder.
pub const SOCKET_NAME: &str = "ctl/portcullis.sock";

/// The group whose members may use the socket.
pub const GROUP: &str = "portcullis";

/// Bytes of a request, its line end included.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a reply, its line end included: many incidents with all that was said of them.
pub const REPLY_BYTES_MAX: usize = 1024 * 1024;

#[cfg(test)]
mod tests;
