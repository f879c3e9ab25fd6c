//! What the data plane counts for the engine that decides: the summary of each second.

use admission::site::Site;
use model::{
    COHORTS, Handshakes, Matches, Name, RefusalKind, SAMPLES_MAX, Sample, Summary, Tier, TierCounts, Traffic,
};

use super::looks;
use super::{Micros, instant};
use crate::random::Random;

/// Counts of the second that is running.
pub(super) struct Census {
    summary: Summary,
    known: Draw,
    others: Draw,
    names: Vec<Name>,
    random: Random,
    /// How often rules matched in the last second.
    pub(super) matched: Vec<Matches>,
    /// Requests of known clients in it.
    pub(super) known_requests: u64,
    /// The last that was handed on.
    #[cfg(test)]
    pub(super) last: Option<Traffic>,
}

/// Samples drawn evenly from all calls of a second.
#[derive(Default)]
struct Draw {
    kept: Vec<Sample>,
    calls: u64,
}

impl Census {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            summary: Summary::empty(instant(0), 0),
            known: Draw::default(),
            others: Draw::default(),
            names: looks::names(),
            random: Random::stream(seed, PART),
            matched: Vec::new(),
            known_requests: 0,
            #[cfg(test)]
            last: None,
        }
    }

    /// So many requests of a tier asked for admission.
    pub(super) fn offered(&mut self, tier: Tier, requests: u32) {
        self.tier(tier).offered += u64::from(requests);
    }

    /// A request went on to the app.
    pub(super) fn forwarded(&mut self, tier: Tier) {
        self.tier(tier).forwarded += 1;
    }

    /// So many were refused.
    pub(super) fn refused(&mut self, tier: Tier, kind: RefusalKind, requests: u32) {
        let place = match kind {
            RefusalKind::Limited => 0,
            RefusalKind::Shed | RefusalKind::Dropped => 1,
            RefusalKind::Ruled => 2,
            RefusalKind::Challenged => 3,
        };
        self.tier(tier).refused[place] += u64::from(requests);
    }

    /// So many more were given a challenge than were judged one by one.
    pub(super) fn challenged(&mut self, requests: u32) {
        let given = &mut self.summary.traffic.challenges[0];
        *given = given.saturating_add(requests);
    }

    /// The client went away.
    pub(super) fn abandoned(&mut self, tier: Tier) {
        self.tier(tier).abandoned += 1;
    }

    /// The app failed a request of a tier.
    pub(super) fn failed(&mut self, tier: Tier) {
        self.tier(tier).failed += 1;
    }

    /// The app answered.
    pub(super) fn answered(&mut self, failed: bool) {
        self.summary.origin_answers += 1;
        self.summary.origin_failures += u64::from(failed);
    }

    /// TLS handshakes, of which some go on from an earlier connection.
    pub(super) fn handshakes(&mut self, full: u32, resumed: u32, failed: u32) {
        let counts: &mut Handshakes = &mut self.summary.traffic.handshakes;
        counts.full = counts.full.saturating_add(full);
        counts.resumed = counts.resumed.saturating_add(resumed);
        counts.failed = counts.failed.saturating_add(failed);
    }

    /// The app judged a login attempt.
    pub(super) fn login(&mut self, confirmed: bool) {
        self.logins(1, u32::from(confirmed));
    }

    /// Several at once.
    pub(super) fn logins(&mut self, all: u32, confirmed: u32) {
        let logins = &mut self.summary.traffic.logins;
        *logins = [logins[0].saturating_add(all), logins[1].saturating_add(confirmed)];
    }

    /// Requests of unknown clients from a network in which customers or calm visitors were seen, or not.
    pub(super) fn network(&mut self, seen: bool, requests: u32) {
        let seen_networks = &mut self.summary.traffic.seen_networks;
        seen_networks[0] = seen_networks[0].saturating_add(if seen { requests } else { 0 });
        seen_networks[1] = seen_networks[1].saturating_add(requests);
    }

    /// Perhaps keeps a sample of a request. It is only made when it is kept.
    pub(super) fn sample(&mut self, tier: Tier, make: impl FnOnce() -> Sample) {
        let draw = if tier.is_known() { &mut self.known } else { &mut self.others };
        draw.calls += 1;
        if draw.kept.len() < SAMPLES_MAX {
            draw.kept.push(make());
            return;
        }
        let place = crate::random::index(self.random.below(draw.calls));
        if place < SAMPLES_MAX {
            draw.kept[place] = make();
        }
    }

    /// Takes what one step of the ticker saw.
    pub(super) fn step(
        &mut self,
        offered_micros: &[[u64; COHORTS]; Tier::COUNT],
        removed_micros: &[u64; Tier::COUNT],
        millis: u64,
        queue_wait_ms: u64,
        inflight: u32,
    ) {
        let summary = &mut self.summary;
        summary.millis += millis;
        summary.queue_wait_ms = summary.queue_wait_ms.max(queue_wait_ms);
        summary.inflight = inflight;
        for (sum, part) in summary.offered.iter_mut().flatten().zip(offered_micros.iter().flatten()) {
            *sum += part;
        }
        for (sum, part) in summary.removed.iter_mut().zip(removed_micros) {
            *sum += part;
        }
    }

    /// Fills in what the engine is told of the second.
    pub(super) fn fill(&mut self, site: &Site, traffic: &mut Traffic) {
        let (hour, disk_free) = (traffic.hour_of_week, traffic.disk_free);
        *traffic = Traffic { hour_of_week: hour, disk_free, ..std::mem::take(&mut self.summary.traffic) };
        let begun = traffic.handshakes.full + traffic.handshakes.resumed / 4 + traffic.handshakes.failed;
        traffic.handshake_share = (f64::from(begun) / HANDSHAKES_PER_SECOND).min(1.0);
        let given = traffic.challenges[0];
        traffic.challenges = site.take_challenges();
        traffic.challenges[0] = traffic.challenges[0].saturating_add(given);
        traffic.matches = site.take_matches();
        self.matched.clone_from(&traffic.matches);
        self.known_requests = traffic.tiers[..Tier::T3.index()].iter().map(|tier| tier.offered).sum();
        traffic.known = self.known.take();
        traffic.others = self.others.take();
        traffic.names.clone_from(&self.names);
        #[cfg(test)]
        {
            self.last = Some(traffic.clone());
        }
    }

    /// What was asked for in the second that ends, with nothing else.
    pub(super) fn sum_up(&mut self, limit: f64, now: Micros) -> Summary {
        let traffic = std::mem::take(&mut self.summary.traffic);
        let next = Summary { traffic, ..Summary::empty(instant(now), 0) };
        let mut summary = std::mem::replace(&mut self.summary, next);
        summary.at = instant(now);
        summary.limit = limit;
        for cost in summary.offered.iter_mut().flatten().chain(&mut summary.removed) {
            *cost /= 1_000;
        }
        summary
    }

    fn tier(&mut self, tier: Tier) -> &mut TierCounts {
        &mut self.summary.traffic.tiers[tier.index()]
    }
}

