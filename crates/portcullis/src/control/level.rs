//! Level and mode: shown with their reasons, pinned, set.

use std::time::Duration;

use console_io::ctl::Reply;
use model::{Level, Mode, Timestamp};
use serde_json::json;

use super::Control;
use crate::desk::Pins;
use crate::fronts;
use crate::lines::{span, when, wrapped};
use crate::situation::{NOBODY_IS_ASKED, Report, leave};

impl Control {
    /// The level with all that speaks for it.
    pub(super) fn level(&self) -> Reply {
        let (mut situation, silent_for) =
            (self.desk.situation().or_beginning(&self.site.decision()), self.silent_for());
        if silent_for.is_some() {
            situation.note_silence();
        }
        let report = Report {
            situation: &situation,
            moment: self.moment(),
            silent_for,
            pins: self.desk.pins(),
            mode: self.site.mode(),
            is_bypassed: self.site.is_bypassed(),
            enforced: self.orders.enforced(),
            rules: self.desk.rules().numbers(),
            undeclared_front: self.undeclared_front(),
        };
        Reply::done(report.text(), report.value())
    }

    /// What is said of a proxy that most requests come through and nobody has named.
    pub(super) fn undeclared_front(&self) -> Option<String> {
        self.shared.undeclared_front().map(|front| fronts::undeclared(&front))
    }

    pub(super) fn pin(&self, floor: Option<Level>, ceiling: Option<Level>, minutes: u32) -> Reply {
        let wall = self.clock.wall();
        let time = Duration::from_secs(u64::from(minutes) * 60);
        let until = wall + time;
        let (before, was_allowed) = (
            self.desk.pins().live(wall),
            self.desk.situation().is_allowed().unwrap_or_else(|| self.orders.is_allowed()),
        );
        self.desk.pin(Pins {
            floor: floor.map(|level| (level, until)),
            ceiling: ceiling.map(|level| (level, until)),
        });
        // In mode `assist` a pin to customers-first is the yes that it waits for.
        self.site.set_assist_yes(floor == Some(Level::CustomersFirst));
        let text = format!("pinned{} until {} ({})", sides([floor, ceiling]), when(until), span(time));
        let said = beside_pin(self.site.mode(), floor, before, was_allowed);
        let label = |level: Option<Level>| level.map(Level::label);
        Reply::done(
            lines(&text, &said),
            json!({ "floor": label(floor), "ceiling": label(ceiling), "until": when(until), "minutes": minutes }),
        )
    }

    pub(super) fn unpin(&self) -> Reply {
        let pins = self.desk.pins().live(self.clock.wall());
        self.desk.pin(Pins::default());
        self.site.set_assist_yes(false);
        let had =
            [("at least", pins.floor), ("at most", pins.ceiling)].into_iter().filter_map(|(word, pin)| {
                let (level, _): (Level, Timestamp) = pin?;
                Some(format!("{word} {level}"))
            });
        let had: Vec<String> = had.collect();
        let text = if had.is_empty() {
            "the level is free; no pin was in force".to_owned()
        } else {
            format!("the level is free again; it was pinned {}", had.join(", "))
        };
        Reply::done(text, json!({ "was_pinned": !had.is_empty() }))
    }

    pub(super) fn mode(&self) -> Reply {
        let (mode, configured) = (self.site.mode(), self.site.settings().mode);
        let lasts = if mode == configured {
            "as the gate started".to_owned()
        } else {
            format!("an admin set it; the next start begins with {configured}, as this one did")
        };
        let text = lines(&format!("mode {mode}: {}", leave(mode)), &[lasts]);
        Reply::done(text, json!({ "mode": mode.label(), "configured": configured.label() }))
    }

