//! Counts what test runners say: passed, failed, skipped.

use lab::SKIPPED;

/// Results of all test binaries so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally {
    /// Tests that passed and were not skipped.
    pub(crate) passed: u64,
    /// Tests that failed.
    pub(crate) failed: u64,
    /// `name: reason` of each test that could not run.
    pub(crate) skipped: Vec<String>,
}

impl Tally {
    /// Takes one line of a runner's output.
    pub(crate) fn see(&mut self, line: &str) {
        // A skipping test may write beside the runner's own `test name ... `.
        if let Some((_, skipped)) = line.split_once(SKIPPED) {
            self.skipped.push(skipped.to_owned());
        } else if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += number_before(result, " passed");
            self.failed += number_before(result, " failed");
        }
    }

    /// One line: `12 passed, 0 failed, 1 skipped`. A skipped test returns early, so its runner counts it as passed.
    pub(crate) fn to_line(&self) -> String {
        let skipped = self.skipped.len();
        let passed = self.passed.saturating_sub(u64::try_from(skipped).unwrap_or(u64::MAX));
        format!("{passed} passed, {} failed, {skipped} skipped", self.failed)
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().unwrap_or("");
    before.rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skipped_test_is_not_counted_as_passed() {
        let mut tally = Tally::default();
        for line in [
            "running 2 tests",
            "SKIPPED peers::pages: `chromium` is not installed; run it",
            "test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 5 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 5.19s",
        ] {
            tally.see(line);
        }
        assert_eq!(tally.to_line(), "6 passed, 1 failed, 1 skipped");
        assert_eq!(tally.skipped, ["peers::pages: `chromium` is not installed; run it"]);
    }
}