impl Draw {
    /// What was drawn, each standing for as many requests as it must.
    fn take(&mut self) -> Vec<Sample> {
        let mut kept = std::mem::take(&mut self.kept);
        let scale = self.calls as f64 / kept.len().max(1) as f64;
        for sample in &mut kept {
            let weight = crate::random::whole(f64::from(sample.weight) * scale + 0.5);
            sample.weight = u32::try_from(weight).unwrap_or(u32::MAX).max(1);
        }
        self.calls = 0;
        kept
    }
}

/// Full handshakes that one worker's share of the processor is enough for.
const HANDSHAKES_PER_SECOND: f64 = 5_000.0;
const PART: u64 = 3;

#[cfg(test)]
mod tests {
    use model::{Cohort, Values};

    use super::*;

    #[test]
    fn samples_stand_for_all_requests_of_their_second() {
        let mut census = Census::new(5);
        for call in 0..5_000_u32 {
            census.sample(Tier::T5, || Sample {
                weight: 1 + call % 2,
                tier: Tier::T5,
                cohort: Cohort::new(0),
                cost_micros: 1,
                navigation: true,
                keeps_cookies: false,
                values: Values::default(),
            });
        }
        let kept = census.others.take();
        let stands_for: u32 = kept.iter().map(|sample| sample.weight).sum();
        assert_eq!(kept.len(), SAMPLES_MAX);
        assert!((6_800..8_200).contains(&stands_for), "{stands_for} for 7,500");
    }
}
