//! The result of a run, and the table of several.

use std::fmt;

use serde::Serialize;

/// The result of one run (contracts, "Scenario file and result", and `docs/decisions/016-…`). Shares are 0 to 1; `None` only without an attack.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The scenario.
    pub name: String,
    /// What its random numbers were drawn from.
    pub seed: u64,
    /// From the attack's start to the first level above calm.
    pub seconds_to_detect: Option<f64>,
    /// To the first of ten consecutive good seconds.
    pub seconds_to_protect: Option<f64>,
    /// From the attack's start to the first rule that acts; `None` also without such a rule.
    pub seconds_to_first_rule: Option<f64>,
    /// Attempts of customers begun in attack seconds that succeeded.
    pub known_success: Option<f64>,
    /// Those begun from two seconds after the start.
    pub known_success_after_protect: Option<f64>,
    /// The same of visitors, in all attack seconds.
    pub unknown_success: Option<f64>,
    /// Logins from new addresses begun in attack seconds that were confirmed within 30 s.
    pub login_success: Option<f64>,
    /// How long the slowest twentieth of them took at least.
    pub login_p95_seconds: Option<f64>,
    /// Seconds in which the app was given more than 1.05 of its capacity.
    pub over_limit_seconds: u64,
    /// Closings without an attack and with load that fits.
    pub false_closings: u64,
    /// Legitimate requests refused in calm seconds, of all of them.
    pub refused_in_calm: f64,
    /// Requests of customers refused in the same seconds, of all of theirs.
    pub known_refused_in_calm: f64,
    /// From the moment on at which nothing arrives any more until the core suspects it; `None` without an `upstream-outage`.
    pub seconds_to_alarm: Option<f64>,
    /// Steps of re-opening that were taken back.
    pub reverts: u32,
    /// From the attack's end until everything was open.
    pub seconds_to_reopen: Option<f64>,
    /// Legitimate attempts hit by a rule.
    pub collateral: f64,
    /// Processor time of the engine's steps, by the caller's clock; no part of what repeats.
    pub tick_p99_us: u64,
    /// Memory of limiter, budgets, networks, connections, rows of passes and decision core; tables are as large as the scenario needs.
    pub state_bytes_max: u64,
    /// How long an hour of the scenario took, by the caller's clock; no part of what repeats.
    pub seconds_per_hour: f64,
    /// Hash over all decisions.
    pub decision_hash: String,
}

/// Results of several runs as a table for people: one line each, then medians and worst for each scenario of several.
pub struct Table<'a>(pub &'a [Outcome]);

/// A column: its title, whether large is good, and its figure.
struct Column {
    title: &'static str,
    wants_much: bool,
    decimals: usize,
    figure: fn(&Outcome) -> Option<f64>,
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<28}{:>7}", "scenario", "seed")?;
        for column in &COLUMNS {
            write!(f, "{:>10}", column.title)?;
        }
        writeln!(f)?;
        for group in self.0.chunk_by(|one, next| one.name == next.name) {
            for outcome in group {
                line(f, &outcome.name, &outcome.seed.to_string(), |column| (column.figure)(outcome))?;
            }
            if group.len() > 1 {
                line(f, &group[0].name, "median", |column| median(group, column))?;
                line(f, &group[0].name, "worst", |column| worst(group, column))?;
            }
        }
        Ok(())
    }
}

fn line(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    seed: &str,
    figure: impl Fn(&Column) -> Option<f64>,
) -> fmt::Result {
    write!(f, "{name:<28}{seed:>7}")?;
    for column in &COLUMNS {
        match figure(column) {
            Some(value) => write!(f, "{value:>10.*}", column.decimals)?,
            None => write!(f, "{:>10}", "-")?,
        }
    }
    writeln!(f)
}

fn sorted(group: &[Outcome], column: &Column) -> Vec<f64> {
    let mut figures: Vec<f64> = group.iter().filter_map(column.figure).collect();
    figures.sort_by(f64::total_cmp);
    figures
}

fn median(group: &[Outcome], column: &Column) -> Option<f64> {
    let figures = sorted(group, column);
    figures.get(figures.len() / 2).copied()
}

