//! HTTP/2 frame by frame, over TLS, as no well-behaved client would send them.

mod client;
mod notation;

use std::collections::BTreeMap;

use lab::certificate::Authority;
use lab::{Gate, need};

use super::origin::App;
use client::Client;
use notation::{Case, Step};

/// Cases that do not come out as they should, with the reason; each must keep failing, or go.
const KNOWN_FAILURES: &[(&str, &str)] = &[
    ("pseudo-in-trailers", "the library leaves the pseudo-field out, so nothing of it reaches the app"),
    ("path-with-fragment", "the library cuts the fragment off, so the app sees the path that was judged"),
];

#[test]
fn every_case_of_frames_comes_out_as_the_corpus_says() {
    let mut app = need!(App::node());
    let folder = tempfile::tempdir().expect("there is room");
    let authority = Authority::new(folder.path(), "authority").expect("keys can be made");
    let signed = authority.sign(folder.path(), "shop", &["shop.example"]).expect("keys can be made");
    let https = lab::free_address();
    let listen = format!(
        "[[listen]]\naddress = \"{https}\"\n[[listen.tls.certificate]]\nchain = \"{}\"\nkey = \"{}\"\n[[site]]",
        signed.chain.display(),
        signed.key.display()
    );
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
        let mut client = Client::connect(https, &authority.file, case.preface);
        for step in case.steps() {
            match step {
                Step::Send(bytes) => client.send(&bytes),
                Step::Pause => lab::clock::pause(std::time::Duration::from_millis(200)),
            }
        }
        let seen = client.watch(|seen| is_settled(&case.expect, seen));
        let mut saw = app.saw(case.origin.len());
        saw.sort();
        let mut origin = case.origin.clone();
        origin.sort();
        let holds = fits(&case.expect, &seen) && saw == origin;
        let known = KNOWN_FAILURES.iter().any(|(name, _)| *name == case.name);
        if holds == known {
            wrong.push_str(&format!(
                "{} ({})\n  expected {} origin {origin:?}\n  seen     {seen:?} origin {saw:?}\n",
                case.name, case.rfc, case.expect
            ));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(!gate.log().contains("panicked"), "{}", gate.log());
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
