//! What a gate goes on with.

use admission::site::{Served, Tick};
use model::{COHORTS, Instant, Tier, Traffic};

use super::*;

const WALL: Timestamp = Timestamp::from_secs(1_795_876_200);

/// What five minutes of an app for 20 requests at once have taught.
pub(crate) fn learnt() -> Snapshot {
    Snapshot { limit: 20.0, healthy_seconds: 300, highest_healthy: 20.0, known_p95: 1.0, bases: vec![] }
}

/// A gate in mode `assist`, and the thread that decides, by hand.
struct Process {
    site: Arc<Site>,
    controller: Controller,
    now: Instant,
}

impl Process {
    /// One that begins with nothing, or with what another left.
    fn new() -> Self {
        Self::after(Kept::default(), Instant::from_secs(100))
    }

    fn after(kept: Kept, now: Instant) -> Self {
        let site = site(&Plan::new(Mode::Assist, vec![]), &Secrets::ephemeral().unwrap());
        let mut controller = Controller::new(&site, Some(&learnt()), None, WALL);
        go_on(&mut controller, &site, kept, WALL);
        Self { site, controller, now }
    }

    /// So many tenths of a second of a flood.
    fn runs(&mut self, steps: u64) {
        let mut offered = Box::new([[0; COHORTS]; Tier::COUNT]);
        offered[Tier::T5.index()].fill(500_000_000 / COHORTS as u64);
        for step in 0..steps {
            self.now = self.now + Duration::from_millis(100);
            self.controller.step(
                &self.site,
                Tick {
                    now: self.now,
                    wall: WALL,
                    millis: 100,
                    classes: &[],
                    offered_micros: &offered,
                    removed_micros: &[0; Tier::COUNT],
                    traffic: Traffic::default(),
                    served: Served { answers: 10, failures: 5, overloads: 5 },
                    queue_wait_ms: 100,
                    known_requests: 0,
                    random: step.wrapping_mul(0x9E37_79B9_7F4A_7C15),
                    secret: step + 1,
                },
            );
        }
    }

    /// A process that begins so long after this one was killed.
    fn successor(&self, stopped: Duration, was_allowed: bool) -> Self {
        let (core, posture) = (self.controller.core().clone(), self.controller.posture());
        let go_on = GoOn { learnt: Some(core), in_force: Some(posture), stopped };
        Self::after(Kept { go_on, was_allowed, ..Kept::default() }, self.now + stopped)
    }

    fn closes_out(&self) -> bool {
        !self.site.decision().masks.is_open()
    }
}

#[test]
fn what_an_admin_said_yes_to_goes_on_after_a_crash() {
    let mut before = Process::new();
    before.runs(20);
    assert!(!before.closes_out(), "nobody has said yes");
    before.site.set_assist_yes(true);
    before.runs(20);
    assert!(before.closes_out());

    let mut after = before.successor(Duration::from_secs(40), true);
    after.runs(20);
    assert!(after.closes_out(), "the flood is still there");
}

#[test]
fn a_yes_is_no_yes_to_the_next_incident() {
    let mut before = Process::new();
    before.site.set_assist_yes(true);
    before.runs(20);
    assert!(before.closes_out());
    let mut after = before.successor(Duration::from_secs(601), true);
    after.runs(20);
    assert!(!after.closes_out(), "that one is over");

    let mut after = Process::new().successor(Duration::from_secs(40), true);
    after.runs(20);
    assert!(!after.closes_out(), "there was none");
}

#[test]
fn what_closed_without_a_yes_does_not_go_on_in_assist() {
    let mut before = Process::new();
    before.site.set_mode(Mode::Observe);
    before.runs(20);
    assert!(before.closes_out(), "in words only");
    let mut after = before.successor(Duration::from_secs(40), false);
    after.runs(20);
    assert!(!after.closes_out(), "nobody has said yes");
}
