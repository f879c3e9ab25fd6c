//! The scoreboard: what the customers of both worlds experienced.

use std::fmt;

use serde::Serialize;

use crate::live::{Kind, Moment};
use crate::people::Attempt;
use crate::places::BOTS;

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
    /// Share of unknown visitors' attempts that succeeded; these give up after four seconds.
    pub unknown_success: f64,
    /// Share of those unknown visitors who were served while the attack went on, because they wait as they are told; of those who
    /// came in its first half. None if there were none.
    pub patient_success: Option<f64>,
    /// Half of those who were served waited less than so many seconds.
    pub patient_seconds: f64,
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

/// What was seen of the gate itself.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The first rule against the first attack.
    pub rule: Option<Rule>,
    /// From the end of each attack until everybody was admitted again without being asked for anything, in seconds; none if that
    /// was not waited for.
    pub seconds_to_open: [Option<f64>; 2],
    /// Bytes of access log that it wrote.
    pub log_bytes: u64,
    /// Share of processor time that other machines took from this one.
    pub steal: f64,
}

/// A rule that the gate found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rule {
    /// What it does, in words.
    pub text: String,
    /// From the attack's start until it was found, in seconds.
    pub seconds: f64,
    /// The upper bound on the share of calm requests that it would hit, 0 to 1.
    pub calm_share_at_most: f64,
}

/// All worlds side by side.
#[derive(Clone, Debug, Serialize)]
pub struct Scoreboard {
    /// With the gate.
    pub with_gate: Figures,
    /// With the gate, against an attack that copies people.
    pub second_attack: Figures,
    /// Without it, the first attack again.
    pub without_gate: Figures,
    /// From the attack's start to the first of ten good seconds in a row; the rest of the attack if there is none.
    pub seconds_to_protect: f64,
    /// The same for the second attack.
    pub second_seconds_to_protect: f64,
    /// The first rule against the first attack.
    pub rule: Option<Rule>,
    /// From the end of each attack until everybody was admitted again; none if that was not waited for.
    pub seconds_to_open: [Option<f64>; 2],
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

/// What one act brought.
pub struct Run {
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
        let patient = self.patient();
        let calm: Vec<&Attempt> =
            self.of(Kind::Customer).filter(|attempt| attempt.begun < self.attack_begun).collect();
        let (known_p99_ms, calm_p99_ms) = (p99_ms(&known), p99_ms(&calm));
        Figures {
            known_success: success(known.iter().copied()),
            known_attempts: known.len() as u64,
            known_p99_ratio: known_p99_ms / calm_p99_ms.max(0.001),
            known_p99_ms,
            calm_p99_ms,
            unknown_success: success(unknown.iter().copied()),
            patient_success: (!patient.is_empty()).then(|| success(&patient)),
            patient_seconds: median_seconds(&patient),
            attack_success: share(self.attack.attack_ok, self.attack.attack_sent),
            attack_requests: self.attack.attack_sent,
        }
    }

    pub(crate) fn login_success(&self) -> f64 {
        success(self.during(Kind::Login, 0.0))
    }

