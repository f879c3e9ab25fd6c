//! When the next attempt at each target is due: regularly, sooner where one more would tell, and never too often.

use std::collections::BTreeMap;
use std::time::Duration;

use model::Instant;

use crate::target::Target;

/// When what is due. One attempt at a target at a time, and one a second at a host, whatever the configuration says.
#[derive(Clone, Debug)]
pub struct Schedule {
    entries: Vec<Entry>,
    /// When an attempt at a host last began.
    hosts: BTreeMap<String, Instant>,
}

#[derive(Clone, Debug)]
struct Entry {
    host: String,
    every: Duration,
    began: Instant,
    /// `None`: an attempt is under way.
    due: Option<Instant>,
}

impl Schedule {
    /// Between the beginnings of two attempts at the same host.
    pub const APART: Duration = Duration::from_secs(1);

    /// All are due at once; those of one host one after the other.
    pub fn new(targets: &[Target], now: Instant) -> Self {
        let entry = |target: &Target| Entry {
            host: target.aim.host.to_ascii_lowercase(),
            every: target.every.max(Self::APART),
            began: now,
            due: Some(now),
        };
        Self { entries: targets.iter().map(entry).collect(), hosts: BTreeMap::new() }
    }

    /// Begins what is due, longest waiting first: the numbers of the targets.
    pub fn begin(&mut self, now: Instant) -> Vec<usize> {
        let mut due: Vec<(Instant, usize)> =
            self.entries.iter().enumerate().filter_map(|(place, entry)| Some((entry.due?, place))).collect();
        due.retain(|(due, _)| *due <= now);
        due.sort_unstable();
        let mut begun = Vec::new();
        for (_, place) in due {
            let entry = &mut self.entries[place];
            let last = self.hosts.get(&entry.host);
            if last.is_none_or(|last| now.since(*last) >= Self::APART) {
                self.hosts.insert(entry.host.clone(), now);
                (entry.began, entry.due) = (now, None);
                begun.push(place);
            }
        }
        begun
    }

    /// An attempt has ended; `is_unsure`: another would tell more.
    pub fn end(&mut self, target: usize, is_unsure: bool, now: Instant) {
        if let Some(entry) = self.entries.get_mut(target) {
            let wait = if is_unsure { Self::APART } else { entry.every };
            entry.due = Some((entry.began + wait).max(now));
        }
    }

    /// When something can begin at the earliest; `None` while all are under way.
    pub fn next(&self) -> Option<Instant> {
        let free = |entry: &Entry| {
            let host = self.hosts.get(&entry.host).map_or(Instant::ORIGIN, |last| *last + Self::APART);
            entry.due.map(|due| due.max(host))
        };
        self.entries.iter().filter_map(free).min()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::target::{Aim, How, Shows};

    fn target(host: &str, every: u64) -> Target {
        Target {
            name: host.to_owned(),
            aim: Aim { host: host.to_owned(), port: 443, how: How::Tcp },
            shows: Shows::Public,
            every: Duration::from_secs(every),
            within: Duration::from_secs(3),
            certificate_left: Duration::ZERO,
        }
    }

    #[test]
    fn regularly_and_sooner_where_it_is_not_sure() {
        let mut schedule = Schedule::new(&[target("a.example", 5)], Instant::from_secs(10));
        assert_eq!(schedule.begin(Instant::from_secs(10)), [0]);
        assert_eq!(schedule.next(), None);
        schedule.end(0, false, Instant::from_secs(11));
        assert_eq!(schedule.next(), Some(Instant::from_secs(15)));
        assert_eq!(schedule.begin(Instant::from_secs(14)), [0_usize; 0]);
        assert_eq!(schedule.begin(Instant::from_secs(15)), [0]);
        schedule.end(0, true, Instant::from_secs(18));
        assert_eq!(schedule.next(), Some(Instant::from_secs(18)));
    }

    proptest! {
        /// Whatever is configured and however attempts end, a host is tried once a second at most, and one target never twice at a time.
        #[test]
        fn no_host_is_tried_more_than_once_a_second(
            hosts in proptest::collection::vec((0_u8..3, 0_u64..4), 1..20),
            steps in proptest::collection::vec((1_u64..900, any::<bool>(), any::<bool>()), 1..200),
        ) {
            let targets: Vec<Target> = hosts.iter().map(|(host, every)| target(&format!("{host}.example"), *every)).collect();
            let mut now = Instant::from_secs(100);
            let mut schedule = Schedule::new(&targets, now);
            let mut last: BTreeMap<String, Instant> = BTreeMap::new();
            let mut under_way: Vec<usize> = Vec::new();
            for (millis, is_unsure, ends) in steps {
                now = now + Duration::from_millis(millis);
                for place in schedule.begin(now) {
                    let host = targets[place].aim.host.clone();
                    if let Some(before) = last.insert(host, now) {
                        prop_assert!(now.since(before) >= Schedule::APART);
                    }
                    prop_assert!(!under_way.contains(&place));
                    under_way.push(place);
                }
                if ends && !under_way.is_empty() {
                    schedule.end(under_way.remove(0), is_unsure, now);
                }
            }
        }
    }
}
