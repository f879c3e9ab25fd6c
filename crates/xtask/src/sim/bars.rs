//! Bars: what the figures of all runs must reach (`PROMISES.md`), and the run that is furthest from it.

use serde_json::Value;

use super::kept::FAILURE;
use super::page::{Row, figure};
use super::{CALM_DAY, DAYS, SEEDS};

/// One bar.
pub(super) struct Bar {
    /// What it asks for, in words.
    pub(super) claim: &'static str,
    /// Over which scenarios.
    over: Over,
    measure: Measure,
    /// It depends on the machine and on what else runs there: it is shown, and no reason to fail.
    pub(super) is_of_machine: bool,
}

/// Scenarios.
enum Over {
    /// Those with an attack but for these.
    AttacksBut(&'static [&'static str]),
    /// Those without one but for these.
    PeaceBut(&'static [&'static str]),
    /// The first of these but for the second.
    NamedBut(&'static [&'static str], &'static [&'static str]),
    /// These.
    Named(&'static [&'static str]),
    All,
}

/// How what was measured is compared.
enum Measure {
    /// The largest figure of all runs is at most this.
    Most(&'static str, f64),
    /// The same of a figure that is left out where it never came, which is too late.
    Comes(&'static str, f64),
    /// The smallest figure of all runs is at least this.
    Least(&'static str, f64),
    /// The median of each scenario is at most this.
    MedianMost(&'static str, f64),
    /// The median of each scenario is at least this.
    MedianLeast(&'static str, f64),
    /// The mean of all runs of each scenario is at most this.
    MeanMost(&'static str, f64),
    /// The median of each scenario is at least so many times that of the threshold alone.
    TimesAlone(&'static str, f64),
    /// So many runs, and in none of them more of it than none.
    NoneIn(&'static str, u64),
}

/// What came of a bar.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    pub(super) state: State,
    /// How many of its scenarios have been played, of how many.
    pub(super) played: [usize; 2],
    /// Runs that it rests on.
    pub(super) runs: usize,
    /// The figure that is furthest from it, and where it was measured.
    pub(super) worst: Option<Worst>,
}

/// Whether a bar is held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    Held,
    /// By what has been played; more is to come.
    HeldSoFar,
    Missed,
    NotMeasured,
}

/// The figure of a scenario that is furthest from a bar.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Worst {
    pub(super) scenario: String,
    /// The seed of its worst run.
    pub(super) seed: u64,
    /// Infinite for what never came.
    pub(super) figure: f64,
}

/// Every bar, in the order of the page.
pub(super) const BARS: [Bar; 19] = [
    bar(
        "customers are protected within 2 s",
        Over::AttacksBut(&[]),
        Measure::Most("seconds_to_protect", 2.0),
    ),
    bar(
        "the first rule acts within 10 s",
        Over::Named(&SIGNATURE),
        Measure::Comes("seconds_to_first_rule", 10.0),
    ),
    bar(
        "0.999 of customers' attempts succeed after 2 s, median",
        Over::AttacksBut(&AWAY),
        Measure::MedianLeast("known_success_after_protect", 0.999),
    ),
    bar(
        "the same, 0.995 at worst",
        Over::AttacksBut(&AWAY),
        Measure::Least("known_success_after_protect", 0.995),
    ),
    bar(
        "fully open within 120 s, median",
        Over::AttacksBut(&RETURNING),
        Measure::MedianMost("seconds_to_reopen", 120.0),
    ),
    bar("the same, 180 s at worst", Over::AttacksBut(&RETURNING), Measure::Most("seconds_to_reopen", 180.0)),
    bar(
        "fully open within 240 s after pulses or a watcher",
        Over::Named(&RETURNING),
        Measure::Most("seconds_to_reopen", 240.0),
    ),
    bar(
        "270 calm days without a false closing",
        Over::Named(&[CALM_DAY]),
        Measure::NoneIn("false_closings", DAYS),
    ),
    bar(
        "what fits closes nothing: crowds, deploys, offices, mailings, uploads",
        Over::PeaceBut(&[BEYOND[0], CALM_DAY]),
        Measure::Most("false_closings", 0.0),
    ),
    bar(
        "at most one request in a million is refused in calm",
        Over::PeaceBut(&BEYOND),
        Measure::MeanMost("refused_in_calm", 1e-6),
    ),
    bar("none of customers", Over::PeaceBut(&[]), Measure::Most("known_refused_in_calm", 0.0)),
    bar(
        "visitors fare three times as well as with the threshold alone",
        // Pauses count as attack, and in them the threshold alone serves everybody.
        Over::NamedBut(&SIGNATURE, &RETURNING),
        Measure::TimesAlone("unknown_success", 3.0),
    ),
    bar(
        "logins from new addresses take at most 30 s, 95 %",
        Over::Named(&["web-application"]),
        Measure::Most("login_p95_seconds", 30.0),
    ),
    bar(
        "it is noticed within 20 s that nothing arrives",
        Over::Named(&["operations-provider"]),
        Measure::Most("seconds_to_alarm", 20.0),
    ),
    bar("64 MiB of state", Over::All, Measure::Most("state_bytes_max", 67_108_864.0)),
    of_machine("a tick takes at most 5 ms, 99 %", Over::All, Measure::Most("tick_p99_us", 5_000.0)),
    of_machine(
        "an hour of `web-application` takes 5 s",
        Over::Named(&["web-application"]),
        Measure::MedianMost("seconds_per_hour", 5.0),
    ),
    of_machine(
        "an hour of a calm day takes 1 s",
        Over::Named(&[CALM_DAY]),
        Measure::MedianMost("seconds_per_hour", 1.0),
    ),
    of_machine(
        "an hour of any scenario takes 10 s",
        Over::All,
        Measure::MedianMost("seconds_per_hour", 10.0),
    ),
];

const fn bar(claim: &'static str, over: Over, measure: Measure) -> Bar {
    Bar { claim, over, measure, is_of_machine: false }
}

const fn of_machine(claim: &'static str, over: Over, measure: Measure) -> Bar {
    Bar { claim, over, measure, is_of_machine: true }
}

/// Bars that were missed, each with the line that plays the worst run again.
pub(super) fn missed(rows: &[Row]) -> Vec<String> {
    let judged = BARS.iter().filter(|bar| !bar.is_of_machine).map(|bar| (bar, bar.judge(rows)));
    let missed = judged.filter(|(_, verdict)| verdict.state == State::Missed);
    let line = |(bar, verdict): (&Bar, Verdict)| {
        let Worst { scenario, seed, figure } = verdict.worst?;
        let shown = bar.shown(figure);
        Some(format!(
            "missed: {}: {shown} in {scenario}, seed {seed}; play it again with `portcullis sim {scenario} --seed {seed}`",
            bar.claim
        ))
    };
    missed.filter_map(line).collect()
}

impl Bar {
    /// What the kept results say of it.
    pub(super) fn judge(&self, rows: &[Row]) -> Verdict {
        let rows: Vec<&Row> = rows.iter().filter(|row| self.over.counts(&row.name)).collect();
        let measured: Vec<(&Row, Worst)> =
            rows.iter().filter_map(|row| Some((*row, self.measure.of(row)?))).collect();
        let further = |one: &&(&Row, Worst), other: &&(&Row, Worst)| {
            self.measure.excess(one.1.figure).total_cmp(&self.measure.excess(other.1.figure))
        };
        // Of equals the first.
        let worst = measured.iter().rev().max_by(further).map(|(_, worst)| worst.clone());
        let is_whole = |(row, _): &(&Row, Worst)| row.whole.len() as u64 >= self.measure.runs();
        let state = match &worst {
            None => State::NotMeasured,
            Some(worst) if self.measure.excess(worst.figure) > 0.0 => State::Missed,
            Some(_) if measured.len() < rows.len() || !measured.iter().all(is_whole) => State::HeldSoFar,
            Some(_) => State::Held,
        };
        let runs = measured.iter().map(|(row, _)| row.whole.len()).sum();
        Verdict { state, played: [measured.len(), rows.len()], runs, worst }
    }

    /// A figure as people read it.
    pub(super) fn shown(&self, figure: f64) -> String {
        if figure.is_infinite() {
            return "never".to_owned();
        }
        match self.measure.key() {
            "state_bytes_max" => format!("{:.1} MiB", figure / 1_048_576.0),
            "tick_p99_us" => format!("{:.2} ms", figure / 1_000.0),
            "unknown_success" => format!("{figure:.2} ×"),
            "refused_in_calm" | "known_refused_in_calm" if figure > 0.0 => format!("{figure:.1e}"),
            key if key.starts_with("seconds") || key.ends_with("seconds") => format!("{figure:.1} s"),
            key if key.contains("success") => format!("{figure:.4}"),
            _ => format!("{figure:.0}"),
        }
    }
}

impl Over {
    fn counts(&self, name: &str) -> bool {
        let is_peace = PEACE.contains(&name);
        match self {
            Self::AttacksBut(others) => !is_peace && !others.contains(&name),
            Self::PeaceBut(others) => is_peace && !others.contains(&name),
            Self::NamedBut(names, others) => names.contains(&name) && !others.contains(&name),
            Self::Named(names) => names.contains(&name),
            Self::All => true,
        }
    }
}

impl Measure {
    fn key(&self) -> &'static str {
        match *self {
            Self::Most(key, _)
            | Self::Comes(key, _)
            | Self::Least(key, _)
            | Self::MedianMost(key, _)
            | Self::MedianLeast(key, _)
            | Self::MeanMost(key, _)
            | Self::TimesAlone(key, _)
            | Self::NoneIn(key, _) => key,
        }
    }

    /// By how much a figure is on the wrong side; nothing or less on the right one.
    fn excess(&self, figure: f64) -> f64 {
        match *self {
            Self::Most(_, most)
            | Self::Comes(_, most)
            | Self::MedianMost(_, most)
            | Self::MeanMost(_, most) => figure - most,
            Self::Least(_, least) | Self::MedianLeast(_, least) | Self::TimesAlone(_, least) => {
                least - figure
            }
            Self::NoneIn(..) => figure,
        }
    }

    /// Runs of a scenario after which no more are to come.
    fn runs(&self) -> u64 {
        if let Self::NoneIn(_, runs) = *self { runs } else { SEEDS }
    }

    /// The figure of a scenario, with the seed of its worst run; `None` if it has not been played.
    fn of(&self, row: &Row) -> Option<Worst> {
        let if_never = matches!(self, Self::Comes(..)).then_some(f64::INFINITY);
        let figures = figures(&row.whole, self.key(), if_never);
        let further =
            |one: &&(u64, f64), other: &&(u64, f64)| self.excess(one.1).total_cmp(&self.excess(other.1));
        let &(seed, worst) = figures.iter().rev().max_by(further)?;
        let values = figures.iter().map(|(_, figure)| *figure);
        let figure = match *self {
            Self::Most(..) | Self::Comes(..) | Self::Least(..) => worst,
            Self::MedianMost(..) | Self::MedianLeast(..) => middle(values.collect())?,
            Self::MeanMost(..) => values.sum::<f64>() / figures.len() as f64,
            Self::TimesAlone(key, _) => times_alone(row, key)?,
            Self::NoneIn(..) => values.sum(),
        };
        Some(Worst { scenario: row.name.clone(), seed, figure })
    }
}

/// How many times the median of a figure is that of the threshold alone; `None` without either.
pub(super) fn times_alone(row: &Row, key: &str) -> Option<f64> {
    let of = |results| middle(figures(results, key, None).into_iter().map(|(_, figure)| figure).collect());
    // A thousandth is the least that so few runs tell from nothing.
    Some(of(&row.whole)? / of(&row.alone)?.max(0.001))
}

/// The figures of runs that came to their end, by seed; `if_never` for those in which it has none.
fn figures(results: &[Value], key: &str, if_never: Option<f64>) -> Vec<(u64, f64)> {
    let ended = results.iter().filter(|result| result.get(FAILURE).is_none());
    let figure = |result: &Value| Some((result.get("seed")?.as_u64()?, figure(result, key).or(if_never)?));
    ended.filter_map(figure).collect()
}

/// The median, as the page shows it: of an even count the upper one of the middle two.
pub(super) fn middle(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

/// Scenarios without an attack.
const PEACE: [&str; 13] = [
    "operations-provider",
    "calm",
    "calm-busy",
    "flash-crowd",
    "flash-crowd-over",
    "marketing-mail",
    "crawler-day",
    "deploy",
    "office-monday",
    "asset-burst",
    "big-upload",
    "sse-5000",
    CALM_DAY,
];

/// What asks for more than the app can do without an attack, so that strangers are let in again in steps.
const BEYOND: [&str; 1] = ["flash-crowd-over"];

/// Scenarios with an attack in which nothing arrives for a while, which fails whatever stands behind.
const AWAY: [&str; 1] = ["outage-under-attack"];

/// Attackers who stop and return.
const RETURNING: [&str; 3] = ["pulses-30-30", "pulses-120-240", "watcher"];

/// Floods that something tells from people from their first second on. Left out are bots that copy people or have passes
/// (`nat-bots`, `challenge-solvers`, `aged-accounts`, `clock-jump`), floods of the login, which has a share of its own
/// (`login-flood`, `two-at-once`), connections without requests (`slow-connections`, `streams-under-attack`), what grows from
/// nothing (`low-and-slow`), who hides when refused (`watcher`), and a flood before a gate that has learnt nothing of calm (`siege`).
const SIGNATURE: [&str; 18] = [
    "web-application",
    "web-application-trial",
    "cold-start",
    "dumb-flood",
    "dumb-flood-200",
    "random-ua-query",
    "expensive-route",
    "cache-bust",
    "prefix-churn",
    "cohort-learner",
    "pulses-30-30",
    "pulses-120-240",
    "second-wave",
    "crowd-under-attack",
    "deploy-under-attack",
    "outage-under-attack",
    "telemetry-gap",
    "small-app",
];

#[cfg(test)]
mod tests;
