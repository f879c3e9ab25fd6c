//! What the decision core found, in words: lines of the log, and the table of `ctl rules`.

#[cfg(test)]
mod tests;
mod vocabulary;

use guard::Advice;
use guard::rules::{Change, Why};
use model::{Attribute, Challenge, Condition, Finite, Rule, Test, Traffic, Untrusted};
use serde_json::{Value, json};

use vocabulary::Vocabulary;

/// Follows the rules in force, and what values are in words.
#[derive(Debug, Default)]
pub(crate) struct Ruling {
    vocabulary: Vocabulary,
    rules: Vec<Counted>,
    challenge: Challenge,
}

/// A rule, and how many requests it matched so far: of other clients, and of known ones.
#[derive(Debug)]
struct Counted {
    rule: Rule,
    others: u64,
    known: u64,
}

/// A rule in force, for people and for programs.
#[derive(Clone, Debug)]
pub(crate) struct RuleLine {
    pub(crate) text: String,
    pub(crate) value: Value,
}

impl Ruling {
    /// Takes what was counted in a step.
    pub(crate) fn counted(&mut self, traffic: &Traffic) {
        self.vocabulary.learn(&traffic.names);
        for matches in &traffic.matches {
            if let Some(counted) = self.rules.iter_mut().find(|counted| counted.rule.id == matches.rule) {
                counted.others = counted.others.saturating_add(matches.others);
                counted.known = counted.known.saturating_add(matches.known);
            }
        }
    }

    /// Takes new advice; returns a line for each thing that it changes.
    pub(crate) fn advised(&mut self, advice: &Advice) -> Vec<String> {
        let mut lines: Vec<String> = advice.changes.iter().map(|change| self.sentence(change)).collect();
        if advice.challenge != self.challenge {
            self.challenge = advice.challenge;
            lines.push(
                match advice.challenge {
                    Challenge::Off => "challenge off: new visitors are asked for nothing",
                    Challenge::Cookie => "challenge on: new visitors must come back with a cookie",
                    Challenge::Waiting => {
                        "challenge on: new visitors must come back with a cookie after waiting"
                    }
                }
                .to_owned(),
            );
        }
        let before = std::mem::take(&mut self.rules);
        self.rules = (advice.rules.rules.iter())
            .map(|rule| {
                let known = before.iter().find(|counted| counted.rule.id == rule.id);
                let (others, known) = known.map_or((0, 0), |counted| (counted.others, counted.known));
                Counted { rule: rule.clone(), others, known }
            })
            .collect();
        lines
    }

    /// The rules in force.
    pub(crate) fn table(&self) -> Vec<RuleLine> {
        self.rules.iter().map(|counted| self.line(counted)).collect()
    }

    fn line(&self, counted: &Counted) -> RuleLine {
        let Counted { rule, others, known } = counted;
        let state = if rule.armed { "armed" } else { "on trial" };
        let text = format!(
            "rule {}, {state}: {}\n  matched {others} requests; of known clients, who are exempt, {known}; {}",
            rule.id,
            self.phrase(rule),
            bounds(rule),
        );
        let conditions: Vec<Value> =
            rule.conditions.iter().map(|condition| json!(self.condition(*condition))).collect();
        let value = json!({
            "rule": rule.id,
            "action": rule.action.label(),
            "armed": rule.armed,
            "conditions": conditions,
            "calm_share_at_most": rule.collateral_calm.get(),
            "known_share_at_most": rule.collateral_known.get(),
            "matched": others,
            "matched_known": known,
        });
        RuleLine { text, value }
    }

