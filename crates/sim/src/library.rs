//! The scenarios that come with the program.

use crate::scenario::{Scenario, ScenarioError};

/// A scenario that comes with the program.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    text: &'static str,
}

impl BuiltIn {
    /// The scenario of this name.
    pub fn named(name: &str) -> Option<Self> {
        LIBRARY.into_iter().find(|built_in| built_in.name == name)
    }

    /// What it is about: the comment that its file begins with.
    pub fn about(&self) -> &'static str {
        let first = self.text.lines().next().unwrap_or("");
        first.strip_prefix("# ").unwrap_or(first)
    }

    /// The scenario.
    ///
    /// # Errors
    /// None, for the scenarios that are committed.
    pub fn scenario(&self) -> Result<Scenario, ScenarioError> {
        Scenario::parse(self.text)
    }
}

macro_rules! built_in {
    ($($name:literal)*) => {
        [$(BuiltIn { name: $name, text: include_str!(concat!("../scenarios/", $name, ".toml")) }),*]
    };
}

/// All of them, in the order in which they are listed.
pub const LIBRARY: [BuiltIn; 43] = built_in! {
    "web-application"
    "web-application-trial"
    "operations-provider"
    "calm"
    "calm-busy"
    "cold-start"
    "dumb-flood"
    "dumb-flood-200"
    "random-ua-query"
    "expensive-route"
    "login-flood"
    "cache-bust"
    "slow-connections"
    "low-and-slow"
    "prefix-churn"
    "nat-bots"
    "challenge-solvers"
    "aged-accounts"
    "watcher"
    "cohort-learner"
    "pulses-30-30"
    "pulses-120-240"
    "two-at-once"
    "second-wave"
    "siege"
    "flash-crowd"
    "flash-crowd-over"
    "marketing-mail"
    "crowd-under-attack"
    "crawler-day"
    "deploy"
    "deploy-under-attack"
    "outage-under-attack"
    "telemetry-gap"
    "clock-jump"
    "office-monday"
    "office-under-attack"
    "asset-burst"
    "big-upload"
    "sse-5000"
    "streams-under-attack"
    "small-app"
    "calm-day"
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_is_a_scenario_of_its_own_name_and_says_what_it_is_about() {
        for built_in in LIBRARY {
            let scenario = built_in.scenario().unwrap_or_else(|error| panic!("{}: {error}", built_in.name));
            assert_eq!(scenario.name, built_in.name);
            assert!(built_in.about().len() > 20, "{}", built_in.name);
        }
    }
}
