//! Accounts that the journal has still to erase.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use journal_io::journal::Journal;
use model::AccountId;

use crate::running::SITE;

/// Repeats what the journal could not erase at once: a reader may hold its file up for a moment.
pub(crate) struct Erasures {
    journal: Arc<Journal>,
    waiting: Mutex<Vec<AccountId>>,
}

impl Erasures {
    pub(crate) fn new(journal: Arc<Journal>) -> Self {
        Self { journal, waiting: Mutex::default() }
    }

    /// Erases an account now, or notes it; whether it is erased already.
    pub(crate) fn erase(&self, account: AccountId) -> bool {
        let erased = self.journal.forget(SITE, account, PATIENCE);
        if !erased {
            let mut waiting = self.waiting();
            if !waiting.contains(&account) {
                waiting.push(account);
            }
        }
        erased
    }

    /// Tries some of those that wait, the longest waiting first; how many still do.
    pub(crate) fn try_again(&self) -> usize {
        let next: Vec<AccountId> = self.waiting().iter().copied().take(AT_ONCE).collect();
        for account in next {
            if !self.journal.forget(SITE, account, PATIENCE_AGAIN) {
                break;
            }
            self.waiting().retain(|waiting| *waiting != account);
        }
        self.waiting().len()
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<AccountId>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Shorter than what a command may take.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_AGAIN: Duration = Duration::from_millis(500);
const AT_ONCE: usize = 16;
