//! Figures of availability tell an attacker nothing finer than bands of five minutes that are five minutes old.

use std::time::Duration;

use incident::{Cause, ComponentSetting, Counts, Door, Engine, Load, Moment, Settings, Sight, Watches};
use model::{Instant, Level, Timestamp, UserTime};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::bundle::render;
use crate::samples;

/// Shares of those who are served, in a thousand, of which the public is told the same.
const BANDS: [std::ops::Range<u64>; 4] = [0..500, 500..950, 950..990, 990..1_001];
/// Five-minute windows of a story: the attack begins with the third, and is over with the ninth.
const WINDOWS: usize = 16;
/// On a whole five minutes.
const BEGUN: u64 = 1_795_824_000;
const ATTACKED: std::ops::Range<usize> = 2..8;

/// A gate whose page tells figures, and how many people of each kind are served in each window.
struct Story {
    engine: Engine,
    second: u64,
    spent: [UserTime; 2],
}

impl Story {
    fn begin() -> Self {
        let website = ComponentSetting {
            name: "Website".to_owned(),
            groups: Vec::new(),
            description: String::new(),
            watches: Watches::Site,
        };
        let settings = Settings { audience_figures: true, ..Settings::new(vec![website], Duration::ZERO) };
        Self { engine: Engine::new(settings), second: 0, spent: Default::default() }
    }

    /// A second in which so many of a thousand of each kind are served, at this level if there is an attack.
    fn step(&mut self, served: [u64; 2], level: Level) {
        for (spent, served) in self.spent.iter_mut().zip(served) {
            let is_new = self.second.is_multiple_of(300);
            spent.up += 100 * served;
            spent.down += 100 * (1_000 - served);
            spent.there += if is_new { 100 } else { 0 };
            spent.came += if is_new { 1 } else { 0 };
        }
        let is_attacked = ATTACKED.contains(&self.window());
        let known = Counts { all: 50, bad: if is_attacked { 10 } else { 0 } };
        let (cause, level) = if is_attacked { (Some(Cause::Attack), level) } else { (None, Level::Calm) };
        let door = if is_attacked { Door::Narrow } else { Door::Open };
        // What comes and what the gate turns away differs with what it does.
        let count = 100 * u64::from(level.number());
        let load = Load {
            offered: 50 + count,
            refused: [count, count / 3, 0, count / 2],
            rules: u16::from(level.number()),
            is_asking: level == Level::CustomersFirst,
        };
        let sight = Sight {
            known,
            new: known,
            door,
            cause,
            level,
            spent: self.spent,
            load: Some(load),
            ..Sight::default()
        };
        let moment = Moment { now: Instant::from_secs(self.second), wall: self.wall() };
        let _records = self.engine.see(&sight, moment);
        self.second += 1;
    }

    fn window(&self) -> usize {
        usize::try_from(self.second / 300).unwrap()
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_secs(BEGUN + self.second)
    }

    /// What the public reads now; ids rest on the record, which has what the gate did, and stand for nothing.
    fn files(&self) -> crate::Bundle {
        let mut view = self.engine.view(self.wall());
        for (place, incident) in view.incidents.iter_mut().enumerate() {
            incident.id = samples::id(&format!("incident {place}"));
            for (place, update) in incident.updates.iter_mut().enumerate() {
                update.id = samples::id(&format!("update {place}"));
            }
        }
        render(&view, &samples::page(), self.wall())
    }
}

/// A band of each kind for each window, and two shares in each of them.
fn shares() -> impl Strategy<Value = Vec<[(u64, u64); 2]>> {
    let of = (0_usize..4, 0_u64..10_000, 0_u64..10_000).prop_map(|(band, one, other)| {
        let within = |draw: u64| BANDS[band].start + draw % (BANDS[band].end - BANDS[band].start);
        (within(one), within(other))
    });
    vec([of.clone(), of], WINDOWS)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// Two incidents in which people fare differently within the same bands, and the gate does other things, are the same to the byte
    /// until half an hour after they are over.
    #[test]
    fn what_differs_within_a_band_does_not_show_before_it_is_over(shares in shares(), tick in 20_u64..61) {
        let (mut one, mut other) = (Story::begin(), Story::begin());
        for _ in 0..WINDOWS * 300 {
            let window = shares[one.window()];
            one.step(window.map(|(one, _)| one), Level::Limiting);
            other.step(window.map(|(_, other)| other), Level::CustomersFirst);
            if one.second.is_multiple_of(tick) {
                prop_assert_eq!(one.files(), other.files(), "in second {}", one.second);
            }
        }
    }

    /// What happens in a window shows when that has been over for five minutes, and not a second before.
    #[test]
    fn what_happens_now_does_not_show_for_five_minutes_after_its_window(at in 900_u64..2_400, bands in (0_usize..4, 0_usize..4)) {
        prop_assume!(bands.0 != bands.1);
        let (mut one, mut other) = (Story::begin(), Story::begin());
        let share = |band: usize| [BANDS[band].start; 2];
        let due = (at / 300 + 2) * 300;
        while one.second < due {
            one.step(share(bands.0), Level::Limiting);
            let other_band = if other.second >= at { bands.1 } else { bands.0 };
            other.step(share(other_band), Level::Limiting);
            if one.second.is_multiple_of(30) && one.second < due {
                prop_assert_eq!(one.files(), other.files(), "in second {} of {}", one.second, due);
            }
        }
    }
}

/// The comparison can fail: bands do show in time, and what is exact half an hour after it is over.
#[test]
fn what_may_be_told_is_told_in_time() {
    let (bands, _) = told_apart([700, 995]);
    assert_eq!(bands, Some(1_500), "the fourth window ends in second 1,200");
    let (exact, resolved) = told_apart([1_000, 991]);
    assert!(exact.is_some_and(|exact| (1_800..1_860).contains(&(exact - resolved))), "{exact:?}, {resolved}");
}

/// What came and what the gate did is on the page half an hour after it was over, and until then not to be told apart.
#[test]
fn what_the_gate_did_shows_half_an_hour_after_it_was_over() {
    let (mut one, mut other, mut apart) = (Story::begin(), Story::begin(), None);
    let resolved =
        |story: &Story| story.engine.view(story.wall()).incidents.first().and_then(|of| of.resolved_at);
    for _ in 0..20 * 300 {
        one.step([1_000; 2], Level::Limiting);
        other.step([1_000; 2], Level::CustomersFirst);
        let is_near = resolved(&one).is_some_and(|at| one.wall().since(at) > Duration::from_secs(1_700));
        if apart.is_none() && (is_near || one.second.is_multiple_of(60)) && one.files() != other.files() {
            apart = Some(one.wall());
        }
    }
    assert_eq!(apart, resolved(&one).map(|at| at + Duration::from_secs(1_800)));
}

/// The second in which the public can tell an incident from another in whose fourth window other shares were served, and the second in
/// which it was called over.
fn told_apart(other_shares: [u64; 2]) -> (Option<u64>, u64) {
    let (mut one, mut other, mut apart) = (Story::begin(), Story::begin(), None);
    let usual = [1_000, 995];
    for _ in 0..20 * 300 {
        one.step(usual, Level::Limiting);
        other.step(if other.window() == 3 { other_shares } else { usual }, Level::Limiting);
        if apart.is_none() && one.second.is_multiple_of(10) && one.files() != other.files() {
            apart = Some(one.second);
        }
    }
    let resolved = one.engine.view(one.wall()).incidents[0].resolved_at.unwrap();
    (apart, resolved.since(Timestamp::from_secs(BEGUN)).as_secs())
}
