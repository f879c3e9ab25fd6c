//! The gate's own binary, started as a person would start it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::wait_for;
use crate::peer::{Missing, Peer};
use crate::place::{free_address, target_folder};
use crate::process::{Running, StartError};
use crate::web;

/// How long a start may take on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How long heirs may take to end.
const END_WITHIN: Duration = Duration::from_secs(5);

/// How long an admin's command is repeated.
const TOLD_WITHIN: Duration = Duration::from_secs(10);

/// The path that answers 200 as soon as the gate serves anybody.
const HEALTH: &str = "/.well-known/portcullis/health";

/// A running gate with a folder, listeners and a configuration of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Gate {
    running: Running,
    binary: PathBuf,
    folder: tempfile::TempDir,
    listen: SocketAddr,
    console: SocketAddr,
    /// Processes that took over from the first one, the latest last.
    heirs: Vec<Pid>,
}

/// Why a gate did not come up.
#[derive(Debug, thiserror::Error)]
pub enum GateError {
    /// The binary was not built.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Its folder or configuration could not be written.
    #[error("cannot prepare the gate's folder: {0}")]
    Folder(#[from] io::Error),
    /// It did not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It did not do what an admin asked.
    #[error("`portcullis ctl {command}` said: {answer}")]
    Control {
        /// The words after `ctl`.
        command: String,
        /// Its last answer.
        answer: String,
    },
}

/// Which build, and where it may run.
#[derive(Clone, Debug, Default)]
pub struct Placement {
    /// The binary; without one the build beside the running test is taken.
    pub binary: Option<PathBuf>,
    /// The one core it is pinned to; without one it may use all.
    pub core: Option<usize>,
}

impl Gate {
    /// A gate that may do everything, before one app: `{origin}` becomes its URL, and tests add their tables.
    pub const CONFIG: &str = r#"
[[listen]]
address = "{listen}"

[[site]]
mode = "auto"

[[site.origin]]
url = "{origin}"

[state]
dir = "{state}"

[console]
address = "{console}"
"#;

    /// Starts `portcullis run` with this configuration and waits until it serves.
    ///
    /// In the text `{listen}`, `{console}` and `{state}` are replaced by free loopback addresses and a fresh folder.
    ///
    /// # Errors
    /// When the binary is missing, or ends or stays silent instead of serving; the message quotes its log.
    pub fn start(config: &str) -> Result<Self, GateError> {
        Self::start_placed(config, &Placement::default())
    }

    /// As [`Gate::start`], with a chosen build or core.
    ///
    /// # Errors
    /// As [`Gate::start`].
    pub fn start_placed(config: &str, placement: &Placement) -> Result<Self, GateError> {
        let binary = placement.binary.clone().map_or_else(Self::binary, Ok)?;
        let folder = tempfile::tempdir()?;
        let (listen, console) = (free_address(), free_address());
        let state = folder.path().join("state");
        let text = config
            .replace("{listen}", &listen.to_string())
            .replace("{console}", &console.to_string())
            .replace("{state}", &state.display().to_string());
        fs::write(folder.path().join("portcullis.toml"), text)?;
        let running = launch(&binary, folder.path(), placement.core, listen)?;
        Ok(Self { running, binary, folder, listen, console, heirs: Vec::new() })
    }

    /// The binary that Cargo built beside the running test.
    ///
    /// # Errors
    /// [`Missing::Gate`] when it was not built; `cargo xtask test` builds it first.
    pub fn binary() -> Result<PathBuf, Missing> {
        let running = std::env::current_exe().unwrap_or_default();
        let profile =
            running.ancestors().find(|folder| folder.parent().is_some_and(|above| above == target_folder()));
        let path =
            profile.map_or_else(|| target_folder().join("debug"), Path::to_path_buf).join("portcullis");
        if path.is_file() { Ok(path) } else { Err(Missing::Gate { path }) }
    }

