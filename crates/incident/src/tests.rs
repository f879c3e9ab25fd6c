//! Stories: what the gate sees second by second, and what people read of it.

mod acts;
mod chain;
mod clocks;
mod consent;
mod load;
mod outside;
mod reports;
mod seen;
mod served;
mod signals;
mod signals_and_others;
mod stories;

use std::time::Duration;

use model::{Instant, Level, Timestamp, UserTime};

use crate::{
    Act, ActError, Cause, Civil, ComponentSetting, Counts, Door, Engine, Entry, Moment, PublicId, Record,
    Settings, Sight, Stage, Watches,
};

/// A gate and its record, with a clock that the story moves.
struct Story {
    engine: Engine,
    moment: Moment,
    records: Vec<Record>,
    /// What people spent so far.
    spent: [UserTime; 2],
    /// In which second of each five minutes those who are there are counted.
    counted_at: u64,
}

impl Story {
    /// A shop whose first notices wait two minutes; it is 14:30 UTC.
    fn begin() -> Self {
        Self::with(Duration::from_secs(120))
    }

    fn with(first_notice: Duration) -> Self {
        let engine = Engine::new(settings(first_notice));
        let mut story = Self {
            engine,
            moment: at(14, 30),
            records: Vec::new(),
            spent: Default::default(),
            counted_at: 0,
        };
        story.see(60, &well());
        story
    }

    /// So many seconds of the same.
    fn see(&mut self, seconds: u64, sight: &Sight) {
        for _ in 0..seconds {
            self.moment.now = self.moment.now + Duration::from_secs(1);
            self.moment.wall = self.moment.wall + Duration::from_secs(1);
            let records = self.engine.see(&Sight { spent: self.spent, ..*sight }, self.moment);
            self.records.extend(records);
        }
    }

    /// The same until the clock says so.
    fn until(&mut self, hour: u64, minute: u64, sight: &Sight) {
        let seconds = at(hour, minute).wall.since(self.moment.wall).as_secs();
        self.see(seconds, sight);
    }

    fn act(&mut self, act: Act) -> Result<(), ActError> {
        let records = self.engine.act(act, None, "uid 1000", self.moment)?;
        self.records.extend(records);
        Ok(())
    }

    /// What the public has read so far, oldest first.
    fn told(&self) -> String {
        let view = self.engine.view(self.moment.wall);
        let mut told = Vec::new();
        for incident in view.incidents.iter().rev() {
            told.push(format!("# {} ({})", incident.title, incident.impact.name()));
            for update in incident.updates.iter().rev() {
                let label = if update.is_same_stage { "Update" } else { update.stage.label() };
                let who = if update.is_by_person { ", by a person" } else { "" };
                told.push(format!("\n[{}] {label}{who}", clock(update.at)));
                for (place, before, after) in &update.affected {
                    let name = &view.components[*place].name;
                    told.push(format!("  {name}: {} -> {}", before.name(), after.name()));
                }
                told.push(update.body.clone());
            }
        }
        told.join("\n")
    }

    /// What is in the record beside what was said.
    fn noted(&self) -> String {
        let mut noted = Vec::new();
        for record in &self.records {
            let line = if let Entry::Published { stage, .. } = &record.entry {
                format!("published {}", stage.name())
            } else if let Entry::Component { component, status, from, .. } = &record.entry {
                format!("{component} {} from {}", status.name(), clock(Timestamp::from_millis(*from)))
            } else {
                serde_json::to_string(&record.entry).unwrap()
            };
            noted.push(format!("{} {line}", clock(record.at)));
        }
        noted.join("\n")
    }

    fn stage(&self) -> Option<Stage> {
        self.engine.view(self.moment.wall).incidents.first().map(|incident| incident.stage)
    }

    fn newest(&self) -> PublicId {
        self.engine.view(self.moment.wall).incidents[0].id
    }
}

pub(crate) fn settings(first_notice: Duration) -> Settings {
    let component = |name: &str, groups: &[&str], watches| ComponentSetting {
        name: name.into(),
        groups: groups.iter().map(|&group| group.into()).collect(),
        description: String::new(),
        watches,
    };
    let components = vec![
        component("Web Application (HTTPS)", &["App"], Watches::Site),
        component("Login", &["App"], Watches::Login),
        component("Phone support", &[], Watches::Nothing),
    ];
    Settings { audience_figures: true, ..Settings::new(components, first_notice) }
}

fn at(hour: u64, minute: u64) -> Moment {
    // 28 Nov 2026.
    let wall = Timestamp::from_secs(1_795_824_000 + hour * 3_600 + minute * 60);
    Moment { now: Instant::from_secs(hour * 3_600 + minute * 60), wall }
}

fn clock(at: Timestamp) -> String {
    Civil::of(at).rfc3339()[11..19].to_owned()
}

fn well() -> Sight {
    let served = Counts { all: 50, bad: 0 };
    Sight { known: served, new: served, login: Counts { all: 1, bad: 0 }, ..Sight::default() }
}

fn served_to(known_bad: u64, door: Door, cause: Option<Cause>, level: Level) -> Sight {
    let known = Counts { all: 50, bad: known_bad };
    let new = if door == Door::Closed { Counts::default() } else { known };
    Sight { known, new, door, cause, level, ..well() }
}
