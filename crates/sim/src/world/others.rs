//! What is neither person nor attack: the monitor, crawlers, uploads, streams, and an office on Monday.

use admission::caps::Ticket;

use super::clients::{self, MONITOR};
use super::gate::Ask;
use super::jobs::{Owner, Sent};
use super::looks::Visit;
use super::routes::Route;
use super::{SECOND, TICKS_PER_SECOND, World};
use crate::invariants::Broken;
use crate::random::{Random, mix};
use crate::scenario::{Event, EventKind};

/// Their state.
pub(super) struct Others {
    random: Random,
    streams: Vec<Ticket>,
    asked: u32,
}

impl Others {
    pub(super) fn new(seed: u64) -> Self {
        Self { random: Random::stream(seed, PART), streams: Vec::new(), asked: 0 }
    }
}

impl World<'_> {
    /// What they ask for at the beginning of a tenth of a second.
    pub(super) fn ask_others(&mut self) -> Result<(), Broken> {
        if self.now.is_multiple_of(SECOND) {
            self.ask_monitor()?;
        }
        let served = f64::from(self.scenario.origin.capacity) / self.service() / TICKS_PER_SECOND as f64;
        let crawled = self.others.random.round(self.weather.crawlers * served);
        for _ in 0..crawled {
            self.crawl();
        }
        let uploads = self.others.random.round(self.weather.uploads * served / Route::Upload.services());
        for _ in 0..uploads {
            self.upload();
        }
        self.hold_streams();
        let scenario = self.scenario;
        for event in scenario.events.iter().filter(|event| event.kind == EventKind::OfficeMonday) {
            self.office(event);
        }
        self.settle();
        Ok(())
    }

    fn ask_monitor(&mut self) -> Result<(), Broken> {
        let ask = Ask {
            address: MONITOR,
            pass: None,
            lane: None,
            jar: None,
            browser: 11,
            route: Route::Health,
            is_monitor: true,
        };
        let visit = Visit { browser: 11, cookies: 0, before: 1 };
        match self.send(&ask, Owner::Other, visit, true) {
            Sent::Refused { .. } => {
                Err(Broken::new(3, self.now, "the monitor's request was refused".to_owned()))
            }
            Sent::UnderWay | Sent::Lost => Ok(()),
        }
    }

    fn crawl(&mut self) {
        self.others.asked = self.others.asked.wrapping_add(1);
        let last = u8::try_from(self.others.asked % 4 + 1).unwrap_or(1);
        let address = std::net::IpAddr::from([66, 249, 66, last]);
        let ask = Ask {
            address,
            pass: None,
            lane: None,
            jar: None,
            browser: 9,
            route: Route::Product,
            is_monitor: false,
        };
        let visit = Visit { browser: 9, cookies: 0, before: self.others.asked % 64 };
        // A crawler that is refused comes again some other day.
        let _sent = self.send(&ask, Owner::Other, visit, true);
    }

    fn upload(&mut self) {
        let number = clients::popular(&mut self.others.random, self.scenario.known.clients);
        let Some(client) = self.customer(number) else { return };
        let ask = Ask {
            address: client.address,
            pass: client.pass.as_ref(),
            lane: None,
            jar: None,
            browser: client.browser,
            route: Route::Upload,
            is_monitor: false,
        };
        let visit = Visit { browser: client.browser, cookies: 1, before: 5 };
        let _sent = self.send(&ask, Owner::Other, visit, true);
    }

    /// Opens or closes streams of customers, some at a time. They hold connections, and leave the account of L.
    fn hold_streams(&mut self) {
        let wanted = crate::random::index(crate::random::whole(self.weather.streams));
        for _ in 0..STREAMS_PER_TICK {
            if self.others.streams.len() < wanted {
                let number = clients::popular(&mut self.others.random, self.scenario.known.clients);
                let Some(client) = self.customer(number) else { return };
                let Ok(mut ticket) = self.gate.site.open_connection(client.address, false) else { continue };
                self.gate.site.connections().promote(&mut ticket);
                self.others.streams.push(ticket);
            } else if self.others.streams.len() > wanted
                && let Some(ticket) = self.others.streams.pop()
            {
                self.gate.site.connections().close(ticket);
            }
        }
    }

    /// People of one office sign in, evenly over the event.
    fn office(&mut self, event: &Event) {
        let second = self.second();
        if !event.lasts(second) {
            return;
        }
        let per_tick = 200.0 * event.factor / (event.seconds.max(1) * TICKS_PER_SECOND) as f64;
        for _ in 0..self.others.random.round(per_tick) {
            self.others.asked = self.others.asked.wrapping_add(1);
            let mut client = self.town.newcomer(0);
            client.address = self.town.office();
            client.account = mix(u64::from(self.others.asked) | 0x0FF1_CE00_0000_0000);
            client.browser = u8::try_from(self.others.random.below(6)).unwrap_or(0);
            self.sign_in(client, true);
        }
    }
}

const PART: u64 = 10;
const STREAMS_PER_TICK: usize = 100;