    /// The data listener.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// The console listener.
    pub fn console(&self) -> SocketAddr {
        self.console
    }

    /// Its folder: `portcullis.toml`, `portcullis.log`, and `state` for what `{state}` became.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The number of the process that serves now.
    pub fn id(&self) -> u32 {
        let heir = self.heirs.last().map(|heir| heir.as_raw_nonzero().get());
        heir.and_then(|id| u32::try_from(id).ok()).unwrap_or_else(|| self.running.id())
    }

    /// The process.
    pub fn process(&mut self) -> &mut Running {
        &mut self.running
    }

    /// What it has said so far.
    pub fn log(&self) -> String {
        self.running.log()
    }

    /// What its console says at `/metrics`.
    ///
    /// # Errors
    /// When the console or its token cannot be read.
    pub fn metrics(&self) -> io::Result<String> {
        self.metrics_as("*/*")
    }

    /// The same in a format that an `Accept` names, asked again for 10 s: the console comes up a moment after the data listener.
    ///
    /// # Errors
    /// As [`Gate::metrics`].
    pub fn metrics_as(&self, accept: &str) -> io::Result<String> {
        wait_for(TOLD_WITHIN, || self.metrics_now(accept).ok()).map_or_else(|| self.metrics_now(accept), Ok)
    }

    fn metrics_now(&self, accept: &str) -> io::Result<String> {
        let token = fs::read_to_string(self.folder.path().join("state/console.token"))?;
        let bearer = format!("Authorization: Bearer {}", token.trim());
        web::get(self.console, "/metrics", &[&bearer, &format!("Accept: {accept}")]).map(|answer| answer.body)
    }

    /// `portcullis ctl …` against this gate: what it printed, and whether it said yes.
    ///
    /// # Errors
    /// When the command cannot be started.
    pub fn control(&self, words: &[&str]) -> io::Result<(bool, String)> {
        let state = self.folder.path().join("state");
        let output = Command::new(&self.binary).arg("ctl").args(words).arg("--state").arg(state).output()?;
        let text = [output.stdout, output.stderr].concat();
        Ok((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
    }

    /// As [`Gate::control`], again and again until the gate says yes, at most for 10 s: its control socket comes up a
    /// moment after the data listener.
    ///
    /// # Errors
    /// [`GateError::Control`] with its last answer.
    pub fn tell(&self, words: &[&str]) -> Result<String, GateError> {
        let mut last = String::new();
        let told = wait_for(TOLD_WITHIN, || match self.control(words) {
            Ok((true, answer)) => Some(answer),
            Ok((false, answer)) => {
                last = answer;
                None
            }
            Err(error) => {
                last = error.to_string();
                None
            }
        });
        told.ok_or_else(|| GateError::Control { command: words.join(" "), answer: last })
    }

    /// Replaces its configuration; the text is used as it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_config(&self, text: &str) -> io::Result<()> {
        fs::write(self.folder.path().join("portcullis.toml"), text)
    }

    /// The configuration as it was written.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn config(&self) -> io::Result<String> {
        fs::read_to_string(self.folder.path().join("portcullis.toml"))
    }

    /// Asks the process that serves to let a new one take over (SIGHUP), and waits until that serves. False if it says that it
    /// goes on itself, or says nothing for 20 s.
    pub fn hand_over(&mut self) -> bool {
        let before = self.log().len();
        match self.heirs.last() {
            // It may be gone, and then nothing follows.
            Some(&heir) => drop(kill_process(heir, Signal::HUP)),
            None => self.running.signal(Signal::HUP),
        }
        let heir = wait_for(READY_WITHIN, || {
            let said = self.running.log().split_off(before);
            let heir = said
                .lines()
                .find_map(|line| line.split("info: process ").nth(1)?.split(' ').next()?.parse().ok());
            match heir.and_then(Pid::from_raw) {
                Some(heir) => Some(Some(heir)),
                None => said.contains("goes on as it is").then_some(None),
            }
        });
        self.heirs.extend(heir.flatten());
        heir.flatten().is_some()
    }

