//! The keys in use, and the thread that keeps them fresh.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use tokio::sync::Notify;

use super::keys::{Ignored, KeySet};
use super::source::{JwksError, JwksSource};

/// The keys in use. Old ones stay for as long as new ones cannot be had.
#[derive(Default)]
pub(super) struct Keyring {
    keys: ArcSwap<KeySet>,
    generation: AtomicU64,
    /// A token named a key that is not in the set; asked for once a minute at most.
    wanted: AtomicBool,
    wake: Notify,
    stop: Notify,
    news: Mutex<News>,
}

#[derive(Default)]
struct News {
    last: Option<KeysNews>,
    unsaid: bool,
}

/// What became of the keys, for the log.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeysNews {
    /// They were read.
    Read {
        /// Keys in use.
        count: usize,
        /// Keys of the set that are not used.
        ignored: Vec<Ignored>,
    },
    /// They cannot be had.
    Failed {
        /// Why.
        why: String,
        /// Keys that stay in use.
        count: usize,
    },
}

impl Keyring {
    /// The keys, and a number that is another one for each set.
    pub(super) fn keys(&self) -> (Guard<Arc<KeySet>>, u64) {
        (self.keys.load(), self.generation.load(Ordering::Acquire))
    }

    /// A token names a key that is not there: perhaps it is new.
    pub(super) fn want(&self) {
        if !self.wanted.swap(true, Ordering::Relaxed) {
            self.wake.notify_one();
        }
    }

    /// What happened since the last call, if it is something new.
    pub(super) fn news(&self) -> Option<KeysNews> {
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut news.unsaid).then(|| news.last.clone()).flatten()
    }

    /// Reads the keys now, then every ten minutes, and earlier when one is wanted, until [`Keyring::stop`].
    pub(super) async fn keep_fresh(&self, source: &JwksSource) {
        tokio::select! {
            () = self.refresh_for_ever(source) => {}
            () = self.stop.notified() => {}
        }
    }

    /// Ends [`Keyring::keep_fresh`].
    pub(super) fn stop(&self) {
        self.stop.notify_one();
    }

    async fn refresh_for_ever(&self, source: &JwksSource) {
        loop {
            let good = self.refresh(source).await;
            let pause = if self.keys.load().count() == 0 { RETRY_WITHOUT_ANY } else { PAUSE_MIN };
            tokio::time::sleep(pause).await;
            if good {
                // `wanted` may have been set during the pause; then the permit is there already.
                let _early = tokio::time::timeout(REFRESH - PAUSE_MIN, self.wake.notified()).await;
            }
        }
    }

    /// Reads the keys once. Returns whether they could be had.
    async fn refresh(&self, source: &JwksSource) -> bool {
        self.wanted.store(false, Ordering::Relaxed);
        let outcome = source.read().await;
        let good = outcome.is_ok();
        self.take(outcome);
        good
    }

    fn take(&self, outcome: Result<KeySet, JwksError>) {
        let said = match outcome {
            Ok(keys) => {
                let said = KeysNews::Read { count: keys.count(), ignored: keys.ignored().to_vec() };
                self.keys.store(Arc::new(keys));
                self.generation.fetch_add(1, Ordering::Release);
                said
            }
            Err(error) => KeysNews::Failed { why: error.to_string(), count: self.keys.load().count() },
        };
        let mut news = self.news.lock().unwrap_or_else(PoisonError::into_inner);
        if news.last.as_ref() != Some(&said) {
            *news = News { last: Some(said), unsaid: true };
        }
    }
}

/// Starts the thread: files and address look-ups may block, and keys are parsed off the way of requests. Keys in a file
/// are there before the first request.
pub(super) fn start(keyring: Arc<Keyring>, source: JwksSource) -> io::Result<JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if matches!(source, JwksSource::File(_)) {
        runtime.block_on(keyring.refresh(&source));
    }
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
        runtime.block_on(keyring.keep_fresh(&source));
        // A look-up that hangs must not keep the gate from stopping.
        runtime.shutdown_background();
    })
}

/// Between two readings when nothing is wrong.
const REFRESH: Duration = Duration::from_secs(600);
/// Between two readings when a token names an unknown key, or after a failure.
const PAUSE_MIN: Duration = Duration::from_secs(60);
/// After a failure, as long as there is no key at all.
const RETRY_WITHOUT_ANY: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