    /// The first of ten consecutive seconds in which customers were served and the shop was not overloaded (contract).
    pub(crate) fn seconds_to_protect(&self) -> f64 {
        let seconds = whole(self.attack_seconds);
        let good = |second: usize| {
            let from = self.attack_begun + number(second);
            let begun: Vec<&Attempt> =
                self.of(Kind::Customer).filter(|a| a.begun >= from && a.begun < from + 1.0).collect();
            let reached = self.arrived.get(whole(from)).copied().unwrap_or(0);
            success(begun) >= 0.99 && number(usize::try_from(reached).unwrap_or(0)) <= 1.05 * self.capacity
        };
        let verdicts: Vec<bool> = (0..seconds).map(good).collect();
        let first = verdicts.windows(10).position(|ten| ten.iter().all(|&good| good));
        first.map_or(self.attack_seconds, number)
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Attempt> {
        self.attempts.iter().filter(move |attempt| attempt.kind == kind)
    }

    /// Those who wait as they are told: whoever was served after the attack has not been served by the gate.
    fn patient(&self) -> Vec<Attempt> {
        let (half, end) =
            (self.attack_begun + self.attack_seconds / 2.0, self.attack_begun + self.attack_seconds);
        let came =
            self.during(Kind::Patient, GRACE_SECONDS).into_iter().filter(|attempt| attempt.begun < half);
        came.map(|attempt| Attempt { ok: attempt.ok && attempt.begun + attempt.seconds <= end, ..*attempt })
            .collect()
    }

    fn during(&self, kind: Kind, grace: f64) -> Vec<&Attempt> {
        let (from, until) = (self.attack_begun + grace, self.attack_begun + self.attack_seconds);
        self.of(kind).filter(|attempt| attempt.begun >= from && attempt.begun < until).collect()
    }
}

impl Scoreboard {
    /// Holds the two attacks with the gate beside the first one without it.
    pub fn new([with, second, without]: [&Run; 3], seen: Seen) -> Self {
        let mut board = Self {
            with_gate: with.figures(),
            second_attack: second.figures(),
            without_gate: without.figures(),
            seconds_to_protect: with.seconds_to_protect(),
            second_seconds_to_protect: second.seconds_to_protect(),
            rule: seen.rule,
            seconds_to_open: seen.seconds_to_open,
            login_new_address_success: with.login_success(),
            attack_seconds: whole(with.attack_seconds) as u64,
            attack_addresses: BOTS,
            capacity: with.capacity,
            log_bytes: seen.log_bytes,
            steal: seen.steal,
            promises: Vec::new(),
        };
        board.promises();
        board
    }

    /// The whole attack, where nothing was found in it.
    fn with_gate_seconds(&self) -> f64 {
        number(usize::try_from(self.attack_seconds).unwrap_or(usize::MAX))
    }

    fn promises(&mut self) {
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
                "seconds until a rule was found",
                "at most 10".into(),
                self.rule.as_ref().map_or(self.with_gate_seconds(), |rule| rule.seconds),
                self.rule.as_ref().is_some_and(|rule| rule.seconds <= 10.0),
            ),
            promise(
                "known customers served during the second attack",
                "at least 0.999".into(),
                self.second_attack.known_success,
                self.second_attack.known_success >= 0.999,
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
        let worlds = [&self.with_gate, &self.second_attack, &self.without_gate];
        let heads = ["with the gate", "2nd, with it", "without it"].map(str::to_owned);
        row(f, "\n  During the attack", heads)?;
        let percent = |share: f64| format!("{:.1} %", share * 100.0);
        let millis = |millis: f64| format!("{millis:.0} ms");
        row(f, "  customers served", worlds.map(|world| percent(world.known_success)))?;
        row(f, "  slowest 1 % of customers waited", worlds.map(|world| millis(world.known_p99_ms)))?;
        row(
            f,
            "    (in calm)",
            [millis(worlds[0].calm_p99_ms), String::new(), millis(worlds[2].calm_p99_ms)],
        )?;
        row(f, "  new visitors served at once", worlds.map(|world| percent(world.unknown_success)))?;
        let waited = worlds.map(|world| world.patient_success.map_or("-".to_owned(), percent));
        row(f, "  new visitors who wait as told", waited)?;
        row(
            f,
            "    (half of them for less than)",
            worlds.map(|world| format!("{:.1} s", world.patient_seconds)),
        )?;
        row(f, "  pages that the attackers got", worlds.map(|world| percent(world.attack_success)))?;
        row(f, "  requests of the attack", worlds.map(|world| world.attack_requests.to_string()))?;
        let opened =
            self.seconds_to_open.map(|seconds| seconds.map_or("-".to_owned(), |s| format!("{s:.0} s")));
        let [first, second] = opened;
        row(f, "  everybody admitted after its end", [first, second, String::new()])?;
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

fn row(f: &mut fmt::Formatter<'_>, name: &str, cells: [String; 3]) -> fmt::Result {
    let [first, second, third] = cells;
    writeln!(f, "{name:<35}{first:>14}{second:>14}{third:>14}")
}

fn success<'a>(attempts: impl IntoIterator<Item = &'a Attempt>) -> f64 {
    let count = |(ok, all), attempt: &Attempt| (ok + usize::from(attempt.ok), all + 1);
    let (ok, all) = attempts.into_iter().fold((0, 0), count);
    if all == 0 { 0.0 } else { number(ok) / number(all) }
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

fn median_seconds(attempts: &[Attempt]) -> f64 {
    let mut seconds: Vec<f64> = attempts.iter().filter(|a| a.ok).map(|attempt| attempt.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied().unwrap_or_default()
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