    /// How many of the processes that ever served are still there.
    pub fn processes(&mut self) -> usize {
        let first = usize::from(self.running.ended().is_none());
        first + self.heirs.iter().filter(|heir| self.is_ours(**heir)).count()
    }

    /// Whether a process number still stands for a process of this gate.
    fn is_ours(&self, process: Pid) -> bool {
        let of =
            |what: &str| fs::read(format!("/proc/{}/{what}", process.as_raw_nonzero())).unwrap_or_default();
        let (command, folder) = (of("cmdline"), self.folder.path().as_os_str().as_encoded_bytes());
        command.windows(folder.len()).any(|part| part == folder)
            || command.is_empty() && is_ending(&of("stat"))
    }

    /// Kills it as a power cut would and starts it again with the same folder.
    ///
    /// # Errors
    /// As [`Gate::start`].
    pub fn cut_and_restart(&mut self) -> Result<(), GateError> {
        self.running.kill();
        self.end_heirs(&[Signal::KILL]);
        self.running = launch(&self.binary, self.folder.path(), None, self.listen)?;
        Ok(())
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.end_heirs(&[Signal::TERM, Signal::KILL]);
    }
}

impl Gate {
    /// Ends the processes that took over, with one signal after the other.
    fn end_heirs(&mut self, signals: &[Signal]) {
        let heirs = std::mem::take(&mut self.heirs);
        for &signal in signals {
            for &heir in heirs.iter().filter(|heir| self.is_ours(**heir)) {
                // It may have ended since.
                let _gone = kill_process(heir, signal);
            }
            wait_for(END_WITHIN, || heirs.iter().all(|heir| !self.is_ours(*heir)).then_some(()));
        }
    }
}

/// Whether a process that has no command line any more still has its sockets: it is no zombie yet, or one of its threads is none, and
/// threads share them (proc(5), `stat`).
fn is_ending(stat: &[u8]) -> bool {
    let fields = stat.rsplit(|byte| *byte == b')').next().unwrap_or_default();
    let mut fields = fields.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let state = fields.next();
    let threads = fields.nth(THREADS_AFTER_STATE);
    state.is_some_and(|state| !matches!(state, b"Z" | b"X"))
        || threads.is_some_and(|count| !matches!(count, b"0" | b"1"))
}

/// `num_threads` is field 20 and the state is field 3.
const THREADS_AFTER_STATE: usize = 16;

fn launch(
    binary: &Path,
    folder: &Path,
    core: Option<usize>,
    listen: SocketAddr,
) -> Result<Running, StartError> {
    let mut command = match (core, Peer::find("taskset")) {
        (Some(core), Ok(taskset)) => {
            let mut command = taskset.command();
            command.arg("--cpu-list").arg(core.to_string()).arg(binary);
            command
        }
        (Some(_) | None, _) => Command::new(binary),
    };
    command.arg("run").arg("--config").arg(folder.join("portcullis.toml")).current_dir(folder);
    let ready = || web::get(listen, HEALTH, &[]).is_ok_and(|answer| answer.status == 200);
    Running::start_and_wait(&mut command, &folder.join("portcullis.log"), READY_WITHIN, ready)
}

#[cfg(test)]
mod tests {
    use super::is_ending;

    #[test]
    fn a_process_has_ended_when_the_last_of_its_threads_has() {
        let stat = |state: &str, threads: u32| {
            format!("17 (a (b) c) {state} 1 17 17 0 -1 4228100 1 0 0 0 5 3 0 0 20 0 {threads} 0 99 0 0\n")
        };
        let is_ending = |state, threads| is_ending(stat(state, threads).as_bytes());
        assert!(is_ending("R", 1) && is_ending("D", 4) && is_ending("Z", 2));
        assert!(!is_ending("Z", 1) && !is_ending("X", 0));
        assert!(!super::is_ending(b""));
    }
}
