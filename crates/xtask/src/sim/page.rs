//! `docs/simulator.md`: medians and worst cases over all seeds.

use std::fmt::Write;

use serde_json::Value;

use super::bars::{BARS, Bar, State, Verdict};
use super::kept::FAILURE;
use super::{CALM_DAY, bars, expected};

/// All results of one scenario.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) whole: Vec<Value>,
    /// With the threshold alone.
    pub(super) alone: Vec<Value>,
}

/// The page. Scenarios that have not been played are left out.
pub(super) fn page(rows: &[Row]) -> String {
    let (attacks, peace): (Vec<&Row>, Vec<&Row>) = rows
        .iter()
        .filter(|row| !row.whole.is_empty() && row.name != CALM_DAY)
        .partition(|row| row.whole.iter().any(|result| figure(result, "known_success").is_some()));
    let mut text = INTRODUCTION.to_owned();
    text.push_str(BARS_BEGIN);
    for bar in &BARS {
        text.push_str(&bar_line(bar, &bar.judge(rows)));
    }
    text.push_str(BARS_END);
    text.push_str(ATTACKS);
    for row in attacks {
        text.push_str(&line(row, &ATTACK_COLUMNS));
    }
    text.push_str(PEACE);
    for row in peace {
        text.push_str(&line(row, &PEACE_COLUMNS));
    }
    if let Some(days) = rows.iter().find(|row| row.name == CALM_DAY && !row.whole.is_empty()) {
        text.push_str(&calm_days(days));
    }
    text.push_str(LOOKED_AT);
    text.push_str(&failures(rows));
    text
}

/// A figure of a row as the table shows it.
struct Column {
    key: &'static str,
    of: Of,
    show: Show,
}

/// Which results a figure is of.
#[derive(Clone, Copy)]
enum Of {
    Whole,
    Alone,
    /// How many times the second the first is.
    Both,
}

/// What is told of all seeds.
#[derive(Clone, Copy)]
enum Show {
    /// The middle and the largest.
    Seconds,
    /// The middle and the smallest.
    Share,
    /// The middle alone.
    Middle,
    /// The middle alone, as a multiple.
    Times,
    /// The largest.
    Count,
    /// The largest, of small shares.
    Rare,
}

const fn column(key: &'static str, show: Show) -> Column {
    Column { key, of: Of::Whole, show }
}

const ATTACK_COLUMNS: [Column; 12] = [
    column("seconds_to_protect", Show::Seconds),
    column("seconds_to_first_rule", Show::Seconds),
    column("known_success_after_protect", Show::Share),
    column("unknown_success", Show::Share),
    Column { key: "unknown_success", of: Of::Alone, show: Show::Middle },
    Column { key: "unknown_success", of: Of::Both, show: Show::Times },
    column("login_success", Show::Share),
    column("login_p95_seconds", Show::Seconds),
    column("seconds_to_reopen", Show::Seconds),
    column("false_closings", Show::Count),
    column("refused_in_calm", Show::Rare),
    column("collateral", Show::Rare),
];

const PEACE_COLUMNS: [Column; 5] = [
    column("false_closings", Show::Count),
    column("refused_in_calm", Show::Rare),
    column("known_refused_in_calm", Show::Rare),
    column("seconds_to_alarm", Show::Seconds),
    column("collateral", Show::Rare),
];

fn bar_line(bar: &Bar, verdict: &Verdict) -> String {
    let held = match (verdict.state, bar.is_of_machine) {
        (State::Held, _) => "yes",
        (State::HeldSoFar, _) => "so far",
        (State::Missed, true) => "not on this machine",
        (State::Missed, false) => "**no**",
        (State::NotMeasured, _) => "not measured yet",
    };
    let [played, all] = verdict.played;
    let (figure, place) = match &verdict.worst {
        None => ("-".to_owned(), "-".to_owned()),
        Some(worst) => (bar.shown(worst.figure), format!("`{}`, seed {}", worst.scenario, worst.seed)),
    };
    let over = format!("{} runs, {played} of {all} scenarios", verdict.runs);
    format!("| {} | {held} | {figure} | {place} | {over} |\n", bar.claim)
}

