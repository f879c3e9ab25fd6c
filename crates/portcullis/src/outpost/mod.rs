//! `portcullis outpost`: on a machine elsewhere, tries the site as people do, holds the gate's status page, and says that nobody can
//! reach the site when the gate cannot.

mod contact;
mod held;
mod plane;
mod relay;
mod watching;

use std::cell::RefCell;
use std::error::Error;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use config::{OutpostConfig, OutpostPage};
use console_io::{Console, ConsoleSettings};
use edge_io::Clock;
use incident::View;
use journal_io::journal::{Journal, JournalSettings};
use journal_io::keys::{ConsoleToken, PageKey};
use journal_io::logs::{Events, LogSettings};
use journal_io::{Kept, Now};
use model::Timestamp;
use probe::Watch;
use probe_io::Prober;
use status::PageData;
use status_io::Publisher;
use tokio::signal::unix::{SignalKind, signal};

use crate::alerts::Alerts;
use crate::folders;
use crate::handover::Inherited;
use crate::probing::{agent, jobs, only_usable, probe_clock};
use crate::truth::{Outlet, Page, Ready, Seal, Told, Truth, listen, mirrors, page_of, settings};
use contact::Contact;
use held::{GatePage, Held};
use plane::Plane;
use relay::Relay;
use watching::Watching;

/// Watch a gate from elsewhere, hold its status page, and say when nobody can reach it.
#[derive(Debug, clap::Args)]
pub(crate) struct OutpostArgs {
    /// The configuration.
    #[arg(long, default_value = "outpost.toml")]
    config: PathBuf,
    /// Only show all errors of the configuration.
    #[arg(long)]
    check: bool,
    /// Print the commented default configuration instead.
    #[arg(long, conflicts_with = "check")]
    print_default: bool,
}

/// Why an outpost's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
enum OutpostError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {error}; name another with --config, or write one from `portcullis outpost --print-default`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// The configuration has no page; it was refused before.
    #[error("there is no [page]")]
    NoPage,
}

impl OutpostArgs {
    /// Runs the outpost until it is told to stop.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        if self.print_default {
            show!("{}", OutpostConfig::default_commented());
            return Ok(());
        }
        let (config, warnings) = read(&self.config)?;
        if self.check {
            config.page.iter().try_for_each(|page| Alerts::of_outpost(&config, page).check())?;
            show_line!("{} is in order.", self.config.display());
            warnings.iter().for_each(|warning| show_line!("{warning}"));
            folders::of_outpost(&config).iter().for_each(|warning| show_line!("{warning}"));
            return Ok(());
        }
        serve(&config, &warnings)
    }
}

fn read(path: &Path) -> Result<(OutpostConfig, Vec<String>), Box<dyn Error>> {
    let text =
        std::fs::read_to_string(path).map_err(|error| OutpostError::Read { path: path.to_owned(), error })?;
    let (config, warnings) = OutpostConfig::parse(&path.display().to_string(), &text)?;
    Ok((config, warnings.iter().map(ToString::to_string).collect()))
}

/// Runs until it is told to stop.
fn serve(config: &OutpostConfig, warnings: &[String]) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    let Started { watching, truth, outlet, console, events } = start(config)?;
    warnings.iter().for_each(|warning| events.warning(format_args!("{warning}")));
    events.info(format_args!("the outpost watches"));
    runtime.block_on(watching.run(async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    }));
    events.info(format_args!("stopping"));
    // A look-up of a name that hangs is left behind.
    runtime.shutdown_background();
    console.stop();
    truth.stop();
    drop(outlet);
    Ok(())
}

/// What an outpost consists of.
struct Started {
    watching: Watching,
    truth: Arc<Truth>,
    outlet: Option<Outlet>,
    console: Console,
    events: Arc<Events>,
}

