//! Bounded load on a loopback listener, through `wrk`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use crate::peer::{Missing, Peer};

/// No run lasts longer, whatever is asked.
const SECONDS_MAX: u64 = 120;

/// No run opens more connections, whatever is asked.
const CONNECTIONS_MAX: u32 = 1_024;

/// The script that makes `wrk` print its figures on one line.
const SCRIPT: &str = include_str!("load.lua");

/// What to send.
#[derive(Clone, Debug)]
pub struct Load {
    /// The path and query of every request.
    pub path: String,
    /// Whole header lines, such as `Host: shop.example`.
    pub headers: Vec<String>,
    /// Connections kept open; one request at a time on each.
    pub connections: u32,
    /// Length of the run in seconds, at most 120.
    pub seconds: u64,
    /// The core that the generator is pinned to.
    pub core: Option<usize>,
}

/// What came back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Answered {
    /// Answers of any status.
    pub requests: u64,
    /// Answers with a status of 400 or more.
    pub refused: u64,
    /// Connections that failed, and answers that never came.
    pub broken: u64,
    /// How long the run took.
    pub took: Duration,
    /// 99 of 100 answers came within this time.
    pub p99: Duration,
}

/// Why a load did not run.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// `wrk` is not installed.
    #[error(transparent)]
    Missing(#[from] Missing),
    /// Load goes to this machine only.
    #[error("{0} is not a loopback address; load goes only to listeners of this machine")]
    Elsewhere(SocketAddr),
    /// The script or the program could not be run.
    #[error("cannot run wrk: {0}")]
    Run(#[from] io::Error),
    /// The program said something else than its figures.
    #[error("wrk gave no figures; it said:\n{0}")]
    NoFigures(String),
}

impl Load {
    /// Sends requests to `target` until the time is over.
    ///
    /// # Errors
    /// When `wrk` is missing or fails, or `target` is not on loopback.
    pub fn run(&self, target: SocketAddr) -> Result<Answered, LoadError> {
        if !target.ip().is_loopback() {
            return Err(LoadError::Elsewhere(target));
        }
        let wrk = Peer::find("wrk")?;
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("load.lua");
        std::fs::write(&script, SCRIPT)?;
        let mut command = self.core.map_or_else(|| wrk.command(), |core| wrk.command_on_core(core));
        command
            .arg("--threads=1")
            .arg(format!("--connections={}", self.connections.clamp(1, CONNECTIONS_MAX)));
        command.arg(format!("--duration={}s", self.seconds.clamp(1, SECONDS_MAX)));
        command.arg("--timeout=5s").arg(format!("--script={}", script.display()));
        for header in &self.headers {
            command.arg(format!("--header={header}"));
        }
        let output = command.arg(format!("http://{target}{}", self.path)).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        figures(&text).ok_or_else(|| LoadError::NoFigures(text + &String::from_utf8_lossy(&output.stderr)))
    }
}

fn figures(text: &str) -> Option<Answered> {
    let line = text.lines().find_map(|line| line.strip_prefix("LOAD "))?;
    let mut numbers = line.split(' ').map(|word| word.parse::<u64>().ok());
    let mut next = || numbers.next().flatten();
    Some(Answered {
        requests: next()?,
        refused: next()?,
        broken: next()?,
        took: Duration::from_micros(next()?),
        p99: Duration::from_micros(next()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn load_never_leaves_this_machine() {
        let load = Load { path: "/".into(), headers: vec![], connections: 1, seconds: 1, core: None };
        let outside = SocketAddr::from(([192, 0, 2, 1], 80));
        assert!(matches!(load.run(outside), Err(LoadError::Elsewhere(address)) if address == outside));
    }

    #[test]
    fn the_line_of_figures_is_found_among_others() {
        let answered = figures("Running 1s test\nLOAD 1200 200 3 1000500 2500\n").expect("a line of figures");
        assert_eq!((answered.requests, answered.refused, answered.broken), (1_200, 200, 3));
        assert_eq!((answered.took.as_micros(), answered.p99.as_micros()), (1_000_500, 2_500));
        assert_eq!(figures("wrk: unable to connect"), None);
    }
}
