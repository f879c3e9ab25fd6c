//! Brings each new page to all folders and mirrors, and tries again until it is there.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::files::Files;
use crate::mirror::{Mirror, Pusher};

/// Reads the wall clock. The binary gives its one clock; a test gives a number.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Takes pages to be exported, and tells how folders and mirrors are doing. Never waits for a disk or a network.
pub struct Publisher {
    newest: watch::Sender<Option<Arc<Files>>>,
    targets: Vec<Arc<Target>>,
    clock: Clock,
}

/// What [`Publisher`] has to have run: one loop for each folder or mirror.
pub struct Work {
    newest: watch::Receiver<Option<Arc<Files>>>,
    targets: Vec<(Arc<Target>, Pusher)>,
    clock: Clock,
}

/// How one folder or mirror is doing, for metrics and people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TargetHealth {
    /// The folder, or the address of the mirror.
    pub name: String,
    /// The page that it holds, as far as this process brought it there.
    pub exported: Option<u64>,
    /// When the last export to it ended well.
    pub last_success: Option<Timestamp>,
    /// How long ago that was.
    pub age: Option<Duration>,
    /// For how long a newer page has been waiting; nothing while the newest is there.
    pub behind: Option<Duration>,
    /// The last failure since then.
    pub failure: Option<Failure>,
}

/// Exports that failed one after the other.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// When the last of them did.
    pub at: Timestamp,
    /// How many there are.
    pub count: u32,
    /// What went wrong and what to do.
    pub text: String,
}

/// One folder or mirror with what became of it.
struct Target {
    name: String,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
struct State {
    exported: Option<u64>,
    last_success: Option<Timestamp>,
    /// The newest page, and when it was published.
    wanted: Option<(u64, Timestamp)>,
    /// When the oldest change was published that is not exported.
    waiting_since: Option<Timestamp>,
    failure: Option<Failure>,
}

impl Publisher {
    /// For these folders and mirrors. [`Work::run`] does the work.
    pub fn new(mirrors: Vec<Mirror>, clock: Clock) -> (Self, Work) {
        let pushers = mirrors.into_iter().map(|mirror| (mirror.name(), mirror.pusher(clock.clone())));
        Self::with(pushers.collect(), clock)
    }

    fn with(pushers: Vec<(String, Pusher)>, clock: Clock) -> (Self, Work) {
        let (newest, pages) = watch::channel(None);
        let target = |(name, pusher)| (Arc::new(Target { name, state: Mutex::default() }), pusher);
        let both: Vec<_> = pushers.into_iter().map(target).collect();
        let targets = both.iter().map(|(target, _)| target.clone()).collect();
        let work = Work { newest: pages, targets: both, clock: clock.clone() };
        (Self { newest, targets, clock }, work)
    }

    /// Takes the newest page; one that is not exported yet is given up for it.
    pub fn publish(&self, files: Arc<Files>) {
        let now = (self.clock)();
        for target in &self.targets {
            target.change(|state| {
                state.wanted = Some((files.seq(), now));
                state.waiting_since = state.waiting_since.or(Some(now));
            });
        }
        self.newest.send_replace(Some(files));
    }

    /// How folders and mirrors are doing, in the order in which they were given.
    pub fn targets(&self) -> Vec<TargetHealth> {
        let now = (self.clock)();
        self.targets.iter().map(|target| target.health(now)).collect()
    }
}

impl Work {
    /// Exports until `stop` resolves or the [`Publisher`] is dropped; an export that has begun then goes on by itself.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut loops = tokio::task::JoinSet::new();
        for (target, pusher) in self.targets {
            let serving = Serving { target, newest: self.newest.clone(), clock: self.clock.clone(), pusher };
            loops.spawn(serving.run());
        }
        tokio::select! {
            () = async { while loops.join_next().await.is_some() {} } => {}
            () = stop => {}
        }
    }
}

/// The loop of one folder or mirror.
struct Serving {
    target: Arc<Target>,
    newest: watch::Receiver<Option<Arc<Files>>>,
    clock: Clock,
    pusher: Pusher,
}

impl Serving {
    async fn run(mut self) {
        let mut pause = PAUSE_MIN;
        while self.is_due() || self.newest.changed().await.is_ok() {
            let Some(files) = self.newest.borrow_and_update().clone() else { continue };
            if self.export(files).await {
                pause = PAUSE_MIN;
                continue;
            }
            let tried = Instant::now();
            tokio::select! {
                () = tokio::time::sleep_until(tried + pause) => pause = (pause * 2).min(PAUSE_MAX),
                published = self.newest.changed() => {
                    if published.is_err() {
                        return;
                    }
                    // News are worth an attempt, though not one after the other.
                    tokio::time::sleep_until(tried + PAUSE_MIN).await;
                    pause = PAUSE_MIN;
                }
            }
        }
    }

    /// Whether a page waits that was tried before.
    fn is_due(&self) -> bool {
        self.target.state().failure.is_some()
    }

    /// Whether the page is there now.
    async fn export(&self, files: Arc<Files>) -> bool {
        let seq = files.seq();
        let outcome = (self.pusher)(files).await.map_err(|error| error.to_string());
        let now = (self.clock)();
        self.target.change(|state| match &outcome {
            Ok(()) => {
                let newer = state.wanted.filter(|(wanted, _)| *wanted != seq);
                *state = State {
                    exported: Some(seq),
                    last_success: Some(now),
                    wanted: state.wanted,
                    waiting_since: newer.map(|(_, published)| published),
                    failure: None,
                };
            }
            Err(text) => {
                let count = state.failure.as_ref().map_or(0, |failure| failure.count).saturating_add(1);
                state.failure = Some(Failure { at: now, count, text: text.clone() });
            }
        });
        outcome.is_ok()
    }
}

impl Target {
    fn health(&self, now: Timestamp) -> TargetHealth {
        let State { exported, last_success, waiting_since, failure, wanted: _ } = self.state();
        TargetHealth {
            name: self.name.clone(),
            exported,
            last_success,
            age: last_success.map(|at| now.since(at)),
            behind: waiting_since.map(|at| now.since(at)),
            failure,
        }
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests;