    fn sentence(&self, change: &Change) -> String {
        match change {
            Change::Found { rule, proof, forecast } => format!(
                "rule {} found: {}; {}; it covers {} of what is too much, forecast {:.0} requests/s",
                rule.id,
                self.phrase(rule),
                bounds(rule),
                percent(proof.coverage()),
                forecast.get(),
            ),
            Change::Armed { rule, trial } => format!(
                "rule {} armed: {}; it matched {} requests in {} s, forecast {:.0} requests/s",
                rule.id,
                self.phrase(rule),
                trial.hits,
                trial.seconds,
                trial.forecast.get(),
            ),
            Change::Discarded { rule, why } => {
                format!("rule {} gone: {}: {}", rule.id, self.phrase(rule), reason(*why))
            }
            Change::Hardened { rule, from, painful, .. } => format!(
                "rule {} now to {} instead of {}: {}; users were hurt for {painful} s",
                rule.id,
                rule.action.label(),
                from.label(),
                self.phrase(rule),
            ),
            Change::Softened { rule, from, known } => format!(
                "rule {} now to {} instead of {}: {}; it matches up to {} of what known clients do",
                rule.id,
                rule.action.label(),
                from.label(),
                self.phrase(rule),
                percent(known.upper()),
            ),
            Change::Expired { rule, hits, peak } => format!(
                "rule {} gone: {}: {hits} matches in the last second, {peak} at most before",
                rule.id,
                self.phrase(rule),
            ),
            Change::Rearmed { rule, proof } => format!(
                "rule {} armed again: {}; {}; it covers {} of what is too much",
                rule.id,
                self.phrase(rule),
                bounds(rule),
                percent(proof.coverage()),
            ),
            Change::NotSurgical(reach) => format!(
                "rules cover only {} of what is too much: limits, challenge and threshold have to do the rest",
                percent(reach.share()),
            ),
        }
    }

    /// Such as "refuse POST /login with a user agent not seen in calm".
    pub(crate) fn phrase(&self, rule: &Rule) -> String {
        let in_words = |attribute: Attribute| {
            let condition = rule.conditions.iter().find(|condition| condition.attribute == attribute)?;
            match condition.test {
                Test::Is(value) => self.vocabulary.word(value),
                Test::New => None,
            }
        };
        let (method, path) = (in_words(Attribute::Method), in_words(Attribute::Path));
        let is_said = |attribute| {
            (attribute == Attribute::Method && method.is_some())
                || (attribute == Attribute::Path && path.is_some())
        };
        let what: Vec<String> = [method, path].into_iter().flatten().map(shown).collect();
        let what = if what.is_empty() { "requests".to_owned() } else { what.join(" ") };
        let rest: Vec<&Condition> =
            rule.conditions.iter().filter(|condition| !is_said(condition.attribute)).collect();
        let (mut named, mut same, mut new) = (Vec::new(), Vec::new(), Vec::new());
        for Condition { attribute, test } in rest {
            let label = attribute.label();
            match test {
                Test::New => new.push(format!("a {label} not seen in calm")),
                Test::Is(value) => match self.vocabulary.word(*value) {
                    Some(word) => named.push(format!("{label} `{}`", shown(word))),
                    None => same.push(label),
                },
            }
        }
        if !same.is_empty() {
            named.push(format!("always the same {}", same.join(" and ")));
        }
        named.extend(new);
        let with = if named.is_empty() { String::new() } else { format!(" with {}", named.join(", ")) };
        format!("{} {what}{with}", rule.action.label())
    }

    fn condition(&self, condition: Condition) -> String {
        let label = condition.attribute.label();
        match condition.test {
            Test::New => format!("{label} is new"),
            Test::Is(value) => match self.vocabulary.word(value) {
                Some(word) => format!("{label} is `{}`", shown(word)),
                None => format!("{label} is always the same"),
            },
        }
    }
}

fn reason(why: Why) -> String {
    match why {
        Why::TooFewHits(trial) => format!(
            "it matched {} requests in {} s where {:.0} a second were forecast",
            trial.hits,
            trial.seconds,
            trial.forecast.get(),
        ),
        Why::Known(share) => format!("it matches up to {} of what known clients do", percent(share.upper())),
        Why::NotCounted => "nobody counted what it matches".to_owned(),
        Why::Unwanted => "an admin did not want it; it is not tried again for an hour".to_owned(),
    }
}

fn bounds(rule: &Rule) -> String {
    format!(
        "would hit at most {} of calm requests and {} of those of known clients",
        percent(rule.collateral_calm),
        percent(rule.collateral_known),
    )
}

fn percent(share: Finite) -> String {
    format!("{:.2} %", share.get() * 100.0)
}

/// What a client sent is printed in this form alone.
fn shown(word: &str) -> String {
    Untrusted::from(word).to_string()
}
