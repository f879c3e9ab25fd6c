//! The gates of the demonstration, in this process, without state on disk.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use admission::concurrency::{ClassBase, Snapshot};
use admission::core::Core;
use admission::lane::LanePaths;
use admission::pass::{Pass, Row, Way};
use admission::site::{Confirmed, Site};
use demo::Arena;
use edge_io::{Clock, Edge, Ledger, Listener, LogSink, Manner, Refused, TurnListener};
use journal_io::recordings::Single;
use model::{Mode, PassId, Timestamp};

use super::habits::{Habits, Rehearsal};
use super::showing::{Showing, Told};
use super::{TryError, workers};
use crate::announcer::Announcer;
use crate::desk::Desk;
use crate::gate::{self, Around, Kept, Plan};
use crate::memory::{GoOn, Memory, Place, Writer};
use crate::secrets::Secrets;
use crate::truth::Witness;

/// What both gates share: the site with its customers, and the way to the shop.
pub(super) struct Premises<'a> {
    arena: &'a Arena,
    secrets: &'a Secrets,
    pub(super) clock: Clock,
    pub(super) site: Arc<Site>,
    pub(super) passes: Vec<String>,
    pub(super) log: Arc<LogCounter>,
}

/// A gate that serves.
pub(super) struct TryGate {
    edge: Edge,
    memory: Option<Memory>,
}

impl<'a> Premises<'a> {
    pub(super) fn new(arena: &'a Arena, secrets: &'a Secrets) -> Self {
        let clock = Clock::start();
        let site = gate::site(&plan(arena), secrets);
        let passes = customers(&site, clock.wall());
        Self { arena, secrets, clock, site, passes, log: Arc::default() }
    }

    /// What writes recordings to one file.
    pub(super) fn memory(&self, file: Single) -> Result<Memory, TryError> {
        let place = Place::File(file);
        Ok(Memory::start(Writer::new(self.secrets, place, None, self.clock.wall()))?)
    }

    /// A gate that learns what a calm evening is like.
    pub(super) fn rehearse(&self) -> Result<(TryGate, Rehearsal), TryError> {
        let rehearsal = Rehearsal::default();
        let edge = self.open(Box::new(rehearsal.clone()), GoOn::default(), true)?;
        Ok((TryGate { edge, memory: None }, rehearsal))
    }

    /// A gate that has seen four weeks of such evenings, and what it tells.
    pub(super) fn guard(&self, habits: &Habits, memory: Option<Memory>) -> Result<(TryGate, Told), TryError> {
        let announcer = Announcer::new(Arc::new(Desk::default()), None, None);
        let announcer = announcer.writing(memory.as_ref().and_then(|memory| memory.scribe(self.clock)));
        let witness = Witness::alone(self.site.clone());
        let (showing, told) = Showing::new(announcer, witness, self.clock);
        let core = Core::new(habits.guard(self.secrets.run_id));
        let go_on = GoOn { learnt: Some(core), ..GoOn::default() };
        let edge = self.open(Box::new(showing), go_on, memory.is_some())?;
        Ok((TryGate { edge, memory }, told))
    }

    fn open(
        &self,
        listener: Box<dyn TurnListener>,
        go_on: GoOn,
        is_recorded: bool,
    ) -> Result<Edge, TryError> {
        let kept = Kept { limit: Some(snapshot(&self.site)), go_on, ..Kept::default() };
        let around = Around {
            log: self.log.clone(),
            ledger: Arc::new(NoLedger),
            challenges: None,
            consents: None,
            listener,
            is_recorded,
        };
        let listeners = vec![Listener { sockets: self.arena.gate_sockets()?, manner: Manner::default() }];
        let (site, plan) = (self.site.clone(), plan(self.arena));
        Ok(gate::start(plan, site, self.secrets, listeners, self.clock, kept, around)?)
    }
}

impl TryGate {
    /// Ends it. What is missing of what was to be recorded, in words.
    pub(super) fn stop(self) -> Option<String> {
        self.edge.stop();
        let memory = self.memory?;
        missing(memory.stop(), memory.steps_lost())
    }
}

fn missing(is_ended: bool, steps_lost: u64) -> Option<String> {
    match steps_lost {
        _ if !is_ended => Some("the recording could not be written to its end".to_owned()),
        0 => None,
        steps => Some(format!("{steps} steps are missing from the recording: the disk did not take them")),
    }
}

fn plan(arena: &Arena) -> Plan {
    let mut origin = gate::origin(&arena.shop_address().to_string());
    origin.confirms_logins = true;
    let login = vec!["/login".to_owned()];
    let lane = LanePaths { pages: login.clone(), submit: login, ..LanePaths::default() };
    let drain = Duration::from_secs(1);
    Plan { lane, drain, workers: workers(), ..Plan::new(Mode::Auto, vec![origin]) }
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
pub(super) struct LogCounter(pub(super) AtomicU64);

impl LogSink for LogCounter {
    fn offer(&self, lines: Vec<u8>, _count: u32) {
        self.0.fetch_add(lines.len() as u64, Relaxed);
    }
}

struct NoLedger;

impl Ledger for NoLedger {
    fn confirmed(&self, _confirmed: &Confirmed, _address: Option<IpAddr>) {}
    fn refused(&self, _refused: &Refused<'_>) {}
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn a_recording_with_a_gap_is_no_success() {
        assert_eq!(missing(true, 0), None);
        assert!(missing(true, 7).unwrap().starts_with("7 steps are missing"));
        assert!(missing(false, 0).unwrap().contains("to its end"));
    }
}
