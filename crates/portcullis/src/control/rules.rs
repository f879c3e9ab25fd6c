//! Rules: shown, and taken out of force.

use console_io::ctl::Reply;

use super::Control;
use crate::desk::Dropped;
use crate::lines::Moment;
use crate::ruling::RuleBoard;

impl Control {
    /// The table of all.
    pub(super) fn rules(&self) -> Reply {
        let (rules, moment) = (self.desk.rules(), self.moment());
        Reply::done(rules.text(moment), rules.value(moment))
    }

    /// All about one, also if it ended lately.
    pub(super) fn rule(&self, id: u16) -> Reply {
        let (rules, moment) = (self.desk.rules(), self.moment());
        match rules.find(id) {
            Some(seen) => Reply::done(seen.text(moment), seen.value(moment)),
            None => Reply::failed(rules.misses(id)),
        }
    }

    /// Takes one out of force, and waits until it is.
    pub(super) fn drop_rule(&self, id: u16) -> Reply {
        let rules = self.desk.rules();
        if !rules.is_in_force(id) {
            return Reply::failed(rules.misses(id));
        }
        let dropped = self.desk.drop_rule(id);
        became(id, dropped, &self.desk.rules(), self.moment())
    }
}

/// What is said of a rule that was to be dropped; `rules` are those after that.
fn became(id: u16, dropped: Dropped, rules: &RuleBoard, moment: Moment) -> Reply {
    match (dropped, rules.find(id)) {
        (Dropped::Gone, Some(seen)) => Reply::done(seen.farewell(moment), seen.value(moment)),
        (Dropped::Gone | Dropped::NotThere, _) => Reply::failed(rules.misses(id)),
        (Dropped::Unknown, _) if rules.is_in_force(id) => Reply::failed(format!(
            "rule {id} is still in force: the gate did not come to it in time and may still do it; look with `ctl rules`"
        )),
        (Dropped::Unknown, _) => Reply::failed(rules.misses(id)),
    }
}

#[cfg(test)]
mod tests {
    use guard::rules::{Change, Why};
    use model::{Action, Attribute, Rule, Test};

    use super::*;
    use crate::ruling::tests::{advice, moment, nothing, rule, story};

    #[test]
    fn who_drops_a_rule_hears_what_became_of_it() {
        let mut ruling = story();
        let said = |dropped, ruling: &crate::ruling::Ruling| {
            let reply = became(3, dropped, &ruling.board(), moment(141));
            format!("{} {}", reply.ok, reply.text)
        };
        let mut told = vec![said(Dropped::Unknown, &ruling)];
        let gone: Rule = rule(&[(Attribute::Path, Test::Is(2))], Action::Block, false);
        let change = Change::Discarded { rule: gone, why: Why::Unwanted };
        ruling.advised(&advice(nothing(140), vec![change], &[]));
        told.push(said(Dropped::Gone, &ruling));
        told.push(said(Dropped::NotThere, &ruling));
        insta::assert_snapshot!(told.join("\n"));
    }
}
