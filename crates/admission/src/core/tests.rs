use model::{Attribute, COHORTS, Cohort, Sample, Tier, TierCounts, Traffic, Values};
use proptest::prelude::*;

use super::*;

/// What one step of half a second is made of.
#[derive(Clone, Debug)]
struct Half {
    known: u64,
    strangers: u64,
    limit: f64,
    /// Milliseconds that pass beyond the half second.
    gap: u64,
    agent: u64,
    circumstances: Circumstances,
    random: u64,
}

fn half() -> impl Strategy<Value = Half> {
    let level = || proptest::option::weighted(0.1, (0..Level::ALL.len()).prop_map(|at| Level::ALL[at]));
    let mode = prop_oneof![1 => Just(Mode::Observe), 1 => Just(Mode::Assist), 3 => Just(Mode::Auto)];
    let unwanted = proptest::option::weighted(0.1, 1..3_u16);
    let circumstances = (mode, any::<bool>(), level(), level(), unwanted).prop_map(
        |(mode, assist_yes, floor, ceiling, unwanted_rule)| Circumstances {
            mode,
            assist_yes,
            floor,
            ceiling,
            unwanted_rule,
        },
    );
    let limit = prop_oneof![1 => Just(f64::INFINITY), 9 => 5.0..50.0];
    let gap = prop_oneof![19 => Just(0_u64), 1 => 0..8_000_u64];
    (0..30_u64, prop_oneof![0..5_u64, 0..9_000_u64], limit, gap, 1..4_u64, circumstances, any::<u64>())
        .prop_map(|(known, strangers, limit, gap, agent, circumstances, random)| Half {
            known,
            strangers,
            limit,
            gap,
            agent,
            circumstances,
            random,
        })
}

impl Half {
    fn summary(&self, at: Instant) -> Summary {
        let mut summary = Summary::empty(at, 500);
        summary.offered[Tier::T1.index()].fill(self.known * 500 / COHORTS as u64);
        summary.offered[Tier::T5.index()].fill(self.strangers * 500 / COHORTS as u64);
        summary.limit = self.limit;
        let mut values = Values::default();
        values.set(Attribute::UserAgent, self.agent);
        let sample = |tier| Sample {
            weight: 2,
            tier,
            cohort: Cohort::new(3),
            cost_micros: 1_000,
            navigation: true,
            keeps_cookies: false,
            values,
        };
        let counts = |offered| TierCounts { offered, forwarded: offered / 2, ..TierCounts::default() };
        let mut traffic = Traffic { hour_of_week: Some(7), disk_free: 0.5, ..Traffic::default() };
        traffic.tiers[Tier::T1.index()] = counts(self.known);
        traffic.tiers[Tier::T5.index()] = counts(self.strangers);
        traffic.known = vec![sample(Tier::T1); 3];
        traffic.others = vec![sample(Tier::T5); usize::try_from(self.strangers.min(20)).unwrap()];
        summary.traffic = traffic;
        summary
    }
}

/// Takes all steps; before each whose number is given the core is written down and read back.
fn decisions(halves: &[Half], pauses: &[usize]) -> Vec<String> {
    let mut core = Core::new(Guard::new(7));
    let mut now = 3_600_000;
    let mut outcomes = Vec::new();
    for (number, half) in halves.iter().enumerate() {
        if pauses.contains(&number) {
            let kept = serde_json::to_vec(&core).unwrap();
            core = serde_json::from_slice(&kept).unwrap();
        }
        now += 500 + half.gap;
        let outcome = core.step(&half.summary(Instant::from_millis(now)), &half.circumstances, half.random);
        outcomes.push(format!("{outcome:?}"));
    }
    outcomes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_same_inputs_give_the_same_decisions_wherever_the_core_was_written_down(
        stretches in proptest::collection::vec((half(), 1..60_usize), 1..10),
        pauses in proptest::collection::vec(0..300_usize, 1..4),
    ) {
        // Of a stretch the pins hold for its first step, and the gap is before it.
        let calmly = |half: &Half| Half { gap: 0, circumstances: Circumstances { mode: Mode::Auto, ..Circumstances::default() }, ..half.clone() };
        let stretch = |(half, steps): &(Half, usize)| -> Vec<Half> {
            let later = (1..*steps).map(|step| Half { random: half.random.rotate_left(u32::try_from(step).unwrap()), ..calmly(half) });
            std::iter::once(half.clone()).chain(later).collect()
        };
        let halves: Vec<Half> = stretches.iter().flat_map(stretch).collect();
        prop_assert_eq!(decisions(&halves, &[]), decisions(&halves, &pauses));
    }
}

#[test]
fn what_is_no_threshold_is_not_read() {
    let kept = serde_json::to_string(&Threshold::new()).unwrap();
    let change = |from: &str, to: &str| {
        assert!(kept.contains(from), "{from} is not in it");
        serde_json::from_str::<Threshold>(&kept.replacen(from, to, 1)).map(|_| ()).unwrap_err().to_string()
    };
    assert!(serde_json::from_str::<Threshold>(&kept).is_ok());
    assert!(change("\"shadow\":[0.0,", "\"shadow\":[").contains("other numbers of tiers"));
    assert!(change("\"shadow\":[0.0", "\"shadow\":[-1.0").contains("numbers that are none"));
    assert!(change("\"noted\":null", "\"noted\":[5,-1.0]").contains("numbers that are none"));
    assert!(change("\"recent\":[]", "\"recent\":[[500,[1]]]").contains("other numbers of tiers"));
}
