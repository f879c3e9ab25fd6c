//! Rules: shown, and taken out of force.

use console_io::ctl::Reply;

use super::Control;
use crate::desk::Dropped;

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
        let (rules, moment) = (self.desk.rules(), self.moment());
        match (dropped, rules.find(id)) {
            (Dropped::Gone, Some(seen)) => Reply::done(seen.farewell(moment), seen.value(moment)),
            (Dropped::Gone | Dropped::NotThere, _) => Reply::failed(rules.misses(id)),
            (Dropped::Unknown, _) => Reply::failed(format!(
                "rule {id} is still in force: the gate did not come to it in time and may still do it; look with `ctl rules`"
            )),
        }
    }
}
