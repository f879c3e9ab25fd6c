//! The place of the core that decides once a second: what was counted goes in, what is to be done comes out and is in force.
//!
//! At present the threshold inside the controller of `admission` decides alone.

use admission::site::Site;
use model::Summary;

/// Decides about rules, challenges and re-opening.
#[derive(Default)]
pub(super) struct Judge {
    last: Option<Summary>,
}

impl Judge {
    /// Takes the summary of a second, and puts into force at the site what is decided.
    pub(super) fn decide(&mut self, _site: &Site, summary: Summary) {
        self.last = Some(summary);
    }

    /// The summary that was judged last.
    #[cfg(test)]
    pub(super) fn last(&self) -> Option<&Summary> {
        self.last.as_ref()
    }

    /// Memory that it holds.
    pub(super) fn bytes(&self) -> u64 {
        self.last.as_ref().map_or(0, |_| SUMMARY_BYTES)
    }
}

/// A summary with all its samples.
const SUMMARY_BYTES: u64 = 128 << 10;
