//! The thread that sees to it that every host has a certificate.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use instant_acme::Account;
use model::Instant;
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use crate::files::Files;
use crate::order::{self, IssueError};
use crate::schedule;
use crate::{Method, Now, Prover, Settings};

/// What became of a certificate.
#[derive(Debug)]
pub enum News {
    /// It is there.
    Issued {
        /// For whom.
        host: String,
        /// Its last second, since 1970.
        not_after: u64,
    },
    /// It is not.
    Failed {
        /// For whom.
        host: String,
        /// Why.
        error: IssueError,
        /// When it is tried again.
        again_in: Duration,
    },
}

/// Has certificates made until it is dropped or stopped.
pub struct Agent {
    stopping: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    /// Begins at once with hosts that have none, or an old one; `tell` hears of what becomes of it, on the agent's thread.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start(
        settings: Settings,
        files: Files,
        prover: Arc<dyn Prover>,
        clock: impl Fn() -> Now + Send + 'static,
        tell: impl Fn(News) + Send + 'static,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let stopping = Arc::new(Notify::new());
        let desk =
            Desk { settings, files, prover, clock: Box::new(clock), account: None, tries: BTreeMap::new() };
        let stopped = stopping.clone();
        let thread = std::thread::Builder::new()
            .name("acme".into())
            .spawn(move || run(&runtime, desk, &stopped, &tell))?;
        Ok(Self { stopping, thread: Some(thread) })
    }

    /// Stops; a certificate that is being made is had another time.
    pub fn stop(&mut self) {
        self.stopping.notify_one();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.stop();
    }
}

fn run(runtime: &Runtime, mut desk: Desk, stopped: &Notify, tell: &dyn Fn(News)) {
    runtime.block_on(async {
        let work = async {
            loop {
                let pause = desk.round(tell).await;
                tokio::time::sleep(pause).await;
            }
        };
        tokio::select! {
            () = stopped.notified() => {}
            () = work => {}
        }
    });
}

struct Desk {
    settings: Settings,
    files: Files,
    prover: Arc<dyn Prover>,
    clock: Box<dyn Fn() -> Now + Send>,
    account: Option<Account>,
    /// Failures in a row, and when to try again, for hosts that have any.
    tries: BTreeMap<String, Tries>,
}

struct Tries {
    failures: u32,
    again_at: Instant,
}

impl Desk {
    /// Sees to every host whose time has come; how long the next one can wait.
    async fn round(&mut self, tell: &dyn Fn(News)) -> Duration {
        let mut next = LOOK_MAX;
        for host in self.settings.hosts.clone() {
            let mut wait = self.wait(&host);
            if wait == Duration::ZERO {
                let error = self.issue(&host).await.err();
                wait = self.note(&host, error, tell);
            }
            next = next.min(wait);
        }
        // A certificate that is due the moment it is there must not be asked for without end.
        next.max(LOOK_MIN)
    }

    fn wait(&self, host: &str) -> Duration {
        let now = (self.clock)();
        let wall = now.wall.as_secs();
        let rest = self.files.validity(host).map_or(Duration::ZERO, |found| schedule::rest(&found, wall));
        let pause = self.tries.get(host).map(|tries| tries.again_at.since(now.instant));
        rest.max(pause.unwrap_or_default())
    }

    async fn issue(&mut self, host: &str) -> Result<(), IssueError> {
        let account = match &self.account {
            Some(account) => account.clone(),
            None => self.account.insert(order::account(&self.settings, &self.files).await?).clone(),
        };
        let failures = self.tries.get(host).map_or(0, |tries| tries.failures);
        order::issue(&account, host, self.method(failures), &self.files, self.prover.as_ref()).await
    }

    /// The first way, and after a failure the next.
    fn method(&self, failures: u32) -> Method {
        let methods = &self.settings.methods;
        methods[failures as usize % methods.len()]
    }

    fn note(&mut self, host: &str, error: Option<IssueError>, tell: &dyn Fn(News)) -> Duration {
        let Some(error) = error else {
            self.tries.remove(host);
            let not_after = self.files.validity(host).map_or(0, |found| found.not_after);
            tell(News::Issued { host: host.to_owned(), not_after });
            return self.wait(host);
        };
        self.account = None;
        if error.is_about_account() {
            self.files.forget_account();
        }
        let failures = self.tries.get(host).map_or(0, |tries| tries.failures).saturating_add(1);
        let again_in = schedule::pause(failures);
        self.tries.insert(host.to_owned(), Tries { failures, again_at: (self.clock)().instant + again_in });
        tell(News::Failed { host: host.to_owned(), error, again_in });
        again_in
    }
}

/// The machine may sleep, and its clock may be set.
const LOOK_MAX: Duration = Duration::from_secs(3_600);
const LOOK_MIN: Duration = Duration::from_secs(10);
