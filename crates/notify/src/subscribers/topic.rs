//! One incident: its newest update, and who still has to hear it.

use std::collections::{BTreeMap, BTreeSet};

use incident::PublicId;
use model::Instant;

use super::link::SubscriberId;
use super::news::News;

/// Only the newest update of an incident is worth a mail: whoever has not had the one before does not get it any more.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    pub(super) subject: PublicId,
    /// The number of its news; each has a larger one than all before.
    pub(super) seq: u64,
    pub(super) news: News,
    /// News older than this on the clock that does not jump is not sent any more.
    pub(super) until: Instant,
    /// By [`turn`]: whoever waits longest comes first, so that updates in quick succession leave nobody out. Each waits once.
    waiting: BTreeSet<(u64, SubscriberId)>,
    /// Those whose server wants to be asked again later.
    later: BTreeSet<(Instant, SubscriberId)>,
    /// The same without the time.
    resting: BTreeSet<SubscriberId>,
    /// Of these, those who are asked after all others.
    behind: BTreeSet<SubscriberId>,
    /// The number of what somebody heard last, or will not hear.
    told: BTreeMap<SubscriberId, u64>,
    /// How often the newest was tried, of those for whom it failed.
    tries: BTreeMap<SubscriberId, u32>,
}

impl Topic {
    pub(super) const fn new(seq: u64, news: News, until: Instant) -> Self {
        Self {
            subject: news.subject,
            seq,
            news,
            until,
            waiting: BTreeSet::new(),
            later: BTreeSet::new(),
            resting: BTreeSet::new(),
            behind: BTreeSet::new(),
            told: BTreeMap::new(),
            tries: BTreeMap::new(),
        }
    }

    /// There is something newer.
    pub(super) fn renew(&mut self, seq: u64, news: News, until: Instant) {
        (self.seq, self.news, self.until) = (seq, news, until);
        self.tries.clear();
        self.behind.clear();
        let last = self.waiting.split_off(&(LAST, SubscriberId([0; 16])));
        last.into_iter().for_each(|(_, who)| self.add(who));
    }

    /// Somebody is to hear the newest, unless they have, or wait already.
    pub(super) fn add(&mut self, who: SubscriberId) {
        let has_place = [FIRST, LAST].into_iter().any(|place| self.waiting.contains(&(place, who)));
        if self.is_owed(who) && !has_place {
            self.waiting.insert((turn(self.told(who)), who));
        }
    }

    /// The same, before all others.
    pub(super) fn add_first(&mut self, who: SubscriberId) {
        if self.is_owed(who) {
            self.wait_no_more(who);
            self.waiting.insert((FIRST, who));
        }
    }

    fn is_owed(&self, who: SubscriberId) -> bool {
        self.told(who) < self.seq && !self.resting.contains(&who)
    }

    fn wait_no_more(&mut self, who: SubscriberId) {
        for place in [FIRST, turn(self.told(who)), LAST] {
            self.waiting.remove(&(place, who));
        }
    }

    /// Somebody heard this, or will not; whether there is something newer for them is for [`Topic::add`].
    pub(super) fn tell(&mut self, who: SubscriberId, seq: u64) {
        self.wait_no_more(who);
        let told = self.told.entry(who).or_default();
        *told = seq.max(*told);
        if *told >= self.seq {
            self.tries.remove(&who);
        }
    }

    /// The number of what somebody heard last; 0: nothing.
    pub(super) fn told(&self, who: SubscriberId) -> u64 {
        self.told.get(&who).copied().unwrap_or_default()
    }

    /// Takes out whoever is next.
    pub(super) fn take(&mut self, now: Instant) -> Option<SubscriberId> {
        while let Some((due, who)) = self.later.first().copied()
            && due <= now
        {
            self.later.pop_first();
            self.resting.remove(&who);
            if self.behind.remove(&who) && self.is_owed(who) {
                self.waiting.insert((LAST, who));
            } else {
                self.add(who);
            }
        }
        while let Some((_, who)) = self.waiting.pop_first() {
            if self.told(who) < self.seq {
                return Some(who);
            }
        }
        None
    }

    /// One more try failed; how many that makes.
    pub(super) fn failed(&mut self, who: SubscriberId) -> u32 {
        let tries = self.tries.entry(who).or_default();
        *tries = tries.saturating_add(1);
        *tries
    }

    /// Whether a try of the newest failed for somebody.
    pub(super) fn has_failed(&self, who: SubscriberId) -> bool {
        self.tries.contains_key(&who)
    }

    /// Of an earlier process: so many tries failed.
    pub(super) fn has_tried(&mut self, who: SubscriberId, tries: u32) {
        self.tries.insert(who, tries);
    }

    /// Somebody is to be asked again from a moment on.
    pub(super) fn rest(&mut self, who: SubscriberId, due: Instant) {
        self.wait_no_more(who);
        if self.resting.insert(who) {
            self.later.insert((due, who));
        }
    }

    /// The same, and all others come before them unless there is something newer.
    pub(super) fn rest_behind(&mut self, who: SubscriberId, due: Instant) {
        self.rest(who, due);
        self.behind.insert(who);
    }

    /// Somebody is not written to any more.
    pub(super) fn drop_out(&mut self, who: SubscriberId) {
        self.waiting.retain(|(_, other)| *other != who);
        if self.resting.remove(&who) {
            self.later.retain(|(_, other)| *other != who);
        }
        self.behind.remove(&who);
        self.told.remove(&who);
        self.tries.remove(&who);
    }

    /// How many still have to hear it.
    pub(super) fn count(&self) -> usize {
        self.waiting.len() + self.later.len()
    }
}

/// Who comes when: whoever heard older news before whoever heard newer.
const fn turn(told: u64) -> u64 {
    told.saturating_add(1)
}

/// Behind every [`turn`].
const LAST: u64 = u64::MAX;
/// Before every [`turn`].
const FIRST: u64 = 0;
