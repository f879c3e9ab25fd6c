//! What the public is told of how everybody fares: worse at once, better only when it lasts.
//!
//! Attackers wait for the moment at which a site opens again (status-contracts, section 5), so that a trial to let newcomers in must
//! not show as long as it may fail.

use std::time::Duration;

use model::Instant;

use crate::sight::Services;
use crate::words::Service;

/// What is told, and since when what is so is better than that.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Telling {
    pub(crate) told: Services,
    /// Customers, newcomers, people who are signing in.
    better: [Option<Instant>; 3],
}

impl Telling {
    /// An earlier process told this.
    pub(crate) fn of(told: Services) -> Self {
        Self { told, better: [None; 3] }
    }

    /// Takes how everybody fares; where nothing is told yet, or all is surely well, that is what would be told.
    pub(crate) fn follow(&mut self, services: Services, is_held_back: bool, now: Instant) {
        if !is_held_back {
            *self = Self::of(services);
            return;
        }
        if services.worst() == Service::Good {
            // If it lasts, that all is well is told in one piece.
            return;
        }
        let [known, new] = &mut self.told.audiences;
        let told = [known, new, &mut self.told.login];
        let so = [services.audiences[0], services.audiences[1], services.login];
        let lasts = [KNOWN_AFTER, NEW_AFTER, KNOWN_AFTER];
        for (((told, so), better), lasts) in told.into_iter().zip(so).zip(&mut self.better).zip(lasts) {
            tell(told, so, better, lasts, now);
        }
    }
}

fn tell(told: &mut Service, so: Service, better: &mut Option<Instant>, lasts: Duration, now: Instant) {
    let is_due = so >= *told || now.since(*better.get_or_insert(now)) >= lasts;
    if is_due {
        (*told, *better) = (so, None);
    }
}

/// That customers are served again is told after so long.
const KNOWN_AFTER: Duration = Duration::from_secs(60);
/// That newcomers are.
const NEW_AFTER: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worse_is_told_at_once_and_better_when_it_lasts() {
        let services = |known, new| Services { audiences: [known, new], login: Service::Good };
        let mut telling = Telling::of(services(Service::Down, Service::Down));
        let mut told = |second: u64, known, new| {
            telling.follow(services(known, new), true, Instant::from_secs(second));
            telling.told.audiences
        };
        assert_eq!(told(0, Service::Good, Service::Part), [Service::Down, Service::Down]);
        assert_eq!(told(60, Service::Good, Service::Part), [Service::Good, Service::Down]);
        assert_eq!(
            told(100, Service::Good, Service::Down),
            [Service::Good, Service::Down],
            "the trial failed"
        );
        assert_eq!(told(320, Service::Part, Service::Part), [Service::Part, Service::Down]);
        assert_eq!(told(619, Service::Part, Service::Part), [Service::Part, Service::Down]);
        assert_eq!(told(620, Service::Part, Service::Part), [Service::Part, Service::Part]);
    }
}
