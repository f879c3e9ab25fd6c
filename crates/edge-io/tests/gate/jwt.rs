//! JSON web tokens over real sockets: who is known, who is not, and that the gate gives them nothing to keep.

use std::io::Write;

use edge_io::{ClientAddress, Clock, Front, JwksSource, JwtRules, JwtSettings};

use crate::signer::{Signer, jwks};
use crate::world::{Setting, World, app, app_saying, read_head, read_until, world};

const OK: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

pub(crate) fn settings(jwks: JwksSource) -> Setting {
    let rules = JwtRules {
        issuer: "https://login.example".into(),
        audience: "shop".into(),
        account_claim: "sub".into(),
    };
    Setting { jwt: Some(JwtSettings { jwks, rules }), ..Setting::default() }
}

pub(crate) fn claims(account: &str, seconds_left: i64) -> String {
    let until = Clock::start().wall().as_secs().strict_add_signed(seconds_left);
    format!(r#"{{"iss":"https://login.example","aud":["shop"],"sub":"{account}","exp":{until}}}"#)
}

/// The tier that the app is told for a request with these header lines.
fn tier(world: &World, hears: &std::sync::mpsc::Receiver<String>, lines: &str) -> String {
    let answer = world.ask(&format!("GET /api HTTP/1.1\r\nHost: a\r\n{lines}Connection: close\r\n\r\n"));
    assert!(answer.ends_with("ok") && !answer.to_lowercase().contains("set-cookie"), "{answer}");
    tier_heard(hears)
}

/// The tier that the app was told for the next request of a client.
fn tier_heard(hears: &std::sync::mpsc::Receiver<String>) -> String {
    loop {
        // The gate itself asks once how the path is answered without a token.
        let head = hears.recv().unwrap().to_lowercase();
        if let Some((_, tier)) = head.split_once("portcullis-tier: ") {
            return tier[..2].to_owned();
        }
    }
}

#[test]
fn a_token_that_verifies_makes_its_client_known_and_no_other_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let (signer, stranger) = (Signer::new("k1", "EdDSA"), Signer::new("k1", "EdDSA"));
    std::fs::write(&file, jwks(&[signer.jwk()])).unwrap();
    let (app, hears) = app_saying(OK);
    let world = world(app, settings(JwksSource::File(file)));
    let tier = |lines: &str| tier(&world, &hears, lines);
    let with = |token: &str| tier(&format!("Authorization: Bearer {token}\r\n"));

    let good = signer.token(&claims("ann", 600));
    assert_eq!(with(&good), "t2");
    assert_eq!(with(&good), "t2", "from memory");
    assert_eq!(tier(&format!("authorization: bearer {good}\r\n")), "t2", "the scheme is not case-sensitive");
    let (forged, expired) = (stranger.token(&claims("ann", 600)), signer.token(&claims("ann", -61)));
    for (why, lines) in [
        ("no token", String::new()),
        ("another scheme", format!("Authorization: Basic {good}\r\n")),
        ("two headers", format!("Authorization: Bearer {good}\r\nAuthorization: Bearer {good}\r\n")),
        ("another's signature", format!("Authorization: Bearer {forged}\r\n")),
        ("expired", format!("Authorization: Bearer {expired}\r\n")),
        ("no token at all", "Authorization: Bearer ey..\r\n".to_owned()),
    ] {
        assert_eq!(tier(&lines), "t5", "{why}");
    }
}

#[test]
fn keys_of_a_server_are_fetched_and_kept_when_it_goes() {
    let signer = Signer::new("k1", "ES256");
    let published = jwks(&[signer.jwk()]);
    let (asked, hears_issuer) = std::sync::mpsc::sync_channel(10);
    let issuer = app(move |mut stream| {
        let head = read_head(&mut stream).unwrap();
        let length = published.len();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{published}");
        stream.write_all(answer.as_bytes()).unwrap();
        asked.send(head).unwrap();
    });
    let (app, hears) = app_saying(OK);
    let source = JwksSource::Http { authority: issuer.to_string(), path: "/keys?v=1".into() };
    let world = world(app, settings(source));
    let head = hears_issuer.recv().unwrap();
    assert!(head.starts_with("GET /keys?v=1 HTTP/1.1\r\n") && head.contains(&issuer.to_string()), "{head}");
    // The answer is on its way: a few requests come before it.
    let lines = format!("Authorization: Bearer {}\r\n", signer.token(&claims("ann", 600)));
    let known = (0..1_000).any(|_| tier(&world, &hears, &lines) == "t2");
    assert!(known, "{:?}", world.edge.as_ref().unwrap().shared().keys_news());
}

#[test]
fn on_the_connection_of_a_front_nobody_inherits_what_another_client_proved() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let signer = Signer::new("k1", "EdDSA");
    std::fs::write(&file, jwks(&[signer.jwk()])).unwrap();
    let token = signer.token(&claims("ann", 600));
    for (fronts, second) in [(vec![], "t2"), (vec![front()], "t5")] {
        let (app, hears) = app_saying(OK);
        let world = world(app, Setting { fronts, ..settings(JwksSource::File(file.clone())) });
        let mut stream = world.connect();
        let mut ask = |lines: &str| {
            stream.write_all(format!("GET /a.css HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes()).unwrap();
            read_until(&mut stream, b"ok").unwrap();
            tier_heard(&hears)
        };
        assert_eq!(ask(&format!("X-Forwarded-For: 198.51.100.1\r\nAuthorization: Bearer {token}\r\n")), "t2");
        assert_eq!(ask("X-Forwarded-For: 203.0.113.9\r\n"), second);
    }
}

fn front() -> Front {
    Front {
        sources: vec!["127.0.0.0/8".parse().unwrap()],
        client_address: ClientAddress::XForwardedFor,
        ja4_header: None,
        country_header: None,
    }
}
