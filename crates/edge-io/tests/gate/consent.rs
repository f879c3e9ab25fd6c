//! Links about words that wait: who answers them is asked, and whoever goes away meanwhile leaves nothing behind.

use std::future::pending;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use edge_io::{ComingPage, ConsentPage, Consents, Decision};
use http::StatusCode;

use crate::world::{PATIENCE, Setting, World, app_saying, world};

/// Knows the link `good`, and one whose page never comes.
#[derive(Default)]
struct Known {
    asked: AtomicUsize,
}

impl Consents for Known {
    fn page(&self, token: &str, decision: Option<Decision>) -> Option<ComingPage> {
        self.asked.fetch_add(1, Relaxed);
        let title = match decision {
            None => "words",
            Some(Decision::Hold) => "held",
            Some(Decision::Publish) => "published",
        };
        let page = ConsentPage { status: StatusCode::OK, title, detail: "", more: String::new() };
        match token {
            "good" => Some(Box::pin(std::future::ready(page))),
            "never" => Some(Box::pin(pending())),
            _ => None,
        }
    }
}

fn gate(known: &Arc<Known>) -> World {
    let (app, _heard) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\napp");
    world(app, Setting { consents: Some(known.clone()), ..Setting::default() })
}

fn ask(world: &World, line: &str, headers: &str) -> String {
    let place = "/.well-known/portcullis/consent";
    let (method, rest) = line.split_once(' ').unwrap();
    world.ask(&format!(
        "{method} {place}{rest} HTTP/1.1\r\nHost: shop.example\r\n{headers}Content-Length: 0\r\nConnection: close\r\n\r\n"
    ))
}

#[test]
fn only_the_button_of_its_own_page_decides() {
    let world = gate(&Arc::default());
    for (line, headers, status, says) in [
        ("GET /good", "", 200, "<h1>words"),
        ("GET /good/hold", "", 200, "<h1>words"),
        ("POST /good", "", 200, "<h1>words"),
        ("POST /good/hold", "Sec-Fetch-Site: cross-site\r\n", 200, "<h1>words"),
        ("POST /good/hold", "Sec-Fetch-Site: same-origin\r\n", 200, "<h1>held"),
        ("POST /good/publish", "", 200, "<h1>published"),
        ("POST /good/other", "", 200, "<h1>words"),
        ("GET /bad", "", 404, "This link is not complete"),
        ("PUT /good/hold", "", 405, "allow: GET, HEAD, POST"),
    ] {
        let answer = ask(&world, line, headers);
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(says),
            "{line}: {answer}"
        );
        for guard in ["referrer-policy: no-referrer", "frame-ancestors 'none'", "no-store"] {
            assert!(answer.contains(guard), "{line}: {answer}");
        }
    }
}

#[test]
fn whoever_goes_away_while_the_page_comes_leaves_no_connection_behind() {
    let known = Arc::<Known>::default();
    let world = gate(&known);
    let clock = world.edge.as_ref().unwrap().shared().clock;
    let late = clock.now() + PATIENCE;
    for number in 1..=3 {
        let mut client = world.connect();
        client
            .write_all(b"GET /.well-known/portcullis/consent/never HTTP/1.1\r\nHost: shop.example\r\n\r\n")
            .unwrap();
        while known.asked.load(Relaxed) < number {
            assert!(clock.now() < late, "it is not asked");
            std::thread::yield_now();
        }
    }
    while world.site.connections().used() != 0 {
        assert!(clock.now() < late, "a slot is lost: {}", world.site.connections().used());
        std::thread::yield_now();
    }
}

#[test]
fn where_nobody_knows_of_links_the_path_is_the_apps() {
    let (app, _heard) = app_saying(b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\napp");
    let world = world(app, Setting::default());
    assert!(ask(&world, "GET /good", "").ends_with("app"));
}
