//! The scoreboard: what the customers of both worlds experienced.

use std::fmt;

use serde::Serialize;

use crate::live::Moment;
use crate::people::{Attempt, Kind};

/// One world, with the gate or without it. Shares are 0 to 1; attempts count from 2 s after the attack's start.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Share of customers' attempts that succeeded.
    pub known_success: f64,
    /// Customers' attempts.
    pub known_attempts: u64,
    /// 99th percentile of customers' attempts during the attack over that in calm.
    pub known_p99_ratio: f64,
    /// The same during the attack, in milliseconds.
    pub known_p99_ms: f64,
    /// The same in calm.
    pub calm_p99_ms: f64,
    /// Share of unknown visitors' attempts that succeeded.
    pub unknown_success: f64,
    /// Share of the attack's requests that got a page.
    pub attack_success: f64,
    /// Requests that the attack sent.
    pub attack_requests: u64,
}

/// One promise and how it was kept.
#[derive(Clone, Debug, Serialize)]
pub struct Promise {
    /// What was promised.
    pub name: &'static str,
    /// The bar, in words.
    pub bar: String,
    /// The figure of this run.
    pub figure: f64,
    /// Whether it was kept.
    pub kept: bool,
}

/// Both worlds side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Scoreboard {
    /// With the gate.
    pub with_gate: Figures,
    /// Without it.
    pub without_gate: Figures,
    /// From the attack's start to the first of ten good seconds in a row; the rest of the attack if there is none.
    pub seconds_to_protect: f64,
    /// Share of logins from new addresses, begun during the attack, that were confirmed within 30 s.
    pub login_new_address_success: f64,
    /// Length of each attack.
    pub attack_seconds: u64,
    /// Addresses that attacked.
    pub attack_addresses: u32,
    /// Pages a second that the shop can serve, measured in calm.
    pub capacity: f64,
    /// Bytes of access log that the gate wrote.
    pub log_bytes: u64,
    /// Share of processor time that other machines took from this one.
    pub steal: f64,
    /// The promises.
    pub promises: Vec<Promise>,
}

/// What one world brought.
pub(crate) struct Run {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) attack: Moment,
    /// When the attack began and how long it lasted, in seconds since the crowd began.
    pub(crate) attack_begun: f64,
    pub(crate) attack_seconds: f64,
    /// Requests that reached the shop's slots, by second since the crowd began.
    pub(crate) arrived: Vec<u64>,
    pub(crate) capacity: f64,
}

impl Run {
    pub(crate) fn figures(&self) -> Figures {
        let known = self.during(Kind::Customer, GRACE_SECONDS);
        let unknown = self.during(Kind::Visitor, GRACE_SECONDS);
        let calm: Vec<&Attempt> =
            self.of(Kind::Customer).filter(|attempt| attempt.begun < self.attack_begun).collect();
        let (known_p99_ms, calm_p99_ms) = (p99_ms(&known), p99_ms(&calm));
        Figures {
            known_success: success(&known),
            known_attempts: known.len() as u64,
            known_p99_ratio: known_p99_ms / calm_p99_ms.max(0.001),
            known_p99_ms,
            calm_p99_ms,
            unknown_success: success(&unknown),
            attack_success: share(self.attack.attack_ok, self.attack.attack_sent),
            attack_requests: self.attack.attack_sent,
        }
    }

    pub(crate) fn login_success(&self) -> f64 {
        success(&self.during(Kind::Login, 0.0))
    }

    /// The first of ten consecutive seconds in which customers were served and the shop was not overloaded (contract).
    pub(crate) fn seconds_to_protect(&self) -> f64 {
        let seconds = whole(self.attack_seconds);
        let good = |second: usize| {
            let from = self.attack_begun + number(second);
            let begun: Vec<&Attempt> =
                self.of(Kind::Customer).filter(|a| a.begun >= from && a.begun < from + 1.0).collect();
            let reached = self.arrived.get(whole(from)).copied().unwrap_or(0);
            success(&begun) >= 0.99 && number(usize::try_from(reached).unwrap_or(0)) <= 1.05 * self.capacity
        };
        let verdicts: Vec<bool> = (0..seconds).map(good).collect();
        let first = verdicts.windows(10).position(|ten| ten.iter().all(|&good| good));
        first.map_or(self.attack_seconds, number)
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.kind == kind)
    }

    fn during(&self, kind: Kind, grace: f64) -> Vec<&Attempt> {
        let (from, until) = (self.attack_begun + grace, self.attack_begun + self.attack_seconds);
        self.of(kind).filter(|attempt| attempt.begun >= from && attempt.begun < until).collect()
    }
}

