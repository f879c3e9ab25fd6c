//! What requests of T3 to T6 are made of, in the last ten seconds and in calm.
//!
//! Each attribute has a calm distribution: the values that at least [`SHARE_MIN`] of calm requests have, one by one, and
//! all rare ones together. Its memory is [`CALM_WINDOWS`] windows, four hours of calm, so that an evening does not train
//! it. How far ten seconds lie from calm by chance alone depends on how many requests they hold: the usual distance is
//! learnt, and the bound lies clearly above it.

use std::collections::VecDeque;

use model::{Attribute, Finite, Sample};
use serde::{Deserialize, Serialize};

use super::Mix;
use super::histogram::{Histogram, next_of};

/// All attributes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Mixes {
    panes: VecDeque<Pane>,
    watches: Vec<Watch>,
}

impl Mixes {
    /// Nothing learnt.
    pub(super) fn new() -> Self {
        Self { panes: VecDeque::new(), watches: vec![Watch::default(); Attribute::COUNT] }
    }

    /// What was learnt from these calm requests, of which a window holds about `draws`.
    pub(super) fn warm(samples: &[Sample], draws: Finite) -> Self {
        let watches = Attribute::ALL.iter().map(|attribute| {
            let calm = Calm::warm(&of_attribute(samples, *attribute), samples.len() as u64, draws);
            Watch { calm, ..Watch::default() }
        });
        Self { panes: VecDeque::new(), watches: watches.collect() }
    }

    /// Takes the samples of one second.
    pub(super) fn push(&mut self, samples: &[Sample]) {
        let values = Attribute::ALL.iter().map(|attribute| of_attribute(samples, *attribute)).collect();
        let pane = Pane { draws: samples.len() as u64, values };
        for (watch, values) in self.watches.iter_mut().zip(&pane.values) {
            watch.window.add(values);
        }
        self.panes.push_back(pane);
        if self.panes.len() > WINDOW_SECONDS
            && let Some(oldest) = self.panes.pop_front()
        {
            for (watch, values) in self.watches.iter_mut().zip(&oldest.values) {
                watch.window.remove(values);
            }
        }
    }

    /// Compares the window with calm, where there is a calm and the window holds enough.
    pub(super) fn judge(&mut self) -> Vec<Mix> {
        let is_enough = self.draws() >= DRAWS_MIN;
        let watches = Attribute::ALL.into_iter().zip(&mut self.watches);
        watches
            .filter_map(|(attribute, watch)| if is_enough { watch.judge(attribute) } else { None })
            .collect()
    }

    /// Learns in turn: attribute n in second n of thirty, the window of half a minute before.
    pub(super) fn learn(&mut self, second: u32) {
        let turn = usize::try_from(second % TURN_SECONDS).unwrap_or(0);
        let is_enough = self.draws() >= DRAWS_MIN;
        if let Some(watch) = self.watches.get_mut(turn) {
            if let Some(window) = watch.pending.take() {
                watch.calm.learn(&window);
            }
            watch.pending = is_enough.then(|| watch.window.clone());
        }
    }

    /// Drops what waits to be learnt.
    pub(super) fn drop_pending(&mut self) {
        self.watches.iter_mut().for_each(|watch| watch.pending = None);
    }

    /// Requests/s of the network of a typical request, of `rate` requests/s in all: how often two come from one network.
    pub(super) fn pace(&self, rate: Finite) -> Option<Finite> {
        let networks = self.watches.get(Attribute::Network.index())?;
        (self.draws() >= DRAWS_MIN)
            .then(|| networks.window.coincidence(self.draws()))?
            .map(|share| share * rate)
    }

    /// What is known of calm, for comparison in tests.
    #[cfg(test)]
    pub(super) fn calm(&self) -> impl PartialEq + std::fmt::Debug + use<> {
        self.watches.iter().map(|watch| watch.calm.clone()).collect::<Vec<_>>()
    }

    /// Values that there is room for.
    pub(super) fn room(&self) -> usize {
        let of_panes = self.panes.iter().flat_map(|pane| &pane.values).map(Histogram::room).sum::<usize>();
        let of_watch = |watch: &Watch| {
            let pending = watch.pending.as_ref().map_or(0, Histogram::room);
            watch.window.room() + pending + watch.calm.shares.capacity()
        };
        of_panes + self.watches.iter().map(of_watch).sum::<usize>()
    }