fn start(config: &OutpostConfig) -> Result<Started, Box<dyn Error>> {
    let page = config.page.as_ref().ok_or(OutpostError::NoPage)?;
    let (clock, state) = (Clock::start(), config.state.dir.clone());
    std::fs::create_dir_all(&state)?;
    let events = Arc::new(log(config, clock)?);
    let quota_bytes = config.state.journal.bytes();
    let (journal, loaded) =
        Journal::open(&state, JournalSettings { quota_bytes, ..JournalSettings::default() })?;
    let journal = Arc::new(journal);
    let held = Arc::new(Held::default());
    hold_again(&held, &state, &events);
    let agent = agent(Some(page.url.as_str()));
    let prober = Arc::new(only_usable(Prober::new(jobs(&config.probe), &agent, probe_clock(clock)))?);
    let contact = match &config.gate {
        Some(gate) => Some((Contact::new(gate, held.at())?, gate.every)),
        None => None,
    };
    let mut made = make_page(page, &state, held.clone(), clock)?;
    let folders = made.folders.take();
    let outlet = made.outlet.take().map(Outlet::start).transpose()?;
    let alerts = Alerts::of_outpost(config, page);
    let courier = alerts.start(&loaded, journal.clone(), events.clone(), clock, false)?.map(Arc::new);
    let told = Told { courier, pages: None, mailing: None };
    let truth = Arc::new(Truth::start(made, &loaded, journal.clone(), events.clone(), clock, told, false)?);
    let (prober_seen, held_seen, told) = (prober.clone(), held.clone(), truth.clone());
    let plane = Plane { prober: prober_seen, held: held_seen, truth: told, folders, clock };
    let console = start_console(config, plane)?;
    let lost_after = config.gate.as_ref().map(|gate| gate.lost_after);
    let watch = RefCell::new(Watch::new(page.after, lost_after, held.at().is_some(), clock.now()));
    let told = truth.clone();
    let said = events.clone();
    let watching =
        Watching { prober, contact, watch, held, truth: told, journal, events: said, state, clock };
    Ok(Started { watching, truth, outlet, console, events })
}

fn log(config: &OutpostConfig, clock: Clock) -> std::io::Result<Events> {
    let folder = config.log.dir.clone().unwrap_or_else(|| config.state.dir.join("log"));
    let settings = LogSettings { bytes_max: config.log.total.bytes(), ..LogSettings::new(&folder) };
    let both: journal_io::Clock = Arc::new(move || Now { instant: clock.now(), wall: clock.wall() });
    settings.start_own(&both)
}

/// Goes on with the page that was held before the stop.
fn hold_again(held: &Held, folder: &Path, events: &Events) {
    match Kept::Page.read(folder) {
        Ok(None) => {}
        Ok(Some(bytes)) => match PageData::read(&bytes) {
            Ok(data) => held.hold(GatePage { data, signed: None }),
            Err(error) => events.warning(format_args!("the page that was held before is given up: {error}")),
        },
        Err(error) => events.error(format_args!("the page that was held before cannot be read: {error}")),
    }
}

/// As a gate's page, but for who makes it.
fn make_page(
    page: &OutpostPage,
    state: &Path,
    held: Arc<Held>,
    clock: Clock,
) -> Result<Page, Box<dyn Error>> {
    let status = page.as_status();
    // The gate's page, which is held, may have a form, which leads to the gate.
    let site = status_io::Site::new(&status::content_security_policy(Some("https:")))?;
    let wall: status_io::Clock = Arc::new(move || clock.wall());
    let (publisher, work) = Publisher::new(mirrors(&status, state), wall);
    let publisher = Arc::new(publisher);
    let listener: Option<TcpListener> =
        status.listen.map(|address| listen(address, &mut Inherited::default())).transpose()?;
    let relay = Relay {
        page: page_of(&status)?,
        seal: Seal::new(PageKey::load_or_create(state)?),
        site: site.clone(),
        publisher: publisher.clone(),
        held,
        seq: 0,
        exported: (View::default(), Timestamp::default()),
    };
    Ok(Page {
        settings: settings(&status),
        signals: Vec::new(),
        page: None,
        press: Some(Box::new(relay)),
        outlet: Some(Ready { listener, site, work, reception: None }),
        folders: Some(publisher),
        forms: Default::default(),
    })
}

fn start_console(config: &OutpostConfig, plane: Plane) -> Result<Console, Box<dyn Error>> {
    let token_file =
        config.console.token_file.clone().unwrap_or_else(|| config.state.dir.join("console.token"));
    let settings = ConsoleSettings {
        address: Some(config.console.address),
        hosts: config.console.hosts.clone(),
        token: ConsoleToken::load_or_create(&token_file)?.as_str().to_owned(),
        // An outpost knows no customers.
        mailer_token: None,
        metrics_allow: config.console.metrics_allow.clone(),
        socket: None,
        succeeds: false,
    };
    Ok(Console::start(settings, None, Arc::new(plane))?)
}
