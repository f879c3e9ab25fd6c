//! What the gate itself has to say: few lines, however often the same thing happens.

use std::fmt::{self, Write};
use std::io;
use std::panic::Location;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Instant, Timestamp};

use super::ring::{FileRing, StandardError};
use super::writer::{LogCounters, LogWriter};
use crate::clock::{Clock, Now};

/// How much it matters to an admin.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Good to know.
    Info,
    /// Something works less well than it should.
    Warning,
    /// Something does not work, and a person should look.
    Error,
}

impl Severity {
    /// The word in the log.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// The gate's own log: a JSON line in the file, a text line on the standard error stream.
///
/// Each place in the code may say [`LINES_AT_ONCE`] things at once and then one every [`LINE_EVERY_SECONDS`]; the next
/// line tells how many were left out. No caller ever waits or locks.
pub struct Events {
    file: Option<LogWriter>,
    text: LogWriter,
    sites: Box<[CallSite]>,
    clock: Clock,
}

/// Lines of one place in the code after a quiet spell.
pub const LINES_AT_ONCE: u64 = 20;

/// Seconds between further lines of one place in the code.
pub const LINE_EVERY_SECONDS: u64 = 10;

/// Longest message in bytes; the rest is replaced by `…`.
pub const MESSAGE_BYTES_MAX: usize = 1_024;

impl Events {
    pub(super) fn start(bytes_per_second: u64, clock: &Clock, ring: Option<FileRing>) -> io::Result<Self> {
        let text = LogWriter::start("stderr", bytes_per_second, clock.clone(), StandardError)?;
        let file = ring
            .map(|ring| LogWriter::start(super::OWN_LOG, bytes_per_second, clock.clone(), ring))
            .transpose()?;
        Ok(Self::new(file, text, clock.clone()))
    }

    /// The log without a file, for a gate that has no state folder.
    pub fn to_stderr(clock: &Clock) -> io::Result<Self> {
        Self::start(super::OWN_LOG_BYTES_PER_SECOND, clock, None)
    }

    fn new(file: Option<LogWriter>, text: LogWriter, clock: Clock) -> Self {
        let sites = (0..CALL_SITES).map(|_| CallSite::default()).collect();
        Self { file, text, sites, clock }
    }

    /// Good to know. Text from clients must be wrapped in `model::Untrusted`.
    #[track_caller]
    pub fn info(&self, message: fmt::Arguments<'_>) {
        self.say(Severity::Info, message, Location::caller());
    }

    /// Something works less well than it should.
    #[track_caller]
    pub fn warning(&self, message: fmt::Arguments<'_>) {
        self.say(Severity::Warning, message, Location::caller());
    }

    /// Something does not work, and a person should look.
    #[track_caller]
    pub fn error(&self, message: fmt::Arguments<'_>) {
        self.say(Severity::Error, message, Location::caller());
    }

    /// What was written to the file, or to the stream if there is no file.
    pub fn counters(&self) -> LogCounters {
        self.file.as_ref().unwrap_or(&self.text).counters()
    }

    /// Lines left out for coming too often from one place in the code, since the start.
    pub fn left_out(&self) -> u64 {
        self.sites.iter().map(|site| site.left_out_ever.load(Ordering::Relaxed)).sum()
    }

    fn say(&self, severity: Severity, message: fmt::Arguments<'_>, place: &Location<'_>) {
        let now = (self.clock)();
        let Some(left_out) = self.site(place).admit(now.instant) else { return };
        let line = Line { now, severity, message: bounded(message), left_out };
        // A full queue is counted by the log itself.
        self.text.offer(line.text().into_bytes());
        if let Some(file) = &self.file {
            file.offer(line.json().into_bytes());
        }
    }

