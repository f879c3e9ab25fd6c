//! Subscribers: readers of the page who are told by mail what it says, each update once.
//!
//! What is told is taken from what may be published and from nothing else, in the same words. Nobody is written to before they have
//! confirmed, but for the one mail that asks them to, and nobody after they have left. Nothing of an address is kept before it is confirmed:
//! the link in that mail carries all that is needed, signed.
//!
//! ```text
//!  asked ─▶ limits ─▶ the mail that asks ─▶ (link, button) ─▶ joined
//!  View ──▶ news, the newest of each incident ─▶ who wants it and has not had it ─▶ Letter ─▶ (sent elsewhere) ─▶ Outcome
//! ```

mod address;
mod asking;
mod backlog;
mod circle;
mod joining;
mod letter;
mod link;
mod news;
mod settling;
#[cfg(test)]
mod tests;
mod topic;
mod words;

pub use address::{MailAddress, NoAddress};
pub use asking::{Asked, Busy};
pub use backlog::Backlog;
pub use circle::Circle;
pub use letter::Letter;
pub use link::{LinkKey, NoSubscriberId, SubscriberId};
pub use words::{Change, CircleFigures, CircleSettings, JoinError, Kept, Outcome, Step, ToldRow};

use incident::PublicId;
use model::Timestamp;

/// Somebody who has confirmed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Subscriber {
    /// The same for the same address, as long as the key is.
    pub id: SubscriberId,
    /// Where mail goes.
    pub address: MailAddress,
    /// Components and groups that they want to hear of, at most [`Subscriber::CHOSEN_MAX`]; none: all.
    pub chosen: Vec<PublicId>,
    /// When they confirmed: nothing that was said before is news to them.
    pub since: Timestamp,
    /// Updates in a row that their mail server refused for good.
    pub refusals: u32,
}

impl Subscriber {
    /// Components and groups that one may choose; a page has no more.
    pub const CHOSEN_MAX: usize = 64;
}
