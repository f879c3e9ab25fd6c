//! `portcullis try`: the sample shop, its gate, its customers and two attacks, on loopback only.

mod gate;
mod habits;
mod page;
mod showing;
mod steal;
mod teller;

use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use demo::{Act, Arena, ArenaError, Assault, Disguise, Passage, Phase, Rule, Run, Scoreboard, Seen, Wish};
use journal_io::recordings::ExportError;
use model::Challenge;

use crate::gate::GateError;
use crate::secrets::Secrets;
use crate::truth::PageError;
use gate::{Premises, TryGate};
use habits::Habits;
use page::ShopPage;
use showing::{News, Told};
use steal::Steal;
use teller::Teller;

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
    /// Write the draft of the report about the incident to a new file, as HTML.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
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
    /// The shop's status page.
    #[error(transparent)]
    Page(#[from] PageError),
    /// The file of the report.
    #[error("the report cannot be written to {}: {error}", file.display())]
    Report {
        /// Which.
        file: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// A thread, or waiting for Ctrl-C.
    #[error("cannot go on: {0}")]
    Signal(#[from] std::io::Error),
}

impl TryArgs {
    /// Plays the incident with the gate, a harder one with it, and the first one without it.
    pub(crate) fn run(self) -> Result<bool, TryError> {
        let secrets = Secrets::ephemeral()?;
        let files = edge_io::raise_open_files();
        let tell = Teller { quiet: self.json };
        tell.say("Setting up a small ticket shop, its gate, its customers and an attack, all on this machine's loopback network.");
        if files < FILES_WANTED {
            tell.say(&format!("Only {files} files may be open at once (`ulimit -n`); the attack may not reach its full strength."));
        }
        let mut arena = Arena::open(secrets.run_id, workers())?;
        let capacity = arena.measure_capacity(Duration::from_secs(4))?;
        tell.say(&format!(
            "The shop can serve {capacity:.0} pages a second. Sixteen at once, each takes about 40 ms."
        ));
        tell.say(&format!(
            "Look at it meanwhile: http://{}/ through the gate, http://{}/ straight to the shop.",
            arena.gate_address(),
            arena.shop_address()
        ));
        let steal = Steal::now();
        let premises = Premises::new(&arena, &secrets);
        let page = ShopPage::open(premises.clock)?;
        tell.page(page.address());
        let attack = Duration::from_secs(self.seconds);
        let mut stage = Stage {
            arena: &arena,
            premises: &premises,
            tell,
            page,
            attack,
            seed: secrets.run_id,
            seen: Seen::default(),
        };
        let memory = self.record.as_deref().map(|file| premises.memory(file)).transpose()?;
        let habits = stage.rehearse()?;
        let (gate, told) = premises.guard(&habits, memory)?;
        let runs = [stage.first_attack(&told)?, stage.second_attack(&told)?, stage.without_gate(&told)?];
        let Stage { seen, tell, mut page, .. } = stage;
        let log_bytes = premises.log.0.load(Relaxed);
        let board = Scoreboard::new(runs.each_ref(), Seen { log_bytes, steal: steal.share(), ..seen });
        if self.json {
            show_line!("{}", serde_json::to_string(&board).unwrap_or_default());
        } else {
            show!("{board}");
            if let Some(rule) = &board.rule {
                show_line!();
                tell.say(&sentence(rule));
            }
        }
        report(&page, self.report, &tell)?;
        if self.stay {
            stay(&arena, &premises, &mut page, &told, &tell)?;
        }
        end(gate);
        Ok(board.promises.iter().all(|promise| promise.kept))
    }
}

fn sentence(rule: &Rule) -> String {
    format!(
        "{:.0} s after the first attack began the gate found a rule that would hit at most {:.2} % of what strangers do in calm: {}.",
        rule.seconds,
        rule.calm_share_at_most * 100.0,
        rule.text
    )
}

/// What the record knows of what happened, and where all of it is.
fn report(page: &ShopPage, file: Option<PathBuf>, tell: &Teller) -> Result<(), TryError> {
    let Some(draft) = page.draft() else { return Ok(()) };
    if let Some(file) = &file {
        page.write(&draft, file).map_err(|error| TryError::Report { file: file.clone(), error })?;
    }
    tell.report(&draft, file.as_deref());
    Ok(())
}

fn end(gate: TryGate) {
    if !gate.stop() {
        eprintln!("portcullis: the recording could not be written to its end");
    }
}

/// The acts, in their order.
struct Stage<'a> {
    arena: &'a Arena,
    premises: &'a Premises<'a>,
    tell: Teller,
    page: ShopPage,
    attack: Duration,
    seed: u64,
    seen: Seen,
}

impl Stage<'_> {
    fn rehearse(&mut self) -> Result<Habits, TryError> {
        self.tell.say("\nA calm evening. The gate watches what customers and visitors of this shop do:");
        let (gate, rehearsal) = self.premises.rehearse()?;
        let act = self.act(Passage::Gate, CALM, None, Duration::ZERO, 0);
        self.arena.play(&act, self.premises.passes.clone(), |phase, second, moment| {
            self.tell.second(phase, second, &moment);
            Wish::GoOn
        })?;
        end(gate);
        self.tell.say("From here on it goes on as if it had seen four weeks of such evenings. It knows the 4,000 customers by their passes, and what a page costs.");
        Ok(rehearsal.habits())
    }

    fn first_attack(&mut self, told: &Told) -> Result<Run, TryError> {
        self.tell.say("\nThe next evening, with the gate:");
        let assault = Assault { disguise: Disguise::Program, factor: FACTOR, lasting: self.attack };
        let opening = format!(
            "The attack begins: {FACTOR:.0} times what the shop can serve, from 4,096 addresses in 1,024 networks. A quarter of the customers live among them. It is one program that asks for pages with random queries."
        );
        self.with_gate(told, CALM, assault, &opening, 0)
    }

    fn second_attack(&mut self, told: &Told) -> Result<Run, TryError> {
        self.tell.say("\nThen somebody who has learnt from it:");
        let assault = Assault { disguise: Disguise::People, factor: FACTOR_COPIED, lasting: self.attack };
        let opening = format!(
            "The second attack begins: {FACTOR_COPIED:.0} times what the shop can serve. Each request copies a person: a browser, a page, a network that real visitors have. There is nothing that a rule could tell it by."
        );
        self.with_gate(told, PAUSE, assault, &opening, 1)
    }

    fn with_gate(
        &mut self,
        told: &Told,
        calm: Duration,
        assault: Assault,
        opening: &str,
        number: usize,
    ) -> Result<Run, TryError> {
        // The incident is one, and over only after the second attack.
        let is_last = number == 1;
        let aftermath = if is_last { AFTERMATH + RESOLVED_WITHIN } else { AFTERMATH };
        let act = self.act(Passage::Gate, calm, Some(assault), aftermath, 1 + number as u64);
        let (site, passes) = (self.premises.site.clone(), self.premises.passes.clone());
        let (tell, seen, page) = (&self.tell, &mut self.seen, &mut self.page);
        Ok(self.arena.play(&act, passes, |phase, second, moment| {
            for news in told.news() {
                tell.news(&news);
                show_page(page, tell, &news);
                note(seen, number, phase, second, &news);
            }
            tell.second(phase, second, &moment);
            if phase == Phase::Calm && second == calm.as_secs() {
                tell.note("!!", opening);
            }
            let decision = site.decision();
            let is_open = decision.masks.is_open() && decision.challenge == Challenge::Off;
            if phase == Phase::Aftermath && !is_open {
                seen.seconds_to_open[number] = None;
            } else if phase == Phase::Aftermath {
                let opened = *seen.seconds_to_open[number].get_or_insert(seconds(second));
                if seconds(second) >= opened + OPEN_FOR && !(is_last && page.has_open()) {
                    return Wish::Enough;
                }
            }
            Wish::GoOn
        })?)
    }

    fn without_gate(&mut self, told: &Told) -> Result<Run, TryError> {
        self.tell.say("\nNow the first attack again, without the gate:");
        let assault = Assault { disguise: Disguise::Program, factor: FACTOR, lasting: self.attack };
        let act = self.act(Passage::Shop, CALM, Some(assault), Duration::ZERO, 3);
        let (tell, page) = (&self.tell, &mut self.page);
        Ok(self.arena.play(&act, Vec::new(), |phase, second, moment| {
            // The gate is still there, and so is its page.
            told.news().iter().for_each(|news| show_page(page, tell, news));
            tell.second(phase, second, &moment);
            Wish::GoOn
        })?)
    }

    fn act(
        &self,
        passage: Passage,
        calm: Duration,
        assault: Option<Assault>,
        aftermath: Duration,
        number: u64,
    ) -> Act {
        Act { passage, calm, assault, aftermath, seed: self.seed.wrapping_add(number) }
    }
}

