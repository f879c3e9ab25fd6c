//! Power cuts, two hundred of them at random moments while people tell of incidents: what was acknowledged is kept, nobody is told
//! twice but under the same key, and every copy of the page is whole.

mod copy;
mod teller;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use lab::{Gate, Peer, need};

use teller::Teller;
use world::{Heard, Random, World};

/// Power cuts.
const CUTS: u64 = 200;
/// Of so many in a row one happens while the gate starts, and one in the moment in which it says that an act is done.
const KINDS: u64 = 4;
/// Milliseconds of a gate that serves, at most: a few acts.
const LIFE_MILLIS_MAX: u64 = 350;
/// Milliseconds of a gate that starts, at most.
const START_MILLIS_MAX: u64 = 200;
/// Of the moments; how far the gate is by then is the machine's affair.
const SEED: u64 = 0x5EED_2026;

#[test]
fn two_hundred_power_cuts_lose_no_acknowledged_act_tell_nobody_twice_and_leave_every_copy_whole() {
    need!(Gate::binary());
    let python = need!(Peer::alerts());
    let (mut world, mut random, mut teller) = (World::start(&python), Random::new(SEED), Teller::default());
    world.until_copied();
    let mut between = 0;
    for cut in 0..CUTS {
        match cut % KINDS {
            0 => world.cut_while_starting(random.below(START_MILLIS_MAX)),
            1 => world.cut_when_acknowledged(&mut teller),
            _ => world.cut_while(&mut teller, random.below(LIFE_MILLIS_MAX)),
        }
        between += u64::from(copy::is_between_two_pages(&world));
        world.gate.cut_and_restart().unwrap_or_else(|error| panic!("after cut {cut}: {error}"));
        teller.look(&world);
    }
    teller.tell(&world);
    world.until_copied();
    let heard = world.until_all_is_told();
    let recorded = world.recorded();
    check_record(&world, &teller, &recorded);
    let again = check_told(&teller, &recorded, &heard);
    println!(
        "{} acts acknowledged, {} recorded, {again} told twice under the same key, between two pages in {between} of {CUTS} cuts",
        teller.acknowledged.len(),
        recorded.len()
    );
}

/// What somebody was told to be done is in the record, once.
fn check_record(world: &World, teller: &Teller, recorded: &[u64]) {
    let count = |act: &u64| recorded.iter().filter(|number| *number == act).count();
    let lost: Vec<_> = teller.acknowledged.iter().filter(|act| count(act) == 0).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}\n{}", world.gate.log());
    let twice: Vec<_> = recorded.iter().filter(|act| count(act) > 1).collect();
    assert!(twice.is_empty(), "in the record twice: {twice:?}");
    assert!(teller.acknowledged.len() as u64 > CUTS, "hardly anything was told: {:?}", teller.acknowledged);
    // A broken or forked chain is said at a start.
    assert!(!world.gate.log().contains("record of incidents"), "{}", world.gate.log());
    assert!(!world.gate.log().contains("panicked"), "{}", world.gate.log());
}

/// Everything that is in the record reached everybody, and what came again came under the same key; how many did.
fn check_told(teller: &Teller, recorded: &[u64], heard: &Heard) -> usize {
    let mut keys: BTreeMap<u64, BTreeSet<&str>> = BTreeMap::new();
    for (act, key) in &heard.acts {
        keys.entry(*act).or_default().insert(key);
    }
    let missed: Vec<_> = recorded.iter().filter(|act| !keys.contains_key(act)).collect();
    assert!(missed.is_empty(), "recorded and never told: {missed:?}");
    let made_up: Vec<_> = keys.keys().filter(|act| !recorded.contains(act)).collect();
    assert!(made_up.is_empty(), "told and not in the record: {made_up:?} of {:?}", teller.acknowledged);
    let twice: Vec<_> = keys.iter().filter(|(_, keys)| keys.len() > 1).collect();
    assert!(twice.is_empty(), "told under two keys: {twice:?}");
    let mut first_times = BTreeSet::new();
    let order: Vec<u64> =
        heard.acts.iter().map(|(act, _)| *act).filter(|act| first_times.insert(*act)).collect();
    assert!(order.is_sorted(), "out of order: {order:?}");
    let again = heard.acts.len() - keys.len();
    assert!(again as u64 <= CUTS, "{again} came again: more than one for each cut");
    assert_eq!(heard.called, heard.incidents, "who is called, and who has a webhook, heard of the same");
    again
}
