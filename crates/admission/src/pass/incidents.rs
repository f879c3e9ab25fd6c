//! From when on passes age that were minted in an incident.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};

use model::Timestamp;

/// When incidents ended, by pass time: a pass minted in one does not age before its end (contract).
///
/// Until [`Incidents::note`] is called for the first time nothing is known, and such passes do not age at all. After a
/// restart earlier ends are unknown; then the first moment without an incident counts, which is never too early.
#[derive(Default)]
pub(super) struct Incidents {
    begun: AtomicBool,
    severe: AtomicBool,
    /// The last ends, a ring; 0 is none.
    ends: [AtomicU64; ENDS_MAX],
    next: AtomicUsize,
}

impl Incidents {
    /// Notes whether an incident is on. Called by one thread, as often as it likes.
    pub(super) fn note(&self, severe: bool, time: Timestamp) {
        let begun = self.begun.swap(true, Relaxed);
        let was_severe = self.severe.swap(severe, Relaxed);
        if !severe && (was_severe || !begun) {
            let place = self.next.fetch_add(1, Relaxed) % ENDS_MAX;
            self.ends[place].store(time.as_millis().max(1), Relaxed);
        }
    }

    /// For a successor: whether an incident is on, and when earlier ones ended.
    pub(super) fn words(&self) -> Vec<u64> {
        let ends = self.ends.iter().map(|end| end.load(Relaxed));
        std::iter::once(u64::from(self.severe.load(Relaxed))).chain(ends).collect()
    }

    /// Goes on from what a predecessor knew.
    pub(super) fn take_over(&self, words: &[u64]) {
        let Some((&severe, ends)) = words.split_first() else { return };
        self.severe.store(severe != 0, Relaxed);
        self.begun.store(true, Relaxed);
        // The oldest end is overwritten first.
        let mut ends: Vec<u64> = ends.iter().copied().filter(|&end| end != 0).collect();
        ends.sort_unstable();
        for (place, end) in self.ends.iter().zip(ends.iter().rev().take(ENDS_MAX).rev()) {
            place.store(*end, Relaxed);
        }
        self.next.store(ends.len().min(ENDS_MAX) % ENDS_MAX, Relaxed);
    }

    /// From when on a pass ages that was minted at `issued`, in an incident; `None` while that incident lasts.
    pub(super) fn ages_from(&self, issued: Timestamp) -> Option<Timestamp> {
        let ends = self.ends.iter().map(|end| end.load(Relaxed));
        ends.filter(|&end| end != 0 && end >= issued.as_millis()).min().map(Timestamp::from_millis)
    }
}

/// Incidents whose end is remembered; a pass from before them counts as minted in the oldest.
const ENDS_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_ages_from_the_end_of_its_own_incident() {
        let incidents = Incidents::default();
        let at = Timestamp::from_secs;
        assert_eq!(incidents.ages_from(at(5)), None, "nothing is known yet");
        incidents.note(false, at(10));
        assert_eq!(incidents.ages_from(at(5)), Some(at(10)));
        incidents.note(true, at(100));
        assert_eq!(incidents.ages_from(at(150)), None, "it lasts");
        incidents.note(false, at(200));
        incidents.note(false, at(201));
        incidents.note(true, at(300));
        assert_eq!(incidents.ages_from(at(150)), Some(at(200)), "a later incident takes nothing back");
        assert_eq!(incidents.ages_from(at(350)), None);
    }

    #[test]
    fn many_incidents_make_no_pass_older_than_it_is() {
        let incidents = Incidents::default();
        for n in 0..100 {
            incidents.note(true, Timestamp::from_secs(n * 100));
            incidents.note(false, Timestamp::from_secs(n * 100 + 50));
        }
        assert!(incidents.ages_from(Timestamp::from_secs(10)).unwrap() >= Timestamp::from_secs(50));
    }
}
