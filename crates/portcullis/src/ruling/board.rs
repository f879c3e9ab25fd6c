//! Rules as an admin sees them: the table of `ctl rules`, and all that is known of one of them.

use guard::rules::{Change, Proof, Share, Trial, Why};
use model::{Action, Condition, Finite, Instant, Matches, Rule, Test};
use serde_json::{Value, json};

use super::{bounds, in_words};
use crate::lines::{Moment, Sections, count, number, percent, when, wrapped};

/// The rules in force, and those that ended lately, the newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct RuleBoard {
    pub(super) rules: Vec<RuleSeen>,
    pub(super) ended: Vec<RuleSeen>,
}

/// A rule with its words.
#[derive(Clone, Debug)]
pub(crate) struct RuleSeen {
    pub(super) rule: Rule,
    /// Such as "refuse POST /login with a user agent not seen in calm".
    pub(super) phrase: String,
    /// Each with its value as the client sent it, escaped, if that was named.
    pub(super) conditions: Vec<(Condition, Option<String>)>,
    pub(super) history: History,
    /// When and why it ended.
    pub(super) end: Option<End>,
}

/// What became of a rule. What was before this process began is not known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct History {
    /// Requests that it matched: of clients that are not known, and of known ones, who are exempt.
    others: u64,
    known: u64,
    found: Option<Instant>,
    armed: Option<Instant>,
    /// Since when it has the action that it has.
    acts: Option<Instant>,
    proof: Option<Proof>,
    forecast: Option<Finite>,
    trial: Option<Trial>,
}

/// The end of a rule.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub(super) at: Instant,
    pub(super) why: String,
    /// Until when it is not tried again, or is remembered.
    pub(super) until: Instant,
    /// It is remembered and acts at once when what it is for comes back.
    pub(super) is_remembered: bool,
}

impl End {
    fn again(&self, moment: Moment) -> String {
        let until = when(moment.of(self.until));
        match (self.is_remembered, self.until > moment.now) {
            (true, true) => {
                format!("remembered until {until}: it acts again at once if what it is for comes back")
            }
            (true, false) => format!("it was remembered until {until}"),
            (false, true) => format!("the same is not tried again before {until}"),
            (false, false) => format!("the same may be tried again since {until}"),
        }
    }
}

impl History {
    pub(super) fn count(&mut self, matches: Matches) {
        self.others = self.others.saturating_add(matches.others);
        self.known = self.known.saturating_add(matches.known);
    }

    /// Takes a change of this rule.
    pub(super) fn note(&mut self, change: &Change, at: Instant) {
        match change {
            Change::Found { proof, forecast, .. } => {
                (self.found, self.acts) = (Some(at), Some(at));
                (self.proof, self.forecast) = (Some(*proof), Some(*forecast));
            }
            Change::Armed { trial, .. } => (self.armed, self.trial) = (Some(at), Some(*trial)),
            Change::Rearmed { proof, .. } => (self.armed, self.proof) = (Some(at), Some(*proof)),
            Change::Hardened { .. } | Change::Softened { .. } => self.acts = Some(at),
            Change::Discarded { why: Why::TooFewHits(trial), .. } => self.trial = Some(*trial),
            Change::Discarded { .. }
            | Change::Expired { .. }
            | Change::Needless { .. }
            | Change::NotSurgical(_) => {}
        }
    }
}

impl RuleBoard {
    /// How many are armed, and how many on trial.
    pub(crate) fn numbers(&self) -> (usize, usize) {
        let armed = self.rules.iter().filter(|seen| seen.rule.armed).count();
        (armed, self.rules.len() - armed)
    }

    /// A rule by its number: one in force, or one that ended lately.
    pub(crate) fn find(&self, id: u16) -> Option<&RuleSeen> {
        self.rules.iter().chain(&self.ended).find(|seen| seen.rule.id == id)
    }

    /// Whether a rule is in force, armed or on trial.
    pub(crate) fn is_in_force(&self, id: u16) -> bool {
        self.rules.iter().any(|seen| seen.rule.id == id)
    }

    /// What the rules in force are about, at most 16, in words.
    pub(crate) fn phrases(&self) -> Vec<String> {
        self.rules.iter().take(PHRASES_MAX).map(|seen| seen.phrase.clone()).collect()
    }

    /// Why there is no such rule in force, and what there is.
    pub(crate) fn misses(&self, id: u16) -> String {
        let all: Vec<String> = self.rules.iter().map(|seen| seen.rule.id.to_string()).collect();
        let there = match all.as_slice() {
            [] => "no rules are in force now".to_owned(),
            [one] => format!("the only one is rule {one}"),
            [first @ .., last] => format!("those in force are {} and {last}", first.join(", ")),
        };
        match self.ended.iter().find(|seen| seen.rule.id == id).and_then(|seen| seen.end.as_ref()) {
            Some(end) => format!("rule {id} has ended: {}; {there}", end.why),
            None => format!("there is no rule {id}; {there}"),
        }
    }

