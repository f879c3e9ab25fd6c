//! A link makes an unknown client known, once, while only known clients are served.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use model::{Level, Mode, PassId};

use crate::world::{PATIENCE, Setting, World, app_saying, world};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

/// A gate at customers-first that serves no stranger any more.
fn closed() -> (World, Receiver<String>) {
    let (app, heard) = app_saying(OK);
    let setting = Setting {
        mode: Mode::Auto,
        hosts: vec!["shop.example".to_owned()],
        floor: Some(Level::CustomersFirst),
        ..Setting::default()
    };
    let world = world(app, setting);
    let clock = world.edge.as_ref().unwrap().shared().clock;
    let late = clock.now() + PATIENCE;
    while !ask(&world, "GET /", "").starts_with("HTTP/1.1 503") {
        assert!(clock.now() < late, "strangers are still served: {:?}", world.site.decision());
        // The app's notes must not pile up.
        let _served = heard.try_iter().count();
    }
    let _strangers = heard.try_iter().count();
    (world, heard)
}

fn ask(world: &World, line: &str, headers: &str) -> String {
    world.ask(&format!(
        "{line} HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: reader\r\nAccept: text/html\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
    ))
}

fn link(world: &World, number: u128, life: Duration) -> String {
    let account = world.site.site_key().account(b"ann");
    world.site.pass_link(account, PassId(number), life)
}

#[track_caller]
fn check(answer: &str, status: u16, says: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(answer.contains(says), "{answer}");
    assert!(answer.contains("no-store"), "{answer}");
}

#[test]
fn who_presses_the_button_of_a_link_is_known_and_opening_it_does_nothing() {
    let (world, heard) = closed();
    let path = link(&world, 77, Duration::from_secs(3_600));
    for method in ["GET", "GET", "HEAD"] {
        let answer = ask(&world, &format!("{method} {path}"), "");
        check(&answer, 200, "referrer-policy: no-referrer");
        assert!(!answer.contains("set-cookie"), "a program that looks into mail uses nothing up: {answer}");
    }
    let post = format!("POST {path}");
    check(&ask(&world, &post, "Sec-Fetch-Site: cross-site\r\n"), 200, "<button>");
    check(&ask(&world, &format!("PUT {path}"), ""), 405, "allow: GET, HEAD, POST");
    let answer = ask(&world, &post, "Sec-Fetch-Site: same-origin\r\n");
    check(&answer, 303, "location: /\r\n");
    let cookie = answer.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap();
    assert!(cookie.starts_with("portcullis="), "{cookie}");
    for line in [&post, &format!("GET {path}")] {
        check(&ask(&world, line, ""), 410, "This link was used already");
    }
    assert_eq!(heard.try_iter().count(), 0, "no link reaches the app");
    let answer = ask(&world, "GET /", &format!("Cookie: {cookie}\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let head = heard.recv_timeout(PATIENCE).unwrap().to_lowercase();
    assert!(head.contains("portcullis-tier: t2"), "{head}");
}

#[test]
fn links_that_are_old_forged_or_for_another_host_give_nothing_and_say_so() {
    let (world, heard) = closed();
    let old = link(&world, 78, Duration::ZERO);
    let clock = world.edge.as_ref().unwrap().shared().clock;
    let late = clock.now() + PATIENCE;
    let mut answer = ask(&world, &format!("GET {old}"), "");
    while answer.starts_with("HTTP/1.1 200") && clock.now() < late {
        answer = ask(&world, &format!("GET {old}"), "");
    }
    check(&answer, 410, "This link is too old");
    check(&ask(&world, &format!("POST {old}"), ""), 410, "This link is too old");
    let path = link(&world, 79, Duration::from_secs(60));
    for forged in [path.replace("/pass/", "/pass/A"), path[..path.len() - 1].to_owned()] {
        let answer = ask(&world, &format!("POST {forged}"), "");
        check(&answer, 404, "This link is not complete");
        assert!(!answer.contains("set-cookie"), "{answer}");
    }
    let elsewhere = world.ask(&format!(
        "POST {path} HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ));
    check(&elsewhere, 421, "This host is not served here");
    check(&ask(&world, &format!("POST {path}"), ""), 303, "set-cookie: portcullis=");
    assert_eq!(heard.try_iter().count(), 0, "no link reaches the app");
}
