//! All subscribers, and what they still have to be told.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use incident::{Moment, PublicId, View};
use model::{Instant, Timestamp};

use super::Subscriber;
use super::asking::Asking;
use super::letter::{self, Letter};
use super::link::{Invitation, SubscriberId};
use super::news::{self, KEPT_FOR, News};
use super::topic::Topic;
use super::words::{Change, CircleFigures, CircleSettings, Kept, Step, ToldRow};
use crate::pace::Pace;
use crate::verdict::State;

/// Everybody who is told, what they have heard, and those who were asked to confirm.
///
/// What it returns as a [`Change`] is to be kept, in order, each before the next letter is sent: then nobody hears anything twice but
/// what was on its way in the moment of a crash, under the same `Message-ID`.
#[derive(Clone, Debug)]
pub struct Circle {
    pub(super) settings: CircleSettings,
    pub(super) people: BTreeMap<SubscriberId, Subscriber>,
    pub(super) topics: Vec<Topic>,
    /// News that was heard, by its key.
    heard: BTreeMap<PublicId, Timestamp>,
    last_seq: u64,
    pub(super) asking: Asking,
    /// Of those who hold links.
    pub(super) acts: Pace,
    /// Of whom, when, within an hour; the pace bounds it.
    pub(super) acts_by_age: VecDeque<(Instant, SubscriberId)>,
    pub(super) acts_of: BTreeMap<SubscriberId, u32>,
    pub(super) invitations: VecDeque<Invited>,
    pub(super) in_hand: Option<InHand>,
    /// Refusals that are only believed when the server takes something else.
    pub(super) doubted: Vec<Doubted>,
    /// The pace does not let anything leave before.
    due: Instant,
    /// The server is left alone until then.
    pub(super) not_before: Instant,
    pub(super) failures: u32,
    /// Mails that it put off since it last took one.
    pub(super) put_off: u32,
    /// Whom the last mail with news was for, if the server was not to be had for it.
    pub(super) unreached: Option<SubscriberId>,
    /// When the server took something last.
    pub(super) taken: Option<Instant>,
    is_paused: bool,
    pub(super) figures: CircleFigures,
}

/// Somebody who is asked to confirm. It is in memory alone.
#[derive(Clone, Debug)]
pub(super) struct Invited {
    pub(super) invitation: Invitation,
    /// How often it was put off.
    pub(super) tries: u32,
    /// How often the server hung up at it.
    pub(super) unreached: u32,
    pub(super) not_before: Instant,
    /// A server that is not to be had is asked until then.
    pub(super) until: Instant,
}

#[derive(Clone, Debug)]
pub(super) enum InHand {
    Invitation(Box<Invited>),
    News { subject: PublicId, seq: u64, who: SubscriberId },
}

#[derive(Clone, Debug)]
pub(super) struct Doubted {
    pub(super) subject: PublicId,
    pub(super) seq: u64,
    pub(super) who: SubscriberId,
    pub(super) why: String,
}

impl Circle {
    /// Subscribers that it is made for.
    pub const SUBSCRIBERS_MAX: usize = 50_000;

    /// Goes on with what was kept.
    pub fn new(settings: CircleSettings, kept: Kept, moment: Moment) -> Self {
        let people = kept.subscribers.into_iter().map(|person| (person.id, person)).collect();
        let mut circle = Self {
            settings,
            people,
            topics: Vec::new(),
            heard: BTreeMap::new(),
            last_seq: 0,
            asking: Asking::default(),
            acts: Pace::new(ACTS_PER_MINUTE),
            acts_by_age: VecDeque::new(),
            acts_of: BTreeMap::new(),
            invitations: VecDeque::new(),
            in_hand: None,
            doubted: Vec::new(),
            due: Instant::default(),
            not_before: Instant::default(),
            failures: 0,
            put_off: 0,
            unreached: None,
            taken: None,
            is_paused: false,
            figures: CircleFigures::default(),
        };
        circle.resume(kept.news, kept.told, moment);
        circle
    }