fn line(row: &Row, columns: &[Column]) -> String {
    let cells = columns.iter().map(|column| {
        let of = |results: &[Value]| results.iter().filter_map(|result| figure(result, column.key)).collect();
        let figures = match column.of {
            Of::Whole => of(&row.whole),
            Of::Alone => of(&row.alone),
            Of::Both => bars::times_alone(row, column.key).into_iter().collect(),
        };
        cell(figures, column.show)
    });
    format!("| {} | {} | {} |\n", row.name, row.whole.len(), cells.collect::<Vec<_>>().join(" | "))
}

fn cell(mut figures: Vec<f64>, show: Show) -> String {
    figures.sort_by(f64::total_cmp);
    let (Some(&least), Some(&most)) = (figures.first(), figures.last()) else { return "-".to_owned() };
    let middle = figures[figures.len() / 2];
    match show {
        Show::Seconds => format!("{middle:.0} / {most:.0}"),
        Show::Share => format!("{middle:.4} / {least:.4}"),
        Show::Middle => format!("{middle:.4}"),
        Show::Times => format!("{middle:.1} ×"),
        Show::Count => format!("{most:.0}"),
        Show::Rare if most == 0.0 => "0".to_owned(),
        Show::Rare => format!("{most:.1e}"),
    }
}

/// A figure of a result.
pub(super) fn figure(result: &Value, key: &str) -> Option<f64> {
    result.get(key)?.as_f64()
}

fn calm_days(days: &Row) -> String {
    let sum = |key| days.whole.iter().filter_map(|result| figure(result, key)).sum::<f64>();
    let mean = |key| sum(key) / days.whole.len().max(1) as f64;
    format!(
        "\n## Calm days\n\n{} days of a site with 20 requests a second, each with a flash crowd, a mailing, a crawler, a \
         deploy, an office that signs in, pages with many files and uploads, all within its capacity (`calm-day`): {:.0} \
         false closings, {:.1e} of all legitimate requests refused, {:.1e} of customers', {:.1e} of attempts hit by a rule.\n",
        days.whole.len(),
        sum("false_closings"),
        mean("refused_in_calm"),
        mean("known_refused_in_calm"),
        mean("collateral"),
    )
}

fn failures(rows: &[Row]) -> String {
    let mut text = String::from("\n## Invariants that did not hold\n\n");
    let found = [expected::unexpected(rows), expected::outlived(rows)].concat();
    let known: Vec<String> = rows.iter().filter_map(known_failures).collect();
    text.push_str(match (found.is_empty(), known.is_empty()) {
        (true, true) => "None, in any of these runs.\n",
        (true, false) => "None but what is expected:\n\n",
        (false, _) => "",
    });
    for line in found.iter().chain(&known) {
        let _infallible = writeln!(text, "- {line}");
    }
    text
}

/// A sentence about runs that are known to break an invariant; `None` without any.
fn known_failures(row: &Row) -> Option<String> {
    let told = row.alone.iter().filter_map(|result| result.get(FAILURE)?.as_str());
    let known: Vec<_> = told.filter_map(|failure| expected::expected(&row.name, failure)).collect();
    let (entry, count, all) = (known.first()?, known.len(), row.alone.len());
    Some(format!(
        "expected: {} with the threshold alone, {count} of {all} seeds: {}; it must go on to",
        row.name, entry.reason
    ))
}

const INTRODUCTION: &str = "# What the simulator measured

Generated by `cargo xtask sim full` and `cargo xtask sim calm`; do not edit. Every built-in scenario (`portcullis sim --list` says
what each is about) with so many seeds; the real `admission` and `guard` run in it, with every default. Each run is a line of the
scenario's table in `docs/simulator/`; `portcullis sim NAME --seed N --json` plays it again and must print the same hash. What the figures mean is
told in `portcullis sim --help`; all are counted from the attack's beginning or end. Two figures in a cell are the middle and the
worst of all seeds. These are worlds of our own making: they show that the parts work together and that nothing breaks, not how
well a real site fares.
";

const BARS_BEGIN: &str = "
## Bars

What is promised, and the run that is furthest from it. \"So far\": there are seeds or scenarios to come. A bar that is missed makes the command fail.

| bar | held | furthest | where | over |
| --- | --- | --- | --- | --- |
";

const BARS_END: &str = "
Only floods that something tells from people can have a rule: `crates/xtask/src/sim/bars.rs` lists them; pauses of pulses count as attack, so that
visitors in those are not compared. Medians are of each scenario; the seed beside one is that of its worst run. The last four depend on the
machine and on what else runs there, so that nothing fails by them; all cores play at a time. State is the tables of limits, budgets, networks and
connections, the rows of passes, and the decision core. Tables are as large as the scenario needs, which is less than in the gate; tickets, the login
lane and passes in use have fixed tables that are not counted.
";

