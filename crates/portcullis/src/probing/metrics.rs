//! What metrics show of probes, on a gate and on an outpost.

use console_io::metrics::{Exposition, catalogue};
use incident::Outside;
use model::Instant;
use probe::{Board, Verdict};

/// Each probe, whether the other machine is heard of, and whether the site can be reached from outside.
pub(crate) fn probe_metrics(
    out: &mut Exposition,
    board: &Board,
    is_heard: Option<bool>,
    outside: Outside,
    now: Instant,
) {
    let known: Vec<_> =
        board.rows(now).filter(|(_, reading, _)| reading.verdict != Verdict::Unknown).collect();
    let up = known
        .iter()
        .map(|(target, reading, _)| ([target.name.as_str()], yes(reading.verdict != Verdict::Down)));
    out.gauge(&catalogue::PROBE_UP, up);
    let took = known
        .iter()
        .filter_map(|(target, _, last)| Some(([target.name.as_str()], last.as_ref()?.took.as_secs_f64())));
    out.gauge(&catalogue::PROBE_SECONDS, took);
    let none: [&str; 0] = [];
    out.gauge(&catalogue::OUTPOST_CONTACT, is_heard.map(|is_heard| (none, yes(is_heard))));
    let reached = match outside {
        Outside::Unknown => None,
        Outside::Reached => Some(true),
        Outside::Unreached { .. } => Some(false),
    };
    out.gauge(&catalogue::OUTSIDE_REACHED, reached.map(|reached| (none, yes(reached))));
}

/// 1 or 0.
fn yes(is_so: bool) -> f64 {
    f64::from(u8::from(is_so))
}
