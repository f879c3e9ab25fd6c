//! The old process's side.

use std::ffi::OsString;
use std::io;
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use admission::handover::Handover;
use admission::site::Site;
use edge_io::Clock;
use journal_io::journal::Journal;
use model::Mode;

use super::channel::{Channel, ChannelError, DESCRIPTORS_MAX, Kind};
use super::{HELLO_WITHIN, STDIN, STEP_WITHIN, VARIABLE, successor};
use crate::desk::Desk;
use crate::truth::Truth;

/// The program that this process runs, and with what.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl Program {
    /// What runs now, by the name that it was called by, so that a link may point to a newer one. To be asked at the start:
    /// once the file is replaced, the kernel no longer knows its name.
    pub(crate) fn of_this_process() -> io::Result<Self> {
        let mut arguments = std::env::args_os();
        let called = arguments.next().map(PathBuf::from).filter(|name| name.components().count() > 1);
        let path = called.map_or_else(std::env::current_exe, Ok)?;
        Ok(Self { path, arguments: arguments.collect() })
    }
}

/// All that a successor gets.
pub(crate) struct Bequest {
    pub(crate) sockets: Vec<OwnedFd>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) truth: Arc<Truth>,
    pub(crate) site: Arc<Site>,
    pub(crate) desk: Arc<Desk>,
    pub(crate) clock: Clock,
    pub(crate) table_seed: [u8; 32],
    pub(crate) configured: Mode,
}

const SETTLE_WITHIN: Duration = Duration::from_secs(5);

/// Why there is no successor. This process goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HeirError {
    /// The program cannot be started.
    #[error("cannot start {}: {error}", path.display())]
    Start {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: io::Error,
    },
    /// It was started and did not come so far as to serve.
    #[error("{0}")]
    Failed(#[from] ChannelError),
    /// Where the first process ends, everything does.
    #[error(
        "this is the first process of a container, which ends with it: replace the container instead of sending SIGHUP"
    )]
    FirstProcess,
    /// The ticker gives no answer.
    #[error("this process could not gather what the new one needs")]
    NoEstate,
}

/// A successor that is being raised; dropping it does not stop it.
#[derive(Debug)]
pub(crate) struct Raising {
    channel: Channel,
    child: Child,
}

/// A successor that serves.
#[derive(Debug)]
pub(crate) struct Heir {
    channel: Channel,
    child: Child,
}

impl Raising {
    /// Starts the program.
    pub(crate) fn start(program: &Program) -> Result<Self, HeirError> {
        if std::process::id() == 1 {
            return Err(HeirError::FirstProcess);
        }
        let failed = |error| HeirError::Start { path: program.path.clone(), error };
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let child = Command::new(&program.path)
            .args(&program.arguments)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .env(VARIABLE, STDIN)
            // Both name this process.
            .env_remove("WATCHDOG_PID")
            .env_remove("LISTEN_PID")
            .spawn()
            .map_err(failed)?;
        Ok(Self { channel: Channel::new(ours), child })
    }

    /// Ends it, from another thread.
    pub(crate) fn stopper(&self) -> Stopper {
        Stopper(self.channel.stopper().ok())
    }

    /// Waits until it serves. A successor that fails is gone when this returns.
    pub(crate) fn raise(mut self, bequest: &Bequest) -> Result<Heir, HeirError> {
        match self.hand_over(bequest) {
            Ok(()) => Ok(Heir { channel: self.channel, child: self.child }),
            Err(error) => {
                // It may have ended by itself already.
                let _killed = self.child.kill();
                let _ended = self.child.wait();
                // Not before the other has ended: one process writes the record.
                bequest.truth.go_on();
                bequest.desk.hand_over(false);
                Err(error)
            }
        }
    }

    fn hand_over(&self, bequest: &Bequest) -> Result<(), HeirError> {
        let channel = &self.channel;
        channel.expect(Kind::Hello, HELLO_WITHIN)?;
        bequest.desk.hand_over(true);
        bequest.truth.pause();
        // What it reads is then no older than this; what cannot be written now is written later.
        let _settled = bequest.journal.settle(SETTLE_WITHIN);
        let sockets = bequest.sockets.iter().map(OwnedFd::as_fd);
        let all: Vec<_> = sockets.chain([bequest.journal.lock()]).collect();
        for some in all.chunks(DESCRIPTORS_MAX) {
            channel.send(Kind::Sockets, b"", some)?;
        }
        let keys = successor::keys(&bequest.table_seed, bequest.clock.now(), bequest.configured);
        channel.send(Kind::Estate, &keys.encode(), &[])?;
        channel.expect(Kind::Take, STEP_WITHIN)?;
        channel.send(Kind::Estate, &bequest.estate()?.encode(), &[])?;
        channel.expect(Kind::Serves, STEP_WITHIN)?;
        Ok(())
    }
}

impl Bequest {
    fn estate(&self) -> Result<Handover, HeirError> {
        let mut estate = self.desk.ask_estate().ok_or(HeirError::NoEstate)?;
        self.site.hand_over(&mut estate, self.clock.now());
        Ok(estate)
    }
}

/// Ends a successor that is being raised, when this is dropped.
#[derive(Debug)]
pub(crate) struct Stopper(Option<UnixStream>);

impl Stopper {
    /// It serves: it is not to be ended any more.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for Stopper {
    /// Lets [`Raising::raise`] fail at once.
    fn drop(&mut self) {
        if let Some(stream) = &self.0 {
            // If it is closed already, there is nothing to stop.
            let _shut = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Heir {
    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it how many requests this process still has at the app.
    pub(crate) fn tell_inflight(&self, requests: u32) {
        // A successor that is gone needs no figures.
        let _said = self.channel.send(Kind::Inflight, &requests.to_be_bytes(), &[]);
    }
}
