//! Starting and stopping.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

use model::Prefix;
use tokio::sync::oneshot;

use crate::ControlPlane;
use crate::ctl::socket;
use crate::listener::{self, Rules};

/// Where the console listens and whom it answers.
#[derive(Clone, Debug, Default)]
pub struct ConsoleSettings {
    /// The listener; `None` leaves it out.
    pub address: Option<SocketAddr>,
    /// Host names that may be asked for, beside the listener's own address and `localhost`.
    pub hosts: Vec<String>,
    /// The bearer token.
    pub token: String,
    /// Networks that may read `/metrics` without it.
    pub metrics_allow: Vec<Prefix>,
    /// The control socket; `None` leaves it out.
    pub socket: Option<PathBuf>,
}

/// Why the console does not start.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// The address.
    #[error("the console cannot listen on {0}: {1}; choose another with [console] address or --console")]
    Address(SocketAddr, std::io::Error),
    /// The socket.
    #[error("the control socket {} cannot be opened: {error}; does another gate use the same state folder?", path.display())]
    Socket {
        /// Where.
        path: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// The thread.
    #[error("the console's thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// The running console.
pub struct Console {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Console {
    /// Opens listener and socket, and answers on a thread of its own.
    ///
    /// # Errors
    /// [`ConsoleError`].
    pub fn start(settings: ConsoleSettings, plane: Arc<dyn ControlPlane>) -> Result<Self, ConsoleError> {
        let http = settings
            .address
            .map(|address| bind(address).map_err(|error| ConsoleError::Address(address, error)));
        let http = http.transpose()?;
        let ctl = settings
            .socket
            .clone()
            .map(|path| socket::open(&path).map_err(|error| ConsoleError::Socket { path, error }));
        let ctl = ctl.transpose()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ConsoleError::Thread)?;
        let thread = std::thread::Builder::new().name("console".to_owned()).spawn(move || {
            let tasks = tokio::task::LocalSet::new();
            tasks.block_on(&runtime, async move {
                if let Some(listener) = ctl {
                    tokio::task::spawn_local(socket::serve(listener, plane.clone()));
                }
                let stopped = async { stopped.await.unwrap_or(()) };
                match http {
                    Some(http) => listener::serve(http, Rules::new(settings), plane, stopped).await,
                    None => stopped.await,
                }
            });
        });
        Ok(Self { stop, thread: thread.map_err(ConsoleError::Thread)? })
    }

    /// Stops answering.
    pub fn stop(self) {
        drop(self.stop);
        let _ended = self.thread.join();
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}
