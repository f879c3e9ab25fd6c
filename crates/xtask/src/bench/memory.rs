//! Memory: what an idle connection takes beside the peers, and rounds of a million new sources and of as many idle connections
//! as the gate has slots for. Nothing may grow after the first of them.

use std::fmt::Write;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use lab::clock::pause;
use lab::crowd::{self, idle_from, is_open, resident_kib, sources_behind_front};
use lab::origin::{Origin, plain};
use lab::{Gate, GateError, Missing, Placement, web};
use serde::Serialize;

use super::idle::{self, Cost, IdleError};

/// What one idle connection takes.
const IDLE: &str = "idle";
/// Whether memory grows.
const ROUNDS: &str = "rounds";
/// New sources of each round.
const SOURCES: u32 = 1_000_000;
/// Connections from one /24, below what one network may hold.
pub(super) const PER_NETWORK: u32 = 40;
/// Files that this process and the gate need beside the connections.
const OTHER_FILES: u64 = 400;
/// The second byte from which the addresses of known clients begin.
const KNOWN_FROM: u8 = 60;
/// The second byte from which the addresses of strangers begin.
const UNKNOWN_FROM: u8 = 100;
/// Wide networks over which a crowd is spread.
const WIDE: u32 = 40;
/// The share of the slots that only known clients can take, as in the default configuration.
const KNOWN_SHARE: f64 = 0.3;
/// Threads that open connections of strangers.
const OPENERS: u32 = 8;
/// Connections attempted at most.
const IDLE_MAX: u64 = 20_000;

