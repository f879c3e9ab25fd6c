//! Runs that are known to break an invariant, with the reason: the page marks them, and the command goes on to fail when they no
//! longer do.

use serde_json::Value;

use super::kept::FAILURE;
use super::page::Row;

/// What breaks in a scenario that is played with the threshold alone.
pub(super) struct Expected {
    scenario: &'static str,
    /// Numbers of invariants (`docs/invariants.md`), one of which is broken by some run at least.
    invariants: &'static [u8],
    /// Why that is no mistake.
    pub(super) reason: &'static str,
}

/// All of them. With every layer no run may break anything.
const EXPECTED: [Expected; 1] =
    [Expected { scenario: "aged-accounts", invariants: &[1, 2], reason: OLD_PASSES }];

const OLD_PASSES: &str =
    "attackers with old passes are customers to the threshold, and budgets of passes are switched off";

/// The entry for a run with the threshold alone that broke an invariant.
pub(super) fn expected(scenario: &str, failure: &str) -> Option<&'static Expected> {
    EXPECTED.iter().find(|entry| {
        let says = |number: &u8| failure.contains(&format!("invariant {number} ("));
        entry.scenario == scenario && entry.invariants.iter().any(says)
    })
}

/// Broken invariants that nobody expects, each as the simulator told it.
pub(super) fn unexpected(rows: &[Row]) -> Vec<String> {
    let told = |result: &Value| result.get(FAILURE).and_then(Value::as_str).map(str::to_owned);
    let whole = rows.iter().flat_map(|row| row.whole.iter().filter_map(told));
    let alone = rows.iter().flat_map(|row| {
        let own = |failure: &String| expected(&row.name, failure).is_none();
        row.alone.iter().filter_map(told).filter(own)
    });
    whole.chain(alone).collect()
}

/// Entries that no run bears out any more, once enough seeds were played.
pub(super) fn outlived(rows: &[Row]) -> Vec<String> {
    let is_outlived = |entry: &&Expected| {
        rows.iter().any(|row| {
            let failures = row.alone.iter().filter_map(|result| result.get(FAILURE)?.as_str());
            let bears_out = failures.into_iter().any(|failure| expected(&row.name, failure).is_some());
            row.name == entry.scenario && row.alone.len() >= ENOUGH && !bears_out
        })
    };
    let line = |entry: &Expected| {
        format!(
            "{} with the threshold alone no longer breaks an invariant in any of its seeds: take it off the list in \
             crates/xtask/src/sim/expected.rs and out of docs/invariants.md",
            entry.scenario
        )
    };
    EXPECTED.iter().filter(is_outlived).map(line).collect()
}

/// Seeds of a quarter of the default number: with fewer, chance may have spared them.
const ENOUGH: usize = 10;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(name: &str, whole: Vec<Value>, alone: Vec<Value>) -> Row {
        Row { name: name.to_owned(), whole, alone }
    }

    fn broken(number: u8) -> Value {
        json!({ "seed": 1, FAILURE: format!("aged-accounts, seed 1: invariant {number} (it holds) does not hold") })
    }

    #[test]
    fn what_is_expected_is_expected_with_the_threshold_alone_and_of_this_invariant() {
        let rows = [row("aged-accounts", vec![], vec![broken(1), broken(2)])];
        assert_eq!(unexpected(&rows), Vec::<String>::new());
        assert_eq!(unexpected(&[row("aged-accounts", vec![broken(1)], vec![])]).len(), 1, "with all layers");
        assert_eq!(
            unexpected(&[row("aged-accounts", vec![], vec![broken(13)])]).len(),
            1,
            "another invariant"
        );
        assert_eq!(unexpected(&[row("calm", vec![], vec![broken(1)])]).len(), 1, "another scenario");
    }

    #[test]
    fn what_no_longer_fails_is_said() {
        let good = |count: usize| vec![json!({ "seed": 1 }); count];
        assert_eq!(outlived(&[row("aged-accounts", vec![], good(9))]), Vec::<String>::new(), "too few");
        let said = outlived(&[row("aged-accounts", vec![], good(10))]);
        assert!(said.len() == 1 && said[0].starts_with("aged-accounts with the threshold alone"), "{said:?}");
        let some = [good(9), vec![broken(2)]].concat();
        assert_eq!(outlived(&[row("aged-accounts", vec![], some)]), Vec::<String>::new(), "one is enough");
    }
}