    fn resume(&mut self, mut news: Vec<(u64, Vec<u8>)>, told: Vec<ToldRow>, moment: Moment) {
        news.sort_by_key(|(seq, _)| *seq);
        let from = moment.wall.before(KEPT_FOR);
        for (seq, bytes) in news {
            self.last_seq = self.last_seq.max(seq);
            if let Ok(news) = serde_json::from_slice::<News>(&bytes) {
                self.heard.insert(news.key, news.at);
                if news.at >= from {
                    self.put(seq, news, moment);
                }
            }
        }
        for row in told {
            if let Some(topic) = self.topics.iter_mut().find(|topic| topic.subject == row.subject) {
                topic.tell(row.subscriber, row.seq);
                if row.state == State::Waiting && topic.told(row.subscriber) < topic.seq {
                    topic.has_tried(row.subscriber, row.attempts);
                }
            }
        }
        self.topics.iter_mut().for_each(|topic| add_all(topic, &self.people));
    }

    /// Takes what may be published; what is new in it is queued for all who want to hear of it.
    pub fn hear(&mut self, view: &View, moment: Moment) -> Vec<Change> {
        // Whoever takes over hears it.
        if self.is_paused {
            return Vec::new();
        }
        let mut changes = Vec::new();
        for news in news::since(view, moment.wall.before(KEPT_FOR)) {
            if self.heard.contains_key(&news.key) {
                continue;
            }
            self.last_seq += 1;
            let (seq, at) = (self.last_seq, news.at);
            self.heard.insert(news.key, at);
            // Texts and numbers always have a form in JSON.
            let bytes = serde_json::to_vec(&news).unwrap_or_default();
            changes.push(Change::News { seq, at, bytes });
            self.put(seq, news, moment);
        }
        let forgotten = moment.wall.before(KEPT_FOR * 2);
        self.heard.retain(|_, at| *at >= forgotten);
        changes
    }

    /// Makes news the newest of its incident; for want of room another is given up.
    fn put(&mut self, seq: u64, news: News, moment: Moment) {
        let left = KEPT_FOR.saturating_sub(moment.wall.since(news.at));
        let until = moment.now + left;
        let place = self.topics.iter().position(|topic| topic.subject == news.subject);
        match place {
            Some(place) => self.topics[place].renew(seq, news, until),
            None => self.topics.push(Topic::new(seq, news, until)),
        }
        let place = place.unwrap_or(self.topics.len() - 1);
        add_all(&mut self.topics[place], &self.people);
        if self.topics.len() > TOPICS_MAX {
            let oldest = (0..self.topics.len()).min_by_key(|place| self.topics[*place].seq);
            self.give_up(oldest.unwrap_or_default());
        }
    }

    /// What is next.
    pub fn next(&mut self, moment: Moment) -> Step {
        if self.in_hand.is_some() {
            return Step::Wait(LOOK);
        }
        while let Some(old) = self.topics.iter().position(|topic| moment.now >= topic.until) {
            self.give_up(old);
        }
        let pause = self.not_before.since(moment.now).max(self.due.since(moment.now));
        if !pause.is_zero() {
            return Step::Wait(pause);
        }
        if let Some(letter) = self.next_invitation(moment) {
            return self.send(letter, moment.now);
        }
        if self.is_paused {
            return Step::Wait(LOOK);
        }
        if let Some(letter) = self.next_news(moment) {
            return self.send(letter, moment.now);
        }
        let changes = self.end_doubt(moment);
        if changes.is_empty() { Step::Wait(LOOK) } else { Step::Keep(changes) }
    }

    fn next_invitation(&mut self, moment: Moment) -> Option<Letter> {
        let place = self.invitations.iter().position(|invited| invited.not_before <= moment.now)?;
        let invited = self.invitations.remove(place)?;
        let link = self.settings.key.invite(&invited.invitation);
        let letter = letter::invitation(&self.settings, &invited.invitation.address, &link, moment.wall);
        self.in_hand = Some(InHand::Invitation(Box::new(invited)));
        Some(letter)
    }

    fn next_news(&mut self, moment: Moment) -> Option<Letter> {
        // What came first: an incident with much to say does not hold up the others.
        self.topics.sort_by_key(|topic| topic.seq);
        for topic in &mut self.topics {
            while let Some(who) = topic.take(moment.now) {
                let Some(person) = self.people.get(&who).filter(|person| wants(person, &topic.news)) else {
                    continue;
                };
                let letter = letter::news(&self.settings, person, &topic.news, moment.wall);
                self.in_hand = Some(InHand::News { subject: topic.subject, seq: topic.seq, who });
                return Some(letter);
            }
        }
        None
    }