    pub(super) fn set_mode(&self, mode: Mode) -> Reply {
        let (before, configured) = (self.site.mode(), self.site.settings().mode);
        let local = self.shared.undeclared_front().filter(|front| front.is_local);
        if let Some(front) = local.filter(|_| mode == Mode::Auto && before != Mode::Auto) {
            // Contracts, "Behind fronts".
            return Reply::failed(format!(
                "the mode is still {before}: {}; then start anew",
                fronts::undeclared(&front)
            ));
        }
        self.site.set_mode(mode);
        let was = if before == mode { ", as before" } else { " from now on" };
        let lasts = (mode != configured).then(|| {
            format!(
                "until the next start, which begins with {configured}; in a configuration, mode = \"{mode}\" below [[site]] keeps it"
            )
        });
        let said: Vec<String> = lasts.into_iter().chain(self.undeclared_front()).collect();
        Reply::done(
            lines(&format!("mode {mode}{was}: {}", leave(mode)), &said),
            json!({ "mode": mode.label(), "before": before.label(), "configured": configured.label() }),
        )
    }
}

/// What else follows from a pin: the one that it replaces, and in mode `assist` what becomes of the yes.
fn beside_pin(mode: Mode, floor: Option<Level>, before: Pins, was_allowed: bool) -> Vec<String> {
    let mut said = Vec::new();
    let replaced = [before.floor, before.ceiling].map(|pin| pin.map(|(level, _)| level));
    if replaced != [None, None] {
        said.push(format!("the level was pinned{} until now", sides(replaced)));
    }
    let is_yes = floor == Some(Level::CustomersFirst);
    if mode == Mode::Assist && was_allowed && !is_yes {
        said.push(
            "this takes the yes back: everybody is let in, and nobody is asked for anything".to_owned(),
        );
    } else if mode == Mode::Assist && floor == Some(Level::Challenging) {
        said.push(NOBODY_IS_ASKED.to_owned());
    }
    if floor == Some(Level::Calm) {
        said.push("every level is at least calm; to hold it down use `--ceiling calm`".to_owned());
    }
    said
}

fn sides([floor, ceiling]: [Option<Level>; 2]) -> String {
    let side =
        |word: &str, level: Option<Level>| level.map(|level| format!(" {word} {level}")).unwrap_or_default();
    side("at least", floor) + &side("at most", ceiling)
}

/// A first line and what is said to it.
fn lines(first: &str, rest: &[String]) -> String {
    let mut text = wrapped("", 2, first);
    rest.iter().for_each(|said| text.push_str(&wrapped("  ", 2, said)));
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(mode: Mode, floor: Option<Level>, before: Pins, was_allowed: bool) -> String {
        beside_pin(mode, floor, before, was_allowed).join("; ")
    }

    #[test]
    fn a_pin_that_replaces_another_says_so() {
        let until = Timestamp::from_secs(60);
        let before = Pins { floor: Some((Level::CustomersFirst, until)), ceiling: None };
        assert_eq!(
            said(Mode::Auto, Some(Level::Limiting), before, false),
            "the level was pinned at least customers-first until now"
        );
        assert_eq!(said(Mode::Auto, Some(Level::Limiting), Pins::default(), false), "");
    }

    #[test]
    fn in_assist_a_pin_says_what_becomes_of_the_yes() {
        let pins = Pins::default();
        let assist = |floor, was_allowed| said(Mode::Assist, floor, pins, was_allowed);
        assert_eq!(
            assist(Some(Level::Limiting), true),
            "this takes the yes back: everybody is let in, and nobody is asked for anything"
        );
        assert_eq!(assist(Some(Level::Challenging), false), NOBODY_IS_ASKED);
        assert_eq!(assist(Some(Level::CustomersFirst), true), "");
        assert_eq!(said(Mode::Auto, Some(Level::Challenging), pins, true), "", "there it needs none");
    }

    #[test]
    fn a_floor_of_calm_says_what_was_meant() {
        assert_eq!(
            said(Mode::Auto, Some(Level::Calm), Pins::default(), false),
            "every level is at least calm; to hold it down use `--ceiling calm`"
        );
    }
}
