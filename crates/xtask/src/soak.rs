//! `cargo xtask soak`: malformed bytes on every port for minutes, and clients who must not notice.
//!
//! What is sent are the corpora of the fuzz targets, cut, joined and garbled by a seeded generator, in the clear, inside TLS and as forms of
//! the status page. It goes to the listeners of a gate that this command starts, and nowhere else.

use std::error::Error;
use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use clap::Args;
use lab::certificate::Authority;
use lab::clock::{Stopwatch, pause, wait_for};
use lab::http2::PREFACE;
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
    /// Requests of a customer, of a stranger and of a reader of the status page, each.
    honest: u64,
    /// Those of the customer that were not answered by the app.
    customer_failed: u64,
    /// Those of the stranger that the gate asked to come back later.
    stranger_later: u64,
    /// Those of the stranger that were neither answered by the app nor told when to come back.
    stranger_failed: u64,
    /// Those of the reader that were not answered with the page.
    reader_failed: u64,
    /// Resident size after a tenth of the time, and at the end.
    kib: [u64; 2],
}

/// Runs it; fails on a panic, an end, growth, a request of a customer or of a reader without its answer, or one of a stranger that
/// got neither an answer nor a time to come back.
pub(crate) fn run(arguments: &SoakArguments) -> ExitCode {
    match soak(arguments) {
        Ok((outcome, log)) => {
            println!("{}", outcome.to_line());
            if outcome.is_bad() || log.contains("panicked") {
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

fn soak(arguments: &SoakArguments) -> Result<(Outcome, String), Box<dyn Error>> {
    let seeds = corpus()?;
    let mut world = World::start()?;
    let pass = sign_in(world.gate.listen())?;
    let (length, process) = (Duration::from_secs(arguments.minutes * 60), world.gate.process().id());
    let (stop, connections, bytes) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    let mut outcome = Outcome::default();
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let mut dice = Dice(arguments.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (thread + 1));
            let (stop, connections, bytes, seeds) = (&stop, &connections, &bytes, &seeds);
            let doors = &world.doors;
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
            outcome.ask(&world, &pass);
            if begun.elapsed() < length / 10 {
                outcome.kib[0] = crowd::resident_kib(process);
            }
        }
        stop.store(true, Relaxed);
    });
    outcome.kib[1] = crowd::resident_kib(process);
    (outcome.connections, outcome.bytes) = (connections.into_inner(), bytes.into_inner());
    Ok((outcome, world.gate.log()))
}

/// A gate with every port it can have, and the app behind it.
struct World {
    gate: Gate,
    page: SocketAddr,
    doors: [Door; 6],
    _app: Origin,
    /// Its certificates are read again while it serves.
    _folder: tempfile::TempDir,
}

impl World {
    fn start() -> Result<Self, Box<dyn Error>> {
        let app = Origin::start(|head| {
            let signed_in = head.starts_with(&format!("GET {SIGN_IN} "));
            plain("200 OK", if signed_in { "Portcullis-Login: ann\r\n" } else { "" }, "well")
        })?;
        let folder = tempfile::tempdir()?;
        let authority = Authority::new(folder.path(), "authority")?;
        let signed = authority.sign(folder.path(), "shop", &["shop.example"])?;
        let (https, page) = (free_address(), free_address());
        let listen = format!("[[listen]]\naddress = \"{https}\"\n{}[[site]]", signed.tables());
        let config = Gate::CONFIG
            .replace("[[site]]", &listen)
            .replace("{origin}", &app.url())
            .replace("[state]", "confirms_logins = true\n[state]");
        let gate = Gate::start(&format!("{config}{}", status_tables(page, mute_mail_server()?)))?;
        let is_published = || web::get(page, STATUS, &[]).is_ok_and(|answer| answer.status == 200);
        wait_for(PUBLISHED_WITHIN, || is_published().then_some(()))
            .ok_or_else(|| format!("there is no status page: {}", gate.log()))?;
        let tls = |protocol| {
            let tls = Some(TlsClient::new(&authority.file, protocol)?);
            Ok::<_, io::Error>(Door { address: https, tls, has_forms: false })
        };
        let plain = |address| Door { address, tls: None, has_forms: false };
        let forms = Door { has_forms: true, ..plain(page) };
        let doors =
            [plain(gate.listen()), plain(https), plain(gate.console()), tls("h2")?, tls("http/1.1")?, forms];
        Ok(Self { gate, page, doors, _app: app, _folder: folder })
    }
}

/// A status page to which anybody may subscribe.
fn status_tables(page: SocketAddr, mail: SocketAddr) -> String {
    format!(
        "[status]\nlisten = \"{page}\"\nurl = \"https://status.shop.example\"\nname = \"Shop\"\n\
         [[status.component]]\nname = \"Website\"\n\
         [status.subscribers]\nserver = \"{mail}\"\ntls = \"none\"\nfrom = \"status@shop.example\"\n"
    )
}

/// A mail server that hangs up on everybody, until the program ends: what is asked for waits, as much as may wait.
fn mute_mail_server() -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    std::thread::spawn(move || listener.incoming().for_each(drop));
    Ok(address)
}

