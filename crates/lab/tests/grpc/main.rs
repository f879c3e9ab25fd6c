//! gRPC through the gate is what it is without it, whether the app speaks HTTP/2 plainly or under TLS.

mod world;

use std::time::Duration;

use lab::clock::wait_for;
use lab::{free_address, need};
use serde_json::Value;

use crate::world::World;

#[test]
fn every_call_is_seen_as_it_is_without_the_gate() {
    let world = need!(World::start());
    let straight = world.play(world.secured);
    assert!(straight.len() >= 16, "{straight:?}");
    for origin in [world.plain_origin("only"), world.secured_origin("also")] {
        let gate = world.gate(&origin);
        let through = world.play(gate.https);
        for (straight, through) in straight.iter().zip(&through) {
            assert_eq!(hop(through), hop(straight), "before {origin}: {}", gate.gate.log());
        }
        assert_eq!(through.len(), straight.len());
    }
}

/// A case without what differs with the hop that it went over: the service is told more by a gate.
fn hop(case: &Value) -> Value {
    let mut case = case.clone();
    if case["case"] == "said" {
        case["answer"] = Value::Null;
    }
    case
}

#[test]
fn the_app_is_told_who_calls() {
    let world = need!(World::start());
    let gate = world.gate(&world.plain_origin("also"));
    let said = world.play_case(gate.https, "said");
    let heard = said["answer"].as_str().expect("it answers").to_owned();
    for line in [
        "portcullis-tier='t5'",
        "x-forwarded-for='127.0.0.1'",
        "x-forwarded-proto='https'",
        "custom='a value'",
        r"custom-bin=b'\x00\x01\xff'",
    ] {
        assert!(heard.lines().any(|heard| heard == line), "{line} is not in {heard}");
    }
}

#[test]
fn those_who_talk_may_be_silent_for_long() {
    let world = need!(World::start());
    let gate = world.gate(&world.plain_origin("only"));
    let quiet = world.play_case(gate.https, "quiet");
    assert_eq!(quiet["answers"], serde_json::json!(["re: before", "re: after"]), "{quiet}");
}

#[test]
fn open_streams_take_no_place_from_short_calls() {
    let world = need!(World::start());
    let gate = world.gate_with(&world.plain_origin("only"), "[limits]\nmax_inflight = 8\n");
    let beside = world.play_case(gate.https, "beside streams");
    assert_eq!((&beside["begun"], &beside["short"]["answer"]), (&20.into(), &"CBA".into()), "{beside}");
}

#[test]
fn calls_and_pages_of_one_site_go_each_to_their_server() {
    let world = need!(World::start());
    let web = World::web();
    let gate =
        world.gate(&format!("{}[[site.origin]]\nurl = \"{}\"\n", world.plain_origin("only"), web.url()));
    for _ in 0..4 {
        assert_eq!(world.play_case(gate.https, "unary")["answer"], "CBA");
        assert_eq!(gate.page(), "200 a page");
    }
}

#[test]
fn a_call_that_nobody_takes_is_refused_in_words_of_grpc() {
    let world = need!(World::start());
    let nobody = free_address();
    let gate = world.gate(&format!("url = \"http://{nobody}\"\ngrpc = \"only\"\n"));
    let unreachable = world.play_case(gate.https, "unary");
    assert_eq!(
        (&unreachable["code"], &unreachable["details"]),
        (&"UNAVAILABLE".into(), &"the service cannot be reached".into())
    );
    assert!(gate.page().starts_with("400 "), "pages have no server here: {}", gate.page());

    let gate = world.gate(&world.plain_origin("only"));
    gate.gate.tell(&["level", "pin", "customers-first"]).expect("it is told");
    let refused = wait_for(Duration::from_secs(10), || {
        Some(world.play_case(gate.https, "unary")).filter(|case| case["code"] != "OK")
    });
    let refused = refused.expect("strangers are refused");
    assert_eq!(refused["code"], "UNAVAILABLE");
    assert_eq!(refused["details"], "the service is very busy; try again later");
}

#[test]
fn a_server_of_grpc_alone_is_asked_for_its_health_in_its_own_words() {
    let world = need!(World::start());
    let health =
        "health = { path = \"/grpc.health.v1.Health/Check\", interval = \"500ms\", timeout = \"500ms\" }\n";
    let gate = world.gate(&format!("{}{health}", world.plain_origin("only")));
    assert!(gate.is_up(true), "{}", gate.gate.log());
    let health = health.replace("Health/Check", "Health/Other");
    let gate = world.gate(&format!("{}{health}", world.plain_origin("only")));
    assert!(!gate.is_up(false), "{}", gate.gate.log());
    assert_eq!(world.play_case(gate.https, "unary")["answer"], "CBA", "a wrong check shuts no site");
}
