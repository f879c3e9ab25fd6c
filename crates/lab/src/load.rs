//! Bounded load on a loopback listener, through `wrk`.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::clock::Stopwatch;
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
    /// Whether it speaks TLS, every connection with a full handshake.
    pub tls: bool,
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
    #[error("cannot run the load generator: {0}")]
    Run(#[from] io::Error),
    /// The program said something else than its figures.
    #[error("the load generator gave no figures; it said:\n{0}")]
    NoFigures(String),
}

impl Load {
    /// Sends requests to `target` until the time is over.
    ///
    /// # Errors
    /// When `wrk` is missing or fails, or `target` is not on loopback.
    pub fn run(&self, target: SocketAddr) -> Result<Answered, LoadError> {
        check_loopback(target)?;
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
        let scheme = if self.tls { "https" } else { "http" };
        let output = command.arg(format!("{scheme}://{target}{}", self.path)).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        figures(&text).ok_or_else(|| LoadError::NoFigures(text + &String::from_utf8_lossy(&output.stderr)))
    }
}

/// Requests over HTTP/2 under TLS, through `h2load`.
#[derive(Clone, Copy, Debug)]
pub struct Load2 {
    /// Connections kept open.
    pub connections: u32,
    /// Requests at a time on each.
    pub streams: u32,
    /// Length of the run in seconds, at most 120.
    pub seconds: u64,
    /// The core that the generator is pinned to.
    pub core: Option<usize>,
}

impl Load2 {
    /// Asks for `/` until the time is over.
    ///
    /// # Errors
    /// As [`Load::run`].
    pub fn run(&self, target: SocketAddr) -> Result<Answered, LoadError> {
        check_loopback(target)?;
        let h2load = Peer::find("h2load")?;
        let mut command = self.core.map_or_else(|| h2load.command(), |core| h2load.command_on_core(core));
        command
            .arg(format!("--clients={}", self.connections.clamp(1, CONNECTIONS_MAX)))
            .arg(format!("--max-concurrent-streams={}", self.streams.clamp(1, 100)))
            .arg(format!("--duration={}", self.seconds.clamp(1, SECONDS_MAX)))
            .arg(format!("https://{target}/"));
        let output = command.output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        figures_of_h2load(&text, self.seconds)
            .ok_or_else(|| LoadError::NoFigures(text + &String::from_utf8_lossy(&output.stderr)))
    }
}

/// Full TLS handshakes one after the other, nothing else, through `openssl s_time`: how many succeeded.
///
/// # Errors
/// As [`Load::run`].
pub fn handshakes(target: SocketAddr, seconds: u64, core: Option<usize>) -> Result<u64, LoadError> {
    check_loopback(target)?;
    let openssl = Peer::find("openssl")?;
    let mut command = core.map_or_else(|| openssl.command(), |core| openssl.command_on_core(core));
    command.args(["s_time", "-new", "-connect", &target.to_string(), "-time"]);
    let output = command.arg(seconds.clamp(1, SECONDS_MAX).to_string()).output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains("real seconds"));
    let count = line.and_then(|line| line.split(' ').next()?.parse().ok());
    count.ok_or_else(|| LoadError::NoFigures(text + &String::from_utf8_lossy(&output.stderr)))
}

/// Connections on which a TLS handshake is begun and which the listener closes without a word: how many.
///
/// # Errors
/// [`LoadError::Elsewhere`], [`LoadError::Run`]; [`LoadError::NoFigures`] when it answers.
pub fn knocks(target: SocketAddr, seconds: u64) -> Result<u64, LoadError> {
    check_loopback(target)?;
    let (begun, length) = (Stopwatch::start(), Duration::from_secs(seconds.clamp(1, SECONDS_MAX)));
    let mut count = 0;
    while begun.elapsed() < length {
        let mut stream = TcpStream::connect(target)?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        // A reset may come before these bytes have left.
        let _sent = stream.write_all(CLIENT_HELLO);
        match stream.read(&mut [0; 64]) {
            Ok(1..) => return Err(LoadError::NoFigures("the listener answered a handshake".to_owned())),
            Ok(0) | Err(_) => count += 1,
        }
    }
    Ok(count)
}

/// The begin of a ClientHello: whoever reads it waits for more.
const CLIENT_HELLO: &[u8] = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03";

fn check_loopback(target: SocketAddr) -> Result<(), LoadError> {
    if target.ip().is_loopback() { Ok(()) } else { Err(LoadError::Elsewhere(target)) }
}

fn figures_of_h2load(text: &str, seconds: u64) -> Option<Answered> {
    let find = |line: &str, word: &str| {
        let line = text.lines().find(|there| there.starts_with(line))?;
        let mut before = "";
        for part in line.split([' ', ',']).filter(|part| !part.is_empty()) {
            if part == word {
                return before.parse::<u64>().ok();
            }
            before = part;
        }
        None
    };
    Some(Answered {
        requests: find("requests:", "done")?,
        refused: find("status codes:", "4xx")? + find("status codes:", "5xx")?,
        broken: find("requests:", "errored")? + find("requests:", "timeout")?,
        took: Duration::from_secs(seconds),
        p99: Duration::ZERO,
    })
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
        let load =
            Load { path: "/".into(), headers: vec![], connections: 1, seconds: 1, core: None, tls: false };
        let outside = SocketAddr::from(([192, 0, 2, 1], 80));
        assert!(matches!(load.run(outside), Err(LoadError::Elsewhere(address)) if address == outside));
        let load2 = Load2 { connections: 1, streams: 1, seconds: 1, core: None };
        assert!(matches!(load2.run(outside), Err(LoadError::Elsewhere(_))));
        assert!(matches!(handshakes(outside, 1, None), Err(LoadError::Elsewhere(_))));
        assert!(matches!(knocks(outside, 1), Err(LoadError::Elsewhere(_))));
    }

    #[test]
    fn h2loads_figures_are_found() {
        let text = "finished in 3.00s\nrequests: 44692 total, 44700 started, 44690 done, 44680 succeeded, 12 failed, 2 errored, 1 timeout\nstatus codes: 44680 2xx, 0 3xx, 8 4xx, 2 5xx\n";
        let answered = figures_of_h2load(text, 3).expect("there are figures");
        assert_eq!((answered.requests, answered.refused, answered.broken), (44_690, 10, 3));
    }

    #[test]
    fn the_line_of_figures_is_found_among_others() {
        let answered = figures("Running 1s test\nLOAD 1200 200 3 1000500 2500\n").expect("a line of figures");
        assert_eq!((answered.requests, answered.refused, answered.broken), (1_200, 200, 3));
        assert_eq!((answered.took.as_micros(), answered.p99.as_micros()), (1_000_500, 2_500));
        assert_eq!(figures("wrk: unable to connect"), None);
    }
}