    fn send(&mut self, letter: Letter, now: Instant) -> Step {
        self.due = now + Duration::from_secs(1) / self.settings.per_second.max(1);
        Step::Send(letter)
    }

    /// An incident is not told of any more. Who has not heard it is counted and not kept one by one: that would be up to
    /// [`Circle::SUBSCRIBERS_MAX`] rows at once, more than a journal takes, and a process that starts again comes to the same end, because
    /// it hears the same news in the same order, and none that is a day old.
    fn give_up(&mut self, place: usize) {
        let waiting = self.topics.remove(place).count();
        self.figures.outcomes[State::GivenUp as usize] += waiting as u64;
    }

    pub(super) fn drop_out(&mut self, id: SubscriberId) {
        self.figures.left += u64::from(self.people.remove(&id).is_some());
        self.topics.iter_mut().for_each(|topic| topic.drop_out(id));
        self.doubted.retain(|doubted| doubted.who != id);
        let key = &self.settings.key;
        self.invitations.retain(|invited| key.id(&invited.invitation.address) != id);
    }

    /// Tells nobody of news, or goes on: one process does. Those who ask are asked to confirm all the same.
    pub fn pause(&mut self, is_paused: bool) {
        self.is_paused = is_paused;
    }

    /// Whether another process is about to take over: nobody can join, change or leave here then.
    pub const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Whether whoever the letter in hand is for still wants it.
    pub fn is_wanted(&self) -> bool {
        match &self.in_hand {
            Some(InHand::News { who, .. }) => self.people.contains_key(who),
            Some(InHand::Invitation(_)) | None => true,
        }
    }

    /// Whether a letter is on its way.
    pub const fn is_sending(&self) -> bool {
        self.in_hand.is_some()
    }

    /// Mails that wait, of both kinds.
    pub fn queued(&self) -> usize {
        self.invitations.len() + self.topics.iter().map(Topic::count).sum::<usize>()
    }

    /// How it is going.
    pub fn figures(&self) -> CircleFigures {
        let in_hand = usize::from(matches!(self.in_hand, Some(InHand::News { .. })));
        let waiting = self.topics.iter().map(Topic::count).sum::<usize>() + in_hand;
        CircleFigures { subscribers: self.people.len(), waiting, ..self.figures.clone() }
    }
}

fn add_all(topic: &mut Topic, people: &BTreeMap<SubscriberId, Subscriber>) {
    let mut doubtful = 0;
    for person in people.values() {
        if !wants(person, &topic.news) {
            continue;
        }
        let is_doubtful = person.refusals > 0 && doubtful < DOUBTFUL_FIRST_MAX;
        doubtful += usize::from(is_doubtful);
        if is_doubtful { topic.add_first(person.id) } else { topic.add(person.id) }
    }
}

fn wants(person: &Subscriber, news: &News) -> bool {
    let is_new = person.since <= news.at;
    let concerns_all = person.chosen.is_empty() || news.concerns.is_empty();
    is_new && (concerns_all || person.chosen.iter().any(|chosen| news.concerns.contains(chosen)))
}

/// Incidents that are told of at one time; of more, the one with the oldest news is given up.
const TOPICS_MAX: usize = 8;
/// So many whose last mail was refused come first, so that those behind them show whether it was the server's doing; of more, it would be
/// taken for that.
const DOUBTFUL_FIRST_MAX: usize = super::settling::DOUBTED_AT_FIRST - 1;
/// Mails that ask for a confirmation and wait; they come at most 60 a minute.
pub(super) const INVITATIONS_MAX: usize = 256;
/// Times that people confirm or choose, in all.
const ACTS_PER_MINUTE: u32 = 600;
/// They wait so long for a server that is not to be had.
pub(super) const INVITED_FOR: Duration = Duration::from_secs(12 * 3_600);
/// The link of such a mail is good for so long.
pub(super) const GOOD_FOR: Duration = Duration::from_secs(86_400);
/// How long it may sleep.
const LOOK: Duration = Duration::from_secs(1);