impl Scoreboard {
    pub(crate) fn promises(&mut self) {
        let with = &self.with_gate;
        let slow = (2.0 * with.calm_p99_ms).max(with.calm_p99_ms + 50.0);
        let promise = |name, bar: String, figure: f64, kept| Promise { name, bar, figure, kept };
        self.promises = vec![
            promise(
                "known customers served during the attack",
                "at least 0.999".into(),
                with.known_success,
                with.known_success >= 0.999,
            ),
            promise(
                "slowest 1 % of customers' pages, in ms",
                format!("at most {slow:.0}"),
                with.known_p99_ms,
                with.known_p99_ms <= slow,
            ),
            promise(
                "seconds until protected",
                "at most 2".into(),
                self.seconds_to_protect,
                self.seconds_to_protect <= 2.0,
            ),
            promise(
                "logins from new addresses",
                "at least 0.95".into(),
                self.login_new_address_success,
                self.login_new_address_success >= 0.95,
            ),
            promise(
                "known customers served without the gate",
                "below 0.5, or the attack was none".into(),
                self.without_gate.known_success,
                self.without_gate.known_success < 0.5,
            ),
        ];
    }
}

impl fmt::Display for Scoreboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (with, without) = (&self.with_gate, &self.without_gate);
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        writeln!(f, "\n  {:<44}{:>14}{:>16}", "During the attack", "with the gate", "without it")?;
        let mut row = |name: &str, a: String, b: String| writeln!(f, "  {name:<44}{a:>14}{b:>16}");
        row("customers served", percent(with.known_success), percent(without.known_success))?;
        row(
            "slowest 1 % of customers waited",
            format!("{:.0} ms", with.known_p99_ms),
            format!("{:.0} ms", without.known_p99_ms),
        )?;
        row("  (in calm)", format!("{:.0} ms", with.calm_p99_ms), format!("{:.0} ms", without.calm_p99_ms))?;
        row("new visitors served", percent(with.unknown_success), percent(without.unknown_success))?;
        row("pages that the attackers got", percent(with.attack_success), percent(without.attack_success))?;
        row("requests of the attack", with.attack_requests.to_string(), without.attack_requests.to_string())?;
        writeln!(f)?;
        for promise in &self.promises {
            let mark = if promise.kept { "kept  " } else { "BROKEN" };
            writeln!(f, "  {mark}  {}: {:.3} ({})", promise.name, promise.figure, promise.bar)?;
        }
        if self.steal > 0.05 {
            writeln!(
                f,
                "\n  Other machines took {:.0} % of this one's processor meanwhile; figures of time suffer from that.",
                self.steal * 100.0
            )?;
        }
        Ok(())
    }
}

fn success(attempts: &[&Attempt]) -> f64 {
    let ok = attempts.iter().filter(|attempt| attempt.ok).count();
    if attempts.is_empty() { 0.0 } else { number(ok) / number(attempts.len()) }
}

fn p99_ms(attempts: &[&Attempt]) -> f64 {
    let mut histogram = hdrhistogram::Histogram::<u64>::new_with_bounds(1, 600_000_000, 3)
        .expect("the bounds are constants that the library offers");
    for attempt in attempts {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an attempt takes seconds"
        )]
        let micros = (attempt.seconds * 1e6) as u64;
        histogram.saturating_record(micros);
    }
    number(usize::try_from(histogram.value_at_quantile(0.99)).unwrap_or(usize::MAX)) / 1_000.0
}

fn share(part: u64, all: u64) -> f64 {
    let to_float = |count: u64| number(usize::try_from(count).unwrap_or(usize::MAX));
    if all == 0 { 0.0 } else { to_float(part) / to_float(all) }
}

fn number(count: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts of one run are far below 2^53")]
    let number = count as f64;
    number
}

fn whole(seconds: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "seconds of one run")]
    let whole = seconds.max(0.0) as usize;
    whole
}

/// The promise is made from here on.
const GRACE_SECONDS: f64 = 2.0;