const LOOKED_AT: &str = "
## What is looked at in every run

A run ends at the first invariant that does not hold (`sim::INVARIANTS` has all that are looked at; numbers are those of `docs/invariants.md`). They are looked at
within what chance does to so few people, and it is the bars above that hold the sums to account. Invariant 1 looks at each second by itself, five seconds later: of the attempts that
customers began in it, 1 % may fail, three deviations of that, and two more, which at a small site with eight a second is a quarter. It looks at no second near one in which customers
ask for more than 0.80 of L, or more than 0.45 in the first two seconds of an attack (twelve
while bots hold passes; as long as those attack, their budgets count as asked for, and attempts of customers beyond a budget are forgiven), or
in which nothing arrives, the core is told nothing, or the app can do less than usual. Invariant 2 forgives two seconds, invariant 9 a second round of turns for whoever did not ask in the
first, invariant 28 what is more than the app can do and three minutes after it. Where operators hold the level down by hand, what follows is theirs: 2 (but not what is in service), 6 and 25 forgive it,
and 1 does not. What takes hours to break, 8, 9 and 11, is looked at in `siege`.
";

const ATTACKS: &str = "
## Attacks

\"Known\" counts attempts of customers from two seconds after the start, \"unknown\" those of visitors in all of the attack, and \
\"alone\" the same with the threshold alone: no rules, no client limits, no challenges, no tickets. \"Times\" says how much better they fare with all.

| scenario | seeds | protected after s | first rule after s | known | unknown | alone | times | logins from new addresses within 30 s | p95 s | fully open after s | false closings | refused in calm | hit by a rule |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
";

const PEACE: &str = "
## Without an attack

| scenario | seeds | false closings | refused in calm | of customers | noticed that nothing arrives after s | hit by a rule |
| --- | --- | --- | --- | --- | --- | --- |
";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_has_the_middle_and_the_worst_of_all_seeds() {
        let result = |known: f64, reopen: f64| {
            json!({
                "seed": 1, "known_success": known, "known_success_after_protect": known, "unknown_success": 0.5,
                "seconds_to_protect": 1.0, "seconds_to_first_rule": null, "login_success": 1.0,
                "login_p95_seconds": 4.0, "seconds_to_reopen": reopen, "false_closings": 0,
                "refused_in_calm": 0.0, "collateral": 0.0002,
            })
        };
        let alone = vec![json!({ "seed": 1, "unknown_success": 0.1 })];
        let whole = vec![result(1.0, 10.0), result(0.9951, 90.0), result(0.9995, 30.0)];
        let broken =
            Row { name: "calm".to_owned(), whole: vec![json!({ "seed": 1, FAILURE: "no" })], alone: vec![] };
        let known = json!({ "seed": 1, FAILURE: "invariant 1 (it holds) does not hold" });
        let old = Row { name: "aged-accounts".to_owned(), whole: vec![], alone: vec![known] };
        let text = page(&[Row { name: "dumb-flood".to_owned(), whole, alone }, broken, old]);
        let row = text.lines().find(|line| line.starts_with("| dumb-flood")).unwrap();
        assert_eq!(
            row,
            "| dumb-flood | 3 | 1 / 1 | - | 0.9995 / 0.9951 | 0.5000 / 0.5000 | 0.1000 | 5.0 × | 1.0000 / 1.0000 | 4 / 4 | 30 / 90 \
             | 0 | 0 | 2.0e-4 |"
        );
        let (_, failures) = text.split_once("did not hold\n\n").unwrap();
        let lines: Vec<&str> = failures.lines().collect();
        assert_eq!(lines[0], "- no");
        assert!(
            lines[1].starts_with("- expected: aged-accounts with the threshold alone, 1 of 1 seeds: "),
            "{lines:?}"
        );
        let bar = |claim: &str| text.lines().find(|line| line.starts_with(&format!("| {claim}"))).unwrap();
        assert_eq!(
            bar("fully open within 120 s"),
            "| fully open within 120 s, median | so far | 30.0 s | `dumb-flood`, seed 1 | 3 runs, 1 of 2 scenarios |"
        );
        assert!(bar("270 calm days").contains("| not measured yet | - | - | 0 runs, 0 of 0 scenarios |"));
    }
}
