//! What becomes of letters: taken, refused for a while or for good, or not asked for at all.

use std::time::Duration;

use incident::{Moment, PublicId};
use model::Instant;

use super::circle::{Circle, Doubted, InHand, Invited};
use super::link::SubscriberId;
use super::words::{Change, Outcome, ToldRow};
use crate::pace::back_off;
use crate::verdict::State;

impl Circle {
    /// What came of what [`Circle::next`] wanted sent.
    pub fn settle(&mut self, outcome: Outcome, moment: Moment) -> Vec<Change> {
        match &outcome {
            Outcome::Unreachable(why) => self.leave_alone(why, moment.now),
            Outcome::Taken => {
                (self.failures, self.put_off, self.unreached, self.taken) = (0, 0, None, Some(moment.now));
                self.figures.trouble.clear();
            }
            Outcome::Later(_) => {
                (self.failures, self.unreached) = (0, None);
                self.put_off = self.put_off.saturating_add(1);
            }
            Outcome::Never(_) => {}
        }
        match self.in_hand.take() {
            None => Vec::new(),
            Some(InHand::Invitation(invited)) => {
                self.settle_invitation(*invited, &outcome, moment.now);
                if outcome == Outcome::Taken { self.believe(Proof::TakenAfter, moment) } else { Vec::new() }
            }
            Some(InHand::News { subject, seq, who }) => self.settle_news(subject, seq, who, outcome, moment),
        }
    }

    fn settle_invitation(&mut self, mut invited: Invited, outcome: &Outcome, now: Instant) {
        match outcome {
            Outcome::Taken => self.figures.invited += 1,
            Outcome::Later(_) if invited.tries + 1 < INVITATION_TRIES_MAX => {
                invited.tries += 1;
                invited.not_before = now + rest(invited.tries);
                self.invitations.push_back(invited);
            }
            Outcome::Unreachable(_) if now < invited.until => {
                // Others come first when the server is asked again; if it hangs up between what it takes, it is at this one.
                invited.unreached += u32::from(self.failures <= 1);
                invited.not_before = self.not_before + rest(invited.unreached);
                self.invitations.push_back(invited);
            }
            // Nobody had a mail: whoever asks again is not met with silence for a day.
            Outcome::Never(_) | Outcome::Later(_) | Outcome::Unreachable(_) => {
                self.asking.free(self.settings.key.mailbox(&invited.invitation.address));
            }
        }
    }

    fn settle_news(
        &mut self,
        subject: PublicId,
        seq: u64,
        who: SubscriberId,
        outcome: Outcome,
        moment: Moment,
    ) -> Vec<Change> {
        // A server that puts off everybody is at fault, and they are asked for as long as the news is sent.
        let is_at_reader = self.has_taken(moment.now) && self.put_off < PUT_OFF_MAX;
        // Who left while a mail was on its way, or what was given up: there is nothing to note any more.
        let is_there = self.people.contains_key(&who);
        let Some(topic) = self.topics.iter_mut().find(|topic| topic.subject == subject && is_there) else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        match outcome {
            Outcome::Taken => {
                topic.tell(who, seq);
                topic.add(who);
                changes.push(self.noted(subject, seq, who, 0, State::Delivered, String::new(), moment));
                changes.extend(self.clear(who));
                changes.extend(self.believe(Proof::TakenAfter, moment));
            }
            Outcome::Later(why) => {
                let tries = topic.failed(who);
                if tries >= TRIES_MAX && is_at_reader {
                    topic.tell(who, seq);
                    topic.add(who);
                    changes.push(self.noted(subject, seq, who, tries, State::GivenUp, why, moment));
                } else {
                    topic.rest(who, moment.now + rest(tries));
                    let told = topic.told(who);
                    changes.push(self.noted(subject, told, who, tries, State::Waiting, why, moment));
                }
            }
            Outcome::Never(why) => {
                self.doubted.push(Doubted { subject, seq, who, why });
                self.doubt(moment.now);
            }
            Outcome::Unreachable(_) => {
                let is_again = self.unreached.replace(who) == Some(who);
                // If it is the server, it is for everybody: only what comes between mails that are taken counts against a reader.
                if is_again || self.failures == 1 && topic.has_failed(who) {
                    let tries = if self.failures <= UNREACHED_MAX { topic.failed(who) } else { 1 };
                    // Others have their turn when the server is asked again.
                    topic.rest_behind(who, self.not_before + rest(tries));
                } else {
                    topic.add(who);
                }
                self.figures.outcomes[State::Waiting as usize] += 1;
            }
        }
        changes
    }

    /// Many refusals without anything that is taken are of the server's making: it is left alone, and nobody is taken for gone. Others
    /// come first then, so that those do not hold everybody up who are really gone.
    fn doubt(&mut self, now: Instant) {
        let most = if self.has_taken(now) { DOUBTED_MAX } else { DOUBTED_AT_FIRST };
        if self.doubted.len() < most {
            return;
        }
        let doubted = std::mem::take(&mut self.doubted);
        let why = doubted.last().map(|doubted| doubted.why.clone()).unwrap_or_default();
        for Doubted { subject, who, .. } in doubted {
            if let Some(topic) = self.topics.iter_mut().find(|topic| topic.subject == subject) {
                topic.rest(who, now + REST);
            }
        }
        self.leave_alone(&format!("it refuses everybody: {why}"), now);
    }