    /// The table, for people.
    pub(crate) fn text(&self, moment: Moment) -> String {
        let mut text = String::new();
        for seen in &self.rules {
            text.push_str(&wrapped("", 2, &seen.head()));
            text.push_str(&wrapped("  ", 2, &seen.counts()));
        }
        if self.rules.is_empty() {
            text.push_str("no rules are in force\n");
        }
        let ended = self.ended.iter().take(ENDED_SHOWN).filter_map(|seen| Some((seen, seen.end.as_ref()?)));
        for (place, (seen, end)) in ended.enumerate() {
            if place == 0 {
                text.push_str("\nended lately:\n");
            }
            let line = format!("rule {}, {}: {}", seen.rule.id, moment.since(end.at), end.why);
            text.push_str(&wrapped("  ", 4, &line));
        }
        if let Some(seen) = self.rules.first().or(self.ended.first()) {
            text.push_str(&format!("\nall about one of them: `ctl rules show {}`", seen.rule.id));
        }
        text.trim_end().to_owned()
    }

    /// The table, for programs.
    pub(crate) fn value(&self, moment: Moment) -> Value {
        let values = |all: &[RuleSeen]| all.iter().map(|seen| seen.row(moment)).collect::<Vec<_>>();
        json!({ "rules": values(&self.rules), "ended": values(&self.ended) })
    }
}