/// Signs the customer in; the cookie line that it has from then on.
fn sign_in(gate: SocketAddr) -> io::Result<String> {
    let answer = web::send(gate, &Request { from: CUSTOMER, ..Request::get(SIGN_IN) })?;
    let pass = answer.headers("set-cookie").find(|cookie| cookie.contains("portcullis"));
    let pass = pass.and_then(|cookie| cookie.split(';').next());
    pass.map(|pass| format!("Cookie: {pass}")).ok_or_else(|| io::Error::other("the customer got no pass"))
}

impl Outcome {
    fn to_line(&self) -> String {
        let Self { connections, bytes, honest, customer_failed, .. } = self;
        let Self { stranger_later, stranger_failed, reader_failed, kib: [early, late], .. } = self;
        format!(
            "{connections} connections, {bytes} bytes; of {honest} requests of a customer {customer_failed} failed; \
             of as many of a stranger {stranger_failed} failed and {stranger_later} were asked to come back later; \
             of as many of a reader of the status page {reader_failed} failed; \
             resident {early} KiB after a tenth, {late} KiB at the end"
        )
    }

    fn is_bad(&self) -> bool {
        let [early, late] = self.kib;
        let has_grown = late > early + early / 4 + SLACK_KIB;
        has_grown || late == 0 || self.customer_failed + self.stranger_failed + self.reader_failed > 0
    }

    /// A page for the customer, one for somebody whom nobody knows, and the status page for a reader.
    fn ask(&mut self, world: &World, pass: &str) {
        let gate = world.gate.listen();
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
        let page = web::send(world.page, &Request { from: READER, ..Request::get(STATUS) });
        self.reader_failed += u64::from(!page.is_ok_and(|answer| answer.status == 200));
    }
}

/// A port, and what is spoken there before what is wrong.
struct Door {
    address: SocketAddr,
    tls: Option<TlsClient>,
    /// Whether some of it are to be forms of the status page.
    has_forms: bool,
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
    if door.has_forms && dice.below(4) != 0 {
        bytes = form(bytes, dice);
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

/// What a form of the status page sends, with these bytes as its content, for some behind an address that can be one, and as its
/// link. It comes from one of many networks behind a front, and tells a wrong length now and then.
fn form(mut content: Vec<u8>, dice: &mut Dice) -> Vec<u8> {
    let target = FORMS[dice.below(FORMS.len())];
    let is_signed = target.ends_with('=');
    let garbled = content.iter().take(LINK_BYTES).filter(|_| is_signed);
    let link: String = garbled.map(|byte| format!("%{byte:02X}")).collect();
    if dice.below(2) == 0 {
        content.splice(..0, format!("address=reader-{}%40shop.example&c=", dice.below(1 << 16)).into_bytes());
    }
    let length = if dice.below(8) == 0 { dice.below(1 << 16) } else { content.len() };
    let [.., high, low] = dice.below(1 << 16).to_be_bytes();
    let head = format!(
        "{target}{link} HTTP/1.1\r\nHost: status.shop.example\r\nX-Forwarded-For: 10.{high}.{low}.1\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n"
    );
    [head.into_bytes(), content].concat()
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

/// Where the status page takes something (`docs/subscribers.md`), up to where a signed link begins.
const FORMS: [&str; 7] = [
    "POST /subscribe",
    "GET /subscribe/confirm?t=",
    "POST /subscribe/confirm?t=",
    "GET /subscription?t=",
    "POST /subscription?t=",
    "GET /unsubscribe?t=",
    "POST /unsubscribe?t=",
];
/// Bytes of a garbled link.
const LINK_BYTES: usize = 64;
/// What a reader of the status page asks for.
const STATUS: &str = "/status.txt";
/// How long the first page may take on a busy machine.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(40);
const THREADS: u64 = 4;
/// What makes a customer here.
const SIGN_IN: &str = "/signs-in-for-the-soak";
const CUSTOMER: Ipv4Addr = Ipv4Addr::new(127, 0, 77, 1);
const STRANGER: Ipv4Addr = Ipv4Addr::new(127, 0, 78, 1);
const READER: Ipv4Addr = Ipv4Addr::new(127, 0, 79, 1);
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

    #[test]
    fn a_form_has_a_head_and_mostly_the_length_that_it_tells() {
        let (mut dice, mut right, mut signed) = (Dice(3), 0, 0);
        for _ in 0..200 {
            let bytes = form(vec![0xFF; 100], &mut dice);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let (head, _) = text.split_once("\r\n\r\n").expect("there is a head");
            assert!(FORMS.iter().any(|target| head.starts_with(target)) && head.is_ascii(), "{head}");
            signed += usize::from(head.contains("?t=%FF%FF"));
            let (_, told) = head.rsplit_once(": ").expect("the length is last");
            right += usize::from(told.parse() == Ok(bytes.len() - head.len() - 4));
        }
        assert!((100..200).contains(&right), "{right} of 200");
        assert!((100..200).contains(&signed), "{signed} of 200");
    }
}
