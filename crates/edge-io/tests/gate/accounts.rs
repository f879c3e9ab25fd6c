//! Logins whose form names an account.

use std::net::SocketAddr;

use admission::lane::LanePaths;
use model::{Level, Reason};

use crate::world::*;

fn login(kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /login HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

/// A gate whose limits refuse, before an app with a login.
fn refusing(app: SocketAddr) -> World {
    let lane = LanePaths { submit: vec!["/login".to_owned()], ..LanePaths::default() };
    let account_field = Some("user".to_owned());
    let world =
        world(app, Setting { floor: Some(Level::Limiting), lane, account_field, ..Setting::default() });
    world.until_limits_refuse();
    world
}

#[test]
fn logins_are_limited_by_the_account_that_the_form_names() {
    let (app, hears) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    let world = refusing(app);
    let form = login("application/x-www-form-urlencoded", "user=ann&password=x");
    for _ in 0..5 {
        assert!(world.ask(&form).ends_with("ok"));
        hears.try_recv().unwrap();
    }
    let json = login("application/json", r#"{"user": "Ann", "password": "x"}"#);
    let answer = world.ask(&json);
    assert!(answer.starts_with("HTTP/1.1 429"), "the same account: {answer}");
    let reference = answer.split("portcullis-reference: ").nth(1).unwrap().split('\r').next().unwrap();
    assert_eq!(world.site.open_reference(reference).unwrap().reason, Reason::AccountLoginLimit);
    assert!(hears.try_recv().is_err(), "the app has not heard of it");
}

#[test]
fn a_form_that_is_too_long_to_be_read_first_is_refused_while_limits_refuse() {
    let (app, _hears) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
    let world = refusing(app);
    let hidden = format!("pad={}&user=ann", "x".repeat(70_000));
    let answer = world.ask(&login("application/x-www-form-urlencoded", &hidden));
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}