    fn draws(&self) -> u64 {
        self.panes.iter().map(|pane| pane.draws).sum()
    }
}

fn of_attribute(samples: &[Sample], attribute: Attribute) -> Histogram {
    Histogram::of(samples.iter().map(|sample| (sample.values.get(attribute), u64::from(sample.weight))))
}

/// The probability that two calm requests come from one network.
pub(super) fn coincidence(samples: &[Sample]) -> Option<Finite> {
    of_attribute(samples, Attribute::Network).coincidence(samples.len() as u64)
}

/// The samples of one second, by attribute.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Pane {
    draws: u64,
    values: Vec<Histogram>,
}

/// One attribute.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Watch {
    window: Histogram,
    /// A window that is learnt if the half minute after it stays calm.
    pending: Option<Histogram>,
    calm: Calm,
    /// Seconds on end beyond a bound.
    seconds: u32,
}

impl Watch {
    fn judge(&mut self, attribute: Attribute) -> Option<Mix> {
        if self.calm.windows == 0 {
            return None;
        }
        let found = self.calm.compare(&self.window);
        let distance_bound = self.calm.distance.bound(DISTANCE_MARGIN, DISTANCE_MIN);
        let excess_bound = self.calm.excess.bound(EXCESS_MARGIN, EXCESS_MIN);
        let is_beyond = found.distance > distance_bound || found.excess() > excess_bound;
        self.seconds = if is_beyond { self.seconds.saturating_add(1) } else { 0 };
        Some(Mix {
            attribute,
            distance: found.distance,
            distance_bound,
            entropy: self.window.entropy(),
            calm_entropy: self.calm.entropy,
            top: found.top,
            top_share: found.top_share,
            top_calm: found.top_calm,
            excess_bound,
            rare: found.rare,
            rare_calm: found.rare_calm,
            seconds: self.seconds,
            is_anomalous: self.seconds >= ANOMALOUS_SECONDS,
        })
    }
}

/// The calm distribution of one attribute.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Calm {
    /// Shares by value, in the order of the values; at most [`VALUES`].
    shares: Vec<(u64, Finite)>,
    entropy: Finite,
    distance: Usual,
    excess: Usual,
    /// Windows learnt.
    windows: u32,
}

impl Calm {
    fn warm(samples: &Histogram, count: u64, draws: Finite) -> Self {
        if samples.total() == 0 {
            return Self::default();
        }
        // A value counts if several samples have it: single ones are the rare ones.
        let least = Finite::new(4.0) / Finite::count(count);
        let shares = samples.weights().iter().map(|(value, weight)| (*value, samples.share(*weight)));
        let mut shares: Vec<(u64, Finite)> = shares.filter(|(_, share)| *share >= least).collect();
        keep_largest(&mut shares);
        // Chance alone moves the distance by about √(values ÷ 8 draws), of values that a window holds.
        let held: Finite = shares.iter().map(|(_, share)| (*share * draws).min(Finite::ONE)).sum();
        let by_chance = (held / (Finite::new(8.0) * LN_2 * draws.max(Finite::ONE))).sqrt();
        let distance = Usual { mean: by_chance, deviation: by_chance * Finite::new(0.3) };
        Self { shares, entropy: samples.entropy(), distance, excess: Usual::default(), windows: CALM_WINDOWS }
    }

    fn learn(&mut self, window: &Histogram) {
        if self.windows > 0 {
            let found = self.compare(window);
            let part = Finite::ONE / Finite::count(u64::from(self.windows.min(CALM_WINDOWS)));
            self.distance.learn(found.distance, part);
            self.excess.learn(found.excess(), part);
        }
        self.windows = self.windows.saturating_add(1);
        let part = Finite::ONE / Finite::count(u64::from(self.windows.min(CALM_WINDOWS)));
        self.entropy += part * (window.entropy() - self.entropy);
        let mut moved = Vec::with_capacity(self.shares.len());
        for (value, calm, now) in self.beside(window) {
            if calm.is_positive() || now >= NEW_SHARE_MIN {
                moved.push((value, calm + part * (now - calm)));
            }
        }
        keep_largest(&mut moved);
        self.shares = moved;
    }

