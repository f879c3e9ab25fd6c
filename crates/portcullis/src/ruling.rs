//! What the decision core found, in words: lines of the log, and the table of `ctl rules`.

mod board;
#[cfg(test)]
pub(crate) mod tests;
mod vocabulary;

use std::collections::VecDeque;
use std::time::Duration;

use guard::Advice;
use guard::rules::{Change, Why};
use model::{Attribute, Challenge, Condition, Finite, Instant, Rule, Test, Traffic, Untrusted};

pub(crate) use board::RuleBoard;
use board::{End, History, RuleSeen};
use vocabulary::Vocabulary;

/// Follows the rules in force, and what values are in words.
#[derive(Debug, Default)]
pub(crate) struct Ruling {
    vocabulary: Vocabulary,
    rules: Vec<Followed>,
    /// Rules that ended lately, the newest first; at most [`ENDED_MAX`].
    ended: VecDeque<RuleSeen>,
    challenge: Challenge,
}

/// A rule in force, and what became of it so far.
#[derive(Debug)]
struct Followed {
    rule: Rule,
    history: History,
}

impl Ruling {
    /// Takes what was counted in a step.
    pub(crate) fn counted(&mut self, traffic: &Traffic) {
        self.vocabulary.learn(&traffic.names);
        for matches in &traffic.matches {
            if let Some(followed) = self.rules.iter_mut().find(|followed| followed.rule.id == matches.rule) {
                followed.history.count(*matches);
            }
        }
    }

    /// Takes new advice; returns a line for each thing that it changes.
    pub(crate) fn advised(&mut self, advice: &Advice) -> Vec<String> {
        let mut lines: Vec<String> = advice.changes.iter().map(|change| self.sentence(change)).collect();
        if advice.challenge != self.challenge {
            self.challenge = advice.challenge;
            lines.push(format!("challenge {}", asked(advice.challenge)));
        }
        self.follow(advice);
        lines
    }

    /// The rules in force, and those that ended lately.
    pub(crate) fn board(&self) -> RuleBoard {
        let rules = self.rules.iter().map(|followed| self.seen(&followed.rule, followed.history, None));
        RuleBoard { rules: rules.collect(), ended: self.ended.iter().cloned().collect() }
    }

    /// What a value that a client sent is in words, if it was named.
    pub(crate) fn word(&self, value: u64) -> Option<String> {
        self.vocabulary.word(value).map(shown)
    }

    fn follow(&mut self, advice: &Advice) {
        let at = advice.findings.at;
        let mut before = std::mem::take(&mut self.rules);
        let mut take = |id: u16| {
            let place = before.iter().position(|followed| followed.rule.id == id);
            place.map_or_else(History::default, |place| before.swap_remove(place).history)
        };
        for change in &advice.changes {
            if let Some((rule, end)) = ended(change, at) {
                let mut history = take(rule.id);
                history.note(change, at);
                let seen = self.seen(rule, history, Some(end));
                self.ended.push_front(seen);
            }
        }
        self.ended.truncate(ENDED_MAX);
        for rule in &advice.rules.rules {
            let mut history = take(rule.id);
            for change in advice.changes.iter().filter(|change| concerns(change, rule.id)) {
                if let Change::Rearmed { .. } = change {
                    history = self.recall(rule.id);
                }
                history.note(change, at);
            }
            self.rules.push(Followed { rule: rule.clone(), history });
        }
    }

    /// What was known of a rule that had ended and acts again.
    fn recall(&mut self, id: u16) -> History {
        let place = self.ended.iter().position(|seen| seen.rule.id == id);
        place.and_then(|place| self.ended.remove(place)).map_or_else(History::default, |seen| seen.history)
    }

    fn seen(&self, rule: &Rule, history: History, end: Option<End>) -> RuleSeen {
        let conditions = rule.conditions.iter().map(|condition| {
            let word = match condition.test {
                Test::Is(value) => self.word(value),
                Test::New => None,
            };
            (*condition, word)
        });
        RuleSeen {
            rule: rule.clone(),
            phrase: self.phrase(rule),
            conditions: conditions.collect(),
            history,
            end,
        }
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
            Change::Expired { rule, hits, peak } => {
                format!("rule {} gone: {}: {}", rule.id, self.phrase(rule), expired(*hits, *peak))
            }
            Change::Needless { rule, hits, seconds } => {
                format!("rule {} gone: {}: {}", rule.id, self.phrase(rule), needless(*hits, *seconds))
            }
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
}

/// What is asked of new visitors.
pub(crate) const fn asked(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Off => "off: new visitors are asked for nothing",
        Challenge::Cookie => "on: new visitors must come back with a cookie",
        Challenge::Waiting => "on: new visitors must come back with a cookie after waiting",
    }
}

/// A condition; `word` is its value as the client sent it, escaped, if it was named.
fn in_words(condition: Condition, word: Option<&str>) -> String {
    let label = condition.attribute.label();
    match (condition.test, word) {
        (Test::New, _) => format!("{label} is new"),
        (Test::Is(_), Some(word)) => format!("{label} is `{word}`"),
        (Test::Is(_), None) => format!("{label} is always the same"),
    }
}

/// The rule that a change ended, and why.
fn ended(change: &Change, at: Instant) -> Option<(&Rule, End)> {
    match change {
        Change::Discarded { rule, why } => {
            let until = at + aside(*why);
            Some((rule, End { at, why: reason(*why), until, is_remembered: false }))
        }
        Change::Expired { rule, hits, peak } => {
            let why = expired(*hits, *peak);
            Some((rule, End { at, why, until: at + REMEMBERED, is_remembered: true }))
        }
        Change::Needless { rule, hits, seconds } => {
            let why = needless(*hits, *seconds);
            Some((rule, End { at, why, until: at + REMEMBERED, is_remembered: true }))
        }
        Change::Found { .. }
        | Change::Armed { .. }
        | Change::Hardened { .. }
        | Change::Softened { .. }
        | Change::Rearmed { .. }
        | Change::NotSurgical(_) => None,
    }
}

/// For how long the same conditions are not tried again (`guard/src/rules/book.rs`).
const fn aside(why: Why) -> Duration {
    match why {
        Why::Known(_) => REMEMBERED,
        Why::TooFewHits(_) | Why::NotCounted => Duration::from_secs(10),
        Why::Unwanted => Duration::from_secs(3_600),
    }
}

/// Whether a change is one of this rule.
fn concerns(change: &Change, id: u16) -> bool {
    match change {
        Change::Found { rule, .. }
        | Change::Armed { rule, .. }
        | Change::Discarded { rule, .. }
        | Change::Hardened { rule, .. }
        | Change::Softened { rule, .. }
        | Change::Expired { rule, .. }
        | Change::Needless { rule, .. }
        | Change::Rearmed { rule, .. } => rule.id == id,
        Change::NotSurgical(_) => false,
    }
}

fn expired(hits: u64, peak: u64) -> String {
    format!("{hits} matches in the last second, {peak} at most before")
}

fn needless(hits: u64, seconds: u32) -> String {
    format!(
        "everything that comes would have fit for {seconds} s, also its {hits} matches in the last second"
    )
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

/// As many as there can be rules twice over: an admin asks for one that was just there.
const ENDED_MAX: usize = 16;
/// How long a rule that ended is remembered (`guard/src/rules/book.rs`).
const REMEMBERED: Duration = Duration::from_secs(600);
