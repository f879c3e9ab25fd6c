//! Plays a flood against a book, and tells in words what came of it.

use std::fmt::Write as _;
use std::sync::OnceLock;

use model::{Attribute, Condition, Finite, Instant, Matches, Rule, Rules, Test, Tier, Values};

use super::checker::Checker;
use super::world::{World, sampled};
use crate::rules::{Book, Change, Changes, Input, Maturity, Proof, Share, Why};

/// Requests a second in calm, of customers and of others.
pub(super) const CUSTOMERS: u64 = 40;
pub(super) const VISITORS: u64 = 60;
/// Seconds of calm before the flood.
const CALM: u64 = 5;
/// Visitors of ten seconds are few: their share may exceed the foreseen one by so much.
const CHANCE: f64 = 0.02;
/// Seconds that the evidence needs.
const NOTICE: u64 = 2;

/// A flood.
pub(super) struct Story {
    /// Requests a second on top of calm.
    pub(super) rate: u64,
    /// One of them.
    pub(super) request: fn(&mut World) -> Values,
    /// Whether half as many customers come for the same.
    pub(super) known_too: bool,
    pub(super) seconds: u64,
    pub(super) salt: u64,
    pub(super) seed: u64,
}

impl Story {
    pub(super) fn flood(rate: u64, request: fn(&mut World) -> Values) -> Self {
        Self { rate, request, known_too: false, seconds: 40, salt: 1, seed: 7 }
    }
}

/// A book after four weeks of calm.
pub(super) fn warm_book(salt: u64) -> Book {
    static SALTED: OnceLock<Book> = OnceLock::new();
    let make = || {
        let mut world = World::new(99, salt);
        let known: Vec<Values> = (0..4_096).map(|_| world.customer()).collect();
        let others: Vec<Values> = (0..16_384).map(|_| world.visitor()).collect();
        let each = |tier, values: &[Values]| -> Vec<_> {
            values.chunks(256).flat_map(|chunk| sampled(tier, chunk)).collect()
        };
        Book::warm(3, &each(Tier::T1, &known), &each(Tier::T5, &others), VISITORS)
    };
    if salt == 1 { SALTED.get_or_init(make).clone() } else { make() }
}

/// One second of the world.
pub(super) struct Second {
    pub(super) known: Vec<Values>,
    pub(super) others: Vec<Values>,
    /// How many of the others, from the end on, belong to the flood.
    pub(super) flood: usize,
}

impl Second {
    pub(super) fn draw(world: &mut World, story: &Story, is_flood: bool) -> Self {
        let mut known: Vec<Values> = (0..CUSTOMERS).map(|_| world.customer()).collect();
        let mut others: Vec<Values> = (0..VISITORS).map(|_| world.visitor()).collect();
        let rate = if is_flood { story.rate } else { 0 };
        others.extend((0..rate).map(|_| (story.request)(world)));
        if story.known_too {
            known.extend((0..rate / 2).map(|_| {
                let (mut values, wanted) = (world.customer(), (story.request)(world));
                values.set(Attribute::Path, wanted.get(Attribute::Path));
                values
            }));
        }
        Self { known, others, flood: usize::try_from(rate).unwrap() }
    }

    /// What the data plane counts of the rules.
    pub(super) fn matches(&self, rules: &Rules) -> Vec<Matches> {
        let count = |rule: &Rule, list: &[Values]| {
            list.iter().filter(|values| rules.matches(rule, values)).count() as u64
        };
        let of = |rule: &Rule| Matches {
            rule: rule.id,
            others: count(rule, &self.others),
            known: count(rule, &self.known),
        };
        rules.rules.iter().map(of).collect()
    }
}

/// Everything that happened.
pub(super) struct Played {
    pub(super) world: World,
    pub(super) steps: Vec<Changes>,
    /// Hits of armed rules over the last ten seconds of the flood: on the flood, on visitors, on customers.
    pub(super) hit: [Share; 3],
}

pub(super) fn play(story: &Story) -> Played {
    let mut book = warm_book(story.salt);
    let mut world = World::new(story.seed, story.salt);
    let mut checker = Checker::default();
    let mut played = Played { world: World::new(0, 0), steps: Vec::new(), hit: [Share::default(); 3] };
    for at in 1..=CALM + story.seconds {
        let is_flood = at > CALM;
        let second = Second::draw(&mut world, story, is_flood);
        let rules = book.in_force();
        if at > CALM + story.seconds - 10 {
            note_hits(&mut played.hit, &second, &rules, Instant::from_secs(at));
        }
        let input = Input {
            known: &sampled(Tier::T1, &second.known),
            others: &sampled(Tier::T5, &second.others),
            matches: &second.matches(&rules),
            unwanted: &[],
            hour_of_week: Some(10),
            learns: !is_flood,
            wanted: at > CALM + NOTICE,
            pain: is_flood,
            holds: false,
            fits: false,
            expected: Some(Finite::count(VISITORS)),
            maturity: Maturity::Full,
        };
        let changes = book.step(Instant::from_secs(at), &input);
        checker.check(&changes, &input);
        played.steps.push(changes);
    }
    played.world = world;
    played
}

