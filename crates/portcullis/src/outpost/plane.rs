//! What an outpost's console shows.

use std::sync::Arc;

use console_io::ControlPlane;
use console_io::ctl::{Command, Reply};
use console_io::metrics::{Exposition, catalogue};
use edge_io::Clock;
use probe_io::Prober;
use status_io::Publisher;

use super::held::Held;
use crate::alerts;
use crate::probing::probe_metrics;
use crate::truth::Truth;

/// Metrics, and nothing to command.
pub(super) struct Plane {
    pub(super) prober: Arc<Prober>,
    pub(super) held: Arc<Held>,
    pub(super) truth: Arc<Truth>,
    pub(super) folders: Option<Arc<Publisher>>,
    pub(super) clock: Clock,
}

impl ControlPlane for Plane {
    fn command(&self, _uid: Option<u32>, _command: Command) -> Reply {
        Reply::failed("this is an outpost, which takes no commands: give them to the gate")
    }

    fn metrics(&self) -> String {
        let (mut out, seen) = (Exposition::default(), self.held.seen());
        probe_metrics(&mut out, &self.prober.board(), seen.is_in_touch, seen.outside, self.clock.now());
        let open = u32::try_from(self.truth.open()).unwrap_or(u32::MAX);
        out.gauge(&catalogue::INCIDENT_OPEN, [(["outpost"], f64::from(open))]);
        let targets = self.folders.as_ref().map(|folders| folders.targets()).unwrap_or_default();
        let lag = |target: &status_io::TargetHealth| {
            ([target.name.clone()], target.behind.unwrap_or_default().as_secs_f64())
        };
        out.gauge(&catalogue::PUBLISH_LAG, targets.iter().map(lag));
        out.counter(&catalogue::INCIDENT_SECONDS_LOST, [([] as [&str; 0], self.truth.missed())]);
        alerts::metrics(&mut out, &self.truth.alerted());
        out.finish()
    }

    fn is_healthy(&self) -> bool {
        true
    }

    fn moment(&self) -> incident::Moment {
        incident::Moment { now: self.clock.now(), wall: self.clock.wall() }
    }
}
