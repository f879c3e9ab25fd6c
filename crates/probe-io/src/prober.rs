//! Tries all targets again and again.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use model::{Instant, Timestamp};
use probe::{Attempt, Board, Failure, Reading, Schedule, Shows, TARGETS_MAX, Target};
use rustls::ClientConfig;
use tokio::task::{JoinError, JoinSet};
use web_io::RootsError;

use crate::attempt::{Tools, attempt};
use crate::names::Names;

/// A moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For durations.
    pub instant: Instant,
    /// For people.
    pub wall: Timestamp,
}

/// Reads the clocks. The binary gives its one clock.
pub type Clock = Arc<dyn Fn() -> Now + Send + Sync>;

/// A target, and the file with the authorities that its certificate is verified with; `None`: those of the system.
#[derive(Clone, Debug)]
pub struct Job {
    /// What is tried.
    pub target: Target,
    /// PEM.
    pub authorities: Option<PathBuf>,
}

/// Tries targets and keeps what came of it.
pub struct Prober {
    jobs: Vec<(Target, Tools)>,
    board: Mutex<Board>,
    clock: Clock,
}

impl Prober {
    /// For these targets, of which the first [`TARGETS_MAX`] are taken. `agent` is the `User-Agent` by which others know who asks;
    /// letters that it cannot have are left out. Those whose certificates nothing could verify are not tried: they come back by name, with
    /// why.
    pub fn new(mut jobs: Vec<Job>, agent: &str, clock: Clock) -> (Self, Vec<(String, RootsError)>) {
        jobs.truncate(TARGETS_MAX);
        let plain: String =
            agent.chars().filter(|letter| letter.is_ascii_graphic() || *letter == ' ').collect();
        let agent = HeaderValue::try_from(plain).unwrap_or(HeaderValue::from_static("portcullis-probe"));
        let mut configs: BTreeMap<Option<PathBuf>, Arc<ClientConfig>> = BTreeMap::new();
        let (mut ready, mut unusable) = (Vec::with_capacity(jobs.len()), Vec::new());
        for Job { target, authorities } in jobs {
            let tls = match configs.get(&authorities) {
                Some(tls) => tls.clone(),
                None => match web_io::tls_client(authorities.as_deref()) {
                    Ok(tls) => configs.entry(authorities).or_insert(Arc::new(tls)).clone(),
                    Err(error) => {
                        unusable.push((target.name, error));
                        continue;
                    }
                },
            };
            ready.push((target, Tools { tls, agent: agent.clone() }));
        }
        let board = Board::new(ready.iter().map(|(target, _)| target.clone()).collect());
        (Self { jobs: ready, board: Mutex::new(board), clock }, unusable)
    }

    /// What attempts have shown so far.
    pub fn board(&self) -> Board {
        self.board.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How all targets do that tell of the same.
    pub fn reading(&self, shows: Shows) -> Reading {
        let now = (self.clock)().instant;
        self.board.lock().unwrap_or_else(PoisonError::into_inner).reading(shows, now)
    }

    /// How the site does by its public name, as far as this machine can be believed.
    pub fn from_outside(&self) -> Reading {
        let now = (self.clock)().instant;
        self.board.lock().unwrap_or_else(PoisonError::into_inner).from_outside(now)
    }

    /// Tries until `stop` resolves. `told` hears the number of each target whose verdict is another than before.
    pub async fn run(&self, mut told: impl FnMut(usize), stop: impl Future<Output = ()>) {
        let targets: Vec<Target> = self.jobs.iter().map(|(target, _)| target.clone()).collect();
        let mut schedule = Schedule::new(&targets, (self.clock)().instant);
        let mut names: Vec<Option<Names>> = targets.iter().map(|_| Some(Names::default())).collect();
        let (mut attempts, mut places) = (JoinSet::new(), HashMap::new());
        let mut stop = pin!(stop);
        loop {
            for place in schedule.begin((self.clock)().instant) {
                // A look-up that panicked took its state with it.
                let names = names[place].take().unwrap_or_default();
                places.insert(attempts.spawn(self.attempt(place, names)).id(), place);
            }
            let now = (self.clock)().instant;
            let wait = schedule.next().map_or(IDLE, |next| next.since(now)).max(WAIT_MIN);
            tokio::select! {
                () = stop.as_mut() => return,
                () = tokio::time::sleep(wait) => {}
                Some(ended) = attempts.join_next_with_id() => {
                    let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
                    let Some(place) = places.remove(&id) else { continue };
                    let attempt = match ended {
                        Ok((_, (attempt, back))) => {
                            names[place] = Some(back);
                            attempt
                        }
                        Err(broken) => self.broken(&broken),
                    };
                    let (has_changed, is_unsure) = self.take(place, attempt);
                    schedule.end(place, is_unsure, (self.clock)().instant);
                    if has_changed {
                        told(place);
                    }
                }
            }
        }
    }

    fn attempt(
        &self,
        place: usize,
        mut names: Names,
    ) -> impl Future<Output = (Attempt, Names)> + Send + use<> {
        let ((target, tools), clock) = (self.jobs[place].clone(), self.clock.clone());
        async move {
            let begun = clock();
            let outcome = attempt(&target.aim, target.within, &tools, &mut names).await;
            let ended = clock().instant;
            let took = ended.since(begun.instant);
            (Attempt { began: begun.wall, ended, took, outcome }, names)
        }
    }

    /// An attempt that panicked: its target is tried again, and it says nothing of the site.
    fn broken(&self, error: &JoinError) -> Attempt {
        let now = (self.clock)();
        let outcome = Err(Failure::Here(Failure::words(error)));
        Attempt { began: now.wall, ended: now.instant, took: Duration::ZERO, outcome }
    }

    fn take(&self, place: usize, attempt: Attempt) -> (bool, bool) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        (board.take(place, attempt), board.is_unsure(place))
    }
}

/// How long is slept while everything is under way.
const IDLE: Duration = Duration::from_secs(1);
/// And at least, so that clocks that differ a little do not spin.
const WAIT_MIN: Duration = Duration::from_millis(5);
