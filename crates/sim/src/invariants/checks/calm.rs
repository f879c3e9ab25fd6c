//! Who is refused without an attack.

use super::{Broken, Checks, SECOND};
use crate::scenario::{Event, EventKind, Scenario};
use crate::world::score::{Score, WITHIN};
use crate::world::weather::expected_load;

impl Checks {
    /// The end of a run: invariant 28.
    pub(crate) fn end(&self, score: &Score, scenario: &Scenario) -> Result<(), Broken> {
        if !scenario.attacks.is_empty() {
            return Ok(());
        }
        let (mut sums, mut beyond) = ([0_u64; 3], None);
        for (second, row) in score.seconds.iter().enumerate() {
            if score.legitimate_load(second) > WITHIN || is_excused(scenario, second as u64) {
                beyond = Some(second);
            }
            // What was beyond capacity is let in again in steps.
            if beyond.is_none_or(|beyond| second > beyond + AFTERMATH_SECONDS) {
                sums[0] += u64::from(row.requests[0]);
                sums[1] += u64::from(row.requests[1]);
                sums[2] += u64::from(row.known_refused);
            }
        }
        // One in a million, or one in all.
        if sums[2] > 0 || sums[1] > (sums[0] / 1_000_000).max(1) {
            let figures =
                format!("{} of {} requests were refused, {} of customers", sums[1], sums[0], sums[2]);
            return Err(Broken::new(28, scenario.seconds * SECOND, figures));
        }
        Ok(())
    }
}

/// Whether a second is one in which somebody may be refused without an attack: more is asked for than the app can do, whatever is left
/// of it once people were refused and have gone; or nothing arrives, or the core is told nothing.
fn is_excused(scenario: &Scenario, second: u64) -> bool {
    let disturbs = |event: &&Event| matches!(event.kind, EventKind::UpstreamOutage | EventKind::TelemetryGap);
    expected_load(scenario, second) > WITHIN
        || scenario.events.iter().filter(disturbs).any(|event| event.lasts(second))
}

/// The longest that re-opening takes (design, promises).
const AFTERMATH_SECONDS: usize = 180;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::BuiltIn;
    use crate::world::Layers;

    /// What is said at the end of a run in which a customer was refused at a second.
    fn end(scenario: &Scenario, second: usize) -> Result<(), Broken> {
        let mut score = Score::new(scenario.seconds);
        score.seconds[second].known_refused = 1;
        Checks::new(Layers::All).end(&score, scenario)
    }

    #[test]
    fn a_customer_who_is_refused_on_a_calm_day_is_found_at_any_time_of_it() {
        let day = BuiltIn::named("calm-day").unwrap().scenario().unwrap();
        for event in &day.events {
            let middle = event.start + event.seconds / 2;
            assert!(end(&day, usize::try_from(middle).unwrap()).is_err(), "{:?}", event.kind);
        }
        assert!(end(&day, 100).is_err());
    }

    #[test]
    fn nobody_is_owed_what_the_app_cannot_do_nor_while_nothing_arrives() {
        let named = |name| BuiltIn::named(name).unwrap().scenario().unwrap();
        let (mut deploy, crowd, outage) =
            (named("deploy"), named("flash-crowd-over"), named("operations-provider"));
        assert!(end(&deploy, 330).is_err(), "half the app does for everybody");
        deploy.events[0].factor = 0.3;
        assert_eq!(end(&deploy, 330), Ok(()), "a third does not");
        assert!(end(&deploy, 290).is_err() && end(&deploy, 700).is_err());
        assert_eq!(end(&crowd, 900), Ok(()));
        assert!(end(&crowd, 290).is_err() && end(&crowd, 2_690).is_err());
        assert_eq!(end(&outage, 700), Ok(()));
        assert_eq!(end(&outage, 1_300), Ok(()), "all come back at once");
        assert!(end(&outage, 590).is_err() && end(&outage, 1_500).is_err());
    }
}