fn note_hits(hit: &mut [Share; 3], second: &Second, rules: &Rules, now: Instant) {
    let (visitors, flood) = second.others.split_at(second.others.len() - second.flood);
    for (share, list) in hit.iter_mut().zip([flood, visitors, &second.known]) {
        share.of += list.len() as u64;
        share.hits +=
            list.iter().filter(|values| rules.acting(values, Tier::T5, now).is_some()).count() as u64;
    }
}

/// The story in words.
pub(super) fn tell(story: Story) -> String {
    let played = play(&story);
    let mut told = String::new();
    for (at, step) in played.steps.iter().enumerate() {
        for change in &step.changes {
            let tick = (at as u64 + 1).saturating_sub(CALM);
            writeln!(told, "second {tick} of the flood: {}", in_words(change, &played.world)).unwrap();
        }
    }
    let foreseen: Finite =
        played.steps.last().unwrap().rules.rules.iter().map(|rule| rule.collateral_calm).sum();
    assert!(played.hit[1].point() <= foreseen + Finite::new(CHANCE), "{told}: {:?}", played.hit);
    let [flood, visitors, customers] = played.hit.map(|share| percent(share.point()));
    writeln!(told, "rules acted on {flood} of the flood and {visitors} of visitors, and would on {customers} of customers").unwrap();
    told
}

fn in_words(change: &Change, world: &World) -> String {
    match change {
        Change::Found { rule, proof, forecast } => {
            format!(
                "found {} (forecast {:.0} a second): {}",
                rule_in_words(rule, world),
                forecast.get(),
                proof_in_words(proof)
            )
        }
        Change::Armed { rule, trial } => format!("armed {} after {} hits", rule.id, trial.hits),
        Change::Discarded { rule, why } => match why {
            Why::TooFewHits(trial) => format!(
                "gave up {}: {} hits, forecast {:.0} a second",
                rule.id,
                trial.hits,
                trial.forecast.get()
            ),
            Why::Known(known) => format!("gave up {}: {} of known clients", rule.id, bound(*known)),
            Why::NotCounted => format!("gave up {}: not counted", rule.id),
            Why::Unwanted => format!("gave up {}: an admin did not want it", rule.id),
        },
        Change::Hardened { rule, from, calm, known, painful } => format!(
            "hardened {} from \"{}\" to \"{}\" after {painful} s of pain: calm {}, known {}",
            rule.id,
            from.label(),
            rule.action.label(),
            bound(*calm),
            bound(*known),
        ),
        Change::Softened { rule, from, known } => {
            format!(
                "softened {} from \"{}\" to \"{}\": known {}",
                rule.id,
                from.label(),
                rule.action.label(),
                bound(*known)
            )
        }
        Change::Expired { rule, hits, peak } => format!("expired {}: {hits} hits, peak {peak}", rule.id),
        Change::Needless { rule, hits, seconds } => format!("needless {}: {hits} hits, {seconds} s", rule.id),
        Change::Rearmed { rule, proof } => format!("armed {} again: {}", rule.id, proof_in_words(proof)),
        Change::NotSurgical(reach) => {
            format!("not surgical: {} rules cover {}", reach.rules, percent(reach.share()))
        }
    }
}

fn rule_in_words(rule: &Rule, world: &World) -> String {
    let condition = |condition: &Condition| match condition.test {
        Test::Is(value) => format!("{} = {}", condition.attribute.label(), world.word(value)),
        Test::New => format!("{} is new", condition.attribute.label()),
    };
    let conditions: Vec<String> = rule.conditions.iter().map(condition).collect();
    format!("{} \"{}\": {}", rule.id, rule.action.label(), conditions.join(" and "))
}

fn proof_in_words(proof: &Proof) -> String {
    let (coverage, precision) = (percent(proof.coverage()), percent(proof.precision()));
    format!(
        "covers {coverage}, precise to {precision}, calm {}, known {}",
        bound(proof.calm),
        bound(proof.known)
    )
}

fn bound(share: Share) -> String {
    format!("≤ {} ({} of {})", percent(share.upper()), share.hits, share.of)
}

fn percent(share: Finite) -> String {
    format!("{:.2} %", share.get() * 100.0)
}
