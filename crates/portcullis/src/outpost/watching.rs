//! The outpost's rounds: tries, asks, looks once a second, and has said what follows.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use edge_io::Clock;
use incident::{Moment, Outside, Sight};
use journal_io::Kept;
use journal_io::journal::Journal;
use journal_io::logs::Events;
use model::Timestamp;
use probe::{Answers, Event, Verdict, Watch};
use probe_io::Prober;

use super::contact::Contact;
use super::held::{Held, Seen};
use crate::probing::{say, service};
use crate::truth::Truth;

/// Everything that goes on while an outpost runs.
pub(super) struct Watching {
    pub(super) prober: Arc<Prober>,
    /// And how often it is asked.
    pub(super) contact: Option<(Contact, Duration)>,
    pub(super) watch: RefCell<Watch>,
    pub(super) held: Arc<Held>,
    pub(super) truth: Arc<Truth>,
    pub(super) journal: Arc<Journal>,
    pub(super) events: Arc<Events>,
    pub(super) state: PathBuf,
    pub(super) clock: Clock,
}

impl Watching {
    /// Until `stop` resolves.
    pub(super) async fn run(mut self, stop: impl Future<Output = ()>) {
        let contact = self.contact.take();
        let has_gate = contact.is_some();
        let told = |target| say(&self.prober.board(), target, self.clock.now(), &self.events);
        let rounds = async {
            tokio::join!(
                self.prober.run(told, std::future::pending()),
                self.ask(contact),
                self.look(has_gate),
            )
        };
        tokio::select! {
            _ = rounds => {}
            () = stop => {}
        }
    }

    /// Asks the gate for its page, again and again.
    async fn ask(&self, contact: Option<(Contact, Duration)>) {
        let Some((mut contact, every)) = contact else { return };
        let mut turn = tokio::time::interval(every);
        turn.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (mut has_failed, mut kept) = (false, Timestamp::default());
        loop {
            turn.tick().await;
            match contact.ask(self.clock).await {
                Ok(news) => {
                    self.watch.borrow_mut().hear(self.clock.now());
                    has_failed = false;
                    let Some((bytes, page)) = news else { continue };
                    self.held.hold(page);
                    self.truth.refresh();
                    let wall = self.clock.wall();
                    if wall.since(kept) >= KEEP_EVERY || wall < kept {
                        kept = wall;
                        self.keep(&bytes);
                    }
                }
                Err(error) if !has_failed => {
                    has_failed = true;
                    self.events.warning(format_args!("gate: it does not answer: {error}"));
                }
                Err(_still) => {}
            }
        }
    }

    /// So that an outpost that starts while the gate is out of reach has its page.
    fn keep(&self, bytes: &[u8]) {
        if let Err(error) = Kept::Page.write(&self.state, bytes) {
            self.events.error(format_args!("the gate's page cannot be kept: {error}"));
        }
    }

    /// Looks once a second, and tells the record.
    async fn look(&self, has_gate: bool) {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        for seconds in 1_u64.. {
            second.tick().await;
            let (now, wall) = (self.clock.now(), self.clock.wall());
            let public = self.prober.from_outside();
            let (news, is_in_touch, unreached, is_handed_over) = {
                let mut watch = self.watch.borrow_mut();
                let news = watch.look(public, now, wall);
                (news, watch.is_in_touch(), watch.unreached(), !watch.speaks(now) && has_gate)
            };
            news.into_iter().for_each(|event| alarm(event, &self.events));
            let outside = match unreached {
                Some(since) => Outside::Unreached { since },
                None if public.can_be_reached() => Outside::Reached,
                None => Outside::Unknown,
            };
            let before = self.held.seen();
            self.held.see(Seen {
                public,
                outside,
                is_in_touch: has_gate.then_some(is_in_touch),
                is_handed_over,
            });
            // The gate should hear of it as soon as it asks.
            if before.public.verdict != public.verdict || before.is_handed_over != is_handed_over {
                self.truth.refresh();
            }
            // Behind a gate, only that nobody can reach it is the outpost's to tell; and that, when it is sure.
            let is_sure = public.verdict != Verdict::Down || public.answers != Answers::Nothing;
            let probed = service(public).filter(|_| !has_gate && is_sure);
            self.truth.saw(Sight { probed, outside, ..Sight::default() }, Moment { now, wall });
            if seconds.is_multiple_of(SWEEP_SECONDS) {
                self.journal.sweep(wall);
            }
        }
    }
}

/// Where whoever is on call is told: the log.
fn alarm(event: Event, events: &Events) {
    match event {
        Event::Silent => events.warning(format_args!("alarm: contact with the gate is lost")),
        Event::Heard => events.info(format_args!("alarm over: the gate is heard of again")),
        Event::Unreached { since } => events.error(format_args!(
            "alarm: the site cannot be reached from outside since {}; the page says so",
            moment(since)
        )),
        Event::Reached { since, until } => events.warning(format_args!(
            "alarm over: the site could not be reached from outside from {} to {}",
            moment(since),
            moment(until)
        )),
    }
}

fn moment(at: Timestamp) -> String {
    incident::Civil::of(at).rfc3339()
}

/// The gate's page is new every half minute; each time that it is kept is written through to the disk.
const KEEP_EVERY: Duration = Duration::from_secs(60);
const SWEEP_SECONDS: u64 = 60;
