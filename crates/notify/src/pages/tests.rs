//! A real record of incidents, pages elsewhere that behave as those of others do, and people who write there.

mod anything;
mod bodies;
mod pages;
mod reports;
mod stories;
mod templates;

use std::time::Duration;

use incident::{Act, ComponentSetting, Engine, Moment, Settings, Stage, Status, Watches};
use model::{Instant, Timestamp};

use super::*;
use crate::verdict::{Answer, State};
use pages::Elsewhere;

/// Which page it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Statuspage,
    Instatus,
}

/// A gate, and a page elsewhere; it begins at 14:30 UTC.
pub(super) struct Story {
    kind: Kind,
    pub(super) engine: Engine,
    pub(super) keeper: PageKeeper,
    pub(super) elsewhere: Elsewhere,
    pub(super) moment: Moment,
    /// What the journal holds.
    kept: Option<Vec<u8>>,
    /// What an admin was told.
    pub(super) said: Vec<String>,
    pub(super) attempts: Vec<(String, State, String)>,
}

impl Story {
    pub(super) fn begin(kind: Kind) -> Self {
        let moment =
            Moment { now: Instant::from_secs(1_000), wall: Timestamp::from_millis(1_795_876_200_123) };
        let mut story = Self {
            kind,
            engine: Engine::new(watched()),
            keeper: PageKeeper::new(settings(kind)),
            elsewhere: Elsewhere::new(kind),
            moment,
            kept: None,
            said: Vec::new(),
            attempts: Vec::new(),
        };
        story.want();
        story.carry(30);
        story
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        let passed = Duration::from_secs(seconds);
        (self.moment.now, self.moment.wall) = (self.moment.now + passed, self.moment.wall + passed);
    }

    pub(super) fn act(&mut self, act: Act) {
        self.engine.act(act, None, "user 1000", self.moment).unwrap();
        self.want();
    }

    pub(super) fn open(&mut self, title: &str) {
        self.act(Act::Open {
            title: title.into(),
            stage: Stage::Investigating,
            body: format!("{title}, and we look for the cause."),
            components: vec![("Shop / Checkout".into(), Status::PartialOutage)],
        });
    }

    pub(super) fn say(&mut self, stage: Stage, body: &str) {
        let reason = (stage == Stage::Resolved).then(|| "tested".to_owned());
        self.act(Act::Update { incident: None, stage: Some(stage), body: body.into(), reason });
    }

    /// The public reads what it reads now.
    pub(super) fn want(&mut self) {
        let view = self.engine.view(self.moment.wall);
        let changes = self.keeper.want(&view, self.moment);
        self.keep(changes);
    }

    /// So many seconds go by, in which what can be sent is.
    pub(super) fn carry(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.one_request();
            self.pass(1);
        }
    }

    /// Sends what is next, if anything is; whether there was.
    pub(super) fn one_request(&mut self) -> bool {
        let PageNext::Send { request, keep } = self.keeper.next(self.moment) else { return false };
        self.kept = keep.or(self.kept.take());
        let answer = self.elsewhere.answer(&request, self.moment.wall);
        let changes = self.keeper.settle(&answer, self.moment);
        self.keep(changes);
        true
    }

    /// Sends what is next; the gate is cut off before the answer.
    pub(super) fn cut_off(&mut self) {
        if let PageNext::Send { request, keep } = self.keeper.next(self.moment) {
            self.kept = keep.or(self.kept.take());
            let _nobody_hears = self.elsewhere.answer(&request, self.moment.wall);
        }
        self.restart();
    }

    pub(super) fn restart(&mut self) {
        self.keeper = PageKeeper::new(settings(self.kind));
        if let Some(kept) = &self.kept {
            assert!(self.keeper.restore(kept), "{}", String::from_utf8_lossy(kept));
        }
        self.want();
    }

    fn keep(&mut self, changes: Vec<PageChange>) {
        for change in changes {
            match change {
                PageChange::Kept(bytes) => self.kept = Some(bytes),
                PageChange::Noticed(text) => self.said.push(text),
                PageChange::Attempted { key, state, why, .. } => self.attempts.push((key, state, why)),
                PageChange::Troubled(why) => self.said.push(format!("trouble: {why}")),
                PageChange::Recovered => self.said.push("recovered".into()),
            }
        }
    }
}

pub(super) fn settings(kind: Kind) -> PageSettings {
    let key = Hidden::new("a key".into());
    let access = |url: &str, page: &str| Access { url: url.into(), page: page.into(), key };
    PageSettings {
        name: "page".into(),
        way: match kind {
            Kind::Statuspage => PageWay::Statuspage(access("https://api.statuspage.io", "kctbh9vrtdwd")),
            Kind::Instatus => {
                PageWay::Instatus(access("https://api.instatus.com", "ckf01fvnxywz60a35vw5qhhgg"))
            }
        },
        components: vec![("Website".into(), "web1".into()), ("Shop / Checkout".into(), "pay1".into())],
        tells_subscribers: true,
        per_minute: 60,
        page: Some("https://status.shop.example".into()),
    }
}

fn watched() -> Settings {
    let component = |name: &str, groups: &[&str], watches| ComponentSetting {
        name: name.into(),
        groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        description: String::new(),
        watches,
    };
    let components = vec![
        component("Website", &[], Watches::Site),
        component("Checkout", &["Shop"], Watches::Nothing),
        component("Search", &["Shop"], Watches::Nothing),
    ];
    Settings::new(components, Duration::ZERO)
}
