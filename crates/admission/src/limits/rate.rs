//! How fast a client may go.

use std::time::Duration;

use model::Instant;

/// The slowest sustained rate: one unit a day.
const PER_SECOND_MIN: f64 = 1.0 / 86_400.0;

/// The fastest sustained rate, in units per second.
const PER_SECOND_MAX: f64 = 1e6;

/// No client is held to account for longer than a day, in nanoseconds.
const TOLERANCE_NANOS_MAX: u64 = 86_400_000_000_000;

/// A sustained rate with a burst, held as whole nanoseconds so that replaying it is exact.
///
/// One unit is what `cost_milli = 1000` charges: one ordinary request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// Time in which one unit of debt is paid back.
    unit_nanos: u64,
    /// The most debt that a client may have: the burst, as time.
    tolerance_nanos: u64,
}

impl Rate {
    /// `rate` units per second sustained, and `burst` units at once after a quiet spell.
    ///
    /// Out of range is cut to the range: the rate to one a day … 1,000,000 per second (not a number counts as the
    /// slowest), the burst to at least one unit and at most a day's worth.
    pub fn per_second(rate: f64, burst: f64) -> Self {
        let rate = if rate.is_nan() { PER_SECOND_MIN } else { rate.clamp(PER_SECOND_MIN, PER_SECOND_MAX) };
        let burst = if burst.is_nan() { 1.0 } else { burst.max(1.0) };
        let unit_nanos = whole_nanos(1e9 / rate);
        Self { unit_nanos, tolerance_nanos: whole_nanos(burst * 1e9 / rate).max(unit_nanos) }
    }

    /// `count` units per minute sustained, and the same number at once.
    pub fn per_minute(count: f64) -> Self {
        Self::per_second(count / 60.0, count)
    }

    /// Rate and burst multiplied; a factor of zero counts as one.
    #[must_use]
    pub fn times(self, factor: u32) -> Self {
        Self { unit_nanos: (self.unit_nanos / u64::from(factor.max(1))).max(1), ..self }
    }

    /// Rate and burst multiplied by 256ths, at least one.
    #[must_use]
    pub(super) fn scaled(self, parts: u32) -> Self {
        let unit = u128::from(self.unit_nanos) * 256 / u128::from(parts.max(1));
        Self { unit_nanos: u64::try_from(unit).unwrap_or(u64::MAX).max(1), ..self }
    }

    /// How much of the burst such a debt is, 0 to 1.
    pub(super) fn fill(self, paid_nanos: u64, now: Instant) -> f64 {
        let debt = paid_nanos.saturating_sub(now.as_nanos());
        Duration::from_nanos(debt).div_duration_f64(Duration::from_nanos(self.tolerance_nanos)).min(1.0)
    }

    /// A sixteenth of rate and burst: what clients share for whom a table has no room.
    #[must_use]
    pub fn sixteenth(self) -> Self {
        Self { unit_nanos: self.unit_nanos.saturating_mul(16), ..self }
    }

    /// Where a charge moves the moment at which all debt is paid (GCRA's theoretical arrival time): allowed if and only
    /// if max(now, paid) + T·cost − now ≤ τ. Otherwise, how long until the same charge would be allowed.
    ///
    /// A cost above the whole burst counts as the burst: it could never be allowed otherwise.
    pub(super) fn advance(self, paid_nanos: u64, now: Instant, cost_milli: u32) -> Result<u64, Duration> {
        let now = now.as_nanos();
        let next =
            paid_nanos.max(now).saturating_add(self.charge_nanos(cost_milli).min(self.tolerance_nanos));
        let latest = now.saturating_add(self.tolerance_nanos);
        if next <= latest { Ok(next) } else { Err(Duration::from_nanos(next - latest)) }
    }

    /// Like [`Rate::advance`] for one unit, but it never refuses: debt beyond the burst is noted up to `delay_max`.
    pub(super) fn advance_delayed(self, paid_nanos: u64, now: Instant, delay_max: Duration) -> u64 {
        let next = paid_nanos.max(now.as_nanos()).saturating_add(self.unit_nanos);
        // More debt is forgiven: or an attacker could make the owner wait long after the attack.
        next.min((now + Duration::from_nanos(self.tolerance_nanos) + delay_max).as_nanos()).max(paid_nanos)
    }

    /// How long whoever has this debt must wait until it is within the burst.
    pub(super) fn excess(self, paid_nanos: u64, now: Instant) -> Duration {
        Duration::from_nanos(paid_nanos.saturating_sub(now.as_nanos()).saturating_sub(self.tolerance_nanos))
    }

    /// At least one nanosecond, so that every charge moves the clock of its cell forward.
    fn charge_nanos(self, cost_milli: u32) -> u64 {
        let nanos = u128::from(self.unit_nanos) * u128::from(cost_milli) / 1_000;
        u64::try_from(nanos).unwrap_or(u64::MAX).max(1)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positive, and cut to a day")]
fn whole_nanos(nanos: f64) -> u64 {
    (nanos as u64).clamp(1, TOLERANCE_NANOS_MAX)
}
