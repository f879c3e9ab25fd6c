//! A flood that looks alike ends in a rule; known clients are served meanwhile, and in calm nothing changes for anybody.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use admission::site::{Controller, Turn};
use edge_io::{JwksSource, TurnListener};
use guard::Guard;
use guard::evidence::Profile;
use model::{Action, Finite, Instant, Sample, Tier, Traffic};

use crate::jwt::{claims, settings};
use crate::signer::{Signer, jwks};
use crate::world::{PATIENCE, Setting, World, app, read_head, world};

/// Calm: what browsers and programs usually send, from networks all over.
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148",
    "ShopApp/3.2 (Android 14)",
];
const FLOOD_AGENT: &str = "flood/1.0";

#[test]
fn a_flood_from_one_user_agent_ends_in_a_rule_and_known_clients_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let signer = Signer::new("k1", "EdDSA");
    std::fs::write(&file, jwks(&[signer.jwk()])).unwrap();
    let setting = || Setting { proxy_protocol: true, ..settings(JwksSource::File(file.clone())) };
    let token = signer.token(&claims("ann", 600));
    let calm = calm(&setting(), &token);
    let others: Vec<Sample> = calm.others.iter().copied().cycle().take(16_384).collect();
    let known: Vec<Sample> = calm.known.iter().copied().cycle().take(4_096).collect();
    assert!(!others.is_empty() && !known.is_empty());
    let guard = Guard::warm(1, &profile(&others), &known, &others, 20);
    let hurt = Heard { hurts: true, ..Heard::default() };
    let world = world(patient_app(), Setting { guard: Some(guard), heard: Some(hurt), ..setting() });
    let flood = Flood::begin(world.address);
    let clock = world.edge.as_ref().unwrap().shared().clock;
    let late = clock.now() + 6 * PATIENCE;
    while !world.site.decision().rules.rules.iter().any(|rule| rule.armed) {
        assert!(clock.now() < late, "no rule acts: {:?}", world.site.decision());
        let answer = ask(&world, "198.51.100.7", AGENTS[0], Some(&token), "/");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    let rules = world.site.decision().rules.clone();
    let counters = &world.edge.as_ref().unwrap().shared().counters;
    let of_t6 = || {
        counters
            .iter()
            .map(|c| model::Outcome::ALL.map(|o| c.requests(Tier::T6, o)).iter().sum::<u64>())
            .sum::<u64>()
    };
    let acts_otherwise = rules.rules.iter().any(|rule| rule.armed && rule.action != Action::Demote);
    while of_t6() < 100 && !acts_otherwise {
        assert!(clock.now() < late, "nothing is put last: {rules:?}");
        std::thread::yield_now();
    }
    for path in ["/", "/item/5"] {
        let answer = ask(&world, "198.51.100.7", AGENTS[0], Some(&token), path);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let answer = ask(&world, "203.0.113.9", AGENTS[1], None, path);
        assert!(!answer.starts_with("HTTP/1.1 403"), "it does not look like the flood: {answer}");
    }
    flood.end();
}

/// What the gate tells the decision core of calm traffic.
fn calm(setting: &Setting, token: &str) -> Traffic {
    let heard = Heard::default();
    let world = world(patient_app(), Setting { heard: Some(heard.clone()), ..setting.clone() });
    for number in 0..60_u8 {
        let (agent, path) =
            (AGENTS[usize::from(number % 4)], ["/", "/item/7", "/search?q=a"][usize::from(number % 3)]);
        let known = number.is_multiple_of(5);
        let address = format!("198.51.{number}.7");
        let answer = ask(&world, &address, agent, known.then_some(token), path);
        assert!(answer.starts_with("HTTP/1.1 200"), "calm refuses nobody: {answer}");
        assert!(!answer.to_lowercase().contains("refresh"), "{answer}");
    }
    let sum = |samples: &[Sample]| samples.iter().map(|sample| sample.weight).sum::<u32>();
    let clock = world.edge.as_ref().unwrap().shared().clock;
    let late = clock.now() + PATIENCE;
    let traffic = loop {
        let traffic = heard.traffic.lock().unwrap().clone();
        let forwarded: u64 = traffic.tiers.iter().map(|tier| tier.forwarded).sum();
        if sum(&traffic.known) + sum(&traffic.others) >= 60 && forwarded >= 60 {
            break traffic;
        }
        assert!(clock.now() < late, "the decision core is not told: {traffic:?}");
        std::thread::yield_now();
    };
    assert!(world.site.is_calm() && !world.site.has_rules());
    assert_eq!((sum(&traffic.known), sum(&traffic.others)), (12, 48), "each request is told once");
    assert_eq!(
        traffic
            .tiers
            .iter()
            .map(|tier| (tier.offered, tier.forwarded))
            .fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        (60, 60)
    );
    // A step has room for twelve names; with all requests in one step this one comes in a later.
    while !heard.traffic.lock().unwrap().names.iter().any(|name| name.text == "/item/*") {
        assert!(clock.now() < late, "no name: {:?}", heard.traffic.lock().unwrap().names);
        let answer = ask(&world, "198.51.7.7", AGENTS[0], None, "/item/7");
        assert!(answer.starts_with("HTTP/1.1 200"), "calm refuses nobody: {answer}");
    }
    traffic
}

