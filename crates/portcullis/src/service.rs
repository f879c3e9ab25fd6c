//! A gate that runs until it is told to stop.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use console_io::ctl::SOCKET_NAME;
use console_io::{Console, ConsoleSettings};
use journal_io::keys::ConsoleToken;
use model::Prefix;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::control::Control;
use crate::running::{RunError, Running};

/// The console beside a gate.
pub(crate) struct Beside {
    pub(crate) site_name: String,
    pub(crate) address: SocketAddr,
    pub(crate) hosts: Vec<String>,
    pub(crate) token_file: Option<PathBuf>,
    pub(crate) metrics_allow: Vec<Prefix>,
}

/// Hears SIGTERM and SIGINT from its making on: one that comes while the gate starts stops it as soon as it stands.
pub(crate) struct StopSignals {
    runtime: Runtime,
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Must come before the first socket opens, or a signal could end a gate that serves already without its order.
    pub(crate) fn install() -> Result<Self, RunError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (terminate, interrupt) = {
            let _inside = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        Ok(Self { runtime, terminate, interrupt })
    }
}

/// Starts the console, then keeps house once a second until a signal asks to stop, then stops in good order.
pub(crate) fn until_stopped(
    signals: StopSignals,
    running: Running,
    state: &Path,
    beside: Beside,
) -> Result<(), RunError> {
    let console = match start_console(&running, state, beside) {
        Ok(console) => console,
        Err(error) => {
            running.stop();
            return Err(error);
        }
    };
    let StopSignals { runtime, mut terminate, mut interrupt } = signals;
    runtime.block_on(async {
        tokio::select! {
            biased;
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = keep_house(&running) => {}
        }
    });
    running.events.info(format_args!("stopping: open requests may end first"));
    console.stop();
    running.stop();
    Ok(())
}

/// Never ends.
async fn keep_house(running: &Running) {
    let mut second = tokio::time::interval(Duration::from_secs(1));
    for seconds in 1_u64.. {
        second.tick().await;
        running.keep_house(seconds);
        if seconds.is_multiple_of(REMIND_SECONDS) && running.site.is_bypassed() {
            running.events.error(format_args!("bypass is still on: nothing is protected"));
        }
    }
}

fn start_console(running: &Running, state: &Path, beside: Beside) -> Result<Console, RunError> {
    let token_file = beside.token_file.unwrap_or_else(|| state.join("console.token"));
    let token = ConsoleToken::load_or_create(&token_file)?;
    let settings = ConsoleSettings {
        address: Some(beside.address),
        hosts: beside.hosts,
        token: token.as_str().to_owned(),
        metrics_allow: beside.metrics_allow,
        socket: Some(state.join(SOCKET_NAME)),
    };
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
        clock: running.clock,
    };
    Ok(Console::start(settings, Arc::new(control))?)
}

/// A forgotten bypass is said once an hour (contract).
const REMIND_SECONDS: u64 = 3_600;
