//! Starts and stops both listeners.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use model::Prefix;
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::LocalSet;
use web_io::ServerLimits;

use crate::ControlPlane;
use crate::ctl::{self, Socket, SocketError};
use crate::desk::Desk;
use crate::http::{Access, answer};

/// Where the console listens and whom it answers.
#[derive(Clone, Debug, Default)]
pub struct ConsoleSettings {
    /// The listener; `None` leaves it out. Port 0 takes a free one, see [`Console::address`].
    pub address: Option<SocketAddr>,
    /// Host names that may be asked for, beside the listener's own address and `localhost`.
    pub hosts: Vec<String>,
    /// The bearer token; an empty one opens to nobody.
    pub token: String,
    /// A second one, for the app's mailer: it makes links for customers and does nothing else. `None`: there is none.
    pub mailer_token: Option<String>,
    /// Networks that may read `/metrics` without it.
    pub metrics_allow: Vec<Prefix>,
    /// The control socket, in a folder of its own; `None` leaves it out.
    pub socket: Option<PathBuf>,
    /// A gate that this one takes the place of still answers at the socket.
    pub succeeds: bool,
}

/// Why the console does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The address.
    #[error("the console cannot listen on {0}: {1}; choose another with [console] address or --console")]
    Address(SocketAddr, io::Error),
    /// The socket.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// The thread or its runtime.
    #[error("the console's thread cannot be started: {0}")]
    Thread(io::Error),
}

/// The running console. Dropping it stops it.
pub struct Console {
    /// The listener, for a successor.
    listener: Option<TcpListener>,
    address: Option<SocketAddr>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Console {
    /// Opens listener and socket, and answers on a thread of its own. A listener that is open already is used in place of a
    /// new one.
    ///
    /// # Errors
    /// [`ConsoleError`]; nothing stays open then.
    pub fn start(
        settings: ConsoleSettings,
        open_already: Option<TcpListener>,
        plane: Arc<dyn ControlPlane>,
    ) -> Result<Self, ConsoleError> {
        let web = settings.address.map(|address| bind(address, open_already)).transpose()?;
        let address = web.as_ref().map(|(_, address)| *address);
        let listener = web.as_ref().and_then(|(listener, _)| listener.try_clone().ok());
        let ctl = settings.socket.as_deref().map(|path| open(path, settings.succeeds)).transpose()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(Desk::THREADS)
            .build()
            .map_err(ConsoleError::Thread)?;
        let (stop, stopped) = watch::channel(false);
        let work = move || run(runtime, web, ctl, &settings, plane, stopped);
        let thread = std::thread::Builder::new().name("console".to_owned()).spawn(work);
        Ok(Self { listener, address, stop, thread: Some(thread.map_err(ConsoleError::Thread)?) })
    }

    /// Where the listener is.
    pub const fn address(&self) -> Option<SocketAddr> {
        self.address
    }

    /// The listener, so that a successor can take it over.
    pub const fn listener(&self) -> Option<&TcpListener> {
        self.listener.as_ref()
    }

    /// Stops answering, removes the socket, and waits for commands under way for at most 2 s.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // Its panic was reported when it happened.
            let _ended = thread.join();
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.end();
    }
}

fn bind(
    address: SocketAddr,
    open_already: Option<TcpListener>,
) -> Result<(TcpListener, SocketAddr), ConsoleError> {
    let failed = |error| ConsoleError::Address(address, error);
    let listener = open_already.map_or_else(|| TcpListener::bind(address), Ok).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

fn open(path: &Path, succeeds: bool) -> Result<(Socket, UnixListener), ConsoleError> {
    // Without the file there is no such group, and the socket is for the gate's own user.
    let groups = std::fs::read_to_string(GROUPS).unwrap_or_default();
    let (socket, listener) = Socket::open(path, ctl::group_id(&groups, ctl::GROUP), succeeds)?;
    listener.set_nonblocking(true).map_err(ConsoleError::Thread)?;
    Ok((socket, listener))
}

fn run(
    runtime: Runtime,
    web: Option<(TcpListener, SocketAddr)>,
    ctl: Option<(Socket, UnixListener)>,
    settings: &ConsoleSettings,
    plane: Arc<dyn ControlPlane>,
    stopped: watch::Receiver<bool>,
) {
    let desk = Rc::new(Desk::new(plane));
    let tasks = LocalSet::new();
    let serving = async {
        let Some((listener, address)) = web else { return };
        let access = Access::new(address, settings);
        serve_http(listener, access, desk.clone(), wait_for(stopped.clone())).await;
    };
    let listening = async {
        let Some((socket, listener)) = ctl else { return };
        // Taken over without fail: it is non-blocking, and the reactor runs.
        let Ok(listener) = tokio::net::UnixListener::from_std(listener) else { return };
        tokio::select! {
            () = ctl::listen(listener, Rc::new(socket), desk.clone()) => {}
            () = wait_for(stopped.clone()) => {}
        }
    };
    tasks.block_on(&runtime, async { tokio::join!(serving, listening) });
    drop(tasks);
    runtime.shutdown_timeout(LAST_COMMANDS);
}

async fn serve_http(listener: TcpListener, access: Access, desk: Rc<Desk>, stop: impl Future<Output = ()>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let access = Rc::new(access);
    let limits = ServerLimits { body_bytes: FORM_BYTES_MAX, ..ServerLimits::default() };
    let handler = move |request, peer| {
        let (access, desk) = (access.clone(), desk.clone());
        async move { answer(&access, &desk, request, peer).await }
    };
    web_io::serve(listener, limits, handler, stop).await;
}

async fn wait_for(mut stopped: watch::Receiver<bool>) {
    // An error means that the console is gone, which is the same.
    let _stop = stopped.wait_for(|stop| *stop).await;
}

/// Groups of this machine; those of a directory service are not seen.
const GROUPS: &str = "/etc/group";
/// The longest report, each letter of it escaped, and what is around it.
const FORM_BYTES_MAX: usize = 96 * 1024;
const LAST_COMMANDS: Duration = Duration::from_secs(2);