    /// Nothing is left that could show better whether refusals are to be believed. What was taken before them shows little: a server that
    /// takes so many in an hour may say the same to the rest. So only a few are believed, and nobody is erased; more are tried again.
    pub(super) fn end_doubt(&mut self, moment: Moment) -> Vec<Change> {
        if self.doubted.len() < DOUBTED_AT_FIRST {
            let proof = if self.has_taken(moment.now) { Proof::TakenBefore } else { Proof::None };
            return self.believe(proof, moment);
        }
        let mut changes = Vec::new();
        for Doubted { subject, who, why, .. } in std::mem::take(&mut self.doubted) {
            if let Some(topic) = self.topics.iter_mut().find(|topic| topic.subject == subject) {
                let tries = topic.failed(who);
                topic.rest(who, moment.now + rest(tries));
                let told = topic.told(who);
                changes.push(self.noted(subject, told, who, tries, State::Waiting, why, moment));
            }
        }
        changes
    }

    /// Whether the server took something not long ago.
    fn has_taken(&self, now: Instant) -> bool {
        self.taken.is_some_and(|taken| now.since(taken) <= TRUSTED_FOR)
    }

    /// What was refused is settled: with some proof, those whom it was for are a step nearer to being erased.
    fn believe(&mut self, proof: Proof, moment: Moment) -> Vec<Change> {
        let mut changes = Vec::new();
        for Doubted { subject, seq, who, why } in std::mem::take(&mut self.doubted) {
            let Some(person) = self.people.get_mut(&who) else { continue };
            if let Some(topic) = self.topics.iter_mut().find(|topic| topic.subject == subject) {
                topic.tell(who, seq);
                topic.add(who);
            }
            let before = person.refusals;
            person.refusals = match proof {
                Proof::None => before,
                Proof::TakenBefore => before.max((before + 1).min(REFUSALS_MAX - 1)),
                Proof::TakenAfter => before + 1,
            };
            let is_gone = proof == Proof::TakenAfter && person.refusals >= REFUSALS_MAX;
            let (person, is_other) = (person.clone(), person.refusals != before);
            changes.push(self.noted(subject, seq, who, 1, State::Refused, why, moment));
            if is_gone {
                self.drop_out(who);
                changes.push(Change::Left(who));
            } else if is_other {
                changes.push(Change::Joined(person));
            }
        }
        changes
    }

    /// Their server takes mail again.
    fn clear(&mut self, who: SubscriberId) -> Option<Change> {
        let person = self.people.get_mut(&who).filter(|person| person.refusals > 0)?;
        person.refusals = 0;
        Some(Change::Joined(person.clone()))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of a row, each once")]
    pub(super) fn noted(
        &mut self,
        subject: PublicId,
        seq: u64,
        subscriber: SubscriberId,
        attempts: u32,
        state: State,
        why: String,
        moment: Moment,
    ) -> Change {
        self.figures.outcomes[state as usize] += 1;
        Change::Told(ToldRow { subscriber, subject, seq, attempts, at: moment.wall, state, why })
    }

    fn leave_alone(&mut self, why: &str, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        self.not_before = now + back_off(self.failures);
        why.clone_into(&mut self.figures.trouble);
    }
}

/// What shows that a refusal was about the address.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Proof {
    None,
    /// The server took something else before, not long ago.
    TakenBefore,
    /// It took something else after.
    TakenAfter,
}

/// After so many tries for one address: a quarter of a minute, twice as long each time, never more than an hour.
fn rest(tries: u32) -> Duration {
    (REST * 2_u32.pow(tries.saturating_sub(1).min(8))).min(REST_MAX)
}

/// Whoever the server hangs up on so often in a row lets others go first; once it has, a single time is enough.
const UNREACHED_MAX: u32 = 2;
/// Tries of a mail that asks to confirm: somewhat more than an hour.
const INVITATION_TRIES_MAX: u32 = 9;
/// Tries of one update for one address: about two hours.
const TRIES_MAX: u32 = 10;
/// Mails in a row that are put off before that is the server's doing.
const PUT_OFF_MAX: u32 = 50;
/// Updates in a row that are refused for good before an address is taken for gone.
const REFUSALS_MAX: u32 = 3;
/// Refusals in a row that are the server's making, while it has taken nothing yet, and after it has.
pub(super) const DOUBTED_AT_FIRST: usize = 5;
const DOUBTED_MAX: usize = 50;
/// A server that takes something is believed for so long about what it does not take.
const TRUSTED_FOR: Duration = Duration::from_secs(600);
const REST: Duration = Duration::from_secs(15);
const REST_MAX: Duration = Duration::from_secs(3_600);
