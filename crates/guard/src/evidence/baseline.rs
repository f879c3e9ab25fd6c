//! What is expected of one metric, learnt from calm.
//!
//! The same hours of the last four weeks give a median, the last half hour a moving mean; both count half. Until there is
//! a same hour, the same hours of other days serve, and without those the moving mean alone. What comes slowly is not let
//! in faster than 10 % an hour beyond what the hours say, so that nobody trains the gate within an evening.
//!
//! The spread counts twice what does not average out within ten seconds: real traffic swings for minutes, and sums over
//! seconds take independent noise for granted. Without it 300 simulated days at 200 requests/s or more, with swings of
//! 12 % that last 90 s, gave 15 false alarms; with it at most one.

use model::Finite;
use serde::{Deserialize, Serialize};

/// Hours of a week.
pub(super) const HOURS: u8 = 168;

/// What is expected of one metric.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub(super) struct Baseline {
    recent: Slow,
    /// Mean of |ln((value + 1) ÷ (expected + 1))|, what is far off counted as less far.
    deviation: Slow,
    /// The log-ratio of about the last ten seconds, and the mean of its size.
    swing: Finite,
    lasting: Slow,
    hours: Vec<Weeks>,
    /// The hour that is being learnt: which, the sum of its values, how many.
    hour: u8,
    sum: Finite,
    count: u32,
}

impl Baseline {
    /// Nothing learnt.
    pub(super) fn new() -> Self {
        Self {
            recent: Slow::new(RECENT_SECONDS, Finite::ONE),
            deviation: Slow::new(DEVIATION_SECONDS, SPREAD_FLOOR),
            swing: Finite::ZERO,
            lasting: Slow::new(DEVIATION_SECONDS, SPREAD_FLOOR),
            hours: vec![Weeks::default(); usize::from(HOURS)],
            hour: 0,
            sum: Finite::ZERO,
            count: 0,
        }
    }

    /// Four weeks of `level` times the factor of each hour; `now` is the hour that it is.
    pub(super) fn warm(level: Finite, spread: Spread, factor: impl Fn(u8) -> Finite, now: u8) -> Self {
        let mut warm = Self::new();
        for (hour, weeks) in (0..HOURS).zip(&mut warm.hours) {
            *weeks = Weeks { values: [level * factor(hour); WEEKS], len: WEEKS_U8, next: 0 };
        }
        warm.recent.settle(level * factor(now));
        let by_chance = spread.by_chance * spread.by_chance;
        let lasting = spread.lasting * spread.lasting;
        warm.deviation.settle((by_chance + lasting).sqrt() / OF_MEAN_DEVIATION);
        warm.lasting.settle((by_chance / Finite::new(19.0) + lasting).sqrt() / OF_MEAN_DEVIATION);
        warm
    }

    /// What is expected in this hour; `None` before anything was learnt.
    pub(super) fn expected(&self, hour: Option<u8>) -> Option<Finite> {
        (self.recent.seen > 0).then(|| self.blended(hour.and_then(|hour| self.of_hour(hour))))
    }

    /// The spread of the log-ratio of value and expectation, a standard deviation of what is normal.
    pub(super) fn spread(&self) -> Finite {
        let (all, lasting) = (self.deviation.level, self.lasting.level);
        (all * all + lasting * lasting * LASTING_COUNTS).sqrt() * OF_MEAN_DEVIATION
    }

    /// Learns one second.
    pub(super) fn learn(&mut self, hour: u8, value: Finite) {
        let same = self.of_hour(hour);
        let expected = if self.recent.seen > 0 { self.blended(same) } else { value };
        let cut = if self.is_established() { self.spread() * WINSORISED + LEAST_CUT } else { UNCUT };
        let off = log_ratio(value, expected).clamp(-cut, cut);
        self.swing += (off - self.swing) / SWING_SECONDS;
        self.deviation.learn(off.abs(), None);
        self.lasting.learn(self.swing.abs(), None);
        self.recent.learn(value, same);
        self.learn_hour(hour, same.map_or(value, |same| value.min(hour_limit(same))));
    }

    /// How many seconds were learnt.
    pub(super) const fn seen(&self) -> u32 {
        self.recent.seen
    }

    /// How many hours are kept.
    pub(super) fn room(&self) -> usize {
        self.hours.capacity()
    }

    fn is_established(&self) -> bool {
        self.recent.seen >= ESTABLISHED_SECONDS
    }

    fn blended(&self, same: Option<Finite>) -> Finite {
        same.map_or(self.recent.level, |same| (same + self.recent.level) / Finite::new(2.0))
    }

    fn learn_hour(&mut self, hour: u8, value: Finite) {
        if hour != self.hour {
            if self.count >= HOUR_SECONDS_MIN
                && let Some(weeks) = self.hours.get_mut(usize::from(self.hour))
            {
                weeks.push(self.sum / Finite::count(u64::from(self.count)));
            }
            (self.hour, self.sum, self.count) = (hour, Finite::ZERO, 0);
        }
        self.sum += value;
        self.count = self.count.saturating_add(1);
    }

    /// The median of the same hours of the week, or of the same hours of all days.
    fn of_hour(&self, hour: u8) -> Option<Finite> {
        let weeks = self.hours.get(usize::from(hour))?;
        if weeks.len > 0 {
            return Some(median(&mut { weeks.values }[..usize::from(weeks.len)]));
        }
        let days = self.hours.iter().skip(usize::from(hour % 24)).step_by(24);
        let mut all: Vec<Finite> = days.flat_map(|weeks| weeks.kept().iter().copied()).collect();
        (!all.is_empty()).then(|| median(&mut all))
    }
}

