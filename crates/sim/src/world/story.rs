//! What the decision core advises, in lines for people.

use std::collections::BTreeMap;

use guard::Advice;
use guard::rules::Change;
use model::{Challenge, Rule, Test};

use super::{Micros, looks};

/// Called with the seconds since the beginning and a line.
pub type Tell<'a> = dyn FnMut(f64, String) + 'a;

/// Tells somebody, or nobody.
#[derive(Default)]
pub(super) struct Story<'a> {
    tell: Option<&'a mut Tell<'a>>,
    names: BTreeMap<u64, String>,
    challenge: Challenge,
}

impl<'a> Story<'a> {
    pub(super) fn told_to(tell: &'a mut Tell<'a>) -> Self {
        let names = looks::names().into_iter().map(|name| (name.value, name.text)).collect();
        Self { tell: Some(tell), names, challenge: Challenge::Off }
    }

    /// What has changed with this advice.
    pub(super) fn tell(&mut self, now: Micros, advice: &Advice) {
        if self.tell.is_none() {
            return;
        }
        let mut lines: Vec<String> =
            advice.changes.iter().filter_map(|change| self.line_of(change)).collect();
        if advice.challenge != self.challenge {
            self.challenge = advice.challenge;
            lines.push(format!("strangers are asked for {}", asked(self.challenge)));
        }
        let Some(tell) = &mut self.tell else { return };
        for line in lines {
            tell(now as f64 / 1e6, line);
        }
    }

    fn line_of(&self, change: &Change) -> Option<String> {
        let line = match change {
            Change::Found { rule, .. } => format!("rule {} found: {}", rule.id, self.conditions(rule)),
            Change::Armed { rule, .. } => format!("rule {} acts: {}", rule.id, rule.action.label()),
            Change::Rearmed { rule, .. } => format!("rule {} acts again: {}", rule.id, rule.action.label()),
            Change::Hardened { rule, .. } => format!("rule {} is harder: {}", rule.id, rule.action.label()),
            Change::Softened { rule, .. } => format!("rule {} is milder: {}", rule.id, rule.action.label()),
            Change::Discarded { rule, why } => format!("rule {} given up: {why:?}", rule.id),
            Change::Expired { rule, .. } | Change::Needless { rule, .. } => format!("rule {} ended", rule.id),
            Change::NotSurgical(_) => return None,
        };
        Some(line)
    }

    fn conditions(&self, rule: &Rule) -> String {
        let words = rule.conditions.iter().map(|condition| {
            let label = condition.attribute.label();
            match condition.test {
                Test::New => format!("{label} is new"),
                Test::Is(value) => match self.names.get(&value) {
                    Some(name) => format!("{label} is \"{name}\""),
                    None => format!("{label} is #{:04x}", value & 0xFFFF),
                },
            }
        });
        words.collect::<Vec<_>>().join(", ")
    }
}

fn asked(challenge: Challenge) -> &'static str {
    match challenge {
        Challenge::Off => "nothing",
        Challenge::Cookie => "a cookie",
        Challenge::Waiting => "waiting",
    }
}