    fn compare(&self, window: &Histogram) -> Compared {
        let mut found = Compared::default();
        let (mut calm_named, mut now_named, mut calm_common, mut now_common) = Default::default();
        let mut nats = Finite::ZERO;
        let mut most = Finite::new(f64::MIN);
        for (value, calm, now) in self.beside(window) {
            if calm >= SHARE_MIN {
                calm_common += calm;
                now_common += now;
            } else if now < NAMED_MIN {
                continue;
            }
            calm_named += calm;
            now_named += now;
            nats += divergence(calm, now);
            if now - calm > most {
                most = now - calm;
                (found.top, found.top_share, found.top_calm) = (value, now, calm);
            }
        }
        let rest = |named: Finite| (Finite::ONE - named).max(Finite::ZERO);
        nats += divergence(rest(calm_named), rest(now_named));
        found.distance = (nats / LN_2).sqrt().min(Finite::ONE);
        (found.rare, found.rare_calm) = (rest(now_common), rest(calm_common));
        found
    }

    /// Each value of either, with its share in calm and in the window, in the order of the values.
    fn beside(&self, window: &Histogram) -> impl Iterator<Item = (u64, Finite, Finite)> {
        let (mut calm, mut now) = (self.shares.as_slice(), window.weights());
        std::iter::from_fn(move || next_of(&mut calm, &mut now))
            .map(|(value, calm, weight)| (value, calm, window.share(weight)))
    }
}

/// Keeps the [`VALUES`] largest shares, in the order of their values.
fn keep_largest(shares: &mut Vec<(u64, Finite)>) {
    if shares.len() > VALUES {
        shares.select_nth_unstable_by(VALUES, |a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        shares.truncate(VALUES);
        shares.sort_unstable_by_key(|(value, _)| *value);
    }
    shares.shrink_to_fit();
}

/// What two shares add to the Jensen–Shannon divergence, in nats.
fn divergence(a: Finite, b: Finite) -> Finite {
    let middle = (a + b) / Finite::new(2.0);
    let of = |share: Finite| {
        if share.is_positive() { share * (share / middle).ln() / Finite::new(2.0) } else { Finite::ZERO }
    };
    (of(a) + of(b)).max(Finite::ZERO)
}

/// A window beside calm.
#[derive(Default)]
struct Compared {
    distance: Finite,
    top: u64,
    top_share: Finite,
    top_calm: Finite,
    rare: Finite,
    rare_calm: Finite,
}

impl Compared {
    fn excess(&self) -> Finite {
        (self.top_share - self.top_calm).max(Finite::ZERO)
    }
}

/// What a figure usually is, and how far it strays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Usual {
    mean: Finite,
    deviation: Finite,
}

impl Usual {
    fn learn(&mut self, value: Finite, part: Finite) {
        self.deviation += part * ((value - self.mean).abs() - self.deviation);
        self.mean += part * (value - self.mean);
    }

    fn bound(&self, margin: Finite, least: Finite) -> Finite {
        (self.mean + margin.max(self.deviation * DEVIATIONS)).max(least)
    }
}

/// The window (decision-science, section 5).
const WINDOW_SECONDS: usize = 10;
/// With fewer samples a window says nothing.
const DRAWS_MIN: u64 = 40;
/// Values of an attribute whose calm share is kept.
const VALUES: usize = 256;
/// A value with a smaller calm share is one of the rare ones.
const SHARE_MIN: Finite = Finite::new(0.005);
/// A value that is rare in calm is looked at by itself from this share on.
const NAMED_MIN: Finite = Finite::new(0.05);
/// A value that is not known yet is learnt from this share on.
const NEW_SHARE_MIN: Finite = Finite::new(0.000_5);
/// Each attribute is learnt once in so many seconds; there are fewer attributes.
pub(super) const TURN_SECONDS: u32 = 30;
/// Windows that the calm distribution remembers: four hours of them.
const CALM_WINDOWS: u32 = 4 * 3_600 / TURN_SECONDS;
/// A bound lies so many mean deviations above the usual (four standard deviations of normal noise), and at least ...
const DEVIATIONS: Finite = Finite::new(5.0);
/// ... so much above it, and nowhere below the least.
const DISTANCE_MARGIN: Finite = Finite::new(0.10);
const DISTANCE_MIN: Finite = Finite::new(0.25);
const EXCESS_MARGIN: Finite = Finite::new(0.15);
const EXCESS_MIN: Finite = Finite::new(0.25);
/// Seconds on end that make an anomaly.
const ANOMALOUS_SECONDS: u32 = 3;
const LN_2: Finite = Finite::new(std::f64::consts::LN_2);
