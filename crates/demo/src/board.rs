//! The scoreboard: what the customers of both worlds experienced.

use std::fmt;

use serde::Serialize;

use crate::live::{Kind, Moment};
use crate::people::Attempt;
use crate::places::BOTS;

/// One world, with the gate or without it. Shares are 0 to 1; attempts count from 2 s after the attack's start. Where there was nobody
/// there is no figure.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    /// Share of customers' attempts that succeeded.
    pub known_success: Option<f64>,
    /// Customers' attempts.
    pub known_attempts: u64,
    /// 99th percentile of customers' attempts during the attack over that in calm.
    pub known_p99_ratio: Option<f64>,
    /// The same during the attack, in milliseconds.
    pub known_p99_ms: Option<f64>,
    /// The same in calm.
    pub calm_p99_ms: Option<f64>,
    /// Share of unknown visitors' attempts that succeeded; these give up after four seconds.
    pub unknown_success: Option<f64>,
    /// Share of those unknown visitors who were served while the attack went on, because they wait as they are told; of those who
    /// came in its first half.
    pub patient_success: Option<f64>,
    /// Half of those who were served waited less than so many seconds.
    pub patient_seconds: Option<f64>,
    /// Share of the attack's requests that got a page.
    pub attack_success: Option<f64>,
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
    /// The figure of this run; none if there was nobody of whom there could be one, and then the promise is not kept.
    pub figure: Option<f64>,
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
    /// The longest that this machine, or one of its processors, stood still in any second of an attack with the gate, in seconds.
    pub away_seconds: f64,
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
    /// Share of logins from new addresses, begun during the first attack, that were confirmed within 30 s.
    pub login_new_address_success: Option<f64>,
    /// The same of the second attack.
    pub second_login_new_address_success: Option<f64>,
    /// The same after each attack, for as long as it was looked on; none if nobody signed in then.
    pub login_success_after: [Option<f64>; 2],
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
    /// The longest that this machine, or one of its processors, stood still in any second of an attack with the gate, in seconds.
    pub away_seconds: f64,
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
            known_p99_ratio: known_p99_ms.zip(calm_p99_ms).map(|(during, calm)| during / calm.max(0.001)),
            known_p99_ms,
            calm_p99_ms,
            unknown_success: success(unknown.iter().copied()),
            patient_success: success(&patient),
            patient_seconds: median_seconds(&patient),
            attack_success: share(self.attack.attack_ok, self.attack.attack_sent),
            attack_requests: self.attack.attack_sent,
        }
    }

    pub(crate) fn login_success(&self) -> Option<f64> {
        success(self.during(Kind::Login, 0.0))
    }

    pub(crate) fn login_success_after(&self) -> Option<f64> {
        let end = self.attack_begun + self.attack_seconds;
        success(self.of(Kind::Login).filter(|attempt| attempt.begun >= end))
    }

    /// The first of ten consecutive seconds in which customers were served and the shop was not overloaded (contract).
    pub(crate) fn seconds_to_protect(&self) -> f64 {
        let seconds = whole(self.attack_seconds);
        let good = |second: usize| {
            let from = self.attack_begun + number(second);
            let begun: Vec<&Attempt> =
                self.of(Kind::Customer).filter(|a| a.begun >= from && a.begun < from + 1.0).collect();
            let reached = self.arrived.get(whole(from)).copied().unwrap_or(0);
            success(begun).is_some_and(|share| share >= 0.99)
                && number(usize::try_from(reached).unwrap_or(0)) <= 1.05 * self.capacity
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
            second_login_new_address_success: second.login_success(),
            login_success_after: [with.login_success_after(), second.login_success_after()],
            attack_seconds: whole(with.attack_seconds) as u64,
            attack_addresses: BOTS,
            capacity: with.capacity,
            log_bytes: seen.log_bytes,
            steal: seen.steal,
            away_seconds: seen.away_seconds,
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
        let slow = with.calm_p99_ms.map(|calm| (2.0 * calm).max(calm + 50.0));
        let least = |name, bar: f64, figure: Option<f64>| {
            let kept = figure.is_some_and(|figure| figure >= bar);
            Promise { name, bar: format!("at least {bar}"), figure, kept }
        };
        let most = |name, bar: f64, figure: Option<f64>| {
            let kept = figure.is_some_and(|figure| figure <= bar);
            Promise { name, bar: format!("at most {bar:.0}"), figure, kept }
        };
        let [first, second] = self.login_success_after;
        let after = first.zip(second).map(|(first, second)| first.min(second));
        let rule_seconds = self.rule.as_ref().map_or(self.with_gate_seconds(), |rule| rule.seconds);
        self.promises = vec![
            least("known customers served during the attack", 0.999, with.known_success),
            Promise {
                name: "slowest 1 % of customers' pages, in ms",
                bar: slow.map_or("no calm beside it".to_owned(), |slow| format!("at most {slow:.0}")),
                figure: with.known_p99_ms,
                kept: with.known_p99_ms.zip(slow).is_some_and(|(during, slow)| during <= slow),
            },
            most("seconds until protected", 2.0, Some(self.seconds_to_protect)),
            least("logins from new addresses", 0.95, self.login_new_address_success),
            Promise {
                kept: self.rule.as_ref().is_some_and(|rule| rule.seconds <= 10.0),
                ..most("seconds until a rule was found", 10.0, Some(rule_seconds))
            },
            least("known customers served in the second attack", 0.999, self.second_attack.known_success),
            least(
                "logins from new addresses in the second attack",
                0.95,
                self.second_login_new_address_success,
            ),
            least("logins from new addresses after the attacks", 0.95, after),
            Promise {
                name: "known customers served without the gate",
                bar: "below 0.5".to_owned(),
                figure: self.without_gate.known_success,
                kept: self.without_gate.known_success.is_some_and(|share| share < 0.5),
            },
        ];
    }
}

