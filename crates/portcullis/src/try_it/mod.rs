//! `portcullis try`: the sample shop, its gate, its customers and two attacks, on loopback only.

mod acts;
mod gate;
mod habits;
mod page;
mod report;
mod showing;
mod steal;
mod teller;

use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use demo::{Arena, ArenaError, Rule, Scoreboard, Seen};
use incident::Draft;
use journal_io::recordings::{ExportError, Single};

use crate::gate::GateError;
use crate::secrets::Secrets;
use crate::truth::PageError;
use acts::{Stage, show_page};
use gate::Premises;
use page::ShopPage;
use report::ReportFile;
use showing::Told;
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
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(SECONDS_LEAST..=300))]
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
    /// Plays the incident with the gate, a harder one with it, and the first one without it. False if a promise was broken, or what
    /// was to be written could not be.
    pub(crate) fn run(self) -> Result<bool, TryError> {
        // What cannot be written is said before anybody watches for minutes.
        let report = self.report.as_deref().map(ReportFile::create).transpose()?;
        let recording = self.record.as_deref().map(Single::create).transpose()?;
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
        let premises = Premises::new(&arena, &secrets);
        let page = ShopPage::open(premises.clock)?;
        tell.page(page.address());
        let stage = Stage {
            arena: &arena,
            premises: &premises,
            tell: &tell,
            page,
            attack: Duration::from_secs(self.seconds),
            seed: secrets.run_id,
            seen: Seen::default(),
        };
        let steal = Steal::now();
        let habits = stage.rehearse()?;
        let memory = recording.map(|file| premises.memory(file)).transpose()?;
        let (gate, told) = premises.guard(&habits, memory)?;
        let shown = self.show(stage, &told, &steal, report);
        // Whatever became of the rest, what was recorded is written to its end.
        let missing = gate.stop();
        if let Some(missing) = &missing {
            eprintln!("portcullis: {missing}");
        }
        Ok(shown? && missing.is_none())
    }

    /// The acts, what they brought, and a shop that stays.
    fn show(
        &self,
        mut stage: Stage<'_>,
        told: &Told,
        steal: &Steal,
        file: Option<ReportFile>,
    ) -> Result<bool, TryError> {
        let with_gate = [stage.first_attack(told)?, stage.second_attack(told)?];
        let draft = stage.page.draft();
        let without_gate = stage.without_gate(told)?;
        let log_bytes = stage.premises.log.0.load(Relaxed);
        let seen = Seen { log_bytes, steal: steal.share(), ..stage.seen.clone() };
        let board = Scoreboard::new([&with_gate[0], &with_gate[1], &without_gate], seen);
        self.print(&board, stage.tell);
        let reported = report(&stage, draft.as_ref(), file);
        if let Err(error) = &reported {
            eprintln!("portcullis: {error}");
        }
        if self.stay {
            stay(&mut stage, told)?;
        }
        Ok(reported.is_ok() && board.promises.iter().all(|promise| promise.kept))
    }

    fn print(&self, board: &Scoreboard, tell: &Teller) {
        if self.json {
            show_line!("{}", serde_json::to_string(board).unwrap_or_default());
            return;
        }
        show!("{board}");
        if let Some(rule) = &board.rule {
            show_line!();
            tell.say(&sentence(rule));
        }
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
fn report(stage: &Stage<'_>, draft: Option<&Draft>, file: Option<ReportFile>) -> Result<(), TryError> {
    let Some(draft) = draft else {
        let none = "\nThe public was told of nothing, so there is no report.";
        if file.is_some() {
            stage.tell.aside(none)
        } else {
            stage.tell.say(none)
        }
        return Ok(());
    };
    let mut file = file;
    if let Some(file) = &mut file {
        file.write(&stage.page.report(draft))?;
    }
    stage.tell.report(draft, file.as_ref().map(ReportFile::path));
    Ok(())
}

fn stay(stage: &mut Stage<'_>, told: &Told) -> Result<(), TryError> {
    let Stage { arena, premises, page, tell, .. } = stage;
    tell.aside(&format!(
        "\nShop and gate stay up until Ctrl-C: gate http://{}/, shop http://{}/, status page http://{}/. A customer's cookie for the gate:\nportcullis={}",
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

/// Ten good seconds in a row from the second one on at the latest: shorter attacks cannot show that they were.
const SECONDS_LEAST: u64 = 12;
/// Open files that the demonstration needs: two for each attacking connection, and some.
const FILES_WANTED: u64 = 12_000;
