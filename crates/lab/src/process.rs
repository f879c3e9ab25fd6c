//! A child process that never outlives its guard.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::wait_for;

/// How much of a log a failed start quotes, in bytes from the end.
const LOG_TAIL_BYTES: usize = 2_000;

/// How long a child may take to end after it was asked to.
const END_WITHIN: Duration = Duration::from_secs(5);

/// A running child. Dropping it ends that child, by its process number and no other way.
#[derive(Debug)]
pub struct Running {
    child: Child,
    log: PathBuf,
}

/// Why a program did not come up.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The operating system refused to start it.
    #[error("cannot start {command}: {error}")]
    Spawn {
        /// The command line.
        command: String,
        /// What the system said.
        error: io::Error,
    },
    /// It ended before it was ready.
    #[error("{command} ended with {status} before it was ready; it said:\n{log}")]
    Ended {
        /// The command line.
        command: String,
        /// Its exit status.
        status: ExitStatus,
        /// The end of its output.
        log: String,
    },
    /// It runs, but was not ready in time.
    #[error("{command} was not ready within {seconds} s; it said:\n{log}")]
    Late {
        /// The command line.
        command: String,
        /// How long it was given.
        seconds: u64,
        /// The end of its output.
        log: String,
    },
}

impl Running {
    /// Starts `command` with both its outputs in the file `log`, after what an earlier process said there: a panic
    /// before a restart must stay visible.
    ///
    /// # Errors
    /// [`StartError::Spawn`] when the program or the log file cannot be opened.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self, StartError> {
        let spawn = |error| StartError::Spawn { command: format!("{command:?}"), error };
        let output = File::options().create(true).append(true).open(log).map_err(spawn)?;
        let errors = output.try_clone().map_err(spawn)?;
        let started = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        match started {
            Ok(child) => Ok(Self { child, log: log.to_path_buf() }),
            Err(error) => Err(StartError::Spawn { command: format!("{command:?}"), error }),
        }
    }

    /// Starts `command` and looks until `ready`, at most for `limit`.
    ///
    /// # Errors
    /// Each way in which it did not come up, with the end of its output.
    pub fn start_and_wait(
        command: &mut Command,
        log: &Path,
        limit: Duration,
        mut ready: impl FnMut() -> bool,
    ) -> Result<Self, StartError> {
        let mut running = Self::start(command, log)?;
        let outcome = wait_for(limit, || match running.ended() {
            Some(status) => Some(Err(status)),
            None => ready().then_some(Ok(())),
        });
        let line = format!("{command:?}");
        match outcome {
            Some(Ok(())) => Ok(running),
            Some(Err(status)) => Err(StartError::Ended { command: line, status, log: running.log_tail() }),
            None => {
                Err(StartError::Late { command: line, seconds: limit.as_secs(), log: running.log_tail() })
            }
        }
    }

    /// The process number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The exit status, once it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Ends it at once, as a power cut would, and waits until it is gone.
    pub fn kill(&mut self) {
        let _already_gone = self.child.kill();
        let _reaped = self.child.wait();
    }

    /// Asks it to end (SIGTERM), and kills it if it does not within 5 s. The exit status tells which.
    pub fn stop(&mut self) -> Option<ExitStatus> {
        self.signal(Signal::TERM);
        let status = wait_for(END_WITHIN, || self.ended());
        if status.is_none() {
            self.kill();
        }
        status
    }

    /// Sends a signal to this process alone.
    pub fn signal(&self, signal: Signal) {
        let process = i32::try_from(self.id()).ok().and_then(Pid::from_raw);
        if let Some(process) = process {
            // It may be gone, and then there is nobody to tell.
            let _gone = kill_process(process, signal);
        }
    }

    /// Everything it has said so far.
    pub fn log(&self) -> String {
        std::fs::read(&self.log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }

    fn log_tail(&self) -> String {
        let log = self.log();
        let begin = log.len().saturating_sub(LOG_TAIL_BYTES);
        let begin = (begin..=log.len()).find(|&at| log.is_char_boundary(at)).unwrap_or(log.len());
        log[begin..].to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended().is_none() {
            self.stop();
        }
    }
}