/// The spread of a log-ratio: by chance from second to second, and what lasts for a minute or more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spread {
    pub(super) by_chance: Finite,
    pub(super) lasting: Finite,
}

/// ln((value + 1) ÷ (expected + 1)).
pub(super) fn log_ratio(value: Finite, expected: Finite) -> Finite {
    ((value + Finite::ONE) / (expected + Finite::ONE)).ln()
}

/// What one hour is learnt as at most, where the same hour is known.
fn hour_limit(same: Finite) -> Finite {
    same * HOUR_GROWTH + Finite::ONE
}

/// The same hour of the last weeks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
struct Weeks {
    values: [Finite; WEEKS],
    len: u8,
    next: u8,
}

impl Weeks {
    fn push(&mut self, value: Finite) {
        self.values[usize::from(self.next) % WEEKS] = value;
        self.next = (self.next + 1) % WEEKS_U8;
        self.len = (self.len + 1).min(WEEKS_U8);
    }

    fn kept(&self) -> &[Finite] {
        &self.values[..usize::from(self.len).min(WEEKS)]
    }
}

/// The median of at least one value, which it puts in order.
fn median(values: &mut [Finite]) -> Finite {
    values.sort_unstable();
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values[middle];
    }
    (values[middle - 1] + values[middle]) / Finite::new(2.0)
}

/// A moving mean that rises slowly.
///
/// It starts as the plain mean. From [`ESTABLISHED_SECONDS`] on, level + offset rises by at most [`RISE_AN_HOUR`] in an
/// hour, beginning with what one hour may bring; what it falls, it may rise again.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
struct Slow {
    level: Finite,
    seen: u32,
    /// By which part of itself it may rise now.
    budget: Finite,
    /// Memory, in seconds.
    memory: u32,
    offset: Finite,
}

impl Slow {
    const fn new(memory: u32, offset: Finite) -> Self {
        Self { level: Finite::ZERO, seen: 0, budget: RISE_AN_HOUR, memory, offset }
    }

    /// Takes a level as learnt for long.
    const fn settle(&mut self, level: Finite) {
        (self.level, self.seen) = (level, WARM_SECONDS);
    }

    /// Learns a value; up to `free` it may rise at will.
    fn learn(&mut self, value: Finite, free: Option<Finite>) {
        self.seen = self.seen.saturating_add(1);
        let part = Finite::ONE / Finite::count(u64::from(self.seen.min(self.memory)));
        let wanted = self.level + part * (value - self.level);
        if self.seen <= ESTABLISHED_SECONDS {
            self.level = wanted;
            return;
        }
        let budget = (self.budget + RISE_AN_HOUR / Finite::new(3_600.0)).min(RISE_AN_HOUR);
        let from = self.level.max(free.unwrap_or(self.level).min(wanted)) + self.offset;
        let to = (wanted + self.offset).min(from * (Finite::ONE + budget));
        // 1 − to ÷ from is less than what the logarithm fell, to ÷ from − 1 more than what it rose.
        self.budget = (budget - (to / from - Finite::ONE)).clamp(Finite::ZERO, RISE_AN_HOUR);
        self.level = to - self.offset;
    }
}

/// Weeks that are kept of each hour (decision-science, section 5).
const WEEKS: usize = 4;
const WEEKS_U8: u8 = 4;
/// Memory of the moving mean, in seconds (decision-science, section 5: 30 minutes).
const RECENT_SECONDS: u32 = 1_800;
/// Memory of the spread, in seconds: two hours, so that a lively quarter of an hour does not blind it.
const DEVIATION_SECONDS: u32 = 7_200;
/// So long it is the plain mean: the 10 minutes until anything is expected of it (decision-science, section 0.8).
const ESTABLISHED_SECONDS: u32 = 600;
/// ln 1.10, the rise in an hour (decision-science, section 5: 10 %).
pub(super) const RISE_AN_HOUR: Finite = Finite::new(0.095_310_179_804_324_86);
/// Seconds of an hour that must have been learnt for it to count: ten minutes.
const HOUR_SECONDS_MIN: u32 = 600;
/// An hour is learnt as at most so many times what the same hour was.
const HOUR_GROWTH: Finite = Finite::new(2.0);
/// A deviation counts as at most so many spreads, and a little: where nothing ever changed, something may begin to.
const WINSORISED: Finite = Finite::new(3.0);
const LEAST_CUT: Finite = Finite::new(0.1);
/// Before there is a spread to cut by.
const UNCUT: Finite = Finite::new(8.0);
/// Memory of what lasts, in seconds.
const SWING_SECONDS: Finite = Finite::new(10.0);
/// So many times the square of what lasts is added to the square of the spread: it counts twice in all.
const LASTING_COUNTS: Finite = Finite::new(3.0);
/// √(π ÷ 2): standard deviation over mean deviation of normal noise.
const OF_MEAN_DEVIATION: Finite = Finite::new(1.253_314_137_315_5);
/// The least spread by which a volume is judged (decision-science, section 5).
pub(super) const SPREAD_FLOOR: Finite = Finite::new(0.20);
/// 28 days, in seconds.
pub(super) const WARM_SECONDS: u32 = 28 * 86_400;
