//! A number of connections that may be had at once, and the wait for one.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use tokio::sync::Notify;

/// So many may be had at once, over all workers; who waits longest gets the next.
pub(crate) struct Share {
    most: AtomicU32,
    held: AtomicU32,
    waiting: AtomicU32,
    freed: Notify,
}

impl Share {
    /// `most` at once; at least one.
    pub(crate) fn new(most: u32) -> Self {
        Self {
            most: AtomicU32::new(most.max(1)),
            held: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            freed: Notify::new(),
        }
    }

    /// From now on `most` at once, if that is more than before.
    pub(crate) fn raise(&self, most: u32) {
        let before = self.most.fetch_max(most, SeqCst);
        for _ in 0..most.saturating_sub(before).min(self.waiting()) {
            self.freed.notify_one();
        }
    }

    pub(crate) fn most(&self) -> u32 {
        self.most.load(SeqCst)
    }

    pub(crate) fn held(&self) -> u32 {
        self.held.load(SeqCst)
    }

    pub(crate) fn waiting(&self) -> u32 {
        self.waiting.load(SeqCst)
    }

    /// Takes one, unless none is left or somebody waits already.
    pub(crate) fn try_take(&self) -> bool {
        self.waiting() == 0 && self.take_if_left()
    }

    /// Waits for one. Dropping the future gives up the wait.
    pub(crate) async fn take(&self) {
        // Sequentially consistent: whoever gives one back either sees this wait or is seen by it.
        self.waiting.fetch_add(1, SeqCst);
        let _waits = Waits(self);
        loop {
            let mut freed = pin!(self.freed.notified());
            freed.as_mut().enable();
            if self.take_if_left() {
                return;
            }
            freed.await;
        }
    }

    /// Gives one back.
    pub(crate) fn give_back(&self) {
        self.held.fetch_sub(1, SeqCst);
        if self.waiting() > 0 {
            self.freed.notify_one();
        }
    }

    fn take_if_left(&self) -> bool {
        if self.held.fetch_add(1, SeqCst) < self.most.load(SeqCst) {
            return true;
        }
        self.held.fetch_sub(1, SeqCst);
        false
    }
}

struct Waits<'a>(&'a Share);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn who_waits_gets_what_there_is_more_of() {
        let share = Share::new(1);
        assert!(share.try_take());
        let mut waits = pin!(share.take());
        assert!(tokio::time::timeout(Duration::ZERO, waits.as_mut()).await.is_err());
        share.raise(2);
        waits.await;
        assert!(!share.try_take());
        share.raise(1);
        share.give_back();
        assert!(share.try_take(), "it is never less than before");
    }

    #[tokio::test]
    async fn who_waits_gets_what_is_given_back_and_nobody_overtakes() {
        let share = Share::new(1);
        assert!(share.try_take());
        assert!(!share.try_take());
        {
            let mut waits = pin!(share.take());
            assert!(tokio::time::timeout(Duration::ZERO, waits.as_mut()).await.is_err());
            share.give_back();
            assert!(!share.try_take(), "it belongs to who waits");
            waits.await;
        }
        assert_eq!((share.held(), share.waiting()), (1, 0));
        {
            let mut gives_up = pin!(share.take());
            assert!(tokio::time::timeout(Duration::ZERO, gives_up.as_mut()).await.is_err());
        }
        share.give_back();
        assert!(share.try_take(), "who gave up is not waited for");
    }
}
