//! `portcullis assess`: what an access log says before anything is installed. Who the customers are, what would have
//! been refused in the busiest moments, and a configuration to begin with.

mod hints;
mod line;
mod proposal;
mod reading;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use console_io::ctl::Hint;

pub(crate) use proposal::Assessment;
use reading::Reading;

/// Why a log cannot be assessed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AssessError {
    /// A file cannot be read.
    #[error("cannot read {}: {error}; give the path of an access log (common, combined or JSON lines; uncompressed)", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The operating system's words.
        error: std::io::Error,
    },
    /// No line could be understood.
    #[error(
        "none of the {lines} lines is an access log line that is understood (common, combined or JSON lines); is this the right file?"
    )]
    NoLines {
        /// How many there are.
        lines: u64,
    },
}

/// Reads all logs, in the order given, and assesses them together.
pub(crate) fn assess(paths: &[PathBuf]) -> Result<Assessment, AssessError> {
    Ok(Assessment::of(&read_all(paths, Reading::default())?))
}

/// The customers' addresses that an access log shows, as hints; people sign in at `login` too.
pub(crate) fn hints(path: &Path, login: Option<&str>) -> Result<Vec<Hint>, AssessError> {
    Ok(hints::of(&read_all(&[path.to_owned()], Reading::with_login(login))?))
}

fn read_all(paths: &[PathBuf], mut reading: Reading) -> Result<Reading, AssessError> {
    for path in paths {
        read(path, &mut reading).map_err(|error| AssessError::Read { path: path.clone(), error })?;
    }
    reading.finish();
    if reading.requests() == 0 {
        return Err(AssessError::NoLines { lines: reading.lines() });
    }
    Ok(reading)
}

fn read(path: &Path, reading: &mut Reading) -> std::io::Result<()> {
    let mut input = BufReader::with_capacity(1 << 20, std::fs::File::open(path)?);
    let mut line = Vec::new();
    loop {
        line.clear();
        // A line without an end must not fill the memory.
        let n = std::io::Read::take(&mut input, LINE_READ_MAX).read_until(b'\n', &mut line)?;
        if n == 0 {
            return Ok(());
        }
        reading.add(&String::from_utf8_lossy(&line));
    }
}

const LINE_READ_MAX: u64 = 1 << 20;

#[cfg(test)]
mod tests;
