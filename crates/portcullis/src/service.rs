//! A gate that runs until it is told to stop.

use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use console_io::ctl::SOCKET_NAME;
use console_io::{Console, ConsoleSettings};
use journal_io::keys::ConsoleToken;
use model::Prefix;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::control::{Control, LinkPlace};
use crate::handover::{
    ChannelError, Heir, HeirError, INFLIGHT_EVERY, Inherited, Program, Raising, Supervisor,
};
use crate::running::{RunError, Running};

/// The console beside a gate.
pub(crate) struct Beside {
    pub(crate) site_name: String,
    pub(crate) address: SocketAddr,
    pub(crate) hosts: Vec<String>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) mailer_token_file: Option<PathBuf>,
    pub(crate) metrics_allow: Vec<Prefix>,
    /// Where links for customers lead.
    pub(crate) link_place: LinkPlace,
}

/// Hears SIGTERM, SIGINT and SIGHUP from its making on: one that comes while the gate starts is obeyed as soon as it stands.
pub(crate) struct StopSignals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
    program: Program,
}

impl StopSignals {
    /// Must come before the first socket opens, or a signal could end a gate that serves already without its order.
    pub(crate) fn install() -> Result<Self, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (terminate, interrupt, hangup) = {
            let _inside = runtime.enter();
            (
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::hangup())?,
            )
        };
        Ok(Self { runtime, terminate, interrupt, hangup, program: Program::of_this_process()? })
    }
}

/// Starts the console, then keeps house once a second until a signal asks to stop, or a successor serves; then ends in good
/// order.
pub(crate) fn until_stopped(
    signals: StopSignals,
    mut running: Running,
    state: &Path,
    beside: Beside,
    mut inherited: Inherited,
) -> Result<(), RunError> {
    let console = match start_console(&running, state, beside, &mut inherited) {
        Ok(console) => console,
        Err(error) => {
            running.stop();
            return Err(error);
        }
    };
    for address in inherited.addresses() {
        running.events.warning(format_args!("no [[listen]] is for {address} any more: it is closed"));
    }
    drop(inherited);
    if let Err(error) = running.serves() {
        console.stop();
        running.stop();
        return Err(error);
    }
    let supervisor = Supervisor::of_environment();
    supervisor.ready();
    let StopSignals { runtime, mut terminate, mut interrupt, mut hangup, program } = signals;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let mut stop = pin!(stop);
    let heir = runtime.block_on(async {
        tokio::select! {
            biased;
            () = stop.as_mut() => None,
            heir = find_heir(&running, &console, &program, &mut hangup) => Some(heir),
            () = keep_house(&running, supervisor) => None,
        }
    });
    console.stop();
    match heir {
        None => supervisor.stopping(),
        Some(heir) => runtime.block_on(async {
            running.events.info(format_args!("process {} serves now; what is open here may end", heir.id()));
            running.retire();
            tokio::select! {
                () = stop => {}
                () = wind_down(&running, heir) => {}
            }
        }),
    }
    running.events.info(format_args!("stopping: open requests may end first"));
    running.stop();
    Ok(())
}

/// Never ends.
async fn keep_house(running: &Running, supervisor: Supervisor) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    for seconds in 1_u64.. {
        second.tick().await;
        running.keep_house(seconds);
        supervisor.alive(running.edge.shared().stuck_for());
        if seconds.is_multiple_of(REMIND_SECONDS) && running.site.is_bypassed() {
            running.events.error(format_args!("bypass is still on: nothing is protected"));
        }
    }
}

/// Raises a successor whenever SIGHUP asks for one, until one serves.
async fn find_heir(running: &Running, console: &Console, program: &Program, hangup: &mut Signal) -> Heir {
    loop {
        hangup.recv().await;
        running.events.info(format_args!("SIGHUP: starting a process to take over"));
        match raise(running, console, program).await {
            Ok(heir) => return heir,
            Err(error) => running.events.error(format_args!(
                "the new process cannot take over, and this one goes on as it is: {error}"
            )),
        }
    }
}

async fn raise(running: &Running, console: &Console, program: &Program) -> Result<Heir, HeirError> {
    let bequest = running.bequest(console.listener().map(AsFd::as_fd)).map_err(ChannelError::from)?;
    let raising = Raising::start(program)?;
    // A stop that comes meanwhile must not wait for it.
    let stopper = raising.stopper();
    let raised = tokio::task::spawn_blocking(move || raising.raise(&bequest)).await;
    stopper.disarm();
    raised.unwrap_or(Err(HeirError::NoEstate))
}

/// Until the last request has ended, the successor hears how many are left.
async fn wind_down(running: &Running, heir: Heir) {
    let mut pause = tokio::time::interval(INFLIGHT_EVERY);
    while !running.edge.is_drained() {
        pause.tick().await;
        heir.tell_inflight(running.site.slots().total());
    }
    heir.tell_inflight(0);
}

fn start_console(
    running: &Running,
    state: &Path,
    beside: Beside,
    inherited: &mut Inherited,
) -> Result<Console, RunError> {
    let token_file = beside.token_file.unwrap_or_else(|| state.join("console.token"));
    let token = ConsoleToken::load_or_create(&token_file)?;
    let mailer_token = beside.mailer_token_file.as_deref().map(ConsoleToken::load_or_create).transpose()?;
    if mailer_token.as_ref() == Some(&token) {
        return Err(RunError::SameToken);
    }
    let settings = ConsoleSettings {
        address: Some(beside.address),
        hosts: beside.hosts,
        token: token.as_str().to_owned(),
        mailer_token: mailer_token.map(|token| token.as_str().to_owned()),
        metrics_allow: beside.metrics_allow,
        socket: Some(state.join(SOCKET_NAME)),
        succeeds: running.succeeds(),
    };
    let listener = inherited.take(beside.address).pop();
    let control = Control {
        site: running.site.clone(),
        site_name: beside.site_name,
        shared: running.edge.shared().clone(),
        desk: running.desk.clone(),
        journal: running.journal.clone(),
        erasures: running.erasures.clone(),
        orders: running.orders.clone(),
        state: state.to_owned(),
        events: running.events.clone(),
        access: running.access.clone(),
        memory: running.memory.clone(),
        truth: running.truth.clone(),
        probing: running.probing.clone(),
        host: running.host.clone(),
        folders: running.folders.clone(),
        availability: running.availability.clone(),
        clock: running.clock,
        link_place: beside.link_place,
        links: Default::default(),
    };
    Ok(Console::start(settings, listener, Arc::new(control))?)
}

/// A forgotten bypass is said once an hour (contract).
const REMIND_SECONDS: u64 = 3_600;
