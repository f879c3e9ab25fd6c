//! `cargo xtask soak`: malformed bytes on every port for minutes, and a client that must not notice.
//!
//! What is sent are the corpora of the fuzz targets, cut, joined and garbled by a seeded generator, in the clear and inside TLS. It goes to the listeners of a gate that
//! this command starts, and nowhere else.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use clap::Args;
use lab::certificate::Authority;
use lab::clock::{Stopwatch, pause};
use lab::origin::{Origin, plain};
use lab::tls::TlsClient;
use lab::web::{self, Request};
use lab::{Gate, checkout, crowd, free_address};

/// How long, and from which seed.
#[derive(Debug, Args)]
pub(crate) struct SoakArguments {
    /// Length in minutes.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=240))]
    minutes: u64,
    /// The seed of what is sent.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// What was sent, and what became of the gate.
#[derive(Debug, Default)]
struct Outcome {
    connections: u64,
    bytes: u64,
    /// Requests of a customer and of a stranger, each.
    honest: u64,
    /// Those of the customer that were not answered by the app.
    customer_failed: u64,
    /// Those of the stranger that the gate asked to come back later.
    stranger_later: u64,
    /// Those of the stranger that were neither answered by the app nor told when to come back.
    stranger_failed: u64,
    /// Resident size after a tenth of the time, and at the end.
    kib: [u64; 2],
}

/// Runs it; fails on a panic, an end, growth, a request of a customer without its answer, or one of a stranger that got neither
/// an answer nor a time to come back.
pub(crate) fn run(arguments: &SoakArguments) -> ExitCode {
    match soak(arguments) {
        Ok((outcome, log)) => {
            let Outcome { connections, bytes, honest, customer_failed, stranger_later, stranger_failed, kib } =
                outcome;
            println!(
                "{connections} connections, {bytes} bytes; of {honest} requests of a customer {customer_failed} failed; of as many of a stranger {stranger_failed} failed and {stranger_later} were asked to come back later; resident {} KiB after a tenth, {} KiB at the end",
                kib[0], kib[1]
            );
            let grew = kib[1] > kib[0] + kib[0] / 4 + SLACK_KIB;
            let ended = kib[1] == 0 || log.contains("panicked");
            if grew || ended || customer_failed + stranger_failed > 0 {
                println!("{log}");
                return ExitCode::FAILURE;
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn soak(arguments: &SoakArguments) -> Result<(Outcome, String), Box<dyn std::error::Error>> {
    let seeds = corpus()?;
    let app = Origin::start(|head| {
        let signed_in = head.starts_with(&format!("GET {SIGN_IN} "));
        plain("200 OK", if signed_in { "Portcullis-Login: ann\r\n" } else { "" }, "well")
    })?;
    let folder = tempfile::tempdir()?;
    let authority = Authority::new(folder.path(), "authority")?;
    let signed = authority.sign(folder.path(), "shop", &["shop.example"])?;
    let https = free_address();
    let listen = format!("[[listen]]\naddress = \"{https}\"\n{}[[site]]", signed.tables());
    let config = Gate::CONFIG
        .replace("[[site]]", &listen)
        .replace("{origin}", &app.url())
        .replace("[state]", "confirms_logins = true\n[state]");
    let mut gate = Gate::start(&config)?;
    let tls = |protocol| {
        Ok::<_, io::Error>(Door { address: https, tls: Some(TlsClient::new(&authority.file, protocol)?) })
    };
    let plain = |address| Door { address, tls: None };
    let doors = [plain(gate.listen()), plain(https), plain(gate.console()), tls("h2")?, tls("http/1.1")?];
    let pass = sign_in(gate.listen())?;
    let (length, process) = (Duration::from_secs(arguments.minutes * 60), gate.process().id());
    let (stop, connections, bytes) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let mut outcome = Outcome::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let mut dice = Dice(arguments.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (thread + 1));
            let (stop, connections, bytes, seeds, doors) = (&stop, &connections, &bytes, &seeds, &doors);
            scope.spawn(move || {
                while !stop.load(Relaxed) {
                    let sent = trouble(doors, seeds, &mut dice).unwrap_or(0);
                    connections.fetch_add(1, Relaxed);
                    bytes.fetch_add(sent, Relaxed);
                }
            });
        }
        let begun = Stopwatch::start();
        while begun.elapsed() < length {
            pause(Duration::from_millis(500));
            outcome.ask(gate.listen(), &pass);
            if begun.elapsed() < length / 10 {
                outcome.kib[0] = crowd::resident_kib(process);
            }
        }
        stop.store(true, Relaxed);
    });
    outcome.kib[1] = crowd::resident_kib(process);
    (outcome.connections, outcome.bytes) = (connections.into_inner(), bytes.into_inner());
    Ok((outcome, gate.log()))
}

/// Signs the customer in; the cookie line that it has from then on.
fn sign_in(gate: SocketAddr) -> io::Result<String> {
    let answer = web::send(gate, &Request { from: CUSTOMER, ..Request::get(SIGN_IN) })?;
    let pass = answer.headers("set-cookie").find(|cookie| cookie.contains("portcullis"));
    let pass = pass.and_then(|cookie| cookie.split(';').next());
    pass.map(|pass| format!("Cookie: {pass}")).ok_or_else(|| io::Error::other("the customer got no pass"))
}

impl Outcome {
    /// A page for the customer, and one for somebody whom nobody knows.
    fn ask(&mut self, gate: SocketAddr, pass: &str) {
        self.honest += 1;
        let known = web::send(gate, &Request { from: CUSTOMER, headers: &[pass], ..Request::get("/") });
        self.customer_failed += u64::from(!known.is_ok_and(|answer| answer.status == 200));
        match web::send(gate, &Request { from: STRANGER, ..Request::get("/") }) {
            Ok(answer) if answer.status == 200 => {}
            Ok(answer) if answer.status == 503 && answer.header("retry-after").is_some() => {
                self.stranger_later += 1;
            }
            Ok(_) | Err(_) => self.stranger_failed += 1,
        }
    }
}

/// A port, and what is spoken there before what is wrong.
struct Door {
    address: SocketAddr,
    tls: Option<TlsClient>,
}

/// One connection from one of many addresses, with something wrong.
fn trouble(doors: &[Door], seeds: &[Vec<u8>], dice: &mut Dice) -> io::Result<u64> {
    let door = &doors[dice.below(doors.len())];
    let from = Ipv4Addr::new(127, 1, byte(dice.below(100)), byte(1 + dice.below(200)));
    let mut stream = web::connect_from(from, door.address, Duration::from_millis(300))?;
    let mut bytes = garbled(seeds, dice);
    if let Some(tls) = &door.tls {
        if dice.below(2) == 0 {
            bytes.splice(..0, *PREFACE);
        }
        let mut inside = tls.connect(stream, "shop.example")?;
        inside.write_all(&bytes)?;
        inside.flush()?;
        if dice.below(4) != 0 {
            let _answer = inside.read(&mut [0; 4_096]);
        }
        return Ok(bytes.len() as u64);
    }
    stream.write_all(&bytes)?;
    if dice.below(2) == 0 {
        stream.shutdown(Shutdown::Write)?;
    }
    if dice.below(4) != 0 {
        // Its answer, or nothing: the connection is dropped either way.
        let _answer = stream.read(&mut [0; 4_096]);
    }
    Ok(bytes.len() as u64)
}

/// One or more inputs of a corpus, changed in a few places.
fn garbled(seeds: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..=dice.below(3) {
        bytes.extend_from_slice(&seeds[dice.below(seeds.len())]);
    }
    for _ in 0..dice.below(6) {
        let at = dice.below(bytes.len());
        match dice.below(5) {
            0 => bytes.truncate(at + 1),
            1 => bytes[at] = byte(dice.below(256)),
            2 => bytes[at] ^= 1 << dice.below(8),
            3 => {
                let end = (at + 1 + dice.below(64)).min(bytes.len());
                let again = bytes[at..end].repeat(1 + dice.below(200));
                bytes.splice(at..at, again);
            }
            _ => {
                bytes.remove(at);
                bytes.push(0);
            }
        }
    }
    bytes
}

/// The inputs of every fuzz target.
fn corpus() -> io::Result<Vec<Vec<u8>>> {
    let mut inputs = Vec::new();
    for folder in fs::read_dir(checkout().join("fuzz/corpus"))? {
        for file in fs::read_dir(folder?.path())? {
            inputs.push(fs::read(file?.path())?);
        }
    }
    inputs.retain(|input| !input.is_empty());
    if inputs.is_empty() { Err(io::Error::other("fuzz/corpus is empty")) } else { Ok(inputs) }
}

/// splitmix64 (Steele, Lea, Flood, 2014).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ mixed >> 31) % limit.max(1) as u64).unwrap_or(0)
    }
}

fn byte(value: usize) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}

/// RFC 9113, section 3.4, and an empty SETTINGS.
const PREFACE: &[u8; 33] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
const THREADS: u64 = 4;
/// What makes a customer here.
const SIGN_IN: &str = "/signs-in-for-the-soak";
const CUSTOMER: Ipv4Addr = Ipv4Addr::new(127, 0, 77, 1);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 78, 1);
/// Tables fill and allocators keep what they had.
const SLACK_KIB: u64 = 32 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_sends_the_same_bytes() {
        let seeds = corpus().expect("the corpora are committed");
        let bytes = |seed| {
            let mut dice = Dice(seed);
            (0..50).map(|_| garbled(&seeds, &mut dice)).collect::<Vec<_>>()
        };
        assert_eq!(bytes(7), bytes(7));
        assert_ne!(bytes(7), bytes(8));
        assert!(bytes(7).iter().all(|input| !input.is_empty() && input.len() < 1 << 20));
    }
}