/// Has the status page told what the gate saw, and tells what it says then.
fn show_page(page: &mut ShopPage, tell: &Teller, news: &News) {
    if let News::Saw(sight, moment) = news {
        page.saw(sight, *moment).iter().for_each(|notice| tell.notice(notice));
    }
}

/// Keeps what belongs on the scoreboard: the first rule of the first attack.
fn note(seen: &mut Seen, number: usize, phase: Phase, second: u64, news: &News) {
    if let (0, Phase::Attack, None, News::Found(rule)) = (number, phase, &seen.rule, news) {
        seen.rule = Some(Rule {
            text: rule.text.clone(),
            seconds: seconds(second),
            calm_share_at_most: rule.calm.get(),
        });
    }
}

fn seconds(whole: u64) -> f64 {
    f64::from(u32::try_from(whole).unwrap_or(u32::MAX))
}

fn stay(
    arena: &Arena,
    premises: &Premises<'_>,
    page: &mut ShopPage,
    told: &Told,
    tell: &Teller,
) -> Result<(), TryError> {
    tell.say(&format!(
        "\nShop and gate stay up until Ctrl-C: gate http://{}/, shop http://{}/, status page http://{}/. A customer's cookie for the gate:\n  portcullis={}",
        arena.gate_address(),
        arena.shop_address(),
        page.address(),
        premises.passes[0]
    ));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        let end = tokio::signal::ctrl_c();
        tokio::pin!(end);
        loop {
            tokio::select! {
                ended = &mut end => return Ok(ended?),
                _ = second.tick() => told.news().iter().for_each(|news| show_page(page, tell, news)),
            }
        }
    })
}

fn workers() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
}

/// Open files that the demonstration needs: two for each attacking connection, and some.
const FILES_WANTED: u64 = 12_000;
/// Calm before an attack; the slowest of a thousand customers' pages in it are what the others are held against.
const CALM: Duration = Duration::from_secs(12);
/// Between the two attacks.
const PAUSE: Duration = Duration::from_secs(5);
/// It is waited so long at most until the gate is open again.
const AFTERMATH: Duration = Duration::from_secs(100);
/// And so long at most after the second attack until the status page has called it over.
const RESOLVED_WITHIN: Duration = Duration::from_secs(80);
/// Then it is looked on for so many seconds.
const OPEN_FOR: f64 = 10.0;
/// The first attack's requests over what the shop can serve.
const FACTOR: f64 = 20.0;
/// The second one's: a new connection for each page costs this machine, which plays both sides, several times as much.
const FACTOR_COPIED: f64 = 8.0;
