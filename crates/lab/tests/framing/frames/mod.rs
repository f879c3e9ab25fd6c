//! HTTP/2 frame by frame, over TLS, as no well-behaved client would send them.

mod client;
mod notation;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lab::certificate::Authority;
use lab::{Gate, need};

use super::origin::App;
use client::Client;
use notation::{Case, Step};

/// Cases that do not come out as they should, before which app or any, with the reason; each must keep failing, or go.
const KNOWN_FAILURES: &[(&str, &str, &str)] = &[
    (
        "any",
        "pseudo-in-trailers",
        "the library leaves the pseudo-field out, so nothing of it reaches the app",
    ),
    (
        "any",
        "path-with-fragment",
        "the library cuts the fragment off, so the app sees the path that was judged",
    ),
];

#[test]
fn node_sees_of_frames_what_the_corpus_says() {
    check(&mut need!(App::node()));
}

#[test]
fn python_sees_of_frames_what_the_corpus_says() {
    check(&mut need!(App::python()));
}

#[test]
fn nginx_sees_of_frames_what_the_corpus_says() {
    check(&mut need!(App::nginx()));
}

#[test]
fn haproxy_sees_of_frames_what_the_corpus_says() {
    check(&mut need!(App::haproxy()));
}

/// Twenty streams whose windows are closed from the start ask for what is small; the app may have eight connections.
#[test]
fn small_answers_leave_the_app_although_nobody_takes_them() {
    let app = need!(App::node());
    let folder = tempfile::tempdir().expect("there is room");
    let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
    let signed = authority.sign(folder.path(), "shop", &["shop.example"]).expect("keys can be made");
    let https = lab::free_address();
    let listen = format!("[[listen]]\naddress = \"{https}\"\n{}[[site]]", signed.tables());
    let config = Gate::CONFIG.replace("[[site]]", &listen).replace("[state]", "max_connections = 8\n[state]");
    let gate = Gate::start(&config.replace("{origin}", &format!("http://{}", app.address)));
    let gate = gate.expect("the gate starts");
    let mut client = Client::connect(https, &authority.file, false);
    let no_window = [0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0];
    client.send(&[&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], &no_window].concat());
    for stream in (1..=39).step_by(2) {
        // GET https://shop.example/ (RFC 7541: fields 2, 7 and 4 of the static table, and the authority as a literal).
        let fields = [&[0x82, 0x87, 0x84, 0x01, 12][..], b"shop.example"].concat();
        client.send(&[&[0, 0, 17, 1, 5, 0, 0, 0, stream], &fields[..]].concat());
    }
    let seen = client.watch(|seen| seen.answers.len() == 20);
    assert!(seen.answers.values().all(|&status| status == 200) && seen.answers.len() == 20, "{seen:?}");
    let taken_back = "portcullis_origin_connections_taken_back_total 0";
    let metrics = gate.metrics().expect("the console answers");
    assert!(metrics.lines().any(|line| line == taken_back), "nobody had to give one back: {metrics}");
}

/// Plays all cases before one app.
fn check(app: &mut App) {
    let folder = tempfile::tempdir().expect("there is room");
    let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
    let signed = authority.sign(folder.path(), "shop", &["shop.example"]).expect("keys can be made");
    let https = lab::free_address();
    let listen = format!("[[listen]]\naddress = \"{https}\"\n{}[[site]]", signed.tables());
    let config = Gate::CONFIG
        .replace("[[site]]", &listen)
        .replace("{origin}", &format!("http://{}", app.address))
        .replace("\"auto\"", "\"observe\"");
    let gate = Gate::start(&config).expect("the gate starts");
    app.saw(0);
    let cases = Case::all();
    assert!(cases.len() >= 60, "{} cases", cases.len());
    let mut wrong = String::new();
    for case in cases {
        assert!(case.rule <= 5 && case.rfc.contains(' '), "{case:?}");
        let seen = play(&case, https, &authority.file);
        let mut saw = app.saw(case.origin.len());
        saw.sort();
        let mut origin = case.origin.clone();
        origin.sort();
        let holds = fits(&case.expect, &seen) && saw == origin;
        let is_here = |before: &str| before == "any" || before == app.name;
        let known = KNOWN_FAILURES.iter().any(|(before, name, _)| is_here(before) && *name == case.name);
        if holds == known {
            wrong.push_str(&format!(
                "{} ({})\n  expected {} origin {origin:?}\n  seen     {seen:?} origin {saw:?}\n",
                case.name, case.rfc, case.expect
            ));
        }
    }
    assert!(wrong.is_empty(), "before {}:\n{wrong}", app.name);
    assert!(!gate.log().contains("panicked"), "{}", gate.log());
}

/// Sends the frames of a case on a connection of their own.
fn play(case: &Case, https: SocketAddr, authority: &Path) -> Seen {
    let mut client = Client::connect(https, authority, case.preface);
    for step in case.steps() {
        match step {
            Step::Send(bytes) => client.send(&bytes),
            Step::Pause => lab::clock::pause(Duration::from_millis(200)),
        }
    }
    client.watch(|seen| is_settled(&case.expect, seen))
}

/// What came back on one connection.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Statuses by stream.
    pub(crate) answers: BTreeMap<u32, u16>,
    pub(crate) resets: Vec<u32>,
    /// The error of a GOAWAY.
    pub(crate) goaway: Option<u32>,
    pub(crate) closed: bool,
    /// The PING behind the frames was answered.
    pub(crate) ponged: bool,
}

impl Seen {
    fn has_ended(&self) -> bool {
        self.closed || self.goaway.is_some_and(|error| error != 0)
    }

    fn refuses(&self, stream: u32) -> bool {
        self.has_ended()
            || self.resets.contains(&stream)
            || self.answers.get(&stream).is_some_and(|&status| status >= 400)
    }
}

/// Whether nothing more is to be waited for.
fn is_settled(expect: &str, seen: &Seen) -> bool {
    seen.closed || (fits(expect, seen) && (seen.ponged || seen.has_ended()))
}

fn fits(expect: &str, seen: &Seen) -> bool {
    expect.split("; ").all(|part| {
        let words: Vec<&str> = part.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<u32>().ok()).expect("a number");
        match words[0] {
            "answer" => seen.answers.get(&number(1)).copied().map(u32::from) == Some(number(2)),
            "stream-error" => seen.refuses(number(1)),
            "refused" => seen.refuses(number(1)) || seen.ponged,
            "connection-error" => seen.has_ended(),
            "ignored" => seen.ponged && !seen.has_ended(),
            other => panic!("`{other}` is no expectation"),
        }
    })
}
