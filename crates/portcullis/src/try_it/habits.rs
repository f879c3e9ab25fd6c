//! What a calm evening of the sample shop is like, for a gate that is to have seen four weeks of them.

use std::sync::{Arc, Mutex, PoisonError};

use admission::core::Taken;
use admission::site::{Controller, Turn};
use edge_io::TurnListener;
use guard::Guard;
use guard::evidence::Profile;
use model::{Finite, Instant, Sample, Summary, Tier, TierCounts};

/// Listens to a gate while it is calm.
#[derive(Clone, Default)]
pub(super) struct Rehearsal(Arc<Mutex<Habits>>);

/// What was counted in calm.
#[derive(Clone, Default)]
pub(super) struct Habits {
    millis: u64,
    requests: [u64; Tier::COUNT],
    /// Cost by tier, in concurrency-milliseconds.
    load: [u64; Tier::COUNT],
    logins: [u32; 2],
    /// Requests of strangers from networks that were seen before, and all.
    seen_networks: [u32; 2],
    /// The greatest share of connection slots that was in use.
    connections: f64,
    hour_of_week: u8,
    known: Vec<Sample>,
    others: Vec<Sample>,
}

impl Rehearsal {
    /// What it heard so far.
    pub(super) fn habits(&self) -> Habits {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl TurnListener for Rehearsal {
    fn turned(&mut self, turn: &Turn, _controller: &mut Controller, _now: Instant) {
        if let Some(taken) = &turn.taken {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).take(taken);
        }
    }
}

impl Habits {
    fn take(&mut self, taken: &Taken) {
        let Summary { millis, offered, connections, traffic, .. } = &taken.summary;
        self.millis += millis;
        for tier in 0..Tier::COUNT {
            let TierCounts { offered: requests, .. } = traffic.tiers[tier];
            self.requests[tier] += requests;
            self.load[tier] += offered[tier].iter().sum::<u64>();
        }
        for at in 0..2 {
            self.logins[at] += traffic.logins[at];
            self.seen_networks[at] += traffic.seen_networks[at];
        }
        self.connections = self.connections.max(*connections);
        self.hour_of_week = traffic.hour_of_week.unwrap_or(self.hour_of_week);
        for (kept, seen) in [(&mut self.known, &traffic.known), (&mut self.others, &traffic.others)] {
            let room = SAMPLES_KEPT.saturating_sub(kept.len());
            kept.extend(seen.iter().take(room).copied());
        }
    }

    /// What decides at a shop where every evening of four weeks was like this one.
    pub(super) fn guard(&self, seed: u64) -> Guard {
        let others = self.requests[Tier::T3.index()..].iter().sum::<u64>();
        let per_second = others * 1_000 / self.millis.max(1);
        Guard::warm(seed, &self.profile(), &self.known, &self.others, per_second)
    }

    fn profile(&self) -> Profile {
        let seconds = Finite::count(self.millis.max(1)) / Finite::count(1_000);
        let [seen, all] = self.seen_networks.map(|count| Finite::count(u64::from(count)));
        Profile {
            requests: self.requests.map(|requests| Finite::count(requests) / seconds),
            load: self.load.map(|load| Finite::count(load) / Finite::count(self.millis.max(1))),
            connections: Finite::new(self.connections),
            logins: self.logins.map(|logins| Finite::count(u64::from(logins)) / seconds),
            seen_networks: seen / all.max(Finite::ONE),
            spread: Finite::new(SPREAD),
            hour_of_week: self.hour_of_week,
            samples: self.others.clone(),
            ..Profile::default()
        }
    }
}

/// Standard deviation of ln(load) beside that of chance: that of the simulator's shops.
const SPREAD: f64 = 0.12;
/// Of each kind: what the guard holds of calm.
const SAMPLES_KEPT: usize = 16_384;
