//! Level and mode: shown with their reasons, pinned, set.

use std::time::Duration;

use console_io::ctl::Reply;
use model::{Level, Mode, Timestamp};
use serde_json::json;

use super::Control;
use crate::desk::Pins;
use crate::lines::{span, when, wrapped};
use crate::situation::{Report, leave};

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
        };
        Reply::done(report.text(), report.value())
    }

    pub(super) fn pin(&self, floor: Option<Level>, ceiling: Option<Level>, minutes: u32) -> Reply {
        let wall = self.clock.wall();
        let time = Duration::from_secs(u64::from(minutes) * 60);
        let until = wall + time;
        self.desk.pin(Pins {
            floor: floor.map(|level| (level, until)),
            ceiling: ceiling.map(|level| (level, until)),
        });
        // In mode `assist` a pin to customers-first is the yes that it waits for.
        self.site.set_assist_yes(floor == Some(Level::CustomersFirst));
        let side = |word: &str, level: Option<Level>| {
            level.map(|level| format!(" {word} {level}")).unwrap_or_default()
        };
        let text = format!(
            "pinned{}{} until {} ({})",
            side("at least", floor),
            side("at most", ceiling),
            when(until),
            span(time)
        );
        let label = |level: Option<Level>| level.map(Level::label);
        Reply::done(
            text,
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
        self.site.set_mode(mode);
        let was = if before == mode { ", as before" } else { " from now on" };
        let lasts = (mode != configured).then(|| {
            format!(
                "until the next start, which begins with {configured}; in a configuration, mode = \"{mode}\" below [[site]] keeps it"
            )
        });
        Reply::done(
            lines(&format!("mode {mode}{was}: {}", leave(mode)), lasts.as_slice()),
            json!({ "mode": mode.label(), "before": before.label(), "configured": configured.label() }),
        )
    }
}

/// A first line and what is said to it.
fn lines(first: &str, rest: &[String]) -> String {
    let mut text = wrapped("", 2, first);
    rest.iter().for_each(|said| text.push_str(&wrapped("  ", 2, said)));
    text.trim_end().to_owned()
}
