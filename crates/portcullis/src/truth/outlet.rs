//! Serves the page, and writes it into folders, on a thread of its own.

use std::net::TcpListener;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use status_io::{Reception, Work, server_limits};
use tokio::sync::watch;
use tokio::task::LocalSet;

/// What serves and exports, until it is stopped or dropped.
pub(crate) struct Outlet {
    listener: Option<TcpListener>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// What is ready to be served and exported.
pub(crate) struct Ready {
    /// `None`: the page is only exported.
    pub(crate) listener: Option<TcpListener>,
    pub(crate) site: status_io::Site,
    pub(crate) work: Work,
    /// Who answers forms.
    pub(crate) reception: Option<Arc<dyn Reception>>,
}

impl Outlet {
    /// Serves from now on.
    pub(crate) fn start(ready: Ready) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let Ready { listener, site, work, reception } = ready;
        let kept = listener.as_ref().map(TcpListener::try_clone).transpose()?;
        let (stop, stopped) = watch::channel(false);
        let run = move || {
            let local = LocalSet::new();
            runtime.block_on(local.run_until(async {
                // Without a listener there is nothing to wait for but the folders.
                let serving = listener.and_then(|listener| tokio::net::TcpListener::from_std(listener).ok());
                let exporting = work.run(ended(stopped.clone()));
                match serving {
                    Some(serving) => {
                        let serving =
                            status_io::serve(serving, server_limits(), site, reception, ended(stopped));
                        tokio::join!(serving, exporting);
                    }
                    None => exporting.await,
                }
            }));
            drop(local);
            // An export to a disk that hangs is left behind: the gate must end.
            runtime.shutdown_timeout(EXPORT_ENDS_WITHIN);
        };
        let thread = std::thread::Builder::new().name("status".to_owned()).spawn(run)?;
        Ok(Self { listener: kept, stop, thread: Some(thread) })
    }

    /// The listener, so that a successor can take it over.
    pub(crate) const fn listener(&self) -> Option<&TcpListener> {
        self.listener.as_ref()
    }

    /// Serves and exports nothing more, soon.
    pub(crate) fn retire(&self) {
        self.stop.send_replace(true);
    }

    /// Serves and exports nothing more.
    fn stop(&mut self) {
        self.retire();
        if let Some(thread) = self.thread.take() {
            // Its panic was reported when it happened.
            let _ended = thread.join();
        }
    }
}

impl Drop for Outlet {
    fn drop(&mut self) {
        self.stop();
    }
}

const EXPORT_ENDS_WITHIN: Duration = Duration::from_secs(2);

async fn ended(mut stopped: watch::Receiver<bool>) {
    // An error says that whoever could stop it is gone.
    let _ended = stopped.wait_for(|stopped| *stopped).await;
}