fn profile(others: &[Sample]) -> Profile {
    let mut profile = Profile { spread: Finite::new(0.2), samples: others.to_vec(), ..Profile::default() };
    profile.requests[Tier::T2.index()] = Finite::new(20.0);
    profile.requests[Tier::T5.index()] = Finite::new(20.0);
    profile.load[Tier::T2.index()] = Finite::new(0.1);
    profile.load[Tier::T5.index()] = Finite::new(0.1);
    profile.seen_networks = Finite::new(0.5);
    profile
}

/// An app that answers everybody, whatever they ask.
fn patient_app() -> SocketAddr {
    app(|mut stream| {
        while read_head(&mut stream).is_some() {
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    })
}

fn ask(world: &World, address: &str, agent: &str, token: Option<&str>, path: &str) -> String {
    let token = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
    world.ask(&format!(
        "PROXY TCP4 {address} 192.0.2.1 4000 80\r\nGET {path} HTTP/1.1\r\nHost: shop\r\nUser-Agent: {agent}\r\nAccept: text/html\r\n{token}Connection: close\r\n\r\n"
    ))
}

/// Many addresses that all send the same.
struct Flood {
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Flood {
    fn begin(gate: SocketAddr) -> Self {
        let ends = Arc::new(AtomicBool::new(false));
        let attack = |lane: u32| {
            let ends = ends.clone();
            std::thread::spawn(move || {
                let mut number = lane;
                while !ends.load(Relaxed) {
                    number += 4;
                    let [_, a, b, c] = number.to_be_bytes();
                    let head = format!(
                        "PROXY TCP4 45.{}.{b}.{c} 192.0.2.1 4000 80\r\nGET /search?q={number} HTTP/1.1\r\nHost: shop\r\nUser-Agent: {FLOOD_AGENT}\r\nConnection: close\r\n\r\n",
                        a.wrapping_add(number.to_be_bytes()[3])
                    );
                    let Ok(mut stream) = TcpStream::connect(gate) else { continue };
                    let _refused = stream.set_read_timeout(Some(PATIENCE));
                    if stream.write_all(head.as_bytes()).is_ok() {
                        let _answer = std::io::read_to_string(stream);
                    }
                }
            })
        };
        let threads = (0..4).map(attack).collect();
        Self { ends, threads }
    }

    fn end(self) {
        self.ends.store(true, Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// Keeps what the ticker told the decision core.
#[derive(Clone, Default)]
pub(crate) struct Heard {
    traffic: Arc<Mutex<Traffic>>,
    /// The disk is nearly full, which hurts: a rule is sought only for what does.
    hurts: bool,
    /// It panics at the first step.
    panics: bool,
}

impl Heard {
    pub(crate) fn and_panics() -> Self {
        Self { panics: true, ..Self::default() }
    }
}

impl TurnListener for Heard {
    fn turned(&mut self, _turn: &Turn, _controller: &mut Controller, _now: Instant) {
        assert!(!self.panics, "as the test wants");
    }

    fn counted(&mut self, traffic: &Traffic) {
        self.traffic.lock().unwrap().absorb(traffic.clone());
    }

    fn disk_free(&mut self) -> f64 {
        if self.hurts { 0.05 } else { 1.0 }
    }
}
