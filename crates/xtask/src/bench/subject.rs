//! The programs that are compared, each pinned to core 0 and configured by a committed file.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use lab::certificate::{Authority, Signed};
use lab::{Gate, GateError, Missing, Peer, Placement, Running, StartError, checkout, free_address, web};

/// The core of the subject under measurement.
pub(super) const SUBJECT_CORE: usize = 0;

/// The core of the load generator and of the origin.
pub(super) const GENERATOR_CORE: usize = 1;

/// What the authority of the certificates is called.
const AUTHORITY: &str = "authority";

/// How long a peer may take to listen.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// What a subject is asked to do again and again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Task {
    /// Pass a request to the origin.
    Forward,
    /// Refuse it.
    Refuse,
    /// Pass it on, over a TLS connection that is kept.
    ForwardTls,
    /// Pass it on, over HTTP/2 under TLS.
    Forward2,
    /// Refuse it, over HTTP/2 under TLS.
    Refuse2,
    /// A full TLS handshake, nothing else.
    Handshake,
    /// A new TLS connection with one request.
    Connect,
    /// A connection that is closed before its handshake. Peers cannot: theirs is [`Task::Connect`].
    BeforeTls,
}

impl Task {
    pub(super) const ALL: [Self; 8] = [
        Self::Forward,
        Self::Refuse,
        Self::ForwardTls,
        Self::Forward2,
        Self::Refuse2,
        Self::Handshake,
        Self::Connect,
        Self::BeforeTls,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Refuse => "refuse",
            Self::ForwardTls => "forward-tls",
            Self::Forward2 => "forward-h2",
            Self::Refuse2 => "refuse-h2",
            Self::Handshake => "handshake",
            Self::Connect => "connect",
            Self::BeforeTls => "before-tls",
        }
    }
}

/// A running subject.
pub(super) struct Subject {
    pub(super) name: &'static str,
    /// The file with the authority that vouches for it.
    pub(super) authority: PathBuf,
    forward: Side,
    refuse: Side,
    forward_tls: Side,
    refuse_tls: Side,
    /// Where connections end before their handshake, if that can be had.
    before_tls: Option<Side>,
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
    Gates(Box<[Gate; 3]>, tempfile::TempDir),
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
    /// Where it does a task; a peer that cannot refuse before TLS does the dearer thing.
    pub(super) fn side(&self, task: Task) -> Side {
        match task {
            Task::Forward => self.forward,
            Task::Refuse => self.refuse,
            Task::ForwardTls | Task::Forward2 | Task::Handshake | Task::Connect => self.forward_tls,
            Task::Refuse2 => self.refuse_tls,
            Task::BeforeTls => self.before_tls.unwrap_or(self.forward_tls),
        }
    }

    /// What it really does when asked for a task.
    pub(super) fn does(&self, task: Task) -> Task {
        if task == Task::BeforeTls && self.before_tls.is_none() { Task::Connect } else { task }
    }
}

/// A subject that is not there does not keep the others from being measured; it is said aloud.
pub(super) fn present(started: Result<Subject, SubjectError>) -> Option<Subject> {
    started.inspect_err(|error| eprintln!("left out: {error}")).ok()
}

/// The origin: nginx with one fixed answer, on the generator's core.
pub(super) fn start_origin() -> Result<(Running, tempfile::TempDir, SocketAddr), SubjectError> {
    let address = free_address();
    let folder = tempfile::tempdir()?;
    let config = filled("origin.nginx.conf", &folder, &[("{listen}", address.to_string())])?;
    let mut command = nginx_command(&config, &folder, GENERATOR_CORE)?;
    let running = start(&mut command, &folder, address)?;
    Ok((running, folder, address))
}

/// nginx as `peers/edge.nginx.conf` has it.
pub(super) fn start_nginx(origin: SocketAddr) -> Result<Subject, SubjectError> {
    let (folder, listeners) = (tempfile::tempdir()?, Listeners::new());
    let config = filled("edge.nginx.conf", &folder, &listeners.places(origin, &certificate(&folder)?))?;
    let mut command = nginx_command(&config, &folder, SUBJECT_CORE)?;
    peer("nginx", start(&mut command, &folder, listeners.forward)?, folder, &listeners)
}

/// `HAProxy` as `peers/edge.haproxy.cfg` has it. Its access log is its standard output, a file.
pub(super) fn start_haproxy(origin: SocketAddr) -> Result<Subject, SubjectError> {
    let (folder, listeners) = (tempfile::tempdir()?, Listeners::new());
    let config = filled("edge.haproxy.cfg", &folder, &listeners.places(origin, &certificate(&folder)?))?;
    let mut command = Peer::find("haproxy")?.command_on_core(SUBJECT_CORE);
    command.arg("-db").arg("-f").arg(config);
    peer("haproxy", start(&mut command, &folder, listeners.forward)?, folder, &listeners)
}

