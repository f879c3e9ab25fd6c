//! `portcullis try`: the sample shop, its gate, its customers and an attack, on loopback only.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use admission::concurrency::{ClassBase, Snapshot};
use admission::lane::LanePaths;
use admission::pass::{Pass, Row, Way};
use admission::site::{Confirmed, Site};
use demo::{Arena, ArenaError, Moment, Passage, Phase, Settings};
use edge_io::{Clock, Edge, Ledger, Listener, LogSink, Manner, Refused};
use journal_io::recordings::{ExportError, Single};
use model::{Level, Mode, PassId, Timestamp};

use crate::announcer::Announcer;
use crate::desk::Desk;
use crate::gate::{self, Around, GateError, Kept, Plan};
use crate::memory::{Memory, Place, Writer};
use crate::secrets::Secrets;

/// What was asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct TryArgs {
    /// Print the scoreboard alone, as one JSON object.
    #[arg(long)]
    json: bool,
    /// Keep shop and gate up afterwards, until Ctrl-C.
    #[arg(long)]
    stay: bool,
    /// Seconds of each attack.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..=300))]
    seconds: u64,
    /// Record what the gate's core is told and decides to a new file, for `portcullis replay`.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Why the demonstration was broken off.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TryError {
    /// The sample world.
    #[error(transparent)]
    Arena(#[from] ArenaError),
    /// The gate.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// Random numbers.
    #[error(transparent)]
    Secrets(#[from] crate::secrets::SecretError),
    /// The file of the recording.
    #[error(transparent)]
    Record(#[from] ExportError),
    /// A thread, or waiting for Ctrl-C.
    #[error("cannot go on: {0}")]
    Signal(#[from] std::io::Error),
}

impl TryArgs {
    /// Plays the incident twice, with the gate and without it.
    pub(crate) fn run(self) -> Result<bool, TryError> {
        let secrets = Secrets::ephemeral()?;
        let files = edge_io::raise_open_files();
        let stage = Stage { tell: Teller { quiet: self.json } };
        stage.tell.say("Setting up a small ticket shop, its gate, its customers and an attack, all on this machine's loopback network.");
        if files < FILES_WANTED {
            stage.tell.say(&format!("Only {files} files may be open at once (`ulimit -n`); the attack may not reach its full strength."));
        }
        let settings = Settings {
            attack: Duration::from_secs(self.seconds),
            seed: secrets.run_id,
            ..Settings::default()
        };
        let mut arena = Arena::open(settings, secrets.run_id, workers())?;
        let capacity = arena.measure_capacity(Duration::from_secs(4))?;
        stage.tell.say(&format!(
            "The shop can serve {capacity:.0} pages a second. Sixteen at once, each takes about 40 ms."
        ));
        let steal = Steal::now();
        let gate = TryGate::start(&mut arena, &secrets, self.record.as_deref())?;
        stage.tell.say("The gate starts from a built-in snapshot: it has watched this shop for four calm weeks and knows its 4,000 customers by their passes, and what a page costs.");
        stage.tell.say(&format!(
            "Look at it meanwhile: http://{}/ through the gate, http://{}/ straight to the shop.",
            arena.gate_address(),
            arena.shop_address()
        ));
        stage.with_gate(&mut arena, &gate, settings)?;
        stage.without_gate(&mut arena, settings)?;
        let board = arena.scoreboard(gate.log.0.load(Relaxed), steal.share()).ok_or(ArenaError::Broken)?;
        if self.json {
            println!("{}", serde_json::to_string(&board).unwrap_or_default());
        } else {
            print!("{board}");
        }
        let kept = board.promises.iter().all(|promise| promise.kept);
        if self.stay {
            stage.stay(&arena, &gate)?;
        }
        gate.edge.stop();
        if gate.memory.is_some_and(|memory| !memory.stop()) {
            eprintln!("portcullis: the recording could not be written to its end");
        }
        Ok(kept)
    }
}

struct Stage {
    tell: Teller,
}

impl Stage {
    fn with_gate(&self, arena: &mut Arena, gate: &TryGate, settings: Settings) -> Result<(), TryError> {
        self.tell.say("\nFirst with the gate. A calm evening:");
        let passes = (0..Arena::CUSTOMERS).map(|customer| gate.passes[customer as usize].clone()).collect();
        let (site, mut level) = (gate.site.clone(), Level::Calm);
        arena.play(Passage::Gate, passes, |phase, second, moment| {
            let now = site.level();
            if now != level {
                self.tell.level(level, now);
                level = now;
            }
            self.tell.second(phase, second, &moment, settings);
        })?;
        Ok(())
    }

    fn without_gate(&self, arena: &mut Arena, settings: Settings) -> Result<(), TryError> {
        self.tell.say("\nNow the same evening without the gate:");
        arena.play(Passage::Shop, Vec::new(), |phase, second, moment| {
            self.tell.second(phase, second, &moment, settings)
        })?;
        Ok(())
    }

    fn stay(&self, arena: &Arena, gate: &TryGate) -> Result<(), TryError> {
        self.tell.say(&format!(
            "\nShop and gate stay up until Ctrl-C: gate http://{}/, shop http://{}/. A customer's cookie for the gate:\n  portcullis={}",
            arena.gate_address(),
            arena.shop_address(),
            gate.passes[0]
        ));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(runtime.block_on(tokio::signal::ctrl_c())?)
    }
}

/// The gate of the demonstration, in this process, without state on disk.
struct TryGate {
    edge: Edge,
    site: Arc<Site>,
    passes: Vec<String>,
    log: Arc<LogCounter>,
    memory: Option<Memory>,
}

impl TryGate {
    fn start(arena: &mut Arena, secrets: &Secrets, record: Option<&Path>) -> Result<Self, TryError> {
        let clock = Clock::start();
        let mut origin = gate::origin(&arena.shop_address().to_string());
        origin.confirms_logins = true;
        let mut plan = Plan::new(Mode::Auto, vec![origin]);
        let login = vec!["/login".to_owned()];
        plan.lane = LanePaths { pages: login.clone(), submit: login, ..LanePaths::default() };
        plan.workers = workers();
        plan.drain = Duration::from_secs(1);
        let site = gate::site(&plan, secrets);
        let memory = record.map(|file| memory(file, secrets, clock)).transpose()?;
        let is_recorded = memory.is_some();
        let kept = Kept { limit: Some(snapshot(&site)), ..Kept::default() };
        let passes = customers(&site, clock.wall());
        let sockets = arena.take_gate_sockets();
        let log = Arc::new(LogCounter::default());
        let announcer = Announcer::new(Arc::new(Desk::default()), None, None);
        let announcer = announcer.writing(memory.as_ref().and_then(|memory| memory.scribe(clock)));
        let around = Around {
            log: log.clone(),
            ledger: Arc::new(NoLedger),
            challenges: None,
            listener: Box::new(announcer),
            is_recorded,
        };
        let listeners = vec![Listener { sockets, manner: Manner::default() }];
        let edge = gate::start(plan, site.clone(), secrets, listeners, clock, kept, around)?;
        Ok(Self { edge, site, passes, log, memory })
    }
}

/// Writes to one file.
fn memory(file: &Path, secrets: &Secrets, clock: Clock) -> Result<Memory, TryError> {
    let place = Place::File(Single::create(file)?);
    Ok(Memory::start(Writer::new(secrets, place, None, clock.wall()))?)
}

/// Aged customers: each logged in once between two days and a year ago.
fn customers(site: &Site, now: Timestamp) -> Vec<String> {
    let mut rows = Vec::new();
    let passes = (0..Arena::CUSTOMERS)
        .map(|customer| {
            let account = site.site_key().account(Arena::account(customer).as_bytes());
            let days = 2 + u64::from(customer.wrapping_mul(2_654_435_761) % 363);
            let issued = now.before(Duration::from_secs(days * 86_400));
            let pass = Pass {
                site: site.id(),
                id: PassId(account.0 ^ u128::from(customer)),
                issued,
                account,
                in_incident: false,
            };
            rows.push(Row {
                id: pass.id,
                account,
                first_confirmed: issued,
                minted: issued,
                last_seen: now,
                way: Way::Header,
                in_incident: false,
            });
            site.pass_keys().seal(&pass).as_str().to_owned()
        })
        .collect();
    site.registry().restore(rows);
    passes
}

/// What the limiter would know after four calm weeks: L, and what each kind of page costs.
fn snapshot(site: &Site) -> Snapshot {
    let pages = [
        ("GET", "/", 38.0),
        ("GET", "/event/1", 38.0),
        ("GET", "/account", 38.0),
        ("GET", "/login", 38.0),
        ("POST", "/login", 150.0),
        ("GET", "/search", 740.0),
    ];
    let files = [
        ("GET", "/assets/shop.css", 0.3),
        ("GET", "/assets/shop.js", 0.3),
        ("GET", "/assets/stage.svg", 0.3),
    ];
    let bases = pages.iter().chain(&files).map(|&(method, path, median_ms)| {
        let class = site.classes().found(method, path);
        site.classes().set_cost(usize::from(class), median_ms);
        ClassBase { class, median_ms, samples: 100_000, seconds: 600 }
    });
    let bases = bases.collect();
    Snapshot { limit: 17.0, healthy_seconds: 300, highest_healthy: 16.0, known_p95: 8.0, bases }
}

/// Counts the bytes of the access log; the demonstration keeps none.
#[derive(Default)]
struct LogCounter(AtomicU64);

impl LogSink for LogCounter {
    fn offer(&self, lines: Vec<u8>, _count: u32) {
        self.0.fetch_add(lines.len() as u64, Relaxed);
    }
}

struct NoLedger;

impl Ledger for NoLedger {
    fn confirmed(&self, _confirmed: &Confirmed, _address: Option<std::net::IpAddr>) {}
    fn refused(&self, _refused: &Refused<'_>) {}
}

/// Tells what happens, in words that a shop owner understands.
struct Teller {
    quiet: bool,
}

impl Teller {
    fn say(&self, text: &str) {
        if !self.quiet {
            println!("{text}");
        }
    }

    fn level(&self, before: Level, after: Level) {
        let text = match after {
            Level::CustomersFirst => {
                "The gate comes down: known customers first. New visitors are asked to come back in a minute; signing in stays open."
            }
            Level::Reopening => {
                "There is a little room beside the customers: the gate lets in as many new visitors as the shop can take, step by step."
            }
            Level::Calm if before != Level::Calm => "The gate is fully open again.",
            Level::Calm | Level::Filtering | Level::Limiting | Level::Challenging => return,
        };
        self.say(&format!("  >> {text}"));
    }

    fn second(&self, phase: Phase, second: u64, moment: &Moment, settings: Settings) {
        if phase == Phase::Attack && second == 1 {
            self.say(&format!(
                "  !! The attack begins: {:.0} times what the shop can serve, from 4,096 addresses in 1,024 networks. A quarter of the customers live among them.",
                settings.factor
            ));
        }
        if phase == Phase::Aftermath && second == 1 {
            self.say("  The attack is over.");
        }
        if second == 1 || second.is_multiple_of(5) {
            let tried = moment.customers_ok + moment.customers_failed;
            let attack = if moment.attack_sent > 0 {
                format!(" | attack: {:>5} requests, {:>4} got a page", moment.attack_sent, moment.attack_ok)
            } else {
                String::new()
            };
            let visitors = moment.visitors_ok + moment.visitors_failed;
            self.say(&format!(
                "  second {second:>3}: customers served {:>3} of {tried:>3} | new visitors {:>3} of {visitors:>3}{attack}",
                moment.customers_ok, moment.visitors_ok
            ));
        }
    }
}

/// Processor time that other machines took, from /proc/stat.
struct Steal {
    stolen: u64,
    all: u64,
}

impl Steal {
    fn now() -> Self {
        let text = std::fs::read_to_string("/proc/stat").unwrap_or_default();
        let ticks: Vec<u64> = text
            .lines()
            .next()
            .unwrap_or("")
            .split_whitespace()
            .skip(1)
            .filter_map(|word| word.parse().ok())
            .collect();
        Self { stolen: ticks.get(7).copied().unwrap_or(0), all: ticks.iter().take(8).sum() }
    }

    /// The share since then.
    fn share(&self) -> f64 {
        let now = Self::now();
        #[expect(clippy::cast_precision_loss, reason = "ticks of one run are far below 2^53")]
        let share = (now.stolen - self.stolen) as f64 / (now.all - self.all).max(1) as f64;
        share
    }
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// Open files that the demonstration needs: two for each attacking connection, and some.
const FILES_WANTED: u64 = 12_000;
