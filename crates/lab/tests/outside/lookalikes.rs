//! A flood that nothing tells from the strangers of curl: their page, their headers, their networks.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use lab::clock::{Stopwatch, pause};
use lab::web::{Request, send};

/// Connections at a time, each asking again and again: together several times what the shop can answer of this page. Whoever waits for a
/// slot asks for nothing else meanwhile, so there must be many more than there are slots and places to wait.
const THREADS: u32 = 160;
/// Between two requests of one of them.
const PAUSE: Duration = Duration::from_millis(150);
/// A page is waited for as long as curl waits for it.
const PATIENCE: Duration = Duration::from_secs(4);

/// Asks for the page for so long; returns how many were answered with it, and how many asked.
pub(crate) fn flood(gate: SocketAddr, path: &str, user_agent: &str, seconds: u64) -> (u32, u32) {
    let until = Duration::from_secs(seconds.min(60));
    thread::scope(|scope| {
        let senders: Vec<_> = (0..THREADS)
            .map(|number| scope.spawn(move || ask_again(gate, path, user_agent, number, until)))
            .collect();
        let sums = senders.into_iter().map(|sender| sender.join().expect("a sender does not panic"));
        sums.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    })
}

fn ask_again(gate: SocketAddr, path: &str, user_agent: &str, number: u32, until: Duration) -> (u32, u32) {
    let agent = format!("User-Agent: {user_agent}");
    let headers = [agent.as_str(), "Accept: */*"];
    let (mut served, mut asked) = (0, 0);
    let watch = Stopwatch::start();
    while watch.elapsed() < until {
        asked += 1;
        let from = address(number + asked * THREADS);
        let request = Request { headers: &headers, from, within: PATIENCE, ..Request::get(path) };
        served += u32::from(send(gate, &request).is_ok_and(|answer| answer.status == 200));
        pause(PAUSE);
    }
    (served, asked)
}

/// A neighbour of the strangers in one of their networks.
fn address(number: u32) -> Ipv4Addr {
    let [_, _, network, host] = (number.wrapping_mul(2_654_435_761) >> 8).to_be_bytes();
    Ipv4Addr::new(127, 99, network % 250, 8 + host % 240)
}