/// A build of the gate as `peers/edge.portcullis.toml` has it: one process for each way. In calm its limits only report, so
/// one has the generator's network on its list, and another, whose connections reach HTTP, is held at `limiting`.
pub(super) fn start_portcullis(binary: &Path, origin: SocketAddr) -> Result<Subject, SubjectError> {
    let binary = binary.to_owned();
    if !binary.is_file() {
        return Err(Missing::Gate { path: binary }.into());
    }
    let (folder, tls) = (tempfile::tempdir()?, [free_address(), free_address(), free_address()]);
    let signed = certificate(&folder)?;
    let text = fs::read_to_string(checkout().join("peers/edge.portcullis.toml"))?;
    let placement = Placement { binary: Some(binary), core: Some(SUBJECT_CORE) };
    let gate = |rate: &str, tls: SocketAddr| {
        let text = text.replace("{origin}", &origin.to_string()).replace("{rate}", rate);
        let text = text.replace("{tls}", &tls.to_string());
        let text = text.replace("{chain}", &signed.chain.display().to_string());
        Gate::start_placed(&text.replace("{key}", &signed.key.display().to_string()), &placement)
    };
    let mut gates = [
        gate("1000000/s burst 1000000", tls[0])?,
        gate("5/s burst 40", tls[1])?,
        gate("5/s burst 40", tls[2])?,
    ];
    gates[1].tell(&["deny", "127.0.0.0/8"])?;
    gates[2].tell(&["level", "pin", "limiting"])?;
    let [forward, refuse, limited] =
        gates.each_mut().map(|gate| Side { address: gate.listen(), process: gate.process().id() });
    let at = |address, side: Side| Side { address, ..side };
    Ok(Subject {
        name: "portcullis",
        authority: authority(&folder),
        forward,
        refuse,
        forward_tls: at(tls[0], forward),
        refuse_tls: at(tls[2], limited),
        before_tls: Some(at(tls[1], refuse)),
        _guard: Guard::Gates(Box::new(gates), folder),
    })
}

/// Where a peer listens.
struct Listeners {
    forward: SocketAddr,
    refuse: SocketAddr,
    forward_tls: SocketAddr,
    refuse_tls: SocketAddr,
}

impl Listeners {
    fn new() -> Self {
        let [forward, refuse, forward_tls, refuse_tls] = std::array::from_fn(|_| free_address());
        Self { forward, refuse, forward_tls, refuse_tls }
    }

    fn places(&self, origin: SocketAddr, signed: &Signed) -> Vec<(&'static str, String)> {
        vec![
            ("{forward}", self.forward.to_string()),
            ("{refuse}", self.refuse.to_string()),
            ("{forward_tls}", self.forward_tls.to_string()),
            ("{refuse_tls}", self.refuse_tls.to_string()),
            ("{origin}", origin.to_string()),
            ("{chain}", signed.chain.display().to_string()),
            ("{key}", signed.key.display().to_string()),
            ("{both}", signed.chain.with_extension("both").display().to_string()),
        ]
    }
}

/// The same kind of certificate for all: ECDSA P-256. One file holds both parts, for `HAProxy`.
fn certificate(folder: &tempfile::TempDir) -> io::Result<Signed> {
    let authority = Authority::new(folder.path(), AUTHORITY)?;
    let signed = authority.sign(folder.path(), "shop", &["shop.example"])?;
    let both = [fs::read(&signed.chain)?, fs::read(&signed.key)?].concat();
    fs::write(signed.chain.with_extension("both"), both)?;
    Ok(signed)
}

/// Who has signed it.
fn authority(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join(AUTHORITY).with_extension("pem")
}

fn peer(
    name: &'static str,
    running: Running,
    folder: tempfile::TempDir,
    listeners: &Listeners,
) -> Result<Subject, SubjectError> {
    let process = running.id();
    let side = |address| Side { address, process };
    Ok(Subject {
        name,
        authority: authority(&folder),
        forward: side(listeners.forward),
        refuse: side(listeners.refuse),
        forward_tls: side(listeners.forward_tls),
        refuse_tls: side(listeners.refuse_tls),
        before_tls: None,
        _guard: Guard::Peer(running, folder),
    })
}

pub(super) fn nginx_command(
    config: &PathBuf,
    folder: &tempfile::TempDir,
    core: usize,
) -> Result<Command, SubjectError> {
    let mut command = Peer::find("nginx")?.command_on_core(core);
    command.arg("-p").arg(folder.path()).arg("-c").arg(config);
    command.arg("-e").arg(folder.path().join("error.log"));
    Ok(command)
}

pub(super) fn filled(
    name: &str,
    folder: &tempfile::TempDir,
    places: &[(&str, String)],
) -> Result<PathBuf, SubjectError> {
    let text = fs::read_to_string(checkout().join("peers").join(name))?;
    let text = places.iter().fold(text, |text, (place, address)| text.replace(place, address));
    let path = folder.path().join(name);
    fs::write(&path, text)?;
    Ok(path)
}

pub(super) fn start(
    command: &mut Command,
    folder: &tempfile::TempDir,
    address: SocketAddr,
) -> Result<Running, SubjectError> {
    let log = folder.path().join("output.log");
    Ok(Running::start_and_wait(command, &log, READY_WITHIN, || web::accepts(address))?)
}
