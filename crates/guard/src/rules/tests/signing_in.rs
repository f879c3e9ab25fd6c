//! Floods on the way of signing in: a rule that may not act on those who come there must not be the one that is found.

use model::{Attribute, Finite, Instant, Rule, Tier};

use super::story::{Second, Story, VISITORS, warm_book};
use super::world::{World, sampled};
use crate::rules::{Input, Maturity};

#[test]
fn a_flood_on_the_login_lane_gets_a_rule_that_acts_there() {
    assert!(
        rules_against(Tier::T5).iter().any(|rule| !rule.concerns(Tier::T3)),
        "that the networks are new is what tells this flood from calm best"
    );
    let rules = rules_against(Tier::T3);
    assert!(!rules.is_empty() && rules.iter().all(|rule| rule.concerns(Tier::T3)), "{rules:?}");
}

/// The rules against sign-ins from ever new networks, judged in this tier.
fn rules_against(tier: Tier) -> Vec<Rule> {
    let story = Story::flood(400, |world| {
        let mut values = world.visitor();
        world.new_network(&mut values);
        for (attribute, word) in [
            (Attribute::Path, "/login"),
            (Attribute::Method, "POST"),
            (Attribute::BodySize, "64 bytes"),
            (Attribute::Cookies, "none"),
        ] {
            world.set(&mut values, attribute, word);
        }
        values
    });
    let (mut book, mut world) = (warm_book(1), World::new(5, 1));
    for at in 1..=6 {
        let second = Second::draw(&mut world, &story, true);
        let (visitors, flood) = second.others.split_at(second.others.len() - second.flood);
        let input = Input {
            known: &sampled(Tier::T1, &second.known),
            others: &[sampled(Tier::T5, visitors), sampled(tier, flood)].concat(),
            matches: &second.matches(&book.in_force()),
            unwanted: &[],
            hour_of_week: Some(10),
            learns: false,
            wanted: at > 2,
            pain: true,
            holds: false,
            fits: false,
            expected: Some(Finite::count(VISITORS)),
            maturity: Maturity::Full,
        };
        book.step(Instant::from_secs(at), &input);
    }
    book.in_force().rules.clone()
}
