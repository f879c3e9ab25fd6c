//! What calm looks like, for evidence that begins with it instead of learning it.

use model::{Finite, Sample, Tier};

use super::baseline::Spread;
use super::metric::{KNOWN, Metric, OTHERS};
use super::mix;

/// Calm as it is expected: what 28 days of it would have taught.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Profile {
    /// Requests/s of each tier.
    pub requests: [Finite; Tier::COUNT],
    /// Offered load of each tier, in requests in service.
    pub load: [Finite; Tier::COUNT],
    /// TLS handshakes/s: full, resumed, failed.
    pub handshakes: [Finite; 3],
    /// Share of connection slots in use.
    pub connections: Finite,
    /// Login attempts/s, and those that the app confirms.
    pub logins: [Finite; 2],
    /// Share of requests of T3 to T6 from networks seen before.
    pub seen_networks: Finite,
    /// Standard deviation of ln(load) beside that of chance.
    pub spread: Finite,
    /// Factor of each hour of the week on all rates, 168 of them; none for a flat week.
    pub hours: Vec<Finite>,
    /// The hour of the week in which it begins.
    pub hour_of_week: u8,
    /// Calm requests of T3 to T6, drawn evenly; a thousand or more make a good mix, none leave the mix unlearnt.
    pub samples: Vec<Sample>,
}

impl Profile {
    /// The factor of an hour.
    pub(super) fn factor(&self, hour: u8) -> Finite {
        self.hours.get(usize::from(hour)).copied().unwrap_or(Finite::ONE)
    }

    /// Requests/s of T3 to T6 in the hour in which it begins.
    pub(super) fn others(&self) -> Finite {
        total(&self.requests, OTHERS) * self.factor(self.hour_of_week)
    }

    /// The level of a metric; `None` where the profile says nothing of it.
    pub(super) fn level(&self, metric: Metric) -> Option<Finite> {
        let unknown = &OTHERS[1..];
        let handshakes: Finite = self.handshakes.iter().copied().sum();
        let of = |part: Finite, whole: Finite| whole.is_positive().then(|| part / whole);
        match metric {
            Metric::Requests => Some(total(&self.requests, &Tier::ALL)),
            Metric::Known => Some(total(&self.requests, KNOWN)),
            Metric::Others => Some(total(&self.requests, OTHERS)),
            Metric::Load => Some(total(&self.load, &Tier::ALL)),
            Metric::KnownLoad => Some(total(&self.load, KNOWN)),
            Metric::OthersLoad => Some(total(&self.load, OTHERS)),
            Metric::Handshakes => Some(handshakes),
            Metric::Connections => Some(self.connections * Finite::new(1_000.0)),
            Metric::Logins => Some(self.logins[0]),
            Metric::SeenNetworks => Some(self.seen_networks),
            Metric::LoginSuccess => of(self.logins[1], self.logins[0]),
            Metric::FailedHandshakes => of(self.handshakes[2], handshakes),
            Metric::Navigations => self.sampled(|sample| sample.navigation),
            Metric::Cookies => self.sampled(|sample| sample.keeps_cookies),
            Metric::Cost => {
                let millis = total(&self.load, unknown) * Finite::new(1_000.0);
                of(millis, total(&self.requests, unknown))
            }
            Metric::Pace => {
                mix::coincidence(&self.samples).map(|share| share * total(&self.requests, OTHERS))
            }
        }
    }

    /// The spread of ln(level + 1).
    pub(super) fn spread(&self, metric: Metric, level: Finite) -> Spread {
        let by_chance = match metric {
            Metric::Load => self.load_by_chance(&Tier::ALL),
            Metric::KnownLoad => self.load_by_chance(KNOWN),
            Metric::OthersLoad => self.load_by_chance(OTHERS),
            Metric::Requests
            | Metric::Known
            | Metric::Others
            | Metric::Handshakes
            | Metric::Connections
            | Metric::Logins
            | Metric::SeenNetworks
            | Metric::LoginSuccess
            | Metric::FailedHandshakes
            | Metric::Navigations
            | Metric::Cookies
            | Metric::Cost
            | Metric::Pace => level,
        };
        let of_all = level + Finite::ONE;
        Spread { by_chance: by_chance.sqrt() / of_all, lasting: self.spread * level / of_all }
    }

    /// Variance of the load by chance: each request brings its service time.
    fn load_by_chance(&self, tiers: &[Tier]) -> Finite {
        let load = total(&self.load, tiers);
        load * load / total(&self.requests, tiers).max(Finite::ONE)
    }

    fn sampled(&self, is_so: impl Fn(&Sample) -> bool) -> Option<Finite> {
        let weights = self.samples.iter().map(|sample| (u64::from(sample.weight), is_so(sample)));
        let (all, so) = weights.fold((0_u64, 0_u64), |(all, so), (weight, is_so)| {
            (all.saturating_add(weight), so.saturating_add(if is_so { weight } else { 0 }))
        });
        super::metric::share(so, all)
    }
}

fn total(of: &[Finite; Tier::COUNT], tiers: &[Tier]) -> Finite {
    tiers.iter().map(|tier| of[tier.index()]).sum()
}
