//! What a circle of subscribers is told, and what it says.

use std::time::Duration;

use incident::PublicId;
use model::Timestamp;

use super::Subscriber;
use super::letter::Letter;
use super::link::{LinkKey, SubscriberId};
use crate::verdict::State;

/// What is the same for all mails.
#[derive(Clone, Debug)]
pub struct CircleSettings {
    /// What the page is called.
    pub name: String,
    /// Where people read the page, without a slash at its end.
    pub url: String,
    /// Where the page's own server answers, without a slash at its end: links in mails lead there.
    pub base: String,
    /// From whom mail comes, an address alone.
    pub from: String,
    /// Mails in a second at most; at least 1.
    pub per_second: u32,
    /// Subscribers at most, and no more than [`super::Circle::SUBSCRIBERS_MAX`].
    pub most: usize,
    /// What links are signed with.
    pub key: LinkKey,
}

/// Something that must outlive a crash, in the order in which it is returned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Change {
    /// Somebody has confirmed, or what is known of them is other than before.
    Joined(Subscriber),
    /// Somebody is to be erased, with everything of them.
    Left(SubscriberId),
    /// There is news.
    News {
        /// Larger than of all before.
        seq: u64,
        /// When it was said.
        at: Timestamp,
        /// All of it, as JSON.
        bytes: Vec<u8>,
    },
    /// Somebody was written to, or will not be.
    Told(ToldRow),
}

/// What somebody heard of one incident.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ToldRow {
    /// Whom.
    pub subscriber: SubscriberId,
    /// Of what: an incident or announced work.
    pub subject: PublicId,
    /// The number of the last news that they have, or will not have; 0: none.
    pub seq: u64,
    /// How often the newest was tried in vain.
    pub attempts: u32,
    /// When it was last tried.
    pub at: Timestamp,
    /// What became of that.
    pub state: State,
    /// Why, in words for an admin; empty if it was delivered.
    pub why: String,
}

/// What an earlier process kept.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// All who had confirmed and had not left.
    pub subscribers: Vec<Subscriber>,
    /// Numbers and bytes of news, at least of the last day.
    pub news: Vec<(u64, Vec<u8>)>,
    /// Who heard what of it.
    pub told: Vec<ToldRow>,
}

/// Why somebody does not become a subscriber. None of it tells whether somebody else is one.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum JoinError {
    /// The link was not made here, or is too old.
    #[error("this link is not good, or not any more: ask for another mail")]
    Link,
    /// Too many change their minds at the moment.
    #[error("too many people change what they hear of at the moment; try again in a minute")]
    Busy,
    /// There is no room.
    #[error("there are as many subscribers as there may be; `most` in [status.subscribers] says how many")]
    Full,
}

/// What is to be done next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// Send this, and tell the circle what came of it.
    Send(Letter),
    /// Keep these.
    Keep(Vec<Change>),
    /// Nothing for so long, unless there is news.
    Wait(Duration),
}

/// What came of a letter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// The server has it.
    Taken,
    /// It does not want it for this address now.
    Later(String),
    /// It will never take it for this address.
    Never(String),
    /// It could not be asked, or refuses us and not the address.
    Unreachable(String),
}

/// How it is going.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CircleFigures {
    /// Subscribers.
    pub subscribers: usize,
    /// Mails with news that wait.
    pub waiting: usize,
    /// What became of tries since the start, by [`State`].
    pub outcomes: [u64; 4],
    /// Mails that asked for a confirmation and were taken, since the start.
    pub invited: u64,
    /// Those who joined and who left since the start.
    pub joined: u64,
    /// See `joined`.
    pub left: u64,
    /// Why the server was last not to be had; empty if it is.
    pub trouble: String,
}
