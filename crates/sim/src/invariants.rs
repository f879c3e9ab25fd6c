//! What must hold in every tick of every run (decision-science, section 11, as amended by its section 0).
//!
//! A run in which one does not hold ends there, with the figures and a line that plays it again.

mod checks;

use crate::scenario::Scenario;
use crate::world::Layers;

pub(crate) use checks::{Checks, Findings, Seen};

/// Where an invariant is looked at.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Checked {
    /// At the end of each tenth of a second.
    EachTick,
    /// At the end of each second.
    EachSecond,
    /// At the end of a run.
    AtEnd,
    /// By tests that compare runs.
    ByTests,
}

/// One invariant as the simulator checks it.
#[derive(Clone, Copy, Debug)]
pub struct Invariant {
    /// Its number in decision-science, section 11.
    pub number: u8,
    /// What it says.
    pub claim: &'static str,
    /// When it is looked at.
    pub checked: Checked,
}

/// The invariants that can be told from the world.
pub const INVARIANTS: [Invariant; 19] = [
    invariant(1, "customers within their share are served, whatever others do", Checked::EachSecond),
    invariant(
        2,
        "what is in service stays within L, what is admitted within 0.95 L after two seconds",
        Checked::EachTick,
    ),
    invariant(3, "admins and monitors are never refused", Checked::EachTick),
    invariant(4, "nobody is admitted while somebody better is closed out", Checked::EachTick),
    invariant(5, "rules that act match next to nothing of what customers do", Checked::EachSecond),
    invariant(6, "a step of re-opening at most doubles what is open", Checked::EachTick),
    invariant(
        8,
        "without an attack, with load that fits, it is calm within ten minutes",
        Checked::EachSecond,
    ),
    invariant(9, "everybody who is closed out has a turn within 128 minutes", Checked::EachSecond),
    invariant(10, "the login lane serves its share while people wait in it", Checked::EachSecond),
    invariant(11, "nobody is closed out for longer than an hour without fresh evidence", Checked::EachSecond),
    invariant(12, "a rule that matches nothing is gone within four minutes", Checked::EachSecond),
    invariant(13, "outside calm nothing is learnt about calm", Checked::EachSecond),
    invariant(
        15,
        "when traffic vanishes it is noticed, nothing is learnt and nothing lowered",
        Checked::EachSecond,
    ),
    invariant(16, "memory stays within its bound", Checked::EachTick),
    invariant(18, "the same seed gives the same decisions", Checked::ByTests),
    invariant(19, "time that stands still or runs backwards opens nothing", Checked::ByTests),
    invariant(21, "more attack never admits more strangers", Checked::ByTests),
    invariant(
        25,
        "what changes carries numbers from which it follows, a refusal the step that made it",
        Checked::EachTick,
    ),
    invariant(28, "without an attack and within capacity nobody is refused", Checked::AtEnd),
];

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Broken {
    number: u8,
    micros: u64,
    figures: String,
}

impl Broken {
    pub(crate) fn new(number: u8, micros: u64, figures: String) -> Self {
        Self { number, micros, figures }
    }
}

/// A run that ended because an invariant did not hold.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error(
    "{scenario}, seed {seed}: invariant {number} ({claim}) does not hold {seconds:.1} s after the beginning: {figures}; \
     play it again with `portcullis sim {source_name} --seed {seed}{}`",
    .layers.flag()
)]
pub struct Failure {
    /// The scenario's name.
    pub scenario: String,
    /// How the scenario is named on the command line: its name, or the path of its file.
    pub source_name: String,
    /// The seed.
    pub seed: u64,
    /// What stood between the clients and the app.
    pub layers: Layers,
    /// The invariant's number.
    pub number: u8,
    /// What it says.
    pub claim: &'static str,
    /// When it did not hold, in seconds after the beginning.
    pub seconds: f64,
    /// The figures that show it.
    pub figures: String,
}

impl Failure {
    pub(crate) fn new(scenario: &Scenario, seed: u64, layers: Layers, broken: Broken) -> Self {
        let claim = INVARIANTS.iter().find(|invariant| invariant.number == broken.number);
        Self {
            scenario: scenario.name.clone(),
            source_name: scenario.name.clone(),
            seed,
            layers,
            number: broken.number,
            claim: claim.map_or("it holds", |invariant| invariant.claim),
            seconds: broken.micros as f64 / 1e6,
            figures: broken.figures,
        }
    }
}

const fn invariant(number: u8, claim: &'static str, checked: Checked) -> Invariant {
    Invariant { number, claim, checked }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_command_that_plays_it_again() {
        let scenario = Scenario::parse(
            "name = \"small\"\nseconds = 9\norigin = { capacity = 8, service_ms = 40 }\n\
             known = { clients = 1, load = 0.3 }\nunknown = { clients = 1, load = 0.2 }\n",
        );
        let scenario = scenario.unwrap();
        let failure = |layers| {
            let broken = Broken::new(3, 12_300_000, "the monitor's request was refused".to_owned());
            Failure::new(&scenario, 7, layers, broken).to_string()
        };
        assert!(
            failure(Layers::Threshold).ends_with("with `portcullis sim small --seed 7 --threshold-alone`")
        );
        assert_eq!(
            failure(Layers::All),
            "small, seed 7: invariant 3 (admins and monitors are never refused) does not hold 12.3 s after the beginning: \
             the monitor's request was refused; play it again with `portcullis sim small --seed 7`"
        );
    }
}
