//! Floods: which rules are found, when, and what they reach.

use model::Attribute;

use super::story::{Story, tell};
use super::world::World;

/// Six requests of seven come from networks that nobody came from before, the others from those of visitors.
fn from_everywhere(world: &mut World, values: &mut model::Values) {
    if world.below(7) == 0 {
        let network = 1_000 + world.below(3_000);
        world.network(values, network);
    } else {
        world.new_network(values);
    }
}

#[test]
fn a_dumb_flood_has_one_signature() {
    let flood = Story::flood(1_200, |world| {
        let mut values = world.visitor();
        from_everywhere(world, &mut values);
        for (attribute, word) in [
            (Attribute::UserAgent, "python-requests/2.31"),
            (Attribute::UserAgentFamily, "python-requests"),
            (Attribute::Path, "/"),
            (Attribute::HeaderOrder, "bot"),
            (Attribute::HeaderSet, "bot"),
            (Attribute::Ja4B, "openssl"),
            (Attribute::Ja4C, "openssl"),
            (Attribute::Cookies, "none"),
            (Attribute::Version, "1.1"),
        ] {
            world.set(&mut values, attribute, word);
        }
        values.set(Attribute::Language, 0);
        values
    });
    let told = tell(Story { seconds: 75, ..flood });
    assert!(told.contains("to \"refuse\""), "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn random_user_agents_and_queries_are_known_by_being_new() {
    let told = tell(Story::flood(1_200, |world| {
        let mut values = world.visitor();
        from_everywhere(world, &mut values);
        world.set_unique(&mut values, Attribute::UserAgent);
        world.set_unique(&mut values, Attribute::UserAgentFamily);
        world.set_unique(&mut values, Attribute::Query);
        world.set_unique(&mut values, Attribute::QueryKeys);
        values
    }));
    insta::assert_snapshot!(told);
}

#[test]
fn an_expensive_route_is_asked_for_by_copied_browsers() {
    let told = tell(Story::flood(120, |world| {
        let mut values = world.visitor();
        from_everywhere(world, &mut values);
        world.set(&mut values, Attribute::Path, "/search");
        world.set(&mut values, Attribute::Method, "GET");
        world.set(&mut values, Attribute::QueryKeys, "q");
        world.set_unique(&mut values, Attribute::Query);
        world.set(&mut values, Attribute::Cookies, "none");
        values
    }));
    insta::assert_snapshot!(told);
}

#[test]
fn a_login_flood_posts_without_ever_having_seen_the_page() {
    let told = tell(Story::flood(400, |world| {
        let mut values = world.visitor();
        from_everywhere(world, &mut values);
        world.browser(&mut values, "chrome");
        for (attribute, word) in [
            (Attribute::Path, "/login"),
            (Attribute::Method, "POST"),
            (Attribute::BodySize, "64 bytes"),
            (Attribute::Cookies, "none"),
            (Attribute::Referer, "nowhere"),
            (Attribute::HeaderOrder, "chrome false false"),
            (Attribute::HeaderSet, "chrome false false"),
        ] {
            world.set(&mut values, attribute, word);
        }
        values
    }));
    insta::assert_snapshot!(told);
}

#[test]
fn a_cache_bust_asks_for_one_page_with_ever_new_queries() {
    let told = tell(Story::flood(600, |world| {
        let mut values = world.visitor();
        from_everywhere(world, &mut values);
        world.set(&mut values, Attribute::Path, "/");
        world.set(&mut values, Attribute::QueryKeys, "cb");
        world.set_unique(&mut values, Attribute::Query);
        values
    }));
    insta::assert_snapshot!(told);
}

#[test]
fn four_botnets_at_once_get_a_rule_each() {
    let told = tell(Story::flood(1_600, |world| {
        let mut values = world.visitor();
        from_everywhere(world, &mut values);
        let net = world.below(4);
        world.set(&mut values, Attribute::UserAgent, &format!("bot {net}"));
        world.set(&mut values, Attribute::Path, &format!("/page-{}", 10 + net));
        values
    }));
    insta::assert_snapshot!(told);
}

#[test]
fn one_browser_copied_exactly_is_told_by_what_it_asks_for() {
    let told = tell(Story::flood(1_200, |world| {
        let mut values = world.visitor();
        world.new_network(&mut values);
        world.browser(&mut values, "chrome");
        for (attribute, word) in [
            (Attribute::UserAgent, "chrome 1"),
            (Attribute::Language, "de"),
            (Attribute::Path, "/product"),
            (Attribute::Method, "GET"),
            (Attribute::Cookies, "others"),
            (Attribute::Referer, "own"),
            (Attribute::HeaderOrder, "chrome true true"),
            (Attribute::HeaderSet, "chrome true true"),
        ] {
            world.set(&mut values, attribute, word);
        }
        values
    }));
    insta::assert_snapshot!(told);
}

#[test]
fn bots_that_do_all_that_visitors_do_leave_nothing_to_find() {
    let told = tell(Story::flood(1_200, |world| {
        let mut values = world.visitor();
        world.new_network(&mut values);
        values
    }));
    insta::assert_snapshot!(told);
}

#[test]
fn bots_in_the_networks_of_customers_get_no_rule_that_names_customers() {
    let told = tell(Story::flood(1_200, World::customer));
    insta::assert_snapshot!(told);
}

#[test]
fn a_flash_crowd_is_not_refused() {
    let told = tell(Story {
        known_too: true,
        ..Story::flood(300, |world| {
            let mut values = world.visitor();
            world.set(&mut values, Attribute::Path, "/list");
            world.set(&mut values, Attribute::Method, "GET");
            if world.below(2) == 0 {
                world.set(&mut values, Attribute::Referer, "elsewhere");
            }
            values
        })
    });
    assert!(!told.contains("refuse"), "{told}");
    insta::assert_snapshot!(told);
}
