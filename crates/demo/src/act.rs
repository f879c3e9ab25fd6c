//! One act: people come, an attack begins and ends, and it is seen how long the rest takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::arena::{Arena, ArenaError, Passage, run_local};
use crate::attack::{self, Assault};
use crate::board::Run;
use crate::live::Moment;
use crate::people::{self, Hours, Rates};

/// What is played.
#[derive(Clone, Copy, Debug)]
pub struct Act {
    /// Which way all take.
    pub passage: Passage,
    /// Calm before the attack.
    pub calm: Duration,
    /// The attack, if there is one.
    pub assault: Option<Assault>,
    /// At most so long after it.
    pub aftermath: Duration,
    /// Chance of this act.
    pub seed: u64,
}

/// What is happening.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Before the attack.
    Calm,
    /// While it runs.
    Attack,
    /// After it.
    Aftermath,
}

/// What a listener of an act wants.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Wish {
    /// Go on.
    GoOn,
    /// The aftermath may end; before it this changes nothing.
    Enough,
}

impl Arena {
    /// Plays one act. `passes` are the customers' passes, by number. `each_second` is called with the phase, the seconds in it,
    /// and what happened in the last second.
    ///
    /// # Errors
    /// [`ArenaError::Stranger`], [`ArenaError::Broken`].
    pub fn play(
        &self,
        act: &Act,
        passes: Vec<String>,
        mut each_second: impl FnMut(Phase, u64, Moment) -> Wish,
    ) -> Result<Run, ArenaError> {
        self.verify(act.passage)?;
        let before = self.live.moment();
        let hours = Hours { lasting: act.lasting(), over: Arc::new(AtomicBool::new(false)) };
        let crowd = self.let_people_come(act, passes, hours.clone())?;
        let began = clock();
        let mut attackers = None;
        let (mut arrived, mut last) = (vec![self.counters.arrived.load(Relaxed)], before);
        let mut attack_begun = 0.0;
        for second in 1..=act.lasting().as_secs() {
            wait_until(began, Duration::from_secs(second - 1));
            if let Some(assault) = act.assault.filter(|_| attackers.is_none() && second > act.calm.as_secs())
            {
                attack_begun = clock().duration_since(began).as_secs_f64();
                attackers = Some(self.let_attack(act.passage, assault)?);
            }
            wait_until(began, Duration::from_secs(second));
            arrived.push(self.counters.arrived.load(Relaxed));
            let now = self.live.moment();
            let (phase, since) = act.phase(second);
            let wish = each_second(phase, since, now.since(last));
            last = now;
            if phase == Phase::Aftermath && wish == Wish::Enough {
                break;
            }
        }
        hours.over.store(true, Relaxed);
        attackers.map(JoinHandle::join).transpose().map_err(|_| ArenaError::Broken)?;
        let attempts = crowd.join().map_err(|_| ArenaError::Broken)?;
        Ok(Run {
            attempts,
            attack: self.live.moment().since(before),
            attack_begun,
            attack_seconds: act.assault.map_or(0.0, |assault| assault.lasting.as_secs_f64()),
            arrived: arrived.windows(2).map(|two| two[1] - two[0]).collect(),
            capacity: self.capacity,
        })
    }

    fn let_people_come(
        &self,
        act: &Act,
        passes: Vec<String>,
        hours: Hours,
    ) -> Result<JoinHandle<Vec<people::Attempt>>, ArenaError> {
        let rates = Rates {
            customers: self.capacity * CUSTOMERS_SHARE,
            visitors: self.capacity * VISITORS_SHARE,
            patient: self.capacity * PATIENT_SHARE,
            logins: LOGINS,
        };
        let (door, live, seed) = (self.door(act.passage), self.live.clone(), act.seed);
        let thread = std::thread::Builder::new().name("people".to_owned());
        Ok(thread.spawn(move || run_local(people::come(door, live, passes, rates, hours, seed)))?)
    }

    fn let_attack(&self, passage: Passage, assault: Assault) -> Result<JoinHandle<()>, ArenaError> {
        let (door, live, capacity) = (self.door(passage), self.live.clone(), self.capacity);
        let thread = std::thread::Builder::new().name("attack".to_owned());
        Ok(thread.spawn(move || run_local(attack::attack(door, live, assault, capacity)))?)
    }
}

impl Act {
    fn attack(&self) -> Duration {
        self.assault.map_or(Duration::ZERO, |assault| assault.lasting)
    }

    fn lasting(&self) -> Duration {
        self.calm + self.attack() + self.aftermath
    }

    fn phase(&self, second: u64) -> (Phase, u64) {
        let (calm, attack) = (self.calm.as_secs(), self.attack().as_secs());
        if second <= calm {
            (Phase::Calm, second)
        } else if second <= calm + attack {
            (Phase::Attack, second - calm)
        } else {
            (Phase::Aftermath, second - calm - attack)
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the sample world's own clock")]
fn clock() -> Instant {
    Instant::now()
}

fn wait_until(began: Instant, after: Duration) {
    let rest = (began + after).saturating_duration_since(clock());
    std::thread::park_timeout(rest);
    // A thread may wake early without a reason.
    while clock() < began + after {
        std::thread::park_timeout((began + after).saturating_duration_since(clock()));
    }
}

/// Pages a second of each kind of people, as a share of what the shop can serve.
const CUSTOMERS_SHARE: f64 = 0.28;
const VISITORS_SHARE: f64 = 0.10;
const PATIENT_SHARE: f64 = 0.015;
/// Logins a second from addresses that nobody has seen.
const LOGINS: f64 = 2.0;
