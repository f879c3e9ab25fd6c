//! The attacks: thousands of addresses that ask for pages at a fixed rate, whatever the answers are.

use std::net::Ipv4Addr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use http::{Request, StatusCode};
use tokio::time::Instant as Moment;
use web_io::{Bytes, Connection};

use crate::browser::Browser;
use crate::dial::Door;
use crate::live::Live;
use crate::people::page_of;
use crate::places::{self, BOTS};

/// How an attack looks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disguise {
    /// One program with many user agents that asks for pages with a random query, over connections that it keeps.
    Program,
    /// Copies of people: their browsers, their pages, their networks, a new connection for each page.
    People,
}

/// One attack.
#[derive(Clone, Copy, Debug)]
pub struct Assault {
    /// How it looks.
    pub disguise: Disguise,
    /// Requests over what the shop can serve.
    pub factor: f64,
    /// How long it lasts.
    pub lasting: Duration,
}

/// Attacks for a time with so many requests a second, all addresses together.
///
/// The attack is open-loop: each address has its own fixed timetable. When its connection is still busy with the
/// request before, the next one is left out and counted as late, so that what is reported was really sent.
pub(crate) async fn attack(door: Door, live: Arc<Live>, assault: Assault, capacity: f64) {
    let began = Moment::now();
    let gap = Duration::from_secs_f64(f64::from(BOTS) / (assault.factor * capacity).max(1.0));
    let until = began + assault.lasting;
    let shared = Rc::new(Shared { door, live, disguise: assault.disguise });
    let bots: Vec<_> = (0..BOTS)
        .map(|index| {
            // Spread over one gap, in an order that mixes the networks.
            let place = f64::from(index.wrapping_mul(2_654_435_761) % BOTS) / f64::from(BOTS);
            let first = began + gap.mul_f64(place);
            tokio::task::spawn_local(bot(shared.clone(), index, first, gap, until))
        })
        .collect();
    tokio::time::sleep_until(until).await;
    bots.iter().for_each(tokio::task::JoinHandle::abort);
}

struct Shared {
    door: Door,
    live: Arc<Live>,
    disguise: Disguise,
}

async fn bot(shared: Rc<Shared>, index: u32, first: Moment, gap: Duration, until: Moment) {
    let (mut next, mut turn, mut connection) = (first, index, None);
    while next < until {
        tokio::time::sleep_until(next).await;
        turn = turn.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let page = shared.disguise.request(index, turn);
        shared.live.attack_sent.fetch_add(1, Relaxed);
        let got_page = ask(&shared, index, &mut connection, page).await;
        let cell = if got_page { &shared.live.attack_ok } else { &shared.live.attack_refused };
        cell.fetch_add(1, Relaxed);
        next += gap;
        while next < Moment::now() {
            shared.live.attack_late.fetch_add(1, Relaxed);
            next += gap;
        }
    }
}

/// Whether the page came.
async fn ask(shared: &Shared, index: u32, kept: &mut Option<Connection>, page: Request<Bytes>) -> bool {
    let mut connection = match kept.take().filter(Connection::is_open) {
        Some(connection) => connection,
        None => match shared.door.connect(shared.disguise.address(index)).await {
            Ok(connection) => connection,
            Err(_) => return false,
        },
    };
    match connection.send(page, 64 * 1024).await {
        Ok(answer) => {
            let ok = answer.status() == StatusCode::OK;
            *kept = Some(connection).filter(|_| shared.disguise == Disguise::Program);
            ok
        }
        Err(_) => false,
    }
}

impl Disguise {
    fn address(self, index: u32) -> Ipv4Addr {
        match self {
            Self::Program => places::bot(index),
            Self::People => places::disguised(index),
        }
    }

    fn request(self, index: u32, turn: u32) -> Request<Bytes> {
        match self {
            Self::Program => with_random_query(turn),
            Self::People => Browser::of(index).get(&page_of(turn >> 8), ""),
        }
    }
}

/// A page with a random query and one of many user agents.
fn with_random_query(turn: u32) -> Request<Bytes> {
    let (event, query, version) = (turn >> 8 & 3, turn, 90 + (turn >> 12) % 40);
    Request::get(format!("/event/{event}?r={query:08x}"))
        .header("host", "shop.localhost")
        .header("user-agent", format!("Mozilla/5.0 (X11; Linux x86_64) Chrome/{version}.0"))
        .header("accept", "text/html")
        .body(Bytes::new())
        .expect("the parts are fixed texts of this crate")
}
