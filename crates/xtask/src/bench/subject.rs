//! The programs that are compared, each pinned to core 0 and configured by a committed file.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use lab::{Gate, GateError, Missing, Peer, Placement, Running, StartError, checkout, free_address, web};

/// The core of the subject under measurement.
const SUBJECT_CORE: usize = 0;

/// The core of the load generator and of the origin.
pub(super) const GENERATOR_CORE: usize = 1;

/// How long a peer may take to listen.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// What a subject is asked to do with every request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Task {
    /// Pass it to the origin.
    Forward,
    /// Refuse it.
    Refuse,
}

impl Task {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Refuse => "refuse",
        }
    }
}

/// A running subject.
pub(super) struct Subject {
    pub(super) name: &'static str,
    forward: Side,
    refuse: Side,
    // Dropped after the sides are no longer used; ends the processes.
    _guard: Guard,
}

/// Where a task is served, and by which process.
#[derive(Clone, Copy)]
pub(super) struct Side {
    pub(super) address: SocketAddr,
    pub(super) process: u32,
}

#[expect(dead_code, reason = "held for its end")]
enum Guard {
    Peer(Running, tempfile::TempDir),
    Gates(Box<[Gate; 2]>),
}

/// Why a subject cannot take part.
#[derive(Debug, thiserror::Error)]
pub(super) enum SubjectError {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error("cannot prepare a folder or configuration: {0}")]
    Folder(#[from] io::Error),
}

impl Subject {
    pub(super) fn side(&self, task: Task) -> Side {
        match task {
            Task::Forward => self.forward,
            Task::Refuse => self.refuse,
        }
    }
}

/// The origin: nginx with one fixed answer, on the generator's core.
pub(super) fn start_origin() -> Result<(Running, tempfile::TempDir, SocketAddr), SubjectError> {
    let address = free_address();
    let folder = tempfile::tempdir()?;
    let config = filled("origin.nginx.conf", &folder, &[("{listen}", address)])?;
    let mut command = nginx_command(&config, &folder, GENERATOR_CORE)?;
    let running = start(&mut command, &folder, address)?;
    Ok((running, folder, address))
}

/// nginx as `peers/edge.nginx.conf` has it.
pub(super) fn start_nginx(origin: SocketAddr) -> Result<Subject, SubjectError> {
    let (forward, refuse, folder) = (free_address(), free_address(), tempfile::tempdir()?);
    let places = [("{forward}", forward), ("{refuse}", refuse), ("{origin}", origin)];
    let config = filled("edge.nginx.conf", &folder, &places)?;
    let mut command = nginx_command(&config, &folder, SUBJECT_CORE)?;
    peer("nginx", start(&mut command, &folder, forward)?, folder, [forward, refuse])
}

/// `HAProxy` as `peers/edge.haproxy.cfg` has it. Its access log is its standard output, a file.
pub(super) fn start_haproxy(origin: SocketAddr) -> Result<Subject, SubjectError> {
    let (forward, refuse, folder) = (free_address(), free_address(), tempfile::tempdir()?);
    let places = [("{forward}", forward), ("{refuse}", refuse), ("{origin}", origin)];
    let config = filled("edge.haproxy.cfg", &folder, &places)?;
    let mut command = Peer::find("haproxy")?.command_on_core(SUBJECT_CORE);
    command.arg("-db").arg("-f").arg(config);
    peer("haproxy", start(&mut command, &folder, forward)?, folder, [forward, refuse])
}

/// The gate's release build as `peers/edge.portcullis.toml` has it: one process for each
/// task. In calm its limits only report, so the one that refuses has the generator's network on its list.
pub(super) fn start_portcullis(origin: SocketAddr) -> Result<Subject, SubjectError> {
    let binary = lab::target_folder().join("release/portcullis");
    if !binary.is_file() {
        return Err(Missing::Gate { path: binary }.into());
    }
    let text = fs::read_to_string(checkout().join("peers/edge.portcullis.toml"))?;
    let config = |rate: &str| text.replace("{origin}", &origin.to_string()).replace("{rate}", rate);
    let placement = Placement { binary: Some(binary), core: Some(SUBJECT_CORE) };
    let mut gates = [
        Gate::start_placed(&config("1000000/s burst 1000000"), &placement)?,
        Gate::start_placed(&config("5/s burst 40"), &placement)?,
    ];
    gates[1].tell(&["deny", "127.0.0.0/8"])?;
    let [forward, refuse] =
        gates.each_mut().map(|gate| Side { address: gate.listen(), process: gate.process().id() });
    Ok(Subject { name: "portcullis", forward, refuse, _guard: Guard::Gates(Box::new(gates)) })
}

fn peer(
    name: &'static str,
    running: Running,
    folder: tempfile::TempDir,
    addresses: [SocketAddr; 2],
) -> Result<Subject, SubjectError> {
    let process = running.id();
    let [forward, refuse] = addresses.map(|address| Side { address, process });
    Ok(Subject { name, forward, refuse, _guard: Guard::Peer(running, folder) })
}

fn nginx_command(config: &PathBuf, folder: &tempfile::TempDir, core: usize) -> Result<Command, SubjectError> {
    let mut command = Peer::find("nginx")?.command_on_core(core);
    command.arg("-p").arg(folder.path()).arg("-c").arg(config);
    command.arg("-e").arg(folder.path().join("error.log"));
    Ok(command)
}

fn filled(
    name: &str,
    folder: &tempfile::TempDir,
    places: &[(&str, SocketAddr)],
) -> Result<PathBuf, SubjectError> {
    let text = fs::read_to_string(checkout().join("peers").join(name))?;
    let text = places.iter().fold(text, |text, (place, address)| text.replace(place, &address.to_string()));
    let path = folder.path().join(name);
    fs::write(&path, text)?;
    Ok(path)
}

fn start(
    command: &mut Command,
    folder: &tempfile::TempDir,
    address: SocketAddr,
) -> Result<Running, SubjectError> {
    let log = folder.path().join("output.log");
    Ok(Running::start_and_wait(command, &log, READY_WITHIN, || web::accepts(address))?)
}