    /// The cell of a place in the code; places beyond [`CALL_SITES`] share the last one.
    fn site(&self, place: &Location<'_>) -> &CallSite {
        let key = key_of(place);
        let (shared, own) = self.sites.split_last().expect("there are CALL_SITES cells");
        let start = usize::try_from(key % own.len() as u64).expect("a remainder of a usize is a usize");
        let (before, from) = own.split_at(start);
        from.iter().chain(before).find(|site| site.is_of(key)).unwrap_or(shared)
    }
}

/// Places in the code that can speak; there are fewer in the program.
const CALL_SITES: usize = 512;

/// The limit of one place in the code: one moment, that at which its allowance is whole again.
#[derive(Default)]
struct CallSite {
    key: AtomicU64,
    whole_at: AtomicU64,
    left_out: AtomicU64,
    left_out_ever: AtomicU64,
}

impl CallSite {
    /// Whether the cell belongs to a place; a free one is taken.
    fn is_of(&self, key: u64) -> bool {
        match self.key.compare_exchange(0, key, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => true,
            Err(owner) => owner == key,
        }
    }

    /// How many lines were left out before this one; nothing if this one is left out too.
    fn admit(&self, now: Instant) -> Option<u64> {
        const EVERY: u64 = LINE_EVERY_SECONDS * 1_000_000_000;
        let now = now.as_nanos();
        let admitted = self.whole_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |whole_at| {
            let next = whole_at.max(now).saturating_add(EVERY);
            (next <= now.saturating_add(EVERY * LINES_AT_ONCE)).then_some(next)
        });
        if admitted.is_ok() {
            return Some(self.left_out.swap(0, Ordering::Relaxed));
        }
        self.left_out.fetch_add(1, Ordering::Relaxed);
        self.left_out_ever.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// FNV-1a of the place; never zero, which marks a free cell.
fn key_of(place: &Location<'_>) -> u64 {
    let numbers = [place.line().to_le_bytes(), place.column().to_le_bytes()];
    let bytes = place.file().bytes().chain(numbers.into_iter().flatten());
    let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    bytes.fold(0xCBF2_9CE4_8422_2325, mix).max(1)
}

struct Line {
    now: Now,
    severity: Severity,
    message: String,
    left_out: u64,
}

impl Line {
    fn text(&self) -> String {
        let Self { now, severity, message, left_out } = self;
        let more = match left_out {
            0 => String::new(),
            1 => " (1 line like this was left out)".to_owned(),
            _ => format!(" ({left_out} lines like this were left out)"),
        };
        format!("{} {}: {message}{more}\n", time(now.wall), severity.label())
    }

    fn json(&self) -> String {
        let Self { now, severity, message, left_out } = self;
        let message = serde_json::Value::from(message.as_str());
        let more = if *left_out == 0 { String::new() } else { format!(",\"left_out\":{left_out}") };
        let (time, severity) = (time(now.wall), severity.label());
        format!("{{\"time\":\"{time}\",\"severity\":\"{severity}\",\"message\":{message}{more}}}\n")
    }
}

/// RFC 3339 in UTC with milliseconds; a moment beyond the calendar (year 9999) shows as its number.
fn time(at: Timestamp) -> String {
    let millis = i64::try_from(at.as_millis()).unwrap_or(i64::MAX);
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(time) => format!("{time:.3}"),
        Err(_) => format!("@{millis}"),
    }
}

/// The message on one line, cut to its limit.
fn bounded(message: fmt::Arguments<'_>) -> String {
    let mut bounded = Bounded(String::new());
    // An error only says that the limit was reached, or that a value cannot show itself.
    if bounded.write_fmt(message).is_err() {
        bounded.0.push('…');
    }
    bounded.0
}

struct Bounded(String);

impl Write for Bounded {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        let room = MESSAGE_BYTES_MAX - self.0.len();
        let fitting = &part[..part.floor_char_boundary(room)];
        // A line is one line; other control characters are escaped by JSON and by `Untrusted`.
        self.0.extend(fitting.chars().map(|c| if c.is_control() { ' ' } else { c }));
        if fitting.len() < part.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
