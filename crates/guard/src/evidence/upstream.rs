//! Whether traffic is missing that should be there: the way to the gate is dead, or half of it.

use model::{Finite, Tier};

use super::history::History;
use super::volume::LOW_ALARM;
use super::{Metric, Upstream, Volume};

/// Judges the newest second.
pub(super) fn judge(history: &History, volume: &[Volume], load: Finite) -> Upstream {
    let probes = [0, 1].map(|place| history.sum(PROBE_SECONDS, |second| second.probes[place]));
    let probes_fail = probes[0] >= PROBES_MIN && probes[0].saturating_mul(2) >= probes[1];
    let of = |metric| volume.iter().find(|volume| volume.metric == metric);
    let requests = of(Metric::Requests);
    let silent = history.is_full() && history.sum(SILENT_SECONDS, |second| second.requests(&Tier::ALL)) == 0;
    let has_vanished = requests.is_some_and(|requests| {
        let is_low = requests.low >= LOW_ALARM && requests.value * VANISHED < requests.expected;
        is_low || (silent && requests.expected >= SILENT_MIN)
    });
    let is_suspected = has_vanished || probes_fail;
    let inflight = Finite::count(history.last().map_or(0, |second| u64::from(second.inflight)));
    let is_idle = of(Metric::Load).is_some_and(|expected| {
        load * IDLE < expected.expected && inflight <= (expected.expected / VANISHED).max(Finite::ONE)
    });
    Upstream {
        value: requests.map_or(Finite::ZERO, |requests| requests.value),
        expected: requests.map_or(Finite::ZERO, |requests| requests.expected),
        low: requests.map_or(Finite::ZERO, |requests| requests.low),
        has_vanished,
        probes,
        probes_fail,
        is_suspected,
        load,
        inflight,
        app_is_idle: is_suspected && is_idle,
    }
}

/// Less than one request in so many of the expected has vanished; a holiday has not.
const VANISHED: Finite = Finite::new(4.0);
/// Not one request in so many seconds is silence, which the sum does not see at low rates, ...
const SILENT_SECONDS: usize = 30;
/// ... if at least so many requests/s are expected.
const SILENT_MIN: Finite = Finite::ONE;
/// An app with less than one part in so many of its expected load is idle.
const IDLE: Finite = Finite::new(10.0);
/// Probes count for so long.
const PROBE_SECONDS: usize = 30;
/// So many must fail.
const PROBES_MIN: u64 = 2;