impl fmt::Display for Scoreboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let worlds = [&self.with_gate, &self.second_attack, &self.without_gate];
        let heads = ["with the gate", "2nd, with it", "without it"].map(str::to_owned);
        row(f, "\n  During the attack", heads)?;
        let said = |figure: Option<f64>, words: fn(f64) -> String| figure.map_or("-".to_owned(), words);
        let percent: fn(f64) -> String = |share| format!("{:.1} %", share * 100.0);
        let millis: fn(f64) -> String = |millis| format!("{millis:.0} ms");
        let short: fn(f64) -> String = |seconds| format!("{seconds:.1} s");
        row(f, "  customers served", worlds.map(|world| said(world.known_success, percent)))?;
        row(f, "  slowest 1 % of customers waited", worlds.map(|world| said(world.known_p99_ms, millis)))?;
        let calm = worlds.map(|world| said(world.calm_p99_ms, millis));
        // Between the two attacks there is too little of it.
        let [first, _, third] = calm;
        row(f, "    (in calm)", [first, String::new(), third])?;
        row(f, "  new visitors served at once", worlds.map(|world| said(world.unknown_success, percent)))?;
        row(f, "  new visitors who wait as told", worlds.map(|world| said(world.patient_success, percent)))?;
        row(f, "    (half of them for less than)", worlds.map(|world| said(world.patient_seconds, short)))?;
        row(f, "  pages that the attackers got", worlds.map(|world| said(world.attack_success, percent)))?;
        row(f, "  requests of the attack", worlds.map(|world| world.attack_requests.to_string()))?;
        let logins = [self.login_new_address_success, self.second_login_new_address_success];
        let [first, second] = logins.map(|success| said(success, percent));
        row(f, "  logins from new addresses", [first, second, String::new()])?;
        let [first, second] = self.login_success_after.map(|success| said(success, percent));
        row(f, "    (after the attack)", [first, second, String::new()])?;
        let [first, second] = self.seconds_to_open.map(|seconds| said(seconds, |s| format!("{s:.0} s")));
        row(f, "  everybody admitted after its end", [first, second, String::new()])?;
        writeln!(f)?;
        for Promise { name, bar, figure, kept } in &self.promises {
            let mark = if *kept { "kept  " } else { "BROKEN" };
            writeln!(f, "  {mark}  {name}: {} ({bar})", said(*figure, |figure| format!("{figure:.3}")))?;
        }
        if self.without_gate.known_success.is_some_and(|share| share >= 0.5) {
            writeln!(f, "  Most were served without the gate, so that the attack was none.")?;
        }
        if self.steal > 0.05 {
            let taken = self.steal * 100.0;
            writeln!(f, "\n  Other machines took {taken:.0} % of this one's processor meanwhile;")?;
            writeln!(f, "  figures of time suffer from that.")?;
        }
        if self.away_seconds >= AWAY_SECONDS {
            let away = self.away_seconds;
            writeln!(f, "\n  This machine, which plays both sides, stood still for {away:.1} s during an")?;
            writeln!(f, "  attack; customers, gate and shop had to wait for it.")?;
        }
        Ok(())
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, cells: [String; 3]) -> fmt::Result {
    let [first, second, third] = cells;
    writeln!(f, "{name:<35}{first:>14}{second:>14}{third:>14}")
}

fn success<'a>(attempts: impl IntoIterator<Item = &'a Attempt>) -> Option<f64> {
    let count = |(ok, all), attempt: &Attempt| (ok + usize::from(attempt.ok), all + 1);
    let (ok, all) = attempts.into_iter().fold((0, 0), count);
    (all > 0).then(|| number(ok) / number(all))
}

fn p99_ms(attempts: &[&Attempt]) -> Option<f64> {
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
    let micros = usize::try_from(histogram.value_at_quantile(0.99)).unwrap_or(usize::MAX);
    (!attempts.is_empty()).then(|| number(micros) / 1_000.0)
}

fn median_seconds(attempts: &[Attempt]) -> Option<f64> {
    let mut seconds: Vec<f64> = attempts.iter().filter(|a| a.ok).map(|attempt| attempt.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get(seconds.len() / 2).copied()
}

fn share(part: u64, all: u64) -> Option<f64> {
    let to_float = |count: u64| number(usize::try_from(count).unwrap_or(usize::MAX));
    (all > 0).then(|| to_float(part) / to_float(all))
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

/// A machine that stood still for so long is told of: a page takes a tenth of a second.
const AWAY_SECONDS: f64 = 0.25;
/// The promise is made from here on.
const GRACE_SECONDS: f64 = 2.0;

#[cfg(test)]
mod tests;
