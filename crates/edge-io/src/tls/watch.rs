//! Certificates whose files change are read again, without a connection noticing.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Tls;

/// What became of certificates whose files have changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum CertificateNews {
    /// They were read and are in use.
    Read,
    /// They cannot be used; those before stay in use.
    Failed(String),
}

/// Looks at the files of all listeners every few seconds.
pub(crate) struct CertificateWatch {
    stopping: Arc<AtomicBool>,
    news: Arc<Mutex<Option<CertificateNews>>>,
    thread: Option<JoinHandle<()>>,
}

impl CertificateWatch {
    pub(crate) fn start(listeners: Vec<Arc<Tls>>) -> io::Result<Self> {
        let (stopping, news) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let watched = Watched { seen: prints(&listeners), said: None, listeners, news: Arc::clone(&news) };
        let thread = (!watched.listeners.is_empty())
            .then(|| {
                let stopping = stopping.clone();
                std::thread::Builder::new().name("certificates".into()).spawn(move || watched.run(&stopping))
            })
            .transpose()?;
        Ok(Self { stopping, news, thread })
    }

    /// What happened since the last call.
    pub(crate) fn news(&self) -> Option<CertificateNews> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(crate) fn stop(&mut self) {
        self.stopping.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _panicked = thread.join();
        }
    }
}

struct Watched {
    listeners: Vec<Arc<Tls>>,
    seen: Vec<Print>,
    said: Option<CertificateNews>,
    news: Arc<Mutex<Option<CertificateNews>>>,
}

/// What tells that a file is another one, or has been written: device, inode, size, time of change.
type Print = (PathBuf, Option<[u64; 4]>);

impl Watched {
    fn run(mut self, stopping: &AtomicBool) {
        while !stopping.load(Relaxed) {
            std::thread::park_timeout(LOOK_EVERY);
            self.look();
        }
    }

    /// Reads all again once a file has changed. Certificate and key are written one after the other, and do not fit together
    /// in between: then they are tried again at each look.
    fn look(&mut self) {
        let now = prints(&self.listeners);
        if now == self.seen {
            return;
        }
        let result = self.listeners.iter().try_for_each(|tls| tls.reload());
        let news = match result {
            Ok(()) => {
                self.seen = now;
                CertificateNews::Read
            }
            Err(error) => CertificateNews::Failed(error.to_string()),
        };
        if self.said.as_ref() != Some(&news) || news == CertificateNews::Read {
            self.said = Some(news.clone());
            *self.news.lock().unwrap_or_else(PoisonError::into_inner) = Some(news);
        }
    }
}

fn prints(listeners: &[Arc<Tls>]) -> Vec<Print> {
    let print = |path: &PathBuf| {
        let seen = std::fs::metadata(path).ok();
        let seen = seen.map(|seen| {
            [
                seen.dev(),
                seen.ino(),
                seen.size(),
                seen.ctime_nsec().cast_unsigned() ^ seen.ctime().cast_unsigned(),
            ]
        });
        (path.clone(), seen)
    };
    listeners.iter().flat_map(|tls| tls.files()).map(print).collect()
}

const LOOK_EVERY: Duration = Duration::from_secs(2);