fn worst(group: &[Outcome], column: &Column) -> Option<f64> {
    let figures = sorted(group, column);
    if column.wants_much { figures.first().copied() } else { figures.last().copied() }
}

const fn column(
    title: &'static str,
    wants_much: bool,
    decimals: usize,
    figure: fn(&Outcome) -> Option<f64>,
) -> Column {
    Column { title, wants_much, decimals, figure }
}

/// The columns. Counts are small whole numbers.
const COLUMNS: [Column; 16] = [
    column("detect s", false, 1, |outcome| outcome.seconds_to_detect),
    column("protect s", false, 1, |outcome| outcome.seconds_to_protect),
    column("rule s", false, 1, |outcome| outcome.seconds_to_first_rule),
    column("known", true, 4, |outcome| outcome.known_success),
    column("known 2s+", true, 4, |outcome| outcome.known_success_after_protect),
    column("unknown", true, 3, |outcome| outcome.unknown_success),
    column("login", true, 3, |outcome| outcome.login_success),
    column("p95 s", false, 1, |outcome| outcome.login_p95_seconds),
    column("over s", false, 0, |outcome| Some(outcome.over_limit_seconds as f64)),
    column("false", false, 0, |outcome| Some(outcome.false_closings as f64)),
    column("calm", false, 6, |outcome| Some(outcome.refused_in_calm)),
    column("of known", false, 6, |outcome| Some(outcome.known_refused_in_calm)),
    column("reverts", false, 0, |outcome| Some(outcome.reverts.into())),
    column("reopen s", false, 0, |outcome| outcome.seconds_to_reopen),
    column("collat", false, 4, |outcome| Some(outcome.collateral)),
    column("tick us", false, 0, |outcome| Some(outcome.tick_p99_us as f64)),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(seed: u64, protect: f64, known: f64) -> Outcome {
        Outcome {
            name: "web-application".to_owned(),
            seed,
            seconds_to_detect: Some(1.0),
            seconds_to_protect: Some(protect),
            seconds_to_first_rule: None,
            known_success: Some(known),
            known_success_after_protect: Some(known),
            unknown_success: Some(0.5),
            login_success: Some(1.0),
            login_p95_seconds: Some(9.0),
            over_limit_seconds: 2,
            false_closings: 0,
            refused_in_calm: 0.0,
            known_refused_in_calm: 0.0,
            seconds_to_alarm: None,
            reverts: 3,
            seconds_to_reopen: None,
            collateral: 0.0,
            tick_p99_us: 40,
            state_bytes_max: 1,
            seconds_per_hour: 3.0,
            decision_hash: "00".to_owned(),
        }
    }

    #[test]
    fn several_seeds_end_with_their_median_and_their_worst() {
        let text = Table(&[outcome(1, 2.0, 1.0), outcome(2, 5.0, 0.9), outcome(3, 3.0, 0.95)]).to_string();
        let last: Vec<&str> = text.lines().rev().take(2).collect();
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(last[1])[1..6], ["median", "1.0", "3.0", "-", "0.9500"]);
        assert_eq!(words(last[0])[1..6], ["worst", "1.0", "5.0", "-", "0.9000"]);
    }

    #[test]
    fn the_keys_are_those_of_the_contract() {
        let json = serde_json::to_string(&outcome(1, 2.0, 1.0)).unwrap();
        let keys: Vec<&str> =
            json.trim_matches(['{', '}']).split(',').filter_map(|part| part.split('"').nth(1)).collect();
        assert_eq!(
            keys,
            [
                "name",
                "seed",
                "seconds_to_detect",
                "seconds_to_protect",
                "seconds_to_first_rule",
                "known_success",
                "known_success_after_protect",
                "unknown_success",
                "login_success",
                "login_p95_seconds",
                "over_limit_seconds",
                "false_closings",
                "refused_in_calm",
                "known_refused_in_calm",
                "seconds_to_alarm",
                "reverts",
                "seconds_to_reopen",
                "collateral",
                "tick_p99_us",
                "state_bytes_max",
                "seconds_per_hour",
                "decision_hash",
            ]
        );
    }
}
