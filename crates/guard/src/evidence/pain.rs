//! Whether users are hurt or about to be (decision-science, section 5).

use model::Finite;
use serde::{Deserialize, Serialize};

use super::history::History;
use super::metric::{KNOWN, share};
use super::second::{Second, sum};
use super::{Hurt, Pain};

/// What the second before said of the load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Pains {
    /// Seconds on end at or over the bound of utilisation.
    busy: u32,
}

impl Pains {
    /// What hurts in the newest second.
    pub(super) fn judge(&mut self, history: &History, load: Finite) -> Vec<Hurt> {
        let Some(second) = history.last() else { return Vec::new() };
        let mut hurts = Vec::new();
        let mut note = |is_passed: bool, pain, figure, bound| {
            if is_passed {
                hurts.push(Hurt { pain, figure, bound });
            }
        };
        let utilisation = second.limit.map_or(Finite::ZERO, |limit| load / limit);
        self.busy = if utilisation >= UTILISATION { self.busy.saturating_add(1) } else { 0 };
        note(self.busy >= BUSY_SECONDS, Pain::Utilisation, utilisation, UTILISATION);
        let wait = Finite::count(second.queue_wait_ms);
        note(wait > QUEUE_WAIT_MS, Pain::QueueWait, wait, QUEUE_WAIT_MS);
        if let Some(success) = known_success(history) {
            note(success < KNOWN_SUCCESS, Pain::KnownSuccess, success, KNOWN_SUCCESS);
        }
        note(second.connections > CONNECTIONS, Pain::Connections, second.connections, CONNECTIONS);
        note(second.handshake_share > HANDSHAKES, Pain::Handshakes, second.handshake_share, HANDSHAKES);
        note(second.disk_free < DISK_FREE, Pain::Disk, second.disk_free, DISK_FREE);
        hurts
    }

    /// Begins anew.
    pub(super) const fn forget(&mut self) {
        self.busy = 0;
    }
}

/// Share of known clients' requests that were served in the last seconds; those whose client went away do not count.
fn known_success(history: &History) -> Option<Finite> {
    let asked = |second: &Second| sum(&second.offered, KNOWN).saturating_sub(sum(&second.abandoned, KNOWN));
    let all = history.sum(SUCCESS_SECONDS, asked);
    let unserved = history.sum(SUCCESS_SECONDS, |second| sum(&second.unserved, KNOWN)).min(all);
    if all < SUCCESS_REQUESTS_MIN || unserved < UNSERVED_MIN {
        return None;
    }
    share(all - unserved, all)
}

/// Offered load as a share of L that hurts (decision-science, section 5) ...
const UTILISATION: Finite = Finite::new(0.85);
/// ... if it lasts for so many seconds.
const BUSY_SECONDS: u32 = 2;
/// Twice the 20 ms that a request may wait for a slot.
const QUEUE_WAIT_MS: Finite = Finite::new(40.0);
/// Success of known clients that hurts when it is less.
const KNOWN_SUCCESS: Finite = Finite::new(0.98);
/// It is taken over so many seconds ...
const SUCCESS_SECONDS: usize = 3;
/// ... with at least so many requests, of which at least so many were not served: one failure in calm hurts nobody.
const SUCCESS_REQUESTS_MIN: u64 = 20;
const UNSERVED_MIN: u64 = 3;
/// Share of connection slots in use.
const CONNECTIONS: Finite = Finite::new(0.70);
/// Share of the processor time for handshakes.
const HANDSHAKES: Finite = Finite::new(0.60);
/// Free share of the disk.
const DISK_FREE: Finite = Finite::new(0.10);
