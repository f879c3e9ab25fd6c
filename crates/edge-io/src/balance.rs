//! Workers of even load: the kernel deals connections out by a hash of their addresses, and whoever knows how it hashes, or a
//! few busy balancers before the gate, could give them all to one worker. One far above the mean hands new ones on.

use std::net::{IpAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use tokio::sync::mpsc::{Permit, Receiver, Sender, channel};

use crate::connection::Seat;
use crate::edge::Manner;

/// A connection that another worker has accepted and let in.
pub(crate) struct Handed {
    pub(crate) stream: TcpStream,
    pub(crate) peer: IpAddr,
    pub(crate) front: bool,
    pub(crate) seat: Seat,
    pub(crate) load: Load,
    pub(crate) manner: Manner,
}

/// The connections of each worker, and the way to it.
pub(crate) struct Balance {
    loads: Arc<[AtomicU32]>,
    ways: Box<[Sender<Handed>]>,
}

impl Balance {
    /// For so many workers; each takes its receiver.
    pub(crate) fn new(workers: usize) -> (Self, Vec<Receiver<Handed>>) {
        let (ways, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| channel(HANDED_MAX)).unzip();
        let loads = (0..workers).map(|_| AtomicU32::new(0)).collect();
        (Self { loads, ways: ways.into() }, receivers)
    }

    /// A worker serves one connection more, until what is returned is dropped.
    pub(crate) fn begin(&self, worker: usize) -> Load {
        self.loads[worker].fetch_add(1, Relaxed);
        Load { loads: self.loads.clone(), worker }
    }

    /// Whether a worker serves nobody, and nobody is on the way to it.
    pub(crate) fn is_idle(&self, worker: usize) -> bool {
        self.loads[worker].load(Relaxed) == 0
    }

    /// The worker that should serve what this one has accepted, if it is another, and the way to it.
    pub(crate) fn other(&self, worker: usize) -> Option<(usize, Permit<'_, Handed>)> {
        if self.ways.len() < 2 {
            return None;
        }
        let other = relief(self.loads.iter().map(|load| load.load(Relaxed)), worker)?;
        Some((other, self.ways[other].try_reserve().ok()?))
    }
}

/// One connection of a worker.
pub(crate) struct Load {
    loads: Arc<[AtomicU32]>,
    worker: usize,
}

impl Drop for Load {
    fn drop(&mut self) {
        self.loads[self.worker].fetch_sub(1, Relaxed);
    }
}

/// The least loaded worker, if the one that asks is far above the mean.
fn relief(loads: impl ExactSizeIterator<Item = u32> + Clone, worker: usize) -> Option<usize> {
    let (count, sum) = (loads.len() as u64, loads.clone().map(u64::from).sum::<u64>());
    let own = u64::from(loads.clone().nth(worker)?);
    // own > 1.25 × mean + 32
    if own.saturating_sub(ABOVE_MIN) * 4 * count <= sum * 5 {
        return None;
    }
    let (least, _) = loads.enumerate().min_by_key(|&(_, load)| load)?;
    (least != worker).then_some(least)
}

const ABOVE_MIN: u64 = 32;
/// Connections under way to one worker; when they are so many, it has enough to do.
const HANDED_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn usual_differences_are_left_alone() {
        assert_eq!(relief([100, 90, 110, 95].into_iter(), 2), None);
        assert_eq!(relief([33, 0].into_iter(), 0), None, "few connections need no balance");
        assert_eq!(relief([500].into_iter(), 0), None);
    }

    #[test]
    fn one_far_above_the_mean_is_relieved_by_the_least() {
        assert_eq!(relief([500, 90, 80, 95].into_iter(), 0), Some(2));
        assert_eq!(relief([500, 90, 80, 95].into_iter(), 1), None, "those below keep what they get");
    }

    proptest! {
        #[test]
        fn however_the_kernel_deals_no_worker_is_far_above_the_mean(
            dealt in prop::collection::vec(0_usize..4, 0..3_000),
        ) {
            let mut loads = [0_u32; 4];
            for worker in dealt {
                loads[relief(loads.into_iter(), worker).unwrap_or(worker)] += 1;
            }
            let mean = f64::from(loads.iter().sum::<u32>()) / 4.0;
            prop_assert!(loads.iter().all(|&load| f64::from(load) <= 1.25 * mean + 34.0), "{loads:?}");
        }
    }
}