impl RuleSeen {
    fn state(&self) -> &'static str {
        match (&self.end, self.rule.armed) {
            (Some(_), _) => "ended",
            (None, true) => "armed",
            (None, false) => "on trial",
        }
    }

    fn head(&self) -> String {
        format!("rule {}, {}: {}", self.rule.id, self.state(), self.phrase)
    }

    fn counts(&self) -> String {
        format!("{}; {}", self.matched(), bounds(&self.rule))
    }

    fn matched(&self) -> String {
        let History { others, known, .. } = self.history;
        format!("matched {} requests; of known clients, who are exempt, {}", count(others), count(known))
    }

    /// Everything, for people.
    pub(crate) fn text(&self, moment: Moment) -> String {
        let mut sections = Sections::default();
        let conditions =
            self.conditions.iter().map(|(condition, word)| in_words(*condition, word.as_deref()));
        sections.add("state", self.states(moment));
        sections.add("action", [self.action(moment)]);
        sections.add(
            "matches",
            std::iter::once("requests for which all of this holds:".to_owned()).chain(conditions),
        );
        sections.add("so far", [self.matched()]);
        sections.add("found", self.finding());
        sections.add("trial", [self.tried()]);
        sections.add(
            "calm",
            [harm("requests of calm", self.history.proof.map(|proof| proof.calm), self.rule.collateral_calm)],
        );
        sections.add(
            "known",
            [harm(
                "requests of known clients, were they not exempt",
                self.known(),
                self.rule.collateral_known,
            )],
        );
        let head = wrapped("", 2, &format!("rule {}: {}", self.rule.id, self.phrase));
        let drop = match self.end {
            None => format!("\n\n`ctl rules drop {}` takes it out of force", self.rule.id),
            Some(_) => String::new(),
        };
        format!("{head}\n{}{drop}", sections.finish())
    }

    /// What is said to whoever took it out of force.
    pub(crate) fn farewell(&self, moment: Moment) -> String {
        let mut text = wrapped("", 2, &format!("rule {} is out of force: {}", self.rule.id, self.phrase));
        text.push_str(&wrapped("  ", 2, &self.matched()));
        if let Some(end) = &self.end {
            text.push_str(&wrapped("  ", 2, &end.again(moment)));
        }
        text.trim_end().to_owned()
    }

    fn states(&self, moment: Moment) -> Vec<String> {
        let History { found, armed, .. } = self.history;
        let since = |word: &str, at: Option<Instant>| match at {
            Some(at) => format!("{word} since {}", moment.since(at)),
            None => format!("{word} since before this process began"),
        };
        match &self.end {
            Some(end) => {
                vec![format!("ended {}", moment.since(end.at)), end.why.clone(), end.again(moment)]
            }
            None if self.rule.armed => vec![
                since("armed", armed),
                format!("ends {} unless it goes on matching", moment.until(moment.of(self.rule.expires))),
            ],
            None => vec![
                since("on trial", found),
                "it is only counted what it matches; it acts when that is as much as forecast".to_owned(),
            ],
        }
    }

    fn action(&self, moment: Moment) -> String {
        let what = match self.rule.action {
            Action::Demote => "put last: served when nobody else needs the place",
            Action::Challenge => "challenge: must come back with a cookie, or after waiting",
            Action::Block => "refuse: 403",
        };
        match self.history.acts.filter(|acts| Some(*acts) != self.history.found) {
            Some(acts) => format!("{what}, since {}", when(moment.of(acts))),
            None => what.to_owned(),
        }
    }

    fn finding(&self) -> Vec<String> {
        let Some(proof) = self.history.proof else {
            return vec!["before this process began; its numbers are in the log of that time".to_owned()];
        };
        let mut said = vec![
            format!(
                "it matched {} requests of the last seconds; {} came beyond what calm would have brought, of which it alone covers {}",
                number(proof.matched.get()),
                number(proof.excess.get()),
                percent(proof.coverage().get()),
            ),
            format!("at least {} of what it matches is too much", super::percent(proof.precision())),
        ];
        if let Some(forecast) = self.history.forecast {
            said.push(format!("forecast: {} matches/s", number(forecast.get())));
        }
        said
    }

    fn tried(&self) -> String {
        match (self.history.trial, self.rule.armed) {
            (Some(trial), _) => format!(
                "{} matches in {} s, where {}/s were forecast",
                count(trial.hits),
                trial.seconds,
                number(trial.forecast.get()),
            ),
            (None, true) if self.history.found.is_some() || self.history.armed.is_some() => {
                "none: it was remembered from before and armed at once".to_owned()
            }
            (None, true) => "before this process began".to_owned(),
            (None, false) if self.end.is_some() => "it ended before its trial did".to_owned(),
            (None, false) => "it is on trial".to_owned(),
        }
    }

    /// Requests of known clients that it was last held against.
    fn known(&self) -> Option<Share> {
        let History { trial, proof, .. } = self.history;
        trial.map(|trial| trial.known).or(proof.map(|proof| proof.known))
    }

    /// A row of the table, for programs.
    fn row(&self, moment: Moment) -> Value {
        let texts: Vec<String> =
            self.conditions.iter().map(|(condition, word)| in_words(*condition, word.as_deref())).collect();
        let mut value = json!({
            "rule": self.rule.id,
            "state": self.state(),
            "action": self.rule.action.label(),
            "armed": self.rule.armed,
            "text": self.phrase,
            "conditions": texts,
            "calm_share_at_most": self.rule.collateral_calm.get(),
            "known_share_at_most": self.rule.collateral_known.get(),
            "matched": self.history.others,
            "matched_known": self.history.known,
        });
        if let Some(end) = &self.end {
            let kind = if end.is_remembered { "remembered_until" } else { "aside_until" };
            value["ended"] =
                json!({ "at": when(moment.of(end.at)), "why": end.why, kind: when(moment.of(end.until)) });
        }
        value
    }

    /// Everything, for programs: the row of the table and more.
    pub(crate) fn value(&self, moment: Moment) -> Value {
        let History { found, armed, acts, proof, forecast, trial, .. } = self.history;
        let at = |at: Option<Instant>| at.map(|at| when(moment.of(at)));
        let mut value = self.row(moment);
        value["found"] = json!(at(found));
        value["armed_since"] = json!(at(armed));
        value["action_since"] = json!(at(acts));
        value["expires"] = json!(self.end.is_none().then(|| when(moment.of(self.rule.expires))));
        value["forecast_per_second"] = json!(forecast.map(Finite::get));
        value["tests"] =
            self.conditions.iter().map(|(condition, word)| test(*condition, word.as_deref())).collect();
        value["proof"] = json!(proof.map(|proof| json!({
            "matched": proof.matched.get(),
            "gained": proof.gained.get(),
            "excess": proof.excess.get(),
            "expected": proof.expected.get(),
            "coverage": proof.coverage().get(),
            "precision": proof.precision().get(),
            "calm": share(proof.calm),
            "known": share(proof.known),
        })));
        value["trial"] = json!(trial.map(|trial| json!({
            "seconds": trial.seconds,
            "hits": trial.hits,
            "forecast_per_second": trial.forecast.get(),
            "known": share(trial.known),
        })));
        value
    }
}

fn test(condition: Condition, word: Option<&str>) -> Value {
    json!({ "attribute": condition.attribute.label(), "is_new": condition.test == Test::New, "value": word })
}

fn share(share: Share) -> Value {
    json!({ "hits": share.hits, "of": share.of })
}

/// How much a rule may hit of what it is not for.
fn harm(what: &str, share: Option<Share>, most: Finite) -> String {
    let most = super::percent(most);
    match share {
        Some(Share { hits, of }) => {
            format!(
                "it matched {} of {} {what}: at most {most} with a certainty of 95 %",
                count(hits),
                count(of)
            )
        }
        None => format!("at most {most} of {what} with a certainty of 95 %"),
    }
}

const PHRASES_MAX: usize = 16;
/// The newest of those that ended are enough for a table.
const ENDED_SHOWN: usize = 5;