/// One round.
#[derive(Debug, Serialize)]
pub(super) struct Round {
    /// Sources that were answered with 200.
    sources: u32,
    /// Resident size after them, in KiB.
    after_sources_kib: u64,
    /// Connections open at the end of the round that carried a pass.
    idle_known: usize,
    /// Connections open at the end of the round that did not.
    idle_unknown: usize,
    /// Resident size with all of them open, in KiB.
    with_idle_kib: u64,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
pub(super) struct Memory {
    /// Resident size before the rounds, in KiB.
    fresh_kib: u64,
    /// Files that each process may open.
    files: u64,
    rounds: Vec<Round>,
    /// What one idle connection takes, at the gate and its peers.
    idle: Vec<Cost>,
}

/// Why it was not measured.
#[derive(Debug, thiserror::Error)]
pub(super) enum MemoryError {
    #[error(transparent)]
    Missing(#[from] Missing),
    #[error(transparent)]
    Gate(#[from] GateError),
    #[error("the crowd could not go on: {0}")]
    Crowd(#[from] io::Error),
    #[error("nobody gets a pass: {0}")]
    NoPass(String),
    #[error(transparent)]
    Idle(#[from] IdleError),
    #[error("there is no such task; there are {IDLE}, {ROUNDS}")]
    NoTask,
}

/// Idle connections beside the peers, and so many rounds before a build of the gate; or one of both alone.
pub(super) fn measure(binary: &Path, rounds: u32, only: Option<&str>) -> Result<Memory, MemoryError> {
    if only.is_some_and(|only| ![IDLE, ROUNDS].contains(&only)) {
        return Err(MemoryError::NoTask);
    }
    let is_wanted = |task| only.is_none_or(|only| only == task);
    let mut memory = Memory { files: crowd::raise_file_limit(), ..Memory::default() };
    if !binary.is_file() {
        return Err(Missing::Gate { path: binary.to_owned() }.into());
    }
    if is_wanted(IDLE) {
        memory.idle = idle::measure(binary)?;
    }
    if is_wanted(ROUNDS) {
        memory.play_rounds(binary, rounds)?;
    }
    Ok(memory)
}

impl Memory {
    fn play_rounds(&mut self, binary: &Path, rounds: u32) -> Result<(), MemoryError> {
        let origin = Origin::start(answer)?;
        let config = Gate::CONFIG.replace("{origin}", &origin.url()).replace(
            "[state]",
            "confirms_logins = true\n[[front]]\nsources = [\"127.0.0.1/32\"]\nclient_address = \"x-forwarded-for\"\n[state]",
        );
        let placement = Placement { binary: Some(binary.to_owned()), core: None };
        let mut gate = Gate::start_placed(&config, &placement)?;
        let process = gate.process().id();
        self.fresh_kib = resident_kib(process);
        // The gate keeps a fifth of its files for everything that is no client.
        let free = self.files.saturating_sub(OTHER_FILES);
        let slots = (self.files - self.files / 5).min(free).min(IDLE_MAX);
        for round in 0..rounds {
            eprintln!("memory round {} of {rounds}", round + 1);
            self.rounds.push(play(gate.listen(), process, round, slots)?);
            // The gate notices that the round's connections are gone.
            pause(Duration::from_secs(3));
        }
        Ok(())
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = idle::to_text(&self.idle);
        if !self.rounds.is_empty() {
            let _infallible = writeln!(text, "files {}; fresh: {} KiB", self.files, self.fresh_kib);
        }
        for (at, round) in self.rounds.iter().enumerate() {
            let _infallible = writeln!(
                text,
                "round {}: {} new sources: {} KiB; with {} known and {} unknown idle connections: {} KiB",
                at + 1,
                round.sources,
                round.after_sources_kib,
                round.idle_known,
                round.idle_unknown,
                round.with_idle_kib
            );
        }
        if let [.., before, last] = self.rounds.as_slice() {
            #[expect(clippy::cast_precision_loss, reason = "far below 2^53 KiB")]
            let growth = last.with_idle_kib as f64 / before.with_idle_kib.max(1) as f64;
            let _infallible = writeln!(text, "the last round over the one before: {growth:.3}");
        }
        text
    }
}

fn play(listener: SocketAddr, process: u32, round: u32, slots: u64) -> Result<Round, MemoryError> {
    let sources = sources_behind_front(listener, round * SOURCES, SOURCES)?;
    let after_sources_kib = resident_kib(process);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "at most 20,000"
    )]
    let known_slots = (slots as f64 * KNOWN_SHARE) as u32;
    let unknown_slots = u32::try_from(slots).unwrap_or(u32::MAX).saturating_sub(known_slots);
    let known = known_crowd(listener, known_slots)?;
    let unknown = unknown_crowd(listener, unknown_slots);
    // Longer than the gate's sweeps, so that what it ends has ended.
    pause(Duration::from_secs(1));
    let with_idle_kib = resident_kib(process);
    let open = |crowd: &[TcpStream]| crowd.iter().filter(|stream| is_open(stream)).count();
    Ok(Round {
        sources,
        after_sources_kib,
        idle_known: open(&known),
        idle_unknown: open(&unknown),
        with_idle_kib,
    })
}

/// Idle connections of known clients: one person in each network.
fn known_crowd(listener: SocketAddr, count: u32) -> Result<Vec<TcpStream>, MemoryError> {
    let mut crowd = Vec::new();
    for network in 0..count.div_ceil(PER_NETWORK) {
        let first = source(KNOWN_FROM, network * PER_NETWORK);
        let session = format!("Cookie: session=person{network}");
        let request = web::Request { headers: &[&session], from: first, ..web::Request::get("/") };
        let signed_in = web::send(listener, &request)?;
        let (_, after) = signed_in
            .head
            .split_once("portcullis=")
            .ok_or_else(|| MemoryError::NoPass(signed_in.head.clone()))?;
        let pass = format!("Cookie: portcullis={}\r\n", after.split([';', '\r']).next().unwrap_or_default());
        let places = network * PER_NETWORK..((network + 1) * PER_NETWORK).min(count);
        crowd.extend(places.filter_map(|at| idle_from(source(KNOWN_FROM, at), listener, &pass).ok()));
    }
    Ok(crowd)
}

/// Idle connections of strangers, opened by several threads: one that waits for the others may not reach its idle limit.
fn unknown_crowd(listener: SocketAddr, count: u32) -> Vec<TcpStream> {
    let open = |thread: u32| {
        let places = (thread..count).step_by(OPENERS as usize);
        places.filter_map(|at| idle_from(source(UNKNOWN_FROM, at), listener, "").ok()).collect::<Vec<_>>()
    };
    std::thread::scope(|scope| {
        let parts: Vec<_> = (0..OPENERS).map(|thread| scope.spawn(move || open(thread))).collect();
        parts.into_iter().flat_map(|part| part.join().unwrap_or_default()).collect()
    })
}

/// The `at`th client of a crowd on loopback: forty in each /24, and so few /24s in each /16 that no limit of wide networks
/// is met, which refuses while the table is nearly full.
pub(super) fn source(second: u8, at: u32) -> Ipv4Addr {
    let network = at / PER_NETWORK;
    let part = |number: u32| u8::try_from(number).unwrap_or(u8::MAX);
    Ipv4Addr::new(127, second + part(network % WIDE), part(network / WIDE), part(at % PER_NETWORK) + 1)
}

/// An app that confirms `session=NAME` as the login of NAME.
fn answer(head: &str) -> String {
    let name =
        head.split_once("session=").map(|(_, after)| after.split([';', '\r', '\n']).next().unwrap_or(""));
    let login = name.map(|name| format!("Portcullis-Login: {name}\r\n")).unwrap_or_default();
    plain("200 OK", &login, "shop<end>")
}
