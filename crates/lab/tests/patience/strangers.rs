//! Strangers who go on asking for pages, each from another address.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use lab::clock::pause;
use lab::web::{self, Request};

use crate::world::SOON;

/// They stop when they are told to, when this is dropped, and after some minutes by themselves.
pub(crate) struct Strangers {
    stop: Arc<AtomicBool>,
    asking: Option<JoinHandle<Tally>>,
}

/// What became of their requests.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) asked: u32,
    pub(crate) served: u32,
}

impl Strangers {
    pub(crate) fn begin(listen: SocketAddr) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        Self { stop, asking: Some(std::thread::spawn(move || ask(listen, &stopped))) }
    }

    pub(crate) fn end(mut self) -> Tally {
        self.stop.store(true, Relaxed);
        let asking = self.asking.take().expect("it is taken here alone");
        asking.join().expect("it only counts")
    }
}

impl Drop for Strangers {
    fn drop(&mut self) {
        self.stop.store(true, Relaxed);
    }
}

fn ask(listen: SocketAddr, stopped: &AtomicBool) -> Tally {
    let mut tally = Tally::default();
    for number in 0..MOST {
        if stopped.load(Relaxed) {
            break;
        }
        let [high, low] = number.to_be_bytes();
        tally.asked += 1;
        tally.served += u32::from(is_served(listen, Ipv4Addr::new(127, 100, high, low)) == Some(true));
        pause(EVERY);
    }
    tally
}

/// Whether somebody without a pass is served at an address; nothing if there is no answer.
pub(crate) fn is_served(listen: SocketAddr, from: Ipv4Addr) -> Option<bool> {
    let request = Request { from, within: SOON, ..Request::get("/") };
    web::send(listen, &request).ok().map(|answer| answer.status == 200)
}

const MOST: u16 = 10_000;
const EVERY: Duration = Duration::from_millis(20);
