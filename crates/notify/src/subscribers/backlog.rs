//! What could not be kept yet.

use std::collections::BTreeMap;

use incident::PublicId;

use super::circle::Circle;
use super::link::SubscriberId;
use super::words::Change;

/// Changes on their way to where they are kept, which is full at times. Of what replaces one another only the last waits, so that it is
/// bounded by the people there are; whoever leaves takes with them what waits of them.
#[derive(Clone, Debug, Default)]
pub struct Backlog {
    waiting: BTreeMap<Key, Change>,
    /// Even this was too small.
    has_lost: bool,
}

/// What replaces what, in the order in which it is kept: what somebody heard means nothing before they are there.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Key {
    News(u64),
    Left(SubscriberId),
    Joined(SubscriberId),
    Told(SubscriberId, PublicId),
}

impl Backlog {
    /// Puts a change behind what waits; it is kept with the next [`Backlog::keep`].
    pub fn push(&mut self, change: Change) {
        let key = match &change {
            Change::News { seq, .. } => Key::News(*seq),
            Change::Joined(person) => Key::Joined(person.id),
            Change::Told(row) => Key::Told(row.subscriber, row.subject),
            Change::Left(id) => {
                self.forget(*id);
                Key::Left(*id)
            }
        };
        self.waiting.insert(key, change);
        if self.waiting.len() > WAITING_MAX
            && let Some((key, _)) = self.waiting.pop_last()
        {
            // Without such a row a mail may come twice after a crash; all others have been promised.
            self.has_lost |= !matches!(key, Key::Told(..));
        }
    }

    fn forget(&mut self, id: SubscriberId) {
        self.waiting.remove(&Key::Joined(id));
        self.waiting.retain(|key, _| !matches!(key, Key::Told(who, _) if *who == id));
    }

    /// Gives at most `most` changes to `take` until it has no place for one. Whether everything is there that was ever pushed.
    pub fn keep(&mut self, most: usize, mut take: impl FnMut(&Change) -> bool) -> bool {
        for _ in 0..most {
            let Some(first) = self.waiting.first_entry() else { break };
            if !take(first.get()) {
                break;
            }
            first.remove();
        }
        self.waiting.is_empty() && !self.has_lost
    }
}

/// Of each of the most subscribers: that they left, that they are there, and what they heard of three incidents.
const WAITING_MAX: usize = Circle::SUBSCRIBERS_MAX * 5;

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::super::{Subscriber, ToldRow};
    use super::*;
    use crate::verdict::State;

    fn joined(number: u8, refusals: u32) -> Change {
        let address = "ann@shop.example".parse().unwrap();
        let id = SubscriberId([number; 16]);
        Change::Joined(Subscriber { id, address, chosen: vec![], since: Timestamp::default(), refusals })
    }

    fn told(number: u8, seq: u64) -> Change {
        let (subscriber, subject) = (SubscriberId([number; 16]), PublicId::of(&[3; 32]));
        let (at, state) = (Timestamp::default(), State::Delivered);
        Change::Told(ToldRow { subscriber, subject, seq, attempts: 0, at, state, why: String::new() })
    }

    #[test]
    fn what_was_refused_is_kept_before_it_is_said_to_be_there_and_whoever_left_stays_away() {
        let (mut backlog, mut kept) = (Backlog::default(), Vec::new());
        let left = || Change::Left(SubscriberId([1; 16]));
        for change in [joined(1, 0), told(1, 1), left(), joined(1, 1), joined(1, 2), told(1, 4), told(2, 7)] {
            backlog.push(change);
            assert!(!backlog.keep(9, |_| false), "there is no place");
        }
        let mut take = |change: &Change| {
            kept.push(change.clone());
            true
        };
        assert!(!backlog.keep(3, &mut take), "so many at a time");
        assert!(backlog.keep(3, &mut take) && backlog.keep(0, &mut take));
        assert_eq!(kept, [left(), joined(1, 2), told(1, 4), told(2, 7)]);
    }

    #[test]
    fn it_is_bounded_and_says_when_that_was_too_little() {
        let mut backlog = Backlog::default();
        let id = |number: usize| {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&number.to_be_bytes());
            SubscriberId(id)
        };
        backlog.waiting =
            (0..WAITING_MAX).map(|number| (Key::Left(id(number)), Change::Left(id(number)))).collect();
        backlog.push(told(9, 1));
        assert!(backlog.clone().keep(usize::MAX, |_| true), "it may do without what somebody heard");
        backlog.push(Change::Left(id(WAITING_MAX)));
        assert_eq!(backlog.waiting.len(), WAITING_MAX);
        assert!(!backlog.keep(usize::MAX, |_| true));
    }
}
