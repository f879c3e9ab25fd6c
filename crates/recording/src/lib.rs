//! Recordings: what the decision core was told, step by step, and what it decided; and the same once more.
//!
//! A recording is bytes: [`Recorder`] makes them, [`Pieces`] reads them, and [`replay()`] takes every step again with the real
//! core and says where it decides otherwise. It holds keyed hashes and counts, never what a client sent, and no key. This crate
//! is *not* where files are written: that is `journal-io`. Its main types are [`Recorder`], [`Pieces`] and [`Replay`].
//!
//! ```text
//!  segment:  header │ snapshot of the core │ steps │ steps │ …        each a block with its length and a checksum
//!  bundle:   segment │ segment │ …
//! ```
//!
//! A segment can be replayed alone, so the oldest can be dropped; what is missing between two of them is a gap that shows.

mod block;
mod digest;
mod error;
mod pieces;
mod recorder;
mod replay;
mod samples;
mod step;
#[cfg(test)]
mod tests;

pub use block::{BLOCK_BYTES_MAX, whole};
pub use digest::{Digester, Shown, ShownRule};
pub use error::RecordingError;
pub use pieces::{Header, Piece, Pieces, Snapshot};
pub use recorder::{Recorder, STEPS_PER_BLOCK_MAX};
pub use replay::{Difference, GAPS_MAX, Gap, Played, Replay, replay};
pub use step::Frame;
