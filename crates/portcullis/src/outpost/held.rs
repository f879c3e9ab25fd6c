//! The gate's page as it was last heard of, and what is shown of it.

use std::sync::{Arc, Mutex, PoisonError};

use incident::{Outside, View};
use model::Timestamp;
use probe::Reading;
use status::{Manifest, Page, PageData};
use web_io::Bytes;

/// What the outpost knows beside its own record, shared by those who learn it and those who show it.
#[derive(Default)]
pub(super) struct Held {
    page: Mutex<Option<Arc<GatePage>>>,
    seen: Mutex<Seen>,
}

/// The gate's page.
pub(super) struct GatePage {
    pub(super) data: PageData,
    /// Its manifest and the signature of that, if they were believed.
    pub(super) signed: Option<Signed>,
}

/// What says whose page it is.
pub(super) struct Signed {
    pub(super) manifest: Manifest,
    pub(super) bytes: Bytes,
    pub(super) signature: Bytes,
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
    /// What goes on is the gate's to say, whatever it says.
    pub(super) is_handed_over: bool,
}

/// What is to be shown.
pub(super) struct Shown {
    pub(super) page: Page,
    pub(super) view: View,
    pub(super) at: Timestamp,
    /// The gate's page, if all of it is shown and nothing else.
    pub(super) gate: Option<Arc<GatePage>>,
}

impl Held {
    /// When the page was made that is held.
    pub(super) fn at(&self) -> Option<Timestamp> {
        let held = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().map(|page| page.data.at)
    }

    /// Holds a newer page.
    pub(super) fn hold(&self, page: GatePage) {
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(page));
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
        let held = self.page.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(gate) = held else {
            return Shown { page: page.clone(), view: own.clone(), at: now, gate: None };
        };
        let (page, mut view) = (gate.data.page.clone(), gate.data.view.clone());
        let mut own = own.clone();
        if self.seen().is_handed_over {
            own.outside.retain(|spell| spell.until.is_some());
        }
        if view.add_outside(&own) {
            return Shown { page, view, at: now, gate: None };
        }
        Shown { page, view, at: gate.data.at, gate: Some(gate) }
    }
}
