//! The gate's page as it was last heard of, and what is shown of it.

use std::sync::{Arc, Mutex, PoisonError};

use incident::{Outside, View};
use model::Timestamp;
use probe::Reading;
use status::{Page, PageCopy};

/// What the outpost knows beside its own record, shared by those who learn it and those who show it.
#[derive(Default)]
pub(super) struct Held {
    copy: Mutex<Option<Arc<PageCopy>>>,
    seen: Mutex<Seen>,
}

/// What the outpost sees now.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// How the site does by its public names.
    pub(super) public: Reading,
    /// Whether it can be reached.
    pub(super) outside: Outside,
    /// Whether the gate is heard of; `None`: there is none.
    pub(super) is_in_touch: Option<bool>,
}

/// What is to be shown.
pub(super) struct Shown {
    pub(super) page: Page,
    pub(super) view: View,
    pub(super) at: Timestamp,
}

impl Held {
    /// Holds a newer page.
    pub(super) fn hold(&self, copy: PageCopy) {
        *self.copy.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(copy));
    }

    /// Notes what is seen now.
    pub(super) fn see(&self, seen: Seen) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = seen;
    }

    /// What is seen now.
    pub(super) fn seen(&self) -> Seen {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The gate's page, to the byte, as long as it tells all; else with what only the outpost knows. Where no page is held, the
    /// outpost's own.
    pub(super) fn shown(&self, own: &View, page: &Page, now: Timestamp) -> Shown {
        let copy = self.copy.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(copy) = copy else { return Shown { page: page.clone(), view: own.clone(), at: now } };
        let mut view = copy.view.clone();
        let at = if view.add_outside(own) { now } else { copy.at };
        Shown { page: copy.page.clone(), view, at }
    }
}
