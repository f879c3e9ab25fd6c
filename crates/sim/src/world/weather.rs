//! What the events of a scenario make of the world at a moment.

use model::Level;

use super::{Micros, hour};
use crate::random::{Random, index, whole};
use crate::scenario::{Event, EventKind, Scenario};

/// The state of everything that is not a person.
pub(super) struct Weather {
    /// Share of the app's workers that are there.
    pub(super) capacity: f64,
    /// How much longer work takes at the app.
    pub(super) slowness: f64,
    /// Nothing arrives.
    pub(super) is_cut_off: bool,
    /// The engine gets no summaries.
    pub(super) is_blind: bool,
    /// By how many seconds the wall clock is off.
    pub(super) wall_seconds: f64,
    /// What crowds make of legitimate load.
    pub(super) crowd: f64,
    /// How many times as many files pages have.
    pub(super) files: f64,
    /// Share of capacity that crawlers ask for.
    pub(super) crawlers: f64,
    /// Share of capacity that uploads ask for.
    pub(super) uploads: f64,
    /// Streams that are open.
    pub(super) streams: f64,
    /// Operators hold the level down to this one.
    pub(super) ceiling: Option<Level>,
    /// The noise of the load of customers and visitors, by ln.
    pub(super) noise: [f64; 2],
    random: Random,
}

impl Weather {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::stream(seed, PART);
        let noise = [SIGMA * random.normal(), SIGMA * random.normal()];
        Self {
            capacity: 1.0,
            slowness: 1.0,
            is_cut_off: false,
            is_blind: false,
            wall_seconds: 0.0,
            crowd: 1.0,
            files: 1.0,
            crawlers: 0.0,
            uploads: 0.0,
            streams: 0.0,
            ceiling: None,
            noise,
            random,
        }
    }

    /// How busy customers and visitors are, 1 on average.
    pub(super) fn busy(&self, known: bool) -> f64 {
        libm::exp(self.noise[usize::from(!known)] - SIGMA * SIGMA / 2.0)
    }

    /// Moves on to a moment, a tenth of a second after the last.
    pub(super) fn change(&mut self, scenario: &Scenario, now: Micros) {
        let keep = libm::exp(-0.1 / NOISE_SECONDS);
        for noise in &mut self.noise {
            *noise = keep * *noise + SIGMA * libm::sqrt(1.0 - keep * keep) * self.random.normal();
        }
        (self.capacity, self.slowness, self.crowd, self.files) = (1.0, 1.0, 1.0, 1.0);
        (self.is_cut_off, self.is_blind, self.wall_seconds) = (false, false, 0.0);
        (self.crawlers, self.uploads, self.streams) = (0.0, 0.0, 0.0);
        self.ceiling = None;
        let seconds = now as f64 / 1e6;
        for event in &scenario.events {
            self.add(event, seconds);
        }
    }

    fn add(&mut self, event: &Event, seconds: f64) {
        let since = seconds - event.start as f64;
        if since < 0.0 {
            return;
        }
        let length = event.seconds as f64;
        let lasts = since < length;
        match event.kind {
            EventKind::FlashCrowd => {
                let ramp = (length * 0.25).clamp(10.0, 900.0);
                self.crowd *= swell(since, ramp, length, event.factor);
            }
            EventKind::MarketingMail => self.crowd *= swell(since, MAIL_SECONDS, length, event.factor),
            EventKind::Deploy if lasts => self.capacity *= event.factor,
            EventKind::Deploy => {
                self.slowness *= 1.0 + COLD * libm::exp(-(since - length) / COLD_SECONDS);
            }
            EventKind::ClockJump => self.wall_seconds += event.factor,
            EventKind::UpstreamOutage => self.is_cut_off |= lasts,
            EventKind::TelemetryGap => self.is_blind |= lasts,
            EventKind::AssetBurst if lasts => self.files *= event.factor,
            EventKind::Crawler if lasts => self.crawlers += event.factor,
            EventKind::BigUpload if lasts => self.uploads += event.factor,
            EventKind::Sse5000 if lasts => self.streams += 5_000.0 * event.factor,
            EventKind::Ceiling if lasts => {
                self.ceiling = Level::ALL.get(index(whole(event.factor))).copied();
            }
            EventKind::AssetBurst
            | EventKind::Crawler
            | EventKind::BigUpload
            | EventKind::Sse5000
            | EventKind::OfficeMonday
            | EventKind::Ceiling => {}
        }
    }
}

/// The share of what the app can do that people and crawlers ask for at a second, as the scenario has it: without noise, and whatever
/// became of those who were refused. Endless while the app can do nothing.
pub(crate) fn expected_load(scenario: &Scenario, second: u64) -> f64 {
    let mut weather = Weather::new(0);
    for event in &scenario.events {
        weather.add(event, second as f64);
    }
    let people = (scenario.known.load + scenario.unknown.load) * scenario.hourly(hour(second as f64));
    // More files make nothing of the rest of a page, so that this is more than comes.
    let asked = people * weather.crowd * weather.files.max(1.0) + weather.crawlers + weather.uploads;
    let capacity = weather.capacity / weather.slowness.max(1.0);
    if capacity > 0.0 { asked / capacity } else { f64::INFINITY }
}

/// A crowd that comes within `ramp` seconds and leaves exponentially, most of it within `length` (decision-science,
/// section 10).
fn swell(since: f64, ramp: f64, length: f64, peak: f64) -> f64 {
    let decay = ((length - ramp) / 3.0).max(1.0);
    let part = if since < ramp { since / ramp } else { libm::exp(-(since - ramp) / decay) };
    1.0 + (peak - 1.0) * part
}

const PART: u64 = 1;
/// The deviation of ln(load), and the time over which it is forgotten (contracts).
const SIGMA: f64 = 0.12;
const NOISE_SECONDS: f64 = 90.0;
const MAIL_SECONDS: f64 = 10.0;
/// How much longer work takes right after a deploy, and how fast that passes (contracts).
const COLD: f64 = 0.5;
const COLD_SECONDS: f64 = 30.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crowd_has_its_peak_after_its_ramp_and_leaves() {
        assert_eq!(swell(0.0, 100.0, 400.0, 3.0), 1.0);
        assert_eq!(swell(100.0, 100.0, 400.0, 3.0), 3.0);
        assert!(swell(400.0, 100.0, 400.0, 3.0) < 1.2);
    }

    #[test]
    fn the_noise_of_the_load_has_its_deviation() {
        let scenario = Scenario::parse(
            "name = \"n\"\nseconds = 9\norigin = { capacity = 8, service_ms = 40 }\n\
             known = { clients = 1, load = 0.3 }\nunknown = { clients = 1, load = 0.2 }\n",
        );
        let (scenario, mut weather) = (scenario.unwrap(), Weather::new(4));
        let mut squares = 0.0;
        for step in 0..200_000 {
            weather.change(&scenario, step * 100_000);
            squares += weather.noise[0] * weather.noise[0] / 200_000.0;
        }
        assert!((0.10..0.14).contains(&squares.sqrt()), "{squares}");
    }
}
