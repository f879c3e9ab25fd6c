//! The status page of the sample shop: the record and the pages of every gate, in memory and in more of a hurry.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use edge_io::Clock;
use incident::{
    Cause, ComponentSetting, Draft, Engine, Entry, Moment, Pace, PublicId, Readers, Record, Settings, Sight,
    Stage, View, Watches,
};
use model::{Instant, Timestamp};
use status_io::Publisher;

use super::TryError;
use crate::handover::Inherited;
use crate::truth::{Outlet, PageError, Ready, collected, listen};

/// What was told to the public, for those who watch the demonstration.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Notice {
    pub(super) stage: Stage,
    /// The stage is that of the notice before.
    pub(super) is_same_stage: bool,
    pub(super) body: String,
}

/// The page, and the record that it is made from.
pub(super) struct ShopPage {
    engine: Engine,
    page: status::Page,
    address: SocketAddr,
    site: status_io::Site,
    clock: Clock,
    seq: u64,
    /// What the public was shown last, and when that was made.
    shown: (View, Timestamp, Instant),
    last: Option<Stage>,
    /// Serves until it is dropped.
    _outlet: Outlet,
}

impl ShopPage {
    /// Serves it at an address of this machine.
    pub(super) fn open(clock: Clock) -> Result<Self, TryError> {
        let listener = listen((Ipv4Addr::LOCALHOST, 0).into(), &mut Inherited::default())?;
        let address = listener.local_addr()?;
        let site = status_io::Site::new(&status::content_security_policy(None)).map_err(PageError::from)?;
        // Nothing is written anywhere.
        let (_publisher, work) = Publisher::new(Vec::new(), Arc::new(move || clock.wall()));
        let outlet =
            Outlet::start(Ready { listener: Some(listener), site: site.clone(), work, reception: None })?;
        let page = status::Page::new(NAME, &format!("http://{address}")).map_err(PageError::from)?;
        let mut shop = Self {
            engine: Engine::new(settings()),
            page,
            address,
            site,
            clock,
            seq: 0,
            shown: (View::default(), Timestamp::default(), Instant::ORIGIN),
            last: None,
            _outlet: outlet,
        };
        shop.publish();
        Ok(shop)
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes what the gate saw in a second, and says what the public is told. Between two acts everybody has gone home: that traffic is
    /// missing then is the doing of the demonstration and no cause of anything.
    pub(super) fn saw(&mut self, sight: &Sight, moment: Moment) -> Vec<Notice> {
        let cause = sight.cause.filter(|cause| *cause != Cause::Upstream);
        let records = self.engine.see(&Sight { cause, ..*sight }, moment);
        let (view, at, made) = &self.shown;
        if self.engine.view(*at) != *view || moment.now.since(*made) >= FRESH_FOR {
            self.publish();
        }
        records.iter().filter_map(|record| self.notice(record)).collect()
    }

    fn notice(&mut self, record: &Record) -> Option<Notice> {
        let Entry::Published { stage, body, .. } = &record.entry else { return None };
        let before = self.last.replace(*stage);
        Some(Notice { stage: *stage, is_same_stage: before == Some(*stage), body: body.clone() })
    }

    /// Whether the public was told of an incident that is not over.
    pub(super) fn has_open(&self) -> bool {
        self.last.is_some_and(Stage::is_open)
    }

    /// The draft of the report about all that happened, for colleagues; `None`: the public was told of nothing.
    pub(super) fn draft(&self) -> Option<Draft> {
        let now = self.clock.wall();
        let ids: Vec<PublicId> = self.engine.view(now).incidents.iter().map(|incident| incident.id).collect();
        self.engine.draft(&ids, Readers::Colleagues, now)
    }

    /// The draft as a page of its own, HTML.
    pub(super) fn report(&self, draft: &Draft) -> Vec<u8> {
        status::report(draft, self.clock.wall())
    }

    /// What was out before stays where nothing can be made of what is new.
    fn publish(&mut self) {
        let now = self.clock.wall();
        self.shown = (self.engine.view(now), now, self.clock.now());
        self.seq += 1;
        let bundle = status::render(&self.shown.0, &self.page, now);
        if let Ok(files) = collected(&bundle, self.seq) {
            self.site.publish(&files);
        }
    }
}

fn settings() -> Settings {
    let component = |name: &str, watches| ComponentSetting {
        name: name.to_owned(),
        groups: Vec::new(),
        description: String::new(),
        watches,
    };
    Settings {
        components: vec![component(NAME, Watches::Site), component("Signing in", Watches::Login)],
        audience_figures: false,
        first_notice: FIRST_NOTICE,
        stages: incident::Stages::default(),
        pace: Pace {
            delay_told_after: FIRST_NOTICE,
            monitoring_after: MONITORING_AFTER,
            resolved_after: RESOLVED_AFTER,
        },
    }
}

const NAME: &str = "Ticket shop";
/// Pages say when they were made; after so long they are made again.
const FRESH_FOR: Duration = Duration::from_secs(30);
/// Two minutes elsewhere.
pub(super) const FIRST_NOTICE: Duration = Duration::from_secs(5);
/// A minute elsewhere.
const MONITORING_AFTER: Duration = Duration::from_secs(10);
/// Ten minutes elsewhere.
pub(super) const RESOLVED_AFTER: Duration = Duration::from_secs(20);

#[cfg(test)]
mod tests {
    use incident::{Counts, Door};
    use model::Level;

    use super::*;

    #[test]
    fn an_attack_is_told_of_and_called_over_within_the_time_that_people_watch() {
        let clock = Clock::start();
        let mut shop = ShopPage::open(clock).unwrap();
        let served = Counts { all: 50, bad: 0 };
        let calm = Sight { known: served, new: served, login: served, ..Sight::default() };
        let attacked = Sight {
            new: Counts::default(),
            door: Door::Closed,
            cause: Some(Cause::Attack),
            level: Level::CustomersFirst,
            ..calm
        };
        // Behind the attack nobody comes for a while.
        let empty = Sight { cause: Some(Cause::Upstream), door: Door::Closed, ..Sight::default() };
        let mut told = Vec::new();
        for second in 1..=130 {
            let moment = Moment {
                now: clock.now() + Duration::from_secs(second),
                wall: clock.wall() + Duration::from_secs(second),
            };
            let sight = match second {
                11..60 => &attacked,
                60..70 => &empty,
                _ => &calm,
            };
            told.extend(shop.saw(sight, moment).into_iter().map(|notice| (second, notice.stage)));
        }
        let stages: Vec<Stage> = told.iter().map(|(_, stage)| *stage).collect();
        assert_eq!(
            stages.first().zip(stages.last()),
            Some((&Stage::Investigating, &Stage::Resolved)),
            "{told:?}"
        );
        assert!(told[0].0 < 20 && !shop.has_open(), "{told:?}");
        let draft = shop.draft().unwrap();
        let report = String::from_utf8(shop.report(&draft)).unwrap();
        assert!(report.contains("hardly anybody was served for"));
        assert!(
            report.contains("traffic that looks made") && !report.contains("traffic is missing"),
            "{report}"
        );
    }
}
