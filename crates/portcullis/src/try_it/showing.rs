//! What the gate of the demonstration does, as it does it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use admission::site::{Controller, Turn};
use edge_io::{Clock, TurnListener};
use guard::rules::{Change, Why};
use incident::{Moment, Sight};
use model::{COHORTS, Challenge, Finite, Instant, Level, Rule, Tier, Traffic};

use crate::announcer::Announcer;
use crate::ruling::Ruling;
use crate::truth::Witness;

/// Something that a person should see.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum News {
    /// The level is another one.
    Level(Level, Level),
    /// New visitors are asked for something else.
    Challenge(Challenge),
    /// A rule was found; it is on trial.
    Found(RuleNews),
    /// A rule acts: by its number.
    Armed(u16, String),
    /// A rule does something harsher or milder now.
    Changed(u16, String),
    /// A rule is gone, and why.
    Gone(u16, &'static str),
    /// Of 128 groups of new visitors so many may come in.
    Groups(u32),
    /// What the record of incidents is told.
    Saw(Sight, Moment),
}

/// A rule as it was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct RuleNews {
    pub(super) id: u16,
    /// In words.
    pub(super) text: String,
    /// Upper bounds on what it would hit: of calm requests, of those of known clients; 0 to 1.
    pub(super) calm: Finite,
    pub(super) known: Finite,
    /// The share of the flood that it covers, 0 to 1.
    pub(super) coverage: Finite,
}

/// The end at which the news come out.
pub(super) struct Told(Receiver<News>);

impl Told {
    /// What has happened since the last call.
    pub(super) fn news(&self) -> Vec<News> {
        self.0.try_iter().collect()
    }
}

/// Listens to the gate beside what every gate has.
pub(super) struct Showing {
    announcer: Announcer,
    ruling: Ruling,
    witness: Witness,
    clock: Clock,
    news: SyncSender<News>,
    challenge: Challenge,
    groups: u32,
}

impl Showing {
    pub(super) fn new(announcer: Announcer, witness: Witness, clock: Clock) -> (Self, Told) {
        let (news, told) = sync_channel(NEWS_MAX);
        let ruling = Ruling::default();
        let (challenge, groups) = (Challenge::Off, ALL_GROUPS);
        (Self { announcer, ruling, witness, clock, news, challenge, groups }, Told(told))
    }

    fn follow(&mut self, turn: &Turn, controller: &Controller, now: Instant) {
        let mut news = Vec::new();
        if let Some((before, after)) = turn.level {
            news.push(News::Level(before, after));
        }
        if let Some(advice) = &turn.advice {
            news.extend(advice.changes.iter().filter_map(|change| self.of(change)));
            self.ruling.advised(advice);
        }
        let decision = controller.decision();
        if decision.challenge != self.challenge {
            self.challenge = decision.challenge;
            news.push(News::Challenge(decision.challenge));
        }
        let groups = decision.masks.admitted(Tier::T5);
        if groups.abs_diff(self.groups) >= STEP || (groups == ALL_GROUPS && self.groups != ALL_GROUPS) {
            self.groups = groups;
            news.push(News::Groups(groups));
        }
        if let Some(sight) = self.witness.turned(turn, decision, now) {
            news.push(News::Saw(sight, Moment { now, wall: self.clock.wall() }));
        }
        for item in news {
            // The gate never waits for a listener, who may have gone home.
            let _heard = self.news.try_send(item);
        }
    }

    fn of(&self, change: &Change) -> Option<News> {
        let words = |rule: &Rule| self.ruling.phrase(rule);
        match change {
            Change::Found { rule, proof, .. } => Some(News::Found(RuleNews {
                id: rule.id,
                text: words(rule),
                calm: rule.collateral_calm,
                known: rule.collateral_known,
                coverage: proof.coverage(),
            })),
            Change::Armed { rule, .. } | Change::Rearmed { rule, .. } => {
                Some(News::Armed(rule.id, words(rule)))
            }
            Change::Hardened { rule, .. } | Change::Softened { rule, .. } => {
                Some(News::Changed(rule.id, words(rule)))
            }
            Change::Discarded { rule, why } => Some(News::Gone(rule.id, given_up(why))),
            Change::Expired { rule, .. } => Some(News::Gone(rule.id, "nothing matches it any more")),
            Change::Needless { rule, .. } => Some(News::Gone(rule.id, "nobody would miss it any more")),
            Change::NotSurgical(_) => None,
        }
    }
}

fn given_up(why: &Why) -> &'static str {
    match why {
        Why::TooFewHits(_) => "it matches less than was forecast",
        Why::Known(_) => "it matches what customers do",
        Why::NotCounted => "nobody counted what it matches",
        Why::Unwanted => "it is not wanted",
    }
}

impl TurnListener for Showing {
    fn turned(&mut self, turn: &Turn, controller: &mut Controller, now: Instant) {
        self.follow(turn, controller, now);
        self.announcer.turned(turn, controller, now);
    }

    fn ends(&mut self, controller: &Controller, now: Instant) {
        self.announcer.ends(controller, now);
    }

    fn counted(&mut self, traffic: &Traffic) {
        self.ruling.counted(traffic);
        self.witness.counted(traffic);
        self.announcer.counted(traffic);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "it is 128")]
pub(super) const ALL_GROUPS: u32 = COHORTS as u32;
/// They are fetched once a second.
const NEWS_MAX: usize = 1_024;
/// Smaller steps are not told.
const STEP: u32 = 16;
