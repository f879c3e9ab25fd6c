//! Framing, read before the HTTP library reads it (`docs/framing.md`).
//!
//! What a proxy takes for the end of a message must be what the app takes for it. So bytes reach the library only as
//! messages whose borders are beyond doubt, and the library's own reading is compared with them.

mod body;
mod fault;
mod head;
mod http1;
mod http2;
mod multiplexed;
mod paced;
mod stream;
mod text;
mod websocket;

pub use fault::Fault;
pub use http1::{Head, Http1, Length, Piece};
pub use http2::{Excess, Meter};
pub(crate) use multiplexed::check;
pub(crate) use paced::Paced;
pub(crate) use stream::{Borders, Strict};
pub use websocket::{Messages, Passed};
