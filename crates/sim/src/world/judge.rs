//! The place of the core that decides once a second: what was counted goes in, what is to be done comes out and is in force.
//!
//! At present the threshold inside the controller of `admission` decides alone.

use admission::site::Site;
use model::Summary;

/// Decides about rules, challenges and re-opening.
#[derive(Default)]
pub(super) struct Judge {
    summaries: u64,
}

impl Judge {
    /// Takes the summary of a second, and puts into force at the site what is decided.
    pub(super) fn decide(&mut self, _site: &Site, _summary: &Summary) {
        self.summaries += 1;
    }

    /// Memory that it holds.
    pub(super) fn bytes(&self) -> u64 {
        0
    }
}
